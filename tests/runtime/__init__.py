"""Tests of panic_tda.runtime."""
