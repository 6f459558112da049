"""What the playhead has reached: which token position computes which step of which lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.events import Events, Stretch

NEVER = np.iinfo(np.int64).max
"""The position of what is never computed in a run."""


@dataclass(frozen=True)
class _Run:
    """Steps first, first ± 1, … taken by the token positions start, start + 1, …"""

    start: int
    first: int
    count: int
    backwards: bool

    def token(self, step: int) -> int | None:
        offset = self.first - step if self.backwards else step - self.first
        return self.start + offset if 0 <= offset < self.count else None

    def tokens(self, steps: np.ndarray) -> np.ndarray:
        offsets = self.first - steps if self.backwards else steps - self.first
        return np.where((offsets >= 0) & (offsets < self.count), self.start + offsets, NEVER)


class Reach:
    """Token positions by what they complete. A value is there once ``cursor.position > position``.

    Parameters
    ----------
    events : engine.events.Events
        Of the run.
    """

    def __init__(self, events: Events) -> None:
        self._forward: dict[str, _Run] = {}
        self._backward: dict[str, _Run] = {}
        self._heads: list[_Run] = []
        self.loss: int | None = None
        start = 0
        for stretch in events.stretches:
            self._take(stretch, _Run(start, stretch.first, stretch.count, stretch.backwards))
            start += stretch.count
        self.count = start

    def _take(self, stretch: Stretch, run: _Run) -> None:
        if stretch.phase == "loss":
            self.loss = run.start
            return
        for lane in stretch.lanes:
            (self._forward if stretch.phase == "forward" else self._backward)[lane.prefix] = run
        if stretch.phase == "forward" and stretch.head:
            self._heads.append(run)

    def forward(self, prefix: str, step: int) -> int | None:
        """The position that computes a lane's step; None where there is no such step."""
        run = self._forward.get(prefix)
        return None if run is None else run.token(step)

    def backward(self, prefix: str, step: int) -> int | None:
        """The position that computes ∂L/∂h of a lane's step; None without a backward pass."""
        run = self._backward.get(prefix)
        return None if run is None else run.token(step)

    def lane(self, prefix: str, steps: int, backward: bool = False) -> np.ndarray:
        """The positions that compute all steps of a lane, or their ∂L/∂h, (steps,); `NEVER` where none does."""
        run = (self._backward if backward else self._forward).get(prefix)
        return np.full(steps, NEVER) if run is None else run.tokens(np.arange(steps))

    def outputs(self, steps: np.ndarray) -> np.ndarray:
        """The positions that compute what steps of the emitting part emit, as `lane`."""
        found = np.full(len(steps), NEVER)
        for run in reversed(self._heads):
            tokens = run.tokens(steps)
            found = np.where(tokens == NEVER, found, tokens)
        return found

    def output(self, step: int) -> int | None:
        """The position that computes what a step of the emitting part emits."""
        return _first(run.token(step) for run in self._heads)


def _first(found: Iterable[int | None]) -> int | None:
    return next((token for token in found if token is not None), None)
