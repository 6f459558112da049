"""What is opened later is made beforehand, on another thread, once the window has been quiet for a moment."""

import threading

import pytest

from gui import mathematics, preparing
from gui.frames import cell_layout
from gui.preparing import Preparing
from gui.state.app_state import AppState
from gui.state.document import opened


@pytest.fixture
def state(qtbot):
    made = AppState(project=opened("movie-review", "gru"))
    yield made
    made.close()


def test_the_cell_on_the_bench_is_laid_out_on_another_thread(state, qtbot, monkeypatch):
    seen = []
    monkeypatch.setattr(preparing, "QUIET_MS", 1)
    monkeypatch.setattr(preparing, "prepare", lambda *cell: seen.append((threading.get_ident(), *cell)))
    made = Preparing(state)
    qtbot.waitUntil(lambda: len(seen) == 1, timeout=20_000)
    state.document.set_cell("lstm")
    qtbot.waitUntil(lambda: len(seen) == 2, timeout=20_000)
    made.close()
    assert [cell for _, cell, *_ in seen] == ["gru", "lstm"]
    assert threading.get_ident() not in [thread for thread, *_ in seen]
    state.document.set_cell("rnn")
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
    assert not made._quiet.isActive()


def test_what_is_prepared_is_there_when_it_is_opened(qapp):
    cell_layout.layout.cache_clear()
    preparing.prepare("gru", "tanh", True)
    found = cell_layout.layout("gru", "tanh", True)
    assert cell_layout.layout.cache_info().hits == 1 and found.nodes
    assert mathematics.render("h_t", 16, "black").width > 0
