"""Refusing rows together with all that hangs on them, and the rows that hang on nothing."""

from __future__ import annotations

from panic_tda.store.importing.tally import shown
from panic_tda.store.importing.work import Work

_DANGLING = (
    ("runs", "experiment_id", "experiments"),
    ("lyapunov_results", "experiment_id", "experiments"),
    ("invocations", "run_id", "runs"),
    ("persistence_diagrams", "run_id", "runs"),
    ("embeddings", "invocation_id", "invocations"),
    ("embedding_clusters", "clustering_result_id", "clustering_results"),
)
_NOUN = {
    "experiment_id": "experiment",
    "run_id": "run",
    "invocation_id": "invocation",
    "clustering_result_id": "clustering",
}


def refuse_experiment(work: Work, key: object, reason: object) -> None:
    """Refuses an experiment and everything of it."""
    work.tally.refuse("experiments", key, reason)
    if not isinstance(key, str):
        return  # nothing can refer to it
    because = f"its experiment {shown(key)} was refused"
    for row in work.source.rows_with("runs", "experiment_id", [key], ("id",)):
        refuse_run(work, row["id"], because)
    for row in work.source.rows_with("lyapunov_results", "experiment_id", [key], ("id",)):
        work.tally.refuse("lyapunov_results", row["id"], because)


def refuse_run(work: Work, key: object, reason: object, *, with_steps: bool = True) -> None:
    """Refuses a run and, unless another run has the same id, everything of it."""
    work.tally.refuse("runs", key, reason)
    if not (with_steps and isinstance(key, str)):
        return
    because = f"its run {shown(key)} was refused"
    for row in work.source.rows_with("invocations", "run_id", [key], ("id",)):
        _refuse_invocation(work, row["id"], because)
    if not work.options.skip_diagrams:
        for row in work.source.rows_with("persistence_diagrams", "run_id", [key], ("id",)):
            work.tally.refuse("persistence_diagrams", row["id"], because)


def _refuse_invocation(work: Work, key: object, reason: object) -> None:
    """Refuses an invocation and its vectors."""
    work.tally.refuse("invocations", key, reason)
    if isinstance(key, str):
        for vector in work.source.rows_with("embeddings", "invocation_id", [key], ("id",)):
            work.tally.refuse("embeddings", vector["id"], f"its invocation {shown(key)} was refused")


def refuse_dangling(work: Work) -> None:
    """Refuses every row that refers to something the source does not have, with all that hangs on it."""
    for table, word, parent in _DANGLING:
        if table == "persistence_diagrams" and work.options.skip_diagrams:
            continue
        for row in work.source.orphans(table, word, parent):
            missing = row[word]
            what = f"the number {missing!r}" if isinstance(missing, (int, float)) else shown(missing)
            reason = f"its {_NOUN[word]} is not in the source: {what}"
            if table == "runs":
                refuse_run(work, row["id"], reason)
            elif table == "invocations":
                _refuse_invocation(work, row["id"], reason)
            else:
                work.tally.refuse(table, row["id"], reason)
