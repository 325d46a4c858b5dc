"""``embedder.json``: everything that a reader of an exported folder needs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from panic_tda.errors import ModelLoadError, RequestError
from panic_tda.models.hashing import remembered_sha256
from panic_tda.models.repositories import EMBEDDER_FILE

Array: TypeAlias = Literal["input_ids", "attention_mask"]
_FILE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextInput(_Part):
    """How a text becomes tokens.

    A text of more than ``maximum_tokens`` (special ones counted) is cut on ``cut_side``. Every text is padded to
    ``padded_to`` tokens, if that is not 0.
    """

    tokenizer: str = Field(pattern=_FILE_NAME)
    arrays: tuple[Array, ...]
    maximum_tokens: int = Field(gt=0)
    cut_side: Literal["left", "right"] = "right"
    padded_to: int = Field(default=0, ge=0)
    padding_side: Literal["left", "right"] = "right"
    pad_id: int = Field(ge=0)
    prompt: str = ""


class ImageInput(_Part):
    """How an image becomes pixels, in this order; sizes in pixels, height first.

    ``size`` or ``shortest_edge`` is what it is scaled to by Pillow's filter ``resample``, ``crop`` what is cut out of
    the middle, ``factor`` what the bytes are multiplied with; then ``mean`` is subtracted and divided by ``deviation``.
    """

    size: tuple[int, int] | None = None
    shortest_edge: int | None = None
    resample: int = Field(default=3, ge=0, le=5)
    crop: tuple[int, int] | None = None
    factor: float | None = None
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Manifest(_Part):
    """The content of the file.

    ``model``, ``version``, ``source`` and ``licence`` are those of what was exported. The network gives vectors of
    ``dims`` numbers for each token, of which ``pooling`` makes one, or one vector itself (``none``). Vectors are then
    brought to length 1. ``files`` has the SHA-256 of each other file.
    """

    format: Literal["panic-tda embedder 1"] = "panic-tda embedder 1"
    model: str
    version: str
    source: str
    licence: str
    dims: int = Field(gt=0)
    dtype: Literal["float32", "int8"] = "float32"
    pooling: Literal["mean", "cls", "last", "max", "none"]
    normalised: Literal[True] = True
    network: str = Field(default="model.onnx", pattern=_FILE_NAME)
    text: TextInput | None = None
    image: ImageInput | None = None
    files: dict[str, str]

    @model_validator(mode="after")
    def _whole(self) -> Manifest:
        if (self.text is None) == (self.image is None):
            raise ValueError("either text or image must be given")
        named = [self.network, *([self.text.tokenizer] if self.text else [])]
        if missing := [name for name in named if name not in self.files]:
            raise ValueError(f"files lacks {missing[0]}")
        return self

    @property
    def input(self) -> str:
        """``text`` or ``image``."""
        return "text" if self.text else "image"


def read_manifest(folder: Path) -> Manifest:
    """What a folder says of itself; raises ``RequestError`` in one line."""
    path = folder / EMBEDDER_FILE
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise RequestError(
            f"{folder} holds no {EMBEDDER_FILE}", hint="panic-tda model export-onnx NAME OUT writes such a folder"
        ) from None
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RequestError(f"{path} is damaged: {where + ': ' if where else ''}{first['msg']}") from None
    except OSError as fault:
        raise RequestError(f"{path} cannot be read: {fault.strerror}") from None


def check_files(manifest: Manifest, folder: Path, *, model: str) -> None:
    """Raises ``ModelLoadError`` that names the first file that is missing or is not the one that was exported."""
    for name, sha256 in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ModelLoadError(f"{model}: {path} is missing", hint="export the model again")
        if remembered_sha256(path) != sha256:
            raise ModelLoadError(
                f"{model}: {path} is damaged or another file (SHA-256 is not {sha256[:12]}…)",
                hint="export the model again",
            )
