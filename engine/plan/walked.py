"""A lane that walks the cell's graph: for equations the plan does not know, and the plan's witness in the tests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.graph import Graph
from engine.layout import Lane


class WalkedRun:
    """One lane of one run, with what :class:`engine.plan.lane.LaneRun` offers, in plain arrays.

    ``values`` and ``grads`` hold every left-hand side at every step, (N, H, B), in the order of time.
    """

    def __init__(
        self, graph: Graph, lane: Lane, N: int, B: int, mask: np.ndarray | None, given: Mapping[str, np.ndarray]
    ) -> None:
        self.graph, self.lane, self.N, self.B, self.mask, self.given = graph, lane, N, B, mask, given
        first = next(iter(given.values()))
        self.H, self.dtype = given["weight_hh"].shape[1], first.dtype
        self.weights = graph.blocks(dict(given), "", self.H)
        self.values = {name: self._zeros(N) for name in graph.recorded}
        self.grads = {name: self._zeros(N) for name in graph.recorded}
        self.x = np.zeros((N, lane.input_size, B), self.dtype)
        self.dx = np.zeros_like(self.x)
        self.outside = self._zeros(N)
        self._initial = {state: self._zeros() for state in graph.states}
        self._initial_grads = {state: self._zeros() for state in graph.states}
        self._weight_grads = {name: np.zeros_like(value) for name, value in given.items()}
        self._nodes: list[list[np.ndarray]] = [[] for _ in range(N)]

    def _zeros(self, *steps: int) -> np.ndarray:
        return np.zeros((*steps, self.H, self.B), self.dtype)

    def _time(self, k: int) -> int:
        """The step of time that is the k-th computed."""
        return self.N - 1 - k if self.lane.reverse else k

    def _state(self, state: str, k: int) -> np.ndarray:
        """A state after the k-th step computed; the initial one for -1."""
        return self._initial[state] if k < 0 else self.values[state][self._time(k)]

    def _gathering(self, state: str, k: int) -> np.ndarray:
        return self._initial_grads[state] if k < 0 else self.grads[state][self._time(k)]

    # Forward ---------------------------------------------------------------------------------------------

    def initial(self, state: str) -> np.ndarray:
        """A state before the first step, (H, B), to be written before it runs."""
        return self._initial[state]

    def last(self, state: str) -> np.ndarray:
        """A state after the last step computed, (H, B)."""
        return self._state(state, self.N - 1)

    @property
    def hidden(self) -> np.ndarray:
        """The hidden state after every step, (N, H, B)."""
        return self.values[self.graph.states[0]]

    def forward(self) -> None:
        """Compute all steps."""
        for k in range(self.N):
            self.step(k)

    def step(self, k: int) -> None:
        """Compute one step, the k-th in the order of computation."""
        t = self._time(k)
        given = {**self.weights, "x": self.x[t].T} | {f"{s}_prev": self._state(s, k - 1).T for s in self.graph.states}
        self._nodes[t] = nodes = self.graph.evaluate(np, given)
        mask = None if self.mask is None else self.mask[t][:, None]
        for name, index in self.graph.named.items():
            value = nodes[index]
            if mask is not None:
                value = np.where(mask, value, given[f"{name}_prev"] if name in self.graph.states else 0)
            self.values[name][t] = value.T

    # Backward --------------------------------------------------------------------------------------------

    def start_backward(self) -> None:
        """Everything is 0 from the start."""

    def last_gradient(self, state: str) -> np.ndarray:
        """Where the gradient of a state after the last step gathers, (H, B)."""
        return self._gathering(state, self.N - 1)

    def first_gradient(self, state: str) -> np.ndarray:
        """The gradient of a state before the first step, (H, B)."""
        return self._initial_grads[state]

    def gradient_at(self, k: int) -> np.ndarray:
        """Where the gradient of h after step k (in the order of computation) gathers, (H, B)."""
        return self._gathering(self.graph.states[0], k)

    def backward(self) -> None:
        """Carry the gradients back through all steps."""
        self.grads[self.graph.states[0]] += self.outside
        for k in reversed(range(self.N)):
            self.step_back(k)

    def step_back(self, k: int) -> np.ndarray:
        """Carry the gradients back through step k alone, and return what arrives at its input, (D, B)."""
        t = self._time(k)
        seeds = {s: self.grads[s][t].T for s in self.graph.states}
        held = {}
        if self.mask is not None:
            mask = self.mask[t][:, None]
            held = {s: np.where(mask, 0, seed) for s, seed in seeds.items()}
            seeds = {s: np.where(mask, seed, 0) for s, seed in seeds.items()}
        for node, grad in zip(self.graph.nodes, self.graph.pull(np, self._nodes[t], seeds), strict=True):
            if grad is None:
                continue
            if node.named:
                self.grads[node.name][t] = (grad + held.get(node.name, 0)).T
            elif node.name == "x":
                self.dx[t] = grad.T
            elif node.name.endswith("_prev"):
                self._gathering(node.name.removesuffix("_prev"), k - 1)[...] += grad.T
            elif node.block[0].startswith("bias"):
                self._block(node.block)[...] += np.broadcast_to(grad, (self.B, self.H)).sum(0)
            if node.op.name == "W·":
                weight, vector = node.args
                self._block(self.graph.nodes[weight].block)[...] += grad.T @ self._nodes[t][vector]
        for state, grad in held.items():
            self._gathering(state, k - 1)[...] += grad.T
        return self.dx[t]

    def _block(self, block: tuple[str, int]) -> np.ndarray:
        return self._weight_grads[block[0]][block[1] * self.H : (block[1] + 1) * self.H]

    def input_gradient(self) -> np.ndarray:
        """∂L/∂x, (N, D, B)."""
        return self.dx

    def weight_gradients(self) -> dict[str, np.ndarray]:
        """∂L/∂ the stacked parameters."""
        return self._weight_grads

    # Reading ---------------------------------------------------------------------------------------------

    def detach(self) -> None:
        """Nothing: it has no tape."""

    def read(self, name: str = "") -> np.ndarray:
        """What it read, (N, B, D)."""
        return np.ascontiguousarray(self.x.transpose(0, 2, 1))

    def started(self, state: str) -> np.ndarray:
        """A state before the first step, (B, H)."""
        return np.ascontiguousarray(self._initial[state].T)

    def value(self, name: str) -> np.ndarray:
        """A left-hand side at every step, (N, B, H)."""
        return np.ascontiguousarray(self.values[name].transpose(0, 2, 1))

    def grad(self, name: str) -> np.ndarray:
        """∂L/∂ a left-hand side at every step, (N, B, H)."""
        return np.ascontiguousarray(self.grads[name].transpose(0, 2, 1))
