"""Which way the gradient came: along the highway, or through a gate."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine import Trace, analysis
from gui.frames.norm import norms

HIGHWAY = "highway"
SPLIT = "lab-paths.split"
"""Begins the key under which a run keeps its split, for whoever shows it."""


@dataclass(frozen=True, eq=False)
class PathsFrame:
    """The gradient of a lane's state split by the way it came.

    Attributes
    ----------
    prefix, state : str
    names : tuple of str
        ``HIGHWAY`` first, then the gates.
    through : str
        The highway's gate, in the cell's words: an LSTM's "f", a GRU's "z".
    shares : ndarray (n, T)
        ⟨part, whole⟩/‖whole‖²; they add up to 1 where anything came.
    parts : ndarray (n, T)
        ‖part‖.
    whole : ndarray (T,)
        ‖∂L/∂ the state‖.
    columns : ndarray (T,)
        Of the score.
    """

    prefix: str
    state: str
    names: tuple[str, ...]
    through: str
    shares: np.ndarray
    parts: np.ndarray
    whole: np.ndarray
    columns: np.ndarray

    def at(self, step: int) -> tuple[tuple[str, float], ...]:
        """A step's shares by name; empty where no gradient reaches it, or one that is no number."""
        shares = self.shares[:, step]
        if not (self.whole[step] and np.isfinite(shares).all()):
            return ()
        return tuple(zip(self.names, map(float, shares), strict=True))


def paths(trace: Trace, prefix: str, sequence: int = 0) -> PathsFrame:
    """Split the gradient of one sequence of the batch; a job for a worker."""
    lane = trace.lanes[prefix]
    found = analysis.paths(trace, lane.layer, lane.direction, lane.part)
    one = slice(sequence, sequence + 1)
    found = replace(found, whole=found.whole[:, one], parts={n: part[:, one] for n, part in found.parts.items()})
    T = len(found.whole)
    names = tuple(found.parts)
    shares = np.stack([found.share(name) for name in names])
    parts = np.stack([norms(found.parts[name].reshape(T, -1)) for name in names])
    columns = trace.timeline.offset(lane.part) + np.arange(T)
    return PathsFrame(
        prefix, found.state, names, _gate(trace), shares, parts, norms(found.whole.reshape(T, -1)), columns
    )


def has_highway(trace: Trace) -> bool:
    """Whether the cell has a way from state to state that no matrix stands on."""
    return bool(trace.graph.cell.gates)


def _gate(trace: Trace) -> str:
    """Which gate the state is multiplied by on the highway: the neighbour of the state before in a product."""
    graph = trace.graph
    previous = f"{graph.states[-1]}_prev"
    for node in graph.nodes:
        names = [graph.nodes[arg].name for arg in node.args]
        if len(names) == 2 and previous in names and node.name.replace(" ", "").count("*") == 1:
            other = names[1 - names.index(previous)]
            if other in graph.cell.gates:
                return other
    return ""
