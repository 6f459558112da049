"""The mouse on the score: what a press, a drag, a wheel means."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from gui.score_scene import Scene

STEP = 1.15
"""By how much a notch of the wheel zooms."""
NOTCH = 120.0
STRIDE = 60.0
"""How far a notch of the wheel pans, at a unit of 1."""


class Hand(QObject):
    """Turns the mouse's events on a canvas into what the user wants.

    Parameters
    ----------
    scene : Scene
    canvas : QWidget
        The widget whose events it reads.
    """

    entered = Signal(object)
    """A cell of the unrolled diagram was double-clicked: its Hit."""
    pointed = Signal(object)
    """A click: carries the Hit, or None beside everything."""
    went = Signal(int)
    """The playhead goes to this column: a double click, a click with Ctrl, or a drag along it."""
    panned = Signal(float, float)
    """Scroll by so many pixels, along the time axis and down."""
    zoomed = Signal(float, float)
    """By a factor, around an x."""

    def __init__(self, scene: Scene, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._scene, self._canvas = scene, canvas
        self._start: QPointF | None = None
        self._last = QPointF()
        self._doing = ""
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Read the events of the mouse; all others pass."""
        kind = event.type()
        if kind == QEvent.Type.Wheel and isinstance(event, QWheelEvent):
            self._wheel(event)
            return True
        if not isinstance(event, QMouseEvent):
            return False
        if kind == QEvent.Type.MouseButtonPress:
            self._press(event)
        elif kind == QEvent.Type.MouseMove:
            self._move(event)
        elif kind == QEvent.Type.MouseButtonRelease:
            self._release(event)
        elif kind == QEvent.Type.MouseButtonDblClick and event.button() == Qt.MouseButton.LeftButton:
            self._go(event.position())
            self._enter(event.position())
        else:
            return False
        return True

    def _press(self, event: QMouseEvent) -> None:
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            return
        self._canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        self._start = self._last = event.position()
        self._doing = ""
        if event.button() == Qt.MouseButton.LeftButton and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._doing = "scrub"
            self._go(event.position())

    def _move(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._start is None:
            self._canvas.setCursor(Qt.CursorShape.SizeHorCursor if self._grips(at) else Qt.CursorShape.ArrowCursor)
            return
        if not self._doing and (at - self._start).manhattanLength() >= QApplication.startDragDistance():
            self._doing = "scrub" if self._grips(self._start) else "pan"
            self._canvas.setCursor(
                Qt.CursorShape.SizeHorCursor if self._doing == "scrub" else Qt.CursorShape.ClosedHandCursor
            )
        if self._doing == "scrub":
            self._go(at)
        elif self._doing == "pan":
            self.panned.emit(self._last.x() - at.x(), self._last.y() - at.y())
            self._last = at

    def _release(self, event: QMouseEvent) -> None:
        if self._start is None:
            return
        if not self._doing and event.button() == Qt.MouseButton.LeftButton:
            found = self._scene.hit(event.position().x(), event.position().y())
            self.pointed.emit(found[2] if found else None)
        self._start = None
        self._doing = ""
        self._canvas.setCursor(Qt.CursorShape.ArrowCursor)

    def _grips(self, at: QPointF) -> bool:
        """Whether a drag from here moves the playhead: along the inputs, or on its band."""
        column = self._scene.column_at(at.x())
        strip = self._scene.strip_at(at.y())
        if strip is not None and strip.track.is_handle():
            return True
        return column is not None and column == self._scene.column

    def _go(self, at: QPointF) -> None:
        if self._scene.sheet is not None and self._scene.axis.count:
            self.went.emit(self._scene.axis.nearest(at.x() - self._scene.edge))

    def _enter(self, at: QPointF) -> None:
        found = self._scene.hit(at.x(), at.y())
        if found is not None and found[0].track.id == "diagram" and found[2] is not None:
            self.entered.emit(found[2])

    def _wheel(self, event: QWheelEvent) -> None:
        dx, dy = event.angleDelta().x() / NOTCH, event.angleDelta().y() / NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoomed.emit(STEP ** (dy or dx), event.position().x())
            return
        stride = self._scene.px(STRIDE)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or (dx == 0 and self._scene.lowest == 0):
            dx, dy = dx + dy, 0.0
        self.panned.emit(-dx * stride, -dy * stride)
