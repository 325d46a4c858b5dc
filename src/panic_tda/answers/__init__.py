"""What people ask about an experiment, answered: the record in, tables and sentences out.

Each room of the analysis has a module here. It takes :class:`~panic_tda.answers.evidence.Evidence` (the frames and
trajectories of one or several experiments), calls the functions on arrays of :mod:`panic_tda.analysis`, and returns an
:class:`~panic_tda.answers.answer.Answer`. Figures of answers are drawn in ``panic_tda.figures.answers``.
"""
