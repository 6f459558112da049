"""‖∂L/∂h_t‖ over time, and the two parts it is the sum of: what travelled, and what the step itself adds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine import Trace
from gui.frames.heatmap import padded
from gui.frames.progress import Progress

VANISHED = 1e-3
"""Share of the largest norm of its lane below which an error is said to have vanished, as in the narration."""

_ROUNDING = 64


@dataclass(frozen=True, eq=False)
class Line:
    """One lane's gradient norms, for the chosen sequence.

    Attributes
    ----------
    prefix : str
    layer : int
    reverse : bool
    first : int
        The score's column of its first step.
    positions : ndarray (T,)
        The token position that computes each.
    total : ndarray (T,)
        ‖∂L/∂h_t‖.
    travelled : ndarray (T,)
        ‖J_{t+1}ᵀ ∂L/∂h_{t+1}‖, what came from the step computed after it; to an encoder's last, from the decoder.
    own : ndarray (T,)
        ‖∂L/∂h_t − travelled‖: from the step's own output or the layer above.
    kept : ndarray (T,)
        travelled_t / total_{t+1}, for an encoder's last step by the decoder's first; NaN where nothing comes from a
        later step.
    ratio : ndarray (T,)
        total_t / total_{t+1}.
    padding : ndarray (T,) bool
    """

    prefix: str
    layer: int
    reverse: bool
    first: int
    positions: np.ndarray
    total: np.ndarray
    travelled: np.ndarray
    own: np.ndarray
    kept: np.ndarray
    ratio: np.ndarray
    padding: np.ndarray

    @cached_property
    def largest(self) -> float:
        """The largest finite norm."""
        finite = self.total[np.isfinite(self.total)]
        return float(finite.max(initial=0.0))

    @cached_property
    def silent(self) -> np.ndarray:
        """The steps beyond the sequence's end that no gradient ever came to, (T,) bool: none has vanished there."""
        return self.padding & (self.total == 0)

    def vanished(self, step: int) -> bool:
        """Whether next to nothing of the error is left at a step."""
        return bool(self.total[step] < VANISHED * self.largest)


@dataclass(frozen=True, eq=False)
class NormFrame:
    """The gradient norm track.

    Attributes
    ----------
    lines : tuple of Line
        One a lane.
    low, high : int
        Decades of the axis, 10**low to 10**high, so that every norm above zero lies within.
    """

    lines: tuple[Line, ...]
    low: int
    high: int

    def line(self, prefix: str) -> Line | None:
        """The line of a lane."""
        return self._by_prefix.get(prefix)

    @cached_property
    def _by_prefix(self) -> dict[str, Line]:
        return {line.prefix: line for line in self.lines}

    @cached_property
    def largest(self) -> float:
        """The largest finite norm of all lanes."""
        return max((line.largest for line in self.lines), default=0.0)

    @cached_property
    def has_parts(self) -> bool:
        """Whether some step adds to what travelled, so that showing the parts tells something."""
        return any(int((line.own > 0).sum()) > 1 for line in self.lines)


def norms(vectors: np.ndarray) -> np.ndarray:
    """‖·‖₂ of each row of (T, H), scaled by its largest entry so that it neither over- nor underflows."""
    vectors = np.asarray(vectors, dtype=np.float64)
    largest = np.abs(vectors).max(axis=-1, initial=0.0)
    safe = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(np.isfinite(largest), safe * np.sqrt(((vectors / safe[:, None]) ** 2).sum(-1)), largest)


def norm(trace: Trace, progress: Progress, sequence: int) -> NormFrame:
    """Measure the gradient of every lane; no lines without a backward pass."""
    if not trace.has_gradients:
        return NormFrame((), -3, 0)
    lines = tuple(_line(trace, progress, prefix, sequence) for prefix in trace.lanes)
    sizes = np.concatenate([line.total for line in lines])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if not sizes.size:
        return NormFrame(lines, -3, 0)
    low, high = int(np.floor(np.log10(sizes.min()))), int(np.ceil(np.log10(sizes.max())))
    return NormFrame(lines, min(low, high - 2), high)


def _line(trace: Trace, progress: Progress, prefix: str, sequence: int) -> Line:
    lane, state = trace.lanes[prefix], trace.graph.states[0]
    whole = trace.grad(lane.key(state))[:, sequence]
    came = trace.travelled(lane.key(state))[:, sequence]
    total, travelled = norms(whole), norms(came)
    with np.errstate(invalid="ignore", over="ignore"):
        own = norms(whole - came)
    own = np.where(own <= _ROUNDING * np.finfo(whole.dtype).eps * total, 0.0, own)
    after = np.full_like(total, np.nan)
    if lane.reverse:
        after[1:] = total[:-1]
    else:
        after[:-1] = total[1:]
    if lane.part == "encoder":  # what comes to its last step left the decoder's first
        first = trace.grad(f"decoder.l{lane.layer}.{state}")[:1, sequence]
        after[0 if lane.reverse else -1] = norms(first)[0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kept = np.where(after > 0, travelled / after, np.nan)
        ratio = np.where(after > 0, total / after, np.nan)
    return Line(
        prefix, lane.layer, lane.reverse, trace.timeline.offset(lane.part), progress.lane(prefix, True), total,
        travelled, own, kept, ratio, padded(trace, lane.part, sequence),
    )  # fmt: skip
