"""How the values inside a cell are written: as symbols at a step, and what kind of thing each is."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine import ops
from engine.graph import Graph, Node
from gui.frames.cell_groups import FUNCTIONS
from gui.frames.equation import lowered, parts


@dataclass(frozen=True)
class Symbol:
    """One symbol with what stands below and above it; roman where ``italic`` is False."""

    text: str
    below: str = ""
    italic: bool = True
    above: str = ""


def spelled(graph: Graph, name: str, now: str, before: str) -> tuple[Symbol, ...]:
    """Write a value of the graph at a step, e.g. f₅ ⊙ c₄.

    Parameters
    ----------
    graph : engine.graph.Graph
    name : str
    now, before : str
        What the step and the one computed before it are called ("5", "4").
    """
    return _spelled(graph, graph.node(name), now, before)


def equation(graph: Graph, name: str, now: str, before: str) -> tuple[Symbol, ...]:
    """Write how a value comes about: c₅ = f₅ ⊙ c₄ + i₅ ⊙ g₅; what has no name of its own without a left-hand side."""
    node = graph.node(name)
    if not node.named:
        return _spelled(graph, node, now, before)
    left = Symbol(*parts(node.name, now, before))
    return (left, Symbol("=", italic=False), *_body(graph, node, now, before))


def factor(graph: Graph, name: str, now: str, before: str) -> tuple[Symbol, ...]:
    """Write one factor of the chain rule as :func:`engine.equations.factor` does: δ = ∂L/∂f₅, a_f ← f₅ ⊙ … δ."""
    node = graph.node(name)
    value = _spelled(graph, node, now, before)
    arrives = value if len(value) == 1 else _in_parentheses(value)
    delta = Symbol("δ")
    found = [delta, Symbol("=", italic=False), Symbol("∂L/∂"), *arrives]
    for at, arg in enumerate(node.args):
        child = graph.nodes[arg]
        if child.op in (ops.WEIGHT, ops.BIAS, ops.CONSTANT):
            continue
        written = _spelled(graph, child, now, before)
        slope = _slope(graph, node, at, arrives, now, before)
        found += [Symbol("\u2003", italic=False), *written, Symbol(" ← ", italic=False), *slope, delta]
    return tuple(found)


def _slope(graph: Graph, node: Node, at: int, value: tuple[Symbol, ...], now: str, before: str) -> tuple[Symbol, ...]:
    """What a gradient is multiplied with on its way from a value to one of its arguments."""
    times = Symbol("⊙", italic=False)
    one_minus = (Symbol("1", italic=False), Symbol("−", italic=False))
    if node.op is ops.MATVEC:
        weight = graph.nodes[node.args[0]].name
        return (Symbol(weight[0], weight[2:], above="⊤"), Symbol("\u2009", italic=False))
    if node.op is ops.PRODUCT:
        other = graph.nodes[node.args[1 - at]]
        return (*_wrapped(other, _spelled(graph, other, now, before)), times)
    if node.op is ops.DIFFERENCE:
        return (Symbol("−", italic=False),) if at else ()
    if node.op is ops.TANH:
        square = (*value[:-1], replace(value[-1], above="2"))
        return (*_in_parentheses((*one_minus, *square)), times)
    if node.op is ops.SIGMOID:
        return (*value, times, *_in_parentheses((*one_minus, *value)), times)
    if node.op is ops.RELU:
        inside = (Symbol("[", italic=False), *value, Symbol(" > 0]", italic=False))
        return (*inside, times)
    return ()


def plain(symbols: tuple[Symbol, ...]) -> str:
    """Symbols in one line of text."""
    return "".join(f" {s.text} " if s.text in "+−⊙" else lowered(s.text, s.below) for s in symbols)


def _spelled(graph: Graph, node: Node, now: str, before: str) -> tuple[Symbol, ...]:
    if node.op is ops.CONSTANT:
        return (Symbol(f"{node.constant:g}", italic=False),)
    if node.named or node.op in ops.LEAVES:
        return (Symbol(*parts(node.name, now, before)),)
    return _body(graph, node, now, before)


def _body(graph: Graph, node: Node, now: str, before: str) -> tuple[Symbol, ...]:
    children = [graph.nodes[arg] for arg in node.args]
    written = [_spelled(graph, child, now, before) for child in children]
    if node.op is ops.MATVEC:
        return (*written[0], Symbol("\u2009", italic=False), *_wrapped(children[1], written[1]))
    if node.op in FUNCTIONS:
        inner = written[0] if len(written[0]) == 1 else _in_parentheses(written[0])
        word = "ReLU" if node.op is ops.RELU else node.op.name
        return inner if node.op is ops.IDENTITY else (Symbol(f"{word}\u2009", italic=False), *inner)
    sign = {ops.SUM: "+", ops.DIFFERENCE: "−", ops.PRODUCT: "⊙"}[node.op]
    if node.op is not ops.SUM:
        written = [_wrapped(child, each) for child, each in zip(children, written, strict=True)]
    found = list(written[0])
    for each in written[1:]:
        found += [Symbol(sign, italic=False), *each]
    return tuple(found)


def _wrapped(child: Node, written: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    composite = child.op in (ops.SUM, ops.DIFFERENCE, ops.PRODUCT) and not child.named
    return _in_parentheses(written) if composite and child.op is not ops.PRODUCT else written


def _in_parentheses(written: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    return (Symbol("(", italic=False), *written, Symbol(")", italic=False))


def kind(graph: Graph, name: str) -> str:
    """What sort of value an operation gives.

    Returns
    -------
    str
        "state", "forget" (the forget gate), "gate", "candidate", "inside" (a sum that is squashed), "matrix", "sum",
        "product", "rest" (1 − a gate), "function".
    """
    node = graph.node(name)
    if name in graph.states:
        return "state"
    if node.named and node.op in FUNCTIONS:
        if name == getattr(graph.cell, "forget_gate", ""):
            return "forget"
        return "gate" if node.op is ops.SIGMOID else "candidate"
    if node.op is ops.MATVEC:
        return "matrix"
    if node.op is ops.SUM:
        squashes = any(node.index in user.args and user.op in FUNCTIONS for user in graph.nodes)
        return "inside" if squashes else "sum"
    if node.op is ops.PRODUCT:
        return "product"
    return "rest" if node.op is ops.DIFFERENCE else "function"
