"""A matrix whose entries can be taken hold of: a click selects one, a vertical drag changes it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QWidget

from gui.theme import px, theme
from gui.widgets.matrix_plot import MatrixPlot
from gui.widgets.pointed import Cell


class TouchPlot(MatrixPlot):
    """A `MatrixPlot` with one selected entry."""

    grabbed = Signal()
    """A drag of the selected entry begins."""
    dragged = Signal(float)
    """It has come so many pixels up from where it began, at a zoom of 1; ten times finer with Shift."""

    def __init__(self, name: str, row_name: str = "", column_name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(name, row_name, column_name, parent)
        self._selected: Cell | None = None
        self._start: QPointF | None = None
        self._pulling = False
        self.set_mode("cell")

    def select(self, cell: Cell | None) -> None:
        """Mark an entry, or none."""
        self._selected = cell
        self.update()

    def selected(self) -> Cell | None:
        """Return the marked entry."""
        return self._selected

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Select the entry, and be ready to drag it."""
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and self.cell_at(event.position()) is not None:
            self._start, self._pulling = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Change the entry while the button is down; else point."""
        if self._start is None:
            super().mouseMoveEvent(event)
            return
        up = self._start.y() - event.position().y()
        if not self._pulling:
            if abs(up) < QApplication.startDragDistance():
                return
            self._pulling = True
            self.setCursor(Qt.CursorShape.SizeVerCursor)
            self.grabbed.emit()
        fine = 0.1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        self.dragged.emit(fine * up / max(1, px(1)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._start = None
        if self._pulling:
            self._pulling = False
            self.unsetCursor()
        super().mouseReleaseEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the matrix, and a frame around the selected entry that is never smaller than can be seen."""
        super().paintEvent(event)
        rows, columns = self.cells()
        if self._selected is None or not np.all(np.less(self._selected, (rows, columns))):
            return
        with QPainter(self) as painter:
            box, least = self._box(*self._selected), px(6)
            wide, high = max(0.0, least - box.width()) / 2, max(0.0, least - box.height()) / 2
            painter.setPen(QPen(theme().focus, max(2, px(2))))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(box.adjusted(-wide, -high, wide, high))
