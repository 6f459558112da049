"""The loss of every step, as bars; hidden at first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from engine.format import full, number
from gui.frames.sheet import Sheet
from gui.tracks import _shapes
from gui.tracks.base import Hit, Stage, Track, face, tracks, write


class LossTrack(Track):
    """ℓ of each output, from zero to the largest."""

    id = "loss"
    shown = False
    minimum = 48.0
    natural = 80.0
    stretch = 0.6

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self.title = QCoreApplication.translate("tracks", "Step loss")
        self.subtitle = "ℓ"
        finite = self._loss[np.isfinite(self._loss)]
        self._largest = float(finite.max(initial=0.0)) or 1.0

    @property
    def _loss(self) -> np.ndarray:
        found = self._sheet.outputs.loss
        return np.zeros(0) if found is None else found

    def marks(self, stage: Stage) -> Sequence[tuple[float, str]]:
        """Zero and the largest."""
        low, high = self._span(stage)
        return ((low, "0"), (high, number(self._largest, 2)))

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw the bars; a slot before the loss is computed."""
        low, high = self._span(stage)
        frame, theme = self._sheet.outputs, stage.theme
        painter.setPen(QPen(theme.grid, 1))
        painter.drawLine(QPointF(stage.left, low), QPointF(stage.right, low))
        columns = stage.columns()
        known = frame.scored(stage.position)
        gap = min(stage.px(14), stage.axis.column * 0.25)
        for output in np.flatnonzero((frame.columns >= columns.start) & (frame.columns < columns.stop)).tolist():
            column, value = int(frame.columns[output]), float(self._loss[output])
            x, width = stage.axis.left(column) + gap / 2, stage.axis.column - gap
            painter.setPen(Qt.PenStyle.NoPen)
            if not known:
                painter.fillRect(QRectF(x, high, width, low - high), theme.slot)
            elif np.isnan(value) and not np.isnan(
                self._sheet.trace.value("loss")[output, self._sheet.words.sequence, 0]
            ):
                continue
            elif not np.isfinite(value):
                painter.fillRect(QRectF(x, high, width, low - high), _shapes.hatched(theme, stage.unit))
            else:
                height = (low - high) * value / self._largest
                painter.fillRect(QRectF(x, low - height, width, height), theme.loss)
                kind = face("mono", stage.type(10))
                text = number(value, 2)
                if kind.width(text) <= stage.axis.column - stage.px(6):
                    at = QPointF(x + width / 2, low - height - stage.px(8))
                    write(painter, at, text, kind, theme.muted, "centre")

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The output at a point."""
        column = stage.axis.at(x)
        output = None if column is None else self._sheet.outputs.at(column)
        return None if output is None else Hit("output", output, name="y")

    def tip(self, stage: Stage, hit: Hit) -> str:
        """The exact ℓ."""
        if not self._sheet.outputs.scored(stage.position):
            return QCoreApplication.translate("tracks", "The loss is not computed yet")
        return f"ℓ[{hit.step + 1}] = {full(self._loss[hit.step])}"

    def _span(self, stage: Stage) -> tuple[float, float]:
        return stage.bottom - stage.px(6), stage.top + stage.px(20)


def make(sheet: Sheet) -> list[LossTrack]:
    """The one track; none without a target."""
    return [LossTrack(sheet)] if sheet.outputs.loss is not None else []


tracks.add("loss", make)
