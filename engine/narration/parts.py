"""One step of a lane, operation by operation, for the sentences about it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from engine import ops

_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Step:
    """The values and gradients of one step's operations, computed from what the run recorded.

    Parameters
    ----------
    trace : engine.Trace
    lane : engine.layout.Lane
    t, b : int
        The step of the lane's part, and the sequence of the batch.
    """

    def __init__(self, trace: Any, lane: Any, t: int, b: int) -> None:
        self.trace, self.graph, self.lane, self.t, self.b = trace, trace.graph, lane, t, b

    @cached_property
    def values(self) -> list[Any]:
        """Every node of the graph."""
        trace, lane, t, b = self.trace, self.lane, self.t, self.b
        given = {name: trace.value(lane.key(name))[t, b] for name in self.graph.recorded}
        given["x"] = trace.read_by(lane.prefix)[t, b]
        before = t + 1 if lane.reverse else t - 1
        for state in self.graph.states:
            key = lane.key(state)
            whole = trace.value(key)
            given[f"{state}_prev"] = whole[before, b] if 0 <= before < len(whole) else trace.starts_from(key)[b]
        stacked = {
            name: trace.parameters[lane.parameter(name)] for name in {n.block[0] for n in self.graph.nodes} if name
        }
        given.update(self.graph.blocks(stacked, "", trace.spec.hidden_size))
        with np.errstate(all="ignore"):
            found: list[Any] = self.graph.evaluate(np, given)
        return found

    @cached_property
    def gradients(self) -> list[Any]:
        """What arrives at every node, None where nothing does."""
        known = {name: self.trace.grad(self.lane.key(name))[self.t, self.b] for name in self.graph.recorded}
        with np.errstate(all="ignore"):
            found: list[Any] = self.graph.pull(np, self.values, {}, known)
        return found

    def value(self, node: Any) -> np.ndarray:
        """A node's value."""
        return np.asarray(self.values[node.index])

    def slope(self, node: Any) -> np.ndarray:
        """The local derivative of an element-wise function of one argument."""
        value, argument = self.value(node), self.values[node.args[0]]
        with np.errstate(all="ignore"):
            found = node.op.pull(np, np.ones_like(value), value, argument)[0]
        return np.broadcast_to(np.asarray(found), value.shape)

    def opens(self, node: Any) -> bool:
        """Whether a value lies between 0 and 1 and lets something through: a gate, or what a gate leaves."""
        if node.op is ops.DIFFERENCE:
            first, second = (self.graph.nodes[arg] for arg in node.args)
            return first.op is ops.CONSTANT and first.constant == 1 and second.op is ops.SIGMOID
        return node.op is ops.SIGMOID


def called(step: Step, node: Any) -> str:
    """A value's name at the step in one line: h₄, W_hf, a_f, f₅ ⊙ c₄."""
    now = step.t + 1
    before = now + 1 if step.lane.reverse else now - 1
    return _called(step.graph, node, str(now).translate(_LOWERED), str(before).translate(_LOWERED))


def _called(graph: Any, node: Any, now: str, before: str) -> str:
    if node.op is ops.CONSTANT:
        return f"{node.constant:g}"
    if node.op in (ops.WEIGHT, ops.BIAS):
        return str(node.name)
    if node.name.endswith("_prev"):
        return f"{node.name.removesuffix('_prev')}{before}"
    if node.named or node.op in ops.LEAVES:
        return node.name if "_" in node.name else f"{node.name}{now}"
    parts = []
    for arg in node.args:
        child = graph.nodes[arg]
        text = _called(graph, child, now, before)
        composite = child.op in (ops.SUM, ops.DIFFERENCE) and not child.named and node.op is not ops.SUM
        parts.append(f"({text})" if composite and node.op not in ops.FUNCTIONS.values() else text)
    if node.op is ops.SUM:
        return " + ".join(parts)
    if node.op is ops.MATVEC:
        return " ".join(parts)
    return f" {node.op.symbol} ".join(parts) if len(parts) > 1 else f"{node.op.name}({parts[0]})"
