"""Whether something long is still wanted: said in one thread, asked in another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancelled(Exception):
    """What was being made is not wanted any more, and nothing of it is left."""


class Stop:
    """Tells a thread that what it makes is not wanted any more, until it is there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = self._there = False
        self._calls: list[Callable[[], object]] = []

    def cancel(self) -> bool:
        """Say that it is not wanted; tell whether that came in time. If so, no file will be there."""
        with self._lock:
            if self._there:
                return False
            self._cancelled = True
            for call in self._calls:
                call()
            return True

    def check(self) -> None:
        """Raise `Cancelled` where it is not wanted any more."""
        if self._cancelled:
            raise Cancelled

    @contextmanager
    def calling(self, call: Callable[[], object]) -> Iterator[None]:
        """Have something called as soon as it is cancelled, while the block runs."""
        with self._lock:
            self.check()
            self._calls.append(call)
        try:
            yield
        finally:
            with self._lock:
                self._calls.remove(call)

    @contextmanager
    def placing(self) -> Iterator[None]:
        """The moment in which the file takes its place: whoever cancels after it began is too late."""
        with self._lock:
            self.check()
            yield
            self._there = True
