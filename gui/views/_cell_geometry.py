"""Where everything of a cell's diagram lies in a widget of a certain size."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, QSizeF

from gui.frames.cell import CellFrame
from gui.frames.cell_layout import Node, Terminal, Wire
from gui.frames.cell_spots import WIDTH
from gui.theme import px
from gui.views import _cell_paint as draw

COLUMN, ROW = 118.0, 74.0
"""A column and a row in pixels at a zoom of 1, where there is room."""
WIDEST, TALLEST = 1.45, 1.35
ABOVE, BELOW = 42, 44
"""The least room in pixels at a zoom of 1 above the highest and below the lowest wire that leaves the cell at a side:
for names, and for the notes on gradients."""
NAMED = 22
"""The room of a name beside its node."""
LABELLED = 54.0
"""Rows lower than this leave no room for the names above the vectors."""


class Geometry:
    """A frame's layout in pixels.

    Parameters
    ----------
    frame : CellFrame
    width, height : int
        Of the widget.
    """

    def __init__(self, frame: CellFrame, width: int, height: int) -> None:
        self.frame = frame
        left, top, right, bottom = frame.layout.bounds
        levels = [terminal.y for terminal in frame.layout.terminals if terminal.side != "below"]
        first, last = min(levels), max(levels)
        sx = min(px(COLUMN) * WIDEST, width / (right - left))
        sy = min(px(ROW) * TALLEST, height / (bottom - top), sx)
        if last > first:
            sy = min(sy, max(1.0, height - px(ABOVE) - px(BELOW)) / (last - first))
        above, below = max(sy * (first - top), px(ABOVE)), max(sy * (bottom - last), px(BELOW))
        sy = min(sy, max(1.0, height - above) / (bottom - first))
        self.column, self.row = sx, sy
        self._left = (width - sx * (right - left)) / 2 - sx * left
        self._top = (height - above - sy * (last - first) - below) / 2 + above - sy * first
        self.radius = max(9.0, min(px(19), 0.3 * sy, 0.2 * sx))
        self.labelled = sy >= px(LABELLED)

    def point(self, x: float, y: float) -> QPointF:
        """A point of the layout in pixels, on whole ones so that level and upright lines are sharp."""
        return QPointF(round(self._left + self.column * x) + 0.5, round(self._top + self.row * y) + 0.5)

    def node_at(self, point: QPointF) -> Node | None:
        """The node below a point."""
        reach = self.radius + 2
        for node in self.frame.layout.nodes:
            at = self.point(node.x, node.y) - point
            if at.x() ** 2 + at.y() ** 2 <= reach**2:
                return node
        return None

    def vectors(self) -> dict[str, QRectF]:
        """Where each vector's strip is drawn, by the vector's name."""
        found: dict[str, QRectF] = {}
        room, high = self.column * WIDTH, max(6.0, min(float(px(10)), self.row * 0.15))
        for spot in self.frame.layout.spots:
            wide = draw.strip_width(room, self.size(spot.name))
            at = self.point(spot.x - WIDTH / 2, spot.y)
            lower = self.row * 0.03 if self.labelled else -high / 2
            found[spot.name] = QRectF(at.x(), at.y() + lower, wide, high)
        for terminal in self.frame.layout.terminals:
            found[terminal.name] = self._terminal_strip(terminal, room, high)
        return found

    def _terminal_strip(self, terminal: Terminal, room: float, high: float) -> QRectF:
        wide = draw.strip_width(room, self.size(terminal.name))
        at = self.point(terminal.x, terminal.y)
        if terminal.side == "below":
            return QRectF(at.x() + px(9), at.y() - high - px(4), wide, high)
        left = at.x() if terminal.side == "left" else at.x() - wide
        return QRectF(left, at.y() - high - px(7), wide, high)

    def beside_highway(self, size: QSizeF) -> QRectF:
        """Room for a note of this size at the first operation of the highway: where it covers no node or vector."""
        first = next(node for node in self.frame.layout.nodes if node.name == self.frame.layout.highway[1])
        at, wide, high = self.point(first.x, first.y), size.width() + 2, size.height()
        below = QRectF(at.x() + self.radius + px(12), at.y() + px(17), wide, high)
        above = QRectF(at.x() - wide / 2, at.y() - self.radius - px(2) - high, wide, high)
        if self.is_free(below):
            return below
        left, top, right, _ = self.frame.layout.frame
        edge, end = self.point(left, top).y() + 2, self.point(right, top).x() - wide - px(6)
        if above.top() >= edge:
            return above
        # Not across the cell's upper edge: inside it, at the nearest free place after the node.
        inside = (QRectF(x, edge, wide, high) for x in range(round(at.x() + self.radius), round(end), max(1, px(6))))
        return next((box for box in inside if self.is_free(box)), above)

    def is_free(self, box: QRectF) -> bool:
        """Whether there is neither a node, its name nor a vector."""
        taken = list(self.vectors().values())
        for node in self.frame.layout.nodes:
            middle, reach = self.point(node.x, node.y), QPointF(self.radius + 2, self.radius + 2)
            room = QRectF(middle - reach, middle + reach)
            side = self.free_side(node) if node.label else ""
            name = px(NAMED)
            taken.append(room.adjusted(-name if side == "left" else 0, 0, name if side == "right" else 0, 0))
        for terminal in self.frame.layout.terminals:
            if terminal.side == "below":
                at = self.point(terminal.x, terminal.y)
                taken.append(QRectF(at.x() - px(44), at.y() - px(20), px(44), px(24)))
        return not any(box.intersects(other) for other in taken)

    def size(self, name: str) -> int:
        """How many numbers a vector has; a guess where it is not computed."""
        value = self.frame.vectors[name].value
        return 8 if value is None else len(value)

    def name_at(self, point: QPointF) -> str:
        """The vector below a point: its strip, or a wire that carries it."""
        for name, box in self.vectors().items():
            if box.adjusted(-3, -4, 3, 4).contains(point):
                return name
        for wire in self.frame.layout.wires:
            if any(draw.near(point, a, b) for a, b in pairwise(self.path(wire))):
                return wire.carries[0]
        return ""

    def path(self, wire: Wire) -> list[QPointF]:
        """A wire's corners."""
        return [self.point(*point) for point in wire.points]

    def clipped(self, wire: Wire, gap: float = 2.0) -> list[QPointF]:
        """The wire between the rims of its nodes."""
        reach, nodes = self.radius + gap, self.frame.layout.nodes
        (x, y), (end_x, end_y) = wire.points[0], wire.points[-1]
        begins = any((node.x, node.y) == (x, y) for node in nodes)
        ends = any(abs(node.x - end_x) + abs(node.y - end_y) < 0.2 for node in nodes)
        return draw.shortened(self.path(wire), reach if begins else 0.0, reach if ends else 0.0)

    def free_side(self, node: Node) -> str:
        """On which side of a node no wire ends or begins: "left", "right", "below", "above", or "corner"."""
        taken = set()
        for wire in self.frame.layout.wires:
            ends = [wire.points[:2]] if wire.points[0] == (node.x, node.y) else []
            if node.name in wire.to and wire.arrow:
                ends.append((wire.points[-1], wire.points[-2]))
            for (x, y), (ax, ay) in ends:
                taken.add(("left" if ax < x else "right") if y == ay else "above" if ay < y else "below")
        return next((side for side in ("left", "right", "below", "above") if side not in taken), "corner")
