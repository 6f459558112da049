"""Analyses of the run on the bench: done on a thread of their own when somebody looks, and kept with the run."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine import Trace
from gui.state import wording
from gui.work.worker import Worker

MOST = 96
"""So many results are kept; of more, the one that was asked for longest ago goes."""
Key = tuple[Hashable, ...]
Function = Callable[[Trace], Any]


@dataclass(frozen=True)
class Failed:
    """Stands for the result of an analysis that could not be done; says why."""

    message: str


class Analyses(QObject):
    """Pure functions of a trace, one after the other.

    Of those that wait, a newer one replaces an older one whose key begins alike: while a slider moves, only its last
    place counts. With another trace all results and all that waits are dropped.
    """

    done = Signal(object)
    """The analysis with this key is done; `get` returns its result at once."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._trace: Trace | None = None
        self._kept: dict[Key, Any] = {}
        self._waiting: dict[Hashable, tuple[Key, Function]] = {}
        self._running: tuple[Key, Trace] | None = None
        self._worker = Worker("analyses", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        self._closed = False

    def set_trace(self, trace: Trace | None) -> None:
        """Forget what belongs to another run."""
        if trace is not self._trace:
            self._trace = trace
            self._kept.clear()
            self._waiting.clear()

    def get(self, key: Key, function: Function) -> Any:
        """Return a result that is there; otherwise None, and `done` follows.

        Parameters
        ----------
        key : tuple
            Its first entry says whose it is, the others what it is about.
        function : callable
            ``function(trace)``; it runs on another thread.

        Returns
        -------
        object
            The result, `Failed`, or None while it is not there.
        """
        if key in self._kept:
            self._kept[key] = self._kept.pop(key)
            return self._kept[key]
        if self._trace is None or self._closed:
            return None
        if self._running is not None and self._running[0] == key and self._running[1] is self._trace:
            self._waiting.pop(key[0], None)
            return None
        self._waiting.pop(key[0], None)
        self._waiting[key[0]] = (key, function)
        self._next()
        return None

    @property
    def busy(self) -> bool:
        """Whether something is under way or waits."""
        return self._running is not None or bool(self._waiting)

    def close(self) -> None:
        """Stop the thread; nothing is computed any more."""
        self._closed = True
        self._waiting.clear()
        self._worker.close()

    def _next(self) -> None:
        if self._running is not None or not self._waiting or self._trace is None:
            return
        key, function = self._waiting.pop(next(iter(self._waiting)))
        trace = self._trace
        self._running = (key, trace)
        self._worker.submit(lambda: function(trace))

    def _on_done(self, ticket: int, result: Any) -> None:
        self._finish(result)

    def _on_failed(self, ticket: int, error: Exception) -> None:
        self._finish(Failed(wording.failure(error)))

    def _finish(self, result: Any) -> None:
        assert self._running is not None
        (key, trace), self._running = self._running, None
        current = trace is self._trace
        if current:
            self._kept[key] = result
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        self._next()
        if current:
            self.done.emit(key)
