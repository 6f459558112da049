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

CHUNK = 32_768
"""So many numbers of a state are gone through at once: the operations of so many stay in the processor's cache."""


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
        with np.errstate(all="ignore"):  # a run that overflows is shown, not warned about
            self.nodes = graph.evaluate(np, given)
        self._pulled: list[Any] | None = None

    def value(self, name: str) -> np.ndarray:
        """The named node at every step, (T, B, size), 0 on padding."""
        node = self.graph.node(name)
        found = np.asarray(self.nodes[node.index])
        return found if name.endswith("_prev") else self._kept(found)

    def grad(self, name: str) -> np.ndarray:
        """∂L/∂ the named node at every step: what the steps' own graphs pass to it, from the recorded gradients."""
        found = self._pull()[self.graph.node(name).index]
        value = np.asarray(self.nodes[self.graph.node(name).index])
        return np.zeros_like(value) if found is None else np.broadcast_to(found, value.shape)

    def arriving(self, name: str) -> np.ndarray:
        """The gradient that arrives at a node at every step, (T, B, size), also at a bias, before it is summed."""
        return np.asarray(self._pull()[self.graph.node(name).index])

    def _pull(self) -> list[Any]:
        if self._pulled is None:
            # On padding a state is held rather than computed, so nothing passes through the cell's equations there.
            known = {name: self._kept(grad) for name, grad in self.recorded_grads.items()}
            with np.errstate(all="ignore"):
                self._pulled = self.graph.pull(np, self.nodes, {}, known)
        return self._pulled

    def _kept(self, values: np.ndarray) -> np.ndarray:
        """``values`` (T, B, size), 0 on padding whatever stands there."""
        return values if self.mask is None else np.where(self.mask[..., None], values, 0)

    def pull(
        self, t: int, seeds: Mapping[str, np.ndarray], cut: frozenset[tuple[str, str]] = frozenset()
    ) -> dict[str, np.ndarray]:
        """Carry gradients of step ``t``'s states back through the step: the one primitive of every analysis.

        Parameters
        ----------
        t : int
        seeds : mapping
            By state, (..., B, H).
        cut : frozenset of (str, str)
            Edges (from, to) through which nothing passes.

        Returns
        -------
        dict
            What arrives at ``x`` and at each ``*_prev`` state, (..., B, size), and at every other node by name; on
            padding the states' gradients pass unchanged.
        """
        values = [node[t] if isinstance(node, np.ndarray) and node.ndim == 3 else node for node in self.nodes]
        mask = None if self.mask is None or self.mask[t].all() else self.mask[t][:, None]
        entering = seeds if mask is None else {name: seed * mask for name, seed in seeds.items()}
        arrived = self.graph.pull(np, values, dict(entering), cut=cut)
        found = {node.name: grad for node, grad in zip(self.graph.nodes, arrived, strict=True) if grad is not None}
        any_seed = next(iter(seeds.values()))
        for state in self.graph.states:
            name = f"{state}_prev"
            found.setdefault(name, np.zeros_like(any_seed))
            if mask is not None and state in seeds:
                found[name] = found[name] + seeds[state] * ~mask
        return found

    def sent_back(self, state: str) -> np.ndarray:
        """What each step sends back to the state before it, (T, B, H); on padding, the state's gradient unchanged."""
        found = self.grad(f"{state}_prev")
        return found if self.mask is None else np.where(self.mask[..., None], found, self.recorded_grads[state])


def sent_back(
    graph: Graph, lane: Lane, parameters: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray],
    grads: Mapping[str, np.ndarray], x: np.ndarray, initial: Mapping[str, np.ndarray], mask: np.ndarray | None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """What each step sends back to the states before it: J_tᵀ ∂L/∂s_t, (T, B, H) by state.

    A stretch of steps is replayed at a time, so that a long lane takes no more memory than its result.

    Parameters
    ----------
    graph, lane, parameters, values, grads, x, initial, mask
        As of :class:`LaneReplay`.
    """
    keys = [lane.key(name) for name in graph.recorded]
    values, grads = {key: values[key] for key in keys}, {key: grads[key] for key in keys}
    states = {name: values[lane.key(name)] for name in graph.states}
    found = {name: np.empty_like(whole) for name, whole in states.items()}
    T, *rest = states[graph.states[0]].shape
    length = max(1, CHUNK // max(1, int(np.prod(rest))))
    for first in range(0, T, length):
        at = slice(first, min(T, first + length))
        before = at.stop if lane.reverse else at.start - 1
        start = {lane.key(n): whole[before] if 0 <= before < T else initial[lane.key(n)] for n, whole in states.items()}
        stretch = LaneReplay(
            graph, lane, parameters, {key: value[at] for key, value in values.items()},
            {key: grad[at] for key, grad in grads.items()}, x[at], start, None if mask is None else mask[at],
        )  # fmt: skip
        for name, sent in found.items():
            sent[at] = stretch.sent_back(name)
    return found


def previous(states: np.ndarray, initial: np.ndarray, reverse: bool) -> np.ndarray:
    """Shift (T, B, H) by one step against the direction of computation, ``initial`` (B, H) coming in."""
    if reverse:
        return np.concatenate([states[1:], initial[None]])
    return np.concatenate([initial[None], states[:-1]])
