"""Weights to touch: typing and dragging run the network again, as one undo step; what changed is shown."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from engine import tasks
from gui.format import full
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views.weights import WeightsView

NAME = "weight_hh_l0"


@pytest.fixture
def bench(qtbot, dressed):
    made = []

    def opening(*arguments, width=380, **changes):
        state = AppState(project=opened(*arguments).but(**changes))
        view = WeightsView(state)
        made.append((view, state))
        qtbot.addWidget(view)
        view.resize(width, 900)
        view.show()
        qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
        return view, state

    yield opening
    for view, state in made:
        view.close()
        state.close()


def idle(qtbot, state):
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)


def drag(view, cell, *heights, modifier=Qt.KeyboardModifier.NoModifier):
    start = view.heat.centre_of(cell).toPoint()
    QTest.mousePress(view.heat, Qt.MouseButton.LeftButton, modifier, start)
    for up in heights:
        place = QPointF(start.x(), start.y() - up)
        _move(view.heat, place, modifier)
    QTest.mouseRelease(view.heat, Qt.MouseButton.LeftButton, modifier, place.toPoint())


def _move(widget, place, modifier):
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    event = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        widget.mapToGlobal(place),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        modifier,
    )
    widget.mouseMoveEvent(event)


def test_it_shows_the_exact_weight_and_its_gradient(bench):
    view, state = bench()
    trace = state.session.trace
    assert view.parameter.current() == NAME
    np.testing.assert_array_equal(view.heat.values(), state.document.project.parameters[NAME])
    np.testing.assert_array_equal(view.slope.values(), trace.parameter_grads[NAME])
    assert view.heat.tip_at(view.heat.centre_of((5, 2))).endswith(f"= {full(trace.parameters[NAME][5, 2])}")
    assert view.slope.tip_at(view.slope.centre_of((5, 2))).endswith(f"= {full(trace.parameter_grads[NAME][5, 2])}")
    assert "Nothing" in view.effect.text()


def test_typing_a_value_runs_forward_and_backward_and_is_undone(bench, qtbot):
    view, state = bench()
    before = state.document.project
    loss = state.session.trace.loss
    view.heat.chosen.emit(3, 1)
    view.value.setFocus()
    view.value.setText("2.5")
    QTest.keyClick(view.value, Qt.Key.Key_Return)
    idle(qtbot, state)
    project, trace = state.document.project, state.session.trace
    assert project.weights == "edited"
    assert project.parameters[NAME][3, 1] == trace.parameters[NAME][3, 1] == 2.5
    assert (project.parameters[NAME] != before.parameters[NAME]).sum() == 1
    assert trace.loss != loss
    np.testing.assert_array_equal(view.slope.values(), trace.parameter_grads[NAME])
    qtbot.waitUntil(lambda: "P(" in view.effect.text(), timeout=20_000)
    view.shows.set_current("change")
    view.look()
    assert np.flatnonzero(view.heat.values()).size == 1
    state.document.undo_stack.undo()
    idle(qtbot, state)
    assert state.document.project is before
    assert "Nothing" in view.effect.text()
    assert not view.reset_all.isEnabled()


def test_one_drag_is_one_undo_step_however_slow(bench, qtbot, monkeypatch):
    view, state = bench()
    times = iter(range(0, 1000, 10))
    monkeypatch.setattr("gui.state.document.time.monotonic", lambda: float(next(times)))
    before, stack = state.document.project, state.document.undo_stack
    start = float(before.parameters[NAME][4, 3])
    scale = float(np.abs(before.parameters[NAME]).max())
    drag(view, (4, 3), 20, 40, 60)
    idle(qtbot, state)
    assert stack.count() == 1
    assert state.document.project.parameters[NAME][4, 3] == pytest.approx(start + 60 / 120 * scale, rel=1e-5)
    drag(view, (4, 3), -60, modifier=Qt.KeyboardModifier.ShiftModifier)  # another one, and ten times finer
    assert stack.count() == 2
    assert state.document.project.parameters[NAME][4, 3] > start
    stack.undo()
    stack.undo()
    assert state.document.project is before


def test_resetting_brings_back_what_it_was(bench, qtbot):
    view, state = bench()
    before = state.document.project.parameters[NAME]
    for cell in ((0, 0), (2, 2)):
        view.heat.chosen.emit(*cell)
        view._on_typed(9.0)
    view.reset_entry.click()
    after = state.document.project.parameters[NAME]
    assert (after[0, 0], after[2, 2]) == (9.0, before[2, 2])
    view.reset_all.click()
    np.testing.assert_array_equal(state.document.project.parameters[NAME], before)


def test_edited_weights_of_a_file_are_measured_against_the_shipped_ones(bench):
    shipped = opened().parameters
    edited = dict(shipped) | {NAME: shipped[NAME] + 1}
    view, _ = bench(parameters=edited, weights="edited")
    view.shows.set_current("change")
    view.look()
    np.testing.assert_allclose(view.heat.values(), 1.0)


@pytest.mark.parametrize("id", [*tasks.ids(), "relu-overflow"])
def test_every_parameter_of_every_scenario_can_be_looked_at(bench, qtbot, id):
    view, state = bench(id)
    for name, value in state.document.project.parameters.items():
        view.parameter.set_current(name)
        view._on_parameter()
        assert view.heat.values().shape == (value.shape if value.ndim > 1 else (len(value), 1))
        view._on_chosen(0, 0)
        assert view.entry.text().startswith(f"{name}[1")
    state.document.set_field("hidden_size", 5)  # between two networks nothing fits
    idle(qtbot, state)
    assert view.heat.values().size
    state.document.undo_stack.undo()
    idle(qtbot, state)
    assert not view.grab().isNull()


def test_the_gradient_stands_beside_the_weights_where_there_is_room(bench):
    view, _ = bench(width=900)
    assert view.slope.mapTo(view, view.slope.rect().topLeft()).x() > view.heat.width()
    narrow, _ = bench(width=380)
    assert narrow.slope.mapTo(narrow, narrow.slope.rect().topLeft()).x() < 60


def test_a_weight_is_checked(bench, qtbot):
    view, state = bench()
    view.heat.chosen.emit(1, 2)
    view.check.click()
    dialog = view._checking.dialog
    qtbot.waitUntil(lambda: bool(dialog.text()), timeout=60_000)
    assert repr(float(state.session.trace.parameter_grads[NAME][1, 2])) in dialog.text()
    dialog.close()


def test_a_large_matrix_is_painted_from_a_picture(bench, qtbot):
    view, _ = bench()
    big = np.random.default_rng(0).standard_normal((512, 512))
    view.heat.set_signed(big, 3.0)
    view.heat.resize(380, 260)
    view.heat.grab()
    assert view.heat._image.width() <= 380 * view.devicePixelRatioF()
    assert view.heat._image.height() <= 260 * view.devicePixelRatioF()
