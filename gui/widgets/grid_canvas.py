"""A small grid to draw on: ink from 0 to 1 with a soft brush, or cells of a few kinds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui import palette
from gui.theme import px, theme
from gui.widgets.buttons import icon_button
from gui.widgets.painted import Painted, focus_ring, inset

BRUSH = 0.62
"""How wide the soft brush is, as the standard deviation of its ink in cells."""


class GridCanvas(QWidget):
    """A square grid with its tools below: the kinds of cell, where there are several, and the clear button.

    The left button draws, the right one erases. With the keyboard the arrows move a cursor, Space and
    Enter draw, Backspace erases, digits choose the kind, Delete clears all.

    Parameters
    ----------
    size : int
        Rows and columns.
    kinds : sequence of (name, colour), optional
        The kinds of cell, the empty one first. Without them the grid takes ink.
    """

    changed = Signal(object)
    """The user drew: carries the (size, size) array, float in 0..1, or whole numbers where there are kinds.

    It comes once a stroke, when the button is let go.
    """
    drawing = Signal(object)
    """The same array during a stroke."""

    def __init__(self, size: int, kinds: Sequence[tuple[str, QColor]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._surface = _Surface(size, [colour for _, colour in kinds], self)
        self._tools = QHBoxLayout()
        self._group = QButtonGroup(self)
        for kind, (name, colour) in enumerate(kinds):
            swatch = _Swatch(name, colour if kind else None)
            self._group.addButton(swatch, kind)
            self._tools.addWidget(swatch)
            swatch.setChecked(kind == 1)
        self._group.idClicked.connect(self._surface.set_kind)
        self._clear = icon_button("eraser", self.tr("Clear the drawing"), "flat")
        self._clear.clicked.connect(self._on_clear)
        self._tools.addStretch(1)
        self._tools.addWidget(self._clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._surface, 1)
        column.addLayout(self._tools)
        self._surface.stroked.connect(self._on_stroked)
        self._surface.moved.connect(self._on_moved)
        self._surface.kind_chosen.connect(self._on_kind_chosen)
        self._surface.cleared.connect(self._on_clear)
        self.setFocusProxy(self._surface)

    def values(self) -> np.ndarray:
        """Return a copy of what is drawn, (size, size)."""
        return self._surface.values.copy()

    def set_values(self, values: np.ndarray) -> None:
        """Show a drawing without a signal.

        Raises
        ------
        ValueError
            Its shape is not the grid's, or it holds a kind that does not exist.
        """
        self._surface.put(np.asarray(values))

    def _on_stroked(self) -> None:
        self.changed.emit(self.values())

    def _on_moved(self) -> None:
        self.drawing.emit(self.values())

    def _on_kind_chosen(self, kind: int) -> None:
        self._group.button(kind).setChecked(True)

    def _on_clear(self) -> None:
        if self._surface.values.any():
            self._surface.put(np.zeros_like(self._surface.values))
            self.changed.emit(self.values())


class _Surface(Painted):
    stroked = Signal()
    moved = Signal()
    kind_chosen = Signal(int)
    cleared = Signal()

    def __init__(self, size: int, colours: list[QColor], parent: QWidget) -> None:
        super().__init__(parent)
        self._size, self._colours = size, colours
        self._kind = 1
        self._cursor = QPoint(size // 2, size // 2)
        self._stroking = False
        self.values = np.zeros((size, size), dtype=np.int64 if colours else np.float64)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.tr("Drawing of {size} by {size} cells").format(size=size))
        self.setToolTip(self.tr("Draw with the left button, erase with the right one"))

    def put(self, values: np.ndarray) -> None:
        if values.shape != self.values.shape:
            raise ValueError(f"a drawing has the shape {self.values.shape}, this one has {values.shape}")
        if self._colours and not ((values >= 0) & (values < len(self._colours))).all():
            raise ValueError(f"the kinds of cell go from 0 to {len(self._colours) - 1}")
        self.values = values.astype(self.values.dtype).copy()
        if not self._colours:
            self.values.clip(0.0, 1.0, out=self.values)
        self.update()

    def set_kind(self, kind: int) -> None:
        self._kind = kind

    def sizeHint(self) -> QSize:
        return QSize(px(160), px(160))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(96), px(96))

    def heightForWidth(self, width: int) -> int:
        return min(width, px(240))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
            super().mousePressEvent(event)
            return
        self._stroking = True
        self._draw_at(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._stroking:
            self._draw_at(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._stroking:
            self._stroking = False
            self.stroked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        moves = {
            Qt.Key.Key_Left: QPoint(-1, 0),
            Qt.Key.Key_Right: QPoint(1, 0),
            Qt.Key.Key_Up: QPoint(0, -1),
            Qt.Key.Key_Down: QPoint(0, 1),
        }
        if key in moves:
            goal = self._cursor + moves[key]
            if QRectF(0, 0, self._size - 1, self._size - 1).contains(goal.toPointF()):
                self._cursor = goal
            self.update()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._set_cell(self._kind if self._colours else 1)
        elif key == Qt.Key.Key_Backspace:
            self._set_cell(0)
        elif key == Qt.Key.Key_Delete:
            self.cleared.emit()
        elif event.text().isdigit() and int(event.text()) < len(self._colours):
            self.set_kind(int(event.text()))
            self.kind_chosen.emit(self._kind)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.update()
        super().focusInEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        worn = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, cell = self._area()
        painter.setPen(QPen(worn.border, 1))
        painter.setBrush(worn.field)
        painter.drawRoundedRect(inset(area.adjusted(-3, -3, 3, 3), 1), px(6), px(6))
        painter.setPen(Qt.PenStyle.NoPen)
        for row in range(self._size):
            for column in range(self._size):
                box = QRectF(area.x() + column * cell, area.y() + row * cell, cell, cell)
                painter.setBrush(self._colour(row, column))
                painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), cell / 8, cell / 8)
        if self.hasFocus():
            corner = area.topLeft() + self._cursor.toPointF() * cell
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(worn.focus, max(2, px(2))))
            painter.drawRoundedRect(QRectF(corner.x(), corner.y(), cell, cell), cell / 8, cell / 8)
            focus_ring(painter, area.adjusted(-3, -3, 3, 3), px(6))
        painter.end()

    def _colour(self, row: int, column: int) -> QColor:
        worn, value = theme(), self.values[row, column]
        if not self._colours:
            return palette.blend(worn.slot, worn.text, float(value))
        return self._colours[int(value)] if value else worn.slot

    def _area(self) -> tuple[QRectF, float]:
        cell = (min(self.width(), self.height()) - 8) / self._size
        side = cell * self._size
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side), cell

    def _set_cell(self, value: int) -> None:
        row, column = self._cursor.y(), self._cursor.x()
        if self.values[row, column] != value:
            self.values[row, column] = value
            self.update()
            self.stroked.emit()

    def _draw_at(self, event: QMouseEvent) -> None:
        area, cell = self._area()
        place = (event.position() - area.topLeft()) / cell
        erase = bool(event.buttons() & Qt.MouseButton.RightButton)
        column, row = int(np.floor(place.x())), int(np.floor(place.y()))
        inside = 0 <= row < self._size and 0 <= column < self._size
        if self._colours:
            if inside:
                self.values[row, column] = 0 if erase else self._kind
        else:
            centres = np.arange(self._size) + 0.5
            away = (centres[:, None] - place.y()) ** 2 + (centres - place.x()) ** 2
            ink = np.exp(-away / (2 * BRUSH**2))
            ink[ink < 0.05] = 0.0
            self.values = self.values * (1 - ink) if erase else np.maximum(self.values, np.minimum(1.0, 1.15 * ink))
        if inside:
            self._cursor = QPoint(column, row)
        self.update()
        self.moved.emit()


class _Swatch(QToolButton):
    """A kind of cell to draw with; without a colour the empty one."""

    def __init__(self, name: str, colour: QColor | None) -> None:
        super().__init__()
        self._colour = colour
        self.setCheckable(True)
        self.setToolTip(name)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def sizeHint(self) -> QSize:
        return QSize(px(24), px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        worn = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        painter.setPen(QPen(worn.border, 1))
        painter.setBrush(self._colour or worn.slot)
        painter.drawRoundedRect(inset(area, 2 * px(5)), px(3), px(3))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.isChecked():
            painter.setPen(QPen(worn.text, max(1.5, px(1.5))))
            painter.drawRoundedRect(inset(area, 2), px(5), px(5))
        if self.hasFocus():
            focus_ring(painter, area, px(5))
        painter.end()
