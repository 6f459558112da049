"""The vectors that were pinned in the cell view, every number written out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import colormaps, fonts
from gui.format import full, number
from gui.frames.cell_words import Symbol, plain
from gui.palette import contrast
from gui.theme import px, theme
from gui.views import _cell_paint as draw
from gui.widgets.painted import Painted

CELL_WIDTH, CELL_HEIGHT, HEAD = 50, 20, 26


@dataclass(frozen=True, eq=False)
class Pin:
    """A pinned vector: its name in the graph, how it is written, its numbers and the scale of their colours."""

    name: str
    symbols: tuple[Symbol, ...]
    values: np.ndarray | None
    scale: float


class Pins(Painted):
    """Shows pinned vectors below one another; a click on a heading takes the pin out."""

    removed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pins: tuple[Pin, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMouseTracking(True)

    def set_pins(self, pins: tuple[Pin, ...]) -> None:
        """Show these."""
        self._pins = pins
        spoken = [f"{plain(p.symbols)}: {', '.join(number(v) for v in p.values)}" for p in pins if p.values is not None]
        self.setAccessibleName("; ".join(spoken))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for four numbers in a row."""
        return QSize(px(4 * CELL_WIDTH), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Return a narrow width, at the height that this takes."""
        return QSize(px(2 * CELL_WIDTH), self.heightForWidth(self.width()))

    def hasHeightForWidth(self) -> bool:
        """Tell that more columns need less height."""
        return True

    def heightForWidth(self, room: int) -> int:
        """Return the height at a width."""
        return sum(px(HEAD) + self._rows(pin, room) * px(CELL_HEIGHT) + px(8) for pin in self._pins)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw every pin."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for pin, top in self._tops():
                self._paint(painter, pin, top)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the pin out whose heading was clicked."""
        for pin, top in self._tops():
            if top <= event.position().y() < top + px(HEAD):
                self.removed.emit(pin.name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell the number below the pointer with all its digits."""
        self.setToolTip(self.tip_at(event.position()))

    def tip_at(self, point: QPointF) -> str:
        """What the tooltip says at a point."""
        columns = self._columns(self.width())
        for pin, top in self._tops():
            row = int((point.y() - top - px(HEAD)) // px(CELL_HEIGHT))
            if top <= point.y() < top + px(HEAD):
                return self.tr("Click: no longer pinned")
            if pin.values is not None and 0 <= row < self._rows(pin, self.width()):
                at = row * columns + min(columns - 1, int(point.x() / self.width() * columns))
                if at < len(pin.values):
                    return f"{plain(pin.symbols)}[{at + 1}] = {full(pin.values[at])}"
        return ""

    def _columns(self, room: int) -> int:
        return max(2, room // px(CELL_WIDTH))

    def _rows(self, pin: Pin, room: int) -> int:
        n = 1 if pin.values is None else len(pin.values)
        return -(-n // self._columns(room))

    def _tops(self) -> list[tuple[Pin, int]]:
        found, top = [], 0
        for pin in self._pins:
            found.append((pin, top))
            top += px(HEAD) + self._rows(pin, self.width()) * px(CELL_HEIGHT) + px(8)
        return found

    def _paint(self, painter: QPainter, pin: Pin, top: int) -> None:
        worn = theme()
        draw.write(painter, pin.symbols, 0, top + px(18), px(15))
        painter.setFont(fonts.mono(11))
        painter.setPen(worn.muted)
        box = QRectF(0, top, self.width() - px(16), px(HEAD))
        size = "" if pin.values is None else f"‖·‖ {number(float(np.linalg.norm(pin.values)))}"
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, size)
        middle, arm = QPointF(self.width() - px(6), top + px(HEAD) / 2), px(3.5)
        painter.setPen(QPen(worn.muted, max(1.0, px(1.3))))
        painter.drawLine(middle + QPointF(-arm, -arm), middle + QPointF(arm, arm))
        painter.drawLine(middle + QPointF(-arm, arm), middle + QPointF(arm, -arm))
        if pin.values is None:
            painter.setFont(fonts.ui(11))
            painter.drawText(QPointF(0, top + px(HEAD + 14)), self.tr("not computed yet"))
            return
        self._paint_values(painter, pin, top + px(HEAD))

    def _paint_values(self, painter: QPainter, pin: Pin, top: int) -> None:
        assert pin.values is not None
        worn, columns = theme(), self._columns(self.width())
        wide = self.width() / columns
        colours = colormaps.diverging(pin.values, pin.scale, worn)
        painter.setFont(fonts.mono(10.5))
        for k, value in enumerate(pin.values):
            box = QRectF(k % columns * wide, top + k // columns * px(CELL_HEIGHT), wide - 1.5, px(CELL_HEIGHT) - 1.5)
            colour = QColor(*colours[k].tolist())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(box, 3, 3)
            inks = (worn.text, worn.window)
            painter.setPen(max(inks, key=lambda ink: contrast(ink, colour)))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, _short(float(value)))


def _short(value: float) -> str:
    """A number in a cell: two digits that tell, three where there is room."""
    text = number(value, 3)
    return text if len(text) <= 6 else number(value, 1).replace("\u202f", "")
