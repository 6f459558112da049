"""Analyses against separate backward passes, closed forms and torch.autograd."""

import numpy as np
import pytest

from engine import ModelSpec, Network, analysis
from engine.analysis.jacobians import _row_by_row
from engine.registry import cells

CELLS = cells.names()


def run(cell="rnn", pattern="many-to-many", T=6, B=2, H=4, S=4, lengths=None, target_lengths=None, **facts):
    spec = ModelSpec(**{"pattern": pattern, "cell": cell, "input_size": 3, "hidden_size": H, "output_size": 3} | facts)
    rng = np.random.default_rng(1)
    steps = {"many-to-one": 1, "many-to-many": T}.get(pattern, S)
    if spec.loss == "cross-entropy":
        target = rng.integers(0, 3, (steps, B))
    else:
        target = rng.random((steps, B, 3))
    x = rng.standard_normal((1 if pattern == "one-to-many" else T, B, 3))
    free = {"teacher_forcing": False} if spec.loss == "mse" and spec.has_feedback else {}
    return Network(spec).run(x, target, lengths=lengths, target_lengths=target_lengths, **free)


def alone_flow(trace, key, unit=None):
    """‖∂L_s/∂h_k‖ by one backward pass for each loss."""
    spec, batch = trace.spec, trace.batch
    network = Network(spec, trace.parameters)
    rows = []
    for s in range(batch.S):
        # Only output s is scored: its weights alone stay.
        weights = np.zeros_like(batch.weights)
        weights[s] = batch.weights[s]
        alone = _with_weights(network, batch, weights)
        grad = alone.grad(key)
        grad = grad if unit is None else grad[..., unit : unit + 1]
        rows.append(np.sqrt((grad**2).sum(axis=(1, 2))))
    return np.array(rows)


def _with_weights(network, batch, weights):
    from dataclasses import replace

    from engine.recording import engines
    from engine.trace import Trace

    one = replace(batch, weights=weights)
    recording = engines["numpy"].run(network.spec, network.parameters, one, "cpu")
    return Trace(network.spec, network.parameters, one, recording, "numpy", "cpu")


CASES = [
    {},
    {"num_layers": 2},
    {"bidirectional": True, "num_layers": 2},
    {"lengths": [6, 3]},
    {"bidirectional": True, "lengths": [4, 6]},
    {"pattern": "many-to-one"},
    {"pattern": "many-to-one", "bidirectional": True},
    {"pattern": "one-to-many"},
    {"pattern": "one-to-many", "loss": "mse", "num_layers": 2},
    {"pattern": "sequence-to-sequence", "num_layers": 2},
    {"pattern": "sequence-to-sequence", "bidirectional": True, "loss": "mse"},
]


TOKEN_CASES = [
    {"pattern": pattern, "vocab_size": 9, "embedding_size": 3} for pattern in ("sequence-to-sequence", "one-to-many")
]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient_flow_is_each_loss_on_its_own(cell, case):
    trace = run(cell, **case)
    for lane in trace.lanes.values():
        where = {"layer": lane.layer, "direction": lane.direction, "part": lane.part}
        for state in trace.graph.states:
            expected = alone_flow(trace, lane.key(state))
            np.testing.assert_allclose(analysis.gradient_flow(trace, state, **where), expected, rtol=1e-10, atol=1e-14)
    unit = analysis.gradient_flow(trace, **where, unit=1)
    np.testing.assert_allclose(unit, alone_flow(trace, lane.key("h"), 1), rtol=1e-10, atol=1e-14)


def test_dropping_rows_stays_near():
    trace = run("rnn", T=60, H=8)
    exact, near = analysis.gradient_flow(trace), analysis.gradient_flow(trace, drop=1e-6)
    assert (near == 0).sum() > (exact == 0).sum()
    assert np.abs(exact - near).max() <= 1e-5 * exact.max()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_jacobians_are_autograds(cell, direction):
    torch = pytest.importorskip("torch")
    from engine import graph as graphs

    trace = run(cell, bidirectional=True, lengths=[6, 4])
    replay = trace.replay("l0" if direction == "forward" else "l0_reverse")
    J = analysis.jacobians(trace, direction=direction)
    full = analysis.jacobians(trace, direction=direction, full_state=True)
    graph, H = graphs.build(cell), trace.spec.hidden_size
    names = [f"{state}_prev" for state in graph.states]
    for t, b in [(1, 0), (3, 1)]:
        given = {
            node.name: torch.tensor(replay.nodes[node.index])
            for node in graph.nodes
            if node.op.name in ("weight", "bias")
        }
        given["x"] = torch.tensor(replay.value("x")[t, b])

        def step(*states, given=given):
            nodes = graph.evaluate(torch, {**given, **dict(zip(names, states, strict=True))})
            return tuple(nodes[graph.named[s]] for s in graph.states)

        states = tuple(torch.tensor(np.asarray(replay.value(name))[t, b]) for name in names)
        blocks = torch.autograd.functional.jacobian(step, states)
        whole = np.block([[block.numpy() for block in row] for row in blocks])
        np.testing.assert_allclose(full[t, b], whole, atol=1e-12)
        np.testing.assert_allclose(J[t, b], whole[:H, :H], atol=1e-12)
    np.testing.assert_array_equal(J[5, 1], np.eye(H))
    rows = [_row_by_row(replay, state, graph.states) for state in graph.states]
    np.testing.assert_allclose(np.concatenate(rows, axis=-2), full, atol=1e-12)


def test_vanilla_jacobian_is_the_closed_form():
    trace = run("rnn")
    h, W = trace.value("l0.h"), trace.parameters["weight_hh_l0"]
    np.testing.assert_allclose(analysis.jacobians(trace), (1 - h**2)[..., None] * W, atol=1e-14)


def test_the_flow_of_one_sequence_is_that_of_its_own_states():
    trace = run("gru", B=3)
    parts = [analysis.gradient_flow(trace, sequence=b) for b in range(3)]
    np.testing.assert_allclose(np.linalg.norm(parts, axis=0), analysis.gradient_flow(trace), rtol=1e-12)
    for b in range(3):
        bands, net = analysis.gradient_bands(trace, sequence=b)
        assert (bands.sum(0) >= net * (1 - 1e-12)).all()
        alone = sum(analysis.horizon(trace, s)[:, b] for s in range(trace.batch.S))
        np.testing.assert_allclose(net, np.linalg.norm(alone, axis=1), rtol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_state_flow_and_product_norms_are_products_of_jacobians(cell):
    trace = run(cell, B=1)
    J, H = analysis.jacobians(trace, full_state=True)[:, 0], trace.spec.hidden_size
    product = J[5] @ J[4] @ J[3]
    assert analysis.state_flow(trace)[5, 2] == pytest.approx(np.linalg.norm(product[:H, :H], 2), rel=1e-10)
    norms = analysis.product_norms(trace, 5)
    assert norms.shape == (1, 6) and norms[0, 0] == 0
    assert norms[0, 3] == pytest.approx(np.log(np.linalg.norm(product, 2)), rel=1e-10)
    assert (np.triu(analysis.state_flow(trace), 1) == 0).all()


def test_product_norms_neither_under_nor_overflow():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=5, output_size=2,
                     nonlinearity="identity", init="orthogonal", spectral_radius=0.01)  # fmt: skip
    trace = Network(spec).run(np.zeros((400, 2)), [0])
    np.testing.assert_allclose(analysis.product_norms(trace, 399)[0], np.arange(400) * np.log(0.01), rtol=1e-9)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("case", [*CASES, *TOKEN_CASES], ids=str)
def test_contributions_sum_to_the_gradient(cell, case):
    case = dict(case)
    if "vocab_size" in case:
        spec = ModelSpec(cell=cell, hidden_size=4, output_size=3, **case)
        rng = np.random.default_rng(0)
        T = 1 if spec.pattern == "one-to-many" else 5
        trace = Network(spec).run(rng.integers(0, 9, (T, 2)), rng.integers(0, 3, (4, 2)))
    else:
        trace = run(cell, **case)
    for name, grad in trace.parameter_grads.items():
        parts = analysis.contributions(trace, name)
        np.testing.assert_allclose(parts.sum(0), grad, atol=1e-13)
        norms = analysis.contributions(trace, name, norms=True)
        np.testing.assert_allclose(norms, [np.linalg.norm(part) for part in parts], atol=1e-13)


def test_contributions_of_the_tiniest_gradients_have_norms():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=3, hidden_size=4, output_size=3,
                     nonlinearity="identity", init="orthogonal", spectral_radius=1e-60)  # fmt: skip
    faint = Network(spec).run(np.ones((5, 1, 3)), [0])
    parts = analysis.contributions(faint, "weight_ih_l0")
    assert 0 < np.abs(parts[0]).max() < 1e-200
    norms = analysis.contributions(faint, "weight_ih_l0", norms=True)
    scale = np.abs(parts).max(axis=(1, 2))
    np.testing.assert_allclose(norms, scale * np.linalg.norm(parts / scale[:, None, None], axis=(1, 2)), rtol=1e-12)


def test_contributions_take_a_lane_as_every_analysis_does():
    trace = run(num_layers=2)
    parts = analysis.contributions(trace, "weight_hh_l1", layer=1, direction="forward", part=None)
    np.testing.assert_array_equal(parts, analysis.contributions(trace, "weight_hh_l1"))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "case",
    [
        {},
        {"lengths": [6, 3]},
        {"num_layers": 2},
        {"pattern": "sequence-to-sequence"},
        {"pattern": "many-to-one", "B": 3, "T": 4, "lengths": [4, 1, 2]},
        {"pattern": "many-to-one", "bidirectional": True, "B": 3, "T": 4, "lengths": [1, 3, 2]},
        {"bidirectional": True, "num_layers": 2, "lengths": [4, 6]},
        {"pattern": "sequence-to-sequence", "bidirectional": True, "lengths": [2, 6]},
        {"pattern": "sequence-to-sequence", "num_layers": 2, "lengths": [6, 2], "target_lengths": [1, 4]},
    ],
    ids=str,
)
def test_paths_sum_to_the_whole(cell, case):
    trace = run(cell, **case)
    for lane in trace.lanes.values():
        split = analysis.paths(trace, lane.layer, lane.direction, lane.part)
        np.testing.assert_allclose(sum(split.parts.values()), trace.grad(lane.key(split.state)), atol=1e-13)
        shares = sum(split.share(name) for name in split.parts)
        np.testing.assert_allclose(shares[np.abs(split.whole).sum((1, 2)) > 0], 1, atol=1e-9)


def test_the_lstm_highway_is_the_product_of_forget_gates():
    trace = run("lstm", "many-to-one")
    f, own = trace.value("l0.f"), trace.grad("l0.c")[-1]
    split = analysis.paths(trace)
    for t in range(5):
        np.testing.assert_allclose(split.parts["highway"][t], own * np.prod(f[t + 1 :], axis=0), atol=1e-14)


def test_the_gru_leak_is_the_product_of_update_gates():
    trace = run("gru", "many-to-one")
    z, own = trace.value("l0.z"), trace.grad("l0.h")[-1]
    split = analysis.paths(trace)
    for t in range(5):
        np.testing.assert_allclose(split.parts["highway"][t], own * np.prod(z[t + 1 :], axis=0), atol=1e-14)


def test_spectra_by_gate_block():
    spec = ModelSpec(pattern="many-to-one", cell="gru", input_size=2, hidden_size=5, output_size=2, spectral_radius=0.7)
    network = Network(spec)
    assert analysis.spectral_radius(network) == pytest.approx({"r": 0.7, "z": 0.7, "n": 0.7})
    W = network.parameters["weight_hh_l0"][5:10]
    np.testing.assert_allclose(np.sort(analysis.singular_values(network)["z"]), np.sort(np.linalg.svd(W)[1]))
    vanilla = Network(spec.but(cell="rnn", init="orthogonal"))
    np.testing.assert_allclose(np.abs(analysis.eigenvalues(vanilla)), 0.7)
    with pytest.raises(ValueError, match="layer=3"):
        analysis.spectral_radius(network, layer=3)


def test_a_forward_pass_only_has_no_flow():
    spec = ModelSpec(pattern="many-to-one", cell="gru", input_size=2, hidden_size=5, output_size=2)
    trace = Network(spec).run(np.zeros((3, 2)))
    for wrong in (lambda: analysis.gradient_flow(trace), lambda: analysis.contributions(trace, "weight_hh_l0")):
        with pytest.raises(ValueError, match="target"):
            wrong()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (lambda trace: analysis.state_flow(trace, sequence=7), "sequence=7 is not possible; .* from 0 to 1"),
        (lambda trace: analysis.state_flow(trace, drop=-1), "drop=-1 is not possible; .* 0 or more"),
        (lambda trace: analysis.gradient_flow(trace, unit=99), "unit=99 is not possible; .* from 0 to 3"),
        (lambda trace: analysis.gradient_flow(trace, unit=-1), "unit=-1 is not possible"),
        (lambda trace: analysis.gradient_flow(trace, sequence=7), "sequence=7 is not possible"),
        (lambda trace: analysis.gradient_flow(trace, drop="a"), "drop='a' is not possible"),
        (lambda trace: analysis.gradient_flow(trace, "m"), "state='m'"),
        (lambda trace: analysis.gradient_bands(trace, unit=1.0), "unit=1.0 is not possible; .* whole number"),
        (lambda trace: analysis.gradient_bands(trace, edges=(3, 1)), "edges"),
        (lambda trace: analysis.horizon(trace, 6), "output=6 is not possible; .* from 0 to 5"),
        (lambda trace: analysis.product_norms(trace, 1.5), "t=1.5 is not possible; .* whole number from −6 to 5"),
        (lambda trace: analysis.product_norms(trace, -7), "t=-7 is not possible; .* from −6 to 5"),
        (lambda trace: analysis.product_norms(trace, 1, most=-1), "most=-1 is not possible; .* 0 or more"),
        (lambda trace: analysis.contribution(trace, "weight_hh_l0", True), "step=True is not possible"),
        (lambda trace: analysis.contributions(trace, "weight"), "'weight'"),
        (lambda trace: analysis.first_not_finite(trace, 2), "sequence=2 is not possible; .* from 0 to 1"),
        (lambda trace: analysis.truncated(trace, 0), "k=0 is not possible; .* 1 or more"),
        (lambda trace: analysis.truncated(trace, 2.0), "k=2.0 is not possible"),
        (lambda trace: analysis.clipped(trace, "small"), "limit='small'"),
        (lambda trace: analysis.paths(trace, layer=1), "layer=1"),
        (lambda trace: analysis.jacobians(trace, part="decoder"), "part='decoder'"),
    ],
)
def test_a_wrong_argument_is_named(asked, words):
    with pytest.raises(ValueError, match=words):
        asked(run())


def test_steps_count_from_the_end_too():
    trace = run()
    np.testing.assert_array_equal(analysis.product_norms(trace, -1), analysis.product_norms(trace, 5))
