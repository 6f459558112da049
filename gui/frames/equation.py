"""A cell's equation as a row of pieces (signs, vectors, matrices), and as one unit's sum in numbers.

Both come from the cell's graph, so neither can disagree with the computation. A pre-activation that exists only
to be squashed (``a_i`` in ``i = σ(a_i)``) is written inside the equation that squashes it, and biases that are added up
stand as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine import ops
from engine.format import MINUS, addend
from engine.graph import Graph, Node

Segments = tuple[tuple[str, str], ...]
_LOWERED = str.maketrans("0123456789-+", "₀₁₂₃₄₅₆₇₈₉₋₊")
_FUNCTIONS = tuple(ops.FUNCTIONS.values())


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece of an equation.

    Attributes
    ----------
    kind : str
        "sign", "vector" or "matrix".
    base, below : str
        What it is called: ``h`` with ``5`` below; for a sign its text alone.
    node : str
        The value's name in the graph; "b" with its gate for biases added up.
    along : bool
        Whether its rows are the result's units, so that a unit is a row of it.
    shape : tuple of int
        (rows,) or (rows, columns); empty for a sign.
    value : ndarray or None
        None: not computed yet.
    names : tuple of str
        The names in the graph that it stands for.
    """

    kind: str
    base: str
    below: str = ""
    node: str = ""
    along: bool = True
    shape: tuple[int, ...] = ()
    value: np.ndarray | None = None
    names: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """Its name in one line of text."""
        return lowered(self.base, self.below)


def lowered(base: str, below: str) -> str:
    """Write a name with its index in one line: h₅, W_hh, a_i,₅."""
    if not below:
        return base
    head, comma, tail = below.rpartition(",")
    if tail.lstrip("-").isdigit():
        return f"{base}{'_' + head if comma else ''}{tail.translate(_LOWERED)}"
    return f"{base}_{below}"


def _sign(text: str) -> Piece:
    return Piece("sign", text, along=False)


def parts(name: str, now: str, before: str) -> tuple[str, str]:
    """Part a graph's name into letter and index at a step: ``h_prev`` -> (h, 4), ``a_i`` -> (a, i,5)."""
    if name.endswith("_prev"):
        return name.removesuffix("_prev"), before
    if name[:2] in ("W_", "b_"):
        return name[0], name[2:]
    head, _, tail = name.partition("_")
    return head, f"{tail},{now}" if tail else now


def squashed(graph: Graph) -> frozenset[str]:
    """Names of the pre-activations: named sums whose only use is as the argument of a named function."""
    users: dict[int, list[Node]] = {}
    for node in graph.nodes:
        for arg in node.args:
            users.setdefault(arg, []).append(node)
    found = []
    for node in graph.nodes:
        using = users.get(node.index, [])
        if node.named and node.op is ops.SUM and len(using) == 1 and using[0].named and using[0].op in _FUNCTIONS:
            found.append(node.name)
    return frozenset(found)


def names(graph: Graph) -> tuple[str, ...]:
    """The equations there are to look at, in the cell's order: gates, then states, without the pre-activations."""
    inside = squashed(graph)
    return tuple(name for name in graph.recorded if name not in inside)


def showing(graph: Graph, name: str) -> str:
    """The equation in which a value is computed: its own, or for a pre-activation the one that squashes it."""
    if name in names(graph):
        return name
    if name in squashed(graph):
        index = graph.by_name[name]
        return next(node.name for node in graph.nodes if index in node.args and node.named)
    return graph.states[0]


class Equation:
    """One equation of a cell, walked once.

    Parameters
    ----------
    graph : engine.graph.Graph
    name : str
        One of :func:`names`.
    """

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name
        self._inside = squashed(graph)
        self.node = graph.node(name)

    # Pieces --------------------------------------------------------------------------------------------

    def pieces(self, now: str, before: str, values: Sequence[np.ndarray | float | None], reached: bool,
               reached_before: bool) -> tuple[Piece, ...]:  # fmt: skip
        """Lay the equation out at a step.

        Parameters
        ----------
        now, before : str
            What the step and the one computed before it are called ("5", "4").
        values : sequence
            Every node's value at the step, as ``Graph.evaluate`` gives them.
        reached, reached_before : bool
            Whether the playhead has computed this step, and the state that comes into it.
        """
        body = [self._leaf(self.node, now, before), _sign("="), *self._walk(self.node, now, before, top=True)]
        found = []
        for piece in body:
            if piece.kind == "sign":
                found.append(piece)
                continue
            arrays = [np.asarray(values[self.graph.by_name[name]]) for name in piece.names]
            total = arrays[0] if len(arrays) == 1 else np.sum(arrays, axis=0)
            weight = self.graph.node(piece.names[0]).op in (ops.WEIGHT, ops.BIAS)
            there = weight or (reached_before if piece.names[0].endswith("_prev") else reached)
            found.append(replace(piece, shape=total.shape, value=total if there else None))
        return tuple(found)

    def _leaf(self, node: Node, now: str, before: str, along: bool = True) -> Piece:
        base, below = parts(node.name, now, before)
        if node.op is ops.WEIGHT:
            return Piece("matrix", base, below, node.name, along, names=(node.name,))
        return Piece("vector", base, below, node.name, along, names=(node.name,))

    def _walk(self, node: Node, now: str, before: str, top: bool = False, along: bool = True) -> list[Piece]:
        if node.op is ops.CONSTANT:
            return [_sign(f"{node.constant:g}")]
        if node.op in ops.LEAVES or (node.named and not top and node.name not in self._inside):
            return [self._leaf(node, now, before, along)]
        args = [self.graph.nodes[arg] for arg in node.args]
        if node.op is ops.MATVEC:
            return [self._leaf(args[0], now, before), *self._walk(args[1], now, before, along=False)]
        if node.op is ops.SUM:
            terms = [self._walk(arg, now, before) for arg in args if arg.op is not ops.BIAS]
            biases = [arg.name for arg in args if arg.op is ops.BIAS]
            return _joined(terms + ([[self._bias(biases)]] if biases else []), "+")
        if node.op in (ops.DIFFERENCE, ops.PRODUCT):
            terms = [self._wrapped(arg, now, before, node, first=at == 0) for at, arg in enumerate(args)]
            return _joined(terms, "−" if node.op is ops.DIFFERENCE else "⊙")
        inner = self._walk(args[0], now, before)
        if node.op is ops.IDENTITY:
            return inner
        return [_sign(_word(node)), _sign("("), *inner, _sign(")")]

    def _wrapped(self, arg: Node, now: str, before: str, user: Node, first: bool) -> list[Piece]:
        inner = self._walk(arg, now, before)
        composite = arg.op in (ops.SUM, ops.DIFFERENCE) and not arg.named
        if composite and not (user.op is ops.DIFFERENCE and first):
            return [_sign("("), *inner, _sign(")")]
        return inner

    def _bias(self, biases: list[str]) -> Piece:
        if len(biases) == 1:
            return Piece("vector", "b", biases[0][2:], biases[0], names=tuple(biases))
        gate = biases[0][-1] if self.graph.cell.gates else ""
        return Piece("vector", "b", gate, f"b_{gate}" if gate else "b", names=tuple(biases))

    # Numbers -------------------------------------------------------------------------------------------

    def sums(self, now: str, unit: int, values: Sequence[np.ndarray | float]) -> tuple[Segments, ...]:
        """Write the equation in numbers for one unit.

        Parameters
        ----------
        now : str
            What the step is called ("5").
        unit : int
            From 0; written from 1.
        values : sequence
            Every node's value at the step.

        Returns
        -------
        tuple of segments
            One or two lines of (text, role): roles "muted", "strong", "result".
        """
        numbers = _Numbers(self.graph, self._inside, values, unit)
        lines, body = [], self.node
        inner = self.graph.nodes[body.args[0]] if body.op in _FUNCTIONS else None
        if inner is not None and inner.name in self._inside and body.op is not ops.IDENTITY:
            base, below = parts(inner.name, now, "")
            lines.append((_head(base, below, unit), *numbers.walk(inner, top=True)))
            right: Segments = ((f"{_word(body)}(", "muted"), (addend(numbers.of(inner)), "strong"), (")", "muted"))
        else:
            right = numbers.walk(body, top=True)
        base, below = parts(self.name, now, "")
        lines.append((_head(base, below, unit), *right, (" = ", "muted"), (addend(numbers.of(body)), "result")))
        return tuple(lines)


def _head(base: str, below: str, unit: int) -> tuple[str, str]:
    return f"{lowered(base, below)}[{unit + 1}] = ", "muted"


def _word(node: Node) -> str:
    return "ReLU" if node.op is ops.RELU else node.op.name


def _joined(terms: list[list[Piece]], sign: str) -> list[Piece]:
    found = list(terms[0])
    for term in terms[1:]:
        found += [_sign(sign), *term]
    return found


class _Numbers:
    """Writes nodes as numbers of one unit."""

    def __init__(self, graph: Graph, inside: frozenset[str], values: Sequence[np.ndarray | float], unit: int) -> None:
        self.graph, self.inside, self.values, self.unit = graph, inside, values, unit

    def of(self, node: Node) -> float:
        value = np.asarray(self.values[node.index])
        return float(value if value.ndim == 0 else value[self.unit])

    def walk(self, node: Node, top: bool = False) -> Segments:
        if node.op is ops.CONSTANT:
            return ((f"{node.constant:g}", "muted"),)
        if node.op in ops.LEAVES or (node.named and not top and node.name not in self.inside):
            return ((addend(self.of(node)), "strong"),)
        args = [self.graph.nodes[arg] for arg in node.args]
        if node.op is ops.MATVEC:
            return ((addend(self.of(node)), "strong"), (f" ({args[1].name.removesuffix('_prev')})", "muted"))
        if node.op is ops.SUM:
            return self._sum(args)
        if node.op in (ops.DIFFERENCE, ops.PRODUCT):
            return self._pair(args, difference=node.op is ops.DIFFERENCE)
        inner = self.walk(args[0])
        return inner if node.op is ops.IDENTITY else ((f"{_word(node)}(", "muted"), *inner, (")", "muted"))

    def _sum(self, args: list[Node]) -> Segments:
        biases = [self.of(arg) for arg in args if arg.op is ops.BIAS]
        terms = [self.walk(arg) for arg in args if arg.op is not ops.BIAS]
        if biases:
            terms.append(((addend(sum(biases)), "strong"), (" (b)", "muted")))
        found = list(terms[0])
        for term in terms[1:]:
            text, role = term[0]
            minus = text.startswith(MINUS)
            found += [(f" {MINUS} " if minus else " + ", "muted"), (text.removeprefix(MINUS), role), *term[1:]]
        return tuple(found)

    def _pair(self, args: list[Node], difference: bool) -> Segments:
        sides = []
        for at, arg in enumerate(args):
            side = self.walk(arg)
            composite = arg.op in (ops.SUM, ops.DIFFERENCE) and not arg.named
            if (composite and not (difference and at == 0)) or (at and side[0][0].startswith(MINUS)):
                side = (("(", "muted"), *side, (")", "muted"))
            sides.append(side)
        return (*sides[0], (f" {MINUS} " if difference else " · ", "muted"), *sides[1])
