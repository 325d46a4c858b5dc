"""panic-tda: a laboratory for feedback loops of generative models."""

__version__ = "0.1.0"
