"""The executor that runs models in worker processes: what crashes, hangs or leaks there harms nobody else."""

from panic_tda.runtime.process.pool import ProcessExecutor

__all__ = ["ProcessExecutor"]
