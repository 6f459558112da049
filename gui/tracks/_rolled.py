"""The diagram rolled up into one cell with its loop, and every place lit up where one weight is used."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from gui.frames.axis import Part
from gui.frames.diagram import DiagramFrame, Row
from gui.frames.heatmap import Block
from gui.tracks import _passes, _shapes
from gui.tracks.base import Stage, face, lane_words, write

W_IH, W_HH, W_Y = "W_ih", "W_hh", "W_y"
WEIGHTS = (W_IH, W_HH, W_Y)
LOOP = 54.0
"""How far the loop reaches out of the cell."""
GLOW, SHINE = 13.0, 0.36

Place = Callable[[Stage, int, int], QRectF]


def centre(stage: Stage, part: Part) -> float:
    """Where a part's columns fold to: the middle of what is seen of it."""
    axis = stage.axis
    left, right = axis.left(part.first), axis.right(part.first + part.count - 1)
    return (max(left, 0.0) + min(right, axis.width)) / 2 if right > 0 and left < axis.width else (left + right) / 2


def step_of(stage: Stage, block: Block) -> int:
    """Which step a folded cell shows: the playhead's, else the nearest that the part has."""
    column = block.first if stage.column is None else stage.column
    return max(0, min(column - block.first, block.values.shape[1] - 1))


def paint(painter: QPainter, stage: Stage, frame: DiagramFrame, place: Place) -> None:
    """Draw the loops, the inputs and outputs, and the weights' names around the folded cells."""
    named: set[tuple[str, float, float]] = set()
    for index, row in enumerate(frame.rows):
        for block in row.states.blocks:
            column = block.first + step_of(stage, block)
            box = place(stage, index, column)
            if not stage.narrow:
                _passes.upwards(painter, stage, frame, place, index, row, block, column)
            _loop(painter, stage, box, row, block)
            for weight in (W_IH, W_Y) if not stage.narrow else ():
                for _, at in _uses(stage, weight, frame, place, index, row, block, column):
                    if at is not None and (weight, at.x(), at.y()) not in named:
                        named.add((weight, at.x(), at.y()))
                        _name(painter, stage, at, weight, "left")
        if len(row.states.blocks) == 2 and not row.reverse:
            _handed_on(painter, stage, place, index, row)


def _curve(stage: Stage, box: QRectF, reverse: bool, inner: float = 0.0) -> QPainterPath:
    """Out of one side of a cell and back into it."""
    way = -1.0 if reverse else 1.0
    side = box.left() if reverse else box.right()
    top, foot = box.top() + box.height() * (0.22 + inner), box.top() + box.height() * (0.78 - inner)
    out = side + way * stage.px(LOOP) * (1.35 - 2.2 * inner)
    path = QPainterPath(QPointF(side, top))
    path.cubicTo(QPointF(out, top - stage.px(6)), QPointF(out, foot + stage.px(6)), QPointF(side, foot))
    return path


def _loop(painter: QPainter, stage: Stage, box: QRectF, row: Row, block: Block) -> None:
    """The state that comes back in; inside it, once the pass has turned, the gradient on its way back."""
    theme, way = stage.theme, -1.0 if row.reverse else 1.0
    done = bool((block.positions < stage.position).any())
    _bent(painter, stage, _curve(stage, box, row.reverse), theme.forward if done else theme.border, 2.0, False)
    if stage.sheet.trace.has_gradients and stage.position > stage.sheet.progress.loss:
        _bent(painter, stage, _curve(stage, box, row.reverse, 0.12), theme.backward, 2.0, True)
    side = box.left() if row.reverse else box.right()
    at = QPointF(side + way * stage.px(LOOP + 6), box.center().y())
    _name(painter, stage, at, W_HH, "right" if row.reverse else "left")


def _bent(painter: QPainter, stage: Stage, path: QPainterPath, colour: QColor, width: float, back: bool) -> None:
    """A curve with the head of an arrow at its end, or at its beginning."""
    painter.setPen(QPen(colour, stage.px(width)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    end, near = (path.pointAtPercent(0.0), path.pointAtPercent(0.12)) if back else (
        path.pointAtPercent(1.0), path.pointAtPercent(0.88)
    )  # fmt: skip
    dx, dy = end.x() - near.x(), end.y() - near.y()
    length = max(1e-6, (dx * dx + dy * dy) ** 0.5)
    head = stage.px(9)
    base = QPointF(end.x() - dx / length * head, end.y() - dy / length * head)
    across = QPointF(-dy / length * head * 0.5, dx / length * head * 0.5)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([end, base + across, base - across]))


def _handed_on(painter: QPainter, stage: Stage, place: Place, index: int, row: Row) -> None:
    """From the encoder's folded cell to the decoder's: its last state."""
    left, right = row.states.blocks
    here, there = (place(stage, index, block.first + step_of(stage, block)) for block in (left, right))
    start, end = here.right() + stage.px(LOOP + 38), there.left() - stage.px(3)
    if end - start > stage.px(12):
        done = bool(right.positions[0] < stage.position)
        colour = stage.theme.forward if done else stage.theme.border
        y = here.center().y()
        _shapes.arrow(painter, QPointF(start, y), QPointF(end, y), colour, stage.px(2), stage.px(9))


# One weight, everywhere -------------------------------------------------------------------------------------


def light(painter: QPainter, stage: Stage, frame: DiagramFrame, place: Place) -> None:
    """Let every place glow where the stage's chosen weight is used, each with the weight's name where it fits."""
    exposed = stage.columns()
    for index, row in enumerate(frame.rows):
        for block in row.states.blocks:
            count = block.values.shape[1]
            name = stage.lit if stage.lit == W_Y else stage.lit + _whose(stage, row, block)
            if stage.fold >= 1:
                columns: range = range(block.first + step_of(stage, block), block.first + step_of(stage, block) + 1)
            else:
                columns = range(max(block.first, exposed.start - 1), min(block.first + count, exposed.stop + 1))
                if stage.lit == W_Y and block.first not in columns and _far(stage, frame, place, index):
                    columns = range(block.first, columns.stop)  # the way from the first step passes over the others
            if stage.narrow and stage.fold < 1:
                _glow_band(painter, stage, frame, index, block, place)
                continue
            for column in columns:
                for path, at in _uses(stage, stage.lit, frame, place, index, row, block, column):
                    _glow(painter, stage, path)
                    if at is not None and stage.roomy and stage.fold == 0:
                        _name(painter, stage, at, name, "left", stage.lit == W_HH)


def _uses(
    stage: Stage, weight: str, frame: DiagramFrame, place: Place, index: int, row: Row, block: Block, column: int
) -> list[tuple[QPainterPath, QPointF | None]]:
    """The ways along which a weight is multiplied at one step: each with where its name stands, where it needs one."""
    box, step, gap = place(stage, index, column), column - block.first, stage.px(2)
    if weight != W_HH:
        way = _passes.way_in if weight == W_IH else _passes.way_out
        points = way(stage, frame, place, index, row, column)
        far = _far(stage, frame, place, index) if weight == W_Y and column == block.first and stage.fold < 1 else []
        points = points or far
        if not points:
            return []
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        y = points[-1].y() + stage.px(11) if weight == W_IH else stage.top + stage.px(10)
        # Where both directions' ways meet the name stands once.
        return [(path, None if far else QPointF(points[-1].x() + stage.px(8), y))]
    turned = stage.sheet.trace.has_gradients and stage.position > stage.sheet.progress.loss
    if stage.fold >= 1:
        # The loop has its name beside it.
        return [(_curve(stage, box, row.reverse, inner), None) for inner in ((0.0, 0.12) if turned else (0.0,))]
    after = step - 1 if row.reverse else step + 1
    if not 0 <= after < block.values.shape[1]:
        return []
    there = place(stage, index, block.first + after)
    left, right = (there, box) if row.reverse else (box, there)
    found = []
    for share in (_passes.FORWARD, _passes.BACKWARD) if turned else (_passes.FORWARD,):
        y = box.top() + box.height() * share
        at = QPointF(left.right() + stage.px(3), y - stage.px(11))
        forward = share == _passes.FORWARD  # on its way back it is the same weight, transposed
        found.append((_straight(left.right() + gap, y, right.left() - gap, y), at if forward else None))
    return found


def _far(stage: Stage, frame: DiagramFrame, place: Place, index: int) -> list[QPointF]:
    """The way of a reverse direction's last state over all steps to the one output there is."""
    single = stage.sheet.trace.timeline.pattern == "many-to-one"
    return _passes.way_over(stage, frame, place, index) if single else []


def _straight(x: float, y: float, to_x: float, to_y: float) -> QPainterPath:
    path = QPainterPath(QPointF(x, y))
    path.lineTo(to_x, to_y)
    return path


def _glow(painter: QPainter, stage: Stage, path: QPainterPath) -> None:
    colour = QColor(stage.theme.warning)
    colour.setAlphaF(SHINE)
    painter.setPen(QPen(colour, stage.px(GLOW), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)


def _glow_band(painter: QPainter, stage: Stage, frame: DiagramFrame, index: int, block: Block, place: Place) -> None:
    """Where steps run into one another: below the band, along it or above it."""
    box = place(stage, index, block.first)
    left, right = stage.axis.left(block.first), stage.axis.right(block.first + block.values.shape[1] - 1)
    y = {W_IH: box.bottom(), W_HH: box.center().y(), W_Y: box.top()}[stage.lit]
    emitting = [c for c in frame.emitting if block.first <= c < block.first + block.values.shape[1]]
    if stage.lit == W_Y:
        if index or not emitting:
            return
        left, right = stage.axis.left(min(emitting)), stage.axis.right(max(emitting))
    painter.save()
    painter.setClipRect(QRectF(stage.left, stage.top, stage.right - stage.left, stage.height))
    _glow(painter, stage, _straight(left, y, right, y))
    painter.restore()


def _whose(stage: Stage, row: Row, block: Block) -> str:
    """Which lane's weight it is, where there are several: the same words mean the same matrix."""
    lane, words = stage.sheet.trace.lanes[block.prefix], lane_words(stage.sheet, row.layer, "forward")
    parts = [{"encoder": "enc", "decoder": "dec"}.get(lane.part, "")]
    if len({layer for layer, _ in stage.sheet.directions}) > 1:
        parts.append(str(row.layer + 1))
    if "→" in words:
        parts.append("←" if row.reverse else "→")
    text = " ".join(part for part in parts if part)
    return f" {text}" if text else ""


def _name(painter: QPainter, stage: Stage, at: QPointF, name: str, align: str, clear: bool = False) -> None:
    """A weight's name, W with what it is of set lower."""
    kind, small = face("math", stage.type(13)), face("math", stage.type(9.5))
    head, _, tail = name.partition("_")
    width = kind.width(head) + small.width(tail)
    x = at.x() - (width if align == "right" else 0.0)
    if clear:
        _shapes.clear(painter, QRectF(x - 1, at.y() - kind.cap, width + 2, 2 * kind.cap))
    write(painter, QPointF(x, at.y()), head, kind, stage.theme.text)
    write(painter, QPointF(x + kind.width(head), at.y() + stage.px(4)), tail, small, stage.theme.text)
