"""Programs for Python users and the command line: a record, and where models run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from panic_tda.lab.preflight import preflight
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec
from panic_tda.programs import stored
from panic_tda.programs.conversing import ask_through, conversation_spec, keeps_schemas
from panic_tda.programs.definition import Definition
from panic_tda.programs.fields import Value
from panic_tda.programs.parameters import complete
from panic_tda.programs.running import ProgramRun, run
from panic_tda.programs.stored import Program
from panic_tda.runtime.executor import Executor
from panic_tda.settings import Settings
from panic_tda.store.database import Record

if TYPE_CHECKING:
    import dspy


class Programs:
    """The programs of a record. Models stay in memory from one run to the next, until it is closed.

    Use it as a context manager, or close it. ``executor`` is where models run, in place of what the settings name.
    """

    def __init__(self, record: Record, *, settings: Settings | None = None, executor: Executor | None = None) -> None:
        self._record, self._settings, self._given = record, settings, executor
        self._open = ExitStack()
        self._bench: Executor | None = None

    def create(self, name: str, definition: Definition | Mapping[str, Any], *, replace: bool = False) -> ModelSpec:
        """Checks and stores a program: signature, strategy, model, parameters. ``replace`` one of that name.

        Returns its entry as a model. Raises ``SignatureError``, ``ConfigurationError``, ``UnknownModel`` or
        ``RequestError``.
        """
        checked = definition if isinstance(definition, Definition) else Definition.from_json(definition)
        with self._record.writing() as connection:
            return stored.create_program(connection, name, checked, replace=replace)

    def run(self, name: str, /, *, seed: int = 0, **inputs: Value) -> ProgramRun:
        """Runs a program on inputs by name; an input called ``seed`` goes through :meth:`run_on`."""
        return self.run_on(name, inputs, seed=seed)

    def run_on(self, name: str, inputs: Mapping[str, Value], *, seed: int = 0) -> ProgramRun:
        """Runs a program; raises ``ProgramNotFound``, ``SignatureError`` before any model is called, ``ModelError``."""
        executor, spec = self._executor, self.entry(name)
        preflight({spec.name: spec}, executor)
        return run(executor, spec, inputs, seed=seed)

    def entry(self, name: str) -> ModelSpec:
        """The entry of a stored program as a model; raises ``ProgramNotFound``."""
        with self._record.reading() as connection:
            return stored.spec_of(connection, name)

    def get(self, name: str) -> Program:
        """A stored program; raises ``ProgramNotFound``."""
        with self._record.reading() as connection:
            return stored.find_program(connection, name)

    def list(self) -> list[Program]:
        """Every stored program, by name."""
        with self._record.reading() as connection:
            return stored.list_programs(connection)

    def delete(self, name: str) -> None:
        """Deletes a program; raises ``ProgramNotFound``. Experiments that were begun with it keep its definition."""
        with self._record.writing() as connection:
            stored.delete_program(connection, name)

    def language_model(self, name: str, *, seed: int = 0, **parameters: Any) -> dspy.LM:
        """DSPy's language model over a model of ours, for its optimisers: ``dspy.context(lm=…)``.

        Raises ``UnknownModel``, or ``ConfigurationError`` for parameters that the model does not have.
        """
        from panic_tda.programs.dspy_bridge.engine import Engine, language_model

        part = find(name)
        executor = self._executor
        preflight({name: conversation_spec(part)}, executor)
        engine = Engine(
            ask_through(executor, part),
            complete("predict", parameters, part),
            seed,
            keeps_schemas=keeps_schemas(executor, part),
        )
        return language_model(name, engine)

    def close(self) -> None:
        """Frees the models."""
        self._bench = None
        self._open.close()

    def __enter__(self) -> Programs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _executor(self) -> Executor:
        if self._bench is None:
            from panic_tda.lab.laboratory import open_bench  # which knows every stage, and takes a second to import

            bench = open_bench(self._record, self._settings, executor=self._given)
            self._bench = self._open.enter_context(bench).executor
        return self._bench
