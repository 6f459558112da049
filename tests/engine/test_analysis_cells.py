"""The analyses for cells that nobody has built in: several states, states of one step that lead to each other, and
matrices inside a step."""

import numpy as np
import pytest
from test_analysis import alone_flow, run

from engine import analysis
from engine import graph as graphs
from engine.analysis.jacobians import _row_by_row
from engine.analysis.linearised import is_linearisable
from engine.engines import _numpy_scheme
from engine.plan.compiled import compile_cell
from engine.registry import Cell, cells

MADE_UP = {
    # h leads to m and c, m to c; h_prev is multiplied by four matrices, c_prev by one, m_prev is read as it is.
    "chain": Cell("chain", "Chain", ("h", "c", "m"), """
        a_i = W_ii x_t + b_ii + W_hi h_prev + b_hi
        a_f = W_if x_t + b_if + W_hf c_prev + b_hf
        a_o = W_io x_t + b_io + W_ho h_prev + b_ho
        i, f, o = σ(a_i), σ(a_f), σ(a_o)
        c_t = f ⊙ c_prev + i ⊙ tanh(a_o)
        m_t = o ⊙ tanh(c_t) + i ⊙ m_prev
        h_t = tanh(m_t) − o ⊙ c_t
    """, ("i", "f", "o")),
    # A matrix within the step: no sum of diagonals and weights.
    "mgu": Cell("mgu", "MGU", ("h",), """
        f = σ(W_if x_t + b_if + W_hf h_prev + b_hf)
        p = f ⊙ h_prev
        n = tanh(W_in x_t + b_in + W_hn p + b_hn)
        h_t = (1 − f) ⊙ h_prev + f ⊙ n
    """, ("f", "n")),
    "within": Cell("within", "Within", ("h", "c"), """
        c_t = tanh(W_ic x_t + W_hc h_prev) + c_prev
        h_t = tanh(W_hh c_t + W_ih x_t) ⊙ c_t
    """, ("c", "h")),
}  # fmt: skip
CASES = [
    {},
    {"lengths": [6, 3]},
    {"num_layers": 2, "bidirectional": True, "lengths": [4, 6]},
    {"pattern": "sequence-to-sequence", "num_layers": 2, "bidirectional": True, "loss": "mse"},
]


@pytest.fixture(autouse=True)
def made_up():
    """Register the made-up cells for one test, and drop what was compiled for them."""
    for cell in MADE_UP.values():
        cells.add(cell.name, cell)
    yield
    for cell in MADE_UP.values():
        del cells._entries[cell.name]
    compile_cell.cache_clear()
    graphs.build.cache_clear()
    _numpy_scheme._kept.cache_clear()


@pytest.mark.parametrize("cell", MADE_UP)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_flow_of_any_cell(cell, case):
    trace = run(cell, **case, bias=cell != "within")
    assert is_linearisable(trace.replay(next(iter(trace.lanes)))) == (cell == "chain")
    for lane in trace.lanes.values():
        where = {"layer": lane.layer, "direction": lane.direction, "part": lane.part}
        for state in trace.graph.states:
            expected = alone_flow(trace, lane.key(state))
            np.testing.assert_allclose(analysis.gradient_flow(trace, state, **where), expected, rtol=1e-10, atol=1e-14)
            alone = [analysis.horizon(trace, s, state, **where) for s in range(trace.batch.S)]
            np.testing.assert_allclose(sum(alone), trace.grad(lane.key(state)), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("cell", MADE_UP)
def test_jacobians_of_any_cell(cell):
    trace = run(cell, lengths=[6, 3], bias=cell != "within")
    replay, states = trace.replay("l0"), trace.graph.states
    rows = [_row_by_row(replay, state, states) for state in states]
    full = analysis.jacobians(trace, full_state=True)
    np.testing.assert_allclose(full, np.concatenate(rows, axis=-2), atol=1e-12)
    np.testing.assert_allclose(analysis.jacobians(trace), full[..., :4, :4], atol=1e-15)
