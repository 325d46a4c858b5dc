"""Programs: stored data, a signature with a strategy, a model and parameters, that runs like a model."""
