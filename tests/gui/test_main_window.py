"""The window: switches, undo, messages, training, panels, actions, in every view that is registered."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QTabBar

from engine import Network, memory, tasks
from engine.registry import cells
from gui.actions.palette import Palette, plain
from gui.actions.shortcuts import Shortcuts, entries
from gui.actions.table import ACTIONS, MENUS
from gui.main_window import MainWindow
from gui.settings import Settings
from gui.state import training
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.theme import themes
from gui.views import AREAS, views


@pytest.fixture
def open_window(qtbot, dressed):
    made = []

    def opening(*arguments, settings=None, **changes):
        state = AppState(project=opened(*arguments).but(**changes))
        window = MainWindow(state, settings)
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


@pytest.fixture
def window(open_window):
    return open_window()


@pytest.fixture
def idle(qtbot):
    return lambda window: qtbot.waitUntil(lambda: not window.state.session.running, timeout=20_000)


def press(control, id):
    next(button for button in control._buttons if button.segment.id == id).click()


# Views -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", views(), ids=lambda view: view.id)
def test_every_view_is_built_and_survives_every_state(view, open_window, idle, qtbot):
    window = open_window()
    assert view.area in AREAS
    assert view.title
    for dock in window.docks:
        if dock.objectName() == f"dock.{view.id}":
            assert (dock.widget() is None) == getattr(view, "hidden", False)
            dock.show()  # also what is closed at first
    shown = window.findChild(view)
    assert shown is not None
    qtbot.waitUntil(shown.isVisible)
    for step in (1, 4, window.state.cursor.count):
        window.state.cursor.go(step)
    window.state.selection.select("l0", 1, 3, "c", gradient=True)
    for id in tasks.ids():
        window.state.document.open_scenario(id)
        idle(window)
        window.state.cursor.last()
    themes().choose("dark")
    themes().zoom = 1.5
    assert not shown.grab().isNull()


def test_every_dock_has_a_name_and_a_handle(window):
    names = [dock.objectName() for dock in window.docks]
    assert len(set(names)) == len(names) >= 1
    for dock in window.docks:
        assert dock.windowTitle()
        assert dock.titleBarWidget() is not None


# Switches --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", tasks.ids())
def test_every_scenario_opens_from_the_toolbar(window, idle, id):
    window.switches.choose_scenario(id)
    idle(window)
    assert window.state.session.trace.spec.pattern == tasks.get(id).pattern
    assert window.messages.shown() == []
    assert tasks.get(id).title in window.windowTitle()
    assert window.state.cursor.position == 0


@pytest.mark.parametrize("cell", cells.names())
def test_every_cell_is_chosen_by_a_click(window, idle, cell):
    press(window.switches._cell, cell)
    idle(window)
    assert window.state.session.trace.spec.cell == cell
    assert window.switches._cell.current() == cell


def test_the_engine_is_switched_by_a_click_with_the_same_numbers(window, idle):
    pytest.importorskip("torch")
    before = window.state.session.trace
    press(window.switches._engine, "torch:cpu")
    idle(window)
    after = window.state.session.trace
    assert after.engine == "torch"
    assert after.loss == pytest.approx(before.loss, rel=1e-10)
    np.testing.assert_allclose(after.grad("l0.h"), before.grad("l0.h"), rtol=1e-9, atol=1e-12)
    window.actions_["edit.undo"].trigger()
    idle(window)
    assert window.switches._engine.current() == "numpy:cpu"


def test_what_is_missing_is_said_where_it_is_missed(window):
    for segment in window.switches._engine.segments():
        assert segment.enabled or segment.reason


# Edits, undo, messages ---------------------------------------------------------------------------------------


def test_fresh_weights_are_said_and_undo_brings_the_trained_ones_back(window, idle):
    trained = window.state.document.project
    window.state.document.set_field("hidden_size", 6)
    idle(window)
    assert any("fresh" in text for text in window.messages.shown())
    assert window.actions_["edit.undo"].text() == "&Undo change of hidden size"
    assert "fresh" in window._weights.text()
    window.messages._fresh.action.emit("undo")
    idle(window)
    assert window.state.document.project is trained
    assert window.messages.shown() == []
    assert "%" in window._weights.text()
    assert window.actions_["edit.redo"].text() == "&Redo change of hidden size"


def test_a_failure_is_a_banner_and_goes_with_the_next_run(window, idle, monkeypatch, qtbot):
    before = window.state.session.trace

    def failing(self, *_, **__):
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(Network, "run", failing)
        with qtbot.waitSignal(window.state.session.failed):
            window.state.document.reseed()
    assert any("memory" in text for text in window.messages.shown())
    assert window.state.session.trace is before
    window.messages._failure.action.emit("retry")
    idle(window)
    assert not any("memory" in text for text in window.messages.shown())
    assert window.state.session.trace is not before


def test_a_large_run_is_asked_about(window, monkeypatch, qtbot, idle):
    monkeypatch.setattr(memory, "available", lambda: 400_000)  # room for the weights, a quarter of it not for the run
    with qtbot.waitSignal(window.state.session.confirmation_needed):
        window.state.document.reseed()
    assert any("all the same" in text for text in window.messages.shown())
    window.messages._question.action.emit("proceed")
    idle(window)
    assert not any("all the same" in text for text in window.messages.shown())


def test_training_shows_its_progress_and_is_cancelled(window, idle, monkeypatch, qtbot):
    task, gate = tasks.get("movie-review"), threading.Event()
    samples = task.split("train")[:64]
    real = training.train

    def endless(*arguments, **options):
        for event in real(*arguments, **{**options, "epochs": 5000}):
            gate.wait(0.01)
            yield event

    monkeypatch.setattr(type(task), "training_samples", lambda self: samples)
    monkeypatch.setattr(training, "train", endless)
    before = window.state.document.project
    window.actions_["run.train"].trigger()
    box = QApplication.activeModalWidget() or window.findChild(QDialog)
    begin = next(b for b in box.findChildren(QDialogButtonBox)[0].buttons() if b.text() == "Train")
    qtbot.mouseClick(begin, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "epoch" in window.messages._progress.text(), timeout=20_000)
    assert window.messages._progress.isVisible()
    assert window.actions_["run.cancel"].isEnabled()
    assert not window.actions_["run.train"].isEnabled()
    window.actions_["run.cancel"].trigger()
    gate.set()
    assert not window.messages._progress.isVisible()
    assert window.state.document.project is before


def test_the_window_closes_while_it_trains(open_window, qtbot):
    window = open_window()
    window.state.session.train()
    window.close()
    window.state.close()
    assert window.state.session.training is None


# Actions ---------------------------------------------------------------------------------------------------


def test_the_playhead_follows_the_actions(window):
    cursor, actions = window.state.cursor, window.actions_
    assert not actions["run.back"].isEnabled()
    actions["run.forward"].trigger()
    assert cursor.position == 1
    actions["run.loss"].trigger()
    assert cursor.event.phase == "loss"
    actions["run.last"].trigger()
    assert cursor.position == cursor.count
    assert not actions["run.forward"].isEnabled()
    actions["run.back"].trigger()
    actions["run.first"].trigger()
    assert cursor.position == 0
    actions["run.play"].trigger()
    assert window.state.playback.playing
    assert actions["run.play"].isChecked()
    actions["run.play"].trigger()
    assert not window.state.playback.playing


def test_keys_step_where_the_score_has_the_focus(window, qtbot):
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    canvas = window.focusWidget()
    assert window.score.isAncestorOf(canvas) or canvas is window.score
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_PageDown)
    assert window.state.cursor.position == 2
    qtbot.keyClick(canvas, Qt.Key.Key_Left)
    assert window.state.cursor.position == 1


def test_escape_gives_the_keyboard_to_the_score(window, qtbot):
    window.activateWindow()
    for widget in (window._strips[0].sentence, window.switches):
        widget.setFocus()
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Escape)
        assert window.score.isAncestorOf(window.focusWidget()) or window.focusWidget() is window.score


def test_teacher_forcing_is_for_what_feeds_back(window, idle):
    assert not window.actions_["run.teacher_forcing"].isEnabled()
    window.switches.choose_scenario("translation")
    idle(window)
    assert window.actions_["run.teacher_forcing"].isChecked()
    window.actions_["run.teacher_forcing"].trigger()
    idle(window)
    assert not window.state.document.project.teacher_forcing
    window.actions_["edit.undo"].trigger()
    idle(window)
    assert window.actions_["run.teacher_forcing"].isChecked()


def test_zoom_and_theme(window, dressed):
    window.actions_["view.zoom_in"].trigger()
    assert dressed.zoom > 1
    window.actions_["view.zoom_reset"].trigger()
    assert dressed.zoom == 1
    window._themes["dark"].trigger()
    assert dressed.current().name == "dark"


def test_full_screen_comes_and_goes(window, qtbot):
    window.actions_["view.fullscreen"].trigger()
    qtbot.waitUntil(window.isFullScreen)
    window.actions_["view.fullscreen"].trigger()
    qtbot.waitUntil(lambda: not window.isFullScreen())


def test_every_action_is_in_a_menu_and_in_the_help(window):
    paths = {action.objectName() for _, action in window.actions_.everything()}
    assert {entry.id for entry in ACTIONS} <= paths
    assert len(entries()) == len(ACTIONS)
    assert all(keys for _, _, keys in entries())
    assert {entry.menu for entry in ACTIONS} == set(MENUS)


def test_no_two_actions_of_the_window_share_a_key(window):
    owners = {}
    for _, action in window.actions_.everything():
        for keys in action.shortcuts():
            owners.setdefault(keys.toString(), []).append(plain(action))
    assert not {keys: names for keys, names in owners.items() if len(names) > 1}


def test_the_palette_finds_and_does(window, qtbot):
    window.actions_["view.palette"].trigger()
    palette = window.findChild(Palette)
    assert len(palette.shown()) > 25
    qtbot.keyClicks(palette._field, "theme dark")
    assert palette.shown()[0] == "Dark"
    qtbot.keyClick(palette._field, Qt.Key.Key_Return)
    assert themes().current().name == "dark"
    qtbot.waitUntil(lambda: window.findChild(Palette) is None)


def test_the_palette_says_nothing_for_nothing(window, qtbot):
    window.actions_["view.palette"].trigger()
    palette = window.findChild(Palette)
    qtbot.keyClicks(palette._field, "xyzzy")
    qtbot.keyClick(palette._field, Qt.Key.Key_Down)
    qtbot.keyClick(palette._field, Qt.Key.Key_Return)
    assert palette.shown() == []
    qtbot.keyClick(palette._field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(Palette) is None)


def test_help_and_about_open(window, qtbot):
    for id in ("help.shortcuts", "help.about"):
        window.actions_[id].trigger()
        box = QApplication.activeModalWidget()
        assert isinstance(box, QDialog)
        box.reject()
    help_ = Shortcuts(window._extra_keys(), window)
    qtbot.addWidget(help_)
    assert not help_.grab().isNull()


# Layout ----------------------------------------------------------------------------------------------------


def test_the_layout_is_remembered(open_window, qtbot):
    settings = Settings(QSettings("Loopscope", "Loopscope"))
    first = open_window(settings=settings)
    hidden = first.docks[0].objectName()
    first.docks[0].toggleViewAction().trigger()
    assert not first.docks[0].isVisible()
    before = {dock.objectName(): dock.isVisible() for dock in first.docks}
    first.close()
    second = open_window(settings=settings)
    shown = {dock.objectName(): dock.isVisible() for dock in second.docks}
    assert shown == before
    assert not shown[hidden]
    second.actions_["view.reset_panels"].trigger()
    assert second.docks[0].isVisible()


@pytest.mark.parametrize("size", [(1280, 800), (1680, 1050), (1920, 1080)])
def test_the_score_has_the_largest_part(window, qtbot, size):
    window.resize(*size)
    window._reset_panels()
    qtbot.waitUntil(lambda: window.width() == size[0])
    QApplication.processEvents()
    assert window.score.width() > 0.4 * size[0]
    assert window.switches.width() >= window.switches.minimumSizeHint().width()


@pytest.mark.parametrize("remembering", [False, True])
def test_the_preview_of_the_norm_is_a_choice_and_remembered(open_window, remembering):
    settings = Settings(QSettings("Loopscope", "Loopscope")) if remembering else None
    window = open_window(settings=settings)
    action = window.actions_["view.preview"]
    assert not action.isChecked() and not window.score.scene.preview
    action.trigger()
    assert action.isChecked() and window.score.scene.preview
    window.present()
    assert window._presentation.score.scene.preview
    window._presentation.close()
    again = open_window(settings=settings)
    assert again.actions_["view.preview"].isChecked() == again.score.scene.preview == remembering
    action.trigger()
    assert not window.score.scene.preview and not window._presentation.score.scene.preview


def test_the_tracks_of_the_presentation_are_remembered(open_window):
    settings = Settings(QSettings("Loopscope", "Loopscope"))
    settings.set_tracks("presentation", ["tokens", "norm"])
    window = open_window(settings=settings)
    window.present()
    assert window._presentation.score.scene.names == ["tokens", "norm"]
    window._presentation.close()


def test_the_tabs_of_many_panels_are_named_in_full(window, qtbot):
    names = set()
    for dock in window.docks:
        if dock.home == Qt.DockWidgetArea.RightDockWidgetArea:
            dock.show()
            dock.raise_()
            names.add(dock.windowTitle())
    bar = max(window.findChildren(QTabBar), key=QTabBar.count)
    assert {bar.tabText(i).replace("&", "") for i in range(bar.count())} == names
    for i in range(bar.count()):
        assert bar.tabRect(i).width() >= bar.fontMetrics().horizontalAdvance(bar.tabText(i))
