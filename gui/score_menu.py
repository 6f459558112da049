"""The menu of the tracks: which are shown, and in which order."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QMenu, QWidget

from engine.registry import cells
from gui.score_scene import Scene
from gui.tracks.base import Track
from gui.tracks.value import value_of


class Tracks(QObject):
    """Shows, hides and moves tracks of a scene; `changed` says that it did.

    Parameters
    ----------
    scene : Scene
    """

    changed = Signal()

    def __init__(self, scene: Scene, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scene = scene

    def toggle(self, id: str) -> None:
        """Show a hidden track where it stands by itself, or hide a shown one; the last one stays."""
        shown = [track.id for track in self._scene.shown]
        if id in shown:
            if len(shown) > 1:
                shown.remove(id)
        else:
            self._insert(shown, id)
        self._set(shown)

    def gates(self) -> list[str]:
        """Every gate of every layer and direction, by the ids of their tracks; none where the cell has no gates."""
        sheet = self._scene.sheet
        named = () if sheet is None else cells[sheet.trace.spec.cell].gates
        return [track.id for track in self._scene.available if value_of(track.id) in named]

    def show_gates(self, wanted: bool) -> None:
        """Show the tracks of all gates, each where it stands by itself, or hide them."""
        shown, gates = [track.id for track in self._scene.shown], self.gates()
        if wanted:
            for id in gates:
                if id not in shown:
                    self._insert(shown, id)
        else:
            shown = [id for id in shown if id not in gates] or shown[:1]
        self._set(shown)

    def move(self, id: str, by: int) -> None:
        """Move a track up (−1) or down (+1)."""
        shown = [track.id for track in self._scene.shown]
        at = shown.index(id)
        to = at + by
        if 0 <= to < len(shown):
            shown[at], shown[to] = shown[to], shown[at]
            self._set(shown)

    def reset(self) -> None:
        """Show the tracks of the beginning, in their own order and heights."""
        self._scene.sizes.clear()
        self._scene.choose(None)
        self.changed.emit()

    def fill(self, menu: QMenu, id: str = "") -> None:
        """Put every track into a menu; above them what can be done with one, by its id."""
        menu.clear()
        if id:
            self._own(menu, id)
        groups: dict[str, QMenu] = {}
        shown = {track.id for track in self._scene.shown}
        for track in self._scene.available:
            into = menu
            if track.id.startswith("value:"):
                group = track.group or self._words("Gates and pre-activations")
                if group not in groups:
                    groups[group] = menu.addMenu(group)
                into = groups[group]
            action = into.addAction(self._name(track))
            action.setCheckable(True)
            action.setChecked(track.id in shown)
            action.triggered.connect(partial(self.toggle, track.id))
        menu.addSeparator()
        gates = self.gates()
        if gates:
            action = menu.addAction(self._words("Every gate"))
            action.setCheckable(True)
            action.setChecked(shown.issuperset(gates))
            action.triggered.connect(self.show_gates)
        menu.addAction(self._words("As at the beginning")).triggered.connect(self.reset)

    def menu(self, parent: QWidget, id: str = "") -> QMenu:
        """Make the menu; it goes when it is closed."""
        made = QMenu(parent)
        self.fill(made, id)
        made.aboutToHide.connect(made.deleteLater)
        return made

    def _own(self, menu: QMenu, id: str) -> None:
        shown = [track.id for track in self._scene.shown]
        track = next(track for track in self._scene.shown if track.id == id)
        at = shown.index(id)
        for text, by in ((self._words("Move “{}” up"), -1), (self._words("Move “{}” down"), 1)):
            action = menu.addAction(text.format(track.title))
            action.setEnabled(0 <= at + by < len(shown))
            action.triggered.connect(partial(self.move, id, by))
        action = menu.addAction(self._words("Hide “{}”").format(track.title))
        action.setEnabled(len(shown) > 1)
        action.triggered.connect(partial(self.toggle, id))
        menu.addSeparator()

    def _insert(self, shown: list[str], id: str) -> None:
        """Put a track behind the last shown one that comes before it."""
        order = [track.id for track in self._scene.available]
        before = [i for i, other in enumerate(shown) if order.index(other) < order.index(id)]
        shown.insert(before[-1] + 1 if before else 0, id)

    def _set(self, ids: list[str]) -> None:
        self._scene.choose(ids)
        self.changed.emit()

    @staticmethod
    def _name(track: Track) -> str:
        lane = track.subtitle.partition("\n")[2] if track.id.count(":") >= 2 and not track.group else ""
        return f"{track.title} ({lane})" if lane else track.title

    @staticmethod
    def _words(text: str) -> str:
        return QCoreApplication.translate("Tracks", text)
