"""Where models run: executors, residency in memory, results."""
