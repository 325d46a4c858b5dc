"""The executor that runs models in worker processes: what crashes, hangs or leaks there harms nobody else."""
