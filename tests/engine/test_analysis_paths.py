"""The split of the gradient by the first gate left, against Jacobians that torch.autograd takes gate by gate."""

import numpy as np
import pytest
from test_analysis import run

from engine import analysis


def step_jacobian(trace, t, held=()):
    """∂(states after step t)/∂(states before it) by autograd, some recurrent products held fixed, (n, n)."""
    torch = pytest.importorskip("torch")
    replay, graph = trace.replay("l0"), trace.graph
    leaves = ("weight", "bias")
    given = {n.name: torch.tensor(replay.nodes[n.index]) for n in graph.nodes if n.op.name in leaves}
    given["x"] = torch.tensor(np.asarray(replay.value("x"))[t, 0])
    given |= {f"W_h{gate} h": torch.tensor(np.asarray(replay.value(f"W_h{gate} h"))[t, 0]) for gate in held}
    names = [f"{state}_prev" for state in graph.states]

    def step(*states):
        nodes = graph.evaluate(torch, {**given, **dict(zip(names, states, strict=True))})
        return tuple(nodes[graph.named[state]] for state in graph.states)

    states = tuple(torch.tensor(np.asarray(replay.value(name))[t, 0]) for name in names)
    blocks = torch.autograd.functional.jacobian(step, states)
    return np.block([[block.numpy() for block in row] for row in blocks])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_parts_by_the_first_gate_left_are_products_of_autograds_jacobians(cell):
    trace = run(cell, T=5, B=1)
    gates, n = trace.graph.cell.gates, 4 * len(trace.graph.states)
    found = analysis.paths(trace)
    parts = {name: np.zeros(n) for name in ("highway", *gates)}
    for t in reversed(range(5)):
        parts["highway"][:4] += trace.grad("output.logits")[t, 0] @ trace.parameters["output.weight"]
        for name, part in parts.items():
            expected = part[-4:].copy()
            if cell == "lstm":  # c gets what its own step's h receives
                o, c = trace.value("l0.o")[t, 0], trace.value("l0.c")[t, 0]
                expected += part[:4] * o * (1 - np.tanh(c) ** 2)
            np.testing.assert_allclose(found.parts[name][t, 0], expected, rtol=0, atol=1e-12)
        whole = step_jacobian(trace, t)
        through = {gate: whole - step_jacobian(trace, t, (gate,)) for gate in gates}
        along = step_jacobian(trace, t, gates)
        left = {gate: parts[gate] @ whole + parts["highway"] @ through[gate] for gate in gates}
        parts = {"highway": parts["highway"] @ along, **left}
