"""Unsaved work kept aside while the window runs, and what windows that did not end well have left."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from engine import writing
from engine.projects import ProjectError
from gui.state import storing
from gui.state.app_state import AppState
from gui.state.claim import locked
from gui.state.file import File
from gui.state.glance import Glance, glance
from gui.state.project import Project
from gui.state.storing import Origin, View
from gui.work.worker import Worker

INTERVAL_MS = 2500
"""So long after an edit it is kept aside. What an edit misses of a write that is under way waits for the next one, so
that ten seconds are not reached as long as a write takes less than three."""
WORK, LOCK = "work.loopscope", "lock"


class Keeper(QObject):
    """Writes the unsaved project aside, off the GUI's thread, and takes it away when nothing is unsaved.

    Parameters
    ----------
    state : AppState
    file : File
    folder : Path
        Where the recovery files of all windows are, each in a folder of its own.
    capture : callable
        Returns the view that is kept with the project.
    """

    kept = Signal()
    """The unsaved work is aside, as it is."""
    failed = Signal(str)
    """It could not be written, and why; said once until it can be again."""

    def __init__(
        self, state: AppState, file: File, folder: Path, capture: Callable[[], View], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._state, self._file, self._folder, self._capture = state, file, folder, capture
        self._own: Path | None = None
        self._lock: QLockFile | None = None
        self._aside: tuple[Project, Origin | None] | None = None
        self._writing: tuple[Project, Origin | None] | None = None
        self._failing = self._closed = self._again = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.keep)
        self._worker = Worker("recovery", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        state.document.project_changed.connect(self._follow)
        file.changed.connect(self._follow)
        self._follow()

    @property
    def path(self) -> Path | None:
        """Where the unsaved work is; None where nothing is aside."""
        return None if self._own is None or self._aside is None else self._own / WORK

    @property
    def waiting(self) -> bool:
        """Whether an edit is not aside yet."""
        return self._timer.isActive() or self._writing is not None

    def keep(self) -> None:
        """Put the work aside now."""
        self._timer.stop()
        if self._closed or not self._file.modified:
            return
        if self._writing is not None:
            self._again = True
            return
        try:
            own = self._place()
        except OSError as error:
            self._say(error)
            return
        now = self._now()
        self._writing = now
        self._worker.submit(partial(_write, own / WORK, now[0], self._capture(), now[1]))

    def close(self, over: bool = True) -> None:
        """Stop.

        Parameters
        ----------
        over : bool
            The window ends as the user wants it: nothing stays aside. False: it ends without having asked, and
            what is unsaved is there at the next start.
        """
        self._closed = True
        self._timer.stop()
        self._worker.close()
        self._writing = None
        if self._own is not None and self._lock is not None:
            if over or not self._file.modified:
                _remove(self._own, self._lock)
            self._lock.unlock()
        self._own = self._lock = self._aside = None

    def _follow(self) -> None:
        if self._closed:
            return
        if not self._file.modified:
            self._timer.stop()
            self._drop()
        elif self._now() not in (self._aside, self._writing) and not self._timer.isActive():
            self._timer.start()

    def _now(self) -> tuple[Project, Origin | None]:
        return self._state.document.project, self._file.origin

    def _place(self) -> Path:
        """This window's own folder, made and locked when it is first needed."""
        if self._own is None or not self._own.is_dir():
            own = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}"
            own.mkdir(mode=0o700, parents=True)
            self._own, self._lock, self._aside = own, locked(own / LOCK), None
        elif self._lock is not None and not self._lock.isLocked():
            self._lock.tryLock(0)  # there was no room for it, say; without it another window would offer this work
        return self._own

    def _drop(self) -> None:
        """Take away what is aside, unless it is just being written: then it goes when it is there."""
        if self._own is not None and self._writing is None and self._aside is not None:
            with suppress(OSError):  # another program may be looking at it; it goes with the window
                (self._own / WORK).unlink(missing_ok=True)
            self._aside = None

    def _on_done(self, ticket: int, result: object) -> None:
        self._aside, self._writing = self._writing, None
        self._failing, again, self._again = False, self._again, False
        self._follow()
        if self._aside == self._now():
            self.kept.emit()
        elif again:
            self.keep()

    def _on_failed(self, ticket: int, error: Exception) -> None:
        self._writing, self._again = None, False
        self._say(error)

    def _say(self, error: Exception) -> None:
        """Say it once, and try again as long as there is something to keep."""
        if not self._failing:
            self._failing = True
            self.failed.emit(_why(error))
        if self._file.modified:
            self._timer.start()


def _remove(own: Path, lock: QLockFile) -> None:
    """Remove a window's folder; some systems do not remove a lock while it is held."""
    with suppress(OSError):
        (own / WORK).unlink(missing_ok=True)
    lock.unlock()
    shutil.rmtree(own, ignore_errors=True)


def _write(path: Path, project: Project, view: View, origin: Origin | None) -> None:
    storing.write(path, project, view, origin=origin)


def _why(error: Exception) -> str:
    """What stands in the way, without saying again what is about to be said."""
    within = error.__context__ if isinstance(error, ProjectError) else error
    return within.strerror or str(within) if isinstance(within, OSError) else str(error)


# What was left ---------------------------------------------------------------------------------------------------


@dataclass
class Leftover:
    """The unsaved work of a window that is gone; no other window is offered it meanwhile.

    Attributes
    ----------
    path : Path
        The recovery file.
    when : datetime
        When it was written last.
    what : Glance or None
        What it is of; None where it cannot be read.
    """

    path: Path
    when: datetime
    what: Glance | None
    lock: QLockFile

    def discard(self) -> None:
        """Remove it for good."""
        _remove(self.path.parent, self.lock)

    def later(self) -> None:
        """Leave it for the next start."""
        self.lock.unlock()


def leftovers(folder: Path) -> list[Leftover]:
    """What windows that are gone have left, the newest first; what interrupted saves left is swept away.

    A folder that cannot be read has nothing.
    """
    found = []
    try:
        folders = [own for own in folder.iterdir() if own.is_dir()]
    except OSError:
        return []
    for own in folders:
        lock = locked(own / LOCK)
        if lock is None:
            continue  # its window is there
        work = own / WORK
        try:
            writing.sweep(own)
            when = datetime.fromtimestamp(work.stat().st_mtime)
            found.append(Leftover(work, when, glance(work), lock))
        except FileNotFoundError:
            _remove(own, lock)
        except OSError:
            lock.unlock()
    return sorted(found, key=lambda each: each.when, reverse=True)
