"""Measuring a model on this machine: seconds to load, seconds per item for each batch size, and its sanity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from panic_tda.content import Content, Image, Text
from panic_tda.errors import PanicError
from panic_tda.lab.sanity import Verdict, judge, remember_verdict
from panic_tda.lab.workbench import Workbench
from panic_tda.models.model import ModelSpec
from panic_tda.runtime.result import Call, Result
from panic_tda.signature import Kind
from panic_tda.store.settings import measurement_key, write_setting

_SENTENCES = (
    "A red apple lies on a wooden table.",
    "The ship left the harbour at dawn.",
    "Seven wolves cross a frozen lake.",
    "An old map of a city that never was.",
)
_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Measurement:
    """Seconds per item by batch size, the size to use, and what the outputs looked like."""

    model: str
    load_seconds: float
    seconds_per_item: dict[int, float]
    batch_size: int
    verdict: Verdict | None

    def to_json(self) -> dict[str, Any]:
        """As kept in the record and printed."""
        return asdict(self)


def measure(bench: Workbench, spec: ModelSpec, *, sizes: Sequence[int] = (), accept: bool = False) -> Measurement:
    """Times the model and keeps the result in the record, where every later experiment finds its batch size.

    The smallest batch within 5 % of the best time per item wins, since small batches lose less in a crash.
    """
    sizes = sizes or _sizes_to_try(spec)
    first = _run(bench, spec, 1)
    seconds = {size: _seconds_per_item(bench, spec, size) for size in sizes}
    best = min(seconds.values())
    chosen = next(size for size in sizes if seconds[size] <= 1.05 * best)
    verdict = _judge(bench, spec)
    measured = Measurement(spec.name, first.timings.load_s, seconds, chosen, verdict)
    with bench.record.writing() as connection:
        write_setting(connection, measurement_key(spec.name, spec.version), measured.to_json())
        if verdict is not None and not spec.synthetic:
            remember_verdict(connection, spec, verdict, accept=accept)
    return measured


def _sizes_to_try(spec: ModelSpec) -> list[int]:
    """Powers of two up to 32, and up to the catalogue's batch size where that is larger."""
    largest = max(32, spec.batch_size)
    return [2**power for power in range(largest.bit_length())]


def _seconds_per_item(bench: Workbench, spec: ModelSpec, size: int) -> float:
    return median(_run(bench, spec, size).timings.run_s / size for _ in range(_REPEATS))


def _run(bench: Workbench, spec: ModelSpec, size: int) -> Result:
    inputs = trial_inputs(spec.signature.input, size)
    result = bench.executor.submit(Call(spec, inputs, tuple(range(size)))).result()
    for outcome in result.outputs:
        if isinstance(outcome, PanicError):
            raise outcome
    return result


def _judge(bench: Workbench, spec: ModelSpec) -> Verdict | None:
    if not spec.signature.is_generator:
        return None
    outcomes = _run(bench, spec, len(_SENTENCES)).outputs
    outputs = [outcome for outcome in outcomes if isinstance(outcome, (Text, Image))]
    return judge(spec.name, trial_inputs(spec.signature.input, len(_SENTENCES)), outputs)


def trial_inputs(kind: Kind, count: int) -> tuple[Content, ...]:
    """Sentences, or the same sentences as pictures of text."""
    make: Callable[[str], Content] = Text if kind is Kind.TEXT else _picture
    return tuple(make(_SENTENCES[index % len(_SENTENCES)]) for index in range(count))


def _picture(sentence: str) -> Image:
    from PIL import Image as pillow
    from PIL import ImageDraw, ImageFont

    picture = pillow.new("RGB", (384, 160), "white")
    ImageDraw.Draw(picture).text((12, 60), sentence, fill="black", font=ImageFont.load_default(18))
    return Image.from_pillow(picture)
