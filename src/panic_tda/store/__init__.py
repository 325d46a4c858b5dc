"""The record: tables, migrations, queries and frames."""
