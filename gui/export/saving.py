"""Files written on a thread, and what is said when one is there or could not be written."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale, QObject, Signal

from engine.stop import Cancelled, Stop
from gui.state import wording
from gui.work.worker import Worker

Job = Callable[[Stop], Any]
"""Writes a file on the saver's thread, until it is said that it is not wanted any more."""

Write = Callable[[Path, Job], None]
"""Has a job done that writes the file at a path."""


def sentence(path: Path, error: BaseException) -> str:
    """What went wrong with a file, in one sentence."""
    if isinstance(error, MemoryError):
        return QCoreApplication.translate("saving", "{}: so large a picture does not fit into memory.").format(
            path.name
        )
    if isinstance(error, OSError):
        return QCoreApplication.translate("saving", "{}: cannot be written: {}").format(
            path.name, error.strerror or error
        )
    return wording.failure(error) if isinstance(error, Exception) else str(error)


def bytes_of(size: int) -> str:
    """A number of bytes as people read it: 2.3 MB."""
    return QLocale().formattedDataSize(size, 1, QLocale.DataSizeFormat.DataSizeSIFormat)


def size_of(path: Path) -> int:
    """Bytes of a file, or of everything in a folder."""
    files = [path] if path.is_file() else [inside for inside in path.rglob("*") if inside.is_file()]
    return sum(file.stat().st_size for file in files)


class Saver(QObject):
    """Writes files on a thread of its own, one after the other.

    Parameters
    ----------
    said, failed : callable
        Are given a sentence.
    parent : QObject
    """

    began = Signal(object)
    """This file is being written now: its Path."""
    idle = Signal(bool)
    """Nothing is being written any more; whether the last file is there."""

    def __init__(self, said: Callable[[str], object], failed: Callable[[str], object], parent: QObject) -> None:
        super().__init__(parent)
        self._said, self._failed = said, failed
        self._waiting: list[tuple[Path, Job]] = []
        self._path: Path | None = None
        self._stop = Stop()
        self._worker = Worker("exports", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._path is not None

    def write(self, path: Path, job: Job) -> None:
        """Write a file by calling ``job`` on the thread; what it raises is said in a sentence."""
        self._waiting.append((path, job))
        if self._path is None:
            self._next()

    def cancel(self, waiting: bool = False) -> None:
        """Stop what is being written, and perhaps what waits; a file that is not there yet will not be."""
        if waiting:
            self._waiting.clear()
        self._stop.cancel()

    def say_written(self, path: Path) -> None:
        """Say that a file is there."""
        self._said(self.tr("{} is written ({}).").format(path.name, bytes_of(size_of(path))))

    def close(self) -> None:
        """Stop at the next piece of what is being written; nothing is written any more."""
        self.cancel(waiting=True)
        self._worker.abandon()
        self._path = None

    def _next(self) -> None:
        self._path, job = self._waiting.pop(0)
        self._stop = Stop()
        self._worker.submit(partial(job, self._stop))
        self.began.emit(self._path)

    def _on_done(self, ticket: int, result: Any) -> None:
        if self._path is not None:
            self.say_written(self._path)
        self._go_on(True)

    def _on_failed(self, ticket: int, error: Exception) -> None:
        path = self._path
        if path is not None and isinstance(error, Cancelled):
            self._said(self.tr("Cancelled; {} was not written.").format(path.name))
        elif path is not None:
            self._failed(sentence(path, error))
        self._go_on(False)

    def _go_on(self, there: bool) -> None:
        self._path = None
        if self._waiting:
            self._next()
        else:
            self.idle.emit(there)
