"""Mathematics on arrays: arrays in, named tuples out. Knows nothing of experiments or databases."""
