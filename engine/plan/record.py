"""What a trace reads from the tapes of its run: copied when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping

import numpy as np

from engine.plan.lane import LaneRun, LaneTape
from engine.plan.pool import Pool

Source = Callable[[], np.ndarray]


class Lease:
    """The tapes of one run, for as long as its trace lives or until they are needed for others."""

    def __init__(self, pool: Pool[LaneTape]) -> None:
        self.lock = threading.Lock()
        self._pool = pool
        self._runs: list[tuple[Hashable, LaneRun]] = []

    def add(self, key: Hashable, run: LaneRun) -> LaneRun:
        """Take a lane's run with its tape."""
        self._runs.append((key, run))
        return run

    def let_go(self) -> None:
        """Copy what was recorded and give the tapes back."""
        with self.lock:
            for key, run in self._runs:
                tape = run.tape
                run.detach()
                self._pool.give_back(key, tape)
            self._runs = []

    def __del__(self) -> None:
        for key, run in self._runs:
            self._pool.give_back(key, run.tape)


class Reading(Mapping[str, np.ndarray]):
    """Arrays by key, some of them read from a lease's tapes when they are first asked for."""

    def __init__(self, lease: Lease, entries: dict[str, np.ndarray | Source]) -> None:
        self._lease, self._entries = lease, entries

    def __getitem__(self, key: str) -> np.ndarray:
        found = self._entries[key]
        if isinstance(found, np.ndarray):
            return found
        with self._lease.lock, np.errstate(all="ignore"):  # a run that overflowed is shown, not warned about
            found = self._entries[key]  # another thread may have read it meanwhile
            if not isinstance(found, np.ndarray):
                found = self._entries[key] = found()
            return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
