"""A lane's steps as the linear maps they are to a gradient, in the form that makes them cheap.

Between its matrix products a cell is element-wise. So what a step does to a gradient is a handful of diagonals and
the weights: towards a vector v it read, J_tᵀ g = Σ_m W_mᵀ (d_m ⊙ g) + d ⊙ g, over the products m of W_m with v. One
pull of ones over all steps gives every diagonal, and no Jacobian has to be formed to multiply with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import ops
from engine.replay import LaneReplay

Grads = dict[str, np.ndarray]


@dataclass(frozen=True)
class Through:
    """Everything that one output state passes to one vector that the step read.

    Attributes
    ----------
    weights : ndarray (n, H, size)
        Of the n matrix products on the way.
    diagonals : ndarray (T, B, n, H)
        What stands between the output and each product.
    direct : ndarray (T, B, H) or None
        What passes element-wise, past every product.
    """

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

    def and_beyond(self, factor: np.ndarray, other: Through) -> Through:
        """Add what an output passes through another state of the same step, ``factor`` (T, B, H) between the two."""
        beyond = None if other.direct is None else other.direct * factor
        return Through(
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.diagonals, other.diagonals * factor[:, :, None]], axis=2),
            beyond if self.direct is None else self.direct if beyond is None else self.direct + beyond,
        )


class Linearised:
    """One lane's steps as linear maps.

    Parameters
    ----------
    replay : LaneReplay

    Attributes
    ----------
    states : tuple of str
        In the order in which a gradient reaches them inside a step: an LSTM's h before its c.
    own : dict
        ``own[output state][vector]`` for each ``*_prev`` state and ``x``: what does not pass through another state.
    within : dict
        ``within[output][state]``: ∂ the output / ∂ another state of the same step, (T, B, H), element-wise.

    Raises
    ------
    ValueError
        The cell multiplies something it computed by a matrix, which is no sum of diagonals and weights.
    """

    def __init__(self, replay: LaneReplay) -> None:
        graph = replay.graph
        if not is_linearisable(replay):
            raise ValueError(f"{graph.cell.title} multiplies a computed vector by a matrix")
        self.states = tuple(sorted(graph.states, key=lambda state: -graph.named[state]))
        self.own: dict[str, dict[str, Through]] = {}
        self.within: dict[str, Grads] = {}
        for output in self.states:
            self._linearise(replay, output)

    def _linearise(self, replay: LaneReplay, output: str) -> None:
        graph, nodes, mask = replay.graph, replay.nodes, replay.mask
        value = np.asarray(nodes[graph.named[output]])
        T, B, H = value.shape
        held = None if mask is None else np.repeat(~mask[..., None], H, -1).astype(value.dtype)
        products = [node for node in graph.nodes if node.op is ops.MATVEC]
        others = [graph.named[state] for state in self.states if state != output]
        # Nothing passes a product, nor another state of the step: what lies beyond is counted there.
        ends = [*products, *(graph.nodes[index] for index in others)]
        cut = frozenset((graph.nodes[arg].name, node.name) for node in ends for arg in node.args)
        arrived = graph.pull(np, nodes, {output: np.ones_like(value) if held is None else 1 - held}, cut=cut)
        self.within[output] = {
            state: factor
            for state in self.states
            if state != output and (factor := arrived[graph.named[state]]) is not None
        }
        self.own[output] = {}
        for name in (*(f"{state}_prev" for state in graph.states), "x"):
            through = [n for n in products if graph.nodes[n.args[1]].name == name and arrived[n.index] is not None]
            size = np.asarray(nodes[graph.by_name[name]]).shape[-1] if name in graph.by_name else H
            diagonals = np.empty((T, B, len(through), H), value.dtype)
            for m, node in enumerate(through):
                diagonals[:, :, m] = arrived[node.index]
            weights = np.array([nodes[node.args[0]] for node in through], value.dtype).reshape(len(through), H, size)
            direct = arrived[graph.by_name[name]] if name in graph.by_name and name != "x" else None
            if held is not None and name == f"{output}_prev":
                direct = held if direct is None else direct + held
            self.own[output][name] = Through(weights, diagonals, direct)

    def through(self, output: str, vector: str) -> Through:
        """Everything an output passes to a vector the step read, by whichever other states of the step."""
        found = self.own[output][vector]
        for state, factor in self.within[output].items():
            found = found.and_beyond(factor, self.through(state, vector))
        return found


class Into:
    """What all states of a step together pass to one vector that the step read, by one matrix product.

    Parameters
    ----------
    parts : list of (str, Through)
        By output state.
    rows : int
        The most gradients that are carried at a time.
    """

    def __init__(self, parts: list[tuple[str, Through]], rows: int) -> None:
        self.direct = [(output, part.direct) for output, part in parts if part.direct is not None]
        self.scaling: list[tuple[str, slice, np.ndarray]] = []
        _, B, _, H = parts[0][1].diagonals.shape
        count = 0
        for output, part in parts:
            n = len(part.weights)
            if n:
                self.scaling.append((output, slice(count, count + n), part.diagonals))
            count += n
        self.size, dtype = parts[0][1].weights.shape[2], parts[0][1].diagonals.dtype
        self.weights = np.concatenate([part.weights for _, part in parts]).reshape(count * H, self.size)
        # Taken once: memory that no row has reached yet costs nothing.
        self._scaled = np.empty((rows, B, count, H), dtype)
        self._passed = np.empty((rows, B, H), dtype)

    def pull(self, t: int, seeds: Grads, out: np.ndarray) -> None:
        """Carry whole gradients (K, B, H) of step ``t``'s states back to the vector, into ``out`` (K, B, size)."""
        K, B = out.shape[:2]
        scaled = self._scaled[:K]
        for output, slots, diagonals in self.scaling:
            np.multiply(seeds[output][:, :, None], diagonals[t], out=scaled[:, :, slots])
        if self.scaling:
            np.dot(scaled.reshape(K * B, len(self.weights)), self.weights, out=out.reshape(K * B, self.size))
        elif not self.direct:
            out.fill(0)
        for at, (output, direct) in enumerate(self.direct):
            if at == 0 and not self.scaling:
                np.multiply(seeds[output], direct[t], out=out)
            else:
                out += np.multiply(seeds[output], direct[t], out=self._passed[:K])


class LinearSteps:
    """A lane's steps carrying gradients back as linear maps, with the space that needs; for one thread.

    Parameters
    ----------
    lane : Linearised
    rows : int
        The most gradients that are carried at a time.
    """

    def __init__(self, lane: Linearised, rows: int) -> None:
        self.lane, self.rows = lane, rows
        self._within = [(a, b, factor) for a, found in lane.within.items() for b, factor in found.items()]
        self._before = [(state, self._into(f"{state}_prev")) for state in lane.states]
        self._x: tuple[Into, np.ndarray] | None = None

    def _into(self, vector: str) -> Into:
        return Into([(state, self.lane.own[state][vector]) for state in self.lane.states], self.rows)

    def back(self, t: int, here: Grads, there: Grads, x: bool) -> np.ndarray | None:
        """Carry gradients (K, B, H) of step ``t``'s states back through the step.

        Parameters
        ----------
        t : int
        here : dict
            By state, what arrives from outside the step; becomes the whole gradient, with what reaches a state
            through the step's other states.
        there : dict
            By state, where the gradients of the states before the step are written.
        x : bool
            Return the gradient of what the step read as well, (K, B, size), until the next call.
        """
        for output, state, factor in self._within:
            here[state] += here[output] * factor[t]
        for state, into in self._before:
            into.pull(t, here, there[state])
        if not x:
            return None
        if self._x is None:
            into = self._into("x")
            self._x = into, np.empty((self.rows, here[self.lane.states[0]].shape[1], into.size), into.weights.dtype)
        into, space = self._x
        found = space[: len(here[self.lane.states[0]])]
        into.pull(t, here, found)
        return found


class ReplayedSteps:
    """The same interface for any cell, step by step through its graph."""

    def __init__(self, replay: LaneReplay) -> None:
        self.replay = replay

    def back(self, t: int, here: Grads, there: Grads, x: bool) -> np.ndarray | None:
        """As :meth:`LinearSteps.back`."""
        arrived, mask = self.replay.pull(t, here), self.replay.mask
        for state, seeds in here.items():
            there[state][...] = arrived[f"{state}_prev"]
            found = arrived.get(state, seeds)
            seeds[...] = found if mask is None else np.where(mask[t][:, None], found, seeds)
        return arrived["x"] if x else None


def is_linearisable(replay: LaneReplay) -> bool:
    """Whether every matrix product of the cell multiplies something that was read, not something computed."""
    nodes: Any = replay.graph.nodes
    return all(nodes[node.args[1]].op in ops.LEAVES for node in nodes if node.op is ops.MATVEC)


def steps_of(replay: LaneReplay, rows: int) -> LinearSteps | ReplayedSteps:
    """A lane's steps for so many gradients at a time: as linear maps, replayed where the cell does not allow that."""
    return LinearSteps(Linearised(replay), rows) if is_linearisable(replay) else ReplayedSteps(replay)
