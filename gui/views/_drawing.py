"""The drawn input: a thumbnail, and the canvas that opens from it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from gui import palette
from gui.theme import px, theme
from gui.widgets import GridCanvas
from gui.widgets.painted import Painted

SIDE = 34
COLOURS = ("#000000", "#c8242f", "#188a3f", "#2a5fd0", "#e3b505", "#8a3fb8", "#e07b1a", "#16a3a8")
"""What the kinds of cell look like, in the order in which the scenarios number them; the first is the empty one."""


class Thumbnail(Painted):
    """Shows a small drawing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = np.zeros((1, 1))
        self._kinds = 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_drawing(self, values: np.ndarray, kinds: int) -> None:
        """Show a drawing: ink from 0 to 1, or kinds of cell."""
        self._values, self._kinds = values, kinds
        self.update()

    def sizeHint(self) -> QSize:
        """Return a square as high as a field."""
        return QSize(px(SIDE), px(SIDE))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the cells."""
        with QPainter(self) as painter:
            _paint(painter, self._values, self._kinds, min(self.width(), self.height()))


def picture(values: np.ndarray, kinds: int, side: int) -> QIcon:
    """A drawing as an icon, for menus."""
    pixmap = QPixmap(side, side)
    with QPainter(pixmap) as painter:
        _paint(painter, values, kinds, side)
    return QIcon(pixmap)


def _paint(painter: QPainter, values: np.ndarray, kinds: int, side: float) -> None:
    worn, cell = theme(), side / len(values)
    painter.fillRect(QRectF(0, 0, side, side), worn.slot)
    for row, column in np.argwhere(values > 0).tolist():
        value = values[row, column]
        colour = QColor(COLOURS[int(value)]) if kinds else palette.blend(worn.slot, worn.text, float(value))
        painter.fillRect(QRectF(column * cell, row * cell, cell + 0.5, cell + 0.5), colour)


class DrawingPopup(QFrame):
    """A canvas over the window; what is drawn counts at once. It closes by Escape or a click beside it."""

    drawn = Signal(object)

    def __init__(self, values: np.ndarray, kinds: int, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setProperty("role", "card")
        names = (
            *(self.tr("Empty"), self.tr("Red"), self.tr("Green"), self.tr("Blue")),
            *(self.tr("Yellow"), self.tr("Purple"), self.tr("Orange"), self.tr("Turquoise")),
        )
        choices = [(name, QColor(colour)) for name, colour in zip(names, COLOURS, strict=True)][:kinds]
        self.canvas = GridCanvas(len(values), choices)
        self.canvas.set_values(values)
        column = QVBoxLayout(self)
        margin = px(12)
        column.setContentsMargins(margin, margin, margin, margin)
        column.addWidget(self.canvas)
        self.canvas.changed.connect(self.drawn)
        self.canvas.drawing.connect(self.drawn)
        self.canvas.setFixedSize(px(240), px(276))
        self.canvas.setFocus()
