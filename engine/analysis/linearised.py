"""A lane's steps as the linear maps they are to a gradient, in the form that makes them cheap.

Between its matrix products a cell is element-wise. So what a step does to a gradient is a handful of diagonals and
the weights: towards a vector v it read, J_tᵀ g = Σ_m W_mᵀ (d_m ⊙ g) + d ⊙ g, over the products m of W_m with v. One
pull of ones over all steps gives every diagonal, and no Jacobian has to be formed to multiply with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import ops
from engine.replay import LaneReplay


@dataclass(frozen=True)
class Through:
    """Everything that one output state passes to one vector that the step read.

    Attributes
    ----------
    weights : ndarray (n, H, size)
        Of the n products.
    diagonals : ndarray (T, B, n, H)
        What stands between the output and each product.
    direct : ndarray (T, B, H) or None
        What passes element-wise, past every product.
    """

    weights: np.ndarray
    diagonals: np.ndarray
    direct: np.ndarray | None

    def pull(self, t: int, seed: np.ndarray) -> np.ndarray | None:
        """Carry gradients (K, B, H) back through step ``t``, to (K, B, size); None where nothing passes."""
        n, H, size = self.weights.shape
        found = None
        if n:
            scaled = seed * self.diagonals[t, :, 0] if n == 1 else seed[:, :, None] * self.diagonals[t]
            found = np.dot(scaled.reshape(-1, n * H), self.weights.reshape(n * H, size))
            found = found.reshape(*seed.shape[:-1], size)
        if self.direct is not None:
            passed = seed * self.direct[t]
            found = passed if found is None else found + passed
        return found

    def dense(self) -> np.ndarray:
        """∂ output / ∂ the vector at every step, (T, B, H, size)."""
        T, B, n, H = self.diagonals.shape
        found = np.zeros((T, B, H, self.weights.shape[2]), self.diagonals.dtype)
        for m in range(n):
            found += self.diagonals[:, :, m, :, None] * self.weights[m]
        if self.direct is not None:
            found[..., range(H), range(H)] += self.direct
        return found


class Linearised:
    """One lane's steps as linear maps.

    Parameters
    ----------
    replay : LaneReplay

    Attributes
    ----------
    through : dict
        ``through[output state][vector]`` for each ``*_prev`` state and ``x``.
    within : dict
        ``within[output][state]``: ∂ the output / ∂ another state of the same step, (T, B, H), element-wise.

    Raises
    ------
    ValueError
        The cell multiplies something it computed by a matrix, which is no sum of diagonals and weights.
    """

    def __init__(self, replay: LaneReplay) -> None:
        self.replay, self.states = replay, replay.graph.states
        if not is_linearisable(replay):
            raise ValueError(f"{replay.graph.cell.title} multiplies a computed vector by a matrix")
        self.through: dict[str, dict[str, Through]] = {}
        self.within: dict[str, dict[str, np.ndarray]] = {}
        for output in self.states:
            self._linearise(output)

    def _linearise(self, output: str) -> None:
        graph, nodes, mask = self.replay.graph, self.replay.nodes, self.replay.mask
        value = np.asarray(nodes[graph.named[output]])
        ones = (
            np.ones_like(value) if mask is None else np.repeat(mask[..., None], value.shape[2], -1).astype(value.dtype)
        )
        products = [node for node in graph.nodes if node.op is ops.MATVEC]
        arrived = graph.pull(np, nodes, {output: ones})
        cut = frozenset((graph.nodes[node.args[1]].name, node.name) for node in products)
        past = graph.pull(np, nodes, {output: ones}, cut=cut)
        self.within[output] = {
            state: grad
            for state in self.states
            if state != output and (grad := arrived[graph.named[state]]) is not None
        }
        self.through[output] = {}
        for name in (*(f"{state}_prev" for state in self.states), "x"):
            through = [n for n in products if graph.nodes[n.args[1]].name == name and arrived[n.index] is not None]
            size = np.asarray(nodes[graph.by_name[name]]).shape[-1] if name in graph.by_name else value.shape[2]
            shape = (*value.shape[:2], len(through), value.shape[2])
            diagonals = np.empty(shape, value.dtype)
            for m, node in enumerate(through):
                diagonals[:, :, m] = arrived[node.index]
            weights = np.array([nodes[node.args[0]] for node in through]).reshape(len(through), value.shape[2], size)
            direct = past[graph.by_name[name]] if name in graph.by_name and name != "x" else None
            if mask is not None and name == f"{output}_prev":
                held = np.broadcast_to(~mask[..., None], value.shape).astype(value.dtype)
                direct = held if direct is None else direct + held
            self.through[output][name] = Through(weights, diagonals, direct)

    def pull(self, t: int, seeds: dict[str, np.ndarray], want: str) -> np.ndarray | None:
        """Carry gradients (K, B, H) of the step's states back to one vector it read; None where nothing passes."""
        found = None
        for output, seed in seeds.items():
            part = self.through[output][want].pull(t, seed)
            if part is not None:
                found = part if found is None else found + part
        return found

    def whole(self, t: int, seeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Add to each state's gradient what reaches it through the step's other states."""
        found = dict(seeds)
        for output, others in self.within.items():
            for state, diagonal in others.items():
                if output in seeds and state in found:
                    found[state] = found[state] + seeds[output] * diagonal[t]
        return found


def is_linearisable(replay: LaneReplay) -> bool:
    """Whether every matrix product of the cell multiplies something that was read, not something computed."""
    nodes = replay.graph.nodes
    return all(nodes[node.args[1]].op in ops.LEAVES for node in nodes if node.op is ops.MATVEC)


class Replayed:
    """The same interface for any cell, step by step through its graph."""

    def __init__(self, replay: LaneReplay) -> None:
        self.replay, self.states = replay, replay.graph.states
        self._last: tuple[int, dict[str, np.ndarray], dict[str, np.ndarray]] | None = None

    def _arrived(self, t: int, seeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        # The states' gradients, their whole and x are asked for one after the other with the same seeds.
        if self._last is None or self._last[0] != t or self._last[1] is not seeds:
            self._last = (t, seeds, self.replay.pull(t, seeds))
        return self._last[2]

    def pull(self, t: int, seeds: dict[str, np.ndarray], want: str) -> np.ndarray | None:
        """As :meth:`Linearised.pull`."""
        return self._arrived(t, seeds).get(want)

    def whole(self, t: int, seeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As :meth:`Linearised.whole`."""
        arrived, mask = self._arrived(t, seeds), self.replay.mask
        found = {state: arrived.get(state, seed) for state, seed in seeds.items()}
        if mask is None:
            return found
        return {state: np.where(mask[t][:, None], grad, seeds[state]) for state, grad in found.items()}


def linearise(replay: LaneReplay) -> Linearised | Replayed:
    """Linearise a lane's steps, or replay them where the cell does not allow it."""
    return Linearised(replay) if is_linearisable(replay) else Replayed(replay)
