"""What a track of the score is, what it is painted on, and the register of those there are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from engine.format import full
from engine.registry import Registry
from gui import fonts, palette
from gui.frames.axis import Part, TimeAxis
from gui.frames.sheet import Sheet
from gui.palette import Theme

ROOMY = 44.0
"""Width of a column, at a unit of 1, from which on a step is drawn with everything about it."""
MOST_WORDS = 4000
"""So many widths of texts are kept for each font."""
NARROW = 12.0
"""Below this width steps run into one another: a picture, no cells."""


@dataclass(frozen=True)
class Hit:
    """What lies under the mouse.

    Attributes
    ----------
    prefix : str
        The lane, or "output".
    step : int
        Of the lane's part, or of the outputs.
    unit : int or None
    name : str
    gradient : bool
    """

    prefix: str
    step: int
    unit: int | None = None
    name: str = "h"
    gradient: bool = False


@dataclass(frozen=True)
class Stage:
    """Where a track is painted, and how far the computation has come.

    Attributes
    ----------
    sheet : Sheet
        The run.
    axis : TimeAxis
    position : float
        The cursor's, with the share of the operations under way.
    phase : str
        "" before the first step, "forward", "loss" or "backward".
    column : int or None
        Where the playhead stands.
    top, height : float
        The track's strip.
    left, right : float
        What has to be painted, in x.
    unit : float
        Pixels of a length of 1: zoom times the scale of the projector.
    preview : bool
        Whether norms that are not computed yet are shown dashed.
    ratio : float
        Device pixels in a pixel.
    least : float
        No letter is smaller than this many pixels.
    fold : float
        How far the unrolled diagram is rolled up: 0 not at all, 1 into one cell.
    lit : str
        The weight that is lit wherever it is used; empty: none.
    """

    sheet: Sheet
    axis: TimeAxis
    position: float
    phase: str
    column: int | None
    top: float
    height: float
    left: float
    right: float
    unit: float = 1.0
    preview: bool = False
    ratio: float = 1.0
    least: float = 0.0
    fold: float = 0.0
    lit: str = ""

    @property
    def theme(self) -> Theme:
        """The theme that is worn."""
        return palette.current()

    @property
    def bottom(self) -> float:
        """The strip's lower edge."""
        return self.top + self.height

    @property
    def roomy(self) -> bool:
        """Whether columns are wide enough for everything."""
        return self.axis.column >= ROOMY * self.unit

    @property
    def narrow(self) -> bool:
        """Whether columns run into one another."""
        return self.axis.column < NARROW * self.unit

    def px(self, length: float) -> float:
        """A length in pixels."""
        return length * self.unit

    def type(self, size: float) -> float:
        """The height of letters in pixels: for a projector never below what the back row reads."""
        return max(self.least, size * self.unit)

    def exposed(self) -> Iterator[tuple[Part, int, int]]:
        """The columns that have to be painted, part by part; not those of which less than half a pixel is."""
        slack = 0.49 / self.ratio if self.roomy and not self.fold else 0.0
        return self.axis.exposed(self.left + slack, self.right - slack)

    def columns(self) -> range:
        """The columns that have to be painted, gaps passed over."""
        found = [(low, high) for _, low, high in self.exposed()]
        return range(found[0][0], found[-1][1]) if found else range(0)


@dataclass(frozen=True)
class Move:
    """A move of the playhead.

    Attributes
    ----------
    low, high : float
        The lesser and the greater of the two positions: what is computed at low <= p < high comes or goes.
    columns : tuple of int
        Those of the events between, and ``ends``.
    ends : tuple of int
        Which the playhead leaves and which it reaches; none where it stays.
    """

    low: float
    high: float
    columns: tuple[int, ...]
    ends: tuple[int, ...]

    def among(self, positions: np.ndarray, first: int = 0) -> list[int]:
        """The columns, counted from ``first``, of the steps whose positions it passes."""
        return [int(step) + first for step in np.flatnonzero((positions >= self.low) & (positions < self.high))]


class Track:
    """One track: how tall it likes to be, how it is painted, what lies where in it.

    Attributes
    ----------
    id : str
        By which settings remember it.
    title, subtitle : str
        What the gutter says.
    group : str
        Under which the menu lists it; empty: at the top.
    shown : bool
        Whether it is there at first.
    centred : bool
        Whether its title stands at half its height rather than at its top.
    minimum, natural : float
        Heights at a unit of 1: below the first it cannot be read, at the second it is at ease.
    stretch : float
        Its share of height that is left over.
    folded : float
        The height of which it makes do where steps run into one another; 0: it stays as tall.
    """

    id = ""
    title = ""
    subtitle = ""
    group = ""
    shown = True
    centred = False
    minimum = 40.0
    natural = 60.0
    stretch = 1.0
    folded = 0.0

    @property
    def kind(self) -> str:
        """Its id without the lane: what all lanes' tracks of a sort share."""
        parts = self.id.split(":")
        return ":".join(parts[:1] + parts[3:])

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw what lies between ``stage.left`` and ``stage.right``."""
        raise NotImplementedError

    def touched(self, move: Move) -> Sequence[tuple[int, int]]:
        """Which columns a move changes, as stretches (first, last); asked where columns are roomy."""
        return [(column - 1, column + 1) for column in move.columns]

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """What lies at a point."""
        return None

    def heading(self, stage: Stage) -> str:
        """What it is called as it stands now."""
        return self.title

    def outlines(self, stage: Stage, chosen: Hit) -> Sequence[QRectF]:
        """Where a selected thing is seen in this track."""
        return ()

    def tip(self, stage: Stage, hit: Hit) -> str:
        """What is said of a thing under the mouse; empty: its value, where it is computed."""
        return ""

    def legend(self) -> float | None:
        """The scale of the diverging map it is drawn in; None where it has none."""
        return None

    def marks(self, stage: Stage) -> Sequence[tuple[float, str]]:
        """What the gutter writes beside it: (y, text)."""
        return ()

    def note(self, stage: Stage) -> str:
        """A line about where the playhead stands; empty where there is nothing to say."""
        return ""

    def is_handle(self) -> bool:
        """Whether dragging along it moves the playhead."""
        return False


Make = Callable[[Sheet], Sequence[Track]]

tracks: Registry[Make] = Registry("gui.tracks", "track")
"""What makes the tracks of a run: each entry gives one or several, a lane or a name each."""


def available(sheet: Sheet) -> list[Track]:
    """Every track that a run has, in the order they are shown at first."""
    made = [track for make in tracks for track in make(sheet)]
    return sorted(made, key=lambda track: ORDER.index(track.id.partition(":")[0]))


ORDER = ("output", "diagram", "tokens", "state", "gradient", "norm", "loss", "saturation", "value")
"""The kinds of track from the top down; a kind that is not listed comes last."""


def lane_words(sheet: Sheet, layer: int, direction: str) -> str:
    """How a lane is told from the others, where there are others: "layer 2 ←"."""
    several = sheet.directions[-1][0] > 0
    both = sheet.directions[-1][1] == "reverse"
    words = []
    if several:
        words.append(QCoreApplication.translate("tracks", "layer {}").format(layer + 1))
    if both:
        words.append("←" if direction == "reverse" else "→")
    return " ".join(words)


def value_tip(stage: Stage, hit: Hit) -> str:
    """Key, unit, step and the exact value of what lies under the mouse; a slot says that it is empty."""
    sheet, trace = stage.sheet, stage.sheet.trace
    key = f"{hit.prefix}.{hit.name}"
    name = f"∂L/∂{key}" if hit.gradient else key
    column = column_of(sheet, hit)
    word = sheet.words.columns[column] if column < len(sheet.words.columns) else ""
    place = QCoreApplication.translate("tracks", "step {}").format(hit.step + 1) + (f" “{word}”" if word else "")
    if not reached(stage, hit):
        return QCoreApplication.translate("tracks", "{name} at {place}: not computed yet").format(
            name=name, place=place
        )
    values = (trace.grad if hit.gradient else trace.value)(key)[hit.step, sheet.words.sequence]
    if hit.unit is None:
        size = QCoreApplication.translate("tracks", "{} numbers").format(len(values))
        return f"{name} · {place} · {size}"
    return f"{name}[{hit.unit + 1}] · {place} = {full(values[hit.unit])}"


def column_of(sheet: Sheet, hit: Hit) -> int:
    """The score's column of a thing."""
    if hit.prefix == "output":
        return int(sheet.outputs.columns[hit.step])
    return sheet.trace.timeline.offset(sheet.trace.lanes[hit.prefix].part) + hit.step


def reached(stage: Stage, hit: Hit) -> bool:
    """Whether a thing is computed."""
    progress = stage.sheet.progress
    if hit.prefix == "output":
        return bool(progress.outputs[hit.step] < stage.position)
    return bool(progress.named(hit.prefix, hit.name, hit.gradient)[hit.step] < stage.position)


# Letters ------------------------------------------------------------------------------------------------


class Face:
    """A font and its measures; the width of a text is measured once.

    Attributes
    ----------
    font : QFont
    metrics : QFontMetricsF
    height, cap : float
        Of a line, and of a capital letter.
    """

    def __init__(self, font: QFont) -> None:
        self.font, self.metrics = font, QFontMetricsF(font)
        self.height, self.cap = self.metrics.height(), self.metrics.capHeight()
        self._widths: dict[str, float] = {}

    def width(self, text: str) -> float:
        """How wide a text is."""
        found = self._widths.get(text)
        if found is None:
            if len(self._widths) > MOST_WORDS:
                self._widths.clear()
            found = self._widths[text] = self.metrics.horizontalAdvance(text)
        return found


@lru_cache(maxsize=128)
def _face(family: str, px: int, weight: int) -> Face:
    if family == "math":
        return Face(fonts.math(px, scaled=False))
    return Face((fonts.mono if family == "mono" else fonts.ui)(px, weight, scaled=False))


def face(family: str, px: float, weight: int = 400) -> Face:
    """A font ("ui", "mono", "math") of a height in pixels, and its measures; both kept."""
    return _face(family, round(px), weight)


def write(painter: QPainter, at: QPointF, text: str, kind: Face, colour: QColor, align: str = "left") -> float:
    """Write on one line, its middle at the point's y; return the text's width."""
    width = kind.width(text)
    x = at.x() - {"left": 0.0, "centre": width / 2, "right": width}[align]
    painter.setFont(kind.font)
    painter.setPen(colour)
    painter.drawText(QPointF(x, at.y() + kind.cap / 2), text)
    return width


def beginning(kind: Face, text: str, room: float) -> str:
    """The text, or as many of its first letters as there is room for; one at least."""
    # A word may have thousands of letters: only about as many are measured as there is room for, and none are kept.
    measure, most = kind.metrics.horizontalAdvance, 2
    while most < len(text) and measure(text[:most]) <= room:
        most *= 2
    fits = bisect_right(range(2, min(most, len(text)) + 1), room, key=lambda letters: measure(text[:letters]))
    return text[: 1 + fits]


def elided(kind: Face, text: str, room: float) -> str:
    """The text, shortened with an ellipsis where it has no room; empty where not even that fits."""
    if kind.width(text) <= room:
        return text
    short = kind.metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    return "" if short in ("…", "") else short
