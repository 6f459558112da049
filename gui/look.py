"""What of the window belongs to a project: which panels and tracks are seen, and what lies in front."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QDockWidget, QMainWindow

from gui.score import Score
from gui.score_fold import Fold
from gui.score_layout import names_of
from gui.state import looking
from gui.state.app_state import AppState
from gui.state.storing import View


class Look:
    """Reads and sets it.

    Parameters
    ----------
    state : AppState
    window : QMainWindow
    score : Score
    fold : Fold
    """

    def __init__(self, state: AppState, window: QMainWindow, score: Score, fold: Fold) -> None:
        self._state, self._window, self._score, self._fold = state, window, score, fold

    def captured(self) -> View:
        """Return how everything is looked at now."""
        docks, scene = self._docks(), self._score.scene
        return replace(
            looking.captured(self._state),
            panels={dock.objectName(): not dock.isHidden() for dock in docks},
            front=tuple(dock.objectName() for dock in docks if self._in_front(dock)),
            tracks=None if scene.names is None else tuple(names_of(scene.shown, scene.available)),
            heights={id: size / scene.unit for id, size in scene.sizes.items() if size > 0},
            rolled=self._fold.rolled,
        )

    def apply(self, view: View) -> None:
        """Set panels and tracks; what the view does not name, or what is not there, stays as it is."""
        docks = {dock.objectName(): dock for dock in self._docks()}
        for name, shown in view.panels.items():
            if name in docks and docks[name].isHidden() == shown:
                docks[name].setVisible(shown)
        for name in view.front:
            if name in docks:
                docks[name].raise_()
        scene = self._score.scene
        if view.tracks is not None:
            scene.choose(list(view.tracks))
        scene.sizes = {id: size * scene.unit for id, size in view.heights.items()}
        self._fold.set_rolled(view.rolled)
        self._score.refresh()

    def _docks(self) -> list[QDockWidget]:
        return [dock for dock in self._window.findChildren(QDockWidget) if dock.objectName()]

    def _in_front(self, dock: QDockWidget) -> bool:
        """Whether it is the one of several tabs that is seen."""
        return bool(self._window.tabifiedDockWidgets(dock)) and not dock.visibleRegion().isEmpty()
