"""A cell's graph in the form the plan works with: rows, products, functions and sums of H-vectors.

A *row* gathers all that a sum has of the form W_h h_prev, W_x x and b. The rows of all gates stand below each other
in one matrix, so that one product with [h_prev; 1; x] gives them together; what does not depend on h_prev can also be
taken for all steps at once. Everything else is element-wise, one number a unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import ops
from engine.graph import Graph, Node

#: (coefficient, (stacked parameter, block)): coefficient · W or b.
Part = tuple[float, tuple[str, int]]
#: (coefficient, a value's name).
Term = tuple[float, str]


class NotCompilable(Exception):
    """The cell's equations have a form the plan does not know; the engine then walks the graph."""


@dataclass
class Value:
    """One H-vector of a step.

    Attributes
    ----------
    name : str
        The node's name.
    kind : str
        "previous" (a state before the step), "row", "product", "function", "matvec" or "sum".
    args : tuple of str
        Of a product (two), a function or a matvec (one).
    function : str
        Of a function, its operation's name.
    recurrent, inputs, biases : list of Part
        Of a row: Σ coefficient · W h_prev, W x and b. Of a matvec: ``recurrent`` is its one matrix.
    terms : list of Term
        Of a row or sum: Σ coefficient · value, added to it.
    constant : float
        Of a row or sum, added too.
    halved : bool
        Of a row that only σ reads: half of it is computed, since σ(a) = ½ + ½ tanh(a/2).
    named, state : bool
        It is the left-hand side of an equation; it is carried on to the next step.
    """

    name: str
    kind: str
    args: tuple[str, ...] = ()
    function: str = ""
    recurrent: list[Part] = field(default_factory=list)
    inputs: list[Part] = field(default_factory=list)
    biases: list[Part] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    constant: float = 0.0
    halved: bool = False
    named: bool = False
    state: bool = False

    @property
    def read(self) -> tuple[str, ...]:
        """The values it is computed from, apart from h_prev in a row."""
        return self.args + tuple(name for _, name in self.terms)


class Lowering:
    """Turns a graph into values, in the order of the equations."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.main = f"{graph.states[0]}_prev"
        self.values: dict[str, Value] = {}
        self.readers: dict[int, int] = {}
        for node in graph.nodes:
            for arg in node.args:
                self.readers[arg] = self.readers.get(arg, 0) + 1
        for state in graph.states:
            self.values[f"{state}_prev"] = Value(f"{state}_prev", "previous")
        for index in graph.named.values():
            self._value(graph.nodes[index])
        self._halve()

    def _value(self, node: Node) -> str:
        """The value of a node, made when it is first needed."""
        if node.name in self.values:
            return node.name
        if node.op in (ops.INPUT, ops.CONSTANT, ops.WEIGHT):
            raise NotCompilable(f"{node.name} is read element by element")
        if node.op is ops.PRODUCT and self._factor(node) is None:
            made = Value(node.name, "product", tuple(self._value(self.graph.nodes[arg]) for arg in node.args))
        elif node.op in (ops.TANH, ops.SIGMOID, ops.RELU):
            made = Value(node.name, "function", (self._value(self.graph.nodes[node.args[0]]),), node.op.name)
        elif node.op in (ops.SUM, ops.DIFFERENCE, ops.IDENTITY, ops.MATVEC, ops.BIAS, ops.PRODUCT):
            made = self._sum(node)
        else:
            raise NotCompilable(f"there is no plan for {node.op.name}")
        made.named, made.state = node.named, node.name in self.graph.states
        self.values[node.name] = made
        return node.name

    def _factor(self, node: Node) -> tuple[float, Node] | None:
        """A product with a constant, as (constant, the other)."""
        left, right = (self.graph.nodes[arg] for arg in node.args)
        if left.op is ops.CONSTANT:
            return left.constant, right
        return (right.constant, left) if right.op is ops.CONSTANT else None

    def _sum(self, node: Node) -> Value:
        made = Value(node.name, "sum")
        self._gather(made, node, 1.0, top=True)
        if not (made.recurrent or made.inputs or made.biases):
            if not made.terms:
                raise NotCompilable(f"{node.name} is a constant")
            return made
        if node.name not in self.graph.states:
            made.kind = "row"
            return made
        # A state lies with the states, a row with the rows: the row under a name of its own, and the state a copy.
        inner = Value(
            f"{node.name}'", "row", (), "", made.recurrent, made.inputs, made.biases, made.terms, made.constant
        )
        self.values[inner.name] = inner
        return Value(node.name, "sum", terms=[(1.0, inner.name)])

    def _gather(self, made: Value, node: Node, coefficient: float, top: bool = False) -> None:
        """Add coefficient · node to the sum that is being made, flattening what only this sum reads."""
        if node.op is ops.CONSTANT:
            made.constant += coefficient * node.constant
            return
        if node.op is ops.BIAS:
            made.biases.append((coefficient, node.block))
            return
        shared = not top and (node.named or self.readers.get(node.index, 0) > 1)
        arguments = [self.graph.nodes[arg] for arg in node.args]
        if shared or node.op not in (ops.SUM, ops.DIFFERENCE, ops.IDENTITY, ops.MATVEC, ops.PRODUCT):
            made.terms.append((coefficient, self._value(node)))
        elif node.op is ops.MATVEC:
            weight, vector = arguments
            if vector.op is ops.INPUT:
                made.inputs.append((coefficient, weight.block))
            elif vector.name == self.main:
                made.recurrent.append((coefficient, weight.block))
            else:
                made.terms.append((coefficient, self._matvec(node.name, weight, vector)))
        elif node.op is ops.PRODUCT:
            scaled = self._factor(node)
            if scaled is None:
                made.terms.append((coefficient, self._value(node)))
            else:
                self._gather(made, scaled[1], coefficient * scaled[0])
        else:
            signs = (1.0, -1.0) if node.op is ops.DIFFERENCE else (1.0,) * len(arguments)
            for sign, argument in zip(signs, arguments, strict=True):
                self._gather(made, argument, coefficient * sign)

    def _matvec(self, name: str, weight: Node, vector: Node) -> str:
        """W v for a v that is neither x nor h_prev: a product of its own within the step."""
        name = f"{name} "  # the node's own name may be that of a sum with this one term
        if name not in self.values:
            arg = self._value(vector)
            self.values[name] = Value(name, "matvec", (arg,), recurrent=[(1.0, weight.block)])
        return name

    def _halve(self) -> None:
        for value in self.values.values():
            if value.kind == "row" and not value.terms and not value.constant:
                readers = [v for v in self.values.values() if value.name in v.read]
                value.halved = bool(readers) and all(v.function == ops.SIGMOID.name for v in readers)


def kept(values: dict[str, Value]) -> set[str]:
    """What a step leaves behind: what is recorded, and what its local derivatives are made of."""
    found = {v.name for v in values.values() if v.named or v.kind in ("row", "function", "previous")}
    for value in values.values():
        if value.kind in ("product", "matvec"):
            found |= set(value.args)
    return found
