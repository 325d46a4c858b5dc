"""Text that comes token by token: whole characters only, and nothing that may be the start of a stop text."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Decoded:
    """The text of tokens, handed out as soon as it cannot change any more.

    Each token is decoded together with those before it, back to the last piece, since tokens may hold parts of
    characters or depend on their neighbours.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._before = 0
        self._told = 0

    def add(self, token: int) -> str:
        """What is certain after one more token; may be empty."""
        self._tokens.append(token)
        known = self._decode(self._tokens[self._before : self._told])
        now = self._decode(self._tokens[self._before :])
        if now.endswith("\N{REPLACEMENT CHARACTER}") or len(now) <= len(known):
            return ""
        self._before, self._told = self._told, len(self._tokens)
        return now[len(known) :]

    def rest(self) -> str:
        """What was held back, at the end."""
        known = self._decode(self._tokens[self._before : self._told])
        return self._decode(self._tokens[self._before :])[len(known) :]


class UntilStop:
    """Text before the stop text that is complete first; what could become one is held back."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.found = False

    def add(self, piece: str) -> str:
        """What is certain after one more piece; nothing any more once ``found`` is true."""
        if self.found:
            return ""
        text = self._held + piece
        # The first that is complete, which does not depend on how the text is cut into pieces.
        ends = [(place + len(stop), place) for stop in self._stops if (place := text.find(stop)) >= 0]
        self.found = bool(ends)
        certain = min(ends)[1] if ends else len(text) - self._open(text)
        self._held = "" if self.found else text[certain:]
        return text[:certain]

    def rest(self) -> str:
        """What was held back and did not become a stop text."""
        held, self._held = self._held, ""
        return held

    def _open(self, text: str) -> int:
        """The length of the longest end of the text with which some stop text begins."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        sizes = range(min(longest, len(text)), 0, -1)
        return next((size for size in sizes if any(stop.startswith(text[-size:]) for stop in self._stops)), 0)
