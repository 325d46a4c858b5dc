"""How busy a GPU is kept: a diffusion model as large as SDXL, with random weights, through panic-tda's own executor.

    python benchmarks/gpu.py [--write] [--batches 1 4 8 16] [--seconds 20]
    python benchmarks/gpu.py --rehearse

It builds the published architecture at its real size (3.5 billion parameters, 7 GB on the disk) and paints pictures of
512 × 512 pixels in 4 steps. ``--write`` puts the table into docs/performance.md. ``--rehearse`` goes through the same
code with a tiny model on the CPU; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))

from panic_tda.content import Content, Text  # noqa: E402
from panic_tda.errors import ModelError  # noqa: E402
from panic_tda.lab.measuring.investigation import identified  # noqa: E402
from panic_tda.lab.measuring.permutation import Proof, prove  # noqa: E402
from panic_tda.lab.measuring.trial_inputs import trial_inputs  # noqa: E402
from panic_tda.models.catalogue import find  # noqa: E402
from panic_tda.models.deployment import using  # noqa: E402
from panic_tda.models.machine import place_of  # noqa: E402
from panic_tda.models.memory_use import memory_use  # noqa: E402
from panic_tda.models.model import ModelSpec, Parameters  # noqa: E402
from panic_tda.runtime.inprocess import InProcessExecutor  # noqa: E402
from panic_tda.runtime.result import Call, Result  # noqa: E402
from panic_tda.settings import Settings  # noqa: E402
from panic_tda.signature import Kind  # noqa: E402
from support.twins import sdxl  # noqa: E402

MODEL = "SDXLTurbo"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured on a GPU -->\n", "<!-- end of measured on a GPU -->\n"


class Row(NamedTuple):
    """One batch size: pictures per second, memory, the tier that holds, the share of time the GPU worked."""

    batch: int
    images_per_second: float
    memory_bytes: int
    proof: Proof
    busy: float | None

    def cells(self) -> str:
        """A line of the table."""
        busy = "" if self.busy is None else f"{self.busy:.0f} %"
        speed, memory = f"{self.images_per_second:.2f}", f"{self.memory_bytes / 1e9:.1f} GB"
        return f"| {self.batch} | {speed} | {memory} | {self.proof.tier} | {busy} |"


def measured(spec: ModelSpec, batch: int, parameters: Parameters, seconds: float) -> Row:
    """Runs batches of one size back to back, as an experiment does."""
    rows = replace(spec, options=(*spec.options, ("rows", batch)), batch_size=batch)
    executor = InProcessExecutor(memory_budget=2**50)
    memory = memory_use(spec.device)
    try:
        _paint(executor, rows, batch, parameters, rounds=2)
        memory.watch()
        images_per_second, busy = _steadily(executor, rows, batch, parameters, seconds)
        peak = memory.peak()
        return Row(batch, images_per_second, peak, _proof(executor, rows, batch, parameters), busy)
    finally:
        executor.close()


def _steadily(
    executor: InProcessExecutor, spec: ModelSpec, batch: int, parameters: Parameters, seconds: float
) -> tuple[float, float | None]:
    """Pictures per second, and the share of time the GPU worked, over about so many seconds."""
    waiting: deque[Future[Result]] = deque()
    painted = 0
    with busy_shares(spec.device) as shares:
        started = time.perf_counter()
        while time.perf_counter() - started < seconds or waiting:
            while len(waiting) < executor.slots and time.perf_counter() - started < seconds:
                waiting.append(_submitted(executor, spec, batch, parameters))
            painted += len(_pictures(waiting.popleft()))
        took = time.perf_counter() - started
    # The first and the last sample reach beyond the work.
    return painted / took, mean(shares[1:-1]) if len(shares) > 2 else None


def _paint(executor: InProcessExecutor, spec: ModelSpec, batch: int, parameters: Parameters, rounds: int) -> None:
    for _ in range(rounds):
        _pictures(_submitted(executor, spec, batch, parameters))


def _submitted(executor: InProcessExecutor, spec: ModelSpec, batch: int, parameters: Parameters) -> Future[Result]:
    return executor.submit(Call(spec, trial_inputs(Kind.TEXT, batch), tuple(range(batch)), parameters))


def _pictures(answer: Future[Result]) -> list[str]:
    """What identifies each picture; raises the first error."""
    outputs = answer.result().outputs
    for outcome in outputs:
        if isinstance(outcome, ModelError):
            raise outcome
    return [identified(outcome) for outcome in outputs]


def _proof(executor: InProcessExecutor, spec: ModelSpec, batch: int, parameters: Parameters) -> Proof:
    def ask(items: Sequence[Content], seeds: Sequence[int]) -> list[str]:
        return _pictures(executor.submit(Call(spec, tuple(items), tuple(seeds), parameters)))

    return prove(
        ask, [Text("a red apple"), Text("a ship at dawn, far out"), Text("x")], batch=max(4, batch), draws=True
    )


@contextmanager
def busy_shares(device: str) -> Iterator[list[float]]:
    """Fills a list with percentages, five in a second, as the driver tells them; nothing without a GPU."""
    shares: list[float] = []
    if device != "cuda":
        yield shares
        return
    command = ["nvidia-smi", "-i", "0", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "200"]
    with tempfile.TemporaryFile("w+") as told:
        sampler = subprocess.Popen(command, stdout=told)
        try:
            yield shares
        finally:
            sampler.terminate()
            sampler.wait()
            told.seek(0)
            shares += [float(line) for line in told.read().split()]


def table(rows: Sequence[Row], model: str, place: str, parameters: Parameters) -> str:
    """As in docs/performance.md."""
    what = f"{parameters['width']} × {parameters['height']} pixels, {parameters['steps']} steps"
    heading = "| batch | images/s | memory | tier | GPU busy |\n| --- | --- | --- | --- | --- |"
    return "\n".join([f"{model} with random weights, {what}, on {place}.\n", heading, *map(Row.cells, rows)])


def put_into_page(text: str, page: Path = PAGE) -> None:
    """Replaces what stands between the two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{after}", encoding="utf-8")


def has_cuda() -> bool:
    """Whether torch finds a GPU."""
    import torch

    return bool(torch.cuda.is_available())


def perform(given: argparse.Namespace, device: str) -> str:
    """Builds the model, measures every batch size, and returns the table."""
    small = device == "cpu"
    parameters = {"width": 32 if small else 512, "height": 32 if small else 512, "steps": 2 if small else 4}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "sdxl"
        sdxl.build(place, sdxl.TINY if small else sdxl.REAL, device=device, half=not small)
        with using(Settings(device=device, dtype=given.dtype, weights=((MODEL, str(place)),))):
            spec = find(MODEL)
            rows = []
            for batch in given.batches:
                rows.append(measured(spec, batch, parameters, given.seconds))
                print(rows[-1].cells(), rows[-1].proof.reason, file=sys.stderr, flush=True)
    return table(rows, "A tiny model" if small else "SDXL at its real size", place_of(device), parameters)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--seconds", type=float, default=20.0, help="for each batch size")
    parser.add_argument("--dtype", default="auto", help="auto (fp16 on a GPU), bf16 or fp32")
    parser.add_argument("--rehearse", action="store_true", help="a tiny model on the CPU")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    given = parser.parse_args()
    if not given.rehearse and not has_cuda():
        print("torch finds no CUDA device here, so nothing is measured (--rehearse tries the script on the CPU)")
        return
    found = perform(given, "cpu" if given.rehearse else "cuda")
    print(found)
    if given.write and not given.rehearse:
        put_into_page(found)


if __name__ == "__main__":
    main()
