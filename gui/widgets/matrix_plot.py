"""A matrix as coloured cells, magnitudes on a logarithmic scale or signed values, with a row pointed at."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import colormaps, fonts
from gui.theme import px, theme
from gui.widgets.painted import focus_ring
from gui.widgets.pointed import Cell, Pointed

TALLEST, ROW, SQUARE, WIDE, SMALL, SIZE = 260, 26, 30, 56, 10, 11
"""Pixels: the whole matrix; of few cells a row, a square, a column; the least that is seen; letters."""
GAPS = 5.0
"""Cells from this size on stand apart."""


class MatrixPlot(Pointed):
    """Shows a matrix, its rows from the top down.

    Parameters
    ----------
    name : str
        What is shown, for screen readers.
    row_name, column_name : str
        Written beside and below: "t", "k: state that receives it".
    """

    def __init__(self, name: str, row_name: str = "", column_name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._values = np.zeros((0, 0))
        self._empty: np.ndarray | None = None
        self._range: tuple[float, float] | None = None
        self._scale = 1.0
        self._names = (row_name, column_name)
        self._mode = "row"
        self._kept: tuple[object, ...] = ()
        self._image: QImage | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_names(self, row_name: str, column_name: str) -> None:
        """Write other names beside and below."""
        self._names = (row_name, column_name)
        self.update()

    def set_magnitudes(self, values: np.ndarray, low: float, high: float, empty: np.ndarray | None = None) -> None:
        """Show magnitudes, coloured logarithmically from low to high; empty cells stay slots."""
        self._range = (low, high)
        self._set(values, empty)

    def set_signed(self, values: np.ndarray, scale: float) -> None:
        """Show signed values, coloured up to ±scale."""
        self._range, self._scale = None, scale
        self._set(values, None)

    def set_mode(self, mode: str) -> None:
        """Outline what is pointed at: the "row", the "column", "both" or the "cell"."""
        self._mode = mode
        self.update()

    def values(self) -> np.ndarray:
        """Return what is shown."""
        return self._values

    def _set(self, values: np.ndarray, empty: np.ndarray | None) -> None:
        if values.shape != self._values.shape:
            self.forget()
            self.updateGeometry()
        self._values, self._empty, self._image = values, empty, None
        self.update()

    # Measuring -----------------------------------------------------------------------------------------

    def cells(self) -> Cell:
        """Rows and columns."""
        return self._values.shape[0], self._values.shape[1]

    def hasHeightForWidth(self) -> bool:
        """Cells are square where that gives a height that is at ease."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of the matrix and its names at a width."""
        rows, columns = self.cells()
        if not rows or not columns:
            return px(ROW)
        left, below = self._margins()
        side = min(max(float(px(SQUARE)), width / 10), (width - left) / columns)
        if rows == columns:
            tall = min(px(TALLEST), side * rows)
        else:
            tall = rows * min(float(px(ROW)), max(side, px(TALLEST) / 3 / rows), px(TALLEST) / rows)
        return round(max(px(SMALL), tall)) + below

    def sizeHint(self) -> QSize:
        """Return room at an ordinary width."""
        return QSize(px(260), self.heightForWidth(px(260)))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that still shows cells."""
        return QSize(px(140), self.heightForWidth(px(140)))

    def _margins(self) -> tuple[int, int]:
        return (px(16) if self._names[0] else 0), (px(20) if self._names[1] else 0)

    def _area(self) -> QRectF:
        """Where the cells are; square ones stay square."""
        (rows, columns), (left, below) = self.cells(), self._margins()
        room = QRectF(left, 0, self.width() - left, self.height() - below)
        if rows and columns:
            wide = min(room.width() / columns, float(px(WIDE)) if rows != columns else room.height() / rows)
            room.setWidth(wide * columns)
        return room

    def cell_at(self, place: QPointF) -> Cell | None:
        """The cell at a point."""
        (rows, columns), area = self.cells(), self._area()
        if not rows or not columns or not area.contains(place):
            return None
        row = int((place.y() - area.top()) / area.height() * rows)
        column = int((place.x() - area.left()) / area.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)

    def centre_of(self, cell: Cell) -> QPointF:
        """The middle of a cell."""
        return self._box(*cell).center()

    def _box(self, row: int, column: int) -> QRectF:
        (rows, columns), area = self.cells(), self._area()
        high, wide = area.height() / rows, area.width() / columns
        return QRectF(area.left() + column * wide, area.top() + row * high, wide, high)

    # Painting ------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw cells, names and what is pointed at."""
        worn, (rows, columns), area = theme(), self.cells(), self._area()
        if not rows or not columns:
            return
        with QPainter(self) as painter:
            high, wide = area.height() / rows, area.width() / columns
            painter.drawImage(area, self._picture(area))
            if min(high, wide) >= px(GAPS):
                painter.setPen(QPen(worn.panel, max(1.0, px(1))))
                for row in range(rows + 1):
                    y = area.top() + row * high
                    painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
                for column in range(columns + 1):
                    x = area.left() + column * wide
                    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            self._paint_names(painter, area)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(worn.text, max(1.5, px(1.5))))
            at = self.at()
            if at is not None:
                for box in self._outlines(at, area):
                    painter.drawRect(box)
            if self.hasFocus():
                focus_ring(painter, QRectF(self.rect()), px(4))

    def _outlines(self, at: Cell, area: QRectF) -> list[QRectF]:
        box = self._box(*at)
        row = QRectF(area.left(), box.top(), area.width(), box.height())
        column = QRectF(box.left(), area.top(), box.width(), area.height())
        return {"row": [row], "column": [column], "both": [row, column], "cell": [box]}[self._mode]

    def _paint_names(self, painter: QPainter, area: QRectF) -> None:
        row_name, column_name = self._names
        painter.setPen(theme().muted)
        if row_name:
            painter.setFont(fonts.math(SIZE + 2))
            painter.drawText(QRectF(0, area.top(), px(14), area.height()), Qt.AlignmentFlag.AlignCenter, row_name)
        if column_name:
            painter.setFont(fonts.ui(SIZE))
            line = QRectF(area.left(), area.bottom() + px(2), self.width() - area.left(), px(18))
            text = QFontMetricsF(painter.font()).elidedText(column_name, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _picture(self, area: QRectF) -> QImage:
        """The cells as an image of at most one pixel each; kept."""
        ratio, worn = self.devicePixelRatioF(), theme()
        size = (max(1, round(area.height() * ratio)), max(1, round(area.width() * ratio)))
        if self._image is None or self._kept != (worn.name, size):
            self._kept = (worn.name, size)
            values = _reduced(self._values, *size)
            empty = None if self._empty is None else ~_reduced(~self._empty, *size)
            if self._range is None:
                self._image = colormaps.diverging_image(values, self._scale, worn, empty)
            else:
                self._image = colormaps.sequential_image(values, *self._range, worn, empty=empty)
        return self._image


def _reduced(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """At most so many rows and columns; of each bin the value farthest from zero."""
    return _fewer(_fewer(values, rows).T, columns).T


def _fewer(values: np.ndarray, room: int) -> np.ndarray:
    """At most so many rows. A few rows at a time: several times as fast as `reduceat`."""
    have = len(values)
    if have <= room:
        return values
    values = np.ascontiguousarray(values)
    bins = [values[k * have // room : (k + 1) * have // room] for k in range(room)]
    high = np.stack([part.max(0) for part in bins])
    if values.dtype == bool:
        return high
    low = np.stack([part.min(0) for part in bins])
    return np.where(np.abs(low) > np.abs(high), low, high)
