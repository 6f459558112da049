"""Readers of one file format each: a file as named arrays that have not been read yet."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from engine.interop import _unpickle, keras_files, onnx_files, recognise, tensors
from engine.interop._unpickle import Found, Tensor
from engine.interop.converted import Converted, Told
from engine.interop.dtypes import from_bytes, itemsize
from engine.interop.files import (
    Damaged,
    Entries,
    Entry,
    ImportFileError,
    check_members,
    check_shape,
    implausible,
    member,
    opened,
    read_bytes,
    reason,
    unpacked,
)

#: NumPy itself reads no longer header of an array.
LONGEST_HEADER = 2**14
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
ZIP, LONGEST_MAGIC = b"PK\x03\x04", 64
#: A pickle is text and numbers: a larger one that is packed more tightly than this was made to be large.
LARGE_PICKLE, PACKED = 16 * 2**20, 8
#: Files whose gates lie otherwise than torch lays them.
CONVERTED = (*keras_files.SUFFIXES, *onnx_files.SUFFIXES)
SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".safetensors", ".npz", *CONVERTED)


def entries(path: Path) -> Entries:
    """List the arrays of a file by name.

    Raises
    ------
    ImportFileError
        The file is not there, of another kind, or damaged.
    """
    if not holds(path):
        raise ImportFileError(path, f"is no file of weights known here; there are {', '.join(SUFFIXES)}")
    data = read_bytes(path)
    try:
        if path.suffix.lower() == ".safetensors":
            return _safetensors(data)
        if path.suffix.lower() == ".npz":
            return _npz(path, data)
        if path.suffix.lower() in keras_files.SUFFIXES:
            return keras_files.entries(path, data)
        if path.suffix.lower() in onnx_files.SUFFIXES:
            return onnx_files.entries(path, data)
        return _torch_zip(path, data) if data[:4] == ZIP else _torch_legacy(path, data)
    except ImportFileError:
        raise
    except Exception as error:  # the readers of damaged files raise every kind
        raise ImportFileError(path, f"is damaged or not what its name says: {reason(error)}") from None


def holds(path: Path) -> bool:
    """Whether a file is one of weights: by its name, and where that does not say, by what torch.save writes.

    Checkpoints are called ``model_best.pth.tar``, ``model.pkl``, or have no ending at all.
    """
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with opened(path) as file:
            begins = file.read(LONGEST_MAGIC)
            if begins[:4] != ZIP:
                return _unpickle.Reader(begins).load() == LEGACY_MAGIC
            with zipfile.ZipFile(file) as archive:
                return bool(_pickles(archive))
    except Exception:  # of other files every kind
        return False


def _pickles(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in archive.namelist() if name.endswith("data.pkl") and name.count("/") <= 1]


def _shown(key: Any) -> str:
    """A key of the file as an error quotes it."""
    return repr(key)[:40] if isinstance(key, str) else f"of type {type(key).__name__}"


def _safetensors(data: bytes) -> Entries:
    stored = tensors.stored(data)
    found = {name: Entry(array.shape, array.dtype, array.read) for name, array in stored.items() if array.dtype}
    twice = {name: found[other] for name, other in tensors.shared(data).items() if other in found}
    return twice | found


def _npz(path: Path, data: bytes) -> Entries:
    found, archive = {}, zipfile.ZipFile(io.BytesIO(data))
    check_members(path, archive)
    for info in archive.infolist():
        if not info.filename.endswith(".npy"):
            continue
        name = info.filename[: -len(".npy")]
        with archive.open(info) as stream:  # which would unpack as much as a header claims to have
            start = io.BytesIO(stream.read(min(info.file_size, LONGEST_HEADER)))
        shape, _, dtype = npy_header(path, name, start, info.file_size)
        found[name] = Entry(shape, dtype.name, partial(_npy, path, archive, info.filename))
    return found


def npy_header(path: Path, name: str, stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read the header of an ``.npy`` of so many bytes: the array's shape, whether it is in Fortran's order, its type.

    Raises
    ------
    ImportFileError
    Exception
        Of any kind, where the header is damaged.
    """
    try:
        version = np.lib.format.read_magic(stream)
    except ValueError:
        raise Damaged(f"{name} does not begin as NumPy's arrays do") from None
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of types that NumPy is about to drop
            shape, fortran, dtype = header(stream)
    except Exception:  # the parser of Python raises every kind
        raise Damaged(f"the header of {name} is none that NumPy writes") from None
    if dtype.hasobject:
        raise ImportFileError(path, f"{name} holds Python objects, which are not read")
    if not dtype.itemsize:  # of values without a width a file may have as many as it likes
        raise ImportFileError(path, f"{name} holds values of type {dtype}; real numbers are wanted")
    check_shape(path, name, shape, dtype.itemsize, size - stream.tell())
    return shape, fortran, dtype


def npy_array(path: Path, name: str, data: bytes | memoryview) -> np.ndarray:
    """Read an ``.npy``; errors as of :func:`npy_header`."""
    stream = io.BytesIO(data[:LONGEST_HEADER])
    shape, fortran, dtype = npy_header(path, name, stream, len(data))
    if dtype.kind not in "biufc":
        raise ImportFileError(path, f"{name} holds values of type {dtype}; real numbers are wanted")
    return np.ndarray(shape, dtype, data, stream.tell(), order="F" if fortran else "C").copy(order="K")


def _npy(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    try:
        return npy_array(path, name[:-4], unpacked(archive, name))
    except ImportFileError:
        raise
    except Exception as error:  # as above
        raise ImportFileError(path, f"its array {name[:-4]} is damaged: {reason(error)}") from None


def _torch_zip(path: Path, data: bytes) -> Entries:
    archive = zipfile.ZipFile(io.BytesIO(data))
    check_members(path, archive)
    names = archive.namelist()
    pickles = _pickles(archive)
    if not pickles:
        raise ImportFileError(path, "is a zip archive without a data.pkl: not written by torch.save")
    before = pickles[0][: -len("data.pkl")]
    order = member(archive, f"{before}byteorder").strip() if f"{before}byteorder" in names else b"little"
    if order != b"little":
        raise ImportFileError(path, f"was written with {order[:20].decode(errors='replace')}-endian numbers")
    info = archive.getinfo(pickles[0])
    if info.file_size > max(LARGE_PICKLE, PACKED * info.compress_size):
        raise ImportFileError(path, f"its data.pkl unpacks to {info.file_size:,} bytes, which no checkpoint's does")
    reader = _unpickle.Reader(member(archive, pickles[0]), stored=min(info.compress_size, len(data)))
    found = _unpickle.search(reader.load())
    _check_quantized(path, reader, found)
    uses = Counter(tensor.storage.key for tensor in found.tensors.values())
    shared: dict[str, memoryview] = {}

    def storage(key: str) -> memoryview:
        if uses[key] == 1:
            return unpacked(archive, f"{before}data/{key}")
        if key not in shared:  # once, however many tensors are parts of it, and in whatever order they are read
            shared[key] = unpacked(archive, f"{before}data/{key}")
        return shared[key]

    return _described(path, found, storage, lambda key: archive.getinfo(f"{before}data/{key}").file_size)


def _torch_legacy(path: Path, data: bytes) -> Entries:
    try:
        header = _unpickle.Reader(data)
        magic = header.load()
    except Damaged:
        magic = None
    if magic != LEGACY_MAGIC:
        raise ImportFileError(path, "is neither a zip archive nor a file of the older format of torch.save")
    at = header.at
    for _ in ("protocol version", "system"):
        facts = _unpickle.Reader(data, at)
        facts.load()
        at = facts.at
    reader = _unpickle.Reader(data, at)
    found = _unpickle.search(reader.load())
    _check_quantized(path, reader, found)
    listed = _unpickle.Reader(data, reader.at)
    keys, at = listed.load(), listed.at
    raw: dict[str, bytes] = {}
    for key in keys if isinstance(keys, list) else []:
        known = reader.storages.get(key) if isinstance(key, str) else None
        numel = int.from_bytes(data[at : at + 8], "little", signed=True)
        at += 8
        end = at + numel * itemsize(known.dtype) if known else 0
        if known is None or numel != known.numel or not at <= end <= len(data):
            raise ImportFileError(path, f"its storage {_shown(key)} of {numel:,} numbers is cut short or not described")
        raw[known.key], at = data[at:end], end
    return _described(path, found, raw.__getitem__, lambda key: len(raw[key]))


def _check_quantized(path: Path, reader: _unpickle.Reader, found: Found) -> None:
    """Say of a quantized network that it is one: its weights are in a form of their own, under other names."""
    if reader.quantized and not any(map(recognise.NAME.match, found.tensors)):
        said = "holds a quantized network, whose weights cannot be shown: save it as it was before it was quantized"
        raise ImportFileError(path, said)


def _described(path: Path, contents: Found, storage: Any, size: Any) -> Entries:
    """Entries for the tensors of a file; each is checked against the bytes that its storage has."""
    found: dict[str, Entry] = {}
    stored: dict[str, int] = {}
    total = 0
    for name, tensor in contents.tensors.items():
        shape, stride, width = tensor.shape, tensor.stride, itemsize(tensor.storage.dtype)
        try:
            stored[tensor.storage.key] = size(tensor.storage.key)
            available, rest = divmod(stored[tensor.storage.key], width)
        except KeyError:
            raise ImportFileError(path, f"{name} refers to numbers that the file does not hold") from None
        if len(shape) != len(stride):
            raise ImportFileError(path, f"{name} has {len(shape)} axes and {len(stride)} strides")
        last = tensor.offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True)) if 0 not in shape else 0
        wrong = rest or min((tensor.offset, *shape, *stride), default=0) < 0
        if wrong or (0 not in shape and last >= available) or math.prod(shape) > max(available, 1):
            raise ImportFileError(path, f"{name} of shape {shape} reaches past the {available:,} numbers it has")
        read = partial(_strided, path, name, tensor, storage)
        found[name] = Entry(shape, tensor.storage.dtype, read, contents.containers[name])
        total += math.prod(shape) * width
    if implausible(total, sum(stored.values())):
        raise ImportFileError(path, f"makes {total:,} bytes of tensors from {sum(stored.values()):,}, shared by all")
    return Converted(found, {name or recognise.TOP: _told(state) for name, state in contents.modules.items()})


def _told(state: dict[Any, Any]) -> Told:
    """What a module of torch that was pickled whole says of itself."""
    said, mode = state.get("nonlinearity"), state.get("mode")
    said = {"RNN_TANH": "tanh", "RNN_RELU": "relu"}.get(mode, said) if isinstance(mode, str) else said
    return Told(nonlinearity=said) if said in ("tanh", "relu") else Told()


def _strided(path: Path, name: str, tensor: Tensor, storage: Any) -> np.ndarray:
    try:
        flat = from_bytes(storage(tensor.storage.key), tensor.storage.dtype)
    except Exception as error:  # as above
        raise ImportFileError(path, f"its array {name} is damaged: {reason(error)}") from None
    steps = tuple(s * flat.itemsize for s in tensor.stride)
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps).copy()
