"""Values (or gradients) of one lane over time, one block a part, on one symmetric scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engine import Trace
from gui.frames.progress import Progress


@dataclass(frozen=True, eq=False)
class Block:
    """The part of a heatmap that belongs to one lane.

    Attributes
    ----------
    prefix : str
        The lane's.
    first : int
        The score's column of its first step.
    values : ndarray (size, T)
        For the chosen sequence.
    positions : ndarray (T,)
        The token position that computes each step, and the share of its operations that come before.
    padding : ndarray (T,) bool
        Steps beyond the sequence's end, where the state is held.
    """

    prefix: str
    first: int
    values: np.ndarray
    positions: np.ndarray
    padding: np.ndarray

    def reached(self, position: float) -> np.ndarray:
        """Which steps are computed once the cursor stands at ``position``, (T,) bool."""
        return self.positions < position

    @cached_property
    def broken(self) -> frozenset[int]:
        """The steps with a value that is not a finite number."""
        return frozenset(np.flatnonzero(~np.isfinite(self.values).all(axis=0)).tolist())

    @cached_property
    def lost(self) -> np.ndarray:
        """The steps without a single finite number, (T,) bool."""
        return ~np.isfinite(self.values).any(axis=0)


@dataclass(frozen=True, eq=False)
class Heatmap:
    """What one heatmap track draws.

    Attributes
    ----------
    name : str
        The recorded name ("h", "c", "i").
    gradient : bool
    blocks : tuple of Block
        One for each part that has the lane.
    scale : float
        The largest finite magnitude; the ends of the colour map.
    output : int or None
        Whose loss alone it is the gradient of; None: of all.
    """

    name: str
    gradient: bool
    blocks: tuple[Block, ...]
    scale: float
    output: int | None = None

    @property
    def size(self) -> int:
        """How many units there are."""
        return self.blocks[0].values.shape[0]

    @property
    def steps(self) -> int:
        """How many steps there are, all blocks together."""
        return sum(block.values.shape[1] for block in self.blocks)

    def block(self, prefix: str) -> Block | None:
        """The block of a lane."""
        return next((block for block in self.blocks if block.prefix == prefix), None)


def heatmap(
    trace: Trace, progress: Progress, layer: int, direction: str, name: str, gradient: bool, sequence: int
) -> Heatmap:
    """Gather a layer's values in one direction from every part that has it.

    Raises
    ------
    ValueError
        A gradient is asked of a run without a target.
    KeyError
        The name is none that the cell has.
    """
    blocks = []
    for lane in trace.lanes.values():
        if (lane.layer, lane.direction) != (layer, direction):
            continue
        key = lane.key(name)
        whole = trace.grad(key) if gradient else trace.value(key)
        values = np.ascontiguousarray(whole[:, sequence].T)
        padding = padded(trace, lane.part, sequence)
        positions = progress.named(lane.prefix, name, gradient)
        blocks.append(Block(lane.prefix, trace.timeline.offset(lane.part), values, positions, padding))
    return Heatmap(name, gradient, tuple(blocks), scale_of(*(block.values for block in blocks)))


def alone(whole: Heatmap, output: int, values: Mapping[str, np.ndarray], sequence: int) -> Heatmap:
    """The same gradient, of one output's loss alone, (T, B, H) of each lane; the playhead need not have come there."""
    blocks = tuple(
        replace(
            block,
            values=np.ascontiguousarray(values[block.prefix][:, sequence].T),
            positions=np.full(len(block.positions), -1),
        )
        for block in whole.blocks
    )
    return Heatmap(whole.name, True, blocks, scale_of(*(block.values for block in blocks)), output)


def padded(trace: Trace, part: str, sequence: int) -> np.ndarray:
    """Which steps of a part lie beyond the end of a sequence, (T,) bool."""
    mask = trace.batch.step_mask(part)
    return np.zeros(trace.timeline.steps(part), dtype=bool) if mask is None else ~mask[:, sequence]


def scale_of(*arrays: np.ndarray) -> float:
    """The largest finite magnitude of all; 1 where there is none above zero."""
    largest = 0.0
    for array in arrays:
        most = max(float(array.max(initial=0.0)), -float(array.min(initial=0.0)))
        if not np.isfinite(most):
            most = float(np.abs(array[np.isfinite(array)]).max(initial=0.0))
        largest = max(largest, most)
    return largest or 1.0


def peaks(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Reduce (H, T) to at most (rows, columns): of each bin the value that is furthest from zero.

    No spike is lost, and what is not a number wins over everything.
    """
    for axis, wanted in ((0, rows), (1, columns)):
        have = values.shape[axis]
        if have > wanted:
            starts = (np.arange(wanted) * have) // wanted
            low, high = np.minimum.reduceat(values, starts, axis), np.maximum.reduceat(values, starts, axis)
            values = np.where(np.abs(high) >= np.abs(low), high, low)
            values = np.where(np.isnan(low), low, values)
    return values
