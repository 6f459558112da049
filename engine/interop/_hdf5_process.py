"""Run as a process of its own: lists an HDF5 file from its input and writes what it holds to its output.

A damaged file can bring the HDF5 library down, or keep it busy for ever. Here that ends this process and nothing else.
It imports nothing of this project, so that it starts fast.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
from typing import IO, Any

import numpy as np

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

#: Deflate, shuffle, checksum and LZF come with the library; others would be looked for on this machine.
FILTERS = {1, 2, 3, 32000}
MOST_OBJECTS, DEEPEST, RATIO = 100_000, 32, 1100
#: A piece that is unpacked at once is no larger than its array, or than this.
CHUNK = 16 * 2**20
DTYPES = (
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
)
NAMES = ("name", "layer_names", "weight_names", "model_config")
#: What the library itself needs beside the file and its arrays.
OVERHEAD = 2 * 2**30


class Refused(ValueError):
    """The file is not read; the message says why."""


def listed(h5py: Any, file: Any, limit: int, plausible: int) -> tuple[list[tuple[str, Any]], dict[str, dict[str, Any]]]:
    """The datasets of numbers by path, and the attributes of each group; no number has been read."""
    arrays: list[tuple[str, Any]] = []
    attributes: dict[str, dict[str, Any]] = {}
    waiting: list[tuple[str, Any]] = [("", file)]
    seen: set[int] = set()
    total = 0
    while waiting:
        place, group = waiting.pop()
        attributes[place] = texts(group)
        for name in group:
            where = f"{place}/{name}" if place else name
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Refused(f"its {where!r} is a link, which is not followed")
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            if address in seen or where.count("/") > DEEPEST or len(seen) >= MOST_OBJECTS:
                raise Refused(f"its {where!r} is nested or linked beyond reason")
            seen.add(address)
            if isinstance(found, h5py.Group):
                waiting.append((where, found))
            elif isinstance(found, h5py.Dataset) and found.dtype.kind in "fiub" and found.dtype.name in DTYPES:
                total += checked_size(found, where)
                arrays.append((where, found))
    if total > limit:
        raise Refused(f"unpacks to {total:,} bytes, more than the {limit:,} that can be read here")
    if total > plausible:
        raise Refused(f"unpacks to {total:,} bytes, which no network's numbers do in a file of its size")
    return arrays, attributes


def checked_size(dataset: Any, where: str) -> int:
    """How many bytes an array has, after a look at where they lie; none is read."""
    if dataset.shape is None or dataset.external or dataset.is_virtual:
        raise Refused(f"its array {where!r} lies in another file, or nowhere")
    properties = dataset.id.get_create_plist()
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    if not filters <= FILTERS:
        raise Refused(f"its array {where!r} is packed in a way that is not read here")
    stored, claimed = dataset.id.get_storage_size(), int(dataset.nbytes)
    if len(dataset.shape) > 8 or claimed > (RATIO * max(stored, 1) if filters else stored):
        raise Refused(f"its array {where!r} claims {claimed:,} bytes and stores {stored:,}")
    piece = math.prod(dataset.chunks or ()) * dataset.dtype.itemsize
    if piece > max(CHUNK, claimed):
        raise Refused(f"its array {where!r} of {claimed:,} bytes lies in pieces of {piece:,}")
    return claimed


def texts(group: Any) -> dict[str, Any]:
    """The attributes that are asked for, as texts and lists of texts; others are left alone."""
    found: dict[str, Any] = {}
    for name in NAMES:
        value = group.attrs.get(name)
        if isinstance(value, str | bytes):
            found[name] = text(value)
        elif isinstance(value, np.ndarray) and value.ndim == 1 and all(isinstance(v, str | bytes) for v in value):
            found[name] = [text(v) for v in value]
    return found


def text(value: str | bytes) -> str:
    """A text of either kind."""
    return value if isinstance(value, str) else value.decode("utf-8")


def say(out: IO[bytes], facts: dict[str, Any]) -> None:
    """Write one thing that this process has to say."""
    text = json.dumps(facts).encode()
    out.write(len(text).to_bytes(8, "little") + text)


def answer(data: bytes, limit: int, plausible: int, out: IO[bytes]) -> None:
    """Write what a file holds: all of it described, and then the arrays one by one, each after a word of its own."""
    import h5py

    try:
        with contextlib.closing(h5py.File(io.BytesIO(data), "r")) as file:
            found, attributes = listed(h5py, file, limit, plausible)
            facts = [[where, list(dataset.shape), dataset.dtype.name] for where, dataset in found]
            say(out, {"arrays": facts, "attributes": attributes})
            for _, dataset in found:
                value = np.asarray(dataset[()], dataset.dtype.newbyteorder("<"), order="C")
                say(out, {})
                out.write(value.reshape(-1).view(np.uint8).data)
    except Refused as error:
        say(out, {"refused": str(error)})
    except UnicodeError:
        say(out, {"refused": "is damaged: a name in it is not UTF-8"})
    except Exception as error:  # the library raises every kind on a damaged file
        lines = str(error).strip().splitlines()
        say(out, {"refused": f"is damaged or no HDF5 file ({lines[0][:160] if lines else type(error).__name__})"})


def main() -> None:
    """Read the file from the input; the arguments are how many bytes there is room for, and how many are plausible."""
    limit, plausible = map(int, sys.argv[1:])
    with contextlib.suppress(AttributeError, ValueError, OSError):  # not on every system
        resource.setrlimit(resource.RLIMIT_AS, (2 * limit + OVERHEAD,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer(sys.stdin.buffer.read(), limit, plausible, sys.stdout.buffer)


if __name__ == "__main__":
    main()
