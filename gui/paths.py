"""Paths as they are shown: short, and without the name of the user's folder."""

from __future__ import annotations

import os
from pathlib import Path

from gui.state.claim import data_folder


def log_file() -> Path:
    """Where the log is written."""
    return data_folder() / "loopscope.log"


def crash_file() -> Path:
    """Where Python's last words are written when the process is killed by a fault in a library."""
    return data_folder() / "crash.log"


def short(path: Path) -> str:
    """A path with the user's own folder written as ``~``."""
    return veiled(str(path))


def veiled(text: str) -> str:
    """A text in which the user's own folder is written as ``~``, wherever it is named."""
    homes = {os.path.expanduser("~"), os.path.realpath(os.path.expanduser("~"))}
    for home in sorted((each.rstrip("/\\") for each in homes), key=len, reverse=True):
        if len(home) > 1 and home != "~":
            text = text.replace(home, "~").replace(home.replace("\\", "/"), "~")
    return text
