"""How much of its slope each gate and nonlinearity has left at every step: what saturation takes from the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace, ops
from engine.graph import Graph, Node
from engine.layout import Lane
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


def sloped(graph: Graph) -> list[Node]:
    """Every element-wise function of a cell, in the order of its equations."""
    return [node for node in graph.operations if node.op in SLOPED]


def saturation(trace: Trace, progress: Progress, layer: int, direction: str, sequence: int) -> tuple[Row, ...]:
    """Measure every element-wise function of a layer's cell, in the order of its equations."""
    lanes = [lane for lane in trace.lanes.values() if (lane.layer, lane.direction) == (layer, direction)]
    rows = []
    for node in sloped(trace.graph):
        argument = trace.graph.nodes[node.args[0]]
        stretches = []
        for lane in lanes:
            slope = _slopes(trace, lane, node, argument, sequence).mean(axis=-1)
            stretches.append(
                Stretch(
                    lane.prefix, trace.timeline.offset(lane.part), slope, progress.named(lane.prefix, node.name),
                    padded(trace, lane.part, sequence),
                )
            )  # fmt: skip
        selects = node.name if node.named else argument.name
        rows.append(Row(node.name, node.op.name, selects, STEEPEST.get(node.op.name, 1.0), tuple(stretches)))
    return tuple(rows)


def _slopes(trace: Trace, lane: Lane, node: Node, argument: Node, sequence: int) -> np.ndarray:
    """A function's derivative at every step of one sequence, (T, H); no replay where its argument is recorded."""
    given = trace.value(lane.key(argument.name))[:, sequence]
    with np.errstate(all="ignore"):
        recorded = node.name in trace.graph.recorded
        value = trace.value(lane.key(node.name))[:, sequence] if recorded else node.op.value(np, given)
        return np.asarray(node.op.push(np, (np.ones_like(value),), value, given))
