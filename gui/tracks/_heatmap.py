"""A track of cells: one row a unit, one column a step, drawn as cells or, where they are fine, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from gui import colormaps
from gui.frames.heatmap import Block, Heatmap, peaks
from gui.frames.progress import runs
from gui.frames.sheet import Sheet
from gui.palette import Theme
from gui.tracks import _shapes
from gui.tracks.base import Hit, Stage, Track, lane_words

MOST_CELLS = 2500
"""More than this in view are drawn as one picture."""
PAD = 5.0
EMPTY = 0.55
"""How strongly a slot is drawn, so that a computed zero is told from it."""


class HeatmapTrack(Track):
    """Values (or gradients) of one lane.

    Parameters
    ----------
    id, title : str
    sheet : Sheet
    what : tuple
        Layer, direction, recorded name, and whether its gradient is meant.
    """

    minimum = 56.0
    stretch = 1.0

    def __init__(
        self, id: str, title: str, sheet: Sheet, what: tuple[int, str, str, bool], group: str = "", shown: bool = True
    ) -> None:
        self.id, self.title, self.group, self.shown = id, title, group, shown
        self._sheet, self._what = sheet, what
        layer, direction, name, gradient = what
        lanes = [lane for lane in sheet.trace.lanes.values() if (lane.layer, lane.direction) == (layer, direction)]
        shapes = [sheet.trace.value(lane.key(name)).shape for lane in lanes]
        size = f"{'∂L/∂' if gradient else ''}{name} ({shapes[0][2]} × {sum(shape[0] for shape in shapes)})"
        words = lane_words(sheet, layer, direction)
        self.subtitle = f"{size}\n{words}" if words else size
        self.natural = min(140.0, max(64.0, 15.0 * shapes[0][2])) + 2 * PAD
        self._pictures: dict[str, tuple[tuple[Theme, int, int], QImage]] = {}

    @property
    def frame(self) -> Heatmap:
        """What it draws; gathered when it is first looked at."""
        return self._sheet.heatmap(*self._what)

    def legend(self) -> float:
        """The scale of its colours."""
        return self.frame.scale

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw the blocks that are exposed."""
        for part, low, high in stage.axis.exposed(stage.left, stage.right):
            block = next((b for b in self.frame.blocks if b.first == part.first), None)
            if block is None:
                continue
            if self._as_cells(stage):
                self._paint_cells(painter, stage, block, low, high)
            else:
                self._paint_picture(painter, stage, block, low, high)

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The unit and step at a point."""
        column = stage.axis.at(x)
        block = None if column is None else self._block(column)
        top, step = self._rows(stage)
        unit = int((y - top) // step)
        if block is None or column is None or not 0 <= unit < self.frame.size:
            return None
        return Hit(block.prefix, column - block.first, unit, self.frame.name, self.frame.gradient)

    def outlines(self, stage: Stage, chosen: Hit) -> Sequence[QRectF]:
        """The chosen unit's cell, or the chosen step's column."""
        block = self.frame.block(chosen.prefix)
        if block is None or chosen.step >= block.values.shape[1]:
            return ()
        top, step = self._rows(stage)
        x, width = stage.axis.left(block.first + chosen.step), stage.axis.column
        if chosen.unit is None:
            return (QRectF(x, top, width, step * self.frame.size),)
        if chosen.unit >= self.frame.size:
            return ()
        height = max(step, stage.px(3))
        return (QRectF(x, top + (chosen.unit + 0.5) * step - height / 2, width, height),)

    def _rows(self, stage: Stage) -> tuple[float, float]:
        pad = stage.px(PAD)
        return stage.top + pad, max(1.0, stage.height - 2 * pad) / self.frame.size

    def _block(self, column: int) -> Block | None:
        return next((b for b in self.frame.blocks if 0 <= column - b.first < b.values.shape[1]), None)

    def _as_cells(self, stage: Stage) -> bool:
        _, step = self._rows(stage)
        seen = stage.axis.width / stage.axis.column * self.frame.size
        return step >= stage.px(4) and not stage.narrow and seen <= MOST_CELLS

    def _paint_cells(self, painter: QPainter, stage: Stage, block: Block, low: int, high: int) -> None:
        top, step = self._rows(stage)
        axis, theme = stage.axis, stage.theme
        here, gap = np.arange(low, high) - block.first, max(1.0, stage.px(1.5))
        there = block.positions[here] < stage.position
        xs = [axis.left(column) + gap / 2 for column in range(low, high)]
        for held in (False, True):
            keep = [i for i in range(high - low) if there[i] and bool(block.padding[here[i]]) is held]
            if keep:
                painter.setOpacity(_shapes.HELD if held else 1.0)
                _shapes.cells(
                    painter, [xs[i] for i in keep], axis.column - gap, top, step, gap, block.values[:, here[keep]],
                    self.frame.scale, theme, stage.unit,
                )  # fmt: skip
        painter.setOpacity(1.0)
        empty = [xs[i] for i in range(high - low) if not there[i]]
        painter.setOpacity(EMPTY)
        _shapes.slots(painter, empty, axis.column - gap, top, step, gap, self.frame.size, theme, stage.unit)
        painter.setOpacity(1.0)

    def _paint_picture(self, painter: QPainter, stage: Stage, block: Block, low: int, high: int) -> None:
        top, step = self._rows(stage)
        axis, theme, first, height = stage.axis, stage.theme, block.first, step * self.frame.size
        image = self._picture(stage, block, round(height * stage.ratio))
        share = image.width() / block.values.shape[1]
        gap = max(1.0, stage.px(1.5)) if axis.column >= stage.px(16) else 0.0
        there = block.positions[low - first : high - first] < stage.position
        painter.setPen(Qt.PenStyle.NoPen)
        for flags, full in ((~there, False), (there, True)):
            for a, b in runs(flags):
                # With gaps every column is its own piece; without, a whole run is one.
                pieces = [(c, c + 1) for c in range(low + a, low + b)] if gap else [(low + a, low + b)]
                for start, end in pieces:
                    x = axis.left(start) + gap / 2
                    target = QRectF(x, top, axis.right(end - 1) - gap / 2 - x, height)
                    if full:
                        source = QRectF((start - first) * share, 0, (end - start) * share, image.height())
                        _shapes.crisp(image, painter, target, source)
                    else:
                        painter.setOpacity(EMPTY)
                        painter.fillRect(target, theme.slot)
                        painter.setOpacity(1.0)
        self._mark(painter, stage, block, low, high, there)

    def _mark(self, painter: QPainter, stage: Stage, block: Block, low: int, high: int, there: np.ndarray) -> None:
        """Grey the padding and hatch the steps without a single number."""
        top, step = self._rows(stage)
        height, here = step * self.frame.size, slice(low - block.first, high - block.first)
        lost = there & ~np.isfinite(block.values[:, here]).any(axis=0)
        grey = stage.theme.canvas.toRgb()
        grey.setAlphaF(1 - _shapes.HELD)
        for flags, brush in ((there & block.padding[here], grey), (lost, _shapes.hatched(stage.theme, stage.unit))):
            for a, b in runs(flags):
                left = stage.axis.left(low + a)
                painter.fillRect(QRectF(left, top, stage.axis.right(low + b - 1) - left, height), brush)

    def _picture(self, stage: Stage, block: Block, height: int) -> QImage:
        rows, steps = block.values.shape
        across = max(1, min(steps, round(steps * stage.axis.column * stage.ratio)))
        key = (stage.theme, min(rows, max(1, height)), across)
        kept = self._pictures.get(block.prefix)
        if kept is None or kept[0] != key:
            small = peaks(block.values, key[1], key[2])
            kept = self._pictures[block.prefix] = key, colormaps.diverging_image(small, self.frame.scale, stage.theme)
        return kept[1]
