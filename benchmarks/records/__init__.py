"""Records that benchmarks begin with."""
