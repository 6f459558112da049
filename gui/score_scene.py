"""What the score shows and where: run, playhead, tracks and the time axis. No widget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.events import Event
from gui.frames.axis import TimeAxis, parts
from gui.frames.sheet import Sheet
from gui.score_layout import MARGIN, Strip, chosen, lay_out
from gui.tracks.base import NARROW, ROOMY, Hit, Stage, Track, available

READABLE = 64.0
"""Width of a column, at a unit of 1, where not all fit."""
WIDEST = 300.0
"""A column is no wider than this, or than so much of a short sequence as looks well."""
GAP = 26.0
EDGE = 10.0
"""Free on either side of the columns."""


class Scene:
    """The score's geometry.

    Attributes
    ----------
    sheet : Sheet or None
        The run.
    available, shown : list of Track
    axis : TimeAxis
    strips : list of Strip
    position : float
        The cursor's, with the share of the operations under way.
    event : Event or None
        What happened last.
    preview : bool
        Whether norms that are not computed yet are shown dashed.
    fold, lit : float, str
        How far the diagram is rolled up, and which weight is lit in it.
    scrolls : bool
        Whether tracks that are too tall together scroll; else they give way below their minimum.
    """

    def __init__(self, unit: float = 1.0, least: float = 0.0) -> None:
        self.unit, self.least = unit, least
        self.sheet: Sheet | None = None
        self.available: list[Track] = []
        self.shown: list[Track] = []
        self.names: Sequence[str] | None = None
        self.sizes: dict[str, float] = {}
        self.axis = TimeAxis()
        self.strips: list[Strip] = []
        self.position = 0.0
        self.event: Event | None = None
        self.width, self.height, self.offset = 0.0, 0.0, 0.0
        self.preview = False
        self.fold, self.lit = 0.0, ""
        self.scrolls = True
        self._own_width = False

    def px(self, length: float) -> float:
        """A length in pixels."""
        return length * self.unit

    @property
    def edge(self) -> int:
        """Free pixels on either side of the columns."""
        return round(self.px(EDGE))

    # What is shown --------------------------------------------------------------------------------------

    def set_sheet(self, sheet: Sheet | None) -> None:
        """Show another run; a width of columns that the user chose stays where the run is as long."""
        old = self.axis.parts
        self.sheet = sheet
        self.available = [] if sheet is None else available(sheet)
        new = () if sheet is None else parts(sheet.trace.timeline)
        self.axis = replace(self.axis, parts=new)
        if new != old:
            self._own_width = False
        self.choose(self.names)

    def choose(self, names: Sequence[str] | None) -> None:
        """Show these tracks, by ids or kinds; None: those of the beginning."""
        self.names = names
        self.shown = chosen(self.available, names)
        self.arrange()

    def set_unit(self, unit: float, least: float = 0.0) -> None:
        """Draw everything larger or smaller."""
        share = unit / self.unit
        self.unit, self.least = unit, least
        self.sizes = {id: size * share for id, size in self.sizes.items()}
        self._own_width = False
        self.arrange()

    def resize(self, width: float, height: float) -> None:
        """Take so much room."""
        self.width, self.height = width, height
        self.arrange()

    def arrange(self) -> None:
        """Lay everything out anew."""
        axis = replace(self.axis, gap=self.px(GAP), width=max(1.0, self.width - 2 * self.edge))
        if not self._own_width:
            fitting = axis.fitting
            widest = max(self.px(WIDEST), axis.width * 0.4)
            column = min(fitting, widest) if fitting >= self.px(ROOMY) else self.px(READABLE)
            axis = replace(axis, column=column)
        self.axis = axis.scrolled(round(axis.scroll))
        self._stack()

    def _stack(self) -> None:
        narrow = self.axis.column < NARROW * self.unit
        self.strips = lay_out(self.shown, self.sizes, self.height, self.unit, narrow, self.scrolls)
        self.scroll_down(self.offset)

    # Room ------------------------------------------------------------------------------------------------

    @property
    def tall(self) -> float:
        """The height of all tracks together."""
        return self.strips[-1].bottom + self.px(MARGIN) if self.strips else 0.0

    @property
    def lowest(self) -> float:
        """The largest vertical offset."""
        return max(0.0, round(self.tall - self.height))

    def scroll_down(self, offset: float) -> None:
        """Scroll vertically to an offset."""
        self.offset = min(self.lowest, max(0.0, round(offset)))

    def scroll_to(self, scroll: float) -> None:
        """Scroll along the time axis, to whole pixels."""
        self.axis = self.axis.scrolled(round(scroll))

    def zoom(self, factor: float, x: float) -> None:
        """Make columns wider or narrower around an x of the canvas; never narrower than all in view."""
        least = min(self.axis.fitting, self.axis.column)
        column = max(least, self.axis.column * factor)
        self._own_width = column > self.axis.fitting * 1.001 or column < self.px(ROOMY)
        zoomed = self.axis.zoomed(column, x - self.edge)
        self.axis = zoomed.scrolled(round(zoomed.scroll))
        self._stack()

    def fit(self) -> None:
        """Show every column at once."""
        self._own_width = True
        self.axis = replace(self.axis, column=self.axis.fitting, scroll=0.0)
        self._stack()

    def set_height(self, id: str, height: float) -> None:
        """Give one track a height of its own."""
        self.sizes[id] = height
        self.arrange()

    # The playhead ----------------------------------------------------------------------------------------

    @property
    def column(self) -> int | None:
        """The playhead's column."""
        return None if self.event is None else self.event.column

    def set_position(self, position: float, event: Event | None) -> None:
        """Move the playhead."""
        self.position, self.event = position, event

    def follow(self) -> bool:
        """Bring the playhead into view, a third of the view ahead of it; tell whether that moved anything."""
        if self.column is None or self.axis.furthest == 0:
            return False
        axis, margin = self.axis, min(self.axis.column, self.axis.width / 4)
        left, right = axis.left(self.column), axis.right(self.column)
        if left >= margin and right <= axis.width - margin:
            return False
        back = self.event is not None and self.event.phase == "backward"
        ahead = axis.width * (0.7 if back else 0.3) - axis.column / 2
        moved = axis.scrolled(round(axis.scroll + left - ahead))
        if moved.scroll == axis.scroll:
            return False
        self.axis = moved
        return True

    # Asking ----------------------------------------------------------------------------------------------

    def stage(self, strip: Strip, left: float, right: float, ratio: float = 1.0) -> Stage:
        """What a strip's track is painted on; x is counted from the first edge of the columns' room."""
        assert self.sheet is not None
        edge = self.edge
        phase = self.event.phase if self.event else ""
        return Stage(
            self.sheet, self.axis, self.position, phase, self.column, strip.top - self.offset, strip.height,
            left - edge, right - edge, self.unit, self.preview, ratio, self.least, self.fold, self.lit,
        )  # fmt: skip

    def strip_at(self, y: float) -> Strip | None:
        """The strip at a height of the canvas."""
        y += self.offset
        half = self.px(3)
        return next((s for s in self.strips if s.top - half <= y < s.bottom + half), None)

    def boundary_at(self, y: float, near: float = 4.0) -> Strip | None:
        """The strip whose lower edge is at a height of the canvas; dragging it resizes it."""
        y += self.offset
        return next((s for s in self.strips if abs(s.bottom + self.px(3) - y) <= near), None)

    def column_at(self, x: float) -> int | None:
        """The column at an x of the canvas."""
        return None if self.sheet is None else self.axis.at(x - self.edge)

    def hit(self, x: float, y: float) -> tuple[Strip, Stage, Hit | None] | None:
        """What lies at a point of the canvas."""
        strip = self.strip_at(y)
        if strip is None or self.sheet is None:
            return None
        stage = self.stage(strip, 0.0, self.width)
        return strip, stage, strip.track.hit(stage, x - self.edge, y)
