"""The shape of an experiment file, as pydantic models: for reading it, and for its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

MAX_SEED = 2**31 - 1
MAX_DIMENSION = 3
Seed = Annotated[int, Field(ge=-1, le=MAX_SEED)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class NodeConfig(BaseModel):
    """A model with parameters."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    model: str


class ImagePrompt(_Strict):
    """An image as the start of a run."""

    image: str = Field(min_length=1, description="Path of an image file, relative to the experiment file.")
    sha256: str | None = Field(default=None, description="Identity of its pixels; filled in by the record.")


class ProgramConfig(_Strict):
    """A program that networks may name like a model."""

    signature: str = Field(description="Inputs and outputs, for instance text -> summary.")
    strategy: str = Field(description="direct, template, predict, chain_of_thought or pipeline.")
    model: str = Field(description="Name of the model; of a pipeline, models and programs with commas between.")
    parameters: dict[str, Any] = Field(default={}, description="Of the strategy and the model, and further inputs.")


class DiagramsStage(_Strict):
    """How persistence diagrams are computed."""

    max_dim: int = Field(default=2, ge=0, le=MAX_DIMENSION, description="Highest homology dimension.")
    max_points: int = Field(
        default=2000,
        ge=10,
        le=100_000,
        description="For H2 and above: with more distinct points than this, landmarks stand for the rest.",
    )


class NoiseTwins(_Strict):
    """Runs in which one invocation has another seed."""

    count: int = Field(default=1, ge=1, le=1_000, description="Noise twins of each run.")
    step: int = Field(default=0, ge=0, le=999_999, description="Sequence number of the invocation with another seed.")


class PromptTwins(_Strict):
    """Runs that start from a prompt with a few characters or pixels changed."""

    count: int = Field(default=1, ge=1, le=1_000, description="Prompt twins of each run, for each number of changes.")
    changes: list[Annotated[int, Field(ge=1, le=100_000)]] = Field(
        default=[1], min_length=1, description="How many letters and digits of a text, or pixels of an image, change."
    )


class Twins(_Strict):
    """Runs that repeat each run with one thing changed."""

    noise: NoiseTwins | None = None
    prompt: PromptTwins | None = None

    @property
    def of_each_run(self) -> int:
        """How many twins a run has."""
        noise = self.noise.count if self.noise else 0
        return noise + (self.prompt.count * len(self.prompt.changes) if self.prompt else 0)


def _by_type(value: Any) -> str:
    return "object" if isinstance(value, (dict, BaseModel)) else "plain"


TAGS = ("object", "plain")
"""What pydantic inserts into error paths for the unions below."""

NodeEntry = Annotated[
    Annotated[str, Tag("plain")] | Annotated[NodeConfig, Tag("object")],
    Discriminator(_by_type),
]
PromptEntry = Annotated[
    Annotated[str, Field(min_length=1), Tag("plain")] | Annotated[ImagePrompt, Tag("object")],
    Discriminator(_by_type),
]
DiagramsEntry = Annotated[
    Annotated[bool, Tag("plain")] | Annotated[DiagramsStage, Tag("object")],
    Discriminator(_by_type),
]


class Stages(_Strict):
    """Which stages run after generating and embedding."""

    diagrams: DiagramsEntry = True
    lyapunov: bool = Field(
        default=False, description="How fast runs that differ in their seed alone move apart, for each prompt."
    )


class ExperimentConfig(_Strict):
    """An experiment: networks × prompts × seeds × run numbers, and twins of these runs."""

    networks: list[Annotated[list[NodeEntry], Field(min_length=1)]] = Field(
        min_length=1, description="Cyclic lists of models; each takes what the one before makes."
    )
    programs: dict[str, ProgramConfig] | None = Field(
        default=None, description="Programs that the networks name, by name; others are those of the record."
    )
    prompts: list[PromptEntry] = Field(min_length=1, description="Where runs start: texts, or images by path.")
    seeds: list[Seed] = Field(
        default=[-1], min_length=1, description="A fixed seed makes a run deterministic; -1 draws one for each call."
    )
    num_runs: int = Field(default=1, ge=1, le=100_000, description="Repeats of each (network, prompt, seed).")
    twins: Twins | None = Field(default=None, description="Runs that repeat each run with one thing changed.")
    embedding_models: list[str] = Field(min_length=1, description="Models that measure the outputs.")
    max_length: int = Field(ge=1, le=1_000_000, description="Invocations after which a run stops.")
    stages: Stages = Stages()

    @property
    def diagrams(self) -> DiagramsStage | None:
        """How diagrams are computed, or None when they are switched off."""
        entry = self.stages.diagrams
        if isinstance(entry, DiagramsStage):
            return entry
        return DiagramsStage() if entry else None


def config_schema(programs: Iterable[str] = ()) -> dict[str, Any]:
    """The JSON Schema of an experiment file, with the names of the models on this machine, and of these programs."""
    from panic_tda.models.catalogue import catalogue

    schema = ExperimentConfig.model_json_schema()
    generators = [spec.name for spec in catalogue().values() if spec.signature.is_generator] + list(programs)
    embedders = [spec.name for spec in catalogue().values() if not spec.signature.is_generator]
    properties = schema["properties"]
    properties["embedding_models"]["items"]["enum"] = embedders
    node = properties["networks"]["items"]["items"]
    for choice in node["oneOf"]:
        if choice.get("type") == "string":
            choice["enum"] = generators
    schema["$defs"]["NodeConfig"]["properties"]["model"]["enum"] = generators
    properties["network"] = properties["networks"]["items"] | {"description": "Short for a single network."}
    schema["required"] = [name for name in schema["required"] if name != "networks"]
    schema["oneOf"] = [{"required": ["networks"]}, {"required": ["network"]}]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "panic-tda experiment"
    return schema
