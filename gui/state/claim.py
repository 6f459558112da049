"""Which files are open in which window, so that two windows on one file notice each other."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
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
    folder : Path, optional
        Where claims are kept; not beside the file, whose folder may be read-only. None: nowhere, and every file is
        free.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock: QLockFile | None = None
        self._name = ""

    def take(self, path: Path | None, always: bool = True) -> Elsewhere | None:
        """Claim a file, and let go of the one before.

        Parameters
        ----------
        path : Path or None
            None: only let go.
        always : bool
            Whether the one before is let go of also where another window has the file.

        Returns
        -------
        Elsewhere or None
            None where the file is claimed, or where no claims can be kept.
        """
        name = "" if path is None else key(path)
        if name == self._name and self._lock is not None:
            return None
        lock, file = None, self._folder and name and self._folder / f"{name}.lock"
        if file:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                lock = locked(file)
            except OSError:
                file = None
        held = _holder(file) if file and lock is None else None
        if held is None or always:
            self.release()
        if lock is not None:
            self._lock, self._name = lock, name
        return held

    def seize(self, path: Path) -> bool:
        """Claim a file that another machine has: its window may be long gone, which cannot be seen from here."""
        if self._folder is None:
            return False
        self.release()
        with suppress(OSError):
            (self._folder / f"{key(path)}.lock").unlink(missing_ok=True)
        return self.take(path) is None

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
