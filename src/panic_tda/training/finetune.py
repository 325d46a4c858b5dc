"""Tuning an embedder: corpus, training, evaluation, gate, version. Doing it twice is doing it once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from panic_tda.analysis.bootstrap import Interval
from panic_tda.errors import RequestError
from panic_tda.models.catalogue import find
from panic_tda.models.model import ModelSpec, Placement
from panic_tda.models.repositories import identity, library_versions
from panic_tda.models.torch_place import computing, quiet
from panic_tda.models.torch_sentence.embedding import prompt_of
from panic_tda.models.torch_sentence.tunable import check_tunable, sentence_transformer
from panic_tda.models.versions.changing import add_version
from panic_tda.models.versions.entries import numbered
from panic_tda.models.versions.manifest import read_manifest
from panic_tda.models.versions.register import line_of, version_folder, versions_folder
from panic_tda.settings import Settings
from panic_tda.training.config import TuningConfig
from panic_tda.training.corpus import OpenRecord, gather, without_record
from panic_tda.training.dataset import Dataset
from panic_tda.training.evaluation import Retrieval, metrics, ndcg_change, retrieve
from panic_tda.training.gate import Verdict, general_pairs, judge
from panic_tda.training.lock import only_one
from panic_tda.training.negatives import with_hard_negatives
from panic_tda.training.tuning import Report, tune

_LIBRARIES = ("torch", "transformers", "sentence_transformers", "accelerate", "peft", "numpy")


@dataclass(frozen=True, slots=True)
class Tuned:
    """How a tuning ended: ``accepted``, ``rejected``, ``unchanged`` (this was done before) or ``interrupted``.

    ``version`` is the new version, or the one made before; None when interrupted. ``manifest`` is its manifest.
    """

    status: str
    model: str
    version: int | None
    champion: int
    seconds: float
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The shape of ``finetune run --json``; what an interrupted tuning does not have is None."""
        found = {name: self.manifest.get(name) for name in ("data", "metrics", "verdict")}
        return {
            "status": self.status,
            "model": self.model,
            "version": self.version,
            "champion": self.champion,
            "seconds": round(self.seconds, 3),
            **found,
        }


@dataclass(frozen=True, slots=True)
class _Measured:
    """One embedder on the held-out pairs and on the general set."""

    held_out: Retrieval
    general: Retrieval


def finetune(
    config: TuningConfig,
    *,
    open_record: OpenRecord = without_record,
    report: Report = lambda *_: None,
    stop: threading.Event | None = None,
    threads: int = 1,
) -> Tuned:
    """Makes a version of an embedder from a corpus, and the champion of it if it passes the gate.

    It always starts from the base version. A corpus, parameters and base that were trained with before change nothing;
    an interrupted training is gone on with, and ``stop`` interrupts this one. Raises ``RequestError`` and
    ``PrerequisiteError`` for a model that cannot be tuned, ``InsufficientData``, and ``TrainingBusy`` while another
    process tunes an embedder.
    """
    begun = time.monotonic()
    spec = base_of(config.model)
    with only_one(spec.name):
        report("read", 0, 1)
        dataset = gather(config, open_record)
        report("read", 1, 1)
        key = _made_of(spec, dataset, config)
        line = line_of(spec.name)
        done = next((each for each in line.versions if each.made_of == key), None)
        if done is not None:
            known = read_manifest(version_folder(spec.name, done.number))
            return Tuned("unchanged", spec.name, done.number, line.champion, time.monotonic() - begun, known)
        run = _Run(spec, dataset, config, key, threads, report, stop or threading.Event())
        return run.perform(begun)


def threads_of_a_training(settings: Settings) -> int:
    """What the settings say, else all cores: a training is all that a process does."""
    return settings.threads or os.cpu_count() or 1


class _Run:
    """One training, from the base to a version."""

    def __init__(
        self,
        spec: ModelSpec,
        dataset: Dataset,
        config: TuningConfig,
        key: str,
        threads: int,
        report: Report,
        stop: threading.Event,
    ) -> None:
        self._spec = spec
        self._dataset = dataset
        self._config = config
        self._key = key
        self._place = Placement(threads=threads)
        self._report = report
        self._stop = stop
        self._evaluated = 0
        self._champion = line_of(spec.name).champion
        self._checkpoints = versions_folder(spec.name) / f".training-{key[:16]}"

    def perform(self, begun: float) -> Tuned:
        """Trains, measures, judges and stores."""
        self._clear_other_trainings()
        model = sentence_transformer(self._spec, self._place)
        base = self._measure(model)
        current = base if not self._champion else self._measure(self._current())
        if not self._train(model):
            return Tuned("interrupted", self._spec.name, None, self._champion, time.monotonic() - begun)
        candidate = self._measure(model)
        verdict = self._judge(base, current, candidate)
        facts = self._facts(base, current, candidate, verdict)

        def write(folder: Path) -> None:
            with quiet():
                model.save(str(folder), create_model_card=False)

        made = add_version(self._spec.name, write, facts, made_of=self._key, accepted=verdict.accepted)
        shutil.rmtree(self._checkpoints, ignore_errors=True)
        manifest = read_manifest(version_folder(self._spec.name, made.number))
        champion = line_of(self._spec.name).champion
        return Tuned(made.status, self._spec.name, made.number, champion, time.monotonic() - begun, manifest)

    def _train(self, model: Any) -> bool:
        training, pairs = self._config.training, list(self._dataset.train)
        prompt = prompt_of(self._spec, model)
        if training.hard_negatives:
            with computing(self._place.threads):
                pairs = with_hard_negatives(model, pairs, training.hard_negatives, prompt)
        return tune(
            model,
            pairs,
            training,
            self._checkpoints,
            prompt=prompt,
            report=self._report,
            stop=self._stop,
            threads=self._place.threads,
        )

    def _current(self) -> Any:
        return sentence_transformer(find(numbered(self._spec.name, self._champion)), self._place)

    def _measure(self, model: Any) -> _Measured:
        of = 3 if self._champion else 2
        self._report("evaluate", self._evaluated, of)
        prompt = prompt_of(self._spec, model)
        with computing(self._place.threads), quiet():
            found = _Measured(retrieve(model, self._dataset.held_out, prompt), retrieve(model, general_pairs(), prompt))
        self._evaluated += 1
        self._report("evaluate", self._evaluated, of)
        return found

    def _judge(self, base: _Measured, current: _Measured, candidate: _Measured) -> Verdict:
        gate = self._config.gate
        change = ndcg_change(
            candidate.held_out,
            current.held_out,
            seed=self._config.training.seed,
            level=gate.level,
            resamples=gate.resamples,
        )
        directions = candidate.held_out.effective_rank / max(base.held_out.effective_rank, 1.0)
        return judge(change, candidate.general.ndcg - base.general.ndcg, directions, allowed_drop=gate.general_drop)

    def _facts(self, base: _Measured, current: _Measured, candidate: _Measured, verdict: Verdict) -> dict[str, Any]:
        measured = {"base": base, "current": current, "candidate": candidate}
        return {
            "data_sha256": self._dataset.sha256,
            "data": self._dataset.to_json(),
            "parameters": self._config.training.model_dump(),
            "gate": self._config.gate.model_dump(),
            "seed": self._config.training.seed,
            "threads": self._place.threads,
            "base": _identity(self._spec),
            "libraries": dict(each.split("-", 1) for each in library_versions(_LIBRARIES)),
            "metrics": {name: self._table(each) for name, each in measured.items()},
            "verdict": {
                "accepted": verdict.accepted,
                "ndcg_change": _interval(verdict.change),
                "general_change": verdict.general_change,
                "directions": verdict.directions,
                "objections": list(verdict.objections),
            },
        }

    def _table(self, measured: _Measured) -> dict[str, Any]:
        gate, seed = self._config.gate, self._config.training.seed
        found = metrics(measured.held_out, seed=seed, level=gate.level, resamples=gate.resamples)
        table: dict[str, Any] = {name: _interval(each) for name, each in found.items()}
        return table | {"general_ndcg@10": measured.general.ndcg, "effective_rank": measured.held_out.effective_rank}

    def _clear_other_trainings(self) -> None:
        """Checkpoints of a corpus that has changed since are of no use."""
        folder = versions_folder(self._spec.name)
        for path in folder.glob(".training-*"):
            if path != self._checkpoints:
                shutil.rmtree(path, ignore_errors=True)


def base_of(name: str) -> ModelSpec:
    """The entry of an embedder that can be tuned here; raises ``RequestError``, ``PrerequisiteError``, ``NotFound``."""
    base, at, _ = name.partition("@")
    if at:
        raise RequestError(f"a training always starts from the base version: name the model {base}, not {name}")
    spec = find(name)
    check_tunable(spec)
    return spec


def _identity(spec: ModelSpec) -> str:
    """What a training starts from: the weights' sums, or the folder's commit or sum."""
    if spec.repository is not None:
        return identity(spec.repository)
    return ".".join(weights.sha256 for weights in spec.weights)


def _made_of(spec: ModelSpec, dataset: Dataset, config: TuningConfig) -> str:
    made_of = [_identity(spec), dataset.sha256, config.training.model_dump(), config.gate.model_dump()]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def _interval(interval: Interval) -> dict[str, float]:
    return {name: value for name, value in interval._asdict().items() if name != "n"} | {"sources": interval.n}
