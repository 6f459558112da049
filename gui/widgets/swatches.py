"""A key to colours: small squares with their names, on as many lines as they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.theme import px, theme
from gui.widgets.painted import Painted

SIZE, LINE, SQUARE, GAP = 11, 18, 10, 12


class Swatches(Painted):
    """Shows names beside their colours; a name may stand beside a mark rather than a square."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[tuple[str, Callable[[], QColor], bool]] = []
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_entries(self, entries: Sequence[tuple[str, Callable[[], QColor]]], mark: str = "") -> None:
        """Show these names and colours, and at the end the name of the mark."""
        self._entries = [(text, colour, False) for text, colour in entries]
        if mark:
            self._entries.append((mark, lambda: theme().text, True))
        self.setAccessibleName(", ".join(text for text, _, _ in self._entries))
        self.updateGeometry()
        self.update()

    def entries(self) -> list[str]:
        """Return the names."""
        return [text for text, _, _ in self._entries]

    def hasHeightForWidth(self) -> bool:
        """It breaks into lines."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width."""
        places = self._places(width)
        return round(places[-1].y() + px(LINE)) if places else 0

    def sizeHint(self) -> QSize:
        """Return room at an ordinary width."""
        return QSize(px(260), self.heightForWidth(px(260)))

    def minimumSizeHint(self) -> QSize:
        """Return room at a small width."""
        return QSize(px(120), px(LINE))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw squares and names."""
        worn = theme()
        with QPainter(self) as painter:
            painter.setFont(fonts.ui(SIZE))
            for place, (text, colour, mark) in zip(self._places(self.width()), self._entries, strict=True):
                box = QRectF(place.x(), place.y() + (px(LINE) - px(SQUARE)) / 2, px(SQUARE), px(SQUARE))
                if mark:
                    painter.setPen(QPen(colour(), max(1.5, px(2))))
                    middle = box.center().y()
                    painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))
                else:
                    painter.fillRect(box, colour())
                painter.setPen(worn.muted)
                line = QRectF(box.right() + px(5), place.y(), self.width(), px(LINE))
                painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _places(self, width: int) -> list[QPointF]:
        metrics, x, y, found = QFontMetricsF(fonts.ui(SIZE)), 0.0, 0.0, []
        for text, _, _ in self._entries:
            wide = px(SQUARE) + px(5) + metrics.horizontalAdvance(text)
            if x and x + wide > width:
                x, y = 0.0, y + px(LINE)
            found.append(QPointF(x, y))
            x += wide + px(GAP)
        return found
