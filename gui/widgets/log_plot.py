"""Curves over whole numbers on an axis of powers of ten."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.theme import px, theme
from gui.widgets.painted import focus_ring
from gui.widgets.pointed import Cell, Pointed

HEIGHT, AXIS, SIZE = 190, 40, 10
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve.

    Attributes
    ----------
    label : str
        Written beside its end.
    logs : ndarray (n,)
        log₁₀ of the values at 0, 1, …; what is not finite is left out.
    role : str
        Its colour's.
    dashed : bool
    """

    label: str
    logs: np.ndarray
    role: str
    dashed: bool = False


class LogPlot(Pointed):
    """Shows curves, with a line at 1.

    Parameters
    ----------
    name : str
        What is shown, for screen readers.
    x_name : str
        Written below: "k steps back".
    """

    def __init__(self, name: str, x_name: str, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        self._curves: Sequence[Curve] = ()
        self._x_name = x_name
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Show these curves."""
        if [len(curve.logs) for curve in curves] != [len(curve.logs) for curve in self._curves]:
            self.forget()
        self._curves = tuple(curves)
        self.update()

    def curves(self) -> Sequence[Curve]:
        """Return what is shown."""
        return self._curves

    def sizeHint(self) -> QSize:
        """Return an ordinary height."""
        return QSize(px(260), px(HEIGHT))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that still shows curves."""
        return QSize(px(160), px(HEIGHT))

    def cells(self) -> Cell:
        """One column a point."""
        count = max((len(curve.logs) for curve in self._curves), default=0)
        return (1, count) if count else (0, 0)

    def decades(self) -> tuple[int, int]:
        """The powers of ten at the ends of the axis."""
        logs = np.concatenate([curve.logs for curve in self._curves] or [np.zeros(1)])
        logs = logs[np.isfinite(logs)]
        low, high = float(np.floor(logs.min(initial=0.0))), float(np.ceil(logs.max(initial=0.0)))
        return int(low) if low < high else int(low) - 1, int(high)

    def _area(self) -> QRectF:
        return QRectF(px(AXIS), px(8), self.width() - px(AXIS) - px(6), self.height() - px(8) - px(20))

    def _place(self, k: float, log: float) -> QPointF:
        area, (low, high), count = self._area(), self.decades(), max(2, self.cells()[1])
        return QPointF(
            area.left() + area.width() * k / (count - 1), area.bottom() - area.height() * (log - low) / (high - low)
        )

    def cell_at(self, place: QPointF) -> Cell | None:
        """The point nearest to an x."""
        area, count = self._area(), self.cells()[1]
        if not count or not area.adjusted(-px(6), -px(8), px(6), px(20)).contains(place):
            return None
        k = round((place.x() - area.left()) / area.width() * (max(2, count) - 1))
        return 0, min(count - 1, max(0, k))

    def centre_of(self, cell: Cell) -> QPointF:
        """Where the first curve has a point."""
        logs = self._curves[0].logs
        log = logs[cell[1]] if cell[1] < len(logs) and np.isfinite(logs[cell[1]]) else self.decades()[0]
        return self._place(cell[1], float(log))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axis, curves and what is pointed at."""
        if not self.cells()[1]:
            return
        worn, area, (low, high) = theme(), self._area(), self.decades()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            every = max(1, -(-(high - low) // max(1, int(area.height() // px(24)))))
            painter.setFont(fonts.mono(SIZE))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            for power in range(low, high + 1):
                if power % every and power != 0:
                    continue
                y = self._place(0, power).y()
                painter.setPen(QPen(worn.muted if power == 0 else worn.grid, 1))
                painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
                painter.setPen(worn.muted)
                text = "1" if power == 0 else "10" if power == 1 else f"10{str(power).translate(RAISED)}"
                painter.drawText(QRectF(0, y - px(7), area.left() - px(6), px(14)), right, text)
            self._paint_steps(painter, area)
            for curve in self._curves:
                self._paint_curve(painter, curve)
            self._paint_labels(painter, area)
            self._paint_pointed(painter, area)
            if self.hasFocus():
                focus_ring(painter, QRectF(self.rect()), px(4))

    def _paint_steps(self, painter: QPainter, area: QRectF) -> None:
        painter.setFont(fonts.ui(SIZE))
        painter.setPen(theme().muted)
        line = QRectF(area.left(), area.bottom() + px(4), area.width(), px(15))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "0")
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, str(self.cells()[1] - 1))
        painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self._x_name)

    def _paint_curve(self, painter: QPainter, curve: Curve) -> None:
        path, drawn = QPainterPath(), False
        for k, log in enumerate(curve.logs):
            if not np.isfinite(log):
                drawn = False
                continue
            place = self._place(k, float(log))
            if drawn:
                path.lineTo(place)
            else:
                path.moveTo(place)
            drawn = True
        style = Qt.PenStyle.DashLine if curve.dashed else Qt.PenStyle.SolidLine
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme().color(curve.role), px(1.5) if curve.dashed else px(2.5), style))
        painter.drawPath(path)

    def _paint_labels(self, painter: QPainter, area: QRectF) -> None:
        """Write each curve's name at its end, as near as no curve and no other name is below it."""
        painter.setFont(fonts.ui(SIZE + 1))
        metrics, taken = QFontMetricsF(painter.font()), list[QRectF]()
        for curve in self._curves:
            finite = np.flatnonzero(np.isfinite(curve.logs))
            if not finite.size or not curve.label:
                continue
            at = int(finite[-1])
            end, wide = self._place(at, float(curve.logs[at])), metrics.horizontalAdvance(curve.label)
            others = [o.logs[at] for o in self._curves if o is not curve and at < len(o.logs)]
            above = all(curve.logs[at] >= other for other in others if np.isfinite(other))
            box = QRectF(min(end.x(), area.right()) - wide, 0, wide, px(15))
            tops = [end.y() - px(18) - away for away in range(0, round(area.height()), px(4))]
            below = [end.y() + px(4) + away for away in range(0, round(area.height()), px(4))]
            ranked = zip(tops, below, strict=True) if above else zip(below, tops, strict=True)
            for top in itertools.chain.from_iterable(ranked):
                box.moveTop(min(max(top, area.top()), area.bottom() - box.height()))
                if not any(box.intersects(other) for other in taken) and not self._crossed(box, area):
                    break
            taken.append(box)
            painter.setPen(theme().color(curve.role))
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, curve.label)

    def _crossed(self, box: QRectF, area: QRectF) -> bool:
        """Whether a curve passes through a box, or so close that it touches the letters."""
        ks = (np.linspace(box.left(), box.right(), 16) - area.left()) / area.width() * (max(2, self.cells()[1]) - 1)
        for curve in self._curves:
            there = np.flatnonzero(np.isfinite(curve.logs))
            if not there.size:
                continue
            seen = ks[(ks >= there[0]) & (ks <= there[-1])]
            ys = [self._place(0, log).y() for log in np.interp(seen, there, curve.logs[there]).tolist()]
            if any(box.top() - px(2) < y < box.bottom() + px(2) for y in ys):
                return True
        return False

    def _paint_pointed(self, painter: QPainter, area: QRectF) -> None:
        at = self.at()
        if at is None:
            return
        x = self._place(at[1], 0).x()
        painter.setPen(QPen(theme().muted, 1))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        for curve in self._curves:
            if at[1] < len(curve.logs) and np.isfinite(curve.logs[at[1]]):
                painter.setBrush(theme().color(curve.role))
                painter.drawEllipse(self._place(at[1], float(curve.logs[at[1]])), px(4), px(4))
