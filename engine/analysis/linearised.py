"""A lane's steps as the linear maps they are to a gradient, in the form that makes them cheap.

Between its matrix products a cell is element-wise. So what a step does to a gradient is a handful of diagonals and
the weights: towards a vector v it read, J_tᵀ g = Σ_m W_mᵀ (d_m ⊙ g) + d ⊙ g, over the products m of W_m with v. One
pull of ones over all steps gives every diagonal, and no Jacobian has to be formed to multiply with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import ops
from engine.replay import LaneReplay


@dataclass(frozen=True)
class Through:
    """Everything that one output state passes to one vector that the step read.

    Attributes
    ----------
    products : tuple of int
        The n matrix products on the way, by their place in the graph.
    weights : ndarray (n, H, size)
        Of the n products.
    diagonals : ndarray (T, B, n, H)
        What stands between the output and each product.
    direct : ndarray (T, B, H) or None
        What passes element-wise, past every product.
    """

    products: tuple[int, ...]
    weights: np.ndarray
    diagonals: np.ndarray
    direct: np.ndarray | None

    def dense(self, steps: slice = slice(None)) -> np.ndarray:
        """∂ output / ∂ the vector at some steps, (T, B, H, size)."""
        diagonals = self.diagonals[steps]
        T, B, n, H = diagonals.shape
        found = np.zeros((T, B, H, self.weights.shape[2]), diagonals.dtype)
        for m in range(n):
            found += diagonals[:, :, m, :, None] * self.weights[m]
        if self.direct is not None:
            found[..., range(H), range(H)] += self.direct[steps]
        return found


class Into:
    """What all output states together pass to one vector that the step read, by one matrix product.

    Parameters
    ----------
    through : mapping of str to Through
        By output state.
    """

    def __init__(self, through: Mapping[str, Through]) -> None:
        products = sorted({product for part in through.values() for product in part.products})
        size = next(iter(through.values())).weights.shape[2]
        blocks = {p: part.weights[m] for part in through.values() for m, p in enumerate(part.products)}
        self.count, self.size = len(products), size
        self.weights = np.concatenate([blocks[p] for p in products]) if products else None
        self.scaling = [
            (output, _slots([products.index(p) for p in part.products]), part.diagonals)
            for output, part in through.items()
            if part.products
        ]
        self.direct = [(output, part.direct) for output, part in through.items() if part.direct is not None]

    def pull(self, t: int, seeds: Mapping[str, np.ndarray], out: np.ndarray | None = None) -> np.ndarray:
        """Carry gradients (K, B, H) of the step's states back through step ``t``, to (K, B, size)."""
        any_seed = next(iter(seeds.values()))
        K, B, H = any_seed.shape
        found = np.empty((K, B, self.size), any_seed.dtype) if out is None else out
        if self.weights is None:
            found.fill(0)
        else:
            scaled = self._scaled(t, seeds, (K, B, self.count, H), any_seed.dtype)
            np.dot(scaled.reshape(K * B, self.count * H), self.weights, out=found.reshape(K * B, self.size))
        for output, direct in self.direct:
            found += seeds[output] * direct[t]
        return found

    def _scaled(self, t: int, seeds: Mapping[str, np.ndarray], shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """What arrives at each product, (K, B, n, H)."""
        if len(self.scaling) == 1:
            output, _, diagonals = self.scaling[0]
            return seeds[output][:, :, None] * diagonals[t]
        found: np.ndarray | None = None
        for output, slots, diagonals in self.scaling:
            part = seeds[output][:, :, None] * diagonals[t]
            if found is None and part.shape == shape:
                found = part
                continue
            if found is None:
                found = np.zeros(shape, dtype)
            found[:, :, slots] += part
        assert found is not None
        return found


def _slots(places: list[int]) -> slice | list[int]:
    """Neighbouring places as a slice, which NumPy reads without a copy."""
    first, last = places[0], places[-1]
    return slice(first, last + 1) if places == list(range(first, last + 1)) else places


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
        wanted = (*(f"{state}_prev" for state in self.states), "x")
        self.into = {name: Into({output: self.through[output][name] for output in self.states}) for name in wanted}

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
            indices = tuple(node.index for node in through)
            self.through[output][name] = Through(indices, weights, diagonals, direct)

    def pull(self, t: int, seeds: dict[str, np.ndarray], want: str, out: np.ndarray | None = None) -> np.ndarray:
        """Carry gradients (K, B, H) of the step's states back to one vector it read; into ``out`` where given."""
        return self.into[want].pull(t, seeds, out)

    def whole(self, t: int, seeds: dict[str, np.ndarray], state: str) -> np.ndarray:
        """A state's gradient with what reaches it through the step's other states."""
        found = seeds[state]
        for output, others in self.within.items():
            if state in others:
                found = found + seeds[output] * others[state][t]
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

    def pull(self, t: int, seeds: dict[str, np.ndarray], want: str, out: np.ndarray | None = None) -> np.ndarray:
        """As :meth:`Linearised.pull`."""
        found = self._arrived(t, seeds)[want]
        if out is None:
            return found
        out[...] = found
        return out

    def whole(self, t: int, seeds: dict[str, np.ndarray], state: str) -> np.ndarray:
        """As :meth:`Linearised.whole`."""
        found, mask = self._arrived(t, seeds).get(state, seeds[state]), self.replay.mask
        return found if mask is None else np.where(mask[t][:, None], found, seeds[state])


def linearise(replay: LaneReplay) -> Linearised | Replayed:
    """Linearise a lane's steps, or replay them where the cell does not allow it."""
    return Linearised(replay) if is_linearisable(replay) else Replayed(replay)
