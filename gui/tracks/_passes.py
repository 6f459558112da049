"""The arrows of the unrolled diagram: forward in blue, backward in orange as wide as what they carry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter

from engine.format import number
from gui.frames.diagram import DiagramFrame, Row
from gui.frames.heatmap import Block
from gui.frames.norm import VANISHED, Line
from gui.frames.progress import runs
from gui.tracks import _shapes
from gui.tracks.base import Stage, face, write

Box = QRectF
Place = Callable[[Stage, int, int], Box]

FORWARD, BACKWARD = 0.34, 0.64
"""How far down a cell the arrows of the passes meet it."""
WIDEST, HAIR = 6.0, 0.8


def paint(painter: QPainter, stage: Stage, frame: DiagramFrame, place: Place, shown: range) -> None:
    """Draw every arrow that touches an exposed column of the rows that are shown."""
    exposed = stage.columns()
    for index in shown:
        row = frame.rows[index]
        for block in row.states.blocks:
            first, last = block.first, block.first + block.values.shape[1]
            for column in range(max(first, exposed.start - 1), min(last, exposed.stop + 1)):
                _along(painter, stage, place, index, row, block, column)
                if column in exposed or not stage.roomy or stage.fold:
                    upwards(painter, stage, frame, place, index, row, block, column)
        _across(painter, stage, place, index, row)
    _collected(painter, stage, frame, place)


def width_of(size: float, largest: float) -> float:
    """How wide an arrow is that carries a gradient of a size: by its logarithm, down to a hair line."""
    if not size > 0 or not largest > 0:
        return HAIR
    share = np.log(size / largest) / np.log(VANISHED)
    return float(np.clip(WIDEST - (WIDEST - 1.4) * share, 1.4, WIDEST)) if size >= VANISHED * largest else HAIR


def _line(stage: Stage, prefix: str) -> Line | None:
    """The lane's gradients, once the pass has turned round."""
    progress = stage.sheet.progress
    if not stage.sheet.trace.has_gradients or stage.position <= progress.loss:
        return None
    return stage.sheet.norm.line(prefix)


def _along(painter: QPainter, stage: Stage, place: Place, index: int, row: Row, block: Block, column: int) -> None:
    """From this column's state to the one computed after it, and the gradient on its way back."""
    theme, step = stage.theme, column - block.first
    after = step - 1 if row.reverse else step + 1
    if not 0 <= after < block.values.shape[1]:
        return
    here, there = place(stage, index, column), place(stage, index, block.first + after)
    way = -1.0 if row.reverse else 1.0
    start, end = (here.left(), there.right()) if row.reverse else (here.right(), there.left())
    gap = stage.px(2)
    if abs(end - start) < stage.px(7):
        return
    done = block.positions[after] < stage.position
    y = here.top() + here.height() * FORWARD
    _shapes.arrow(
        painter, QPointF(start + way * gap, y), QPointF(end - way * gap, y), theme.forward if done else theme.border,
        stage.px(2), stage.px(9),
    )  # fmt: skip
    line = _line(stage, block.prefix)
    if line is not None and not line.silent[[step, after]].any():
        y = here.top() + here.height() * BACKWARD
        _back(painter, stage, QPointF(end - way * gap, y), QPointF(start + way * gap, y), line, step)


def _back(painter: QPainter, stage: Stage, start: QPointF, end: QPointF, line: Line, step: int) -> None:
    """The arrow that brings a gradient to a step, and what share of it travels."""
    theme = stage.theme
    if line.positions[step] >= stage.position:
        _shapes.line(painter, [start, end], theme.border, max(1.0, stage.px(1)), dashed=True)
        return
    kept = float(line.kept[step])
    size = float(line.travelled[step])
    room = abs(end.x() - start.x())
    if not np.isfinite(size):
        _shapes.arrow(painter, start, end, theme.warning, stage.px(3), stage.px(10), True)
        _write(painter, stage, start, end, number(size), theme.warning)
        return
    largest = stage.sheet.norm.largest
    wide = stage.px(width_of(size, largest))
    head = min(stage.px(7) + wide * 1.3, room * 0.7)
    _shapes.arrow(painter, start, end, theme.backward, wide, head)
    if size < VANISHED * largest:
        _write(painter, stage, start, end, QCoreApplication.translate("tracks", "vanished"), theme.backward, True)
    elif np.isfinite(kept):
        _write(painter, stage, start, end, number(kept, 2), theme.backward)


def _write(
    painter: QPainter, stage: Stage, start: QPointF, end: QPointF, text: str, colour: QColor, words: bool = False
) -> None:
    middle, room = (start.x() + end.x()) / 2, abs(end.x() - start.x()) + stage.px(2)
    # All numbers of a score have one size: what the longest usual one takes between two cells.
    usual = min(room, max(stage.axis.column * 0.46, stage.axis.column - stage.px(64)) + stage.px(2))
    for size in (11.0, 9.5, 8.5):
        kind = face("ui" if words else "mono", stage.type(size))
        width = kind.width(text)
        if width <= room and (words or kind.width("0.00") <= usual):
            at = QPointF(middle, start.y() + stage.px(14))
            height = kind.cap + stage.px(4)
            _shapes.clear(painter, QRectF(middle - width / 2 - 1, at.y() - height / 2, width + 2, height))
            write(painter, at, text, kind, colour, "centre")
            return
    if words:
        _write(painter, stage, start, end, "≈0", colour)


def upwards(
    painter: QPainter, stage: Stage, frame: DiagramFrame, place: Place, index: int, row: Row, block: Block,
    column: int,
) -> None:  # fmt: skip
    """From the input or the layer below into a cell, and from the last layer to the output."""
    theme, box = stage.theme, place(stage, index, column)
    done = block.positions[column - block.first] < stage.position
    colour = theme.forward if done else theme.border
    rows = frame.rows
    points = way_in(stage, frame, place, index, row, column)
    if len(points) > 2:
        _shapes.line(painter, points[:-1], colour, stage.px(1.4))
        _shapes.arrow(painter, points[-2], points[-1], colour, stage.px(1.4), stage.px(6))
    elif points:
        _shapes.arrow(painter, points[0], points[1], colour, stage.px(2), stage.px(9))
    last = row.layer == max(other.layer for other in rows)
    if last:
        _to_output(painter, stage, frame, index, row, column, box)
    elif index and rows[index - 1].layer == row.layer and _has(rows[index - 1], column):
        # Past the other direction's cell, to join what that one gives the layer above.
        over = place(stage, index - 1, column)
        _past(painter, stage, box, over.top() - stage.px(6), theme.forward if done else theme.border)


def way_in(stage: Stage, frame: DiagramFrame, place: Place, index: int, row: Row, column: int) -> list[QPointF]:
    """The way from the input, or the layer below, into a cell; empty where nothing comes."""
    rows, box, gap = frame.rows, place(stage, index, column), stage.px(2)
    centre = box.center().x()
    below = next((i for i in range(index + 1, len(rows)) if rows[i].layer != row.layer), None)
    if below is None and column not in frame.reading:
        return []
    start = stage.bottom if below is None else place(stage, below, column).top()
    if not (index + 1 < len(rows) and rows[index + 1].layer == row.layer and _has(rows[index + 1], column)):
        return [QPointF(centre, start - gap), QPointF(centre, box.bottom() + gap)]
    # Around the other direction's cell, which stands between.
    side = box.left() - stage.px(6)
    foot = place(stage, index + 1, column).bottom() + min(stage.px(12), (start - box.bottom()) / 4)
    turn = box.bottom() + stage.px(9)
    return [
        QPointF(centre - stage.px(4), foot), QPointF(side, foot), QPointF(side, turn), QPointF(centre, turn),
        QPointF(centre, box.bottom() + gap),
    ]  # fmt: skip


def way_out(stage: Stage, frame: DiagramFrame, place: Place, index: int, row: Row, column: int) -> list[QPointF]:
    """The way from a cell of the last layer to the output; empty where it emits none by itself."""
    rows, box, gap = frame.rows, place(stage, index, column), stage.px(2)
    single_reader = stage.sheet.trace.timeline.pattern == "many-to-one"
    last = max(other.layer for other in rows)
    if row.layer != last or column not in frame.emitting or (row.reverse and single_reader):
        return []
    centre, top = box.center().x(), stage.top + gap
    if not (index and rows[index - 1].layer == row.layer and _has(rows[index - 1], column)):
        return [QPointF(centre, box.top() - gap), QPointF(centre, top)]
    side, foot, turn = box.right() + stage.px(6), box.top() + stage.px(8), stage.top + stage.px(14)
    return [
        QPointF(box.right(), foot),
        QPointF(side, foot),
        QPointF(side, turn),
        QPointF(centre, turn),
        QPointF(centre, top),
    ]


def _past(painter: QPainter, stage: Stage, box: QRectF, turn: float, colour: QColor) -> None:
    """From a cell's right side up past the cell above it, and back to the middle."""
    side, foot = box.right() + stage.px(6), box.top() + stage.px(8)
    points = [QPointF(box.right(), foot), QPointF(side, foot), QPointF(side, turn), QPointF(box.center().x(), turn)]
    _shapes.line(painter, points, colour, stage.px(1.4))


def _has(row: Row, column: int) -> bool:
    return any(0 <= column - block.first < block.values.shape[1] for block in row.states.blocks)


def _to_output(
    painter: QPainter, stage: Stage, frame: DiagramFrame, index: int, row: Row, column: int, box: QRectF
) -> None:
    if column not in frame.emitting:
        return
    single_reader = stage.sheet.trace.timeline.pattern == "many-to-one"
    if row.reverse and single_reader:
        return
    output = frame.emitting[column]
    done = bool(stage.sheet.progress.outputs[output] < stage.position)
    colour = stage.theme.forward if done else stage.theme.border
    centre, gap = box.center().x(), stage.px(2)
    top = QPointF(centre, stage.top + gap)
    if not (index and frame.rows[index - 1].layer == row.layer and _has(frame.rows[index - 1], column)):
        _shapes.arrow(painter, QPointF(centre, box.top() - gap), top, colour, stage.px(2), stage.px(9))
        return
    turn = stage.top + stage.px(14)
    _past(painter, stage, box, turn, colour)
    if single_reader:
        _shapes.arrow(painter, QPointF(centre, turn), top, colour, stage.px(1.4), stage.px(7))


def _across(painter: QPainter, stage: Stage, place: Place, index: int, row: Row) -> None:
    """From the encoder's last state into the decoder."""
    if row.reverse or len(row.states.blocks) < 2:
        return
    left, right = row.states.blocks
    here = place(stage, index, left.first + left.values.shape[1] - 1)
    there = place(stage, index, right.first)
    gap, y = stage.px(2), here.top() + here.height() * FORWARD
    done = right.positions[0] < stage.position
    colour = stage.theme.forward if done else stage.theme.border
    _shapes.arrow(
        painter, QPointF(here.right() + gap, y), QPointF(there.left() - gap, y), colour, stage.px(2), stage.px(9)
    )
    line = _line(stage, left.prefix)
    if line is not None:
        y = here.top() + here.height() * BACKWARD
        start, end = QPointF(there.left() - gap, y), QPointF(here.right() + gap, y)
        _back(painter, stage, start, end, line, left.values.shape[1] - 1)


def way_over(stage: Stage, frame: DiagramFrame, place: Place, index: int) -> list[QPointF]:
    """The way of a reverse row's state from where it ends, at the first step, to what reads it at the end.

    Empty where nothing does. To an output it goes as far as the turn that the forward direction's way up takes.
    """
    row, trace = frame.rows[index], stage.sheet.trace
    bridged, last = trace.spec.pattern == "sequence-to-sequence", max(row.layer for row in frame.rows)
    if not row.reverse or not (bridged or (trace.timeline.pattern == "many-to-one" and row.layer == last)):
        return []
    block = row.states.blocks[0]
    box, end = place(stage, index, block.first), block.first + block.values.shape[1] - 1
    start = box.left() + stage.px(6)
    if not bridged:
        over = stage.top + stage.px(14)
        return [QPointF(start, box.top()), QPointF(start, over), QPointF(stage.axis.centre(end), over)]
    forward = next(i for i, other in enumerate(frame.rows) if other.layer == row.layer and not other.reverse)
    target = place(stage, forward, frame.rows[forward].states.blocks[1].first)
    # Above the names of the states, where there are some.
    over = box.top() - stage.px(23 if index == 0 and stage.roomy else 7)
    x, y = stage.axis.right(end) + stage.axis.gap / 2, target.top() + target.height() * FORWARD
    return [QPointF(start, box.top()), QPointF(start, over), QPointF(x, over), QPointF(x, y)]


def _collected(painter: QPainter, stage: Stage, frame: DiagramFrame, place: Place) -> None:
    """Where the reverse direction ends, at the first step, its state goes to what reads it at the end."""
    progress = stage.sheet.progress
    for index, row in enumerate(frame.rows):
        points = way_over(stage, frame, place, index)
        if points:
            decoder = next((r.states.blocks[1] for r in frame.rows if r.layer == row.layer and not r.reverse
                            and len(r.states.blocks) == 2), None)  # fmt: skip
            read = progress.outputs[0] if decoder is None else decoder.positions[0]
            colour = stage.theme.forward if read < stage.position else stage.theme.border
            _shapes.line(painter, points, colour, stage.px(1.4))


def band(painter: QPainter, stage: Stage, box: QRectF, block: Block, low: int, high: int) -> None:
    """Where there are no cells: the forward pass as a line, the backward one as wide as what it carries."""
    here = slice(low - block.first, high - block.first)
    y, axis, theme = box.top() + box.height() * 0.32, stage.axis, stage.theme
    for a, b in runs(block.positions[here] < stage.position):
        left, right = axis.left(low + a), axis.right(low + b - 1)
        painter.fillRect(QRectF(left, y - stage.px(1), right - left, stage.px(2)), theme.forward)
    line = _line(stage, block.prefix)
    if line is None:
        return
    y = box.top() + box.height() * 0.68
    largest = stage.sheet.norm.largest
    most = max(1, int(1 / axis.column)) if axis.column < 1 else 1
    for step in range(here.start, here.stop, most):
        if line.positions[step] >= stage.position or line.silent[step : step + most].all():
            continue
        size = float(line.total[step : step + most].max())
        wide = stage.px(width_of(size, largest)) if np.isfinite(size) else stage.px(WIDEST)
        colour = theme.backward if np.isfinite(size) else theme.warning
        left = axis.left(block.first + step)
        painter.fillRect(QRectF(left, y - wide / 2, axis.column * most + 0.5, wide), colour)
