"""What all self-painted widgets share: they follow theme and zoom, and show the focus alike."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from gui.theme import px, theme

LOOK_EVENTS = (QEvent.Type.FontChange, QEvent.Type.StyleChange, QEvent.Type.PaletteChange)


class Painted(QWidget):
    """A widget that paints itself with `gui.theme` and measures itself with `px`.

    Theme and zoom reach it as change events of Qt; it then asks for its size and its paint again.
    """

    def changeEvent(self, event: QEvent) -> None:
        """Measure and paint again when the look has changed."""
        if event.type() in LOOK_EVENTS:
            self.relayout()
            self.updateGeometry()
            self.update()
        super().changeEvent(event)

    def relayout(self) -> None:
        """Throw away what was measured; for widgets that keep measurements."""


def inset(rect: QRectF, line: float) -> QRectF:
    """Return the rectangle along whose edge a line of that width lies just inside."""
    return rect.adjusted(line / 2, line / 2, -line / 2, -line / 2)


def focus_ring(painter: QPainter, rect: QRectF, radius: float) -> None:
    """Draw the ring of the keyboard's focus just inside a rectangle."""
    width = max(2, px(2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme().focus, width))
    painter.drawRoundedRect(inset(rect, width), radius, radius)
