"""What happens at a position of the playhead, as LaTeX, from the cell's own graph."""

from __future__ import annotations

from engine import ops
from engine.graph import Graph, symbol
from engine.layout import Lane
from engine.spec import ModelSpec
from engine.timeline import Timeline

LOSS = r"L = \frac{1}{B} \sum_{s,b} \ell_{s,b}"


def head(spec: ModelSpec, step: int) -> str:
    """Typeset y = g(W_y h + b_y) at a step (counted from 0)."""
    g = {"cross-entropy": r"\mathrm{softmax}", "binary-cross-entropy": r"\sigma"}.get(spec.loss, "")
    z = rf"W_y h_{{{step + 1}}} + b_y"
    return rf"y_{{{step + 1}}} = {g}\left({z}\right)" if g else rf"y_{{{step + 1}}} = {z}"


def forward(graph: Graph, lane: Lane, step: int, operation: str | None) -> str:
    """Typeset the operation's equation at a step, or the hidden state's."""
    now, before = str(step + 1), str(step + 2 if lane.reverse else step)
    name = operation or graph.states[0]
    return graph.latex(name, now, before, expand=operation is None and not graph.cell.gates)


def factor(graph: Graph, lane: Lane, step: int, operation: str) -> str:
    """Typeset one factor of the chain rule at a step.

    δ is the gradient that arrives at the operation's value; each thing that the value was computed from gets δ times
    the local derivative: ``δ = ∂L/∂f_5``, ``a_{f,5} ← f_5 ⊙ (1 − f_5) ⊙ δ``.
    """
    now, before = str(step + 1), str(step + 2 if lane.reverse else step)
    node = graph.node(operation)
    value = symbol(node.name, now, before) if node.named else graph.latex(operation, now, before)
    arrives = value if node.named else rf"\left({value}\right)"
    terms = [rf"\delta = \partial L/\partial {arrives}"]
    written = {arg: _written(graph, arg, now, before) for arg in node.args}
    for at, arg in enumerate(node.args):
        if graph.nodes[arg].op in (ops.WEIGHT, ops.BIAS, ops.CONSTANT):
            continue
        if node.op is ops.MATVEC:
            slope = rf"{written[node.args[0]]}^\top "
        elif node.op is ops.PRODUCT:
            slope = rf"{_wrapped(graph, node.args[1 - at], written)} \odot "
        elif node.op is ops.DIFFERENCE:
            slope = "{-}" if at else ""
        elif node.op is ops.SUM:
            slope = ""
        else:
            own = value if node.named else rf"\left({value}\right)"
            slope = node.op.derivative.replace("{y}", own)
            if slope == "1":
                slope = ""
            else:
                slope = rf"\left({slope}\right) \odot " if slope.startswith("1") else rf"{slope} \odot "
        terms.append(rf"{written[arg]} \leftarrow {slope}\delta")
    return r" \quad ".join(terms)


def _written(graph: Graph, index: int, now: str, before: str) -> str:
    node = graph.nodes[index]
    if node.named or node.op in ops.LEAVES:
        return f"{node.constant:g}" if node.op is ops.CONSTANT else symbol(node.name, now, before)
    return graph.latex(node.name, now, before)


def _wrapped(graph: Graph, index: int, written: dict[int, str]) -> str:
    node = graph.nodes[index]
    composite = node.op in (ops.SUM, ops.DIFFERENCE) and not node.named
    return rf"\left({written[index]}\right)" if composite else written[index]


def backward(spec: ModelSpec, timeline: Timeline, graph: Graph, lane: Lane, step: int) -> str:
    """Typeset how ∂L/∂ the state of a step comes about: from the step computed after it, and from its own loss.

    ∂L/∂h_t = J_{t+1}ᵀ ∂L/∂h_{t+1} + ∂L_t/∂h_t, with J written out where the cell has no gates; a cell that
    carries several states goes by all of them together.
    """
    now, after = step + 1, step if lane.reverse else step + 2
    last = after in (0, timeline.steps(lane.part) + 1)
    state = graph.states[0] if len(graph.states) == 1 else f"({', '.join(graph.states)})"
    left = rf"\partial L/\partial {state}_{{{now}}}"
    terms = []
    if not last:
        terms.append(_travelled(graph, state, after))
    elif lane.part == "encoder" and not lane.reverse:
        bridge = r"W_b^\top " if spec.bidirectional else ""
        terms.append(rf"{bridge}J_{{\mathrm{{dec}},1}}^\top \, \partial L/\partial {state}_{{\mathrm{{dec}},1}}")
    elif lane.part == "encoder":
        terms.append(rf"W_b^\top J_{{\mathrm{{dec}},1}}^\top \, \partial L/\partial {state}_{{\mathrm{{dec}},1}}")
    if lane.layer < spec.num_layers - 1:
        terms.append(rf"W_{{\mathrm{{above}}}}^\top \, \partial L/\partial a_{{\mathrm{{above}},{now}}}")
    elif lane.part == timeline.output_part:
        emitting = timeline.reverse_output_steps if lane.reverse else timeline.output_steps
        if step in emitting:
            terms.append(rf"\partial L_{{{now}}}/\partial {state}_{{{now}}}")
    return f"{left} = {' + '.join(terms) or '0'}"


def _travelled(graph: Graph, state: str, after: int) -> str:
    arriving = rf"\partial L/\partial {state}_{{{after}}}"
    node = graph.node(graph.states[0])
    slope = node.op.derivative.replace("{y}", f"h_{{{after}}}")
    if graph.cell.gates or not slope:
        return rf"J_{{{after}}}^\top \, {arriving}"
    if slope == "1":
        return rf"W_{{hh}}^\top \, {arriving}"
    return rf"W_{{hh}}^\top \left(\left({slope}\right) \odot {arriving}\right)"
