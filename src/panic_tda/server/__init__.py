"""The HTTP API: models for clients of OpenAI's shapes and for other laboratories, and experiments."""
