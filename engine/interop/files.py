"""Files of arrays: what every reader shares. Sizes are checked before memory is taken."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from engine import memory
from engine.interop.dtypes import itemsize

#: The largest file that is opened, where the machine does not say how much memory it has.
LARGEST = 8 * 2**30
#: A compressed member that claims to be so many times its stored size is a bomb.
RATIO = 1100
#: And one of whose members, together, no more than this part is stored; small ones may be all zeros.
SHARE, SMALL = 100, 64 * 2**20
LONGEST = 280
PIECE = 2**20
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Damaged(ValueError):
    """The content of a file is not what its format says; the message says what, in a few words."""


class ImportFileError(ValueError):
    """A file cannot be read; the message begins with the file's name and says what was found.

    It is one line, and not endless, whatever names the file holds.
    """

    def __init__(self, path: str | Path, what: str) -> None:
        what = shown(what, LONGEST)
        super().__init__(f"{_line(Path(path).name)}: {what}")
        self.path, self.what = Path(path), what

    def __reduce__(self) -> tuple[type, tuple[Path, str]]:
        return ImportFileError, (self.path, self.what)


def shown(text: Any, most: int) -> str:
    """A text of a file as it may be shown: on one line, of letters that can be seen, and not endless."""
    line = _line(str(text)[: 4 * most])
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _line(text: str) -> str:
    """A text on one line, of letters that can be shown."""
    plain = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in re.sub(r"\s+", " ", plain))


def reason(error: BaseException) -> str:
    """Say in a few words why a file could not be read: libraries speak of their own insides, and advise to trust it."""
    if isinstance(error, Damaged | ImportFileError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"its JSON is broken at line {error.lineno}, column {error.colno}"
    kinds: dict[type[BaseException] | tuple[type[BaseException], ...], str] = {
        (zipfile.BadZipFile, zlib.error): "its zip archive is broken",
        UnicodeError: "a text in it is not UTF-8",
        EOFError: "it is cut short",
        RecursionError: "it is nested beyond reason",
        MemoryError: "it asks for more memory than there is",
        LookupError: "a part of it is missing",
    }
    return next((said for kind, said in kinds.items() if isinstance(error, kind)), "its content is not what it says")


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
    container : str
        What its name begins with because of where its state dict lies in the file ("model.state_dict"), not in the
        program's model.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]
    container: str = ""

    @property
    def floating(self) -> bool:
        """Whether it holds real numbers."""
        return self.dtype in ("float16", "float32", "float64", "bfloat16")


Entries = Mapping[str, Entry]


def limit() -> int:
    """How many bytes a file may bring: half of the memory that is free."""
    free = memory.available()
    return LARGEST if free is None else free // 2


def opened(path: Path) -> IO[bytes]:
    """Open a file that is one, and not a pipe that would be waited for; what was looked at is what is read.

    Raises
    ------
    ImportFileError
        It is not there, a folder, or no file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError:
        raise ImportFileError(path, "is no name that a file can have") from None
    except OSError as error:
        if path.is_dir():  # Windows opens none
            raise ImportFileError(path, "is a folder; a file is expected") from None
        raise ImportFileError(path, f"cannot be read: {error.strerror or error}") from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = "is a folder" if stat.S_ISDIR(mode) else "is a device or a pipe"
        raise ImportFileError(path, f"{what}; a file is expected")
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Read a whole file; ImportFileError where it is not there, empty, a folder or too large.

    Parameters
    ----------
    path : Path
    most : int, optional
        How many bytes it may have; by default as many as :func:`limit` says.
    """
    most = limit() if most is None else most
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ImportFileError(path, "is empty")
        if size > most:
            raise ImportFileError(path, f"has {size:,} bytes, more than the {most:,} that can be read here")
        try:
            data = file.read(size + 1)
        except OSError as error:
            raise ImportFileError(path, f"cannot be read: {error.strerror or error}") from None
    if len(data) != size:
        raise ImportFileError(path, "was changed while it was read")
    return data


def read_text(path: Path, data: bytes) -> str:
    """Return a file's bytes as text; ImportFileError where they are not UTF-8, or hold no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFileError(
            path, f"is not a text in UTF-8: byte {error.start} is 0x{data[error.start]:02x}"
        ) from None
    if "\0" in text:
        raise ImportFileError(path, f"is not a text: it holds a zero byte at {text.index(chr(0))}")
    if text.isspace() or not text:
        raise ImportFileError(path, "holds nothing but spaces")
    return text


def check_members(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive whose members are encrypted, overlap, or unpack to more than is to be believed."""
    total, stored, at = 0, 0, -1
    for info in sorted(archive.infolist(), key=lambda member: member.header_offset):
        total, stored = total + info.file_size, stored + info.compress_size
        if info.flag_bits & 1:
            raise ImportFileError(path, f"its member {info.filename!r} is encrypted")
        if info.compress_type not in COMPRESSIONS:
            raise ImportFileError(path, f"its member {info.filename!r} is compressed in a way not known here")
        if info.header_offset < at:
            raise ImportFileError(path, f"its member {info.filename!r} overlaps the one before it")
        at = info.header_offset + info.compress_size
        if info.file_size > RATIO * max(1, info.compress_size):
            raise ImportFileError(path, f"its member {info.filename!r} claims to unpack to {info.file_size:,} bytes")
    if total > limit():
        raise ImportFileError(path, f"unpacks to {total:,} bytes, more than the {limit():,} that can be read here")
    if implausible(total, stored):
        raise ImportFileError(path, f"unpacks to {total:,} bytes from {stored:,}, which no network's numbers do")


def implausible(total: int, stored: int) -> bool:
    """Whether so many bytes of numbers are more than a file of so many bytes may make."""
    return total > most_plausible(stored)


def most_plausible(stored: int) -> int:
    """How many bytes of numbers a file of so many bytes may make."""
    return max(SMALL, SHARE * stored)


def check_shared(path: Path, found: Entries, stored: int) -> None:
    """Refuse arrays that take far more memory than the file: each may be the same numbers once more."""
    total = sum(math.prod(entry.shape) * itemsize(entry.dtype) for entry in found.values())
    if implausible(total, stored):
        raise ImportFileError(path, f"makes {total:,} bytes of numbers from {stored:,}, shared by all")


def unpacked(archive: zipfile.ZipFile, name: str) -> memoryview:
    """Unpack a member in pieces, none of which holds up another thread, and no more of it than it says.

    ``ZipFile.read`` would unpack all that is there, and then cut it.

    Raises
    ------
    zipfile.BadZipFile, zlib.error, KeyError, EOFError
        It is damaged, or not there.
    """
    found, at = np.empty(archive.getinfo(name).file_size, np.uint8).data, 0
    with archive.open(name) as stream:
        while piece := stream.read(PIECE):
            found[at : at + len(piece)] = piece
            at += len(piece)
    if at != len(found):
        raise EOFError
    return found.toreadonly()


def member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member as :func:`unpacked`, where it is small or has to be bytes."""
    return bytes(unpacked(archive, name))


def check_shape(path: Path, name: str, shape: tuple[int, ...], itemsize: int, nbytes: int) -> None:
    """Refuse an array whose shape is not the one of its bytes, or that no array may have though it is empty."""
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape)
    if not whole or len(shape) > 8 or (0 in shape and math.prod(n or 1 for n in shape) > LARGEST):
        raise ImportFileError(path, f"{name} has the shape {shape}, which is none")
    if math.prod(shape) * itemsize != nbytes:
        raise ImportFileError(
            path, f"{name} of shape {shape} needs {math.prod(shape) * itemsize:,} bytes and has {nbytes:,}"
        )
