"""A film in the making: a frame drawn at every turn of the event loop, encoded on a thread of its own."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSize, QTimer, Signal
from PySide6.QtGui import QImage

from engine.stop import Cancelled, Stop
from engine.writing import write_whole
from gui import snapshot
from gui.export import encoders
from gui.export.encoders import PDF, Frame
from gui.export.saving import sentence
from gui.export.studio import Studio, Subject
from gui.state.cursor import TOKEN, Cursor
from gui.work.worker import Worker

if TYPE_CHECKING:
    from gui.main_window import MainWindow

AHEAD = 3
"""So many frames may wait for the encoder."""
WAIT_MS = 15
"""So long the next turn waits where the encoder or an analysis is not ready."""
RUN = 4
"""So many frames that follow one another are encoded to measure what one adds, from two places of the film."""


@dataclass(frozen=True)
class Plan:
    """What a film is of.

    Attributes
    ----------
    subject : Subject
    kind : str
        ".gif", ".webp", ".mp4" or ".pdf".
    indices : tuple of int
        How many events have happened at each frame, as the cursor counts them.
    fps : float
        Frames a second; of no meaning for a PDF.
    """

    subject: Subject
    kind: str
    indices: tuple[int, ...]
    fps: float

    def runs(self) -> tuple[tuple[int, ...], ...]:
        """Indices that follow one another, from two places of the film."""
        if len(self.indices) <= 2 * RUN:
            return (self.indices,)
        far = len(self.indices) * 3 // 4 - RUN // 2
        return self.indices[1 : 1 + RUN], self.indices[far : far + RUN]


class Film(QObject):
    """Draws and encodes, until it is done or cancelled; the user's window and playhead stay as they are.

    Parameters
    ----------
    window : MainWindow
    plan : Plan
    path : Path or None
        None: only measure how large the film will be.

    Raises
    ------
    NothingToDraw
        There is no run yet.
    """

    progressed = Signal(int, int)
    """So many frames of so many are drawn."""
    measured = Signal(int)
    """So many bytes it will have."""
    finished = Signal(object)
    """The file is there: its Path."""
    failed = Signal(str)
    ended = Signal()
    """It is over, one way or another."""

    def __init__(self, window: MainWindow, plan: Plan, path: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self._plan, self._stop = plan, Stop()
        self._studio: Studio | None = Studio(window, plan.subject)
        self._samples: list[Frame] = []
        self._drawn, self._over, self._begun, self._in_time = 0, False, False, True
        self._queue: queue.Queue[Frame | bool] = queue.Queue()
        self._pages: snapshot.Pages | None = None
        self._todo = [index for run in plan.runs() for index in run]
        self._worker = Worker("films", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._turn)

    @property
    def running(self) -> bool:
        """Whether it is under way."""
        return self._begun and not self._over

    def start(self) -> None:
        """Begin; the first turn comes with the event loop."""
        self._begun = True
        if self._plan.kind != PDF and not self._samples_wanted():
            self._hand_over()
        self._timer.start(0)

    def cancel(self) -> bool:
        """Stop at once; tell whether that came in time: then no file is left. Else it is there, whole."""
        if not self._over:
            self._end()
        return self._in_time

    # Turns ----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Draw one frame, where there is room for it."""
        if self._over or self._studio is None:
            return
        try:
            waits = self._step(self._studio)
        except (OSError, MemoryError, ValueError) as error:
            self._fail(error)
            return
        if not self._over:
            self._timer.start(WAIT_MS if waits else 0)

    def _step(self, studio: Studio) -> bool:
        """Do what is next; tell whether it has to wait."""
        if self._plan.kind == PDF:
            return self._page(studio)
        if self._samples_wanted():
            if not self._at(studio, self._todo[len(self._samples)]):
                return True
            self._samples.append(_frame(studio, self._plan.kind))
            if not self._samples_wanted():
                self._hand_over()
            return False
        if self.path is None or self._drawn >= len(self._plan.indices):
            return True  # the encoder is at work
        if self._queue.qsize() >= AHEAD or not self._at(studio, self._plan.indices[self._drawn]):
            return True
        self._queue.put(_frame(studio, self._plan.kind))
        self._count()
        if not self._over and self._drawn == len(self._plan.indices):
            self._queue.put(True)
        return False

    def _samples_wanted(self) -> bool:
        wanted = self.path is None or self._plan.kind == encoders.GIF
        return wanted and len(self._samples) < len(self._todo)

    def _hand_over(self) -> None:
        """Let the thread begin: with frames that come, or with the samples that are to be measured."""
        plan, count = self._plan, len(self._plan.indices)
        if self.path is not None:
            frames, samples = _arriving(self._queue), tuple(self._samples)
            job: Callable[[], Any] = partial(
                encoders.encode, self.path, plan.kind, frames, count, plan.fps, samples, self._stop
            )
        else:
            runs, rest = [], iter(self._samples)
            for run in plan.runs():
                runs.append(list(islice(rest, len(run))))
            job = partial(encoders.measured, plan.kind, runs, count, plan.fps, self._stop)
        self._worker.submit(job)

    def _at(self, studio: Studio, index: int) -> bool:
        """Go there; tell whether everything that is to be seen has been computed."""
        if studio.state.cursor.index != index:
            studio.go(index)
        return studio.ready

    def _count(self) -> None:
        self._drawn += 1
        self.progressed.emit(self._drawn, len(self._plan.indices))

    # A page for each step ---------------------------------------------------------------------------------------

    def _page(self, studio: Studio) -> bool:
        indices = self._plan.indices if self.path is not None else tuple(self._todo)
        if self._pages is None:
            self._pages = snapshot.Pages()
        if self._drawn == len(indices):
            return True  # the thread writes it
        if not self._at(studio, indices[self._drawn]):
            return True
        with studio.drawing() as shot:
            self._pages.add(shot)
        self._count()
        if self._over or self._drawn < len(indices):
            return False
        data, more = self._pages.finish(), len(self._plan.indices) - len(indices)
        if self.path is None:
            size = round(len(data) + more * self._pages.per_page)
            self._end()
            self.measured.emit(size)
        else:
            self._worker.submit(partial(write_whole, self.path, data, self._stop))
        return False

    # The end ----------------------------------------------------------------------------------------------------

    def _on_done(self, ticket: int, result: Any) -> None:
        if self._over:
            return
        self._end()
        if self.path is None:
            self.measured.emit(result)
        else:
            self.finished.emit(self.path)

    def _on_failed(self, ticket: int, error: Exception) -> None:
        if not self._over:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        path = self.path
        self._end()
        self.failed.emit(sentence(path, error) if path is not None else str(error))

    def _end(self) -> None:
        self._over, self._in_time = True, self._stop.cancel()
        self._timer.stop()
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put(False)  # what waits for a frame is told that none comes
        self._worker.abandon()
        if self._pages is not None:
            self._pages.finish()
        if self._studio is not None:
            self._studio.close()
            self._studio = None
        self.ended.emit()


def _frame(studio: Studio, kind: str) -> Frame:
    with studio.drawing() as shot:
        size = QSize(*encoders.sides(kind, shot.size.width(), shot.size.height()))
        image = snapshot.image(replace(shot, size=size), 1.0).convertToFormat(QImage.Format.Format_RGB888)
    return Frame(image.width(), image.height(), image.bytesPerLine(), bytes(image.constBits()))


def _arriving(waiting: queue.Queue[Frame | bool]) -> Iterator[Frame]:
    """The frames as they come, until True says that this was all; called on the encoder's thread."""
    while True:
        frame = waiting.get()
        if frame is False:
            raise Cancelled
        if not isinstance(frame, Frame):
            return
        yield frame


def stops(cursor: Cursor, first: int, last: int, granularity: str) -> tuple[int, ...]:
    """Where the playhead stops from one position to another, both included, as indices of the cursor."""
    if granularity == TOKEN:
        return tuple(cursor.start(position) for position in range(first, last + 1))
    return tuple(range(cursor.start(first), cursor.start(last) + 1))
