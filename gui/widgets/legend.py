"""The scale of signed values: the map, its two ends and its zero."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.format import number
from gui.theme import px, theme
from gui.widgets.painted import Painted

SIZE = 10


class ScaleLegend(Painted):
    """A strip of the diverging map from −scale to +scale, its range written at the ends."""

    def __init__(self, scale: float = 1.0, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale = scale
        self._name = name
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.set_scale(scale, name)

    def scale(self) -> float:
        """Return the magnitude of the ends."""
        return self._scale

    def set_scale(self, scale: float, name: str = "") -> None:
        """Show another range; the name is what is measured."""
        self._scale, self._name = scale, name or self._name
        low, high = number(-scale, 2), number(scale, 2)
        text = self.tr("{low} (purple) to {high} (green)").format(low=low, high=high)
        self.setAccessibleName(f"{self._name}: {text}" if self._name else text)
        self.setToolTip(self.accessibleName())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for the strip and both ends."""
        return QSize(px(72) + 2 * self._end() + 2 * px(6), px(18))

    def minimumSizeHint(self) -> QSize:
        """Return room for both ends, since a cut range would be a wrong one, and a shorter strip."""
        return QSize(px(30) + 2 * self._end() + 2 * px(6), px(18))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw strip, range and the mark of zero."""
        worn = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area, end = QRectF(self.rect()), self._end()
        strip = area.adjusted(end + px(6), px(5), -end - px(6), -px(5))
        table = worn.diverging
        image = QImage(table.tobytes(), len(table), 1, 4 * len(table), QImage.Format.Format_RGBA8888)
        painter.drawImage(strip, image)
        painter.setPen(QPen(worn.border, 1))
        painter.drawRect(strip)
        painter.setPen(QPen(worn.text, 1))
        middle = strip.center().x()
        painter.drawLine(round(middle), round(strip.top()) - 2, round(middle), round(strip.bottom()) + 2)
        painter.setFont(fonts.mono(SIZE))
        painter.setPen(worn.muted)
        middle_line = Qt.AlignmentFlag.AlignVCenter
        left = QRectF(0, 0, end, area.height())
        painter.drawText(left, middle_line | Qt.AlignmentFlag.AlignRight, number(-self._scale, 2))
        right = QRectF(area.width() - end, 0, end, area.height())
        painter.drawText(right, middle_line | Qt.AlignmentFlag.AlignLeft, number(self._scale, 2))
        painter.end()

    def _end(self) -> int:
        return round(QFontMetricsF(fonts.mono(SIZE)).horizontalAdvance(number(-self._scale, 2))) + 1
