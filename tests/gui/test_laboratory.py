"""The instruments of the gradient laboratory: what they show, answer to, and leave alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from pytestqt.qtbot import QtBot

from engine import analysis
from engine.registry import cells
from gui.format import MINUS, number, percent
from gui.frames import lab_flow, lab_paths
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views import views
from gui.views._laboratory import GROUP, Instrument
from gui.views.clipping import ClippingView
from gui.views.flow import FlowView
from gui.views.jacobian import JacobianView
from gui.views.paths import PathsView
from gui.views.spectral import SpectralView
from gui.views.update import UpdateView

INSTRUMENTS = [view for view in views() if issubclass(view, Instrument) and view.group == GROUP]


@pytest.fixture
def bench(qtbot: QtBot, show):
    """Open instruments on a run, and wait until what they asked for is there."""
    made: list[AppState] = []

    def opening(view: type[Instrument], scenario="movie-review", cell="rnn", **changes):
        state = AppState(project=opened(scenario, cell).but(**changes))
        made.append(state)
        settle(state)
        shown = show(view(state))
        shown.resize(340, 900)
        settle(state)
        return shown

    def settle(state):
        analyses = state.session._analyses
        qtbot.waitUntil(
            lambda: not state.session.running and analyses._running is None and not analyses._waiting, timeout=20_000
        )

    opening.settle = settle
    yield opening
    for state in made:
        state.close()


def test_there_are_six_in_one_group():
    assert len(INSTRUMENTS) == 6
    assert all(view.hidden and view.title and view.area == "right" for view in INSTRUMENTS)


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("view", INSTRUMENTS, ids=lambda view: view.id)
def test_each_says_what_it_shows_and_can_be_reached_by_keys(view, cell, bench):
    shown = bench(view, cell=cell)
    assert shown.summary.text() or shown.empty.text()
    assert not shown.grab().isNull()
    for child in shown.findChildren(object):
        if hasattr(child, "cells") and hasattr(child, "chosen"):
            assert child.focusPolicy() == Qt.FocusPolicy.StrongFocus
            assert child.accessibleName()


@pytest.mark.parametrize("view", INSTRUMENTS, ids=lambda view: view.id)
def test_hidden_ones_compute_nothing(view, bench, monkeypatch):
    shown = bench(view, cell="lstm")
    shown.hide()
    asked: list[object] = []
    monkeypatch.setattr(shown.state.session, "compute", lambda key, function: asked.append(key))
    shown.state.cursor.go(4)
    shown.state.selection.select("l0", 2, 1)
    shown.state.document.set_cell("gru")
    bench.settle(shown.state)
    assert asked == []
    monkeypatch.undo()
    shown.show()
    bench.settle(shown.state)
    assert shown.state.session.trace.spec.cell == "gru"


@pytest.mark.parametrize("view", INSTRUMENTS, ids=lambda view: view.id)
def test_without_a_run_they_say_so(view, show, qtbot, monkeypatch):
    state = AppState()
    monkeypatch.setattr(type(state.session), "trace", property(lambda self: None))
    shown = show(view(state))
    assert shown.empty.text() == "Nothing has been computed yet."
    assert not shown.body.isVisible()
    monkeypatch.undo()
    state.close()


# Flow ------------------------------------------------------------------------------------------------------


def test_the_flow_is_the_engines(bench):
    view = bench(FlowView, "tagging", "gru")
    trace = view.state.session.trace
    np.testing.assert_array_equal(view.matrix.values(), analysis.gradient_flow(trace))
    assert view.matrix_title.accessibleName() == "‖ ∂L_s / ∂h_k ‖"
    view.lane.setCurrentIndex(1)
    view.lane.activated.emit(1)
    bench.settle(view.state)
    np.testing.assert_array_equal(view.matrix.values(), analysis.gradient_flow(trace, direction="reverse"))
    view.measure._buttons[1].click()
    bench.settle(view.state)
    np.testing.assert_array_equal(view.matrix.values(), analysis.state_flow(trace, direction="reverse"))
    assert not view.bars.isVisible()


def test_pointing_at_a_loss_projects_it_alone(bench, received):
    view = bench(FlowView, "tagging", "lstm")
    horizons = received(view.state.horizon.changed)
    view.matrix.point((4, 2))
    bench.settle(view.state)
    alone = view.state.horizon.value
    trace = view.state.session.trace
    assert (alone.output, alone.name) == (4, "h")
    np.testing.assert_array_equal(alone.values["l0"], analysis.horizon(trace, 4))
    np.testing.assert_array_equal(alone.values["l0_reverse"], analysis.horizon(trace, 4, direction="reverse"))
    assert "Loss at step 5 “" in view.reading.text()
    assert "Step 3 “" in view.reading.text() and "still influences" in view.reading.text()
    view.matrix.point(None)
    assert view.state.horizon.value is None
    assert len(horizons) == 2
    view.matrix.point((1, 0))
    bench.settle(view.state)
    view.hide()
    assert view.state.horizon.value is None


def test_the_flow_of_one_unit_follows_the_selection(bench):
    view = bench(FlowView, "tagging", "rnn")
    assert not view.who._buttons[1].isEnabled()
    view.state.selection.select("l0", 3, 5)
    view.who._buttons[1].click()
    bench.settle(view.state)
    np.testing.assert_array_equal(view.matrix.values(), analysis.gradient_flow(view.state.session.trace, unit=5))
    assert view.matrix_title.accessibleName().startswith("| ∂L_s")


def test_tooltips_tell_the_number_and_what_is_not_reached(bench):
    view = bench(FlowView, "tagging", "rnn")
    view.state.selection.select("l0", 0)
    bench.settle(view.state)
    value = analysis.gradient_flow(view.state.session.trace)[3, 1]
    assert repr(float(value)) in view._tip(3, 1)
    assert "does not reach" in view._tip(1, 3)
    assert "norm of the sum" in view._bar_tip(0, 2)
    assert view.key.entries()[0] == "now" and view.key.entries()[-1] == "norm of the sum"


def test_a_click_selects_the_step(bench):
    view = bench(FlowView, "tagging", "rnn")
    box = view.matrix._box(4, 2).center()
    view.matrix.chosen.emit(*view.matrix.cell_at(QPointF(box)))
    assert (view.state.selection.value.prefix, view.state.selection.value.step) == ("l0", 2)


def test_without_a_target_only_states_are_measured(bench, monkeypatch):
    view = bench(FlowView, "movie-review", "gru")
    monkeypatch.setattr(type(view.state.session.trace), "has_gradients", False)
    view.look()
    bench.settle(view.state)
    assert view.measure.current() == lab_flow.STATE
    assert not view.measure._buttons[0].isEnabled()
    other = bench(UpdateView)
    other.look()
    assert "no target" in other.empty.text()


def test_a_newer_run_replaces_the_matrix(bench):
    view = bench(FlowView, "tagging", "rnn")
    before = view.matrix.values()
    view.state.document.set_cell("gru")
    bench.settle(view.state)
    after = analysis.gradient_flow(view.state.session.trace)
    np.testing.assert_array_equal(view.matrix.values(), after)
    assert not np.array_equal(before, after)


# Jacobians and spectrum -----------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", cells.names())
def test_the_jacobian_is_the_selected_steps(bench, cell):
    view = bench(JacobianView, cell=cell)
    view.state.selection.select("l0", 3)
    bench.settle(view.state)
    trace = view.state.session.trace
    np.testing.assert_array_equal(view.block.values(), analysis.jacobians(trace)[3, 0])
    assert view.block_title.accessibleName() == "J_4 = ∂h_4 / ∂h_3"
    np.testing.assert_allclose(view.product.curves()[0].logs, analysis.product_norms(trace, 3)[0] / np.log(10))
    assert len(view.product.curves()) == (2 if cell == "rnn" else 1)
    assert view.verdict.text()
    assert "singular value 1" in view._singular_tip(0, 0)
    assert "2 steps back" in view._product_tip(0, 2)
    assert "h[2] after" in view._block_tip(1, 0)


def test_the_whole_states_jacobian_of_an_lstm(bench):
    view = bench(JacobianView, cell="lstm")
    view.whose._buttons[1].click()
    bench.settle(view.state)
    H = view.state.session.trace.spec.hidden_size
    assert view.block.values().shape == (2 * H, 2 * H)
    assert "c[1] after" in view._block_tip(H, 0)


def test_the_verdict_is_made_from_the_numbers(bench):
    view = bench(JacobianView)
    H = view.state.document.project.spec.hidden_size
    parameters = dict(view.state.document.project.parameters)
    parameters["weight_hh_l0"] = 0.01 * np.eye(H)
    view.state.document.edit("weights", parameters=parameters)
    bench.settle(view.state)
    assert view.verdict.text().startswith("It shrinks from the first step on: ")
    assert "it must vanish" in view.numbers.text()


def test_the_slider_scales_the_weights_and_undo_brings_them_back(bench):
    view = bench(SpectralView, cell="rnn")
    document = view.state.document
    before = document.project.parameters["weight_hh_l0"]
    count = document.undo_stack.count()
    for radius in (0.5, 0.7, 0.95):
        view.slider.value_changed.emit(radius)
        assert f"ρ = {radius:.3f}" in view.numbers.text()  # at once, before the run
    assert document.undo_stack.count() == count + 1
    assert document.project.weights == "edited" and document.project.score == ""
    after = document.project.parameters["weight_hh_l0"]
    assert np.abs(np.linalg.eigvals(after)).max() == pytest.approx(0.95)
    np.testing.assert_allclose(after / before, (after / before)[0, 0], rtol=1e-9)
    np.testing.assert_allclose(np.sort_complex(view.plane._points), np.sort_complex(np.linalg.eigvals(after)))
    document.undo_stack.undo()
    np.testing.assert_array_equal(document.project.parameters["weight_hh_l0"], before)
    bench.settle(view.state)


def test_the_slider_scales_one_gate_only(bench):
    view = bench(SpectralView, cell="lstm")
    view.which._buttons[1].click()
    H = view.state.document.project.spec.hidden_size
    before = view.state.document.project.parameters["weight_hh_l0"]
    view.slider.value_changed.emit(0.5)
    after = view.state.document.project.parameters["weight_hh_l0"]
    np.testing.assert_array_equal(after[:H], before[:H])
    np.testing.assert_array_equal(after[2 * H :], before[2 * H :])
    assert np.abs(np.linalg.eigvals(after[H : 2 * H])).max() == pytest.approx(0.5)
    bench.settle(view.state)


def test_the_spectrum_of_a_step(bench):
    view = bench(SpectralView, cell="gru")
    view.which._buttons[-1].click()
    bench.settle(view.state)
    J = analysis.jacobians(view.state.session.trace, full_state=True)
    expected = np.linalg.eigvals(J[view.step(view.state.session.trace), 0])
    np.testing.assert_allclose(np.sort_complex(view.plane._points), np.sort_complex(expected))
    assert not view.slider.isVisible()


# Paths, updates, clipping -------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_ways_of_the_gradient(bench, cell):
    view = bench(PathsView, cell=cell)
    found = analysis.paths(view.state.session.trace)
    names = list(found.parts)
    np.testing.assert_array_equal(view.shares.values(), np.stack([found.share(name) for name in names]))
    view.state.selection.select("l0", 3)
    assert view.step_title.title() == "Step 4 “not”"
    assert "The highway brings" in view.reading.text()
    view.shares.point((0, 5))
    assert view.step_title.title() == "Step 6 “this”"
    assert view._tip(0, 5).count("\n") == len(names)
    view.shares.point(None)
    assert view.step_title.title() == "Step 4 “not”"


def test_gates_that_bring_nothing_are_not_praised(bench):
    view = bench(PathsView, cell="lstm")
    shares = np.zeros_like(view._frame.shares)
    shares[0] = 1.0
    view._frame = replace(view._frame, shares=shares)
    view._read(3)
    assert view.reading.text().startswith("The highway brings 100")
    assert "gates" not in view.reading.text()


def test_a_vanilla_cell_has_no_highway(bench):
    assert "no highway" in bench(PathsView, cell="rnn").empty.text()


def test_an_update_is_the_sum_of_its_steps(bench):
    view = bench(UpdateView, cell="gru")
    trace = view.state.session.trace
    assert view.parameter.current() == "weight_hh_l0"
    np.testing.assert_array_equal(view.heat.values(), trace.parameter_grads["weight_hh_l0"])
    np.testing.assert_allclose(view.shares.values()[0], analysis.step_shares(trace, "weight_hh_l0")[0])
    view.shares.point((0, 4))
    bench.settle(view.state)
    np.testing.assert_array_equal(view.heat.values(), analysis.contribution(trace, "weight_hh_l0", 4))
    assert view.heat_title.title() == "the part of step 5 “like”"
    view.shares.point(None)
    np.testing.assert_array_equal(view.heat.values(), trace.parameter_grads["weight_hh_l0"])
    view.parameter.set_current("bias_hh_l0")
    view.parameter.chosen.emit("bias_hh_l0")
    bench.settle(view.state)
    np.testing.assert_array_equal(view.heat.values()[:, 0], trace.parameter_grads["bias_hh_l0"])


def test_an_update_is_the_sum_of_its_losses(bench):
    view = bench(UpdateView, "tagging", "rnn")
    view.split._buttons[1].click()
    bench.settle(view.state)
    assert view.shares.values().sum() == pytest.approx(1.0)
    assert view.shares_title.title() == "Share of each loss"


def test_clipping_before_and_after(bench):
    view = bench(ClippingView)
    whole = np.sqrt(sum((g**2).sum() for g in view.state.session.trace.parameter_grads.values()))
    assert view.limit.value() == pytest.approx(whole / 2, rel=1e-2)
    view.limit.set_value(whole / 4)
    view.limit.committed.emit(whole / 4)
    before, _, after = view.norms.bars()
    assert float(before.tip.replace(MINUS, "-")) == pytest.approx(whole)
    assert float(after.tip.replace(MINUS, "-")) == pytest.approx(whole / 4)
    assert view.clip_said.text().startswith("Without clipping the gradient's norm is ")
    assert "multiplies every gradient by 0.250" in view.clip_said.text()
    view.limit_slider.value_changed.emit(1.5)
    assert "not reached" in view.clip_said.text()


def test_truncation_by_the_slider(bench):
    view = bench(ClippingView)
    T = view.state.session.trace.batch.T
    view.steps_slider.value_changed.emit(float(T))
    bench.settle(view.state)
    assert "nothing is thrown away" in view.truncation_said.text()
    view.steps_slider.value_changed.emit(2.0)
    bench.settle(view.state)
    assert view.truncation_said.text().startswith("k = 2 throws away")
    assert {bar.label for bar in view.lost.bars()} == set(view.state.session.trace.parameter_grads)


@pytest.mark.parametrize(("scenario", "words"), [("tagging", "both sides"), ("translation", "its own output")])
def test_truncation_says_where_it_is_not_possible(bench, scenario, words):
    view = bench(ClippingView, scenario)
    assert words in view.truncation_said.text()
    assert not view.lost.isVisible()


def test_the_cell_view_finds_the_split_where_the_panel_keeps_it(bench):
    view = bench(PathsView, cell="lstm")
    kept = view.state.session._analyses._kept
    assert [key for key in kept if key[0] == lab_paths.SPLIT] == [(lab_paths.SPLIT, "l0", 0)]


@pytest.mark.parametrize("cell", cells.names())
def test_how_much_of_the_loss_reaches_a_step_is_said_for_the_playheads(bench, cell):
    view = bench(FlowView, cell=cell)
    trace = view.state.session.trace
    norms = np.linalg.norm(trace.grad("l0.h")[:, 0], axis=-1)
    view.state.selection.select("l0", 3)
    assert view.reading.text() == (
        f"Loss at step 7 “movie”: its gradient is {number(norms[6])} there and {number(norms[3])} at step 4 “not”, "
        f"{percent(norms[3] / norms[6])} of that."
    )
    view.state.selection.clear()
    view.state.cursor.go(7)
    assert view.reading.text().startswith("Loss at step 7 “movie”: reaches 7 steps, ")


def test_in_another_part_than_the_losses_a_step_says_what_it_influences(bench):
    view = bench(FlowView, "translation", "gru")
    lane = next(prefix for prefix, lane in view.state.session.trace.lanes.items() if lane.part == "encoder")
    view.state.selection.select(lane, 1)
    bench.settle(view.state)
    assert view.reading.text().startswith("Encoder step 2 “") and "still influences" in view.reading.text()
