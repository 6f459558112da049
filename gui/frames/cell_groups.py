"""Which operations of a cell's graph stand together in one node of its diagram.

A gate's matrix products and their sum are drawn into the gate's own circle, as everybody draws an LSTM. A cell without
gates has so few operations that each is a node of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine import ops
from engine.graph import Graph, Node

FUNCTIONS = tuple(ops.FUNCTIONS.values())
_ELEMENTWISE = (ops.PRODUCT, ops.DIFFERENCE, ops.SUM)


@dataclass(frozen=True)
class Group:
    """A node of the diagram.

    Attributes
    ----------
    name : str
        The value that leaves it, by its name in the graph.
    symbol : str
        What its circle says: "σ", "tanh", "⊙", "+", "1−", "W", …
    label : str
        What stands beside it: the name of a gate or of another quantity that has one; of a matrix, the matrix.
    operations : tuple of str
        The graph's operations in it, in order; the last is ``name``.
    inputs : tuple of str
        Leaves (``x``, ``*_prev``) and other groups that it reads, each once, in the equations' order.
    elementwise : bool
        Whether it only adds and multiplies element by element, so that it can lie on the highway.
    """

    name: str
    symbol: str
    label: str
    operations: tuple[str, ...]
    inputs: tuple[str, ...]
    elementwise: bool


def groups(graph: Graph) -> dict[str, Group]:
    """Part a graph's operations into groups, in the order of computation.

    Every operation is in exactly one group.
    """
    users: dict[int, list[Node]] = {}
    for node in graph.operations:
        for arg in dict.fromkeys(node.args):
            users.setdefault(arg, []).append(node)
    hosts: dict[int, int] = {}
    for node in reversed(graph.operations):
        user = _absorbing(graph, node, users.get(node.index, []))
        hosts[node.index] = node.index if user is None else hosts[user.index]
    found = {}
    for node in graph.operations:
        if hosts[node.index] == node.index:
            members = [each for each in graph.operations if hosts[each.index] == node.index]
            found[node.name] = _group(graph, node, members, hosts)
    return found


def _absorbing(graph: Graph, node: Node, users: list[Node]) -> Node | None:
    """The operation into whose circle a node is drawn; None: it has its own."""
    if not graph.cell.gates or len(users) != 1 or node.name in graph.states:
        return None
    user = users[0]
    if node.op is ops.MATVEC and (user.op is ops.SUM or user.op in FUNCTIONS):
        return user
    linear = any(graph.nodes[arg].op in (ops.MATVEC, ops.BIAS) for arg in node.args)
    return user if node.op is ops.SUM and linear and user.op in (ops.SUM, *FUNCTIONS) else None


def _group(graph: Graph, node: Node, members: list[Node], hosts: dict[int, int]) -> Group:
    inputs: dict[str, None] = {}
    inside = {member.index for member in members}

    def collect(each: Node) -> None:
        for arg in each.args:
            child = graph.nodes[arg]
            if arg in inside:
                collect(child)
            elif child.op in (ops.STATE, ops.INPUT) or arg in hosts:
                inputs[child.name] = None

    collect(node)
    label = node.name if node.named and node.name not in graph.states else ""
    symbol = _symbol(graph, node, members)
    if symbol == "W":
        first = next(member for member in members if member.op is ops.MATVEC)
        label = graph.nodes[first.args[0]].name
    pure = node.op in _ELEMENTWISE and all(member.op is not ops.MATVEC for member in members)
    names = tuple(member.name for member in members)
    return Group(node.name, symbol, label, names, tuple(inputs), pure)


def _symbol(graph: Graph, node: Node, members: list[Node]) -> str:
    if node.op is ops.MATVEC:
        return "W"
    if node.op is ops.SUM:
        linear = [graph.nodes[arg] for arg in node.args]
        only = all(each.op is ops.BIAS or (each.op is ops.MATVEC and each in members) for each in linear)
        return "W" if only else "+"
    if node.op is ops.DIFFERENCE:
        first = graph.nodes[node.args[0]]
        return f"{first.constant:g}−" if first.op is ops.CONSTANT else "−"
    return "ReLU" if node.op is ops.RELU else node.op.symbol


def highway(graph: Graph, found: dict[str, Group]) -> tuple[str, ...]:
    """The state's straight way through the step, drawn on top: ``c_prev``, ``f*c``, ``c``.

    It begins with the leaf that enters it and ends with the state: the last state that is carried on element by
    element. A cell that has no such state shows the way from its hidden state before to the one after, or
    only the state itself where there is none.
    """
    for state in reversed(graph.states):
        way = _way(found, state, f"{state}_prev", elementwise=True)
        if way:
            return way
    hidden = graph.states[0]
    if not graph.cell.gates:
        way = _way(found, hidden, f"{hidden}_prev", elementwise=False)
        if way:
            return way
    return (graph.states[-1],)


def _way(found: dict[str, Group], state: str, leaf: str, elementwise: bool) -> tuple[str, ...]:
    """The shortest way from a leaf to a state through groups; empty where there is none."""
    ways: list[tuple[str, ...]] = [(state,)]
    while ways:
        ways.sort(key=len)
        way = ways.pop(0)
        if way[0] == leaf:
            return way
        group = found.get(way[0])
        if group is not None and (group.elementwise or not elementwise):
            ways += [(name, *way) for name in group.inputs]
    return ()
