"""What a trace reads from its run: copied out of the tapes when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping
from itertools import chain

import numpy as np

from engine.plan.lane import LaneRun, LaneTape
from engine.plan.pool import Pool
from engine.plan.walked import WalkedRun


class Lease:
    """The lanes of one run and their tapes, for as long as its trace lives or until the tapes are needed for others."""

    def __init__(self, pool: Pool[LaneTape]) -> None:
        self.lock = threading.Lock()
        self.runs: list[LaneRun | WalkedRun] = []
        self._pool = pool
        self._keys: list[Hashable] = []

    def add(self, key: Hashable, run: LaneRun | WalkedRun) -> None:
        """Take a lane's run, with its tape."""
        self.runs.append(run)
        self._keys.append(key)

    def let_go(self) -> None:
        """Copy what was recorded and give the tapes back."""
        with self.lock:
            for key, run in zip(self._keys, self.runs, strict=True):
                tape = run.detach()
                if tape is not None:
                    self._pool.give_back(key, tape)

    def __del__(self) -> None:
        for key, run in zip(self._keys, self.runs, strict=True):
            if isinstance(run, LaneRun) and run.holds:
                self._pool.give_back(key, run.tape)


class Reading(Mapping[str, np.ndarray]):
    """Arrays by key.

    Parameters
    ----------
    lease : Lease
    what : str
        The lanes' method that reads one: "value", "grad", "started" or "read".
    sources : dict
        By key, which lane and which name.
    own : dict, optional
        Further arrays, which are there already.
    """

    def __init__(
        self, lease: Lease, what: str, sources: dict[str, tuple[int, str]], own: dict[str, np.ndarray] | None = None
    ) -> None:
        self._lease, self._what, self._sources = lease, what, sources
        self._own = {} if own is None else own
        self._found: dict[str, np.ndarray] = {}

    def __getitem__(self, key: str) -> np.ndarray:
        if key in self._own:
            return self._own[key]
        if key not in self._found:
            index, name = self._sources[key]
            with self._lease.lock:
                if key not in self._found:  # another thread may have read it meanwhile
                    self._found[key] = getattr(self._lease.runs[index], self._what)(name)
        return self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in self._sources or key in self._own

    def __iter__(self) -> Iterator[str]:
        return chain(self._sources, self._own)

    def __len__(self) -> int:
        return len(self._sources) + len(self._own)
