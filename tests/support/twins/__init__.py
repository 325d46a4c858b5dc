"""Tiny twins: checkpoints with the classes and the file layout of the published ones, and small random weights.

Each module builds one with ``build(folder)``. They teach nothing about what a model paints or says; they show that our
code loads, runs and batches it. Nothing is fetched.
"""
