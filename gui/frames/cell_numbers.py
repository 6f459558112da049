"""One operation of a cell in the numbers of one unit: the sum or product it is, and on the way back its factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine import ops
from engine.format import MINUS, addend, number
from engine.graph import Graph, Node
from gui.frames.cell_groups import FUNCTIONS
from gui.frames.cell_words import plain, spelled

Segments = tuple[tuple[str, str], ...]
MOST = 3
"""So many products of a sum are written out, the largest."""


@dataclass(frozen=True, eq=False)
class Factor:
    """One factor of the chain rule: from an operation's value back to one thing that it was computed from.

    Attributes
    ----------
    operation, to : str
        Both by their names in the graph.
    arrives : ndarray (H,)
        ∂L/∂ the operation's value.
    local : ndarray or None
        The local derivative, element by element; None for a matrix product, where it is the matrix.
    matrix : str
        The matrix's name, or empty.
    leaves : ndarray (size,)
        What this operation passes on: its part of ∂L/∂ what it was computed from.
    """

    operation: str
    to: str
    arrives: np.ndarray
    local: np.ndarray | None
    matrix: str
    leaves: np.ndarray


def factors(graph: Graph, name: str, values: Sequence[np.ndarray | float], arrives: np.ndarray) -> tuple[Factor, ...]:
    """Every factor of one operation, parameters and constants left out.

    Parameters
    ----------
    graph : engine.graph.Graph
    name : str
    values : sequence
        Every node's value at one step.
    arrives : ndarray (H,)
        ∂L/∂ the operation's value.
    """
    node = graph.node(name)
    args = [values[arg] for arg in node.args]
    with np.errstate(all="ignore"):
        leaves = node.op.pull(np, arrives, values[node.index], *args)
        ones = node.op.pull(np, np.ones_like(arrives), values[node.index], *args)
    found = []
    for arg, part, local in zip(node.args, leaves, ones, strict=True):
        child = graph.nodes[arg]
        if part is None or child.op in (ops.CONSTANT, ops.BIAS, ops.WEIGHT):
            continue
        matrix = graph.nodes[node.args[0]].name if node.op is ops.MATVEC else ""
        slope = None if matrix else np.broadcast_to(np.asarray(local), arrives.shape)
        found.append(Factor(name, child.name, arrives, slope, matrix, np.asarray(part)))
    return tuple(found)


class Numbers:
    """Writes the operations of one step as numbers of one unit.

    Parameters
    ----------
    graph : engine.graph.Graph
    values : sequence
        Every node's value at the step.
    now, before : str
        What the step and the one computed before it are called.
    """

    def __init__(self, graph: Graph, values: Sequence[np.ndarray | float], now: str, before: str) -> None:
        self.graph, self.values, self._names = graph, values, (now, before)

    def of(self, name: str, unit: int) -> float:
        """A value of the graph at a unit; of a shorter vector its last."""
        value = np.asarray(self.values[self.graph.by_name[name]])
        return float(value if value.ndim == 0 else value[min(unit, len(value) - 1)])

    def forward(self, name: str, unit: int) -> tuple[Segments, ...]:
        """Lines of (text, role): how the unit's number comes about."""
        node = self.graph.node(name)
        head = (f"unit {unit + 1}  ", "muted"), (addend(self.of(name, unit)), "result"), (" = ", "muted")
        args = [self.graph.nodes[arg] for arg in node.args]
        if node.op is ops.MATVEC:
            return ((*head, *self._dot(args, unit)),)
        if node.op is ops.SUM:
            return ((*head, *_added([self._addend(arg, unit) for arg in args])), self._parts(node, unit))
        if node.op in FUNCTIONS:
            slope = float(np.asarray(self._slope(node)).reshape(-1)[unit])
            word = "ReLU" if node.op is ops.RELU else node.op.name
            inner = self._value(args[0], unit)
            right: Segments = (inner,) if node.op is ops.IDENTITY else ((f"{word}(", "muted"), inner, (")", "muted"))
            return ((*head, *right), (("slope there ", "muted"), (addend(slope), "strong")))
        sign = f" {MINUS} " if node.op is ops.DIFFERENCE else " × "
        return ((*head, self._value(args[0], unit), (sign, "muted"), *_bracketed(self._value(args[1], unit))),)

    def backward(self, found: Sequence[Factor], unit: int) -> tuple[Segments, ...]:
        """A line for each factor: what arrives × the local derivative = what leaves, and to where."""
        lines = []
        for factor in found:
            to = plain(spelled(self.graph, factor.to, *self._names))
            # A vector of another length has other units: its own that the most goes to.
            alike = len(factor.leaves) == len(factor.arrives)
            at = unit if alike else int(np.argmax(np.abs(np.nan_to_num(factor.leaves))))
            leaves = (number(float(factor.leaves[at])), "backward")
            if factor.local is None:
                weights = np.asarray(self.values[self.graph.by_name[factor.matrix]])[:, at]
                terms = _largest(weights, factor.arrives)
                lines.append(((f"unit {at + 1} of {to}  ", "muted"), *terms, (" = ", "muted"), leaves))
                continue
            arrives, local = float(factor.arrives[at]), float(factor.local[at])
            lines.append(
                ((f"unit {at + 1}  ", "muted"), (number(arrives), "strong"), (" × ", "muted"),
                 *_bracketed((number(local), "strong")), (" = ", "muted"), leaves, (f"  → {to}", "muted"))
            )  # fmt: skip
        return tuple(lines)

    def _slope(self, node: Node) -> np.ndarray:
        value, argument = np.asarray(self.values[node.index]), self.values[node.args[0]]
        return np.broadcast_to(np.asarray(node.op.pull(np, np.ones_like(value), value, argument)[0]), value.shape)

    def _value(self, node: Node, unit: int) -> tuple[str, str]:
        if node.op is ops.CONSTANT:
            return f"{node.constant:g}", "strong"
        return addend(self.of(node.name, unit)), "strong"

    def _dot(self, args: list[Node], unit: int) -> Segments:
        weights, vector = (np.asarray(self.values[arg.index]) for arg in args)
        return _largest(weights[unit], vector)

    def _addend(self, node: Node, unit: int) -> Segments:
        """One term of a sum; a product that is only an operation of its own stands written out."""
        if node.op is ops.PRODUCT and not node.named:
            left, right = (self.graph.nodes[arg] for arg in node.args)
            return (self._value(left, unit), (" × ", "muted"), *_bracketed(self._value(right, unit)))
        return (self._value(node, unit),)

    def _parts(self, node: Node, unit: int) -> Segments:
        """What each term comes to: of a state that is carried on, what is kept and what is written."""
        found: list[tuple[str, str]] = []
        kept = {arg for arg in node.args if self._keeps(node, self.graph.nodes[arg])}
        for arg in node.args:
            child = self.graph.nodes[arg]
            if kept:
                word = "kept" if arg in kept else "written"
            else:
                word = plain(spelled(self.graph, child.name, *self._names))
            found += [("   " if found else "", "muted"), (f"{word} ", "muted"), self._value(child, unit)]
        return tuple(found)

    def _keeps(self, state: Node, term: Node) -> bool:
        if state.name not in self.graph.states or term.op is not ops.PRODUCT:
            return False
        return self.graph.by_name.get(f"{state.name}_prev") in term.args


def _largest(weights: np.ndarray, vector: np.ndarray) -> Segments:
    """The largest products of a sum written out, the others added up."""
    products = weights * vector
    order = np.argsort(-np.abs(np.nan_to_num(products)), kind="stable")
    shown, rest = order[:MOST], order[MOST:]
    terms: list[Segments] = [
        ((addend(float(weights[k])), "strong"), (" × ", "muted"), *_bracketed((addend(float(vector[k])), "strong")))
        for k in shown
    ]
    found = list(_added(terms))
    if len(rest):
        total = addend(float(products[rest].sum()))
        sign = f" {MINUS} " if total.startswith(MINUS) else " + "
        found += [(sign, "muted"), (total.removeprefix(MINUS), "strong"), (f" ({len(rest)} more)", "muted")]
    return tuple(found)


def _added(terms: Sequence[Segments]) -> Segments:
    found = list(terms[0])
    for term in terms[1:]:
        text, role = term[0]
        minus = text.startswith(MINUS)
        found += [(f" {MINUS} " if minus else " + ", "muted"), (text.removeprefix(MINUS), role), *term[1:]]
    return tuple(found)


def _bracketed(value: tuple[str, str]) -> Segments:
    return (("(", "muted"), value, (")", "muted")) if value[0].startswith(MINUS) else (value,)
