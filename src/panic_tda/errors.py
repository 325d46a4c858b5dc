"""Every error that panic-tda raises on purpose, and the exit code it means.

PanicError                        1  the work failed
├── RequestError                  2  the request was wrong
│   ├── ConfigurationError           experiment file or settings; carries every issue at once
│   ├── NotFound                     no experiment or run goes by that name
│   │   ├── UnknownModel                no model does; the hint has the nearest names
│   │   ├── SessionNotFound             no session does, or it has ended
│   │   └── ProgramNotFound             no program does; the hint has the nearest names
│   ├── HistoricalModel              an imported experiment is performed; its models are never executed
│   ├── SignatureError               a value or a chain of models of the wrong type
│   ├── InvalidConstraint            a schema, pattern or grammar that no answer can be held to
│   └── IncompatibleVectors          vectors of two models, or of two versions of one, are compared
├── RecordError                   1  the database
│   ├── FutureRecord                 written by a newer panic-tda
│   ├── RecordUnavailable            cannot be opened, or is not a panic-tda database
│   └── RecordBusy                   others perform the experiment, or took it over
├── ModelError                    1  a model, or one item given to it
│   ├── PrerequisiteError            a package, weights or an extra is missing
│   ├── ModelLoadError               weights are there but do not load
│   ├── ModelVersionChanged          an experiment pinned another version
│   ├── InvalidOutput                wrong type, wrong length, not finite, zero vector
│   ├── ModelCallFailed              the model raised
│   ├── EndpointUnavailable          a server that computes models does not answer, and is left alone for a while
│   ├── ConstraintError              no whole answer under a constraint within max_tokens
│   └── InsanePreview                outputs on trial inputs look like rubbish
├── ExecutionError                1  where the model ran
│   ├── InsufficientMemory           the model does not fit the memory budget
│   ├── OutOfMemory                  a batch did not fit; the batch is halved
│   ├── DeviceFault                  an accelerator is of no more use to the process
│   ├── ExecutionTimeout             a model call took longer than call_timeout
│   ├── WorkerCrashed                the process that ran the model died
│   ├── WorkerBusy                   a session insists on a worker that is at work
│   ├── SessionLost                  the worker that a session insists on is gone
│   ├── QueueFull                    too many calls wait already, or too many sessions are open
│   ├── QueueTimeout                 a call waited longer than it may
│   └── ExecutorClosed               a call after close
├── TrainingError                 1  tuning an embedder
│   ├── InsufficientData             the corpus has too few pairs
│   └── TrainingBusy                 another process is tuning an embedder
├── NotWritten                    1  a file could not be written, the disk is full for example
└── TooManyFailures               1  more runs failed than --fail-on-error allows

Ctrl-C, SIGTERM and SIGHUP are no errors: the work ends with the status ``interrupted``, and the command with 130.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar


class PanicError(Exception):
    """Base of all errors raised on purpose.

    ``message`` says what is wrong and with which id, in one line; ``hint`` says what to do.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class RequestError(PanicError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class ConfigurationError(RequestError):
    """An experiment file or a setting is wrong; ``issues`` holds one line for each fault."""

    def __init__(self, issues: Sequence[str], *, hint: str = "") -> None:
        super().__init__("; ".join(issues), hint=hint)
        self.issues = tuple(issues)


class NotFound(RequestError):
    """Nothing goes by that id or name."""


class SessionNotFound(NotFound):
    """No session goes by that id, or it has ended."""


class UnknownModel(NotFound):
    """No model goes by that name; the hint gives the nearest ones."""


class ProgramNotFound(NotFound):
    """No program goes by that name; the hint gives the nearest ones."""


class HistoricalModel(RequestError):
    """The experiment was imported: its models are historical, and are never executed."""


class SignatureError(RequestError):
    """A value, or a chain of models, has the wrong type."""


class InvalidConstraint(RequestError):
    """A schema, pattern or grammar is wrong, or says what cannot be enforced."""


class IncompatibleVectors(RequestError):
    """Vectors of two models, or of two versions of one model, have no common measure."""


class RecordError(PanicError):
    """The database cannot be used as it is."""


class FutureRecord(RecordError):
    """The database was written by a newer panic-tda."""


class RecordUnavailable(RecordError):
    """The database cannot be opened, or is not one of ours."""


class RecordBusy(RecordError):
    """Other processes perform the experiment that is to be changed, or took it over from this one."""


class ModelError(PanicError):
    """A model, or one item given to it, failed."""


class PrerequisiteError(ModelError):
    """A package, an extra or weights are missing."""


class ModelLoadError(ModelError):
    """Weights are there but are damaged or do not load."""


class ModelVersionChanged(ModelError):
    """The experiment pinned another version of the model than the installed one."""


class InvalidOutput(ModelError):
    """A model returned the wrong type or number of outputs, or a vector that is zero or not finite."""


class ModelCallFailed(ModelError):
    """The model raised an exception of its own."""


class EndpointUnavailable(ModelError):
    """A server that computes models did not answer, or failed so often that it is left alone for a while."""


class ConstraintError(ModelError):
    """A constrained answer did not come to an end within its tokens; what there is of it is not handed out."""


class InsanePreview(ModelError):
    """On trial inputs the model made outputs that look like rubbish."""


class ExecutionError(PanicError):
    """The place where the model ran failed."""


class InsufficientMemory(ExecutionError):
    """The model needs more than the memory budget."""


class OutOfMemory(ExecutionError):
    """A batch did not fit in memory."""


class DeviceFault(ExecutionError):
    """An accelerator reported a fault after which it serves this process no more; a fresh one may try again."""


class ExecutionTimeout(ExecutionError):
    """A model call took longer than it may."""


class WorkerCrashed(ExecutionError):
    """The process that ran the model died."""


class WorkerBusy(ExecutionError):
    """A session insists on a worker that is at work."""


class SessionLost(ExecutionError):
    """The worker that a session insists on is gone, and what it knew with it."""


class QueueFull(ExecutionError):
    """As many calls wait, or as many sessions are open, as may."""


class QueueTimeout(ExecutionError):
    """A call waited longer for its turn than it may."""


class ExecutorClosed(ExecutionError):
    """The executor was closed before the call."""


class TrainingError(PanicError):
    """An embedder cannot be tuned."""


class InsufficientData(TrainingError):
    """The corpus has too few pairs to train on, or to hold out."""


class TrainingBusy(TrainingError):
    """Another process is tuning an embedder."""


class NotWritten(PanicError):
    """A file could not be written."""


class TooManyFailures(PanicError):
    """The share of failed runs passed the limit given by ``--fail-on-error``."""


def first_line(fault: BaseException, *, instead: str = "no message", most: int = 300) -> str:
    """The first line of what somebody else's error says, cut to ``most`` characters; ``instead`` of nothing."""
    return (str(fault).strip().splitlines() or [instead])[0][:most]


def make_folder(path: Path) -> None:
    """Makes a folder and those above it; raises ``NotWritten`` when the machine refuses."""
    with naming_the_file(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def naming_the_file(path: object) -> Iterator[None]:
    """Whatever the machine refuses while a file is written becomes ``NotWritten`` with the name of that file.

    The system does not name it when a disk is full, and libraries have errors of their own for that.
    """
    try:
        yield
    except PanicError:
        raise
    except Exception as fault:
        if not isinstance(fault, OSError) and "os error" not in str(fault):
            raise
        reason = getattr(fault, "strerror", None) or str(fault)
        full = "no space left" in reason.lower() or "too large" in reason.lower()
        hint = "make room on its disk, or write it to another one" if full else "check the path and its permissions"
        raise NotWritten(f"{path}: {reason}", hint=hint) from fault
