"""ONNX files: the tensors of a graph as arrays that have not been read yet. No operation of it is run."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from engine.interop import onnx_layers, recognise
from engine.interop.converted import Converted
from engine.interop.dtypes import from_bytes, itemsize
from engine.interop.files import Entry, ImportFileError, check_shape, check_shared, limit, opened

SUFFIXES = (".onnx",)
#: ONNX's numbers of types, as numpy's names.
DTYPES = {1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
          11: "float64", 16: "bfloat16"}  # fmt: skip
EXTERNAL = 1
LONGEST_NAME = 255


def entries(path: Path, data: bytes) -> Converted:
    """List the arrays of an ``.onnx`` file by torch's names.

    Numbers that the exporter put into a second file are read where that lies in the same folder.

    Raises
    ------
    ImportFileError
        onnx is not installed, the file is damaged, or none of its recurrent nodes can be shown.
    """
    if importlib.util.find_spec("onnx") is None:
        raise ImportFileError(
            path, "the package onnx is needed to read it and is not installed: make run EXTRAS=onnx brings it, "
            "or pip install onnx",
        )  # fmt: skip
    import onnx

    try:
        graph = onnx.load_model_from_string(data).graph
    except Exception:  # protobuf has an error of its own
        raise ImportFileError(path, "is damaged or no ONNX file: its bytes are no message of protobuf") from None
    if not graph.node:
        raise ImportFileError(path, "is damaged or no ONNX file: it has no graph")
    arrays: dict[str, Entry] = {}
    total, outside = 0, dict[Path, int]()
    for name, tensor in _tensors(graph):
        found = _entry(path, name, tensor)
        if found is not None:
            arrays[name] = found
            total += math.prod(found.shape) * itemsize(found.dtype)
            if tensor.data_location == EXTERNAL:
                place, *_ = _outside(path, name, tensor)
                outside[place] = place.stat().st_size
    if total > limit():
        raise ImportFileError(path, f"holds {total:,} bytes of numbers, more than the {limit():,} that fit in here")
    try:
        found_layers, taken = onnx_layers.converted(graph, arrays)
    except onnx_layers.Refused as error:
        raise ImportFileError(path, str(error)) from None
    for tensor in graph.initializer:
        # What another exporter left of torch's own arrays is in the nodes already.
        entry = arrays.get(tensor.name)
        if entry and entry.floating and tensor.name not in taken and not recognise.NAME.match(tensor.name):
            found_layers.setdefault(tensor.name, entry)
    check_shared(path, found_layers, len(data) + sum(outside.values()))
    return found_layers


def _tensors(graph: Any) -> list[tuple[str, Any]]:
    """The graph's constants by the names under which its nodes read them."""
    found = [(tensor.name, tensor) for tensor in graph.initializer]
    for node in graph.node:
        if node.op_type == "Constant" and len(node.output) == 1:
            found += [(node.output[0], attribute.t) for attribute in node.attribute if attribute.name == "value"]
    return found


def _entry(path: Path, name: str, tensor: Any) -> Entry | None:
    """A tensor that has not been read; None where it is of a kind that no network here has."""
    dtype, shape = DTYPES.get(tensor.data_type), tuple(int(n) for n in tensor.dims)
    if dtype is None:
        return None
    read: Callable[[], np.ndarray]
    if tensor.data_location == EXTERNAL:
        place, start, length = _outside(path, name, tensor)
        size, read = length, partial(_from_file, path, place, start, length, dtype, shape)
    elif tensor.HasField("raw_data"):
        size, read = len(tensor.raw_data), partial(_from_bytes, tensor, dtype, shape)
    else:
        numbers = {"float32": tensor.float_data, "float64": tensor.double_data, "int64": tensor.int64_data}
        listed = numbers.get(dtype, tensor.int32_data)
        size, read = len(listed) * itemsize(dtype), partial(_from_list, listed, dtype, shape)
    check_shape(path, name, shape, itemsize(dtype), size)
    return Entry(shape, dtype, read)


def _outside(path: Path, name: str, tensor: Any) -> tuple[Path, int, int]:
    """Where the numbers of a tensor lie that are in another file: its path, the first byte, how many."""
    facts = {item.key: item.value for item in tensor.external_data}
    location = facts.get("location", "")
    parts = PureWindowsPath(location).parts
    beyond = len(location) > LONGEST_NAME or "\0" in location
    if (
        beyond
        or not parts
        or ".." in parts
        or PurePosixPath(location).is_absolute()
        or PureWindowsPath(location).anchor
    ):
        raise ImportFileError(path, f"{name} points to the file {location!r}, which is not beside it")
    folder = path.resolve().parent
    place = (folder / location).resolve()
    if not place.is_relative_to(folder):
        raise ImportFileError(path, f"{name} points to the file {location!r}, which is not beside it")
    if not place.is_file():
        raise ImportFileError(
            path, f"its numbers are in {location!r}, which is not there: it belongs in the same folder"
        )
    try:
        start = int(facts.get("offset", "0"))
        length = int(facts.get("length", place.stat().st_size - start))
    except ValueError:
        raise ImportFileError(path, f"{name} does not say where in {location!r} its numbers are") from None
    if start < 0 or length < 0 or start + length > place.stat().st_size:
        raise ImportFileError(path, f"{name} reaches past the end of {location!r}")
    return place, start, length


def _from_file(path: Path, place: Path, start: int, length: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    try:
        with opened(place) as file:
            file.seek(start)
            return from_bytes(file.read(length), dtype).reshape(shape)
    except (OSError, ValueError):
        raise ImportFileError(path, f"{place.name}, which holds its numbers, cannot be read") from None


def _from_bytes(tensor: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return from_bytes(tensor.raw_data, dtype).reshape(shape)


def _from_list(listed: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    if dtype in ("float16", "bfloat16"):  # kept as their bits
        return from_bytes(np.array(listed, np.uint32).astype("<u2").tobytes(), dtype).reshape(shape)
    return np.array(listed, dtype).reshape(shape)
