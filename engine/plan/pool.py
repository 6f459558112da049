"""Tapes that wait for the next run, and those that a living trace still reads.

Making a tape costs more than running a small network, so tapes are kept. A trace owns its numbers: it reads them from
the tape of its run, which nobody else may have before the trace is gone. Where more than a few traces live at once,
the oldest takes a copy of what it needs, and its tape is free.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

#: Bytes of waiting tapes that are kept at most; the ones not used for the longest time go first.
KEPT_BYTES = 256 * 1024 * 1024
#: Traces that may hold on to their tapes at once.
HOLDERS = 2


class Tapelike(Protocol):
    """What a pool keeps."""

    capacity: int

    @property
    def nbytes(self) -> int: ...


class Holder(Protocol):
    """What holds tapes, and can do without them when asked."""

    def let_go(self) -> None: ...


Item = TypeVar("Item", bound=Tapelike)


class Pool(Generic[Item]):
    """Tapes by what they are made for."""

    def __init__(self, kept_bytes: int = KEPT_BYTES, holders: int = HOLDERS) -> None:
        self.kept_bytes, self.limit = kept_bytes, holders
        self._waiting: OrderedDict[Hashable, list[Item]] = OrderedDict()
        # Filled from finalisers, which may run at any moment, also while the lock is held: hence no lock there.
        self._returned: deque[tuple[Hashable, Item]] = deque()
        self._holders: deque[weakref.ref[Holder]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def take(self, key: Hashable, steps: int, make: Callable[[], Item]) -> Item:
        """A tape for at least so many steps: the smallest that waits, or a new one."""
        with self._lock:
            self._collect()
            waiting = self._waiting.get(key, [])
            if waiting and waiting[-1].capacity == steps:
                return self._out(key, waiting[-1])
            fitting = [item for item in waiting if item.capacity >= steps]
            if fitting:
                return self._out(key, min(fitting, key=lambda item: item.capacity))
        return make()

    def give_back(self, key: Hashable, item: Item) -> None:
        """Let a tape wait for the next run."""
        self._returned.append((key, item))

    def hold(self, holder: Holder) -> None:
        """Note who has taken tapes; the oldest of too many is asked to let go."""
        with self._lock:
            self._holders.append(weakref.ref(holder))
            if len(self._holders) <= self.limit:
                return
            living = [ref for ref in self._holders if ref() is not None]
            too_many, kept = living[: -self.limit], living[-self.limit :]
            self._holders = deque(kept)
        for ref in too_many:
            oldest = ref()
            if oldest is not None:
                oldest.let_go()

    @property
    def waiting(self) -> int:
        """How many tapes wait."""
        with self._lock:
            self._collect()
            return sum(len(items) for items in self._waiting.values())

    @property
    def nbytes(self) -> int:
        """Bytes of the tapes that wait."""
        with self._lock:
            self._collect()
            return self._bytes

    def _out(self, key: Hashable, item: Item) -> Item:
        """Take out one that waits."""
        items = self._waiting[key]
        items.remove(item)
        if not items:
            del self._waiting[key]
        self._bytes -= item.nbytes
        return item

    def _collect(self) -> None:
        """Let those wait that came back, as many as may."""
        while self._returned:
            key, item = self._returned.popleft()
            self._waiting.setdefault(key, []).append(item)
            self._waiting.move_to_end(key)
            self._bytes += item.nbytes  # it takes up no more while it waits
        while self._bytes > self.kept_bytes:
            oldest = next(iter(self._waiting))
            self._out(oldest, self._waiting[oldest][0])
