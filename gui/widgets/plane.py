"""Complex numbers as points of the plane, with the unit circle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui import fonts
from gui.format import number
from gui.theme import px, theme
from gui.widgets.painted import Painted

SIDE, DOT, SIZE = 148, 3.5, 10


class ComplexPlane(Painted):
    """Shows points, filled within the unit circle and hollow outside it.

    Parameters
    ----------
    share : float
        How high it is at least, as a share of its width; then there is room for the names of its axes.
    """

    def __init__(self, share: float = 0.0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share = share
        self._points = np.zeros(0, dtype=complex)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_points(self, points: Sequence[complex] | np.ndarray) -> None:
        """Show these points."""
        self._points = np.asarray(points, dtype=complex)
        outside = int((np.abs(self._points) > 1).sum())
        self.setAccessibleName(
            self.tr("{} eigenvalues, {} of them outside the unit circle").format(len(self._points), outside)
        )
        self.update()

    def sizeHint(self) -> QSize:
        """Return a square."""
        return QSize(px(SIDE), px(SIDE))

    def hasHeightForWidth(self) -> bool:
        """Tell that a wide one is higher."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width."""
        return max(px(SIDE), round(self._share * width))

    def minimumSizeHint(self) -> QSize:
        """Return a smaller square."""
        return QSize(px(100), px(SIDE))

    def radius(self) -> float:
        """How many pixels the unit circle's radius has: all points are in sight."""
        farthest = float(np.abs(self._points).max(initial=1.0))
        return (min(self.width(), self.height()) / 2 - px(10)) / max(1.15, farthest * 1.05)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw axes, circle and points."""
        worn, middle, one = theme(), QPointF(self.width() / 2, self.height() / 2), self.radius()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(worn.grid, 1))
            reach = min(self.width(), self.height()) / 2 - px(4)
            painter.drawLine(QPointF(middle.x() - reach, middle.y()), QPointF(middle.x() + reach, middle.y()))
            painter.drawLine(QPointF(middle.x(), middle.y() - reach), QPointF(middle.x(), middle.y() + reach))
            if self._share:
                self._name_axes(painter, middle, one, reach)
            painter.setPen(QPen(worn.muted, 1, Qt.PenStyle.DashLine))
            painter.drawEllipse(middle, one, one)
            dot = px(DOT)
            for point in self._points:
                place = QPointF(middle.x() + point.real * one, middle.y() - point.imag * one)
                painter.setPen(QPen(worn.text, max(1.0, px(1.5))))
                painter.setBrush(worn.text if abs(point) <= 1 else worn.card)
                painter.drawEllipse(place, dot, dot)

    def _name_axes(self, painter: QPainter, middle: QPointF, one: float, reach: float) -> None:
        painter.setPen(theme().muted)
        painter.setFont(fonts.ui(SIZE))
        above, beside = QPointF(0, -px(4)), QPointF(px(4), 0)
        right = QPointF(-painter.fontMetrics().horizontalAdvance("Re"), 0)
        painter.drawText(middle + QPointF(reach, 0) + right + above * 2, "Re")
        painter.drawText(middle + QPointF(0, -reach) + beside * 2 + QPointF(0, px(SIZE)), "Im")
        painter.drawText(middle + QPointF(0, -one) + beside + above, "i")
        painter.drawText(middle + QPointF(one, 0) + beside + QPointF(0, px(SIZE + 3)), "1")

    def event(self, event: object) -> bool:
        """Tell the point below the pointer."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def tip_at(self, place: QPointF) -> str:
        """What the tooltip says: the nearest point and its magnitude, within a finger's breadth."""
        if not len(self._points):
            return ""
        one = self.radius()
        at = complex((place.x() - self.width() / 2) / one, (self.height() / 2 - place.y()) / one)
        nearest = complex(self._points[np.abs(self._points - at).argmin()])
        if abs(nearest - at) * one > px(10):
            return self.accessibleName()
        pair = f" ± {number(abs(nearest.imag))} i" if nearest.imag else ""
        return f"λ = {number(nearest.real)}{pair}, |λ| = {number(abs(nearest))}"
