"""A sentence in which some words have a colour: the narration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.theme import px, theme
from gui.widgets.painted import Painted

# Of each role: the colour, the weight, the size as a share of the line's, how far it is lowered.
ROLES = {
    "text": ("text", 400, 1.0, 0.0),
    "strong": ("text", 600, 1.0, 0.0),
    "muted": ("muted", 400, 1.0, 0.0),
    "forward": ("forward", 600, 1.0, 0.0),
    "backward": ("backward", 600, 1.0, 0.0),
    "warning": ("warning", 600, 1.0, 0.0),
    "error": ("error", 600, 1.0, 0.0),
    "sub": ("text", 400, 0.75, 0.22),
    "sup": ("text", 400, 0.75, -0.36),
}
ELLIPSIS = "…"
_LOWERED = re.compile(r"(?<=\w)_([^\Wᵀ]+)|(ᵀ)")


@dataclass(frozen=True)
class _Piece:
    """A word, or the space between two, where it lies in the line."""

    text: str
    role: str
    width: float


class RichLine(Painted):
    """Shows segments of (text, role) on one line, or on several where that is allowed.

    What does not fit is written smaller, as far as that is allowed; then it ends in an ellipsis and is read in
    full in the tooltip and by a screen reader.

    Parameters
    ----------
    size : float
        The font size at a zoom of 1.
    lines : int
        How many lines it may take.
    least : float, optional
        The smallest font size; by default it is always the same.
    """

    def __init__(
        self, size: float = 15, lines: int = 1, parent: QWidget | None = None, least: float | None = None
    ) -> None:
        super().__init__(parent)
        self._size, self._most = size, max(1, lines)
        self._least = size if least is None else least
        self._fitted = size
        self._segments: tuple[tuple[str, str], ...] = ()
        self._pieces: list[_Piece] = []
        self._broken: tuple[int, list[list[_Piece]]] | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(lines > 1)
        self.setSizePolicy(policy)

    def set_segments(self, segments: Sequence[tuple[str, str]]) -> None:
        """Show these segments.

        Raises
        ------
        KeyError
            A role is none of `ROLES`.
        """
        for _, role in segments:
            if role not in ROLES:
                raise KeyError(f"role {role!r}: allowed are {', '.join(ROLES)}")
        wanted = tuple(segments)
        if wanted == self._segments:
            return
        hint = self.sizeHint()
        self._segments = wanted
        self.setAccessibleName(self.text())
        self.relayout()
        now = self.sizeHint()
        # Where its width is ignored, a layout would find the same places for everything: spare it the search.
        ignored = self.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Ignored
        if now.height() != hint.height() or (now.width() != hint.width() and not ignored):
            self.updateGeometry()
        self._tell()
        self.update()

    def set_size(self, size: float) -> None:
        """Write larger or smaller."""
        self._size = size
        self.relayout()
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        """Return the whole sentence."""
        return "".join(text for text, _ in self._segments)

    def elided(self) -> bool:
        """Tell whether some of it does not fit at the present width."""
        lines = self._lines(self.width())
        return bool(lines and lines[-1] and lines[-1][-1].text.endswith(ELLIPSIS))

    def relayout(self) -> None:
        """Measure every word again."""
        self._broken = None
        self._pieces = self._measured(self._size)

    def sizeHint(self) -> QSize:
        """Return the size of the sentence on one line."""
        width = sum(piece.width for piece in self._pieces)
        return QSize(round(width) + 2, self._line() * (1 if self._most == 1 else self._count(self.width())))

    def minimumSizeHint(self) -> QSize:
        """Return a narrow line: it is elided."""
        return QSize(px(80), self._line())

    def hasHeightForWidth(self) -> bool:
        """Tell that the number of lines depends on the width."""
        return self._most > 1

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines at a width."""
        return self._line() * self._count(width)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the lines."""
        worn, lines, height, zoom = theme(), self._lines(self.width()), self._line(), fonts.zoom()
        ascent, descent, _ = _measures(self._size, zoom)
        top = max(0.0, (self.height() - height * len(lines)) / 2)
        with QPainter(self) as painter:
            for index, line in enumerate(lines):
                base = top + index * height + (height + ascent - descent) / 2
                x, role, lowered = 0.0, "", 0.0
                for piece in line:
                    if piece.role != role:
                        role = piece.role
                        colour, _, _, lowered = ROLES[role]
                        painter.setFont(_font(role, self._fitted, zoom))
                        painter.setPen(worn.color(colour))
                    if piece.text != " ":
                        painter.drawText(QPointF(x, base + lowered * ascent), piece.text)
                    x += piece.width

    def resizeEvent(self, event: object) -> None:
        """Tell the whole sentence in the tooltip where it no longer fits."""
        self._broken = None
        self._tell()

    def _tell(self) -> None:
        tip = self.text() if self.elided() else ""
        if tip != self.toolTip():
            self.setToolTip(tip)

    def _line(self) -> int:
        return round(_measures(self._size, fonts.zoom())[2] * 1.2)

    def _count(self, width: int) -> int:
        return max(1, len(self._lines(width)))

    def _lines(self, width: int) -> list[list[_Piece]]:
        if self._broken is None or self._broken[0] != width:
            self._broken = (width, self._break(float(width), self._fit(width)))
        return self._broken[1]

    def _fit(self, width: int) -> list[_Piece]:
        """The words at the largest size at which they have room, or at the smallest."""
        pieces, self._fitted = self._pieces, self._size
        while self._fitted > self._least and sum(piece.width for piece in pieces) > width * self._most:
            self._fitted = max(self._least, self._fitted - 1)
            pieces = self._measured(self._fitted)
        return pieces

    def _measured(self, size: float) -> list[_Piece]:
        zoom = fonts.zoom()
        parts = [(part, role) for text, role in self._segments for part in _words(text)]
        return [_Piece(part, role, _width(part, role, size, zoom)) for part, role in parts]

    def _break(self, width: float, pieces: list[_Piece]) -> list[list[_Piece]]:
        lines: list[list[_Piece]] = [[]]
        used = 0.0
        # Pieces without a space between them stay together: a word and its index or its comma.
        for group in _groups(pieces):
            size = sum(piece.width for piece in group)
            blank = group[0].text.isspace()
            if used + size > width and not blank:
                if len(lines) == self._most or not lines[-1]:
                    return self._elide(lines, group, used, width)
                lines.append([])
                used = 0.0
            if blank and not used:
                continue
            lines[-1].extend(group)
            used += size
        return lines

    def _elide(self, lines: list[list[_Piece]], group: list[_Piece], used: float, width: float) -> list[list[_Piece]]:
        """End the last line with an ellipsis, between words: half a number would be a wrong one."""
        last = lines[-1] or group[:1]
        role = last[-1].role
        mark = _width(ELLIPSIS, role, self._fitted, fonts.zoom())
        kept = _groups(lines[-1])
        while kept and (used + mark > width or kept[-1][0].text.isspace()):
            used -= sum(piece.width for piece in kept.pop())
        lines[-1] = [piece for word in kept for piece in word]
        lines[-1].append(_Piece(ELLIPSIS, role, mark))
        return lines


@lru_cache(maxsize=64)
def _font(role: str, size: float, zoom: float) -> QFont:
    _, weight, share, _ = ROLES[role]
    return fonts.ui(size * share, weight)


@lru_cache(maxsize=64)
def _measures(size: float, zoom: float) -> tuple[float, float, float]:
    """Ascent, descent and height of the line's own letters."""
    metrics = QFontMetricsF(_font("text", size, zoom))
    return metrics.ascent(), metrics.descent(), metrics.height()


@lru_cache(maxsize=4096)
def _width(text: str, role: str, size: float, zoom: float) -> float:
    return QFontMetricsF(_font(role, size, zoom)).horizontalAdvance(text)


def _words(text: str) -> list[str]:
    """Part a text into words and the spaces between them; no-break spaces do not part."""
    parts: list[str] = []
    for sign in text:
        if parts and (sign == " ") == (parts[-1][-1] == " "):
            parts[-1] += sign
        else:
            parts.append(sign)
    return parts


def _groups(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    groups: list[list[_Piece]] = []
    for piece in pieces:
        blank = piece.text.startswith(" ")
        if groups and not blank and not groups[-1][-1].text.startswith(" "):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def lowered(text: str, role: str) -> list[tuple[str, str]]:
    """A segment of the narration with indices set lower: "W_h" is W and a small h, ᵀ a raised T; quoted words stay."""
    if role != "plain":
        return [(text, role)]
    roles = ("text", "sub", "sup")
    parts = enumerate(_LOWERED.split(text))
    return [("T" if at % 3 == 2 else part, roles[at % 3]) for at, part in parts if part]
