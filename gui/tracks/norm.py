"""‖∂L/∂h‖ over time on a logarithmic axis, with its two parts: what travelled, and what each step adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from engine.format import full, number, percent
from gui.frames.norm import Line
from gui.frames.progress import NEVER
from gui.frames.sheet import Sheet
from gui.tracks import _shapes
from gui.tracks.base import Hit, Move, Stage, Track, face, tracks, write

DEEPEST = 12
"""Decades below the largest norm that the axis shows; what is smaller lies on its floor."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class NormTrack(Track):
    """A line for each lane, in the order of computation."""

    id = "norm"
    minimum = 100.0
    natural = 140.0
    stretch = 1.0

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        tr = QCoreApplication.translate
        self.title = tr("tracks", "Gradient norm")
        self.subtitle = tr("tracks", "‖∂L/∂h‖, log")
        if any(c.scored for c in sheet.trace.timeline.columns[:-1]):
            self.subtitle = tr("tracks", "‖∂L/∂h‖, log\n○ whole\n◀ travelled\n+ own loss")

    def marks(self, stage: Stage) -> Sequence[tuple[float, str]]:
        """The decades."""
        low, high = self._decades()
        every = self._every(stage, low, high)
        decades = np.arange(high, low - 1, -every)  # ten to their power may be beyond what a number can hold
        places = self._at(stage, decades).tolist()
        return [(y, f"10{str(d).translate(_RAISED)}") for y, d in zip(places, decades, strict=True)]

    def note(self, stage: Stage) -> str:
        """How much of the gradient where it entered is left at the playhead."""
        if stage.phase != "backward" or stage.column is None:
            return ""
        column = stage.column
        for line in self._sheet.norm.lines:
            step = column - line.first
            if line.layer == self._sheet.trace.spec.num_layers - 1 and 0 <= step < len(line.total):
                return self._share(stage, line, step)
        return ""

    def _share(self, stage: Stage, line: Line, step: int) -> str:
        start = int(np.argmin(np.where(line.silent, NEVER, line.positions)))
        if step == start or line.positions[step] >= stage.position or not line.total[start] > 0:
            return ""
        share = line.total[step] / line.total[start]
        if not np.isfinite(share):
            return ""
        word, other = self._name(line.first + step), self._name(line.first + start)
        tr = QCoreApplication.translate
        if share <= 1:
            text = tr("tracks", "{word} receives {share} of the gradient at {other}")
            return text.format(word=word, share=percent(share), other=other)
        text = tr("tracks", "‖∂L/∂h‖ at {word} is {times} times that at {other}")
        return text.format(word=word, times=number(share, 2), other=other)

    def _name(self, column: int) -> str:
        words, step = self._sheet.words.columns, self._sheet.trace.timeline.columns[column].step + 1
        plain = QCoreApplication.translate("tracks", "step {}").format(step)
        return f"“{words[column]}” ({plain})" if column < len(words) else plain

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw the grid and the lines as far as they are computed."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(stage.theme.grid, 1))
        for y, _ in self.marks(stage):
            painter.drawLine(QPointF(stage.left, round(y)), QPointF(stage.right, round(y)))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        frame = self._sheet.norm
        top = self._sheet.trace.spec.num_layers - 1
        for line in frame.lines:
            self._paint_line(painter, stage, line, 0.55 if line.layer < top else 1.0)
        self._label_lines(painter, stage)

    def touched(self, move: Move) -> Sequence[tuple[int, int]]:
        """The steps whose norms come or go, with the lines to their neighbours."""
        lines = self._sheet.norm.lines
        return [(column - 1, column + 1) for line in lines for column in move.among(line.positions, line.first)]

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The step at a point, of the line that is nearest."""
        column = stage.axis.at(x)
        if column is None:
            return None
        found = [line for line in self._sheet.norm.lines if 0 <= column - line.first < len(line.total)]
        if not found:
            return None
        line = min(found, key=lambda line: abs(self._y(stage, line.total[column - line.first]) - y))
        return Hit(line.prefix, column - line.first, name=self._sheet.trace.graph.states[0], gradient=True)

    def tip(self, stage: Stage, hit: Hit) -> str:
        """The norm, and its parts, in full."""
        line = self._sheet.norm.line(hit.prefix)
        tr = QCoreApplication.translate
        if line is None or line.positions[hit.step] >= stage.position:
            return tr("tracks", "step {}: the gradient has not come here yet").format(hit.step + 1)
        text = f"‖∂L/∂{hit.prefix}.{hit.name}‖ · {self._name(line.first + hit.step)} = {full(line.total[hit.step])}"
        return (
            text
            + "\n"
            + tr("tracks", "travelled {}, the step itself adds {}").format(
                full(line.travelled[hit.step]), full(line.own[hit.step])
            )
        )

    def _paint_line(self, painter: QPainter, stage: Stage, line: Line, strength: float) -> None:
        theme, axis = stage.theme, stage.axis
        count = len(line.total)
        low = max(0, int((stage.left - axis.left(line.first)) // axis.column) - 1)
        high = min(count, int((stage.right - axis.left(line.first)) // axis.column) + 2)
        if low >= high:
            return
        xs = axis.left(line.first) + (np.arange(low, high) + 0.5) * axis.column
        ys = self._ys(stage, line.total[low:high])
        finite = np.isfinite(line.total[low:high]) & ~line.silent[low:high]
        there = (line.positions[low:high] < stage.position) & finite
        painter.setOpacity(strength)
        if stage.preview and line.positions[low] != NEVER:
            self._stroke(painter, stage, xs, ys, finite, dashed=True)
        self._stroke(painter, stage, xs, ys, there, dashed=False)
        if axis.column >= stage.px(14):
            self._points(painter, stage, line, xs, ys, there, low)
        painter.setOpacity(1.0)
        lost = (line.positions[low:high] < stage.position) & ~np.isfinite(line.total[low:high])
        for i in np.flatnonzero(lost).tolist():
            top = stage.top + stage.px(8)
            width = max(2.0, axis.column - 2)
            painter.fillRect(
                round(xs[i] - width / 2), round(top), round(width), round(stage.height - stage.px(16)),
                _shapes.hatched(theme, stage.unit),
            )  # fmt: skip

    def _stroke(
        self, painter: QPainter, stage: Stage, xs: np.ndarray, ys: np.ndarray, there: np.ndarray, dashed: bool
    ) -> None:
        colour, width = stage.theme.backward, stage.px(1.0 if dashed else 2.4)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8))).reshape(-1, 2)
        for a, b in edges.tolist():
            points = [QPointF(x, y) for x, y in zip(xs[a:b].tolist(), ys[a:b].tolist(), strict=True)]
            if len(points) > 1:
                _shapes.line(painter, points, colour, width, dashed)
            elif not dashed:
                painter.setPen(QPen(colour, width))
                painter.drawPoint(points[0])

    def _points(
        self, painter: QPainter, stage: Stage, line: Line, xs: np.ndarray, ys: np.ndarray, there: np.ndarray, low: int
    ) -> None:
        theme, radius = stage.theme, stage.px(4.5)
        floor = self._y(stage, 0.0)
        parts = self._sheet.norm.has_parts and stage.axis.column >= stage.px(24)
        for i in np.flatnonzero(there).tolist():
            centre = QPointF(xs[i], ys[i])
            painter.setPen(QPen(theme.backward, stage.px(2)))
            painter.setBrush(theme.canvas)
            if ys[i] >= floor - 0.5:
                # Too small for the axis: a mark on its floor that points further down.
                half = radius * 0.9
                corners = [(-half, -half), (half, -half), (0, half)]
                painter.drawPolygon(QPolygonF([centre + QPointF(x, y) for x, y in corners]))
            else:
                painter.drawEllipse(centre, radius, radius)
            if parts:
                self._parts(painter, stage, line, low + i, float(xs[i]))

    def _parts(self, painter: QPainter, stage: Stage, line: Line, step: int, x: float) -> None:
        """A triangle at the size of what travelled, a plus at that of what the step adds."""
        size, colour = stage.px(3.4), stage.theme.backward
        if line.travelled[step] > 0:
            at = QPointF(x - stage.px(9), self._y(stage, line.travelled[step]))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            corners = [(-size, 0), (size, -size), (size, size)]
            painter.drawPolygon(QPolygonF([at + QPointF(x, y) for x, y in corners]))
        if line.own[step] > 0:
            at = QPointF(x + stage.px(10), self._y(stage, line.own[step]))
            painter.setPen(QPen(colour, stage.px(1.4)))
            painter.drawLine(at + QPointF(-size, 0), at + QPointF(size, 0))
            painter.drawLine(at + QPointF(0, -size), at + QPointF(0, size))

    def _label_lines(self, painter: QPainter, stage: Stage) -> None:
        """Name the lines at their last computed step, where there are several in a part."""
        lines = self._sheet.norm.lines
        if len({(line.layer, line.reverse) for line in lines}) < 2 or not stage.roomy:
            return
        kind = face("ui", stage.type(10))
        used: list[tuple[int, float]] = []
        for line in lines:
            done = np.flatnonzero((line.positions < stage.position) & np.isfinite(line.total))
            if not done.size:
                continue
            step = int(done.min() if not line.reverse else done.max())
            column, y = line.first + step, self._y(stage, line.total[step])
            if any(column == other and abs(y - height) < stage.px(11) for other, height in used):
                continue  # the tooltip tells lines apart that lie on one another
            used.append((column, y))
            text = f"{line.layer + 1}{'←' if line.reverse else ''}"
            way = 1 if line.reverse else -1
            at = QPointF(stage.axis.centre(line.first + step) + way * stage.px(16), y)
            write(painter, at, text, kind, stage.theme.muted, "left" if line.reverse else "right")

    def _decades(self) -> tuple[int, int]:
        frame = self._sheet.norm
        return max(frame.low, frame.high - DEEPEST), frame.high

    def _every(self, stage: Stage, low: int, high: int) -> int:
        most = max(2, int((stage.height - stage.px(34)) / stage.px(17)))
        return max(1, -(-(high - low) // most))

    def _ys(self, stage: Stage, values: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._at(stage, np.log10(np.maximum(values, 0.0)))

    def _y(self, stage: Stage, value: float) -> float:
        return float(self._ys(stage, np.array([value]))[0])

    def _at(self, stage: Stage, logarithms: np.ndarray) -> np.ndarray:
        low, high = self._decades()
        top, bottom = stage.top + stage.px(12), stage.bottom - stage.px(26)
        share = np.nan_to_num((high - logarithms) / (high - low), nan=0.0, posinf=1.0)
        return top + np.clip(share, 0.0, 1.0) * (bottom - top)


def make(sheet: Sheet) -> list[NormTrack]:
    """The one track; none without a backward pass."""
    return [NormTrack(sheet)] if sheet.trace.has_gradients else []


tracks.add("norm", make)
