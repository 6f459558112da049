"""One line of mathematics set from runs in the mathematical font, at no cost a step.

Whole LaTeX is for `gui.mathematics`; this is for equations whose indices change with the playhead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts
from gui.theme import px, theme
from gui.widgets.painted import Painted

INDEX, LOWER, RAISE = 0.7, 0.18, 0.36
RELATIONS = "=+−⊙·→"
SMALLEST = 0.8
"""How far a line is made smaller before it is broken."""


@dataclass(frozen=True)
class Run:
    """A symbol with what stands below and above it; roman where `italic` is False."""

    text: str
    below: str = ""
    above: str = ""
    italic: bool = True
    role: str = "text"

    @property
    def spoken(self) -> str:
        """It as text."""
        return self.text + (f"_{self.below}" if self.below else "") + (f"^{self.above}" if self.above else "")


def sign(text: str) -> Run:
    """A roman sign or word."""
    return Run(text, italic=False)


def width(run: Run, size: float) -> float:
    """How wide a run is, with the space around a relation."""
    return _typeset(run.text, run.below, run.above, run.italic, size)[0]


def paint(painter: QPainter, run: Run, x: float, base: float, size: float) -> float:
    """Draw a run from x on a baseline; return where the next one begins."""
    painter.setPen(theme().color(run.role))
    wide, parts = _typeset(run.text, run.below, run.above, run.italic, size)
    for font, right, down, text in parts:
        painter.setFont(font)
        painter.drawText(QPointF(x + right, base + down), text)
    return x + wide


@lru_cache(maxsize=4096)
def _typeset(
    text: str, below: str, above: str, italic: bool, size: float
) -> tuple[float, tuple[tuple[QFont, float, float, str], ...]]:
    """How wide a run is, and its letters: font, how far to the right and down, text."""
    low = _advance(below, size * INDEX, _slanted(below))
    high = _advance(above, size * INDEX, False)
    own = _advance(text, size, italic)
    space = 0.5 * size if text in RELATIONS else 0.16 * size if below or above else 0.0
    left = space / 2
    parts = [(_font(size, italic), left, 0.0, text)]
    if below:
        parts.append((_font(size * INDEX, _slanted(below)), left + own, LOWER * size, below))
    if above:
        parts.append((_font(size * INDEX, False), left + own, -RAISE * size, above))
    return own + max(low, high) + space, tuple(parts)


def _slanted(index: str) -> bool:
    # Letters of an index are variables or names (W_ih): italic; figures are upright.
    return not index.lstrip("-").isdigit()


@lru_cache(maxsize=64)
def _font(size: float, italic: bool) -> QFont:
    return fonts.math(size, italic, scaled=False)


@lru_cache(maxsize=4096)
def _advance(text: str, size: float, italic: bool) -> float:
    return QFontMetricsF(_font(size, italic)).horizontalAdvance(text) if text else 0.0


class MathLine(Painted):
    """Shows an equation as runs; too long for the width it is made smaller, then broken before a relation.

    Parameters
    ----------
    size : float
        The font size at a zoom of 1.
    """

    def __init__(self, size: float = 17, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self._runs: tuple[Run, ...] = ()
        self._kept: dict[int, tuple[float, list[list[Run]]]] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_runs(self, runs: Sequence[Run]) -> None:
        """Show another equation."""
        runs = tuple(runs)
        if runs == self._runs:
            return
        height = self.heightForWidth(self.width())
        self._runs = runs
        self.relayout()
        self.setAccessibleName(" ".join(run.spoken for run in runs))
        if self.heightForWidth(self.width()) != height:
            self.updateGeometry()
        self.update()

    def relayout(self) -> None:
        """Break the lines again."""
        self._kept.clear()

    def runs(self) -> tuple[Run, ...]:
        """Return what is shown."""
        return self._runs

    def sizeHint(self) -> QSize:
        """Return the size on one line."""
        size = self._size * fonts.zoom()
        return QSize(round(sum(width(run, size) for run in self._runs)) + 2, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Return a narrow line: it is broken."""
        return QSize(px(100), self._line())

    def hasHeightForWidth(self) -> bool:
        """Tell that the number of lines depends on the width."""
        return True

    def heightForWidth(self, room: int) -> int:
        """Return the height of all lines at a width."""
        return self._line() * max(1, len(self._broken(room)[1]))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the lines, each but the first set in."""
        size, lines = self._broken(self.width())
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for at, line in enumerate(lines):
                x, base = (1.5 * size if at else 1.0), at * self._line() + self._line() * 0.66
                for run in line:
                    x = paint(painter, run, x, base, size)

    def _line(self) -> int:
        return round(self._size * fonts.zoom() * 1.55)

    def _broken(self, room: int) -> tuple[float, list[list[Run]]]:
        """The font size and the lines at a width; a layout asks for them many times."""
        if room not in self._kept:
            self._kept[room] = self._break(room)
        return self._kept[room]

    def _break(self, room: int) -> tuple[float, list[list[Run]]]:
        size = self._size * fonts.zoom()
        whole = sum(width(run, size) for run in self._runs)
        if whole <= room - 2:
            return size, [list(self._runs)]
        if whole * SMALLEST <= room - 2:
            return size * (room - 2) / whole * 0.995, [list(self._runs)]
        size *= SMALLEST
        lines: list[list[Run]] = [[]]
        used = 1.0
        for group in _groups(self._runs):
            need = sum(width(run, size) for run in group)
            if used + need > room - 2 and lines[-1]:
                lines.append([])
                used = 1.5 * size
            lines[-1] += group
            used += need
        return size, lines


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Part an equation where it may be broken: before a plus, a minus or an equals sign."""
    groups: list[list[Run]] = []
    for run in runs:
        if not groups or run.text in "=+−":
            groups.append([])
        groups[-1].append(run)
    return groups
