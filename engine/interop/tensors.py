"""The safetensors format in pieces: large arrays are written and read without holding up another thread."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

import numpy as np

DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
PIECE = 2**20
#: A header beyond this describes nothing that a network has.
LONGEST_HEADER = 100 * 2**20


def pieces(arrays: Mapping[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """What a file of these arrays consists of, in order; the same arrays give the same bytes.

    Raises
    ------
    ValueError
        An array is of a type that the format does not know.
    """
    header, at = {}, 0
    whole = {name: _whole(name, arrays[name]) for name in sorted(arrays)}
    for name, array in whole.items():
        ends = at + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(arrays[name].shape), "data_offsets": [at, ends]}
        at = ends
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for array in whole.values():
        yield from cut(array.view(np.uint8).data if array.size else memoryview(b""))


def cut(data: memoryview) -> Iterator[memoryview]:
    """Bytes in pieces that are quickly dealt with."""
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


def _whole(name: str, array: np.ndarray) -> np.ndarray:
    """An array as one stretch of little-endian numbers."""
    known = array.dtype.newbyteorder("<")
    if known not in NAMES:
        raise ValueError(f"the array {name} holds values of type {array.dtype}, which cannot be written")
    return np.ascontiguousarray(array, known).reshape(-1)


def arrays(data: memoryview) -> dict[str, np.ndarray]:
    """The arrays of a file's bytes, which they share.

    Raises
    ------
    ValueError
        The bytes are not what the format says.
    """
    length = int.from_bytes(data[:8], "little")
    start = 8 + length
    if len(data) < start or length > LONGEST_HEADER:
        raise ValueError(f"a header of {length:,} bytes does not go into {len(data):,}")
    header = json.loads(bytes(data[8:start]))
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    header.pop("__metadata__", None)
    found, at = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape = np.dtype(DTYPES[entry["dtype"]]), entry["shape"]
        begin, end = entry["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in (*shape, begin, end)) or len(shape) > 8:
            raise ValueError(f"{name} has the shape {shape!r:.60}, which is none")
        if begin != at or end - begin != math.prod(shape) * dtype.itemsize or start + end > len(data):
            raise ValueError(f"{name} of shape {tuple(shape)} does not go into its bytes, {begin:,} to {end:,}")
        found[name] = np.frombuffer(data, dtype, math.prod(shape), start + begin).reshape(shape)
        at = end
    if start + at != len(data):
        raise ValueError(f"{len(data) - start - at:,} bytes belong to no array")
    return found
