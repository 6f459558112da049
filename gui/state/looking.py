"""The playhead, the granularity and the selection as a project's view, and a view put back."""

from __future__ import annotations

from PySide6.QtCore import Qt

from engine import Trace
from gui.state.app_state import AppState
from gui.state.storing import View


def captured(state: AppState) -> View:
    """How the state is looked at; what concerns the window is the window's to add."""
    return View(state.cursor.index, state.cursor.granularity, state.selection.value)


def restore(state: AppState, view: View) -> None:
    """Look at the project as it was looked at, as soon as its run is there; an edit before that forbids it."""
    project = state.document.project
    state.playback.pause()
    state.cursor.granularity = view.granularity

    def put(trace: Trace | None) -> None:
        if trace is None or state.document.project is not project:
            return
        state.cursor.go_index(view.index)
        state.selection.set(view.selected)
        state.selection.keep_within(trace)

    if state.session.running:
        state.session.trace_changed.connect(put, Qt.ConnectionType.SingleShotConnection)
    else:
        put(state.session.trace)
