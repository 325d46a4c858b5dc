"""The fields of a program's signature: their types, and how their values are written as texts and read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from panic_tda.content import Image, text_fault
from panic_tda.signature import Kind

Value: TypeAlias = str | int | float | bool | Image
"""What a field may hold."""

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool, "Image": Image}
_ARTICLES = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "Image": "an image",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output. ``type`` is a key of ``TYPES``; a text with ``choices`` is one of them."""

    name: str
    type: str = "str"
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.choices:
            return f"{self.name}: Literal[{', '.join(map(repr, self.choices))}]"
        return self.name if self.type == "str" else f"{self.name}: {self.type}"

    @property
    def kind(self) -> Kind:
        """What goes through a network where this field is passed on."""
        return Kind.IMAGE if self.type == "Image" else Kind.TEXT

    def fault(self, value: object) -> str | None:
        """What is wrong with a value of this field, or None. Whole numbers count as numbers."""
        wanted = (int, float) if self.type == "float" else TYPES[self.type]
        if not isinstance(value, wanted) or (isinstance(value, bool) and self.type != "bool"):
            return f"{self.name} must be {_ARTICLES[self.type]}, not {_shown(value)}"
        if isinstance(value, str) and (found := text_fault(value)):
            return f"{self.name}: {found}"
        if self.choices and value not in self.choices:
            return f"{self.name} must be one of {', '.join(map(repr, self.choices))}, not {_shown(value)}"
        return None

    def written(self, value: Value) -> str:
        """A value that is no image, as a text; :meth:`read` gives it back."""
        return str(value).lower() if isinstance(value, bool) else str(value)

    def read(self, text: str) -> Value:
        """The value that a text stands for; raises ``ValueError`` with a sentence."""
        bare = text.strip()
        value: Value = text if self.type == "str" and not self.choices else bare
        try:
            if self.type in ("int", "float"):
                value = int(bare) if self.type == "int" else float(bare)
            elif self.type == "bool":
                value = {"true": True, "false": False}[bare.lower()]
        except (KeyError, ValueError):
            pass  # it stays a text, which is a fault
        if found := self.fault(value):
            raise ValueError(found)
        return value


def _shown(value: object) -> str:
    text = "an image" if isinstance(value, Image) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
