"""Models: the catalogue, and one file for each family."""
