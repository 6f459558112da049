"""A place for one value between two threads: what is newer replaces what was not yet taken."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds the newest value until it is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: T | None = None

    def put(self, value: T) -> None:
        """Leave a value, in place of one that is still there."""
        with self._lock:
            self._value = value

    def take(self) -> T | None:
        """Take the newest value out; None where there is none."""
        with self._lock:
            value, self._value = self._value, None
            return value
