"""DSPy over our models: its language-model engine, its Predict and ChainOfThought, and what its optimisers make."""
