"""A tuning in a process of its own, which ends with the one that started it."""
