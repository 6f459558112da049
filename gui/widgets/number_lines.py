"""Lines of figures in which some have a colour; a long line goes on below, set in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.theme import px, theme
from gui.widgets.painted import Painted

# Of each role: the colour and the weight.
ROLES = {
    "muted": ("muted", 400),
    "strong": ("text", 500),
    "result": ("forward", 700),
    "backward": ("backward", 700),
    "warning": ("warning", 500),
}
Segments = Sequence[tuple[str, str]]


class NumberLines(Painted):
    """Shows lines of (text, role) segments in the font of numbers.

    It keeps the height of the tallest it has shown, so that nothing below jumps from step to step, until
    `forget`.

    Parameters
    ----------
    size : float
        The font size at a zoom of 1.
    """

    def __init__(self, size: float = 11, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self._lines: tuple[tuple[tuple[str, str], ...], ...] = ()
        self._kept: dict[int, list[tuple[float, list[tuple[str, str]]]]] = {}
        self._most = 0
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_lines(self, lines: Sequence[Segments]) -> None:
        """Show these lines."""
        wanted = tuple(tuple(line) for line in lines)
        if wanted == self._lines:
            return
        self._lines = wanted
        self._kept.clear()
        self.setAccessibleName("; ".join(self.texts()))
        rows = len(self._broken(self.width()))
        if rows > self._most:
            self.updateGeometry()
        self.update()

    def texts(self) -> list[str]:
        """Return the lines as text."""
        return ["".join(text for text, _ in line) for line in self._lines]

    def forget(self) -> None:
        """Take only as much room as the next lines need."""
        self._most = 0
        self.updateGeometry()

    def relayout(self) -> None:
        """Take only as much room as is needed at the new size."""
        self._kept.clear()
        self._most = 0

    def resizeEvent(self, event: object) -> None:
        """Take only as much room as is needed at the new width."""
        self._most = 0
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return room for the lines."""
        return QSize(px(240), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Return a narrow width: long lines go on below."""
        return QSize(px(120), self._line())

    def hasHeightForWidth(self) -> bool:
        """Tell that the height depends on the width."""
        return True

    def heightForWidth(self, room: int) -> int:
        """Return the height at a width."""
        rows = len(self._broken(room))
        if room == self.width():
            rows = self._most = max(self._most, rows)
        return rows * self._line()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the lines."""
        worn = theme()
        with QPainter(self) as painter:
            metrics = _metrics(self._size, fonts.zoom())
            for at, (indent, parts) in enumerate(self._broken(self.width())):
                x = indent
                base = at * self._line() + (self._line() + metrics.ascent() - metrics.descent()) / 2
                for text, role in parts:
                    colour, weight = ROLES[role]
                    painter.setFont(_font(self._size, weight, fonts.zoom()))
                    painter.setPen(worn.color(colour))
                    painter.drawText(QPointF(x, base), text)
                    x += _width(text, self._size, fonts.zoom())

    def _line(self) -> int:
        return round(_metrics(self._size, fonts.zoom()).height() * 1.28)

    def _broken(self, room: int) -> list[tuple[float, list[tuple[str, str]]]]:
        """The lines at a width, each with its indent; a layout asks for them many times."""
        if room not in self._kept:
            self._kept[room] = self._break(room)
        return self._kept[room]

    def _break(self, room: int) -> list[tuple[float, list[tuple[str, str]]]]:
        size, zoom = self._size, fonts.zoom()
        found: list[tuple[float, list[tuple[str, str]]]] = []
        for line in self._lines:
            x = 0.0
            row: tuple[float, list[tuple[str, str]]] = (0.0, [])
            for group in _groups(line, room, size, zoom):
                need = sum(_width(text, size, zoom) for text, _ in group)
                bare = sum(_width(text, size, zoom) for text, _ in group if text != " ")
                if x and x + bare > room:
                    found.append(row)
                    x = float(px(14))
                    row = (x, [])
                    group = [(text, role) for text, role in group if text != " "]
                row[1].extend(group)
                x += need
            found.append(row)
        return found


@lru_cache(maxsize=32)
def _font(size: float, weight: int, zoom: float) -> QFont:
    return fonts.mono(size, weight)


@lru_cache(maxsize=32)
def _metrics(size: float, zoom: float) -> QFontMetricsF:
    return QFontMetricsF(_font(size, 500, zoom))


@lru_cache(maxsize=4096)
def _width(text: str, size: float, zoom: float) -> float:
    return _metrics(size, zoom).horizontalAdvance(text)


def _groups(line: Segments, room: float, size: float, zoom: float) -> list[list[tuple[str, str]]]:
    """Part a line where it may be broken: before a sum's sign, and within a term that is too long for a line."""
    groups: list[list[tuple[str, str]]] = []
    for term in _parted(line, "+−=→"):
        long = px(14) + sum(_width(text, size, zoom) for text, _ in term) > room
        groups += _parted(term, "·×") if long else [term]
    return groups


def _parted(line: Segments, signs: str) -> list[list[tuple[str, str]]]:
    """Part a line before each of these signs that stands between spaces."""
    groups: list[list[tuple[str, str]]] = [[]]
    for text, role in line:
        if text[:1] == " " and text.strip() and text.strip()[0] in signs:
            groups.append([])
            text = text.lstrip(" ")
            groups[-1].append((" ", role))
        groups[-1].append((text, role))
    return groups
