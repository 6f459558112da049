"""All of the state, wired together."""

from __future__ import annotations

from PySide6.QtCore import QObject

from engine import Trace
from engine.tasks import Task
from gui.state.cursor import Cursor
from gui.state.document import Document
from gui.state.horizon import Horizon
from gui.state.playback import Playback
from gui.state.project import Project
from gui.state.selection import Selection
from gui.state.session import Computed, Session


class AppState(QObject):
    """What every view is given: document, session, cursor, selection, horizon, playback.

    Parameters
    ----------
    parent : QObject, optional
    project : Project, optional
        What to begin with; by default the start scenario.
    computed : Computed, optional
        A run of the project that has been done already.
    """

    def __init__(
        self, parent: QObject | None = None, project: Project | None = None, computed: Computed | None = None
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.document = Document(self, project)
        self.cursor = Cursor(self)
        self.selection = Selection(self)
        self.horizon = Horizon(self)
        self.playback = Playback(self.cursor, self)
        self._task: Task | None = None
        # Before the session, so that what it brings finds the cursor in place when the views hear of it.
        self.session = Session(self.document, self, computed)
        self.session.trace_changed.connect(self._on_trace_changed)
        self.document.project_changed.connect(self._on_project_changed)
        if computed is not None:
            self._on_trace_changed(computed.trace)

    def double(self) -> AppState | None:
        """Return a state of its own over the same run: its playhead and selection move, and these stay.

        None before the first run is done.
        """
        newest = self.session.newest
        if newest is None:
            return None
        # While another run is under way, the trace is still that of the project before.
        project = newest.project if self.session.running else self.document.project
        other = AppState(None, project, newest)
        other.cursor.granularity = self.cursor.granularity
        other.cursor.go_index(self.cursor.index)
        other.selection.set(self.selection.value)
        other.selection.keep_within(newest.trace)
        return other

    def close(self) -> None:
        """Stop the playback and the threads; to be called before the program ends."""
        self.playback.pause()
        self.session.close()
        self.document.close()

    def _on_trace_changed(self, trace: Trace | None) -> None:
        task = self.document.project.task
        self.cursor.set_events(None if trace is None else trace.events, keep=task is self._task)
        self._task = task
        self.selection.keep_within(trace)
        self.horizon.clear()

    def _on_project_changed(self, new: Project, old: Project) -> None:
        if new.task is not old.task:
            self.playback.pause()
            self.selection.clear()
