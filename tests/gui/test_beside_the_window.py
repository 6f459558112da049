"""What takes long for a large network is worked out on another thread, and shown when it is there."""

import threading

import pytest

from engine import memory
from gui.frames import lab_update, spectrum
from gui.main_window import MainWindow
from gui.state import drawing, limits
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views.build import BuildView
from gui.views.clipping import ClippingView
from gui.views.inspector import InspectorView
from gui.views.spectral import SpectralView

PIECES = [
    (BuildView, spectrum, "spectral_radius", lambda view: view.radius.row.note() == ""),
    (InspectorView, spectrum, "spectral_radius", lambda view: "ρ" in view.spectrum_title.note()),
    (SpectralView, spectrum, "spectral_radius", lambda view: "ρ" in view.numbers.text()),
    (ClippingView, lab_update, "global_norm", lambda view: view.limit.value() > 0 and view.clip_said.text()),
]


@pytest.fixture
def state(qtbot):
    made = AppState(project=opened("movie-review", "gru"))
    qtbot.waitUntil(lambda: not made.session.running, timeout=20_000)
    yield made
    made.close()


@pytest.mark.parametrize(("view", "module", "name", "shown"), PIECES, ids=[piece[0].id for piece in PIECES])
def test_a_large_network_is_measured_on_another_thread(state, show, qtbot, monkeypatch, view, module, name, shown):
    monkeypatch.setattr(spectrum, "EXACT", 4)
    monkeypatch.setattr(spectrum, "MOST_WORK", 0)
    threads, measure = [], getattr(module, name)
    monkeypatch.setattr(module, name, lambda *given: (threads.append(threading.get_ident()), measure(*given))[1])
    widget = show(view(state))
    state.cursor.last()
    qtbot.waitUntil(lambda: bool(shown(widget)), timeout=20_000)
    for _ in range(3):  # nothing is measured again by moving
        state.cursor.step(-1)
    assert threads and threading.get_ident() not in threads


@pytest.fixture
def window(qtbot, dressed, state):
    made = MainWindow(state)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def gate(monkeypatch):
    """Every network takes long to draw, until the gate is open."""
    draw, gate = drawing.drawn, threading.Event()
    monkeypatch.setattr(limits, "SLOW_MS", -1.0)
    monkeypatch.setattr(drawing, "drawn", lambda *given: (gate.wait(20), draw(*given))[1])
    yield gate
    gate.set()


def test_the_window_says_that_it_draws_and_undo_takes_it_back(window, state, gate, qtbot):
    build = next(dock.widget() for dock in window.docks if isinstance(dock.widget(), BuildView))
    undo = window.actions_["edit.undo"]
    said, trained = build.weights.text.text(), state.document.project
    build.layers.changed.emit("hidden_size", 9)
    assert "Drawing" in build.weights.text.text() and build.weights.undo_button.isVisibleTo(build)
    assert undo.isEnabled() and "hidden size" in undo.text()
    undo.trigger()
    assert state.document.project is trained and build.weights.text.text() == said
    assert not undo.isEnabled() and build.layers.rows["hidden_size"].editor.value() == trained.spec.hidden_size
    build.layers.changed.emit("hidden_size", 9)
    gate.set()
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
    assert state.session.trace.spec.hidden_size == 9
    assert any("fresh" in text for text in window.messages.shown())


def test_what_cannot_be_drawn_is_one_message_and_the_fields_go_back(window, state, gate, qtbot, monkeypatch):
    build = next(dock.widget() for dock in window.docks if isinstance(dock.widget(), BuildView))
    monkeypatch.setattr(memory, "available", lambda: 10)
    before = state.document.project
    build.layers.changed.emit("hidden_size", 9)
    gate.set()
    qtbot.waitUntil(lambda: state.document.wanted is None, timeout=20_000)
    (said,) = window.messages.shown()
    assert said.startswith("hidden_size=9 is not possible") and "memory" in said
    assert state.document.project is before and "trained" in build.weights.text.text().lower()
