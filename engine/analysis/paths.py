"""Where the gradient goes: along the cell's highway, or through a gate and the recurrent weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import layout, ops


@dataclass(frozen=True)
class Paths:
    """The gradient of a state split by the way it came.

    Attributes
    ----------
    state : str
        Which state's gradient it is: the one that has the highway (an LSTM's c, a GRU's h).
    whole : ndarray (T, B, H)
        ∂L/∂ that state.
    parts : dict of ndarray
        "highway", what came only element-wise from state to state (an LSTM: only through f; a GRU: only through
        z), and the rest by the gate through which it first left; they sum to ``whole``.
    """

    state: str
    whole: np.ndarray
    parts: dict[str, np.ndarray]

    def share(self, name: str) -> np.ndarray:
        """⟨part, whole⟩/‖whole‖² at each step over batch and units, (T,); it may be negative, 0 where nothing came."""
        size = (self.whole * self.whole).sum(axis=(1, 2))
        dot = (self.parts[name] * self.whole).sum(axis=(1, 2))
        return np.divide(dot, size, out=np.zeros_like(dot), where=size > 0)


def paths(trace: Any, layer: int = 0, direction: str = "forward", part: str | None = None) -> Paths:
    """Split the gradient of a lane's state into the highway and the rest, by the first gate left.

    Walking back, each loss enters a step's states and stays on the highway as long as it passes from state to state
    element-wise. Where it goes through the recurrent matrix of a gate for the first time it belongs to that gate from
    then on, whichever way it takes afterwards.

    Returns
    -------
    Paths
    """
    lane = layout.find(trace.spec, layer, direction, part)
    replay = trace.replay(lane.prefix)
    graph, states = replay.graph, replay.graph.states
    state = states[-1]
    T, B, H = trace.grad(lane.key(state)).shape
    products = [node for node in graph.nodes if node.op is ops.MATVEC and graph.nodes[node.args[1]].op is ops.STATE]
    gates = {node.index: graph.nodes[node.args[0]].name.removeprefix("W_h") for node in products}
    names = ("highway", *graph.cell.gates) if graph.cell.gates else ("highway", "W_hh")
    weights = {node.name: np.asarray(replay.nodes[node.index]) for node in graph.nodes if node.op is ops.WEIGHT}
    zero = np.zeros((B, H), trace.grad(lane.key(state)).dtype)
    carry = {name: dict.fromkeys(states, zero) for name in names}
    found = {name: np.zeros((T, B, H), zero.dtype) for name in names}
    for t in range(T) if lane.reverse else reversed(range(T)):
        own = {s: _own(trace, lane.key(s), t, replay) for s in states}
        carry["highway"] = {s: carry["highway"][s] + own[s] for s in states}
        after = {name: replay.pull(t, seeds) for name, seeds in carry.items()}
        for name in names:
            found[name][t] = after[name].get(state, carry[name][state])
            if replay.mask is not None:  # a held state's gradient passes by the cell's equations
                found[name][t] = np.where(replay.mask[t][:, None], found[name][t], carry[name][state])
        leaving = _leaving(after["highway"], graph, products, gates, weights)
        along = {s: after["highway"][f"{s}_prev"] - sum(p.get(s, zero) for p in leaving.values()) for s in states}
        for name in names[1:]:
            gone = leaving.get(name if graph.cell.gates else "h", {})
            carry[name] = {s: after[name][f"{s}_prev"] + gone.get(s, zero) for s in states}
        carry["highway"] = along
    return Paths(state, trace.grad(lane.key(state)), found)


def _own(trace: Any, key: str, t: int, replay: Any) -> np.ndarray:
    """What a step's state receives from outside its lane's recurrence: its own loss, the layer above, the decoder."""
    own_last = t == (0 if replay.lane.reverse else len(trace.grad(key)) - 1)  # there nothing comes along the lane
    whole = trace.grad(key)[t] if own_last else trace.grad(key)[t] - trace.travelled(key)[t]
    hidden = replay.graph.states[0]
    name = key.removeprefix(f"{replay.lane.prefix}.")
    if name == hidden:
        return whole
    within = replay.pull(t, {hidden: trace.grad(replay.lane.key(hidden))[t]}).get(name)
    return whole if within is None else whole - within


def _leaving(
    arrived: dict[str, np.ndarray],
    graph: Any,
    products: list[Any],
    gates: dict[int, str],
    weights: dict[str, np.ndarray],
) -> dict[str, dict[str, np.ndarray]]:
    """What leaves the highway at this step, by gate and the state it goes to."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for node in products:
        if node.name in arrived:
            weight, vector = (graph.nodes[arg].name for arg in node.args)
            going = found.setdefault(gates[node.index], {})
            state = vector.removesuffix("_prev")
            back = arrived[node.name] @ weights[weight]
            going[state] = going[state] + back if state in going else back
    return found
