"""Models that run at another panic-tda, which serves them over HTTP."""
