"""A track of cells: one row a unit, one column a step, drawn as cells or, where they are fine, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QRectF
from PySide6.QtGui import QImage, QPainter

from gui.frames.heatmap import Block, Heatmap
from gui.frames.progress import runs
from gui.frames.sheet import Sheet
from gui.tracks import _shapes
from gui.tracks.base import Hit, Move, Stage, Track, lane_words

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
        shapes = [sheet.trace.value(lane.key(name)).shape for lane in sheet.lanes[layer, direction]]
        size = f"{'∂L/∂' if gradient else ''}{name} ({shapes[0][2]} × {sum(shape[0] for shape in shapes)})"
        words = lane_words(sheet, layer, direction)
        self.subtitle = f"{size}{'  ' if len(words) == 1 else chr(10)}{words}".rstrip()
        self.natural = min(140.0, max(64.0, 15.0 * shapes[0][2])) + 2 * PAD

    @property
    def frame(self) -> Heatmap:
        """What it draws; gathered when it is first looked at."""
        return self._sheet.heatmap(*self._what)

    def legend(self) -> float:
        """The scale of its colours."""
        return self.frame.scale

    def note(self, stage: Stage) -> str:
        """Whose loss alone is shown."""
        output = self.frame.output if self._what[3] else None
        if output is None:
            return ""
        step = int(self._sheet.trace.output_steps[output]) + 1
        return QCoreApplication.translate("tracks", "loss of step {} alone").format(step)

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw the blocks that are exposed."""
        for part, low, high in stage.exposed():
            block = next((b for b in self.frame.blocks if b.first == part.first), None)
            if block is None:
                continue
            if stage.narrow:
                self._paint_runs(painter, stage, block, low, high)
            else:
                self._paint_columns(painter, stage, block, low, high)

    def touched(self, move: Move) -> Sequence[tuple[int, int]]:
        """The steps whose values come or go."""
        blocks = self.frame.blocks
        return [(column, column) for block in blocks for column in move.among(block.positions, block.first)]

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

    def _paint_columns(self, painter: QPainter, stage: Stage, block: Block, low: int, high: int) -> None:
        """Every step by itself, with gaps beside it, and between its units where they are not too fine."""
        top, step = self._rows(stage)
        axis, first, rows = stage.axis, block.first, self.frame.size
        cells, gap = step >= stage.px(4), max(1.0, stage.px(1.5))
        image = self._picture(stage, block, step * rows, "columns", whole=True)
        for column in range(low, high):
            at = column - first
            box = QRectF(axis.left(column), top, axis.column, step * rows)
            box = _shapes.snapped(box if cells else box.adjusted(gap / 2, 0, -gap / 2, 0), stage.ratio)
            if block.positions[at] < stage.position:
                painter.setOpacity(_shapes.HELD if block.padding[at] else 1.0)
                _shapes.column(painter, box, image, block, at, stage.theme, stage.unit)
            else:
                painter.setOpacity(EMPTY)
                painter.fillRect(box, stage.theme.slot)
            painter.setOpacity(1.0)
            if cells:
                _shapes.gaps(painter, box, rows, gap, stage.unit)

    def _paint_runs(self, painter: QPainter, stage: Stage, block: Block, low: int, high: int) -> None:
        """Steps that run into one another, as one picture."""
        top, step = self._rows(stage)
        axis, first, height = stage.axis, block.first, step * self.frame.size
        image = self._picture(stage, block, height, "runs")
        share = image.width() / block.values.shape[1]
        there = block.positions[low - first : high - first] < stage.position
        for a, b in runs(~there):
            box = QRectF(axis.left(low + a), top, axis.right(low + b - 1) - axis.left(low + a), height)
            painter.setOpacity(EMPTY)
            painter.fillRect(box, stage.theme.slot)
            painter.setOpacity(1.0)
        for a, b in runs(there):
            start, end = low + a, low + b
            target = QRectF(axis.left(start), top, axis.right(end - 1) - axis.left(start), height)
            source = QRectF((start - first) * share, 0, (end - start) * share, image.height())
            _shapes.crisp(image, painter, target, source)
        self._mark(painter, stage, block, low, high, there)

    def _mark(self, painter: QPainter, stage: Stage, block: Block, low: int, high: int, there: np.ndarray) -> None:
        """Grey the padding and hatch the steps without a single number."""
        top, step = self._rows(stage)
        height, here = step * self.frame.size, slice(low - block.first, high - block.first)
        lost = there & block.lost[here]
        grey = stage.theme.canvas.toRgb()
        grey.setAlphaF(1 - _shapes.HELD)
        for flags, brush in ((there & block.padding[here], grey), (lost, _shapes.hatched(stage.theme, stage.unit))):
            for a, b in runs(flags):
                left = stage.axis.left(low + a)
                painter.fillRect(QRectF(left, top, stage.axis.right(low + b - 1) - left, height), brush)

    def _picture(self, stage: Stage, block: Block, height: float, use: str, whole: bool = False) -> QImage:
        steps = block.values.shape[1]
        across = steps if whole else round(steps * stage.axis.column * stage.ratio)
        return _shapes.picture(self._sheet, self.frame, block, round(height * stage.ratio), across, stage.theme, use)
