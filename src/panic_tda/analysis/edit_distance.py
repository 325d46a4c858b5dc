"""Edit distance of two texts: the least number of characters to insert, delete or replace.

Levenshtein, Soviet Physics Doklady 10 (1966); computed column by column on the bits of two integers: Myers, J. ACM 46
(1999), in the form of Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances" (2003).
"""

from __future__ import annotations


def edit_distance(one: str, other: str) -> int:
    """The Levenshtein distance of ``one`` and ``other``, counted in code points."""
    if len(one) < len(other):
        one, other = other, one
    if not other or one == other:
        return len(one) if not other else 0
    places: dict[str, int] = {}
    for place, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << place
    every, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    # Bits where the distance grows, or falls, from one row of the table to the next, within the current column.
    grows, falls, distance = every, 0, len(one)
    for character in other:
        match = places.get(character, 0)
        level = ((match & grows) + grows ^ grows) | match | falls
        along_grows = falls | every & ~(level | grows)
        along_falls = level & grows
        distance += bool(along_grows & last) - bool(along_falls & last)
        along_grows = every & (along_grows << 1 | 1)
        grows = every & (along_falls << 1) | every & ~(level | along_grows)
        falls = along_grows & level
    return distance


def normalised_edit_distance(one: str, other: str) -> float:
    """The edit distance divided by the length of the longer text: 0 for equal texts, 1 for nothing in common."""
    longer = max(len(one), len(other))
    return edit_distance(one, other) / longer if longer else 0.0
