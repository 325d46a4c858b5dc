"""A pool of workers with one queue and one memory budget; its workers are processes, or actors of a cluster."""
