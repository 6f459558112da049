"""A file and what lies beside it, another file or a folder: both are written, or neither."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.stop import Stop
from engine.writing import TEMPORARY, Content, Watched, write_whole


def write_both(path: Path, content: bytes, beside: Path, make: Callable[[Path], None], stop: Stop | None) -> None:
    """Write a file, and put in its place what lies beside it.

    Parameters
    ----------
    path : Path
    content : bytes
    beside : Path
        What is there gives way.
    make : callable
        Is given a path that is free, and makes there what will lie at ``beside``.
    stop : Stop or None

    Raises
    ------
    OSError, Cancelled
        What was there is there again.
    """
    beside = Path(os.path.realpath(beside))
    with tempfile.TemporaryDirectory(TEMPORARY, ".", beside.parent) as place:
        new, old = Path(place) / "new", Path(place) / "old"
        make(new)
        try:
            if beside.exists():
                beside.rename(old)
            new.rename(beside)
            write_whole(path, content, stop)
        except BaseException:
            if not new.exists():
                beside.rename(new)
            if old.exists():
                old.rename(beside)
            raise


def write_part(path: Path, content: Content, stop: Stop | None) -> None:
    """Write what is not in its place yet."""
    with Watched(path, stop) as file:
        file.fill(content)
        file.flush()
        os.fsync(file.fileno())
