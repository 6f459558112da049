"""Files written whole or not at all: at every moment the old content is there, or the new one."""

from __future__ import annotations

import glob
import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from engine.stop import Stop

TEMPORARY = ".saving"
PIECE = 2**20
Content = bytes | Callable[[IO[bytes]], object]
"""What a file holds, or what writes it to a stream."""


@contextmanager
def replacing(path: Path, stop: Stop | None = None) -> Iterator[Path]:
    """Replace a file by what the block writes to the path that it is given, beside its place.

    At every moment the old or the new one is there, whole. Where the path is a link, what it points at is replaced. An
    old file's mode is the new one's.

    Raises
    ------
    Cancelled
        It is not wanted any more; what was there is untouched.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}{TEMPORARY}")
    open(temporary, "xb").close()
    try:
        yield temporary
        with open(temporary, "rb+") as file:  # Windows syncs no file that can only be read
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        with (stop or Stop()).placing():
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: Content, stop: Stop | None = None) -> None:
    """Replace a file by new content, as :func:`replacing` does; it can be cancelled between any two pieces."""
    with replacing(path, stop) as temporary, Watched(temporary, stop) as file:
        file.fill(content)


class Watched(io.BufferedRandom):
    """A file to write, of which every write asks first whether it is still wanted."""

    def __init__(self, path: Path, stop: Stop | None = None) -> None:
        super().__init__(io.FileIO(path, "w+"))
        self._check = (stop or Stop()).check

    def write(self, data: Any) -> int:
        """Write, or raise `Cancelled`."""
        self._check()
        return super().write(data)

    def fill(self, content: Content) -> None:
        """Write bytes in pieces, or have everything written by what is given."""
        if isinstance(content, bytes):
            for start in range(0, len(content), PIECE):
                self.write(content[start : start + PIECE])
        else:
            content(self)


def sweep(folder: Path, name: str = "") -> int:
    """Remove what interrupted saves left in a folder, of one file or of all; how many files it was."""
    begins = glob.escape(f".{name[:40]}.") if name else "."
    left = [path for path in folder.glob(f"{begins}*{TEMPORARY}") if path.is_file()]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)
