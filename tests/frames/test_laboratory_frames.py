"""The laboratory's frames: their numbers are the engine's, their ranges and verdicts follow from them."""

import numpy as np
import pytest

from engine import ModelSpec, Network, analysis, tasks
from engine.registry import cells
from gui.frames import lab_flow, lab_jacobian, lab_paths, lab_update
from gui.frames.lab_flow import LOSS, STATE, Wanted
from gui.state.document import opened
from gui.state.session import compute


@pytest.fixture(scope="module")
def traces():
    kept = {}

    def of(scenario, cell):
        if (scenario, cell) not in kept:
            kept[scenario, cell] = compute(opened(scenario, cell)).trace
        return kept[scenario, cell]

    return of


def linear(W, T=60, nonlinearity="identity", x=0.0):
    """A vanilla network with a given W_hh."""
    H = len(W)
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=1, hidden_size=H, output_size=2,
                     nonlinearity=nonlinearity, bias=False)  # fmt: skip
    return Network(spec, {"weight_hh_l0": W}).run(np.full((T, 1), x), [0])


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("scenario", tasks.ids())
def test_the_matrix_is_the_engines(traces, scenario, cell):
    trace = traces(scenario, cell)
    for prefix, lane in trace.lanes.items():
        where = (lane.layer, lane.direction, lane.part)
        frame = lab_flow.flow(trace, Wanted(LOSS, prefix))
        np.testing.assert_array_equal(frame.values, analysis.gradient_flow(trace, "h", *where))
        net = np.sqrt((trace.grad(lane.key("h")) ** 2).sum(axis=(1, 2)))
        np.testing.assert_allclose(frame.net, net, rtol=1e-9, atol=1e-15)
        assert not frame.dropped
        shown = frame.values[~frame.empty]
        assert (shown <= 10.0**frame.high * (1 + 1e-12)).all()
        assert frame.values.shape == (len(frame.rows), len(frame.columns))
        states = lab_flow.flow(trace, Wanted(STATE, prefix))
        assert states.bands is None
        np.testing.assert_array_equal(np.diag(states.values), 1.0)


def test_of_a_batch_the_chosen_sequence_is_shown():
    spec = ModelSpec(pattern="many-to-many", cell="gru", input_size=1, hidden_size=3, output_size=2)
    trace = Network(spec).run(np.array([[[1.0], [-1.0]]] * 4), np.array([[0, 1]] * 4))
    for sequence in range(2):
        frame = lab_flow.flow(trace, Wanted(LOSS, "l0", sequence=sequence))
        np.testing.assert_array_equal(frame.values, analysis.gradient_flow(trace, sequence=sequence))
        np.testing.assert_array_equal(frame.net, analysis.gradient_bands(trace, sequence=sequence)[1])
    assert (analysis.gradient_flow(trace, sequence=0) != analysis.gradient_flow(trace, sequence=1)).any()


def test_one_unit_has_a_matrix_of_its_own(traces):
    trace = traces("tagging", "gru")
    frame = lab_flow.flow(trace, Wanted(LOSS, "l0", "h", 3))
    np.testing.assert_allclose(frame.net, np.abs(trace.grad("l0.h")[:, 0, 3]), rtol=1e-9, atol=1e-15)


def test_long_sequences_leave_small_rows_out():
    spec = ModelSpec(pattern="many-to-many", cell="rnn", input_size=2, hidden_size=4, output_size=2)
    rng = np.random.default_rng(0)
    trace = Network(spec).run(rng.standard_normal((450, 2)), rng.integers(0, 2, 450))
    frame = lab_flow.flow(trace, Wanted(LOSS, "l0"))
    assert frame.dropped
    assert frame.high - frame.low <= lab_flow.DECADES
    exact = analysis.gradient_flow(trace)
    starts = np.diag(exact)[:, None]
    assert (exact[frame.empty & (exact > 0)] < 1e-4 * starts.max()).all()
    wide = ModelSpec(pattern="many-to-one", cell="lstm", input_size=2, hidden_size=256, output_size=2)
    trace = Network(wide).run(np.zeros((400, 2)), [0])
    with pytest.raises(ValueError, match="takes a decomposition"):
        lab_flow.flow(trace, Wanted(STATE, "l0"))


RANGES = [([0.5, 0.02], (-2, 0)), ([0.0], (-1, 0)), ([3e-5], (-5, -4)), ([1.0, 1e-30], (-8, 0)), ([np.nan], (-1, 0))]


@pytest.mark.parametrize(("values", "expected"), RANGES)
def test_the_range_is_in_whole_decades(values, expected):
    assert lab_flow.decades(np.array([values])) == expected


def test_the_product_of_a_linear_cell_is_a_power():
    rng = np.random.default_rng(1)
    Q = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    for c, verdict in ((0.9, "shrinks"), (1.0, "holds"), (1.1, "grows")):
        frame = lab_jacobian.jacobian(linear(c * Q), "l0", 40, 0, False, 40)
        np.testing.assert_allclose(frame.products, np.arange(41) * np.log10(c), atol=1e-9)
        np.testing.assert_allclose(frame.bound, frame.products, atol=1e-9)
        assert frame.verdict == verdict
        assert frame.radius == pytest.approx(c) and frame.sigma == pytest.approx(c)
        np.testing.assert_allclose(frame.singular, c, rtol=1e-12)
        np.testing.assert_allclose(np.abs(frame.eigenvalues), c, rtol=1e-12)


def test_a_non_normal_matrix_rises_before_it_shrinks():
    W = np.diag(np.full(6, 0.8)) + np.diag(np.full(5, 0.9), 1)
    frame = lab_jacobian.jacobian(linear(W, T=120), "l0", 110, 0, False, 110)
    assert frame.radius == pytest.approx(0.8, abs=1e-3)
    assert frame.verdict == "rises"
    at, height = frame.peak
    assert 10.0**height == pytest.approx(np.linalg.norm(np.linalg.matrix_power(W, at), 2), rel=1e-9)
    assert (frame.products <= frame.bound + 1e-9).all()


def test_the_first_step_and_broken_runs_have_verdicts():
    assert lab_jacobian.jacobian(linear(np.eye(3)), "l0", 0, 0, False, 0).verdict == "short"
    broken = lab_jacobian.jacobian(linear(np.full((3, 3), np.nan), x=1.0), "l0", 9, 0, False, 9)
    assert broken.verdict == "broken"
    assert np.isnan(broken.singular).all()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_shares_of_the_ways_add_up(traces, cell):
    frame = lab_paths.paths(traces("movie-review", cell), "l0")
    np.testing.assert_allclose(frame.shares.sum(0), 1.0, rtol=1e-9)
    assert frame.names[0] == lab_paths.HIGHWAY
    assert frame.through == {"gru": "z", "lstm": "f"}[cell]
    found = analysis.paths(traces("movie-review", cell))
    np.testing.assert_array_equal(frame.shares[1], found.share(frame.names[1]))
    assert frame.shares[0, -1] == pytest.approx(1.0)  # the last step's gradient has come no way yet


def test_only_gated_cells_have_a_highway(traces):
    assert [lab_paths.has_highway(traces("movie-review", cell)) for cell in ("rnn", "gru", "lstm")] == [
        False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("cell", cells.names())
def test_updates_are_split_by_step_and_by_loss(traces, cell):
    trace = traces("tagging", cell)
    for name in trace.parameter_grads:
        by_step = lab_update.update(trace, name, lab_update.STEPS)
        assert by_step.gradient.ndim == 2
        assert by_step.shares.sum() == pytest.approx(1.0, rel=1e-9)
        assert len(by_step.columns) == len(by_step.shares)
        by_loss = lab_update.update(trace, name, lab_update.LOSSES)
        assert by_loss.shares.sum() == pytest.approx(1.0, rel=1e-9)
        assert by_loss.size == pytest.approx(np.linalg.norm(trace.parameter_grads[name]))
        part = lab_update.part_of(trace, name, 0)
        assert part.shape == by_step.gradient.shape


def test_columns_of_a_translation_are_its_parts(traces):
    trace = traces("translation", "gru")
    T, S = trace.timeline.steps("encoder"), trace.timeline.steps("decoder")
    encoder = lab_update.update(trace, "encoder.weight_hh_l0", lab_update.STEPS)
    decoder = lab_update.update(trace, "decoder.weight_hh_l0", lab_update.STEPS)
    head = lab_update.update(trace, "decoder.output.weight", lab_update.STEPS)
    assert encoder.columns.tolist() == list(range(T))
    assert decoder.columns.tolist() == head.columns.tolist() == list(range(T, T + S))


def test_clipping_scales_every_gradient(traces):
    trace = traces("movie-review", "rnn")
    whole = np.sqrt(sum((grad**2).sum() for grad in trace.parameter_grads.values()))
    frame = lab_update.norms(trace).clipped(whole / 4)
    assert frame.before == pytest.approx(whole)
    assert frame.after == pytest.approx(whole / 4)
    assert frame.factor == pytest.approx(0.25)
    assert np.sqrt((frame.sizes**2).sum()) == pytest.approx(whole)
    assert lab_update.norms(trace).clipped(2 * whole).factor == 1.0


def test_truncation_throws_away_what_is_farther_than_k(traces):
    trace = traces("movie-review", "rnn")
    whole = lab_update.truncation(trace, trace.batch.T)
    np.testing.assert_allclose(whole.lost, 0, atol=1e-12)
    assert whole.total == pytest.approx(0, abs=1e-12)
    short = lab_update.truncation(trace, 2)
    g, g_2 = trace.parameter_grads["weight_hh_l0"], analysis.truncated(trace, 2)["weight_hh_l0"]
    at = short.names.index("weight_hh_l0")
    assert short.lost[at] == pytest.approx(np.linalg.norm(g - g_2) / np.linalg.norm(g))
    assert short.along[at] == pytest.approx((g * g_2).sum() / (g**2).sum())
    assert short.lost[short.names.index("output.weight")] == 0
    assert 0 < short.total < 1.5
