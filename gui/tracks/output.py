"""What the network puts out: the likeliest classes with their probabilities, or numbers, and the loss of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from engine.format import THIN, TIMES, fixed, full, number, percent
from gui import colormaps, palette
from gui.frames.heatmap import scale_of
from gui.frames.outputs import Choice, OutputsFrame
from gui.frames.sheet import Sheet
from gui.tracks import _shapes
from gui.tracks.base import Hit, Move, Stage, Track, beginning, elided, face, tracks, write

ROW = 17.0
FONT = 11.0
LOSS = 19.0
LONGEST = "0.00\u202f×\u202f10⁻⁵"
WORD = 40.0
"""Room that a word must have beside its probability."""
FOLDED = 50.0
"""Height where columns are narrow and only a strip of losses is left."""


class OutputTrack(Track):
    """Outputs above the columns that emit them."""

    id = "output"
    stretch = 0.25

    def __init__(self, sheet: Sheet) -> None:
        tr = QCoreApplication.translate
        self._sheet, frame = sheet, sheet.outputs
        self.title = tr("tracks", "Output")
        head = {"cross-entropy": "softmax", "binary-cross-entropy": "σ"}.get(sheet.trace.spec.loss, "")
        self.subtitle = f"{head}(W_y h + b)" if head else "W_y h + b"
        if frame.classes and not frame.all_listed:
            self.subtitle = tr("tracks", "softmax, {} best").format(frame.rows)
        rows = frame.rows if frame.classes else min(4, frame.y.shape[1])
        self.minimum = rows * 15.0 + LOSS + 8
        self.natural = rows * ROW + LOSS + 12
        self._scale = scale_of(frame.y) if not frame.classes else 1.0
        self.folded = 0.0 if frame.single else FOLDED

    @property
    def frame(self) -> OutputsFrame:
        """The outputs."""
        return self._sheet.outputs

    def legend(self) -> float | None:
        """The scale of numbers; probabilities need none."""
        return None if self.frame.classes else self._scale

    def marks(self, stage: Stage) -> Sequence[tuple[float, str]]:
        """The largest loss, where losses are a strip of colours."""
        loss = self.frame.loss
        strip = not self.frame.single and stage.axis.column < stage.px(24)
        if loss is None or not strip or not self.frame.scored(stage.position):
            return ()
        finite = loss[np.isfinite(loss)]
        return [(stage.bottom - stage.px(8), f"ℓ ≤ {number(float(finite.max(initial=0.0)), 2)}")]

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw what is exposed; a single output may be wider than its column."""
        frame = self.frame
        if not len(frame.columns):
            return
        if stage.axis.column < stage.px(24) and not frame.single:
            self._paint_strip(painter, stage)
            return
        margin = 0 if not frame.single else stage.axis.count
        exposed = stage.columns()
        first, last = exposed.start - margin, exposed.stop + margin
        for output in np.flatnonzero((frame.columns >= first) & (frame.columns < last)).tolist():
            box = self._box(stage, output)
            if frame.classes:
                self._paint_classes(painter, stage, output, box)
            else:
                self._paint_numbers(painter, stage, output, box)
            self._paint_loss(painter, stage, output, box)

    def touched(self, move: Move) -> Sequence[tuple[int, int]]:
        """The outputs that come or go; a single one may be wider than its column."""
        found = self.frame.columns[move.among(self._sheet.progress.outputs)].tolist()
        if self.frame.single:
            return [(0, len(self._sheet.trace.timeline) - 1)] if found else ()
        return [(column, column) for column in found]

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The output, and its class or component, at a point."""
        frame = self.frame
        found = 0 if frame.single and self._box(stage, 0).adjusted(0, 0, 0, stage.px(LOSS)).contains(x, y) else None
        if found is None:
            column = stage.axis.at(x)
            found = None if column is None else frame.at(column)
        if found is None:
            return None
        box = self._box(stage, found)
        rows = self._rows(stage, found)
        row = int((y - box.top()) / (box.height() / max(1, rows)))
        if not 0 <= row < rows:
            return Hit("output", found, name="y")
        return Hit("output", found, frame.best(found)[row].index if frame.classes else row, name="y")

    def outlines(self, stage: Stage, chosen: Hit) -> Sequence[QRectF]:
        """The chosen output's list, or one line of it."""
        if chosen.prefix != "output" or chosen.step >= len(self.frame.columns):
            return ()
        box, rows = self._box(stage, chosen.step), self._rows(stage, chosen.step)
        if chosen.unit is None or not rows:
            return (box,)
        order = [choice.index for choice in self.frame.best(chosen.step)] if self.frame.classes else list(range(rows))
        if chosen.unit not in order[:rows]:
            return (box,)
        height = box.height() / rows
        return (QRectF(box.x(), box.y() + order.index(chosen.unit) * height, box.width(), height),)

    def tip(self, stage: Stage, hit: Hit) -> str:
        """The exact numbers."""
        frame, tr = self.frame, QCoreApplication.translate
        name = f"y[{hit.step + 1}]"
        if not frame.known(hit.step, stage.position):
            return f"{name}: " + tr("tracks", "not computed yet")
        lines = []
        if hit.unit is not None:
            label = f"“{frame.label(hit.unit)}”" if frame.classes else str(hit.unit + 1)
            lines.append(f"{name} {label} = {full(frame.y[hit.step, hit.unit])}")
            if frame.target is not None:
                lines += self._target(hit.step, hit.unit)
        if frame.loss is not None and frame.scored(stage.position) and np.isfinite(frame.loss[hit.step]):
            lines.append(f"ℓ = {full(frame.loss[hit.step])}")
        return "\n".join(lines) or name

    def anchor(self, stage: Stage, output: int) -> QPointF:
        """Where the edge that feeds an output back begins."""
        box = self._box(stage, output)
        return QPointF(box.right(), box.top() + box.height() / max(1, self._rows(stage, output)) / 2)

    def _target(self, output: int, unit: int) -> list[str]:
        target, tr = self.frame.target, QCoreApplication.translate
        if target is None:
            return []
        if self.frame.classes:
            return [tr("tracks", "this is the target")] if int(target[output]) == unit else []
        return [tr("tracks", "target {}").format(full(target[output, unit]))]

    def _rows(self, stage: Stage, output: int) -> int:
        rows = self.frame.rows if self.frame.classes else self.frame.y.shape[1]
        return rows if stage.axis.column >= stage.px(64) or self.frame.single or not self.frame.classes else 1

    def _box(self, stage: Stage, output: int) -> QRectF:
        """Where the list of an output stands, without its loss."""
        axis = stage.axis
        column = int(self.frame.columns[output])
        room = stage.height - stage.px(LOSS + 8)
        rows = self.frame.rows if self.frame.classes else 1
        height = min(room, rows * stage.px(ROW * 1.25)) if self.frame.classes else min(room, stage.px(90))
        height *= self._rows(stage, output) / rows if self.frame.classes else 1
        width = axis.column - stage.px(10)
        x = axis.left(column) + stage.px(5)
        if self.frame.single:
            wide = max(width, min(stage.px(210), axis.width - stage.px(8)))
            wide = min(wide, stage.px(300))
            right = max(axis.left(column) + (axis.column + min(wide, width)) / 2, wide - axis.scroll)
            return QRectF(right - wide, stage.bottom - stage.px(LOSS + 4) - height, wide, height)
        return QRectF(x, stage.bottom - stage.px(LOSS + 4) - height, width, height)

    # Classes -----------------------------------------------------------------------------------------

    def _paint_classes(self, painter: QPainter, stage: Stage, output: int, box: QRectF) -> None:
        frame, theme = self.frame, stage.theme
        rows = self._rows(stage, output)
        height = box.height() / rows
        known = frame.known(output, stage.position)
        best = frame.best(output)
        if rows == 1:
            best = (max(best, key=lambda choice: choice.share),)
        likeliest = max((c.share for c in best if np.isfinite(c.share)), default=0.0)
        for row in range(rows):
            line = QRectF(box.x(), box.y() + row * height, box.width(), height - max(1.0, stage.px(2)))
            if known and row < len(best):
                choice = best[row]
                self._paint_choice(painter, stage, line, choice, choice.share == likeliest)
            else:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(theme.slot)
                painter.drawRoundedRect(line, stage.px(3), stage.px(3))

    def _paint_choice(self, painter: QPainter, stage: Stage, line: QRectF, choice: Choice, best: bool) -> None:
        theme, radius = stage.theme, stage.px(3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.slot if np.isfinite(choice.share) else _shapes.hatched(theme, stage.unit))
        painter.drawRoundedRect(line, radius, radius)
        wide = line.width() >= stage.px(110)
        pad, size = stage.px(6 if wide else 4), stage.type(FONT if wide else FONT * 0.93)
        if np.isfinite(choice.share):
            bar = QRectF(line)
            bar.setWidth(max(stage.px(2), line.width() * choice.share))
            painter.setBrush(palette.blend(theme.slot, theme.ink, 0.22 if best else 0.12))
            painter.drawRoundedRect(bar, min(radius, bar.width() / 2), radius)
        middle = line.center().y()
        right = line.right() - pad
        kind = face("mono", stage.type(FONT * 0.95))
        # In every line of every list or in none: a column of numbers is read downwards and across.
        numbered = line.width() - 2 * pad - kind.width("0.00") >= stage.px(WORD)
        shown = choice.target and self.frame.scored(stage.position) and line.width() >= stage.px(44)
        if shown:
            self._tick(painter, QPointF(right - stage.px(4), middle), stage)
            right -= stage.px(14 if wide else 10)
        share = percent(choice.share) if self.frame.single else fixed(choice.share, 2)
        left = line.x() + pad
        label = face("ui", size, 600 if best else 400)
        if numbered:
            right -= write(painter, QPointF(right, middle), share, kind, theme.muted, "right") + stage.px(4)
        if line.width() < stage.px(56):
            label = face("ui", stage.type(FONT * 0.9), 600 if best else 400)
            text = beginning(label, choice.label, right - left + pad)
            left -= pad / 2
        else:
            text = elided(label, choice.label, right - left) or choice.label[:1]
        write(painter, QPointF(left, middle), text, label, theme.text)

    @staticmethod
    def _tick(painter: QPainter, at: QPointF, stage: Stage) -> None:
        """The mark of the target."""
        s = stage.px(3.6)
        points = [at + QPointF(-s, 0), at + QPointF(-s * 0.25, s * 0.75), at + QPointF(s, -s * 0.8)]
        _shapes.line(painter, points, stage.theme.text, stage.px(1.6))

    # Numbers -----------------------------------------------------------------------------------------

    def _paint_numbers(self, painter: QPainter, stage: Stage, output: int, box: QRectF) -> None:
        values, theme = np.asarray(self.frame.y[output], dtype=float), stage.theme
        if not self.frame.known(output, stage.position):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.slot)
            painter.drawRoundedRect(box, stage.px(3), stage.px(3))
            return
        step = box.height() / len(values)
        for row, value in enumerate(values.tolist()):
            cell = QRectF(box.x(), box.y() + row * step, box.width(), step)
            wrong = not np.isfinite(value)
            colour = colormaps.diverging(value, self._scale, theme)
            painter.fillRect(cell, _shapes.hatched(theme, stage.unit) if wrong else colour)
        if step >= stage.px(_shapes.FINE):
            _shapes.gaps(painter, box, len(values), stage.px(1.5), stage.unit)
        kind = face("mono", stage.type(FONT))
        for row, value in enumerate(values.tolist()):
            text = number(value, 2)
            if step < stage.px(13) or kind.width(text) > box.width() - 4 or not np.isfinite(value):
                continue
            colour = colormaps.diverging(float(value), self._scale, theme)
            at = QPointF(box.center().x(), box.y() + (row + 0.5) * step)
            write(painter, at, text, kind, _legible(colour, theme), "centre")

    # Losses ------------------------------------------------------------------------------------------

    def _paint_loss(self, painter: QPainter, stage: Stage, output: int, box: QRectF) -> None:
        frame = self.frame
        if frame.loss is None or not frame.scored(stage.position) or np.isnan(frame.loss[output]):
            return
        value, kind = float(frame.loss[output]), face("mono", stage.type(FONT * 0.95))
        name = "L" if frame.single else "ℓ"
        colour = stage.theme.muted if np.isfinite(value) else stage.theme.warning
        room = box.width() + stage.px(6)
        short = number(value, 1).replace(f"{THIN}{TIMES}{THIN}", TIMES)
        # The same form for all: the first in which even the longest of losses would have room.
        forms = (
            (f"{name} = {number(value, 3)}", f"{name} = {LONGEST}"),
            (f"{name} {number(value, 2)}", f"{name} {LONGEST}"),
            (number(value, 2), LONGEST),
            (short, short),
        )
        for text, longest in forms:
            if kind.width(longest) <= room and kind.width(text) <= room:
                at = QPointF(box.center().x(), box.bottom() + stage.px(LOSS / 2))
                write(painter, at, text, kind, colour, "centre")
                return

    def _paint_strip(self, painter: QPainter, stage: Stage) -> None:
        """A thin strip coloured by the loss, where there is no room for words."""
        frame, axis, theme = self.frame, stage.axis, stage.theme
        exposed = stage.columns()
        seen = np.flatnonzero((frame.columns >= exposed.start) & (frame.columns < exposed.stop))
        top, height = stage.top + stage.px(8), stage.height - stage.px(16)
        scored = frame.loss is not None and frame.scored(stage.position)
        if scored and frame.loss is not None:
            finite = frame.loss[np.isfinite(frame.loss)]
            largest = float(finite.max(initial=0.0))
            colours = colormaps.sequential(np.nan_to_num(frame.loss), 0.0, largest, theme, log=False)
        for output in seen.tolist():
            column = int(frame.columns[output])
            box = QRectF(axis.left(column), top, max(1.0, axis.column), height)
            if not frame.known(output, stage.position):
                painter.fillRect(box, theme.slot)
            elif not scored or frame.loss is None or np.isnan(frame.loss[output]):
                painter.fillRect(box, palette.blend(theme.slot, theme.ink, 0.2))
            else:
                painter.fillRect(box, QColor(*colours[output].tolist()))


def _legible(ground: QColor, theme: palette.Theme) -> QColor:
    """The one of the theme's two inks that is read better on a colour."""
    return max((theme.text, theme.canvas), key=lambda ink: palette.contrast(ground, ink))


def make(sheet: Sheet) -> list[OutputTrack]:
    """The one track of outputs."""
    return [OutputTrack(sheet)] if len(sheet.outputs.columns) else []


tracks.add("output", make)
