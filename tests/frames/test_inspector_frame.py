"""Every number of the inspector against closed forms, and what it leaves empty."""

from __future__ import annotations

import re

import numpy as np
import pytest

from engine import ModelSpec, Network
from engine.graph import build
from engine.narration import words
from engine.registry import cells
from gui.frames import equation, gradient, spectrum
from gui.frames.equation import lowered
from gui.frames.inspector import Inspection
from gui.frames.reach import Reach

T, H, D, O = 6, 5, 4, 3


def trace_of(cell="rnn", pattern="many-to-one", lengths=None, B=1, target=True, **changes):
    spec = ModelSpec(pattern=pattern, cell=cell, input_size=D, hidden_size=H, output_size=O, seed=3, **changes)
    rng = np.random.default_rng(0)
    steps = 1 if pattern in ("one-to-one", "one-to-many") else T
    S = {"many-to-one": 1, "one-to-one": 1, "many-to-many": T}.get(pattern, 4)
    goal = rng.integers(0, O, (S, B)) if target else None
    extra = {"lengths": lengths} if lengths is not None else {}
    if not target and S == 4:
        extra["steps"] = 4
    return Network(spec).run(rng.standard_normal((steps, B, D)), goal, **extra)


def inspect(trace, sequence=0):
    names = [f"w{t}" for t in range(trace.batch.T)]
    return Inspection(trace, words(trace, names, ("no", "maybe", "yes"), sequence))


def text(line):
    return "".join(part for part, _ in line)


def sigma(z):
    return 1 / (1 + np.exp(-z))


# Equations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", cells.names())
def test_pieces_multiply_out_to_the_recorded_value(cell):
    """The blocks of an equation, evaluated as they are written, give its left-hand side."""
    inspection = inspect(trace_of(cell))
    place = inspection.place("l0", 2)
    for name in inspection.names:
        pieces = inspection.step(place, 99, name, 0).pieces
        assert pieces[1].base == "="
        assert np.allclose(evaluated(pieces[2:]), pieces[0].value, rtol=0, atol=1e-13)
        assert np.array_equal(pieces[0].value, inspection.trace.value(f"l0.{name}")[2, 0])


def evaluated(pieces):
    """Read a row of pieces as mathematics."""
    names, source, last = {}, "", ""
    for at, piece in enumerate(pieces):
        if piece.kind == "sign":
            source += {"⊙": "*", "−": "-", "σ": "sigma"}.get(piece.base, piece.base)
        else:
            names[f"v{at}"] = piece.value
            source += f"@v{at}" if last == "matrix" else f"v{at}"
        last = piece.kind
    functions = {"tanh": np.tanh, "sigma": sigma, "ReLU": lambda z: np.maximum(z, 0)}
    return eval(source, functions, names)


def test_the_vanilla_cell_in_the_words_of_the_picture():
    inspection = inspect(trace_of("rnn"))
    frame = inspection.step(inspection.place("l0", 4), 99, "h", 0)
    plain = " ".join(piece.plain for piece in frame.pieces)
    assert plain == "h₅ = tanh ( W_ih x₅ + W_hh h₄ + b )"
    assert frame.pieces[-2].names == ("b_ih", "b_hh")


def test_bias_free_cells_have_no_bias_piece():
    inspection = inspect(trace_of("rnn", bias=False))
    frame = inspection.step(inspection.place("l0", 4), 99, "h", 0)
    assert " ".join(piece.plain for piece in frame.pieces) == "h₅ = tanh ( W_ih x₅ + W_hh h₄ )"


@pytest.mark.parametrize("cell", cells.names())
def test_every_equation_is_shown_and_pre_activations_inside_theirs(cell):
    graph = build(cell)
    shown = equation.names(graph)
    inside = equation.squashed(graph)
    assert set(shown) | inside == set(graph.recorded)
    for name in inside:
        assert equation.showing(graph, name) in shown
    assert equation.showing(graph, "x") == graph.states[0]


def test_the_reverse_direction_comes_from_the_step_after():
    inspection = inspect(trace_of("rnn", "many-to-many", bidirectional=True))
    frame = inspection.step(inspection.place("l0_reverse", 2), 99, "h", 0)
    assert [piece.plain for piece in frame.pieces if piece.base == "h"] == ["h₃", "h₄"]
    value = inspection.trace.value("l0_reverse.h")
    assert np.array_equal(next(p for p in frame.pieces if p.plain == "h₄").value, value[3, 0])


# One unit's sum ----------------------------------------------------------------------------------------------


def test_the_sum_of_a_unit_in_numbers():
    trace = trace_of("rnn")
    inspection = inspect(trace)
    p, x, h = trace.parameters, trace.batch.x[3, 0], trace.value("l0.h")
    parts = (p["weight_ih_l0"] @ x)[1], (p["weight_hh_l0"] @ h[2, 0])[1], (p["bias_ih_l0"] + p["bias_hh_l0"])[1]
    first, second = inspection.step(inspection.place("l0", 3), 99, "h", 1).sums
    numbers = [float(n) for n in re.findall(r"[+-]?\d+\.\d+", text(first).replace("−", "-").replace("- ", "-"))]
    assert np.allclose(numbers, parts, atol=6e-4)
    assert text(first).startswith("a₄[2] = ")
    assert text(second) == f"h₄[2] = tanh({sum(parts):.3f}) = {h[3, 0, 1]:.3f}".replace("-", "−")
    assert second[-1][1] == "result"


@pytest.mark.parametrize("name", ["i", "c", "h"])
def test_lstm_sums_end_in_cell_and_hidden_state(name):
    trace = trace_of("lstm")
    inspection = inspect(trace)
    sums = [text(line) for line in inspection.step(inspection.place("l0", 2), 99, name, 3).sums]
    values = {n: float(trace.value(f"l0.{n}")[2, 0, 3]) for n in "ifgoch"}
    before = float(trace.value("l0.c")[1, 0, 3])

    def written(value):
        return f"{value:.3f}".replace("-", "−")

    def factor(value):
        return f"({written(value)})" if value < 0 else written(value)

    cell = f"c₃[4] = {written(values['f'])} · {factor(before)} + {written(values['i'])} · {factor(values['g'])}"
    hidden = f"h₃[4] = {written(values['o'])} · tanh({written(values['c'])}) = {written(values['h'])}"
    assert sums[-2] == f"{cell} = {written(values['c'])}"
    assert sums[-1] == hidden
    assert len(sums) == (4 if name == "i" else 2)


def test_nothing_is_said_before_the_playhead_comes():
    inspection = inspect(trace_of("lstm"))
    place = inspection.place("l0", 3)
    before = inspection.step(place, 3, "i", 0)
    after = inspection.step(place, 4, "i", 0)
    assert not before.reached
    assert before.sums == ()
    assert {piece.plain for piece in before.pieces if piece.shape and piece.value is None} == {"i₄", "x₄"}
    assert after.reached
    assert all(piece.value is not None for piece in after.pieces if piece.shape)
    first = inspection.step(inspection.place("l0", 0), 0, "h", 0)
    assert not first.reached


def test_an_unknown_unit_is_brought_within():
    inspection = inspect(trace_of("rnn"))
    assert inspection.step(inspection.place("l0", 0), 9, "h", 400).unit == H - 1
    with pytest.raises(IndexError, match="there are 6"):
        inspection.place("l0", T)


def test_padding_is_no_step():
    inspection = inspect(trace_of("gru", lengths=[T, 3], B=2), 1)
    place = inspection.place("l0", 4)
    frame = inspection.step(place, 99, "h", 0)
    assert frame.padding
    assert frame.sums == ()


def test_scales_are_the_largest_of_the_sequence_or_the_block():
    inspection = inspect(trace_of("rnn"))
    place = inspection.place("l0", 1)
    pieces = {piece.node: piece for piece in inspection.step(place, 99, "h", 0).pieces if piece.shape}
    trace = inspection.trace
    assert inspection.scale(place, pieces["h"]) == np.abs(trace.value("l0.h")).max()
    assert inspection.scale(place, pieces["h_prev"]) == np.abs(trace.value("l0.h")).max()
    assert inspection.scale(place, pieces["W_hh"]) == np.abs(trace.parameters["weight_hh_l0"]).max()
    assert inspection.scale(place, pieces["x"]) == np.abs(trace.batch.x).max()


def test_names_with_indices_in_one_line():
    assert [lowered("h", "5"), lowered("W", "ih"), lowered("a", "i,12"), lowered("b", "")] == [
        "h₅",
        "W_ih",
        "a_i₁₂",
        "b",
    ]


# The gradient ------------------------------------------------------------------------------------------------

CASES = [
    {"pattern": "many-to-one"},
    {"pattern": "many-to-many", "bidirectional": True, "num_layers": 2},
    {"pattern": "many-to-many", "lengths": [T, 2], "B": 2},
    {"pattern": "many-to-one", "lengths": [2, T], "B": 2, "bidirectional": True},
    {"pattern": "one-to-many"},
    {"pattern": "sequence-to-sequence"},
]


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_travelled_by_one_step_is_the_engines(cell, case):
    trace = trace_of(cell, **case)
    for b in range(trace.batch.B):
        inspection = inspect(trace, b)
        for prefix, lane in trace.lanes.items():
            for step in range(trace.timeline.steps(lane.part)):
                found = gradient.travelled(inspection, inspection.place(prefix, step))
                for state, value in found.items():
                    assert np.allclose(value, trace.travelled(f"{prefix}.{state}")[step, b], rtol=0, atol=1e-13)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "identity"])
def test_vanilla_jacobian_in_closed_form(nonlinearity):
    trace = trace_of("rnn", nonlinearity=nonlinearity)
    inspection = inspect(trace)
    found = gradient.gradient(inspection, inspection.place("l0", 2), 99, 1)
    h = trace.value("l0.h")[3, 0]
    slope = {"tanh": 1 - h**2, "relu": (h > 0) * 1.0, "identity": np.ones(H)}[nonlinearity]
    J = np.diag(slope) @ trace.parameters["weight_hh_l0"]
    later = trace.grad("l0.h")[3, 0]
    (flow,) = found.flows
    assert found.sigma_max == pytest.approx(np.linalg.norm(J, 2), abs=1e-12)
    assert found.slope == pytest.approx(slope.mean(), abs=1e-13)
    assert flow.arriving == pytest.approx(np.linalg.norm(later), abs=1e-13)
    assert flow.travelled == pytest.approx(np.linalg.norm(J.T @ later), abs=1e-13)
    assert flow.factor == pytest.approx(flow.travelled / flow.arriving)
    assert flow.own == 0.0
    assert flow.total == pytest.approx(np.linalg.norm(trace.grad("l0.h")[2, 0]), abs=1e-13)
    assert flow.unit == trace.grad("l0.h")[2, 0, 1]


def test_own_part_is_what_the_output_adds():
    trace = trace_of("rnn", "many-to-many")
    inspection = inspect(trace)
    (flow,) = gradient.gradient(inspection, inspection.place("l0", 2), 99, 0).flows
    own = trace.parameters["output.weight"].T @ trace.grad("output.logits")[2, 0]
    assert flow.own == pytest.approx(np.linalg.norm(own), abs=1e-13)


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_where_there_is_no_source_nothing_is_added(case):
    trace = trace_of("gru", **{**case, "lengths": None, "B": 1})
    inspection = inspect(trace)
    for prefix, lane in trace.lanes.items():
        for step in range(trace.timeline.steps(lane.part)):
            place = inspection.place(prefix, step)
            own = gradient.gradient(inspection, place, 99, 0).flows[0].own
            assert (own > 0) == bool(gradient.source(inspection, place))


def test_gradient_is_told_as_far_as_it_has_come():
    trace = trace_of("rnn")
    inspection = inspect(trace)
    place, reach = inspection.place("l0", 3), Reach(trace.events)
    before = gradient.gradient(inspection, place, reach.backward("l0", 4), 0)
    arriving = gradient.gradient(inspection, place, reach.backward("l0", 4) + 1, 0)
    here = gradient.gradient(inspection, place, reach.backward("l0", 3) + 1, 0)
    assert (before.reached, before.flows[0].arriving) == (False, None)
    assert (arriving.reached, arriving.flows[0].travelled) == (False, None)
    assert arriving.flows[0].arriving > 0
    assert here.reached
    assert arriving.sigma_max is None
    assert here.sigma_max > 0


def test_the_last_step_has_nothing_to_hand_on_and_no_target_no_gradient():
    inspection = inspect(trace_of("rnn"))
    last = gradient.gradient(inspection, inspection.place("l0", T - 1), 99, 0)
    assert last.last
    assert last.flows[0].travelled is None
    assert last.flows[0].own == last.flows[0].total
    assert last.sigma_max is None
    blind = inspect(trace_of("rnn", target=False))
    assert gradient.gradient(blind, blind.place("l0", 0), 99, 0) is None


# Spectra ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", cells.names())
def test_radii_of_every_block(cell):
    spec = ModelSpec(
        pattern="many-to-one", cell=cell, input_size=3, hidden_size=6, output_size=2, num_layers=2, bidirectional=True,
        spectral_radius=0.9,
    )  # fmt: skip
    found = spectrum.blocks(spec, Network(spec).parameters)
    assert len(found) == 4 * cells[cell].blocks
    assert all(block.exact for block in found)
    assert np.allclose([block.radius for block in found], 0.9)


def test_radius_of_a_large_matrix_is_estimated_well():
    rng = np.random.default_rng(1)
    for scale in (0.5, 1.0, 2.0):
        matrix = scale * rng.standard_normal((spectrum.EXACT + 40,) * 2) / np.sqrt(spectrum.EXACT + 40)
        radius, exact = spectrum.spectral_radius(matrix)
        assert not exact
        assert radius == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max(), rel=0.05)
    assert spectrum.spectral_radius(np.zeros((spectrum.EXACT + 1,) * 2)) == (0.0, False)


def test_weights_that_are_not_finite_have_no_spectrum():
    matrix = np.full((3, 3), np.nan)
    assert spectrum.eigenvalues(matrix) is None
    assert np.isnan(spectrum.spectral_radius(matrix)[0])


# Outputs ------------------------------------------------------------------------------------------------------


def test_output_and_its_loss_appear_when_they_are_reached():
    trace = trace_of("gru", "many-to-many")
    inspection = inspect(trace)
    assert inspection.output(2, 2).y is None
    forward = inspection.output(2, 3)
    assert np.array_equal(forward.y, trace.value("output.y")[2, 0])
    assert forward.loss is None
    after = inspection.output(2, T + 1)
    assert after.loss == pytest.approx(-np.log(forward.y[after.target]), abs=1e-13)
    assert after.labels == ("no", "maybe", "yes")
    assert inspection.output_at(inspection.place("l0", 2)) == 2


def test_the_place_of_the_playhead_and_of_an_output():
    trace = trace_of("lstm", "sequence-to-sequence")
    inspection = inspect(trace)
    assert inspection.playhead(0).prefix == "encoder.l0"
    assert (inspection.playhead(2).prefix, inspection.playhead(2).step) == ("encoder.l0", 1)
    assert (inspection.playhead(T + 2).prefix, inspection.playhead(T + 2).step) == ("decoder.l0", 1)
    place = inspection.of_output(3)
    assert (place.prefix, place.step, place.column) == ("decoder.l0", 3, T + 3)
