"""Systems whose answer is known, one module for each room of the analysis; ``benchmarks/truth.py`` prints them all."""
