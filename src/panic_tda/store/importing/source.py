"""A database of an earlier implementation, opened read-only and read as a stream of rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from panic_tda.errors import RequestError
from panic_tda.store.importing.eras import OF_SQLITE, Era
from panic_tda.store.importing.values import OVERSIZE
from panic_tda.store.statements import chunks

Row = Mapping[str, Any]

_MAGIC = b"SQLite format 3\0"
_WANTED = "name a SQLite file, or a folder of Parquet files"
_OURS = {"outputs", "stage_progress"}
_LARGEST_VALUE = 256_000_000
_LARGEST = {"output_text": 4_000_000, "output_image": 64_000_000, "vector": 1_000_000}
_LARGEST |= dict.fromkeys(("diagram_data", "lyapunov_data", "clusters"), 64_000_000)
_LARGEST |= dict.fromkeys(("networks", "network", "seeds", "prompts", "prompt", "embedding_models"), 16_000_000)
_LARGEST |= {"parameters": 1_000_000}


class Source:
    """Rows as mappings from the era's words to values; a column that is not there gives None.

    A value longer than what is ever read gives a text that begins with ``OVERSIZE``. A text that is not valid UTF-8 has
    lone surrogates. ``exists`` tells which tables are there, and ``note`` what is to be said of the source.
    """

    def __init__(self, connection: sqlite3.Connection, era: Era, there: Mapping[str, Sequence[str]]) -> None:
        self.era = era
        self.note = ""
        self._connection = connection
        self._tables = {
            logical: (table, self._columns(columns, there[table]))
            for logical, (table, columns) in era.tables.items()
            if table in there
        }
        self._looked_up: dict[tuple[str, str], str] = {}

    @staticmethod
    def _columns(columns: Mapping[str, tuple[str, ...]], there: Sequence[str]) -> dict[str, str]:
        found = {word: next((name for name in names if name in there), "") for word, names in columns.items()}
        return {word: name for word, name in found.items() if name}

    def exists(self, table: str, *words: str) -> bool:
        """Whether the table is there, with columns for these words."""
        return table in self._tables and set(words) <= self._tables[table][1].keys()

    def count(self, table: str) -> int:
        """Rows of a table."""
        if table not in self._tables:
            return 0
        return int(self._connection.execute(f'SELECT count(*) FROM "{self._tables[table][0]}"').fetchone()[0])

    def rows(
        self, table: str, words: Sequence[str] = (), *, where: str = "", given: Sequence[Any] = ()
    ) -> Iterator[Row]:
        """Rows of a table, or only some words of them; in ``where``, ``{word}`` stands for a column."""
        if table not in self._tables:
            return
        name, columns = self._tables[table]
        chosen = {word: columns[word] for word in (words or columns) if word in columns}
        picked = ", ".join(f'{_bounded(word, column)} AS "{word}"' for word, column in chosen.items())
        test = f" {where.format(**{word: _quoted(column) for word, column in columns.items()})}" if where else ""
        nothing = dict.fromkeys(words or self.era.tables[table][1])
        with closing(self._connection.execute(f'SELECT {picked} FROM "{name}" AS here{test}', tuple(given))) as found:
            for values in found:
                yield nothing | dict(zip(chosen, values, strict=True))

    def rows_with(self, table: str, word: str, keys: Sequence[str], words: Sequence[str] = ()) -> Iterator[Row]:
        """The rows that have one of these texts under a word, found through an index."""
        if not self.exists(table, word):
            return
        index = self._index(table, word)
        for piece in chunks(keys):
            marks = ", ".join("?" * len(piece))
            test = f"{{{word}}} IN ({marks}) AND typeof({{{word}}}) = 'text'"
            if index:
                test = f"here.rowid IN (SELECT place FROM temp.{index} WHERE value IN ({marks}))"
            yield from self.rows(table, words, where=f"WHERE {test}", given=piece)

    def sizes(self, table: str, data: str, name: str, word: str, keys: Sequence[str]) -> Iterator[tuple[Any, int, int]]:
        """(``name``, bytes of ``data``, number of rows) of the rows that have one of these texts under a word."""
        if not keys or not self.exists(table, data, name, word):
            return
        table_name, columns = self._tables[table]
        index = self._index(table, word)
        for piece in chunks(keys):
            marks = ", ".join("?" * len(piece))
            test = f"{_quoted(columns[word])} IN ({marks})"
            if index:
                test = f"here.rowid IN (SELECT place FROM temp.{index} WHERE value IN ({marks}))"
            size = f"CASE typeof({_quoted(columns[data])}) WHEN 'blob' THEN length({_quoted(columns[data])}) END"
            query = f'SELECT {_quoted(columns[name])}, {size}, count(*) FROM "{table_name}" AS here WHERE {test}'
            yield from self._connection.execute(f"{query} GROUP BY 1, 2", tuple(piece)).fetchall()

    def orphans(self, table: str, word: str, parent: str) -> Iterator[Row]:
        """``id`` and ``word`` of the rows whose parent is not there, or not known by a text."""
        if not self.exists(table, word):
            return
        if parent not in self._tables:
            yield from self.rows(table, ("id", word))
            return
        parent_name, parent_columns = self._tables[parent]
        same = f'above."{parent_columns["id"]}" = {{{word}}} AND typeof(above."{parent_columns["id"]}") = \'text\''
        lost = f'NOT EXISTS (SELECT 1 FROM "{parent_name}" AS above WHERE {same})'
        yield from self.rows(table, ("id", word), where=f"WHERE typeof({{{word}}}) <> 'text' OR {lost}")

    def _index(self, table: str, word: str) -> str:
        """The name of a lookup table made for a column without an index; empty where there is one."""
        if (table, word) not in self._looked_up:
            name, columns = self._tables[table]
            lookup = "" if self._has_index(name, columns[word]) else f"lookup_{table}_{word}"
            if lookup:
                column = _quoted(columns[word])
                self._connection.execute(
                    f'CREATE TEMP TABLE {lookup} AS SELECT {column} AS value, here.rowid AS place FROM "{name}" AS here'
                    f" WHERE typeof({column}) = 'text'"
                )
                self._connection.execute(f"CREATE INDEX temp.{lookup}_value ON {lookup} (value)")
            self._looked_up[table, word] = lookup
        return self._looked_up[table, word]

    def _has_index(self, table: str, column: str) -> bool:
        keys = {row[1]: row[5] for row in self._connection.execute(f'PRAGMA table_info("{table}")')}
        first = [
            self._connection.execute(f'PRAGMA index_info("{row[1]}")').fetchone()[2]
            for row in self._connection.execute(f'PRAGMA index_list("{table}")').fetchall()
            if not row[4]
        ]
        return keys.get(column) == 1 or column in first


@contextmanager
def open_sqlite(path: Path, eras: Sequence[Era] = OF_SQLITE) -> Iterator[Source]:
    """The database at a path, as it is at this moment.

    Raises ``RequestError`` for what is missing, locked, damaged, or no database of an earlier implementation.
    """
    _check_file(path)
    with _faults_named(path), closing(_connected(path)) as connection:
        there = _there(connection)
        era = next((each for each in eras if each.recognises(there)), None)
        if era is None or there.keys() >= _OURS:
            raise _foreign(path, there)
        yield Source(connection, era, there)


def _connected(path: Path) -> sqlite3.Connection:
    # What nobody has open but was left in WAL mode would get files beside it even when it is only read.
    mode = "immutable=1" if _is_wal(path) and not Path(f"{path}-wal").exists() else "mode=ro"
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=2, isolation_level=None)
    try:
        connection.text_factory = _decoded
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "temp_store=FILE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as opened:
            begins = opened.read(len(_MAGIC))
    except OSError as fault:
        raise RequestError(
            f"{path}: {fault.strerror}", hint="name a SQLite file, or a folder of Parquet files"
        ) from fault
    if begins != _MAGIC:
        raise RequestError(f"{path} is no SQLite database", hint="name a SQLite file, or a folder of Parquet files")


def _is_wal(path: Path) -> bool:
    with path.open("rb") as opened:
        return opened.read(20)[18:20] == b"\x02\x02"


def _there(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns of each real table; views and virtual tables are none."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    names = [row[0] for row in connection.execute(query) if '"' not in row[0]]
    return {name: [row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')] for name in names}


def _foreign(path: Path, there: Mapping[str, Sequence[str]]) -> RequestError:
    if there.keys() >= _OURS:
        hint = f"copy its experiments: panic-tda --db {path} export db ID --out DATABASE"
        return RequestError(f"{path} is a record of this panic-tda, not of an earlier one", hint=hint)
    listed = ", ".join(sorted(there)[:6]) or "no tables at all"
    return RequestError(
        f"{path} is not a database of an earlier panic-tda: it has {listed}",
        hint="a database of the Python era has experimentconfig, run and invocation; docs/importing.md says more",
    )


@contextmanager
def _faults_named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as fault:
        raise RequestError(f"{path}: {fault}", hint=_remedy(str(fault))) from fault


def _remedy(reason: str) -> str:
    if "locked" in reason:
        return "another program writes to it; import when it has ended"
    if "malformed" in reason or "not a database" in reason:
        return "the file is damaged; salvage it first: sqlite3 DAMAGED .recover | sqlite3 SALVAGED"
    return "check that the file can be read"


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _quoted(column: str) -> str:
    doubled = column.replace('"', '""')
    return f'here."{doubled}"'


def _bounded(word: str, column: str) -> str:
    """A column whose long values are replaced by their size."""
    name = _quoted(column)
    if word not in _LARGEST:
        return name
    size = f"CASE typeof({name}) WHEN 'blob' THEN length({name}) ELSE length(CAST({name} AS BLOB)) END"
    return f"CASE WHEN {size} > {_LARGEST[word]} THEN char(0) || '{OVERSIZE[1:]}' || ({size}) ELSE {name} END"
