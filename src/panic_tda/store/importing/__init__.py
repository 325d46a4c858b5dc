"""Importing the databases of earlier implementations.

A source is recognised by its tables and columns (``eras``), opened read-only (``source``; ``parquet_dump`` for a folder
of Parquet files), and read row by row. What a row holds is decoded without trust (``identifiers``, ``times``,
``values``, ``image_data``, ``vector_data``, and ``diagram_data`` over ``npz`` and ``erlang_terms``): a row that cannot
be used is refused with a reason and the rest goes on. Each experiment is one transaction of the target.
"""
