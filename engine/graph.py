"""A cell's equations as data: parsed once from the cell's text into nodes, each with what it depends on.

The grammar is the one a reader expects: sums of products, ``⊙`` for the element-wise product, a weight's
name in front of a vector for the matrix–vector product, function names with parentheses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from engine import ops
from engine.ops import Op
from engine.registry import Cell, cells

Array = Any
TOKEN = re.compile(r"\s*([^\W\d]\w*|\d+|[⊙+\-−(),=])")
PARAMETER = re.compile(r"(W|b)_([ih])(\w)$")
STACKED = {("W", "i"): "weight_ih", ("W", "h"): "weight_hh", ("b", "i"): "bias_ih", ("b", "h"): "bias_hh"}


@dataclass(frozen=True)
class Node:
    """One value inside a step.

    Attributes
    ----------
    index : int
        Its place in the graph's order; arguments come before it.
    op : Op
        The operation; one of ``ops.LEAVES`` for what is given.
    args : tuple of int
        The nodes it depends on.
    name : str
        The left-hand side of an equation (``h``, ``a_i``), or the operation in words (``f*c``, ``W_hh h``).
    named : bool
        True for a left-hand side: a run records it.
    block : tuple of (str, int)
        For a weight or bias: the stacked parameter and the gate's block in it.
    constant : float
        For a constant, its value.
    """

    index: int
    op: Op
    args: tuple[int, ...] = ()
    name: str = ""
    named: bool = False
    block: tuple[str, int] = ("", 0)
    constant: float = 0.0


@dataclass
class Graph:
    """The equations of one step of a cell.

    ``nodes`` are in topological order. ``named`` maps each left-hand side to its node, ``by_name`` every node.
    """

    cell: Cell
    nodes: list[Node] = field(default_factory=list)
    named: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, int] = field(default_factory=dict)

    @property
    def states(self) -> tuple[str, ...]:
        """The names of what is carried from step to step, the hidden state first."""
        return self.cell.states

    @property
    def recorded(self) -> tuple[str, ...]:
        """Every left-hand side, in the order of the equations."""
        return tuple(self.named)

    @property
    def operations(self) -> tuple[Node, ...]:
        """The nodes that compute something, in order: what operation-by-operation stepping walks through."""
        return tuple(node for node in self.nodes if node.op not in ops.LEAVES)

    def node(self, name: str) -> Node:
        """Return the node called ``name``; KeyError says which names there are."""
        if name not in self.by_name:
            raise KeyError(f"{self.cell.title} has no {name!r}; it has {', '.join(self.by_name)}")
        return self.nodes[self.by_name[name]]

    # Building ------------------------------------------------------------------------------------------

    def add(self, op: Op, args: tuple[int, ...] = (), **facts: Any) -> int:
        """Append a node, or return the equal one that is there already."""
        for node in self.nodes:
            if node.op is op and node.args == args and op not in ops.LEAVES and not node.named:
                return node.index
        node = Node(len(self.nodes), op, args, **facts)
        if not node.name:
            node = Node(node.index, op, args, **{**facts, "name": self._words(op, args)})
        self.nodes.append(node)
        self.by_name.setdefault(node.name, node.index)
        return node.index

    def assign(self, name: str, index: int) -> None:
        """Make the node the left-hand side ``name``."""
        node = self.nodes[index]
        if node.named or node.op in ops.LEAVES:
            raise ValueError(f"{self.cell.name}: {name} = {node.name} names a value that has a name already")
        self.by_name.pop(node.name, None)
        self.nodes[index] = Node(index, node.op, node.args, name, True)
        self.named[name] = self.by_name[name] = index

    def _words(self, op: Op, args: tuple[int, ...]) -> str:
        names = [self.nodes[arg].name.removesuffix("_prev") for arg in args]
        wrapped = [f"({n})" if self.nodes[a].op in (ops.SUM, ops.DIFFERENCE) and not self.nodes[a].named else n
                   for n, a in zip(names, args, strict=True)]  # fmt: skip
        if op is ops.SUM:
            return " + ".join(names)
        if op is ops.DIFFERENCE:
            return f"{names[0]}-{names[1]}"
        if op is ops.PRODUCT:
            return "*".join(wrapped)
        if op is ops.MATVEC:
            return " ".join(names)
        return f"{op.name}({names[0]})"

    # Evaluating ----------------------------------------------------------------------------------------

    def evaluate(self, xp: Any, given: dict[str, Array]) -> list[Array]:
        """Compute every node, over any leading axes.

        Parameters
        ----------
        xp : module
            numpy or torch.
        given : dict
            ``x``, each ``*_prev`` state (..., size), each weight and bias block by its name in the equations.
            A named node that is given is taken as it is, which replays a step from what was recorded.
        """
        values: list[Array] = []
        for node in self.nodes:
            if node.name in given:
                values.append(given[node.name])
            elif node.op is ops.CONSTANT:
                values.append(node.constant)
            else:
                values.append(node.op.value(xp, *(values[arg] for arg in node.args)))
        return values

    def pull(self, xp: Any, values: list[Array], seeds: dict[str, Array], known: dict[str, Array] | None = None,
             cut: frozenset[tuple[str, str]] = frozenset()) -> list[Array | None]:  # fmt: skip
        """Carry gradients backward through one step.

        Parameters
        ----------
        values : list
            What :meth:`evaluate` returned.
        seeds : dict
            Gradients that arrive at nodes from outside the step, by name; any further leading axes.
        known : dict
            Whole gradients of nodes that are known already: taken instead of the sum of what arrives.
        cut : frozenset of (str, str)
            Edges (argument's name, node's name) through which nothing passes.

        Returns
        -------
        list
            For each node the gradient that arrives there, None where none does.
        """
        known = known or {}
        gradients: list[Array | None] = [None] * len(self.nodes)
        for name, seed in seeds.items():
            gradients[self.by_name[name]] = seed
        for node in reversed(self.nodes):
            gradient = known.get(node.name, gradients[node.index])
            gradients[node.index] = gradient
            if gradient is None or node.op in ops.LEAVES:
                continue
            if cut and all((self.nodes[arg].name, node.name) in cut for arg in node.args):
                continue
            parts = node.op.pull(xp, gradient, values[node.index], *(values[arg] for arg in node.args))
            for arg, part in zip(node.args, parts, strict=True):
                if part is None or self.nodes[arg].op is ops.CONSTANT:
                    continue
                if cut and (self.nodes[arg].name, node.name) in cut:
                    continue
                arrived = gradients[arg]
                gradients[arg] = part if arrived is None else arrived + part
        return gradients

    def blocks(self, parameters: dict[str, Array], suffix: str, hidden_size: int) -> dict[str, Array]:
        """Slice the stacked parameters (names as in torch, ``weight_ih`` + ``suffix``) into the equations' W and b."""
        found = {}
        for node in self.nodes:
            if node.op in (ops.WEIGHT, ops.BIAS):
                stacked, block = node.block
                rows = slice(block * hidden_size, (block + 1) * hidden_size)
                found[node.name] = parameters[stacked + suffix][rows]
        return found

    # Typesetting ---------------------------------------------------------------------------------------

    def latex(self, name: str, step: str = "t", previous: str = "t-1", expand: bool = False) -> str:
        """Typeset the equation of the named node at a step, e.g. ``h_{5} = \\tanh(…)``.

        ``expand`` writes out what the equation refers to, down to inputs, states and parameters.
        """
        node = self.nodes[self.by_name[name]]
        body = self._tex(node, step, previous, expand, top=True)
        return rf"{symbol(node.name, step, previous)} = {body}" if node.named else body

    def _tex(self, node: Node, step: str, previous: str, expand: bool, top: bool = False) -> str:
        if node.op is ops.CONSTANT:
            return f"{node.constant:g}"
        if node.op in ops.LEAVES or (node.named and not top and not expand):
            return symbol(node.name, step, previous)
        parts = []
        for arg in node.args:
            child = self.nodes[arg]
            tex = self._tex(child, step, previous, expand)
            composite = child.op in (ops.SUM, ops.DIFFERENCE) and (expand or not child.named)
            parts.append(rf"\left({tex}\right)" if composite and node.op in (ops.PRODUCT, ops.DIFFERENCE) else tex)
        return node.op.latex(*parts)


def symbol(name: str, step: str = "t", previous: str = "t-1") -> str:
    """LaTeX of a name at a step: ``h`` -> h_{t}, ``h_prev`` -> h_{t-1}, ``a_i`` -> a_{i,t}, ``W_hh`` -> W_{hh}."""
    if name.endswith("_prev"):
        return f"{name.removesuffix('_prev')}_{{{previous}}}"
    if PARAMETER.match(name):
        return f"{name[0]}_{{{name[2:]}}}"
    head, _, tail = name.partition("_")
    return f"{head}_{{{tail},{step}}}" if tail else f"{head}_{{{step}}}"


class _Parser:
    """Recursive descent over one equation's tokens, appending to a graph."""

    def __init__(self, graph: Graph, text: str, functions: dict[str, Op], bias: bool) -> None:
        self.graph, self.functions, self.bias = graph, functions, bias
        self.tokens = TOKEN.findall(text)
        if "".join(self.tokens) != "".join(text.split()):
            raise ValueError(f"{graph.cell.name}: cannot read the equation {text.strip()!r}")
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def expressions(self) -> list[int]:
        found = [self.sum()]
        while self.peek() == ",":
            self.take()
            found.append(self.sum())
        return found

    def sum(self) -> int:
        terms = self.term()
        while self.peek() in ("+", "−", "-"):
            sign = self.take()
            term = self.term()
            if sign == "+":
                terms += term
            elif term:
                terms = [self.graph.add(ops.DIFFERENCE, (self._total(terms), *term))]
        return self._total(terms)

    def term(self) -> list[int]:
        """One term of a sum; none for a bias where the biases are left out."""
        if not self.bias and self.peek().startswith("b_") and PARAMETER.match(self.peek()):
            self.take()
            return []
        return [self.product()]

    def _total(self, terms: list[int]) -> int:
        return terms[0] if len(terms) == 1 else self.graph.add(ops.SUM, tuple(terms))

    def product(self) -> int:
        left = self.factor()
        while self.peek() == "⊙":
            self.take()
            left = self.graph.add(ops.PRODUCT, (left, self.factor()))
        return left

    def factor(self) -> int:
        word = self.take()
        if word == "(":
            inner = self.sum()
            self.take()
            return inner
        if word.isdigit():
            return self.graph.add(ops.CONSTANT, name=word, constant=float(word))
        if self.peek() == "(":
            self.take()
            inner = self.sum()
            self.take()
            return self.graph.add(self.functions[word], (inner,))
        index = self.leaf(word)
        if self.graph.nodes[index].op is ops.WEIGHT:
            return self.graph.add(ops.MATVEC, (index, self.factor()))
        return index

    def leaf(self, word: str) -> int:
        graph = self.graph
        name = word.removesuffix("_t")
        if name in graph.by_name:
            return graph.by_name[name]
        match = PARAMETER.match(name)
        if match:
            kind, source, gate = match.groups()
            block = graph.cell.gates.index(gate) if graph.cell.gates else 0
            op = ops.WEIGHT if kind == "W" else ops.BIAS
            return graph.add(op, name=name, block=(STACKED[kind, source], block))
        if name.removesuffix("_prev") in graph.cell.states and name.endswith("_prev"):
            return graph.add(ops.STATE, name=name)
        if name == "x":
            return graph.add(ops.INPUT, name=name)
        raise ValueError(f"{graph.cell.name}: {word!r} is used before it is defined")


@cache
def build(cell: str, nonlinearity: str = "tanh", bias: bool = True) -> Graph:
    """Parse a registered cell's equations; ``φ`` becomes ``nonlinearity``, ``bias=False`` leaves the b out."""
    entry = cells[cell]
    graph = Graph(entry)
    functions = {**ops.FUNCTIONS, "φ": ops.FUNCTIONS[nonlinearity]}
    for line in filter(None, map(str.strip, entry.equations.splitlines())):
        left, _, right = line.partition("=")
        names = [name.strip().removesuffix("_t") for name in left.split(",")]
        found = _Parser(graph, right, functions, bias).expressions()
        if len(names) != len(found):
            raise ValueError(f"{cell}: {line!r} has {len(names)} names for {len(found)} values")
        for name, index in zip(names, found, strict=True):
            graph.assign(name, index)
    return graph
