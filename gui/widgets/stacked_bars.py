"""Bars of several parts side by side along the sequence; what is negative hangs below zero."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.format import number
from gui.theme import px, theme
from gui.widgets.painted import focus_ring
from gui.widgets.pointed import Cell, Pointed

HEIGHT, AXIS, SIZE, WIDEST = 150, 24, 10, 64
Colour = Callable[[], QColor]


class StackedBars(Pointed):
    """Shows one bar a column, stacked from parts, with a mark on each where one is given.

    Parameters
    ----------
    name : str
        What is shown, for screen readers.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._values = np.zeros((0, 0))
        self._marks: np.ndarray | None = None
        self._colours: Sequence[Colour] = ()
        self._labels: Sequence[str] = ()
        self._writes: Callable[[float], str] = lambda value: number(value, 2)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_bars(
        self,
        values: np.ndarray,
        colours: Sequence[Colour],
        marks: np.ndarray | None = None,
        labels: Sequence[str] = (),
        writes: Callable[[float], str] | None = None,
    ) -> None:
        """Show parts (n, T), one colour a part.

        Parameters
        ----------
        marks : ndarray (T,), optional
            Drawn across each bar.
        labels : sequence of str
            One a column, written below where there is room.
        writes : callable, optional
            How a value of the axis is written.
        """
        if values.shape != self._values.shape:
            self.forget()
        self._values, self._colours, self._marks, self._labels = values, colours, marks, labels
        if writes is not None:
            self._writes = writes
        self.update()

    def values(self) -> np.ndarray:
        """Return what is shown."""
        return self._values

    def sizeHint(self) -> QSize:
        """Return an ordinary height."""
        return QSize(px(260), px(HEIGHT))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that still shows bars."""
        return QSize(px(140), px(HEIGHT))

    def cells(self) -> Cell:
        """One row of bars."""
        return (1, self._values.shape[1]) if self._values.size else (0, 0)

    def cell_at(self, place: QPointF) -> Cell | None:
        """The bar at an x."""
        area, columns = self._area(), self.cells()[1]
        if not columns or not area.left() <= place.x() < area.left() + self._step() * columns:
            return None
        return 0, min(columns - 1, int((place.x() - area.left()) / self._step()))

    def centre_of(self, cell: Cell) -> QPointF:
        """The middle of a bar."""
        area = self._area()
        return QPointF(area.left() + (cell[1] + 0.5) * self._step(), area.center().y())

    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value of the axis."""
        finite = np.where(np.isfinite(self._values), self._values, 0.0)
        low = float(np.minimum(finite, 0).sum(0).min(initial=0.0))
        high = float(np.maximum(finite, 0).sum(0).max(initial=0.0))
        if self._marks is not None:
            marks = self._marks[np.isfinite(self._marks)]
            low, high = min(low, float(marks.min(initial=0.0))), max(high, float(marks.max(initial=0.0)))
        return (low, high) if high > low else (0.0, 1.0)

    def ticks(self) -> tuple[float, ...]:
        """The values that the axis names: zero, and the outermost round one on each side."""
        low, high = self.limits()
        step = _round(max(high, -low))
        ends = (math.floor(high / step + 1e-9) * step, math.ceil(low / step - 1e-9) * step)
        return tuple(dict.fromkeys((ends[0], 0.0, ends[1])))

    def _area(self) -> QRectF:
        below = px(18) if len(self._labels) else px(4)
        metrics = QFontMetricsF(fonts.mono(SIZE))
        left = max(metrics.horizontalAdvance(self._writes(value)) for value in self.ticks()) + px(8)
        left = max(float(px(AXIS)), left)
        return QRectF(left, px(6), max(1.0, self.width() - left - px(2)), self.height() - px(6) - below)

    def _step(self) -> float:
        columns = max(1, self.cells()[1])
        return min(float(px(WIDEST)), self._area().width() / columns)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axis, bars and marks."""
        if not self._values.size:
            return
        area, (low, high) = self._area(), self.limits()
        scale = area.height() / (high - low)
        zero = area.bottom() + low * scale
        with QPainter(self) as painter:
            self._paint_axis(painter, area, zero, scale)
            self._paint_bars(painter, area, zero, scale)
            self._paint_labels(painter, area)
            if self.hasFocus():
                focus_ring(painter, QRectF(self.rect()), px(4))

    def _paint_axis(self, painter: QPainter, area: QRectF, zero: float, scale: float) -> None:
        worn = theme()
        painter.setFont(fonts.mono(SIZE))
        for value in self.ticks():
            y = zero - value * scale
            painter.setPen(QPen(worn.muted if value == 0 else worn.grid, 1))
            painter.drawLine(QPointF(area.left() - px(3), y), QPointF(area.right(), y))
            if value and abs(value) * scale < px(10):
                continue
            painter.setPen(worn.muted)
            box = QRectF(0, min(max(y - px(7), 0.0), self.height() - px(14)), area.left() - px(6), px(14))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, right, self._writes(value))

    def _paint_bars(self, painter: QPainter, area: QRectF, zero: float, scale: float) -> None:
        worn, step, at = theme(), self._step(), self.at()
        gap = max(0.0, min(px(3), step * 0.2)) if step >= 3 else 0.0
        colours = [colour() for colour in self._colours]
        for column in self._drawn():
            x, up, down = area.left() + column * step, zero, zero
            bar = QRectF(x + gap / 2, 0, max(1.0, step - gap), 0)
            if at is not None and at[1] == column:
                painter.fillRect(QRectF(x, area.top(), max(1.0, step), area.height()), worn.slot)
            for part, colour in zip(self._values[:, column], colours, strict=True):
                if not np.isfinite(part) or part == 0:
                    continue
                tall = abs(part) * scale
                top = up - tall if part > 0 else down
                painter.fillRect(QRectF(bar.x(), top, bar.width(), tall), colour)
                up, down = (up - tall, down) if part > 0 else (up, down + tall)
            mark = None if self._marks is None else self._marks[column]
            if mark is not None and np.isfinite(mark):
                y = zero - mark * scale
                painter.setPen(QPen(worn.panel, max(3.0, px(4))))
                painter.drawLine(QPointF(bar.left(), y), QPointF(bar.right(), y))
                painter.setPen(QPen(worn.text, max(1.5, px(2))))
                painter.drawLine(QPointF(bar.left() - gap / 2, y), QPointF(bar.right() + gap / 2, y))

    def _drawn(self) -> list[int]:
        """The columns to draw: of those that share a pixel, the tallest."""
        columns, step = self.cells()[1], self._step()
        if step >= 1:
            return list(range(columns))
        tall = np.abs(np.nan_to_num(self._values)).sum(0)
        pixels = (np.arange(columns) * step).astype(int)
        order = np.lexsort((tall, pixels))
        return sorted(int(order[i]) for i in np.flatnonzero(np.diff(pixels[order], append=pixels[-1] + 1)))

    def _paint_labels(self, painter: QPainter, area: QRectF) -> None:
        if not len(self._labels):
            return
        worn, step, at = theme(), self._step(), self.at()
        painter.setFont(fonts.ui(SIZE))
        metrics = QFontMetricsF(painter.font())
        last = -1e9
        for column, text in enumerate(self._labels):
            middle, room = area.left() + (column + 0.5) * step, max(step, px(34))
            strong = at is not None and at[1] == column
            if middle - room / 2 < last - 0.5 and not strong:
                continue
            short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
            wide = metrics.horizontalAdvance(short)
            box = QRectF(middle - wide / 2 - 1, area.bottom() + px(2), wide + 2, px(15))
            box.moveLeft(min(max(box.left(), 0.0), self.width() - box.width()))
            if strong:
                painter.fillRect(box, worn.panel)
            painter.setPen(worn.text if strong else worn.muted)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, short)
            last = middle + room / 2


def _round(value: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is no larger than a value above zero."""
    power = 10.0 ** math.floor(math.log10(value))
    if power == 0:  # below what floating point holds
        return value
    return power * max(digit for digit in (1, 2, 5) if digit == 1 or digit * power <= value)
