"""Which token position completes what, for all steps at once, and where the playhead's column is."""

from __future__ import annotations

import numpy as np

from engine import Trace
from gui.frames.reach import NEVER, Reach

__all__ = ["NEVER", "Progress", "runs"]


class Progress:
    """Token positions as arrays. What position ``p`` completes is there once the cursor stands beyond it, p < n.

    Parameters
    ----------
    trace : engine.Trace
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._reach = Reach(trace.events)
        self._kept: dict[tuple[str, bool], np.ndarray] = {}
        self.count = self._reach.count
        self.loss = NEVER if self._reach.loss is None else self._reach.loss
        self._outputs: np.ndarray | None = None

    def lane(self, prefix: str, backward: bool = False) -> np.ndarray:
        """The position that computes each step of a lane, or its ∂L/∂h, (T,)."""
        key = (prefix, backward)
        if key not in self._kept:
            steps = self._trace.timeline.steps(self._trace.lanes[prefix].part)
            self._kept[key] = self._reach.lane(prefix, steps, backward)
        return self._kept[key]

    def named(self, prefix: str, name: str, backward: bool = False) -> np.ndarray:
        """When each step of a lane has a recorded name, or its gradient, counting operations, (T,).

        The operation stands between two positions: it is there once ``cursor.reached`` is larger.
        """
        events, tokens = self._trace.events, self.lane(prefix, backward)
        there = tokens != NEVER
        found = tokens.astype(float)
        places = events.places("backward" if backward else "forward", self._trace.lanes[prefix], name)[there]
        ends = np.asarray(events.tokens)
        starts = np.concatenate([[0], ends[:-1] + 1])[tokens[there]]
        found[there] += (places - starts + 0.5) / (ends[tokens[there]] + 1 - starts)
        return found

    @property
    def outputs(self) -> np.ndarray:
        """The position that computes each output, (S,)."""
        if self._outputs is None:
            self._outputs = self._reach.outputs(self._trace.output_steps)
        return self._outputs


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """The stretches (first, last + 1) in which a one-dimensional array of flags is set."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
