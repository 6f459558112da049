"""Saturation: the share of its slope that each gate and nonlinearity has left, as bars; hidden at first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from engine.format import full, percent
from gui.frames.saturation import Row, Stretch, saturation, sloped
from gui.frames.sheet import Sheet
from gui.tracks import _shapes
from gui.tracks.base import Hit, Stage, Track, face, lane_words, tracks, write

ROW = 24.0


class SaturationTrack(Track):
    """One row of bars for each nonlinearity of a lane; a full bar is a slope that nothing was taken from."""

    shown = False
    stretch = 0.6

    def __init__(self, sheet: Sheet, layer: int, direction: str) -> None:
        self.id = f"saturation:{layer}:{direction}"
        self._sheet, self._what = sheet, (layer, direction)
        self.title = QCoreApplication.translate("tracks", "Saturation")
        words = lane_words(sheet, layer, direction)
        said = QCoreApplication.translate("tracks", "slope that is left")
        self.subtitle = f"{said}\n{words}" if words else said
        self._count = len(sloped(sheet.trace.graph))
        self.minimum = 14.0 * max(2, self._count) + 6
        self.natural = ROW * max(2, self._count) + 6

    @property
    def rows(self) -> tuple[Row, ...]:
        """What it draws; measured when it is first looked at."""
        layer, direction = self._what
        return self._sheet.kept(
            ("saturation", layer, direction),
            lambda: saturation(self._sheet.trace, self._sheet.progress, layer, direction, self._sheet.words.sequence),
        )

    def marks(self, stage: Stage) -> Sequence[tuple[float, str]]:
        """Name the rows: the gate, or the function where it has no name of its own."""
        return [(top + height * 0.6, row.name) for row, top, height in self._places(stage)]

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw the rows."""
        for row, top, height in self._places(stage):
            painter.setPen(QPen(stage.theme.grid, 1))
            painter.drawLine(QPointF(stage.left, top + height), QPointF(stage.right, top + height))
            for stretch in row.stretches:
                self._paint_stretch(painter, stage, row, stretch, top, height)

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The step of the row at a point."""
        column = stage.axis.at(x)
        found = next((row for row, top, height in self._places(stage) if top - 2 <= y <= top + height), None)
        if column is None or found is None:
            return None
        for stretch in found.stretches:
            if 0 <= column - stretch.first < len(stretch.slopes):
                return Hit(stretch.prefix, column - stretch.first, None, found.selects)
        return None

    def tip(self, stage: Stage, hit: Hit) -> str:
        """The exact mean slope, and the largest there could be."""
        row = next(row for row in self.rows if row.selects == hit.name)
        stretch = row.stretch(hit.prefix)
        assert stretch is not None
        tr = QCoreApplication.translate
        name = row.name if row.name.startswith(row.function) else f"{row.function} ({row.name})"
        if not stretch.positions[hit.step] < stage.position:
            return tr("tracks", "Slope of {} at step {}: not computed yet").format(name, hit.step + 1)
        slope = float(stretch.slopes[hit.step])
        text = tr("tracks", "Slope of {} at step {}, averaged over the units: {} of at most {:g} ({})")
        return text.format(name, hit.step + 1, full(slope), row.steepest, percent(slope / row.steepest))

    def _places(self, stage: Stage) -> list[tuple[Row, float, float]]:
        """Each row with the top and the height of its bars."""
        rows, step = self.rows, (stage.height - stage.px(4)) / max(1, self._count)
        gap = min(stage.px(5), step * 0.25)
        return [(row, stage.top + stage.px(2) + i * step + gap, step - gap) for i, row in enumerate(rows)]

    def _paint_stretch(
        self, painter: QPainter, stage: Stage, row: Row, stretch: Stretch, top: float, height: float
    ) -> None:
        theme, axis = stage.theme, stage.axis
        kind = face("mono", stage.type(9.5))
        gap = 0.0 if stage.narrow else min(stage.px(14), axis.column * 0.25)
        columns = stage.columns()
        low, high = max(stretch.first, columns.start), min(stretch.first + len(stretch.slopes), columns.stop)
        most = max(1, int(1 / axis.column)) if axis.column < 1 else 1
        painter.setPen(Qt.PenStyle.NoPen)
        for column in range(low, high, most):
            step = column - stretch.first
            x, width = axis.left(column) + gap / 2, max(axis.column * most - gap, 1.0)
            if not stretch.positions[step] < stage.position:
                painter.setOpacity(0.55)
                painter.fillRect(QRectF(x, top, width, height), theme.slot)
                painter.setOpacity(1.0)
                continue
            if stretch.padding[step]:
                continue
            # Of the steps that share a pixel, the one with the least slope: that is where the gradient is lost.
            share = float(np.min(stretch.slopes[step : step + most])) / row.steepest
            painter.fillRect(QRectF(x, top, width, height), theme.slot)
            if not np.isfinite(share):
                painter.fillRect(QRectF(x, top, width, height), _shapes.hatched(theme, stage.unit))
                continue
            bar = QRectF(x, top + height * (1 - share), width, height * share)
            painter.fillRect(bar, theme.ink)
            text = percent(share, 0)
            if kind.width(text) <= width - stage.px(4) and kind.height <= height:
                # Above the bar or in it where there is room; where it crosses the edge each part has its own colour.
                y = top + height / 2
                if bar.top() - top >= max(kind.cap + stage.px(1.5), min(bar.height(), 1.5 * kind.cap)):
                    y = bar.top() - min(kind.height, bar.top() - top) / 2
                elif bar.height() >= kind.cap + stage.px(1.5):
                    y = bar.top() + min(kind.height, bar.height()) / 2
                for room, colour in ((QRectF(x, top, width, bar.top() - top), theme.text), (bar, theme.canvas)):
                    painter.save()
                    painter.setClipRect(room, Qt.ClipOperation.IntersectClip)
                    write(painter, QPointF(x + width / 2, y), text, kind, colour, "centre")
                    painter.restore()


def make(sheet: Sheet) -> list[SaturationTrack]:
    """One track for each layer and direction."""
    return [SaturationTrack(sheet, layer, direction) for layer, direction in sheet.directions]


tracks.add("saturation", make)
