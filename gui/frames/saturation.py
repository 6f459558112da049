"""How much of its slope each gate and nonlinearity has left at every step: what saturation takes from the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace, ops
from gui.frames.heatmap import padded
from gui.frames.progress import Progress

STEEPEST = {"σ": 0.25}
"""The largest slope of a function; 1 where it is not named."""
SLOPED = tuple(ops.FUNCTIONS.values())


@dataclass(frozen=True, eq=False)
class Stretch:
    """One nonlinearity in one lane.

    Attributes
    ----------
    prefix : str
    first : int
        The score's column of its first step.
    slopes : ndarray (T,)
        The local derivative, averaged over the units.
    positions : ndarray (T,)
        When each step is computed, counting operations.
    padding : ndarray (T,) bool
    """

    prefix: str
    first: int
    slopes: np.ndarray
    positions: np.ndarray
    padding: np.ndarray


@dataclass(frozen=True, eq=False)
class Row:
    """One nonlinearity over all parts.

    Attributes
    ----------
    name : str
        Of the operation ("f", "tanh(c)").
    function : str
        Its word ("σ", "tanh", "relu").
    selects : str
        The recorded name that stands for it: its own, or that of what it is applied to.
    steepest : float
        The largest slope that the function has anywhere.
    stretches : tuple of Stretch
    """

    name: str
    function: str
    selects: str
    steepest: float
    stretches: tuple[Stretch, ...]

    def stretch(self, prefix: str) -> Stretch | None:
        """The stretch of a lane."""
        return next((found for found in self.stretches if found.prefix == prefix), None)


def saturation(trace: Trace, progress: Progress, layer: int, direction: str, sequence: int) -> tuple[Row, ...]:
    """Measure every element-wise function of a layer's cell, in the order of its equations."""
    lanes = [lane for lane in trace.lanes.values() if (lane.layer, lane.direction) == (layer, direction)]
    rows = []
    for node in trace.graph.operations:
        if node.op not in SLOPED:
            continue
        argument = trace.graph.nodes[node.args[0]]
        stretches = []
        for lane in lanes:
            nodes = trace.replay(lane.prefix).nodes
            value, given = nodes[node.index][:, sequence], nodes[argument.index][:, sequence]
            with np.errstate(all="ignore"):
                slope = node.op.push(np, (np.ones_like(value),), value, given).mean(axis=-1)
            stretches.append(
                Stretch(
                    lane.prefix, trace.timeline.offset(lane.part), slope, progress.named(lane.prefix, node.name),
                    padded(trace, lane.part, sequence),
                )
            )  # fmt: skip
        selects = node.name if node.named else argument.name
        rows.append(Row(node.name, node.op.name, selects, STEEPEST.get(node.op.name, 1.0), tuple(stretches)))
    return tuple(rows)
