"""Files of arrays: what every reader shares. Sizes are checked before memory is taken."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine import memory

#: The largest file that is opened, where the machine does not say how much memory it has.
LARGEST = 8 * 2**30
#: A compressed member that claims to be so many times its stored size is a bomb.
RATIO = 1100


class ImportFileError(ValueError):
    """A file cannot be read; the message begins with the file's name and says what was found."""

    def __init__(self, path: str | Path, what: str) -> None:
        super().__init__(f"{Path(path).name}: {what}")
        self.path, self.what = Path(path), what

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        return ImportFileError, (self.path, self.what)


@dataclass(frozen=True)
class Entry:
    """An array in a file that has not been read yet.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        numpy's name, or "bfloat16".
    read : callable
        Returns the array.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]

    @property
    def floating(self) -> bool:
        """Whether it holds real numbers."""
        return self.dtype in ("float16", "float32", "float64", "bfloat16")


Entries = Mapping[str, Entry]


def limit() -> int:
    """How many bytes a file may bring: half of the memory that is free."""
    free = memory.available()
    return LARGEST if free is None else free // 2


def read_bytes(path: Path) -> bytes:
    """Read a whole file; ImportFileError where it is not there, empty, a folder or too large."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise ImportFileError(path, "is a folder; a file of weights is expected")
        if size == 0:
            raise ImportFileError(path, "is empty")
        if size > limit():
            raise ImportFileError(path, f"has {size:,} bytes, more than the {limit():,} that can be read here")
        return path.read_bytes()
    except OSError as error:
        raise ImportFileError(path, f"cannot be read: {error.strerror or error}") from None


def check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive whose members are encrypted, overlap, or unpack to more than the memory holds."""
    total, at = 0, -1
    for info in sorted(archive.infolist(), key=lambda member: member.header_offset):
        total += info.file_size
        if info.flag_bits & 1:
            raise ImportFileError(path, f"its member {info.filename!r} is encrypted")
        if info.header_offset < at:
            raise ImportFileError(path, f"its member {info.filename!r} overlaps the one before it")
        at = info.header_offset + info.compress_size
        if info.file_size > RATIO * max(1, info.compress_size):
            raise ImportFileError(path, f"its member {info.filename!r} claims to unpack to {info.file_size:,} bytes")
    if total > limit():
        raise ImportFileError(path, f"unpacks to {total:,} bytes, more than the {limit():,} that can be read here")


def check_shape(path: Path, name: str, shape: tuple[int, ...], itemsize: int, nbytes: int) -> None:
    """Refuse an array whose shape is not the one of its bytes."""
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in shape) or len(shape) > 8:
        raise ImportFileError(path, f"{name} has the shape {shape}, which is none")
    if math.prod(shape) * itemsize != nbytes:
        raise ImportFileError(
            path, f"{name} of shape {shape} needs {math.prod(shape) * itemsize:,} bytes and has {nbytes:,}"
        )


def from_bfloat16(raw: np.ndarray) -> np.ndarray:
    """float32 from bfloat16's 16 bits, its upper half."""
    return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
