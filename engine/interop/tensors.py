"""The safetensors format in pieces: large arrays are written and read without holding up another thread."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.interop.dtypes import BFLOAT16, from_bytes, itemsize
from engine.interop.files import Damaged

#: The format's names of types, by the names that they have here.
DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": BFLOAT16, "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
NAMES = {np.dtype(name).newbyteorder("<"): code for code, name in DTYPES.items() if name != BFLOAT16}
PIECE = 2**20
#: A header beyond this describes nothing that a network has.
LONGEST_HEADER = 100 * 2**20


def pieces(
    arrays: Mapping[str, np.ndarray], halves: Collection[str] = (), metadata: Mapping[str, str] | None = None
) -> Iterator[bytes | memoryview]:
    """What a file of these arrays consists of, in order; the same arrays give the same bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    halves : collection of str
        Which of them, of float32, are written as bfloat16: by their upper halves.
    metadata : mapping of str to str, optional
        What else the file says.

    Raises
    ------
    ValueError
        An array is of a type that the format does not know.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    whole, at = {name: _whole(name, arrays[name]) for name in sorted(arrays)}, 0
    whole |= {name: (whole[name].view("<u4") >> 16).astype("<u2") for name in halves}
    for name, array in whole.items():
        ends, code = at + array.nbytes, "BF16" if name in halves else NAMES[array.dtype]
        header[name] = {"dtype": code, "shape": list(arrays[name].shape), "data_offsets": [at, ends]}
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


@dataclass(frozen=True)
class Stored:
    """An array in a file's bytes, which has not been looked at yet.

    Attributes
    ----------
    name : str
    code : str
        The format's name of its type, which may be none of ``DTYPES``.
    shape : tuple of int
    data : memoryview
    """

    name: str
    code: str
    shape: tuple[int, ...]
    data: memoryview

    @property
    def dtype(self) -> str | None:
        """numpy's name of its type, or "bfloat16"; None where its numbers are of a kind that is not read here."""
        return DTYPES.get(self.code)

    def read(self) -> np.ndarray:
        """The array, which shares the bytes where it can; bfloat16 as float32.

        Raises
        ------
        Damaged
            Its numbers are of a kind that is not read here.
        """
        if self.dtype is None:
            raise Damaged(f"{self.name:.80} holds numbers of type {self.code:.20}, which are not read here")
        found = from_bytes(self.data, self.dtype).reshape(self.shape)
        return found if found.flags.aligned else found.copy()


def shared(data: bytes | memoryview) -> dict[str, str]:
    """Names whose numbers another array has, as ``safetensors.torch.save_model`` says it of tied weights.

    For bytes that :func:`stored` has read.
    """
    length = int.from_bytes(memoryview(data)[:8], "little")
    header = json.loads(bytes(memoryview(data)[8 : 8 + length]))
    said = header.get("__metadata__")
    found = said.items() if isinstance(said, dict) else ()
    return {name: other for name, other in found if isinstance(other, str) and other in header and name not in header}


def stored(data: bytes | memoryview) -> dict[str, Stored]:
    """What the bytes of a file hold, by name: each byte after the header belongs to one array.

    Raises
    ------
    Damaged
        The bytes are not what the format says.
    ValueError, RecursionError
        The header is no JSON.
    """
    data = memoryview(data)
    length = int.from_bytes(data[:8], "little")
    start = 8 + length
    if start > len(data) or length > LONGEST_HEADER:
        raise Damaged(f"it says a header of {length:,} bytes, and has {len(data):,} in all")
    header = json.loads(bytes(data[8:start]))
    if not isinstance(header, dict):
        raise Damaged("its header is no object")
    header.pop("__metadata__", None)
    found, at = {}, start
    for begin, end, name, code, shape in sorted(_described(name, facts) for name, facts in header.items()):
        if start + end > len(data):
            raise Damaged(f"{name:.80} lies outside the file")
        if start + begin != at:
            raise Damaged(f"{name:.80} overlaps another array, or bytes before it belong to none")
        needed = math.prod(shape) * itemsize(DTYPES[code]) if code in DTYPES else end - begin
        if needed != end - begin:
            raise Damaged(f"{name:.80} of shape {shape} needs {needed:,} bytes and has {end - begin:,}")
        found[name] = Stored(name, code, shape, data[at : start + end])
        at = start + end
    if at != len(data):
        raise Damaged(f"{len(data) - at:,} bytes belong to no array")
    return found


def _described(name: str, facts: Any) -> tuple[int, int, str, str, tuple[int, ...]]:
    """Where an array begins and ends, its name, type and shape, as a header says."""
    facts = facts if isinstance(facts, dict) else {}
    code, shape, ends = facts.get("dtype"), _counts(facts.get("shape")), _counts(facts.get("data_offsets"))
    if shape is None or len(shape) > 8:
        raise Damaged(f"{name:.80} has the shape {facts.get('shape')!r:.60}, which is none")
    if not isinstance(code, str) or ends is None or len(ends) != 2 or ends[0] > ends[1]:
        raise Damaged(f"{name:.80} has no type, or no place in the file")
    return ends[0], ends[1], name, code, shape


def _counts(value: Any) -> tuple[int, ...] | None:
    return tuple(value) if isinstance(value, list) and all(type(n) is int and n >= 0 for n in value) else None


def arrays(data: bytes | memoryview) -> dict[str, np.ndarray]:
    """The arrays of a file's bytes, which they share; errors as those of :func:`stored` and :meth:`Stored.read`."""
    return {name: array.read() for name, array in stored(data).items()}
