"""Tests of the command line, as its users and scripts see it."""
