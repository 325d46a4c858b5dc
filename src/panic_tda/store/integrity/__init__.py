"""What can be wrong with a record, and how it is found: one module for each kind of thing, nothing is changed here."""
