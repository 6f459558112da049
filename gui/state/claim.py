"""Which files are open in which window, so that two windows on one file notice each other."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QLockFile, QStandardPaths, QSysInfo


def data_folder() -> Path:
    """Where the application keeps what is not the user's to name: log, recovery files, claims."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppLocalDataLocation))


@dataclass(frozen=True)
class Elsewhere:
    """Another window that has the file open.

    Attributes
    ----------
    since : datetime
    host : str
        The other machine's name; empty: this one.
    """

    since: datetime
    host: str


class Claim:
    """The one file that a window has open for writing.

    Parameters
    ----------
    folder : Path
        Where claims are kept; not beside the file, whose folder may be read-only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: QLockFile | None = None
        self._name = ""

    def take(self, path: Path) -> Elsewhere | None:
        """Claim a file, and let go of the one before; where another window has it, say so and keep what is.

        Where no claims can be kept, every file is free.
        """
        name = key(path)
        if self._lock is not None and name == self._name:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        lock = locked(self._folder / f"{name}.lock")
        if lock is None:
            return _holder(self._folder / f"{name}.lock")
        self.release()
        self._lock, self._name = lock, name
        return None

    def release(self) -> None:
        """Let go of the file."""
        if self._lock is not None:
            self._lock.unlock()
            self._lock, self._name = None, ""


def key(path: Path) -> str:
    """What tells one file from another, however its path is written."""
    return hashlib.sha256(os.fsencode(os.path.normcase(os.path.realpath(path)))).hexdigest()[:32]


def locked(path: Path) -> QLockFile | None:
    """Lock a file; None where a living process holds it. A lock that cannot be written counts as held by us."""
    lock = QLockFile(str(path))
    lock.setStaleLockTime(0)  # a lock is stale when its process is gone, however old it is
    if lock.tryLock(0) or lock.error() != QLockFile.LockError.LockFailedError:
        return lock
    return None


def _holder(path: Path) -> Elsewhere:
    found = QLockFile(str(path)).getLockInfo()  # process, host, program; empty where it cannot be read
    host = str(found[-2]) if isinstance(found, tuple) and len(found) > 1 else ""
    try:
        since = datetime.fromtimestamp(path.stat().st_mtime)
    except OSError:
        since = datetime.now()
    return Elsewhere(since, "" if host == QSysInfo.machineHostName() else host)
