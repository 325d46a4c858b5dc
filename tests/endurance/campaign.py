"""Thousands of requests to one server, of which most are dropped by their clients, anywhere.

    python tests/endurance/campaign.py [--requests 10000] [--clients 16] [--language 20]

Prints how many were answered and dropped, and the memory and file descriptors of the server and its workers before and
after. 1 when an answer was no answer, a worker was lost, something waits although nobody asks, or memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import urlopen

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from endurance.clients import BEHAVIOURS, Request, ask, drawn

GROWTH = 0.10
"""By which share the memory of a process may grow from the end of the warming up to the end."""

WARMING_UP = 300
IDLE_S = 30.0


class Process(NamedTuple):
    """What a process holds."""

    megabytes: float
    descriptors: int
    threads: int


class State(NamedTuple):
    """The server while nobody asks: its processes by id (itself first), and what it says of its executor."""

    processes: dict[int, Process]
    workers: int
    restarts: int
    waiting: int


@dataclass
class Endured:
    """What was seen."""

    answers: Counter[str]
    before: State
    after: State
    seconds: float

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        found = [f"{count} × {said}" for said, count in self.answers.items() if said not in ("200", "dropped")]
        if self.before.processes.keys() != self.after.processes.keys() or self.after.restarts:
            found.append("a worker was lost")
        if self.after.waiting:
            found.append(f"{self.after.waiting} calls wait")
        for pid, before in self.before.processes.items():
            after = self.after.processes.get(pid, before)
            if after.megabytes > before.megabytes * (1 + GROWTH):
                found.append(f"process {pid} grew from {before.megabytes:.0f} to {after.megabytes:.0f} MB")
            if after.descriptors > before.descriptors or after.threads > before.threads + 4:
                found.append(f"process {pid} had {before}, and has {after}")
        return found


def endure(requests: int, clients: int = 16, language: int = 20, *, warming_up: int = WARMING_UP) -> Endured:
    """Asks a new server with two worker processes; ``language`` of 1,000 requests are for a language model."""
    with served() as (pid, url):
        asyncio.run(_storm(url, warming_up, clients, language, random.Random(0)))
        before = _idle(pid, url)
        began = time.perf_counter()
        answers = asyncio.run(_storm(url, requests, clients, language, random.Random(1)))
        seconds = time.perf_counter() - began
        after = _idle(pid, url)
        answers += asyncio.run(_each_kind(url))
    return Endured(answers, before, after, seconds)


@contextmanager
def served() -> Iterator[tuple[int, str]]:
    """The process and the address of a server."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--db", f"{folder}/record.sqlite", "--quiet"]
        command = [sys.executable, "-m", "panic_tda", *options, "serve", "--port", "0", "--executor", "process"]
        with subprocess.Popen(
            [*command, "--workers", "2"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout is not None
            try:
                yield process.pid, process.stdout.readline().decode().strip()
            finally:
                process.terminate()


async def _storm(url: str, requests: int, clients: int, language: int, chance: random.Random) -> Counter[str]:
    port = urlsplit(url).port or 0
    todo = iter([_plan(chance, number, language) for number in range(requests)])
    counted: Counter[str] = Counter()

    async def client() -> None:
        for request, behaviour, share, abruptly in todo:
            try:
                counted[await ask(port, request, behaviour, share, abruptly=abruptly)] += 1
            except (OSError, TimeoutError) as fault:
                counted[type(fault).__name__] += 1

    await asyncio.gather(*(client() for _ in range(clients)))
    return counted


def _plan(chance: random.Random, number: int, language: int) -> tuple[Request, Any, float, bool]:
    [behaviour] = chance.choices(list(BEHAVIOURS), weights=list(BEHAVIOURS.values()))
    return drawn(chance, number, language), behaviour, chance.random(), chance.random() < 0.5


async def _each_kind(url: str) -> Counter[str]:
    port, chance = urlsplit(url).port or 0, random.Random(2)
    asked = [drawn(chance, number, language) for number in range(6) for language in (0, 1000)]
    return Counter([await ask(port, request, "stays", 1.0, abruptly=False) for request in asked])


def _idle(pid: int, url: str) -> State:
    """How the server is once nothing changes any more: nobody asks, but it may still notice who has gone."""
    end, last = time.monotonic() + IDLE_S, _state(pid, url)
    while time.monotonic() < end:
        time.sleep(1.0)  # connections that were reset are noticed without anything to wait for
        now = _state(pid, url)
        if not now.waiting and [each.descriptors for each in now.processes.values()] == [
            each.descriptors for each in last.processes.values()
        ]:
            return now
        last = now
    return last


def _state(pid: int, url: str) -> State:
    with urlopen(f"{url}/metrics", timeout=60) as answer:
        told = answer.read().decode()
    said = {name: int(float(value)) for name, value in re.findall(r"^panic_tda_(\w+) ([\d.]+)$", told, re.MULTILINE)}
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [pid, *sorted(int(child) for file in children for child in file.read_text().split())]
    processes = {each: _process(each) for each in pids}
    return State(processes, said["workers"], said["restarts_total"], said["waiting_calls"])


def _process(pid: int) -> Process:
    place = Path(f"/proc/{pid}")
    pages = int((place / "statm").read_text().split()[1])
    return Process(pages * 4096 / 1e6, len(list((place / "fd").iterdir())), len(list((place / "task").iterdir())))


def main() -> int:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16, help="how many ask at the same time")
    parser.add_argument("--language", type=int, default=20, help="of 1,000 requests so many ask a language model")
    asked = parser.parse_args()
    seen = endure(asked.requests, asked.clients, asked.language)
    print(f"{asked.requests:,} requests of {asked.clients} clients in {seen.seconds:.0f} s: {dict(seen.answers)}")
    for name, state in (("before", seen.before), ("after", seen.after)):
        print(f"{name}: {state.workers} workers, {state.restarts} restarts, {state.waiting} calls waiting")
        for pid, process in state.processes.items():
            held = f"{process.megabytes:.1f} MB, {process.descriptors} descriptors, {process.threads} threads"
            print(f"  process {pid}: {held}")
    print(*(f"FAULT: {fault}" for fault in seen.faults), sep="\n")
    return bool(seen.faults)


if __name__ == "__main__":
    sys.exit(main())
