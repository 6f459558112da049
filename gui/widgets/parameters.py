"""Every parameter with its shape and its count, in columns of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.format import count, shape
from gui.theme import px, theme
from gui.widgets.painted import Painted

SIZE, GAP = 11, 14


@dataclass(frozen=True)
class _Columns:
    name: float
    shape: float
    count: float
    line: float


class ParameterTable(Painted):
    """Rows of (name, shape), each with its count, and a note below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, str, str]] = []
        self._note = ""
        self._columns: _Columns | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_rows(self, rows: Sequence[tuple[str, tuple[int, ...]]], note: str = "") -> None:
        """Show parameters by name and shape; the note is a line such as "shared by all 7 steps"."""
        self._rows = []
        for name, sizes in rows:
            total = 1
            for size in sizes:
                total *= size
            self._rows.append((name, shape(sizes), count(total)))
        self._note = note
        self._columns = None
        spoken = [f"{name} {sizes}: {total}" for name, sizes, total in self._rows]
        self.setAccessibleName(", ".join([*spoken, note] if note else spoken))
        self.updateGeometry()
        self.update()

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the rows as they are written: name, shape, count."""
        return list(self._rows)

    def relayout(self) -> None:
        """Measure the columns again."""
        self._columns = None

    def sizeHint(self) -> QSize:
        """Return room for all rows and the note."""
        columns = self._measured()
        lines = len(self._rows) + bool(self._note)
        width = columns.name + columns.shape + columns.count + 2 * px(GAP)
        width = max(width, QFontMetricsF(fonts.mono(SIZE)).horizontalAdvance(self._note))
        return QSize(round(width) + 1, round(lines * columns.line))

    def minimumSizeHint(self) -> QSize:
        """Return the height of all rows; a long name is cut with an ellipsis."""
        return QSize(px(120), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows that are to be painted."""
        worn, columns = theme(), self._measured()
        painter = QPainter(self)
        font = fonts.mono(SIZE)
        metrics = QFontMetricsF(font)
        painter.setFont(font)
        room = self.width() - columns.shape - columns.count - 2 * px(GAP)
        first = min(columns.name, room)
        second = first + px(GAP)
        right = second + columns.shape + px(GAP) + columns.count
        for index, (name, sizes, total) in enumerate(self._rows):
            area = QRectF(0, index * columns.line, right, columns.line)
            if not area.intersects(QRectF(event.rect())):
                continue
            base = area.top() + (columns.line + metrics.ascent() - metrics.descent()) / 2
            painter.setPen(worn.text)
            short = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, first + 1)
            painter.drawText(QPointF(0, base), short)
            painter.setPen(worn.muted)
            painter.drawText(QPointF(second, base), sizes)
            painter.drawText(QPointF(right - metrics.horizontalAdvance(total), base), total)
        if self._note:
            painter.setPen(worn.muted)
            top = len(self._rows) * columns.line
            area = QRectF(0, top, self.width(), columns.line)
            note = metrics.elidedText(self._note, Qt.TextElideMode.ElideRight, self.width())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, note)
        painter.end()

    def _measured(self) -> _Columns:
        if self._columns is None:
            metrics = QFontMetricsF(fonts.mono(SIZE))
            names, shapes, counts = (
                max((metrics.horizontalAdvance(row[column]) for row in self._rows), default=0.0) for column in range(3)
            )
            self._columns = _Columns(names, shapes, counts, metrics.height() + px(5))
        return self._columns
