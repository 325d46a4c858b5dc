"""Tests of panic_tda.store."""
