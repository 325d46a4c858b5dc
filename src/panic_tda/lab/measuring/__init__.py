"""Measuring a model on this machine, in a process of its own: memory, speed, and which determinism tier holds."""
