"""The cell's diagram, painted: nodes, wires with their vectors, gradients on the way back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui import fonts
from gui.format import full, number, percent
from gui.frames.cell import CellFrame, Vector
from gui.frames.cell_layout import Node, Terminal, Wire
from gui.frames.cell_spots import WIDTH
from gui.frames.cell_words import Symbol, plain
from gui.palette import blend
from gui.theme import px, theme
from gui.views import _cell_paint as draw
from gui.widgets.painted import Painted, focus_ring

COLUMN, ROW = 118.0, 74.0
"""A column and a row in pixels at a zoom of 1, where there is room."""
WIDEST, TALLEST = 1.45, 1.35
LABELLED = 54.0
"""Rows lower than this leave no room for the names above the vectors."""
LISTED = 12
"""The tooltip of a vector of at most so many numbers lists them all."""


class CellCanvas(Painted):
    """Paints a :class:`CellFrame`; what the pointer is over can be pinned and explained."""

    pinned = Signal(str)
    """A vector was clicked: its name in the graph."""
    chosen = Signal(str)
    """A node was clicked: its operation."""
    entered = Signal(str)
    """A node was double-clicked: the playhead shall go to its operation."""
    stepped = Signal(int)
    """The arrow keys ask for the operation before or after the one that is explained."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: CellFrame | None = None
        self._pins: tuple[str, ...] = ()
        self._hover = ""
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_frame(self, frame: CellFrame | None, pins: tuple[str, ...] = ()) -> None:
        """Show another frame."""
        self._frame, self._pins = frame, pins
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size at which everything has room."""
        return QSize(px(820), px(400))

    def minimumSizeHint(self) -> QSize:
        """Return the smallest at which it can be read."""
        return QSize(px(380), px(200))

    # Where things are ------------------------------------------------------------------------------------

    def _scales(self) -> tuple[float, float, float, float]:
        """Pixels of a column and a row, and where (0, 0) is."""
        assert self._frame is not None
        left, top, right, bottom = self._frame.layout.bounds
        sx = min(px(COLUMN) * WIDEST, self.width() / (right - left))
        sy = min(px(ROW) * TALLEST, self.height() / (bottom - top), sx)
        x = (self.width() - sx * (right - left)) / 2 - sx * left
        y = (self.height() - sy * (bottom - top)) / 2 - sy * top
        return sx, sy, x, y

    def _point(self, x: float, y: float) -> QPointF:
        sx, sy, left, top = self._scales()
        return QPointF(round(left + sx * x) + 0.5, round(top + sy * y) + 0.5)

    def radius(self) -> float:
        """A node's radius in pixels."""
        sx, sy, _, _ = self._scales()
        return max(9.0, min(px(19), 0.3 * sy, 0.2 * sx))

    def node_at(self, point: QPointF) -> Node | None:
        """The node below a point."""
        if self._frame is None:
            return None
        reach = self.radius() + 2
        for node in self._frame.layout.nodes:
            at = self._point(node.x, node.y) - point
            if at.x() ** 2 + at.y() ** 2 <= reach**2:
                return node
        return None

    def vectors(self) -> dict[str, QRectF]:
        """Where each vector's strip is drawn, by the vector's name."""
        if self._frame is None:
            return {}
        sx, sy, _, _ = self._scales()
        found: dict[str, QRectF] = {}
        room, high = sx * WIDTH, max(6.0, min(float(px(10)), sy * 0.15))
        for spot in self._frame.layout.spots:
            wide = draw.strip_width(room, self._size(spot.name))
            at = self._point(spot.x - WIDTH / 2, spot.y)
            found[spot.name] = QRectF(at.x(), at.y() + (sy * 0.03 if self._labelled() else -high / 2), wide, high)
        for terminal in self._frame.layout.terminals:
            found[terminal.name] = self._terminal_strip(terminal, room, high)
        return found

    def _terminal_strip(self, terminal: Terminal, room: float, high: float) -> QRectF:
        wide = draw.strip_width(room, self._size(terminal.name))
        at = self._point(terminal.x, terminal.y)
        if terminal.side == "below":
            return QRectF(at.x() + px(9), at.y() - high - px(4), wide, high)
        left = at.x() if terminal.side == "left" else at.x() - wide
        return QRectF(left, at.y() - high - px(7), wide, high)

    def _labelled(self) -> bool:
        return self._scales()[1] >= px(LABELLED)

    def _size(self, name: str) -> int:
        assert self._frame is not None
        value = self._frame.vectors[name].value
        return 8 if value is None else len(value)

    def name_at(self, point: QPointF) -> str:
        """The vector below a point: its strip, or a wire that carries it."""
        if self._frame is None:
            return ""
        for name, box in self.vectors().items():
            if box.adjusted(-3, -4, 3, 4).contains(point):
                return name
        for wire in self._frame.layout.wires:
            points = [self._point(*p) for p in wire.points]
            if any(draw.near(point, a, b) for a, b in pairwise(points)):
                return wire.carries[0]
        return ""

    # Painting --------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything, from the frame up to the names."""
        if self._frame is None:
            return
        frame = self._frame
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_frame(painter)
            for wire in frame.layout.wires:
                self._paint_wire(painter, wire)
            self._paint_joints(painter)
            if frame.backward:
                self._paint_flows(painter)
            for node in frame.layout.nodes:
                self._paint_node(painter, node)
            self._paint_vectors(painter)
            if self.hasFocus():
                focus_ring(painter, QRectF(self.rect()), px(6))

    def _paint_frame(self, painter: QPainter) -> None:
        assert self._frame is not None
        worn, (left, top, right, bottom) = theme(), self._frame.layout.frame
        painter.setPen(QPen(worn.border, 1))
        painter.setBrush(worn.canvas)
        painter.drawRoundedRect(QRectF(self._point(left, top), self._point(right, bottom)), px(14), px(14))

    def _path(self, wire: Wire) -> list[QPointF]:
        return [self._point(*point) for point in wire.points]

    def _clipped(self, wire: Wire, gap: float = 2.0) -> list[QPointF]:
        """The wire between the rims of its nodes."""
        assert self._frame is not None
        reach, path = self.radius() + gap, self._path(wire)
        at = {(node.x, node.y) for node in self._frame.layout.nodes}
        return draw.shortened(path, reach if wire.points[0] in at else 0.0, reach if self._at_node(wire) else 0.0)

    def _at_node(self, wire: Wire) -> bool:
        assert self._frame is not None
        x, y = wire.points[-1]
        return any(abs(node.x - x) + abs(node.y - y) < 0.2 for node in self._frame.layout.nodes)

    def _carried(self, wire: Wire) -> bool:
        """Whether everything on a wire is computed."""
        assert self._frame is not None
        return all(self._frame.vectors[name].value is not None for name in wire.carries)

    def _paint_wire(self, painter: QPainter, wire: Wire) -> None:
        assert self._frame is not None
        worn, frame = theme(), self._frame
        lit = any(name in (self._hover, *self._pins) for name in wire.carries)
        colour = worn.forward if self._carried(wire) else worn.border
        if frame.backward:
            colour = blend(worn.canvas, colour, 0.55)
        thick = max(1.0, px(2 if not frame.backward else 1.4)) + (px(1) if lit else 0)
        path = self._clipped(wire)
        size = px(9)
        if wire.arrow:
            line = draw.shortened(path, 0.0, size * 0.8)
            draw.arrowhead(painter, path[-1], line[-1], size, colour)
        else:
            line = path
        pen = QPen(colour, thick, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
        hops = [self._point(*hop) for hop in frame.layout.hops]
        draw.polyline(painter, line, pen, hops, px(5), px(6))

    def _paint_joints(self, painter: QPainter) -> None:
        assert self._frame is not None
        worn, frame = theme(), self._frame
        done = {p for wire in frame.layout.wires if self._carried(wire) for p in wire.points}
        painter.setPen(Qt.PenStyle.NoPen)
        for joint in frame.layout.joints:
            colour = worn.forward if joint in done else worn.border
            painter.setBrush(blend(worn.canvas, colour, 0.55) if frame.backward else colour)
            painter.drawEllipse(self._point(*joint), px(3), px(3))

    def _paint_flows(self, painter: QPainter) -> None:
        """The gradients, beside the wires and against their direction, as wide as they are large."""
        assert self._frame is not None
        worn, frame = theme(), self._frame
        finite = [flow for flow in frame.flows if flow is not None and np.isfinite(flow)]
        top = max(finite, default=0.0)
        at = {(node.x, node.y) for node in frame.layout.nodes}
        for wire, flow in zip(frame.layout.wires, frame.flows, strict=True):
            if flow is None:
                continue
            wrong = not np.isfinite(flow)
            share = flow / top if top and not wrong else 0.0
            colour = worn.warning if wrong else worn.backward
            thick = max(1.0, px(1) + px(5) * share)
            path = draw.beside(self._clipped(wire, 3.0), px(5) + thick / 2)[::-1]
            head = wire.points[0] in at or wire.points[0][0] < 0 or wire.points[0][1] > frame.layout.frame[3]
            size = px(6) + thick
            line = draw.shortened(path, 0.0, size * 0.8) if head else path
            pen = QPen(colour, thick, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
            if flow == 0 or wrong:
                pen.setDashPattern([3.0, 3.0])
            draw.polyline(painter, line, pen, (), px(5), px(6))
            if head:
                draw.arrowhead(painter, path[-1], line[-1], size, colour)
        self._paint_kept(painter)

    def _paint_kept(self, painter: QPainter) -> None:
        """How much of the gradient passes along the highway."""
        assert self._frame is not None
        frame = self._frame
        if frame.keeps is None:
            return
        first = next(node for node in frame.layout.nodes if node.name == frame.layout.highway[1])
        at = self._point(first.x, first.y)
        text = self.tr("highway keeps {}").format(percent(frame.keeps))
        painter.setFont(fonts.ui(11, 500))
        painter.setPen(theme().backward)
        painter.drawText(QPointF(at.x() + self.radius() + px(12), at.y() + px(27)), text)

    def _paint_node(self, painter: QPainter, node: Node) -> None:
        assert self._frame is not None
        frame = self._frame
        lit, done = frame.lit in node.operations, frame.done.issuperset(node.operations)
        at, radius = self._point(node.x, node.y), self.radius()
        draw.node(painter, at, radius, node.symbol, lit, done, frame.shown in node.operations)
        if node.label:
            matrix = (Symbol(node.label[0], node.label[2:]),)
            symbols = matrix if node.symbol == "W" else frame.vectors[node.label].symbols
            draw.label(painter, at, radius, symbols, self._free_side(node), "text" if done or lit else "muted")

    def _free_side(self, node: Node) -> str:
        """On which side of a node no wire ends or begins."""
        assert self._frame is not None
        taken = set()
        for wire in self._frame.layout.wires:
            ends = [wire.points[:2]] if wire.points[0] == (node.x, node.y) else []
            if node.name in wire.to and wire.arrow:
                ends.append((wire.points[-1], wire.points[-2]))
            for (x, y), (ax, ay) in ends:
                taken.add(("left" if ax < x else "right") if y == ay else "above" if ay < y else "below")
        return next((side for side in ("left", "right", "below", "above") if side not in taken), "corner")

    def _paint_vectors(self, painter: QPainter) -> None:
        assert self._frame is not None
        frame, worn, labelled = self._frame, theme(), self._labelled()
        sides = {terminal.name: terminal.side for terminal in frame.layout.terminals}
        for name, box in self.vectors().items():
            vector = frame.vectors[name]
            values, scale = self._shown(vector)
            draw.strip(painter, box, values, scale, self._size(name))
            if name in self._pins or name == self._hover:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(worn.text if name in self._pins else worn.muted, max(1.0, px(1.2))))
                painter.drawRoundedRect(box.adjusted(-2, -2, 1.5, 2), 3, 3)
            side = sides.get(name, "")
            if side == "below":
                wide = draw.symbols_width(vector.symbols, px(18))
                away = px(26) if frame.backward else px(18)
                draw.write(painter, vector.symbols, box.x() - away - wide, box.bottom(), px(18))
            elif side:
                wide = draw.symbols_width(vector.symbols, px(18))
                x = box.x() if side == "left" else box.right() - wide
                draw.write(painter, vector.symbols, x, box.y() - px(7), px(18))
                self._paint_size(painter, vector, box, side)
            elif labelled and not any(name == node.label for node in frame.layout.nodes):
                self._paint_name(painter, vector, box)

    def _paint_name(self, painter: QPainter, vector: Vector, box: QRectF) -> None:
        size = px(13)
        sx = self._scales()[0]
        if draw.symbols_width(vector.symbols, size) <= sx * 0.92:
            draw.write(painter, vector.symbols, box.x(), box.y() - px(5), size, "muted")

    def _paint_size(self, painter: QPainter, vector: Vector, box: QRectF, side: str) -> None:
        """The norm of the gradient that has come to a state, below its wire."""
        assert self._frame is not None
        if not self._frame.backward or vector.gradient is None:
            return
        text = f"‖∂L/∂{plain(vector.symbols)}‖ {number(float(np.linalg.norm(vector.gradient)))}"
        painter.setFont(fonts.ui(10.5))
        painter.setPen(theme().backward)
        room = painter.fontMetrics().horizontalAdvance(text)
        x = box.x() if side == "left" else box.right() - room
        painter.drawText(QPointF(x, box.bottom() + px(32)), text)

    def _shown(self, vector: Vector) -> tuple[np.ndarray | None, float]:
        """What a strip shows: on the way back the gradient, forward the value."""
        assert self._frame is not None
        if self._frame.backward:
            return vector.gradient, vector.gradient_scale
        return vector.value, vector.scale

    # Gestures --------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Outline the vector below the pointer."""
        name = "" if self.node_at(event.position()) else self.name_at(event.position())
        if name != self._hover:
            self._hover = name
            self.setCursor(Qt.CursorShape.PointingHandCursor if name else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Outline nothing any more."""
        self._hover = ""
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Explain a node, or pin a vector."""
        node = self.node_at(event.position())
        if node is not None:
            self.chosen.emit(node.name)
            return
        name = self.name_at(event.position())
        if name:
            self.pinned.emit(name)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Take the playhead to a node."""
        node = self.node_at(event.position())
        if node is not None:
            self.entered.emit(node.name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down go through the operations, Return takes the playhead there, P pins."""
        key, frame = event.key(), self._frame
        if frame is None or key not in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_P):
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Return:
            self.entered.emit(frame.shown)
        elif key == Qt.Key.Key_P:
            self.pinned.emit(frame.shown)
        else:
            self.stepped.emit(1 if key == Qt.Key.Key_Down else -1)

    def event(self, event: QEvent) -> bool:
        """Tell what is below the pointer."""
        if isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(event.pos()), self)
            return True
        return super().event(event)

    def tip_at(self, point: QPoint) -> str:
        """What the tooltip says: a vector's name and exact numbers, or what a node does."""
        frame, at = self._frame, QPointF(point)
        if frame is None:
            return ""
        node = self.node_at(at)
        if node is not None:
            return self.tr("Click: its equation and numbers. Double-click: the playhead goes there")
        name = self.name_at(at)
        if not name:
            return ""
        vector, box = frame.vectors[name], self.vectors().get(name)
        values, _ = self._shown(vector)
        title = f"∂L/∂({plain(vector.symbols)})" if frame.backward else plain(vector.symbols)
        if values is None:
            return self.tr("{}: not computed yet").format(title)
        if box is not None and box.adjusted(0, -4, 0, 4).contains(at) and len(values) > LISTED:
            k = min(len(values) - 1, int((at.x() - box.x()) / box.width() * len(values)))
            return f"{title}[{k + 1}] = {full(values[k])}"
        head = f"{title}, {self.tr('{} numbers').format(len(values))}, ‖·‖ = {number(float(np.linalg.norm(values)))}"
        rows = [f"[{k + 1}] {full(value)}" for k, value in enumerate(values[:LISTED])]
        return "\n".join([head, *rows, *(["…"] if len(values) > LISTED else [])])
