"""The menu Learn: experiments open with their fact and instrument; what is not finite is found; numbers are checked."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QDockWidget, QPushButton

from engine import analysis, tasks
from engine.engines.torch_engine import TorchEngine
from gui import command_line
from gui.actions.palette import Palette
from gui.checking import CheckDialog
from gui.main_window import MainWindow
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.project import FRESH, GIVEN
from gui.views.build import BuildView
from gui.views.input_bar import InputBarView
from gui.views.inspector import InspectorView

EXPERIMENTS = tasks.experiments.names()


@pytest.fixture
def open_window(qtbot, dressed):
    made = []

    def opening(*arguments, **changes):
        state = AppState(project=opened(*arguments).but(**changes))
        window = MainWindow(state)
        made.append((window, state))
        qtbot.addWidget(window)
        window.resize(1280, 800)
        window.show()
        qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
        return window

    yield opening
    for window, state in made:
        window.close()
        state.close()


def idle(qtbot, window):
    qtbot.waitUntil(lambda: not window.state.session.running, timeout=20_000)


# Experiments -----------------------------------------------------------------------------------------------


def test_every_experiment_opens_from_the_menu(open_window, qtbot):
    window = open_window()
    for id in EXPERIMENTS:
        experiment = tasks.get(id)
        window.learning._choices[id].trigger()
        idle(qtbot, window)
        project = window.state.document.project
        assert project.scenario == id
        assert project.weights == GIVEN
        np.testing.assert_array_equal(project.parameters["weight_hh_l0"], experiment.weights("rnn")[0]["weight_hh_l0"])
        assert experiment.fact in window.learning.findings.shown()[0]
        assert window.switches._scenario.currentText() == experiment.title
        assert experiment.title in window.windowTitle()
        assert window.learning._choices[id].isChecked()
        assert not any(action.isChecked() for action in window._scenarios.values())
        if experiment.view != "score":
            assert window.findChild(QDockWidget, f"dock.lab-{experiment.view}").isVisible()
    window.state.document.open_scenario("movie-review")
    idle(qtbot, window)
    assert window.learning.findings.isHidden()
    assert window.switches._scenario.findData(EXPERIMENTS[-1]) == -1
    assert not any(action.isChecked() for action in window.learning._choices.values())
    assert window._scenarios["movie-review"].isChecked()


def test_every_question_brings_its_panel_and_is_in_the_palette(open_window, qtbot):
    window = open_window()
    asked = {dock.question: dock for dock in window.docks if dock.question}
    assert {dock.objectName() for dock in asked.values()} >= {"dock.lab-flow", "dock.lab-paths", "dock.lab-clipping"}
    actions = {action.text(): action for path, action in window.actions_.everything() if path == "Learn › Questions"}
    assert list(actions) == list(asked)
    for question, action in actions.items():
        action.trigger()
        assert asked[question].isVisible()
        assert asked[question].title in action.statusTip()
        assert asked[question].toggleViewAction().text() == asked[question].title


def test_the_experiments_are_in_the_palette(open_window):
    window = open_window()
    palette = Palette(window.actions_.everything(), window)
    assert set(palette.shown()) >= {tasks.get(id).title for id in EXPERIMENTS}
    palette.close()


def test_the_fact_can_be_dismissed_and_said_again(open_window):
    window = open_window("gaussian")
    findings = window.learning.findings
    assert findings.isVisible()
    findings._fact._cross.click()
    assert findings.isHidden()
    window.actions_["learn.fact"].trigger()
    assert findings.shown()


def test_an_experiment_in_another_cell_has_fresh_weights(open_window, qtbot):
    window = open_window("gaussian")
    window.switches.choose_cell("gru")
    idle(qtbot, window)
    assert window.state.document.project.weights == FRESH
    assert window.state.session.trace.spec.cell == "gru"


def test_an_experiment_cannot_be_trained_and_says_why(open_window, qtbot):
    window = open_window("gaussian")
    title = tasks.get("gaussian").title
    action, button = window.actions_["run.train"], window.switches._train
    build = window.findChild(BuildView)
    said = f"“{title}” has no examples to train on"
    assert (action.isEnabled(), action.toolTip(), action.statusTip()) == (False, said, said)
    assert (button.isEnabled(), button.toolTip()) == (False, said)
    window.switches.choose_cell("gru")  # fresh weights, which cannot be trained either
    idle(qtbot, window)
    assert not action.isEnabled()
    assert not build.weights.train_button.isVisibleTo(build)
    window.switches.choose_scenario("movie-review")
    idle(qtbot, window)
    assert (action.isEnabled(), button.isEnabled()) == (True, True)
    assert action.toolTip() == button.toolTip() == "Train the network on the scenario's data"


def test_fresh_weights_of_an_experiment_offer_no_training(open_window, qtbot):
    window = open_window("movie-review", "gru")
    window.state.document.open_scenario("gaussian", "gru")
    idle(qtbot, window)
    assert any("fresh" in text for text in window.messages.shown())
    assert [button.text() for button in window.messages._fresh.findChildren(QPushButton)] == ["Undo"]


def test_the_input_bar_draws_other_numbers_and_keeps_the_target(open_window, qtbot):
    window = open_window("tanh-driven")
    bar = window.findChild(InputBarView)
    assert "101 × 4" in bar.numbers.text.text()
    assert bar.sentence.isHidden()
    assert bar.draw.isHidden()
    before = window.state.document.project
    bar.numbers.dice.click()
    idle(qtbot, window)
    after = window.state.document.project
    assert not np.array_equal(before.sources[0], after.sources[0])
    assert after.targets == before.targets
    window.state.document.undo_stack.undo()
    assert window.state.document.project is before


def test_zeros_cannot_be_drawn_anew(open_window):
    bar = open_window("tanh-at-rest").findChild(InputBarView)
    assert "zeros" in bar.numbers.text.text()
    assert bar.numbers.dice.isHidden()


@pytest.mark.parametrize("id", EXPERIMENTS)
def test_the_command_line_knows_the_experiments(id):
    assert command_line.parse(["--scenario", id]).project.scenario == id
    assert id in command_line.listing()


# Not finite ------------------------------------------------------------------------------------------------


def test_an_overflow_is_named_and_the_playhead_jumps_there(open_window, qtbot):
    window = open_window("relu-overflow")
    state, findings = window.state, window.learning.findings
    qtbot.waitUntil(lambda: len(findings.shown()) == 2, timeout=20_000)
    found = analysis.first_not_finite(state.session.trace)
    h = state.session.trace.value("l0.h")[:, 0]
    first = int(np.flatnonzero(~np.isfinite(h).all(axis=1))[0])
    assert found.step == first
    assert findings.shown()[1].startswith(f"From step {first + 1} on the state is infinite: {found.event.operation}")
    assert f"in unit {found.unit + 1}." in findings.shown()[1]
    findings._broken._buttons[0].click()
    assert state.cursor.event.operation == found.event.operation
    assert state.cursor.event.step == first
    assert (state.selection.value.step, state.selection.value.unit) == (first, found.unit)
    state.cursor.last()  # alive where nothing is a number
    assert not window.grab().isNull()


def test_a_dismissed_finding_stays_away_until_another_is_made(open_window, qtbot):
    window = open_window("relu-overflow")
    findings, state = window.learning.findings, window.state
    qtbot.waitUntil(lambda: len(findings.shown()) == 2, timeout=20_000)
    findings._broken._cross.click()
    state.session.trace_changed.emit(state.session.trace)
    assert len(findings.shown()) == 1
    x = state.document.project.sources[0]
    state.document.set_source(0, x * np.float32(1e6), "one")
    qtbot.waitUntil(lambda: len(findings.shown()) == 2, timeout=20_000)


def test_a_finite_run_says_nothing(open_window, qtbot):
    window = open_window()
    with qtbot.waitSignal(window.state.session.computed, timeout=20_000):
        window.state.document.set_source(0, "not bad at all")
    assert window.learning.findings.shown() == []


# Checking --------------------------------------------------------------------------------------------------


def checked(window, qtbot) -> CheckDialog:
    dialog = window.learning.checking.dialog
    qtbot.waitUntil(lambda: bool(dialog.text()), timeout=60_000)
    return dialog


def test_a_selected_gradient_is_checked_in_every_engine(open_window, qtbot):
    window = open_window()
    action = window.actions_["learn.check"]
    assert not action.isEnabled()
    window.state.selection.select("l0", 2, 3, "c", gradient=True)
    assert action.isEnabled()
    action.trigger()
    dialog = checked(window, qtbot)
    expected = analysis.checked(window.state.session.trace, "l0.c", (2, 0, 3))
    for value in (expected.difference, *expected.values.values()):
        assert repr(value) in dialog.text()
    assert "agree" in dialog.verdict.text()
    dialog.copy.click()
    assert QGuiApplication.clipboard().text() == dialog.text()
    dialog.close()
    assert window.learning.checking.dialog is None


def test_without_torch_it_says_what_is_missing(open_window, qtbot, monkeypatch):
    monkeypatch.setattr(TorchEngine, "missing", lambda self: "PyTorch is not installed: pip install torch")
    window = open_window()
    window.learning.checking.check("weight_hh_l0", (1, 2))
    dialog = checked(window, qtbot)
    assert "pip install torch" in dialog.text()
    assert "weight_hh_l0[2, 3]" in dialog.text()
    dialog.close()


def test_a_right_click_on_a_gradient_offers_the_check(open_window, qtbot):
    window = open_window()
    window.state.cursor.last()
    canvas, scene = window.score.canvas, window.score.scene
    strip = next(s for s in scene.strips if s.track.kind == "gradient")
    at = QPoint(round(scene.axis.centre(1) + scene.edge), round(strip.top - scene.offset + strip.height / 2))
    offered = []
    window.learning.checking.menu = lambda wanted, gradient, parent: offered.append((wanted, gradient)) or _Menu()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, canvas.mapToGlobal(at))
    assert window.learning.checking.eventFilter(canvas, event)
    hit = scene.hit(at.x(), at.y())[2]
    assert offered == [(("l0.h", (1, 0, hit.unit)), True)]
    window.state.cursor.first()  # not computed yet: nothing to check
    assert not window.learning.checking.eventFilter(canvas, event)


class _Menu:
    def popup(self, at):
        pass


def test_the_menu_of_a_number_opens_the_dialog(open_window, qtbot):
    window = open_window()
    menu = window.learning.checking.menu(("l0.h", (0, 0, 0)), True, window)
    menu.actions()[0].trigger()
    checked(window, qtbot).close()


def test_the_inspectors_gradient_is_checked_by_a_right_click(open_window, qtbot, monkeypatch):
    window = open_window()
    inspector = window.findChild(InspectorView)
    window.state.selection.select("l0", 3, 5)
    offered = []
    monkeypatch.setattr(inspector.checking, "menu", lambda wanted, gradient, parent: offered.append(wanted) or _Menu())
    inspector.gradient_card.customContextMenuRequested.emit(QPoint(5, 5))
    assert offered == [("l0.h", (3, 0, 5))]
