"""What a tuning file says: the model, the corpus, how to train, and when a candidate is good enough."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from panic_tda.content import text_fault
from panic_tda.errors import ConfigurationError
from panic_tda.training.code import LANGUAGES, Language

ADAPTER_FROM = 1_000_000_000
"""Models of this many parameters learn through an adapter, unless told otherwise."""

_Chosen = TypeVar("_Chosen", bound="Selection")


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _nameable(path: str) -> str:
    if text_fault(path):
        raise PydanticCustomError("path", "Input should be a path: no file has such a name")
    return path


FilePath = Annotated[str, AfterValidator(_nameable)]


class Trajectories(_Strict):
    """Pairs from runs in the record."""

    experiments: list[str] = Field(min_length=1, description="Ids, unambiguous prefixes, or latest.")
    apart: int = Field(default=1, ge=1, le=10_000, description="How many texts of the run lie between the two, plus 1.")


class Corpus(_Strict):
    """Where pairs come from."""

    code: list[FilePath] = Field(default=[], description="Folders of source code, relative to the file.")
    languages: list[Language] = Field(
        default=list(LANGUAGES), min_length=1, description="Languages that are read in these folders."
    )
    stdlib: bool = Field(default=False, description="Whether the standard library of Python belongs to the corpus.")
    trajectories: Trajectories | None = Field(default=None, description="Pairs from runs in the record.")
    pairs: list[FilePath] = Field(default=[], description="JSONL files of pairs, relative to the file.")
    dataset: FilePath | None = Field(default=None, description="Folder made by `finetune pairs`; then nothing else.")

    @property
    def is_empty(self) -> bool:
        """Whether no pair can come of it."""
        return not (self.code or self.stdlib or self.trajectories or self.pairs or self.dataset)


class Selection(_Strict):
    """How many pairs are needed and used, and how they are split."""

    corpus: Corpus
    min_pairs: int = Field(default=200, ge=1, le=100_000_000, description="With fewer pairs nothing is done.")
    held_out: float = Field(default=0.2, gt=0.0, lt=1.0, description="Share of the sources that is held out.")
    max_train: int | None = Field(default=None, ge=1, description="Train on at most so many pairs.")
    max_held_out: int | None = Field(default=1000, ge=10, description="Evaluate on at most so many pairs.")


def _number(value: object) -> object:
    """YAML takes 2e-5, without a point, for a text."""
    if isinstance(value, str):
        with suppress(ValueError):
            return float(value)
    return value


class Training(_Strict):
    """How to train."""

    epochs: int = Field(default=1, ge=1, le=1_000, description="How often each pair is seen.")
    batch_size: int = Field(default=32, ge=2, le=65_536, description="Pairs that are contrasted with each other.")
    max_tokens: int = Field(
        default=64, ge=8, le=1_000_000, description="Tokens of a text that are trained on; measured is with all of it."
    )
    dropout: float = Field(
        default=0.0, ge=0.0, lt=1.0, description="Share of the network that is left out at random in each step; slower."
    )
    learning_rate: Annotated[float, BeforeValidator(_number)] = Field(
        default=2e-5, gt=0.0, le=1.0, description="Its highest value."
    )
    warmup: float = Field(default=0.1, ge=0.0, lt=1.0, description="Share of the steps in which the rate rises to it.")
    hard_negatives: int = Field(default=0, ge=0, le=100, description="Mined for each pair: near, but not its own.")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Of everything that is drawn.")
    adapter: Literal["auto", "always", "never"] = Field(
        default="auto", description="Low-rank adapters; auto: from 1 B parameters."
    )
    lora_rank: int = Field(default=16, ge=1, le=1_024, description="Rank of an adapter's matrices.")
    checkpoint_steps: int = Field(default=500, ge=1, le=1_000_000, description="Steps from checkpoint to checkpoint.")

    def uses_adapter(self, parameters: int) -> bool:
        """Whether a model of so many parameters learns through an adapter."""
        return self.adapter == "always" or (self.adapter == "auto" and parameters >= ADAPTER_FROM)


class Gate(_Strict):
    """When a candidate is good enough."""

    general_drop: float = Field(default=0.01, ge=0.0, le=1.0, description="nDCG@10 it may lose on the general set.")
    level: float = Field(default=0.95, gt=0.0, lt=1.0, description="Of the intervals.")
    resamples: int = Field(default=2000, ge=100, le=1_000_000, description="Of the bootstrap.")


class TuningConfig(Selection):
    """A tuning file."""

    model: Annotated[str, Field(min_length=1, description="The embedder to tune; always from its base version.")]
    training: Training = Training()
    gate: Gate = Gate()


def validate_tuning(data: Mapping[str, Any], *, folder: Path) -> TuningConfig:
    """The file's content, checked; paths become absolute, those relative to ``folder``.

    Raises ``ConfigurationError`` with one line for each fault.
    """
    return _checked(TuningConfig, data, folder)


def checked_selection(data: Mapping[str, Any], *, folder: Path) -> Selection:
    """The part of a tuning file that says which pairs there are; raises as :func:`validate_tuning` does."""
    return _checked(Selection, data, folder)


def _checked(kind: type[_Chosen], data: Mapping[str, Any], folder: Path) -> _Chosen:
    try:
        chosen = kind.model_validate(dict(data))
    except ValidationError as fault:
        raise ConfigurationError([_line(error) for error in fault.errors(include_url=False)]) from None
    return chosen.model_copy(update={"corpus": _checked_corpus(chosen.corpus, folder)})


def _checked_corpus(corpus: Corpus, folder: Path) -> Corpus:
    """The corpus with absolute paths; raises ``ConfigurationError`` for one that is empty, or is two things at once."""
    if corpus.is_empty:
        raise ConfigurationError(
            ["corpus: names no source of pairs"], hint="code, stdlib, trajectories, pairs or dataset"
        )
    if corpus.dataset and corpus.model_copy(update={"dataset": None}) != Corpus(languages=corpus.languages):
        raise ConfigurationError(["corpus: give dataset, or sources to make one from, not both"])
    absolute = {
        "code": [_absolute(path, folder) for path in corpus.code],
        "pairs": [_absolute(path, folder) for path in corpus.pairs],
        "dataset": _absolute(corpus.dataset, folder) if corpus.dataset else None,
    }
    return corpus.model_copy(update=absolute)


def _absolute(path: str, folder: Path) -> str:
    return str((folder / Path(path).expanduser()).absolute())


def _line(error: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).removeprefix(".")
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        return f"{place}: unknown key"
    if kind == "missing":
        return f"{place}: is required"
    said = message.replace("Input should", "should").replace("valid dictionary or instance of ", "mapping: ")
    return " ".join(f"{place}: {said[0].lower()}{said[1:]}, not {repr(error['input'])[:60]}".split())
