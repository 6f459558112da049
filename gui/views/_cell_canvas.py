"""The cell's diagram, painted: nodes, wires with their vectors, gradients on the way back."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.format import full, number, percent
from gui.frames.cell import CellFrame
from gui.frames.cell_words import plain
from gui.theme import px
from gui.views._cell_geometry import Geometry
from gui.views._cell_picture import Picture, Ways, shown, ways_words
from gui.widgets.painted import Painted, focus_ring

LISTED = 12
"""The tooltip of a vector of at most so many numbers lists them all."""


class CellCanvas(Painted):
    """Paints a :class:`CellFrame`; what the pointer is over can be pinned and explained."""

    pinned = Signal(str)
    """A vector was clicked: its name in the graph."""
    chosen = Signal(str)
    """A node was clicked: its operation."""
    entered = Signal(str)
    """A node was double-clicked: the playhead shall go to its operation."""
    stepped = Signal(int)
    """The arrow keys ask for the operation before or after the one that is explained."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: CellFrame | None = None
        self._pins: tuple[str, ...] = ()
        self._ways: Ways = ()
        self._hover = ""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_frame(self, frame: CellFrame | None, pins: tuple[str, ...] = (), ways: Ways = ()) -> None:
        """Show another frame, with the ways that its highway's gradient came."""
        self._frame, self._pins, self._ways = frame, pins, ways
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which everything has room."""
        return QSize(px(820), px(400))

    def minimumSizeHint(self) -> QSize:
        """Return the smallest at which it can be read."""
        return QSize(px(380), px(200))

    def laid_out(self) -> Geometry | None:
        """Where things lie; None without a frame."""
        return None if self._frame is None else Geometry(self._frame, self.width(), self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the frame."""
        at = self.laid_out()
        if at is None:
            return
        with QPainter(self) as painter:
            Picture(at, self._pins, self._hover, self._ways).paint(painter)
            if self.hasFocus():
                focus_ring(painter, QRectF(self.rect()), px(6))

    def _below(self, point: QPointF) -> tuple[str, str]:
        """The node and the vector below a point, by name; at most one of them."""
        at = self.laid_out()
        node = None if at is None else at.node_at(point)
        return ("" if node is None else node.name), ("" if at is None or node else at.name_at(point))

    # Gestures --------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Outline the vector below the pointer."""
        _, name = self._below(event.position())
        if name != self._hover:
            self._hover = name
            self.setCursor(Qt.CursorShape.PointingHandCursor if name else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Outline nothing any more."""
        self._hover = ""
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Explain a node, or pin a vector."""
        node, name = self._below(event.position())
        if node:
            self.chosen.emit(node)
        elif name:
            self.pinned.emit(name)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Take the playhead to a node."""
        node, _ = self._below(event.position())
        if node:
            self.entered.emit(node)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down go through the operations, Return takes the playhead there, P pins."""
        key, frame = event.key(), self._frame
        if frame is None or key not in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_P):
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Return:
            self.entered.emit(frame.shown)
        elif key == Qt.Key.Key_P:
            self.pinned.emit(frame.shown)
        else:
            self.stepped.emit(1 if key == Qt.Key.Key_Down else -1)

    def event(self, event: QEvent) -> bool:
        """Tell what is below the pointer."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return super().event(event)

    def _gates(self) -> list[str]:
        """Each gate's share of the highway's gradient."""
        return [f"  {name} {percent(share)}" for name, share in self._ways[1:]]

    def tip_at(self, point: QPoint) -> str:
        """What the tooltip says: a vector's name and exact numbers, or what a node does."""
        frame, at = self._frame, QPointF(point)
        node, name = self._below(at)
        if node:
            return self.tr("Click: its equation and numbers. Double-click: the playhead goes there")
        geometry = self.laid_out()
        if not name or frame is None or geometry is None:
            return ""
        vector, box = frame.vectors[name], geometry.vectors().get(name)
        values, _ = shown(frame, vector)
        title = f"∂L/∂({plain(vector.symbols)})" if frame.backward else plain(vector.symbols)
        if values is None:
            return self.tr("{}: not computed yet").format(title)
        if box is not None and box.adjusted(0, -4, 0, 4).contains(at) and len(values) > LISTED:
            k = min(len(values) - 1, int((at.x() - box.x()) / box.width() * len(values)))
            return f"{title}[{k + 1}] = {full(values[k])}"
        head = f"{title}, {self.tr('{} numbers').format(len(values))}, ‖·‖ = {number(float(np.linalg.norm(values)))}"
        rows = [f"[{k + 1}] {full(value)}" for k, value in enumerate(values[:LISTED])]
        if frame.backward and name == frame.layout.highway[-1]:
            head = "\n".join([head, *ways_words(self._ways)[0], *self._gates()])
        return "\n".join([head, *rows, *(["…"] if len(values) > LISTED else [])])
