"""Importing a source: every experiment in one transaction, then the clusterings, then what hangs on nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import Connection

from panic_tda.errors import NotFound
from panic_tda.store.database import Record
from panic_tda.store.importing.clusterings import import_clustering
from panic_tda.store.importing.experiment import import_experiment
from panic_tda.store.importing.parquet_dump import open_dump
from panic_tda.store.importing.refusing import refuse_dangling
from panic_tda.store.importing.source import Row, Source, open_sqlite
from panic_tda.store.importing.tally import Tally
from panic_tda.store.importing.work import Options, Work


def open_source(path: Path) -> AbstractContextManager[Source]:
    """A SQLite file of the Python or the Elixir era, or a folder of Parquet files, opened read-only.

    Raises ``RequestError`` when it is none of these, or missing, locked or damaged.
    """
    return open_dump(path) if path.is_dir() else open_sqlite(path)


def import_source(
    source: Source,
    target: Record,
    options: Options,
    *,
    experiments: Sequence[str] = (),
    dry_run: bool = False,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> Tally:
    """Imports a source; ``experiments`` are ids, prefixes or ``latest``, none for all. Importing again changes nothing.

    ``dry_run`` finds out in one transaction what would happen, and takes it back. ``report`` gets the invocations
    looked at, and all. With chosen experiments the clusterings, which are over all experiments, stay behind. Close the
    tally.
    """
    rows = _chosen(source, experiments)
    with ExitStack() as unless_done:
        tally = unless_done.enter_context(Tally(source.note))
        _import(rows, source, target, options, tally, report, the_rest=not experiments, dry_run=dry_run)
        unless_done.pop_all()
    if experiments and (clusterings := source.count("clustering_results")):
        tally.note += f"{'; ' if tally.note else ''}{clusterings} clusterings, which are over all, stay behind"
    return tally


def _import(
    rows: Sequence[Row],
    source: Source,
    target: Record,
    options: Options,
    tally: Tally,
    report: Callable[[int, int], None],
    *,
    the_rest: bool,
    dry_run: bool,
) -> None:
    total = source.count("invocations")
    done = 0

    def advance(steps: int) -> None:
        nonlocal done
        done += steps
        report(done, total)

    def work(connection: Connection) -> Work:
        return Work(source, connection, tally, options, advance)

    report(0, total)
    with _transactions(target, dry_run=dry_run) as transaction:
        for row in rows:
            with transaction() as connection:
                import_experiment(work(connection), row)
        if the_rest:
            _import_the_rest(source, transaction, work)
    report(total, total)


def _import_the_rest(source: Source, transaction: Transaction, work: Callable[[Connection], Work]) -> None:
    for row in source.rows("clustering_results"):
        with transaction() as connection:
            import_clustering(work(connection), row)
    with transaction() as connection:
        refuse_dangling(work(connection))


Transaction = Callable[[], AbstractContextManager[Connection]]


class _TakenBack(Exception):
    """Ends the transaction of a dry run."""


@contextmanager
def _transactions(target: Record, *, dry_run: bool) -> Iterator[Transaction]:
    """One transaction for each use; in a dry run the same for all, which is taken back at the end."""
    if not dry_run:
        yield target.writing
        return
    try:
        with target.writing() as connection:

            @contextmanager
            def again() -> Iterator[Connection]:
                yield connection

            yield again
            raise _TakenBack
    except _TakenBack:
        pass


def _chosen(source: Source, names: Sequence[str]) -> list[Row]:
    """The rows of the experiments of these ids, prefixes or ``latest``, or of all, in the order of the source."""
    rows = list(source.rows("experiments"))
    if not names:
        return rows
    found = {}
    for name in names:
        if name == "latest" and rows:
            newest = max(rows, key=lambda row: str(row["started_at"] or ""))
            found[newest["id"]] = newest
            continue
        mine = [row for row in rows if isinstance(row["id"], str) and row["id"].startswith(name.lower())]
        exact = [row for row in mine if row["id"] == name.lower()] or mine
        if len(exact) != 1 or not name:
            problem = f"experiment {name!r} is ambiguous" if exact and name else f"there is no experiment {name!r}"
            known = ", ".join(str(row["id"]) for row in rows[:5])
            raise NotFound(f"{problem} in the source", hint=f"the source has {known}")
        found[exact[0]["id"]] = exact[0]
    return list(found.values())
