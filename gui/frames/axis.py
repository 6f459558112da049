"""The score's time axis: where each column stands in pixels, with a gap between the parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engine.timeline import Timeline

SMALLEST_COLUMN = 0.25
LARGEST_COLUMN = 1200.0


@dataclass(frozen=True)
class Part:
    """A stretch of columns without a gap.

    Attributes
    ----------
    name : str
        "", "encoder" or "decoder".
    first, count : int
        Its first column and how many there are.
    """

    name: str
    first: int
    count: int


@dataclass(frozen=True)
class TimeAxis:
    """Columns of equal width, a view of ``width`` pixels onto them that starts ``scroll`` pixels in.

    Attributes
    ----------
    parts : tuple of Part
    column : float
        Width of a column in pixels.
    gap : float
        Between two parts.
    width : float
        Of the view.
    scroll : float
        How much of the content lies left of the view.
    """

    parts: tuple[Part, ...] = ()
    column: float = 100.0
    gap: float = 0.0
    width: float = 0.0
    scroll: float = 0.0

    @cached_property
    def count(self) -> int:
        """How many columns there are."""
        return sum(part.count for part in self.parts)

    @cached_property
    def content(self) -> float:
        """Width of all columns and gaps."""
        return self.count * self.column + self._gaps

    @property
    def _gaps(self) -> float:
        return max(0, len(self.parts) - 1) * self.gap

    @cached_property
    def margin(self) -> float:
        """What is left on either side where the columns do not fill the view."""
        return max(0.0, (self.width - self.content) / 2)

    @property
    def furthest(self) -> float:
        """The largest scroll."""
        return max(0.0, self.content - self.width)

    @property
    def fitting(self) -> float:
        """Width of a column at which all columns just fill the view."""
        room = max(1.0, self.width - self._gaps)
        return min(LARGEST_COLUMN, max(SMALLEST_COLUMN, room / max(1, self.count)))

    def left(self, column: float) -> float:
        """x of a column's left edge in the view."""
        x = column * self.column - self.scroll + self.margin
        for part in self.parts[1:]:
            if column >= part.first:
                x += self.gap
        return x

    def right(self, column: float) -> float:
        """x of a column's right edge."""
        return self.left(column) + self.column

    def centre(self, column: float) -> float:
        """x of a column's middle."""
        return self.left(column) + self.column / 2

    def at(self, x: float) -> int | None:
        """The column under x; None in a gap or beyond the ends."""
        for part in self.parts:
            index = int(np.floor((x - self.left(part.first)) / self.column))
            if 0 <= index < part.count:
                return part.first + index
        return None

    def nearest(self, x: float) -> int:
        """The column nearest to x."""
        found = self.at(x)
        if found is not None:
            return found
        ends = [c for part in self.parts for c in (part.first, part.first + part.count - 1)]
        return min(ends, key=lambda c: abs(self.centre(c) - x)) if ends else 0

    def exposed(self, left: float, right: float) -> Iterator[tuple[Part, int, int]]:
        """The columns between two x, part by part: (part, first, last + 1) as score columns."""
        for part in self.parts:
            start = self.left(part.first)
            low = int(np.floor((left - start) / self.column))
            high = int(np.ceil((right - start) / self.column))
            low, high = max(0, low), min(part.count, high)
            if low < high:
                yield part, part.first + low, part.first + high

    def scrolled(self, scroll: float) -> TimeAxis:
        """The same columns, scrolled to somewhere within the ends."""
        return replace(self, scroll=min(self.furthest, max(0.0, scroll)))

    def zoomed(self, column: float, around: float) -> TimeAxis:
        """Columns of another width; what is under ``around`` (x in the view) stays there."""
        column = min(LARGEST_COLUMN, max(SMALLEST_COLUMN, column))
        anchor = self.nearest(around)
        share = (around - self.left(anchor)) / self.column
        wider = replace(self, column=column, scroll=0.0)
        return wider.scrolled(wider.left(anchor) + share * column - around)

    def showing(self, column: int, margin: float = 1.0) -> TimeAxis:
        """Scrolled as little as needed for a column and ``margin`` columns beside it to be in view."""
        room = min(margin * self.column, max(0.0, (self.width - self.column) / 2))
        low = self.right(column) + self.scroll + room - self.width
        high = self.left(column) + self.scroll - room
        if low > self.scroll:
            return self.scrolled(low)
        return self.scrolled(high) if high < self.scroll else self


def parts(timeline: Timeline) -> tuple[Part, ...]:
    """The parts of a run, as the axis lays them out."""
    return tuple(Part(name, timeline.offset(name), timeline.steps(name)) for name in timeline.parts)


def every(count: int, column: float, needed: float) -> int:
    """Every how-manieth column can be named where a name needs ``needed`` pixels: 1, 2, 5, 10, 20, …"""
    least, step, factors, turn = needed / column, 1, (2, 2.5, 2), 0
    while step < least and step < count:
        step, turn = round(step * factors[turn % 3]), turn + 1
    return step
