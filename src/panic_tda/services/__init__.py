"""Models as services, without an experiment: language, and measuring texts."""
