"""One loss's own gradient over the score, while somebody points at it."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from gui.score_canvas import Canvas
from gui.score_scene import Scene
from gui.state.horizon import Alone, Horizon


class AloneOver(QObject):
    """Lets the score's gradients be those of one loss alone as long as the horizon says so.

    Parameters
    ----------
    scene : Scene
    canvas : Canvas
    horizon : Horizon
    parent : QWidget
        The score.
    """

    def __init__(self, scene: Scene, canvas: Canvas, horizon: Horizon, parent: QWidget) -> None:
        super().__init__(parent)
        self._scene, self._canvas, self._parent = scene, canvas, parent
        horizon.changed.connect(self._on_changed)

    def _on_changed(self, alone: Alone | None) -> None:
        sheet = self._scene.sheet
        if sheet is None:
            return
        if alone is None:
            sheet.show_all()
        else:
            sheet.show_alone(alone.output, alone.name, alone.values)
        self._canvas.repaint_all()
        self._parent.update()
