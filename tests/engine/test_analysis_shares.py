"""Bands and horizons of the flow, shares of an update: against separate passes, sums and closed forms."""

import numpy as np
import pytest
from test_analysis import CASES, run

from engine import ModelSpec, Network, analysis
from engine.registry import cells

CELLS = cells.names()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_horizons_add_up_to_the_whole_gradient(cell, case):
    trace = run(cell, **case)
    for lane in trace.lanes.values():
        where = (lane.layer, lane.direction, lane.part)
        for state in trace.graph.states:
            alone = [analysis.horizon(trace, s, state, *where) for s in range(trace.batch.S)]
            np.testing.assert_allclose(sum(alone), trace.grad(lane.key(state)), rtol=1e-10, atol=1e-14)
            flow = analysis.gradient_flow(trace, state, *where)
            norms = np.array([np.sqrt((one**2).sum(axis=(1, 2))) for one in alone])
            np.testing.assert_allclose(flow, norms, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_bands_are_norms_of_sums_of_horizons(cell):
    trace = run(cell, T=20)
    parts, net = analysis.gradient_bands(trace, edges=(0, 1, 3, 8))
    alone = np.stack([analysis.horizon(trace, s) for s in range(20)])
    for k in range(20):
        for band, (low, high) in enumerate([(0, 1), (1, 3), (3, 8), (8, 99)]):
            inside = [s for s in range(k, 20) if low <= s - k < high]
            whole = alone[inside, k].sum(0) if inside else np.zeros(1)
            assert parts[band, k] == pytest.approx(np.linalg.norm(whole), rel=1e-10, abs=1e-16)
    np.testing.assert_allclose(net, np.sqrt((trace.grad("l0.h") ** 2).sum(axis=(1, 2))), rtol=1e-10)
    assert (parts.sum(0) >= net - 1e-12).all()
    one, alone_net = analysis.gradient_bands(trace, unit=2)
    np.testing.assert_allclose(alone_net, np.sqrt((trace.grad("l0.h")[..., 2] ** 2).sum(1)), rtol=1e-10, atol=1e-16)
    assert one.shape == (6, 20)


def test_bands_reach_from_a_decoder_into_the_encoder():
    trace = run("gru", pattern="sequence-to-sequence", T=5, S=3)
    parts, net = analysis.gradient_bands(trace, part="encoder", edges=(0, 1, 2, 4))
    # The last encoder step lies 1, 2 and 3 columns before the three outputs.
    assert parts[0, 4] == 0 and parts[1, 4] > 0 and parts[2, 4] > 0 and parts[3, 4] == 0
    np.testing.assert_allclose(net, np.sqrt((trace.grad("encoder.l0.h") ** 2).sum(axis=(1, 2))), rtol=1e-10)


def test_flow_keeps_what_would_underflow_when_squared():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=4, output_size=2, loss="mse",
                     nonlinearity="identity", init="orthogonal", spectral_radius=0.1)  # fmt: skip
    trace = Network(spec).run(np.ones((280, 2)), np.zeros((1, 2)))
    flow = analysis.gradient_flow(trace)[0]
    np.testing.assert_allclose(flow[:-1] / flow[1:], 0.1, rtol=1e-9)
    assert 0 < flow[0] < 1e-270


@pytest.mark.parametrize("cell", CELLS)
def test_state_flow_drops_only_what_is_small(cell):
    trace = run(cell, T=40, B=1)
    exact, near = analysis.state_flow(trace), analysis.state_flow(trace, drop=1e-3)
    gone = (near == 0) & (exact > 0)
    assert gone.any()
    assert exact[gone].max() < 1e-2
    np.testing.assert_allclose(near[~gone], exact[~gone], rtol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_shares_add_up_to_one(cell, case):
    trace = run(cell, **case)
    for name, whole in trace.parameter_grads.items():
        shares, norms = analysis.step_shares(trace, name)
        assert shares.sum() == pytest.approx(1.0, rel=1e-9)
        assert len(norms) == len(shares)
        parts = [analysis.contribution(trace, name, t) for t in range(len(shares))]
        np.testing.assert_allclose(sum(parts), whole, rtol=1e-9, atol=1e-14)
        assert shares[0] == pytest.approx((parts[0] * whole).sum() / (whole**2).sum(), rel=1e-9, abs=1e-12)
        assert norms[-1] == pytest.approx(np.linalg.norm(parts[-1]), rel=1e-12)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pattern", ["many-to-many", "sequence-to-sequence"])
def test_shares_of_losses_are_separate_backward_passes(cell, pattern):
    trace = run(cell, pattern=pattern, T=5, S=3)
    for name in ("output.weight", "weight_hh_l0"):
        name = f"decoder.{name}" if pattern == "sequence-to-sequence" else name
        shares, norms = analysis.loss_shares(trace, name)
        assert len(shares) == trace.batch.S
        assert shares.sum() == pytest.approx(1.0, rel=1e-9)
        assert norms[-1] > 0
    # Of the head an output's own loss moves only what its own step adds.
    by_step, sizes = analysis.step_shares(trace, name.replace("weight_hh_l0", "output.weight"))
    by_loss, norms = analysis.loss_shares(trace, name.replace("weight_hh_l0", "output.weight"))
    np.testing.assert_allclose(by_loss, by_step, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(norms, sizes, rtol=1e-9)


def test_what_cannot_be_asked_is_said():
    trace = run("rnn")
    with pytest.raises(ValueError, match="output=9"):
        analysis.horizon(trace, 9)
    with pytest.raises(ValueError, match="state='q'"):
        analysis.horizon(trace, 0, "q")
    with pytest.raises(ValueError, match="step=6"):
        analysis.contribution(trace, "weight_hh_l0", 6)
    with pytest.raises(ValueError, match="no parameter 'w'"):
        analysis.step_shares(trace, "w")


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_some_jacobians_are_those_of_all(cell, direction):
    trace = run(cell, bidirectional=True)
    for full in (False, True):
        every = analysis.jacobians(trace, direction=direction, full_state=full)
        some = analysis.jacobians(trace, direction=direction, full_state=full, steps=slice(2, 4))
        np.testing.assert_array_equal(some, every[2:4])
    far = analysis.product_norms(trace, 3, direction=direction)
    near = analysis.product_norms(trace, 3, direction=direction, most=1)
    np.testing.assert_allclose(near, far[:, :2], rtol=1e-12)
