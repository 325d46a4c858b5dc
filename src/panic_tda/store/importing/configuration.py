"""Experiments and runs of a source, read from their rows."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, NamedTuple

from panic_tda.content import Text
from panic_tda.store.importing import values
from panic_tda.store.importing.identifiers import identifier
from panic_tda.store.importing.source import Row
from panic_tda.store.importing.tally import Refusal
from panic_tda.store.importing.times import moment_if_any
from panic_tda.store.importing.work import Work

Nodes = list[dict[str, Any]]
"""A network as the record holds it: models with their parameters."""

IMAGES_BY = "images_by"
"""The parameter that names the maker of the images in a network of which only the texts are left."""


class SourceExperiment(NamedTuple):
    """What an experiment was configured to be."""

    id: str
    networks: list[Nodes]
    prompts: list[str]
    seeds: list[int]
    embedders: list[str]
    max_length: int
    started_at: datetime | None
    completed_at: datetime | None


class SourceRun(NamedTuple):
    """A run before it has a place among its equals; ``number`` where the source says one."""

    id: str
    network: Nodes
    network_id: str
    prompt: Text
    seed: int
    number: int | None
    max_length: int


def read_experiment(work: Work, row: Row) -> SourceExperiment:
    """The experiment of a row; raises ``Refusal``."""
    seeds = [-1] if row["seeds"] is None else values.parsed(row["seeds"], "its seeds")
    if not isinstance(seeds, list) or not seeds:
        raise Refusal("its seeds are no list")
    return SourceExperiment(
        id=identifier(row["id"], work.source.era.id_form),
        networks=_networks(row["networks"]),
        prompts=values.texts(values.parsed(row["prompts"], "its prompts"), "its prompts"),
        seeds=list(dict.fromkeys(values.seed(each, "one of its seeds") for each in seeds)),
        embedders=_embedders(row["embedding_models"]),
        max_length=values.whole(row["max_length"], "its max_length", least=1),
        started_at=moment_if_any(row["started_at"], work.zone, "its start"),
        completed_at=moment_if_any(row["completed_at"], work.zone, "its end"),
    )


def _networks(value: object) -> list[Nodes]:
    networks = values.parsed(value, "its networks")
    if not isinstance(networks, list) or not networks:
        raise Refusal("its networks are no list")
    return [nodes(each, "one of its networks") for each in networks]


def nodes(listed: object, what: str) -> Nodes:
    """A network from a list of names; the parameters of historical models are not known."""
    if not isinstance(listed, list) or not listed:
        raise Refusal(f"{what} is no list of names")
    return [_node(each, what) for each in listed]


def _node(value: object, what: str) -> dict[str, Any]:
    if isinstance(value, dict) and value.keys() == {"model", IMAGES_BY}:
        parameters = {IMAGES_BY: values.name(value[IMAGES_BY], what)}
        return {"model": values.name(value["model"], what), "parameters": parameters}
    return {"model": values.name(value, what), "parameters": {}}


def _embedders(value: object) -> list[str]:
    embedders = values.parsed(value, "its embedding_models")
    return values.names(embedders, "its embedding_models") if embedders != [] else []


def read_run(work: Work, row: Row, experiment: SourceExperiment) -> SourceRun:
    """The run of a row; raises ``Refusal``."""
    key = identifier(row["id"], work.source.era.id_form)
    network = nodes(values.parsed(row["network"], "its network"), "its network")
    number = row["run_number"]
    longest = row["max_length"] if row["max_length"] is not None else experiment.max_length
    return SourceRun(
        id=key,
        network=network,
        network_id=network_key(network),
        prompt=Text(values.text(row["prompt"], "its prompt")),
        seed=values.seed(row["seed"]),
        number=None if number is None else values.whole(number, "its number"),
        max_length=values.whole(longest, "its max_length", least=1),
    )


def network_key(network: Nodes) -> str:
    """The id that a network has in every record: the SHA-256 of its canonical JSON."""
    canonical = json.dumps(network, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
