"""The scale of magnitudes: the sequential map between two powers of ten."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.theme import px, theme
from gui.widgets.painted import Painted

SIZE, STRIP = 10, 72
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class MagnitudeLegend(Painted):
    """A strip of the sequential map from 10**low to 10**high."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._high = -1, 0
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_range(self, low: int, high: int) -> None:
        """Show another range."""
        self._low, self._high = low, high
        text = self.tr("colours from {low} to {high}, logarithmic").format(low=_power(low), high=_power(high))
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.updateGeometry()
        self.update()

    def range(self) -> tuple[int, int]:
        """Return the powers of ten at the ends."""
        return self._low, self._high

    def sizeHint(self) -> QSize:
        """Return room for the strip and both ends."""
        low, high = self._ends()
        return QSize(round(low + high) + px(STRIP) + px(12), px(18))

    def minimumSizeHint(self) -> QSize:
        """Return the same: a cut range would be a wrong one."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw strip and range."""
        worn, (low, high) = theme(), self._ends()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            strip = QRectF(low + px(6), px(5), self.width() - low - high - px(12), self.height() - px(10))
            table = worn.sequential
            painter.drawImage(
                strip, QImage(table.tobytes(), len(table), 1, 4 * len(table), QImage.Format.Format_RGBA8888)
            )
            painter.setPen(QPen(worn.border, 1))
            painter.drawRect(strip)
            painter.setPen(worn.muted)
            painter.setFont(fonts.mono(SIZE))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, 0, low, self.height()), middle | Qt.AlignmentFlag.AlignRight, _power(self._low))
            box = QRectF(self.width() - high, 0, high, self.height())
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, _power(self._high))

    def _ends(self) -> tuple[float, float]:
        metrics = QFontMetricsF(fonts.mono(SIZE))
        return (
            metrics.horizontalAdvance(_power(self._low)) + 2,
            metrics.horizontalAdvance(_power(self._high)) + 2,
        )


def _power(value: int) -> str:
    return "1" if value == 0 else "10" if value == 1 else f"10{str(value).translate(RAISED)}"
