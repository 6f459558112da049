"""What every error of a file has to be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.interop import ImportFileError

LONGEST = 300
#: Python's insides, a library's, and advice to switch a protection off.
FORBIDDEN = re.compile(
    r"Traceback|[A-Za-z]+Error\b|Exception|object at 0x|<class|<built-in|NoneType|not subscriptable|has no attribute|"
    r"positional argument|allow_pickle|weights_only|max_header|set_int_max|trust|unsafe|codec can|pickled \(object",
)


def attempt(read: Callable[[Path], Any], path: Path) -> str:
    """Read a file; return what was said of it, empty where it was read. Fails where that is no clear sentence."""
    try:
        read(path)
    except ImportFileError as error:
        check(str(error), path)
        return str(error)
    return ""


def check(said: str, path: Path) -> None:
    """A sentence names the file and what is wrong with it, and no more than that."""
    assert said.startswith(f"{path.name}: "), said
    assert len(said) - len(path.name) <= LONGEST, f"{len(said)} letters: {said}"
    assert said.isprintable(), ascii(said)
    found = FORBIDDEN.search(said)
    assert found is None, f"{found[0]!r} in: {said}"
