"""The heart: experiment files, planning and the stages."""
