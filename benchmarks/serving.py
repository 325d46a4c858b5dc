"""What HTTP costs: ``/v1/embeddings`` with many clients beside the model in this process.

    python benchmarks/serving.py [--clients 8] [--requests 400] [--model MiniLM]

Prints requests a second and the times of a request, for requests of one text and of 32; and, in this process, batches
of 32 through the same executor. The server has a process of its own.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2

from panic_tda.content import Text
from panic_tda.models.catalogue import find
from panic_tda.runtime.executors import make_executor
from panic_tda.runtime.result import Call
from panic_tda.settings import Settings

BATCH = 32
SETTINGS = Settings(executor="inprocess")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--model", default="MiniLM")
    asked = parser.parse_args()
    before = in_process(asked.model, asked.requests)
    with served() as url:
        over = [over_http(url, asked.model, asked.clients, count, size) for size, count in _rounds(asked)]
    alone = (before + in_process(asked.model, asked.requests)) / 2  # the machine may have slowed down meanwhile
    print(f"in process, batches of {BATCH}: {alone:,.0f} texts/s")
    for (size, _), (rate, times) in zip(_rounds(asked), over, strict=True):
        p50, p99 = (1000 * statistics.quantiles(times, n=100)[at] for at in (49, 98))
        print(
            f"{asked.clients} clients, requests of {size}: {rate:,.0f} requests/s, {rate * size:,.0f} texts/s "
            f"({rate * size / alone:.0%} of in process), p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        )


def _rounds(asked: argparse.Namespace) -> list[tuple[int, int]]:
    """Texts in a request, and how many requests."""
    return [(size, max(asked.clients, asked.requests // size)) for size in (1, BATCH)]


def text(number: int) -> str:
    """A caption like those that loops make, no two alike."""
    return f"a painting of {number} red apples on a wooden table beside a window"


def in_process(model: str, count: int) -> float:
    """Texts a second."""
    executor, spec = make_executor(SETTINGS), find(model)

    def measure(start: int) -> None:
        inputs = tuple(Text(text(number)) for number in range(start, start + BATCH))
        executor.submit(Call(spec, inputs, (0,) * BATCH)).result()

    measure(-BATCH)
    began = time.perf_counter()
    for start in range(0, count, BATCH):
        measure(start)
    seconds = time.perf_counter() - began
    executor.close()
    return BATCH * len(range(0, count, BATCH)) / seconds


@contextmanager
def served() -> Iterator[str]:
    """The address of a server in a process of its own."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "panic_tda", "--quiet", "serve", "--port", "0", "--executor", "inprocess"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def over_http(url: str, model: str, clients: int, count: int, size: int) -> tuple[float, list[float]]:
    """Requests a second, and the seconds of each."""
    with httpx2.Client(base_url=url, timeout=120, trust_env=False) as client, ThreadPoolExecutor(clients) as pool:
        one = requests(client, model, size)
        one(-1)
        began = time.perf_counter()
        times = list(pool.map(one, range(count)))
        return count / (time.perf_counter() - began), times


def requests(client: httpx2.Client, model: str, size: int) -> Callable[[int], float]:
    """Makes a request and returns its seconds."""

    def ask(number: int) -> float:
        texts = [text(number * size + each) for each in range(size)]
        body = {"model": model, "input": texts, "encoding_format": "base64"}
        began = time.perf_counter()
        client.post("/v1/embeddings", json=body).raise_for_status()
        return time.perf_counter() - began

    return ask


if __name__ == "__main__":
    main()
