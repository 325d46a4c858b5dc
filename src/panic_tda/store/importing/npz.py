"""Reading ``.npz`` archives of strangers: plain numbers only, nothing unpickled, sizes checked before inflating.

``numpy.load`` makes room for whatever shape a header gives, and inflates a member whole: here every member says its
size first, all together may take ``MOST_BYTES``, and an array must be as long as its bytes.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from panic_tda.store.importing.tally import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BYTES = 64_000_000
_MOST_MEMBERS = 20_000
_CENTRAL_ENTRY = b"PK\x01\x02"
_NUMBERS = "fiub"
_LONGEST_HEADER = 4_096


def read_npz(data: bytes, wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    """The arrays of numbers whose names are wanted; raises ``Refusal`` for anything that is not what it should be."""
    if data.count(_CENTRAL_ENTRY) > _MOST_MEMBERS:
        raise Refusal(f"its archive has more than {_MOST_MEMBERS:,} members")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read(archive, wanted)
    except Refusal:
        raise
    except Exception as fault:  # zipfile, zlib and numpy raise almost anything on damaged bytes
        raise Refusal(f"its archive does not decode: {fault}") from fault


def _read(archive: zipfile.ZipFile, wanted: Callable[[str], bool]) -> dict[str, NDArray[Any]]:
    members = [each for each in archive.infolist() if wanted(each.filename.removesuffix(".npy"))]
    total = sum(each.file_size for each in members)
    if total > MOST_BYTES:
        raise Refusal(f"its archive inflates to {total:,} bytes, more than {MOST_BYTES:,}")
    arrays = {}
    for member in members:
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refusal(f"its archive is compressed in a way numpy does not ({member.compress_type})")
        with archive.open(member) as opened:
            content = opened.read(member.file_size + 1)
        arrays[member.filename.removesuffix(".npy")] = _array(content, member.filename)
    return arrays


def _array(content: bytes, name: str) -> NDArray[Any]:
    import numpy as np
    from numpy.lib import format as npy

    stream = io.BytesIO(content)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    read_header = readers.get(npy.read_magic(stream))
    if read_header is None:
        raise Refusal(f"{name} is of a version of the format that is not known")
    shape, fortran_order, dtype = read_header(stream, max_header_size=_LONGEST_HEADER)
    if dtype.hasobject:
        raise Refusal(f"{name} holds pickled objects, which are never unpickled")
    if dtype.kind not in _NUMBERS or dtype.subdtype is not None:
        raise Refusal(f"{name} holds no plain numbers")
    body = content[stream.tell() :]
    if math.prod(shape) * dtype.itemsize != len(body):
        raise Refusal(f"{name} says shape {shape} and has {len(body)} bytes")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran_order else "C")
