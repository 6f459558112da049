"""The network unrolled in time: a row of cells for each layer and direction, and what passes between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from engine.registry import cells
from gui.frames.axis import Part
from gui.frames.diagram import DiagramFrame, Row
from gui.frames.heatmap import Block
from gui.frames.sheet import Sheet
from gui.tracks import _passes, _rolled, _shapes
from gui.tracks._passes import Box
from gui.tracks.base import Hit, Move, Stage, Track, face, lane_words, tracks, write

ABOVE, BELOW = 26.0, 24.0
"""Room for the arrows to the outputs and from the inputs."""
LABEL = 20.0
FOLDED = 48.0
"""A folded cell is at least as wide."""
FRAME_TOP, FRAME_BOTTOM = 22.0, 10.0
"""Between a part's frame and its cells; its name stands above them."""


@dataclass(frozen=True)
class Geometry:
    """Where the rows of cells stand.

    Attributes
    ----------
    tops : tuple of float
        Upper edge of each row's cells.
    height, width : float
        Of a cell.
    frame : QRectF-like bounds
        top and bottom of the frames around the parts.
    """

    tops: tuple[float, ...]
    height: float
    width: float
    top: float
    bottom: float


class DiagramTrack(Track):
    """Cells with their hidden vectors, forward and backward arrows."""

    id = "diagram"
    centred = True
    stretch = 1.3

    def __init__(self, sheet: Sheet) -> None:
        tr = QCoreApplication.translate
        self._sheet = sheet
        self._measured: tuple[Stage, Geometry] | None = None
        spec = sheet.trace.spec
        self.title = tr("tracks", "Unrolled")
        what = cells[spec.cell].title + (f" · {spec.nonlinearity}" if spec.cell == "rnn" else "")
        several = len(sheet.trace.timeline.parts) > 1
        same = tr("tracks", "own weights\nfor each part") if several else tr("tracks", "same W at\nevery step")
        self.subtitle = f"{what}\n{same}"
        rows = len(self.frame.rows)
        fine = spec.hidden_size <= 16
        cell = min(130.0, max(60.0, spec.hidden_size * 12.0 + 16)) if fine else 96.0
        cell = cell if rows == 1 else max(44.0, cell * (0.75 if rows == 2 else 0.55))
        extra = ABOVE + BELOW + (FRAME_TOP + FRAME_BOTTOM if several else 0)
        self.natural = rows * cell + rows * LABEL + extra
        self.minimum = rows * 40.0 + rows * LABEL * 0.8 + extra
        self.folded = rows * 26.0 + 8.0 + (22.0 if several else 14.0)

    @property
    def frame(self) -> DiagramFrame:
        """The rows."""
        return self._sheet.diagram

    def heading(self, stage: Stage) -> str:
        """Whether it is rolled up."""
        return QCoreApplication.translate("tracks", "Rolled up") if stage.fold >= 1 else self.title

    def marks(self, stage: Stage) -> Sequence[tuple[float, str]]:
        """The layers and directions, where there are several."""
        if len(self.frame.rows) < 2:
            return ()
        place = self._geometry(stage)
        ways = [(row.layer, "reverse" if row.reverse else "forward") for row in self.frame.rows]
        words = [lane_words(self._sheet, layer, way) for layer, way in ways]
        return [(top + place.height / 2, word) for top, word in zip(place.tops, words, strict=True)]

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw frames, arrows and cells."""
        place = self._geometry(stage)
        if stage.fold >= 1:
            self._paint_rolled(painter, stage, place)
            return
        painter.setOpacity(1 - stage.fold)
        self._paint_frames(painter, stage, place)
        painter.setOpacity(1.0)
        shown = self._shown(painter, place)
        for index in shown:
            row = self.frame.rows[index]
            for part, low, high in stage.exposed():
                block = next((b for b in row.states.blocks if b.first == part.first), None)
                if block is None:
                    continue
                if stage.narrow:
                    self._paint_band(painter, stage, place, index, block, low, high)
                else:
                    for column in range(low, high):
                        self._paint_cell(painter, stage, place, index, block, column)
        if stage.fold > 0 and stage.column is not None and not stage.narrow:
            self._paint_current(painter, stage, place)  # over those that fold onto it
        # While cells lie on one another there is no room for arrows.
        if stage.axis.column >= stage.px(24) and stage.axis.column * (1 - stage.fold) >= place.width * (stage.fold > 0):
            _passes.paint(painter, stage, self.frame, self._box, shown)
        painter.setOpacity(1 - stage.fold)
        self._paint_names(painter, stage, place)
        painter.setOpacity(1.0)
        if stage.lit:
            _rolled.light(painter, stage, self.frame, self._box)

    def _shown(self, painter: QPainter, place: Geometry) -> range:
        """The rows that lie where is painted, and those whose arrows may reach there."""
        count, clip = len(place.tops), painter.clipBoundingRect()
        if count < 4 or not painter.hasClipping():
            return range(count)
        pitch = place.tops[1] - place.tops[0]
        first = floor((clip.top() - place.tops[0]) / pitch) - 2
        last = floor((clip.bottom() - place.tops[0]) / pitch) + 3
        return range(max(0, first), max(0, min(count, last)))

    def touched(self, move: Move) -> Sequence[tuple[int, int]]:
        """The cells that come or go or lose the playhead, and the arrows that are drawn or turned back."""
        sheet, found = self._sheet, [(column, column) for column in move.ends]
        for row in self.frame.rows:
            for block in row.states.blocks:
                found += [(column - 1, column) for column in move.among(block.positions, block.first)]
        for line in sheet.norm.lines if sheet.trace.has_gradients else ():
            found += [(column, column + 1) for column in move.among(line.positions, line.first)]
        emitting = {output: column for column, output in self.frame.emitting.items()}
        return found + [(emitting[output], emitting[output]) for output in move.among(sheet.progress.outputs)]

    def _paint_current(self, painter: QPainter, stage: Stage, place: Geometry) -> None:
        for index, row in enumerate(self.frame.rows):
            for block in row.states.blocks:
                if stage.column is not None and 0 <= stage.column - block.first < block.values.shape[1]:
                    self._paint_cell(painter, stage, place, index, block, stage.column)

    def _paint_rolled(self, painter: QPainter, stage: Stage, place: Geometry) -> None:
        """One cell a row and part, at the playhead's step, with its loop."""
        for index, row in enumerate(self.frame.rows):
            for block in row.states.blocks:
                column = block.first + _rolled.step_of(stage, block)
                self._paint_cell(painter, stage, place, index, block, column)
        _rolled.paint(painter, stage, self.frame, self._box)
        if stage.lit:
            _rolled.light(painter, stage, self.frame, self._box)

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The cell, and the unit of its vector, at a point."""
        if stage.fold > 0:
            return self._hit_rolled(stage, x, y)
        column = stage.axis.at(x)
        if column is None:
            return None
        for index, row in enumerate(self.frame.rows):
            block = next((b for b in row.states.blocks if 0 <= column - b.first < b.values.shape[1]), None)
            box = None if block is None else self._box(stage, index, column)
            if block is None or box is None or not box.adjusted(-4, -4, 4, 4).contains(x, y):
                continue
            inner = self._inner(stage, box)
            unit = int((y - inner.y()) / inner.height() * row.states.size)
            inside = 0 <= unit < row.states.size
            return Hit(block.prefix, column - block.first, unit if inside else None, row.states.name)
        return None

    def _hit_rolled(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The folded cell at a point, at the step that it shows."""
        for index, row in enumerate(self.frame.rows):
            for block in row.states.blocks:
                step = _rolled.step_of(stage, block)
                box = self._box(stage, index, block.first + step)
                if box.contains(x, y):
                    inner = self._inner(stage, box)
                    unit = int((y - inner.y()) // (inner.height() / row.states.size))
                    return Hit(block.prefix, step, unit if 0 <= unit < row.states.size else None, row.states.name)
        return None

    def outlines(self, stage: Stage, chosen: Hit) -> Sequence[QRectF]:
        """The chosen cell, and the chosen unit in it."""
        for index, row in enumerate(self.frame.rows):
            block = row.states.block(chosen.prefix)
            if block is None or chosen.step >= block.values.shape[1]:
                continue
            if stage.fold > 0 and chosen.step != _rolled.step_of(stage, block):
                continue
            box = self._box(stage, index, block.first + chosen.step)
            if chosen.unit is None or chosen.unit >= row.states.size:
                return (box,)
            inner = self._inner(stage, box)
            step = inner.height() / row.states.size
            return (QRectF(inner.x(), inner.y() + chosen.unit * step, inner.width(), max(step, stage.px(3))),)
        return ()

    def _geometry(self, stage: Stage) -> Geometry:
        """Where the rows stand on a stage; measured once for all that is asked about it."""
        if self._measured is None or self._measured[0] is not stage:
            self._measured = stage, self._measure(stage)
        return self._measured[1]

    def _measure(self, stage: Stage) -> Geometry:
        if stage.narrow:
            return self._folded(stage)
        several = len(stage.axis.parts) > 1
        above = stage.px(ABOVE if self.frame.emitting else 8)
        edge, foot = (stage.px(FRAME_TOP), stage.px(FRAME_BOTTOM)) if several else (0.0, 0.0)
        count, label = len(self.frame.rows), stage.px(LABEL) if stage.roomy else stage.px(8)
        room = stage.height - above - stage.px(BELOW) - edge - foot - count * label
        height = max(stage.px(20), room / count)
        tops = tuple(stage.top + above + edge + label * (i + 1) + height * i for i in range(count))
        width = stage.axis.column * (0.6 if stage.axis.column >= stage.px(24) else 0.8)
        if stage.roomy:
            width = min(max(stage.px(24), stage.axis.column * 0.54), stage.px(64))
        return Geometry(tops, height, width, stage.top + above, stage.bottom - stage.px(BELOW))

    def _folded(self, stage: Stage) -> Geometry:
        """Thin bands, one a row, where there is no room for cells."""
        edge = stage.px(16 if len(stage.axis.parts) > 1 else 6)
        count = len(self.frame.rows)
        step = (stage.height - 2 * edge) / count
        tops = tuple(stage.top + edge + step * i + stage.px(2) for i in range(count))
        height = max(stage.px(8), step - stage.px(4))
        return Geometry(tops, height, stage.axis.column, stage.top + stage.px(1), stage.bottom - stage.px(1))

    def _box(self, stage: Stage, row: int, column: int) -> Box:
        place, centre = self._geometry(stage), stage.axis.centre(column)
        width = place.width
        if stage.fold > 0:
            part = next(part for part in reversed(stage.axis.parts) if column >= part.first)
            centre += (_rolled.centre(stage, part) - centre) * stage.fold
            width += (max(width, stage.px(FOLDED)) - width) * stage.fold
        return QRectF(centre - width / 2, place.tops[row], width, place.height)

    @staticmethod
    def _inner(stage: Stage, box: QRectF) -> QRectF:
        """The vector's place in a cell."""
        pad = min(stage.px(9), box.width() * 0.18, box.height() * 0.12)
        return box.adjusted(pad, pad, -pad, -pad)

    def _paint_frames(self, painter: QPainter, stage: Stage, place: Geometry) -> None:
        """The encoder's and the decoder's frames."""
        if len(stage.axis.parts) < 2:
            return
        for box, _ in self._framed(stage, place):
            painter.setPen(QPen(stage.theme.border, max(1.5, stage.px(1.5))))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), stage.px(10), stage.px(10))

    def _paint_names(self, painter: QPainter, stage: Stage, place: Geometry) -> None:
        """What the frames are called: beside the first arrow to an output, or over it where there is no room."""
        if len(stage.axis.parts) < 2:
            return
        names = {
            "encoder": QCoreApplication.translate("tracks", "ENCODER"),
            "decoder": QCoreApplication.translate("tracks", "DECODER"),
        }
        kind = face("ui", stage.type(10.5), 600)
        for box, part in self._framed(stage, place):
            name = names[part.name]
            width = kind.width(name)
            emits = any(part.first <= c < part.first + part.count for c in self.frame.emitting)
            beside = emits and width <= stage.axis.column - stage.px(12)
            start = stage.axis.centre(part.first) + stage.px(6) if beside else box.left() + stage.px(12)
            if width <= box.width() - stage.px(16):
                at = QPointF(start, place.top + stage.px(9 if stage.narrow else 13))
                _shapes.clear(painter, QRectF(start - 2, at.y() - stage.px(6), width + 4, stage.px(12)))
                write(painter, at, name, kind, stage.theme.muted)

    @staticmethod
    def _framed(stage: Stage, place: Geometry) -> list[tuple[QRectF, Part]]:
        """The parts that are exposed, and where their frames stand."""
        found = []
        for part in stage.axis.parts:
            left, right = stage.axis.left(part.first), stage.axis.right(part.first + part.count - 1)
            if right >= stage.left and left <= stage.right:
                found.append((QRectF(left, place.top, right - left, place.bottom - place.top), part))
        return found

    def _paint_cell(
        self, painter: QPainter, stage: Stage, place: Geometry, index: int, block: Block, column: int
    ) -> None:
        theme, row, step = stage.theme, self.frame.rows[index], column - block.first
        box, roomy = self._box(stage, index, column), stage.roomy
        there, held = bool(block.positions[step] < stage.position), bool(block.padding[step])
        current = column == stage.column and self._is_current(stage, row)
        radius = min(stage.px(9), box.width() * 0.2)
        pen = QPen(theme.text if current else theme.border, stage.px(2.5) if current else max(1.0, stage.px(1.2)))
        if held:
            pen.setDashPattern([2.0, 2.0])
        painter.setPen(pen)
        painter.setBrush(theme.slot)
        painter.drawRoundedRect(box, radius, radius)
        if there:
            painter.setOpacity(_shapes.HELD if held else 1.0)
            self._paint_vector(painter, stage, self._inner(stage, box), row, block, step)
            painter.setOpacity(1.0)
        if roomy:
            self._paint_label(painter, stage, box, index, column, block)

    def _paint_vector(self, painter: QPainter, stage: Stage, box: QRectF, row: Row, block: Block, step: int) -> None:
        box = _shapes.snapped(box, stage.ratio)
        rows, steps = block.values.shape
        image = _shapes.picture(
            self._sheet, row.states, block, round(box.height() * stage.ratio), steps, stage.theme, "diagram"
        )
        _shapes.column(painter, box, image, block, step, stage.theme, stage.unit)
        if box.height() / rows >= stage.px(_shapes.FINE):
            gap = min(stage.px(1.5), box.height() / rows * 0.25)
            _shapes.gaps(painter, box, rows, gap, stage.unit, stage.theme.slot)

    def _is_current(self, stage: Stage, row: Row) -> bool:
        """Whether the playhead is about this row: in a bidirectional network it does one lane at a time."""
        if stage.position == 0:
            return False
        under_way = ceil(stage.position) - 1
        event = self._sheet.kept(("event", under_way), lambda: self._sheet.trace.events.token(under_way))
        both = any(way == "reverse" for _, way in self._sheet.directions)
        if not both or event.layer is None:
            return not both or event.part == "decoder"
        return (event.layer, event.direction == "reverse") == (row.layer, row.reverse)

    def _paint_label(self, painter: QPainter, stage: Stage, box: QRectF, index: int, column: int, block: Block) -> None:
        """h with its step below it; beside the arrow where one leaves the cell upwards.

        All of a row are as large as there is room for the one of its last step, or none is there.
        """
        if index and len({row.layer for row in self.frame.rows}) < len(self.frame.rows):
            return  # between two directions the arrows have the room
        name, steps = self.frame.rows[index].states.name, block.values.shape[1]
        end = block.first + steps - 1
        aside, wide, gap = stage.px(7), stage.axis.column, stage.px(3)
        beside = index > 0 or end - 1 in self.frame.emitting  # at every step, not at the last alone
        for size in (18.0, 15.0, 13.0):
            big, small = face("math", stage.type(size)), face("math", stage.type(size * 0.68))
            width = big.width(name) + small.width(str(steps))
            # The one arrow of a last step may push its h towards the h before it, which stands in the middle.
            room = wide / 2 - aside - gap + (0.0 if beside else max(0.0, wide - width) / 2)
            if width <= (room if beside or end in self.frame.emitting else wide):
                break
        else:
            return
        leaving, below = index > 0 or column in self.frame.emitting, str(column - block.first + 1)
        width = big.width(name) + small.width(below)
        x = box.center().x() - (aside + width if leaving else width / 2)
        y = box.top() - stage.px(7)
        painter.setPen(stage.theme.text)
        painter.setFont(big.font)
        painter.drawText(QPointF(x, y), name)
        painter.setFont(small.font)
        painter.drawText(QPointF(x + big.width(name), y + stage.px(3)), below)

    def _paint_band(
        self, painter: QPainter, stage: Stage, place: Geometry, index: int, block: Block, low: int, high: int
    ) -> None:
        """Steps that run into one another: one box, filled as far as the pass has come."""
        axis, theme = stage.axis, stage.theme
        end = block.first + block.values.shape[1] - 1
        box = QRectF(axis.left(block.first), place.tops[index], 0, place.height)
        box.setRight(axis.right(end))
        painter.setPen(QPen(theme.border, max(1.0, stage.px(1.2))))
        painter.setBrush(theme.slot)
        painter.drawRoundedRect(box, stage.px(6), stage.px(6))
        _passes.band(painter, stage, box, block, low, high)


def make(sheet: Sheet) -> list[DiagramTrack]:
    """The one diagram."""
    return [DiagramTrack(sheet)]


tracks.add("diagram", make)
