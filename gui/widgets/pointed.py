"""What the laboratory's plots share: a cell that the pointer or the arrow keys point at."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QToolTip, QWidget

from gui.widgets.painted import Painted

Cell = tuple[int, int]
MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class Pointed(Painted):
    """A grid of cells of which one at most is pointed at.

    The mouse points where it is; with the focus the arrow keys move on, Home and End go to the ends of a row, Escape
    points at nothing, and Return does what a click does.
    """

    pointed = Signal(int, int)
    """The user points at this row and column."""
    left = Signal()
    """The user points at nothing any more."""
    chosen = Signal(int, int)
    """The user clicked this row and column, or pressed Return on it."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._at: Cell | None = None
        self._says: Callable[[int, int], str] = lambda row, column: ""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(name)

    def cells(self) -> Cell:
        """How many rows and columns there are."""
        raise NotImplementedError

    def cell_at(self, place: QPointF) -> Cell | None:
        """The row and column at a point."""
        raise NotImplementedError

    def centre_of(self, cell: Cell) -> QPointF:
        """Where a cell is."""
        raise NotImplementedError

    def allows(self, cell: Cell) -> bool:
        """Whether a cell can be pointed at."""
        return True

    def set_tip(self, says: Callable[[int, int], str]) -> None:
        """Take tooltips from a function of row and column."""
        self._says = says

    def at(self) -> Cell | None:
        """What is pointed at."""
        return self._at

    def tip_at(self, place: QPointF) -> str:
        """What the tooltip says at a point."""
        cell = self.cell_at(place)
        return "" if cell is None else self._says(*cell)

    def point(self, cell: Cell | None) -> None:
        """Point at a cell, or at nothing."""
        if cell is not None and not self.allows(cell):
            cell = None
        if cell == self._at:
            return
        self._at = cell
        if cell is None:
            self.setAccessibleDescription("")
            self.left.emit()
        else:
            self.setAccessibleDescription(self._says(*cell))
            self.pointed.emit(*cell)
        self.update()

    def forget(self) -> None:
        """Point at nothing, without a signal: what was pointed at is gone."""
        self._at = None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Point where the mouse is."""
        self.point(self.cell_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Point at nothing."""
        self.point(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Point at nothing."""
        self.point(None)
        super().focusOutEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the cell."""
        cell = self.cell_at(event.position())
        if cell is not None and event.button() == Qt.MouseButton.LeftButton:
            self.point(cell)
            self.chosen.emit(*cell)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move on, choose, or point at nothing."""
        key, (rows, columns) = Qt.Key(event.key()), self.cells()
        if not rows or not columns:
            super().keyPressEvent(event)
        elif key in MOVES or key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            row, column = self._at or (0, 0)
            if self._at is not None and key in MOVES:
                row, column = row + MOVES[key][0], column + MOVES[key][1]
            if key in (Qt.Key.Key_Home, Qt.Key.Key_End):
                column = 0 if key == Qt.Key.Key_Home else columns - 1
            cell = (min(rows - 1, max(0, row)), min(columns - 1, max(0, column)))
            if self.allows(cell):
                self.point(cell)
                where = self.mapToGlobal(self.centre_of(cell).toPoint() + QPoint(8, 8))
                QToolTip.showText(where, self._says(*cell), self)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._at is not None:
            self.chosen.emit(*self._at)
        elif key == Qt.Key.Key_Escape and self._at is not None:
            QToolTip.hideText()
            self.point(None)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Tell the cell below the pointer."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)
