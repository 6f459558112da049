"""Labelled horizontal bars, as the probabilities of an output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import colormaps, fonts
from gui.theme import px, theme
from gui.widgets.painted import Painted

LINE, BAR, SIZE, GAP = 20, 10, 12, 8


@dataclass(frozen=True)
class Bar:
    """One bar: its label, its length as a share of 1, the value as it is written, and its full value."""

    label: str
    share: float
    text: str
    tip: str = ""


class Bars(Painted):
    """Shows bars below each other, one of them strong. A share that is not a number is hatched."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[Bar] = []
        self._strong = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_bars(self, bars: Sequence[Bar], strong: int = -1) -> None:
        """Show these bars; the one at index `strong` is written bold."""
        before = self.sizeHint(), self.minimumSizeHint()
        self._bars = list(bars)
        self._strong = strong
        self.setAccessibleName(", ".join(f"{bar.label} {bar.text}" for bar in bars))
        self.setToolTip("\n".join(f"{bar.label}: {bar.tip or bar.text}" for bar in bars))
        if before != (self.sizeHint(), self.minimumSizeHint()):
            self.updateGeometry()
        self.update()

    def bars(self) -> list[Bar]:
        """Return what is shown."""
        return list(self._bars)

    def sizeHint(self) -> QSize:
        """Return room for every bar."""
        return QSize(round(self._column(0) + self._column(1)) + px(96), len(self._bars) * px(LINE))

    def minimumSizeHint(self) -> QSize:
        """Return the least that leaves bars to see."""
        names = min(self._column(0), px(72))
        width = names + self._column(1) + 2 * px(GAP) + px(24)
        return QSize(round(width), len(self._bars) * px(LINE))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw labels, tracks, bars and values."""
        worn = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line, thick, gap = px(LINE), px(BAR), px(GAP)
        values = self._column(1)
        names = min(self._column(0), max(px(72), self.width() * 0.4))
        length = max(px(8), self.width() - names - values - 2 * gap)
        for index, bar in enumerate(self._bars):
            top = index * line
            weight = 600 if index == self._strong else 400
            font = fonts.ui(SIZE, weight)
            painter.setFont(font)
            painter.setPen(worn.text)
            name = QFontMetricsF(font).elidedText(bar.label, Qt.TextElideMode.ElideRight, names + 1)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, names, line), right, name)
            track = QRectF(names + gap, top + (line - thick) / 2, length, thick)
            painter.setPen(Qt.PenStyle.NoPen)
            wrong = bool(colormaps.invalid(bar.share))
            painter.setBrush(colormaps.hatch(worn) if wrong else worn.slot)
            painter.drawRoundedRect(track, thick / 3, thick / 3)
            if not wrong and bar.share > 0:
                track.setWidth(max(px(1.5), length * min(1.0, bar.share)))
                radius = min(thick / 3, track.width() / 2)
                painter.setBrush(worn.ink)
                painter.drawRoundedRect(track, radius, radius)
            painter.setFont(fonts.mono(SIZE - 1, weight))
            painter.setPen(worn.warning if wrong else worn.text if weight == 600 else worn.muted)
            painter.drawText(QRectF(self.width() - values, top, values, line), right, bar.text)
        painter.end()

    def _column(self, column: int) -> float:
        font = fonts.ui(SIZE, 600) if column == 0 else fonts.mono(SIZE - 1, 600)
        metrics = QFontMetricsF(font)
        texts = (bar.label if column == 0 else bar.text for bar in self._bars)
        return max((metrics.horizontalAdvance(text) for text in texts), default=0.0) + 1
