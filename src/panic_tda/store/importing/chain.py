"""Which invocations of a run form a whole chain, and why the others do not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from panic_tda.store.importing.tally import shown


class Link(NamedTuple):
    """An invocation: the id of the one whose output it took (None for the first), and when it began, as text."""

    id: str
    sequence_number: int
    input_id: object
    started_at: str


class Chain(NamedTuple):
    """The invocations ``kept``, numbered from 0 on without a gap, and those ``refused`` with the reason.

    ``cut`` says that something came after the end of the chain.
    """

    kept: list[Link]
    refused: list[tuple[Link, str]]
    cut: bool


def whole_chain(links: Sequence[Link], *, inputs_known: bool = True) -> Chain:
    """The chain of a run.

    Of several with the same sequence number the one is kept that the next one takes, or else the earliest. The chain
    ends before the first number that is missing, or whose input is not the output before: what comes after such a place
    has no known beginning.
    """
    by_number: dict[int, list[Link]] = {}
    for link in links:
        by_number.setdefault(link.sequence_number, []).append(link)
    kept: list[Link] = []
    refused: list[tuple[Link, str]] = []
    chosen = _chosen(by_number)
    fault = ""
    for number in sorted(by_number):
        link = chosen[number]
        duplicate = f"a duplicate of step {number}: {shown(link.id)} is kept"
        refused += [(each, duplicate) for each in by_number[number] if each is not link]
        fault = fault or _fault(link, kept[-1] if kept else None, len(kept), inputs_known=inputs_known)
        if not fault:
            kept.append(link)
            continue
        refused.append((link, fault))
        fault = _after(len(kept), there=len(kept) in by_number)
    return Chain(kept, refused, bool(fault))


def _chosen(by_number: dict[int, list[Link]]) -> dict[int, Link]:
    """One for each number, from the last on: the one that the next one takes, or else the earliest."""
    chosen: dict[int, Link] = {}
    for number in sorted(by_number, reverse=True):
        following = chosen.get(number + 1)
        earliest = min(by_number[number], key=lambda each: (each.started_at, each.id))
        taken = (each for each in by_number[number] if following is not None and each.id == following.input_id)
        chosen[number] = next(taken, earliest)
    return chosen


def _fault(link: Link, before: Link | None, wanted: int, *, inputs_known: bool) -> str:
    if link.sequence_number != wanted:
        return _after(wanted, there=False)
    if not inputs_known:
        return ""
    if before is None:
        begins = link.input_id is None or str(link.input_id).startswith("prompt-")
        return "" if begins else f"the first step takes the output of {shown(link.input_id)} and not the prompt"
    if link.input_id != before.id:
        return f"its input is {shown(link.input_id)}, where step {wanted - 1} of its run is {shown(before.id)}"
    return ""


def _after(number: int, *, there: bool) -> str:
    return f"it comes after step {number}, which is {'refused' if there else 'missing'}"
