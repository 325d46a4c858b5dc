"""Tuning an embedder on a corpus of one's own: pairs, training, evaluation, the gate, a new version."""
