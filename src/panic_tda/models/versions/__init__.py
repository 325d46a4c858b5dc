"""Versions of embedders that were tuned on this machine: ``NAME@3`` never changes, ``NAME@champion`` moves.

``NAME@0`` is the model of the catalogue itself. A version is a folder in the format of sentence-transformers with a
manifest; it counts once it stands in the register, ``versions.json`` in panic-tda's cache folder.
"""
