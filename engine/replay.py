"""The second depth of a trace: the value and gradient of every single operation, replayed from what a run recorded.

A run records states, gates and pre-activations and their gradients. Everything between them is recomputed here
through the same graph, for all steps of a lane at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.graph import Graph
from engine.layout import Lane


class LaneReplay:
    """Every node of one lane's graph at every step.

    Parameters
    ----------
    graph : Graph
    lane : Lane
    parameters : mapping
        The network's, by torch's names.
    values, grads : mapping
        What was recorded, by key, (T, B, size); ``grads`` may be empty.
    x : ndarray (T, B, D)
        What the lane read.
    initial : mapping
        State before the first step, by ``{prefix}.{state}``, (B, H).
    mask : ndarray (T, B) or None
        Which steps are real.
    """

    def __init__(
        self, graph: Graph, lane: Lane, parameters: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray],
        grads: Mapping[str, np.ndarray], x: np.ndarray, initial: Mapping[str, np.ndarray], mask: np.ndarray | None,
    ) -> None:  # fmt: skip
        self.graph, self.lane, self.mask = graph, lane, mask
        H = values[lane.key(graph.states[0])].shape[2]
        given = {name: values[lane.key(name)] for name in graph.recorded}
        given["x"] = x
        for state in graph.states:
            given[f"{state}_prev"] = previous(given[state], initial[lane.key(state)], lane.reverse)
        self.recorded_grads = {name: grads[lane.key(name)] for name in graph.recorded} if grads else {}
        stacked = {n: parameters[lane.parameter(n)] for n in {node.block[0] for node in graph.nodes} if n}
        given.update(graph.blocks(stacked, "", H))
        self.nodes = graph.evaluate(np, given)
        self._pulled: list[Any] | None = None

    def value(self, name: str) -> np.ndarray:
        """The named node at every step, (T, B, size), 0 on padding."""
        node = self.graph.node(name)
        found = np.asarray(self.nodes[node.index])
        if self.mask is not None and not name.endswith("_prev") and found.ndim == 3:
            found = found * self.mask[..., None]
        return found

    def grad(self, name: str) -> np.ndarray:
        """∂L/∂ the named node at every step: what the steps' own graphs pass to it, from the recorded gradients."""
        found = self._pull()[self.graph.node(name).index]
        value = np.asarray(self.nodes[self.graph.node(name).index])
        return np.zeros_like(value) if found is None else np.broadcast_to(found, value.shape)

    def _pull(self) -> list[Any]:
        if self._pulled is None:
            self._pulled = self.graph.pull(np, self.nodes, {}, self._through_the_cell())
        return self._pulled

    def _through_the_cell(self) -> dict[str, np.ndarray]:
        # On padding a state is held rather than computed, so nothing passes through the cell's equations there.
        if self.mask is None:
            return self.recorded_grads
        return {name: grad * self.mask[..., None] for name, grad in self.recorded_grads.items()}

    def travelled(self, state: str) -> np.ndarray:
        """What reaches the state of each step from the step computed after it: J_{t+1}ᵀ ∂L/∂s_{t+1}, (T, B, H).

        Apart from it stands what the step's own outputs (or the layer above) add; the two sum to the gradient.
        """
        arriving = self.grad(f"{state}_prev")
        if self.mask is not None:
            arriving = arriving + self.recorded_grads[state] * ~self.mask[..., None]
        return previous(arriving, np.zeros_like(arriving[0]), not self.lane.reverse)


def previous(states: np.ndarray, initial: np.ndarray, reverse: bool) -> np.ndarray:
    """Shift (T, B, H) by one step against the direction of computation, ``initial`` (B, H) coming in."""
    if reverse:
        return np.concatenate([states[1:], initial[None]])
    return np.concatenate([initial[None], states[:-1]])
