"""Files written on a thread, and what is said when one is there or could not be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale, QObject

from gui.state import wording
from gui.work.worker import Worker


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

    def __init__(self, said: Callable[[str], object], failed: Callable[[str], object], parent: QObject) -> None:
        super().__init__(parent)
        self._said, self._failed = said, failed
        self._waiting: list[tuple[Path, Callable[[], Any]]] = []
        self._path: Path | None = None
        self._worker = Worker("exports", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)

    @property
    def busy(self) -> bool:
        """Whether something is being written."""
        return self._path is not None

    def write(self, path: Path, job: Callable[[], Any]) -> None:
        """Write a file by calling ``job`` on the thread; what it raises is said in a sentence."""
        self._waiting.append((path, job))
        self._next()

    def say_written(self, path: Path) -> None:
        """Say that a file is there."""
        self._said(self.tr("{} is written ({}).").format(path.name, bytes_of(size_of(path))))

    def close(self) -> None:
        """Wait for what is being written; nothing is written any more."""
        self._waiting.clear()
        self._worker.close()

    def _next(self) -> None:
        if self._path is None and self._waiting:
            self._path, job = self._waiting.pop(0)
            self._worker.submit(job)

    def _on_done(self, ticket: int, result: Any) -> None:
        path, self._path = self._path, None
        if path is not None:
            self.say_written(path)
        self._next()

    def _on_failed(self, ticket: int, error: Exception) -> None:
        path, self._path = self._path, None
        if path is not None:
            self._failed(sentence(path, error))
        self._next()
