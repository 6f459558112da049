"""Paints the inside of a step: frame, wires, gradients beside them, nodes, vectors and names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from gui import fonts
from gui.format import number, percent
from gui.frames.cell import CellFrame, Vector
from gui.frames.cell_layout import Node, Wire
from gui.frames.cell_words import Symbol, plain
from gui.palette import blend
from gui.theme import px, theme
from gui.views import _cell_paint as draw
from gui.views._cell_geometry import Geometry

NOTE = 15
"""From one line of a note to the next."""
Ways = tuple[tuple[str, float], ...]


class Picture:
    """One picture of a frame.

    Parameters
    ----------
    at : Geometry
        Where things lie.
    pins : tuple of str
        The vectors that are outlined because they are pinned.
    hover : str
        The vector below the pointer.
    ways : tuple of (str, float)
        Which share of the highway's gradient came which way, as :meth:`gui.frames.lab_paths.PathsFrame.at` says it;
        empty: not known.
    """

    def __init__(self, at: Geometry, pins: tuple[str, ...], hover: str, ways: Ways = ()) -> None:
        self.at, self.frame, self.pins, self.hover, self.ways = at, at.frame, pins, hover, ways

    def paint(self, painter: QPainter) -> None:
        """Draw everything, from the frame up to the names."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_frame(painter)
        for wire in self.frame.layout.wires:
            self._paint_wire(painter, wire)
        self._paint_joints(painter)
        if self.frame.backward:
            self._paint_flows(painter)
        for node in self.frame.layout.nodes:
            self._paint_node(painter, node)
        self._paint_vectors(painter)

    def _paint_frame(self, painter: QPainter) -> None:
        worn, (left, top, right, bottom) = theme(), self.frame.layout.frame
        painter.setPen(QPen(worn.border, 1))
        painter.setBrush(worn.canvas)
        painter.drawRoundedRect(QRectF(self.at.point(left, top), self.at.point(right, bottom)), px(14), px(14))

    def _carried(self, wire: Wire) -> bool:
        """Whether everything on a wire is computed."""
        return all(self.frame.vectors[name].value is not None for name in wire.carries)

    def _paint_wire(self, painter: QPainter, wire: Wire) -> None:
        worn, frame = theme(), self.frame
        lit = any(name in (self.hover, *self.pins) for name in wire.carries)
        colour = worn.forward if self._carried(wire) else worn.border
        if frame.backward:
            colour = blend(worn.canvas, colour, 0.55)
        thick = max(1.0, px(2 if not frame.backward else 1.4)) + (px(1) if lit else 0)
        path = self.at.clipped(wire)
        size = px(9)
        if wire.arrow:
            line = draw.shortened(path, 0.0, size * 0.8)
            draw.arrowhead(painter, path[-1], line[-1], size, colour)
        else:
            line = path
        pen = QPen(colour, thick, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
        hops = [self.at.point(*hop) for hop in frame.layout.hops]
        draw.polyline(painter, line, pen, hops, px(5), px(6))

    def _paint_joints(self, painter: QPainter) -> None:
        worn, frame = theme(), self.frame
        done = {p for wire in frame.layout.wires if self._carried(wire) for p in wire.points}
        painter.setPen(Qt.PenStyle.NoPen)
        for joint in frame.layout.joints:
            colour = worn.forward if joint in done else worn.border
            painter.setBrush(blend(worn.canvas, colour, 0.55) if frame.backward else colour)
            painter.drawEllipse(self.at.point(*joint), px(3), px(3))

    def _paint_flows(self, painter: QPainter) -> None:
        """The gradients, beside the wires and against their direction, as wide as they are large."""
        worn, frame = theme(), self.frame
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
            path = draw.beside(self.at.clipped(wire, 3.0), px(5) + thick / 2)[::-1]
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
        frame = self.frame
        if frame.keeps is None:
            return
        text = QCoreApplication.translate("cell", "highway keeps {}").format(percent(frame.keeps))
        font = fonts.ui(11, 500)
        box, (left, top, _, _) = self.at.beside_highway(QFontMetricsF(font).size(0, text)), frame.layout.frame
        if box.top() < self.at.point(left, top).y() < box.bottom():
            painter.fillRect(box, theme().canvas)  # no room elsewhere: the cell's edge gives way
        painter.setFont(font)
        painter.setPen(theme().backward)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_node(self, painter: QPainter, node: Node) -> None:
        frame = self.frame
        lit, done = frame.lit in node.operations, frame.done.issuperset(node.operations)
        at, radius = self.at.point(node.x, node.y), self.at.radius
        draw.node(painter, at, radius, node.symbol, lit, done, frame.shown in node.operations)
        if node.label:
            matrix = (Symbol(node.label[0], node.label[2:]),)
            symbols = matrix if node.symbol == "W" else frame.vectors[node.label].symbols
            draw.label(painter, at, radius, symbols, self.at.free_side(node), "text" if done or lit else "muted")

    def _paint_vectors(self, painter: QPainter) -> None:
        frame, worn, labelled = self.frame, theme(), self.at.labelled
        sides = {terminal.name: terminal.side for terminal in frame.layout.terminals}
        for name, box in self.at.vectors().items():
            vector = frame.vectors[name]
            values, scale = shown(self.frame, vector)
            draw.strip(painter, box, values, scale, self.at.size(name))
            if name in self.pins or name == self.hover:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(worn.text if name in self.pins else worn.muted, max(1.0, px(1.2))))
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
        sx = self.at.column
        if draw.symbols_width(vector.symbols, size) <= sx * 0.92:
            draw.write(painter, vector.symbols, box.x(), box.y() - px(5), size, "muted")

    def _paint_size(self, painter: QPainter, vector: Vector, box: QRectF, side: str) -> None:
        """The norm of the gradient that has come to a state, below its wire, and which way it came."""
        if not self.frame.backward or vector.gradient is None:
            return
        size = number(float(np.linalg.norm(vector.gradient)))
        whole = side == "right" and vector.name == self.frame.layout.highway[-1]
        at_length, shortly = ways_words(self.ways) if whole else ((), ())
        font = fonts.ui(10.5)
        painter.setFont(font)
        painter.setPen(theme().backward)
        x, y = box.left() if side == "left" else box.right(), box.bottom() + px(32)
        self._paint_notes(painter, x, y, side, ((f"‖∂L/∂{plain(vector.symbols)}‖ {size}",), (size,)))
        self._paint_notes(painter, x, y + px(NOTE), side, (at_length, shortly))

    def _paint_notes(
        self, painter: QPainter, x: float, base: float, side: str, wordings: Sequence[Sequence[str]]
    ) -> None:
        """Write lines from a left or right end in the first wording that covers nothing, else in the last."""
        metrics = QFontMetricsF(painter.font())
        for lines in wordings:
            wides = [metrics.horizontalAdvance(line) for line in lines]
            spots = [QPointF(x if side == "left" else x - wide, base + at * px(NOTE)) for at, wide in enumerate(wides)]
            rooms = [
                QRectF(spot.x(), spot.y() - metrics.ascent(), wide, metrics.height())
                for spot, wide in zip(spots, wides, strict=True)
            ]
            apart = px(4)  # from the values beside them
            if lines is wordings[-1] or all(self.at.is_free(room.adjusted(-apart, 0, apart, 0)) for room in rooms):
                for spot, line in zip(spots, lines, strict=True):
                    painter.drawText(spot, line)
                return


def ways_words(ways: Ways) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What came along the highway and what through the gates, at length and shortly; no lines: not known."""
    tr = QCoreApplication.translate
    if not ways:
        return (), ()
    along, through = percent(ways[0][1]), percent(sum(share for _, share in ways[1:]))
    return (
        (tr("cell", "along the highway {}").format(along), tr("cell", "through the gates {}").format(through)),
        (tr("cell", "highway {}").format(along), tr("cell", "gates {}").format(through)),
    )


def shown(frame: CellFrame, vector: Vector) -> tuple[np.ndarray | None, float]:
    """What a vector shows, with its scale: on the way back the gradient, forward the value."""
    if frame.backward:
        return vector.gradient, vector.gradient_scale
    return vector.value, vector.scale
