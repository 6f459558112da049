"""How the cell view draws its parts: vectors as strips, symbols, wires with their arrows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

from gui import colormaps
from gui.frames.cell_words import Symbol
from gui.palette import blend
from gui.theme import px, theme
from gui.widgets.math_line import Run, paint, width

FINE = 3.0
"""Cells narrower than this are a picture without gaps."""


def strip(painter: QPainter, box: QRectF, values: np.ndarray | None, scale: float, size: int) -> None:
    """Draw a vector as a row of cells; an empty slot where it is not computed."""
    worn = theme()
    painter.setPen(Qt.PenStyle.NoPen)
    n = size if values is None else len(values)
    cell = box.width() / max(1, n)
    if values is None:
        painter.setBrush(worn.slot)
        painter.drawRoundedRect(box, 2, 2)
        return
    if cell < FINE:
        image = colormaps.diverging_image(values[None], scale, worn)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(box, image)
        return
    colours, wrong = colormaps.diverging(values, scale, worn), colormaps.invalid(values)
    gap = 1.0 if cell >= 4 else 0.5
    for k in range(n):
        painter.setBrush(colormaps.hatch(worn) if wrong[k] else QColor(*colours[k].tolist()))
        painter.drawRoundedRect(QRectF(box.x() + k * cell, box.y(), cell - gap, box.height()), 1, 1)


def strip_width(room: float, size: int) -> float:
    """How wide a strip is: cells of a pleasant width where there are few."""
    return min(room, 11.0 * size) if size < 8 else room


def runs(symbols: Sequence[Symbol], role: str = "text") -> list[Run]:
    """Symbols as runs of mathematics."""
    return [Run(s.text, s.below, s.above, s.italic, role) for s in symbols]


def symbols_width(symbols: Sequence[Symbol], size: float) -> float:
    """How wide symbols are."""
    return sum(width(run, size) for run in runs(symbols))


def write(painter: QPainter, symbols: Sequence[Symbol], x: float, base: float, size: float, role: str = "text") -> None:
    """Write symbols from x on a baseline."""
    for run in runs(symbols, role):
        x = paint(painter, run, x, base, size)


def polyline(painter: QPainter, points: Sequence[QPointF], pen: QPen, hops: Sequence[QPointF] = (), hop: float = 5.0,
             radius: float = 0.0) -> None:  # fmt: skip
    """Draw a wire; where it hops it passes over a level one in a small arc."""
    path = QPainterPath(points[0])
    for at in range(1, len(points)):
        a, b = points[at - 1], points[at]
        if a.x() == b.x():
            way = 1.0 if b.y() > a.y() else -1.0
            between = [h for h in hops if abs(h.x() - a.x()) < 0.5 and min(a.y(), b.y()) < h.y() < max(a.y(), b.y())]
            for point in sorted(between, key=lambda h: h.y() * way):
                path.lineTo(a.x(), point.y() - way * hop)
                box = QRectF(a.x() - hop, point.y() - hop, 2 * hop, 2 * hop)
                path.arcTo(box, 90.0 * way, -180.0)
        if radius and at < len(points) - 1:
            path.lineTo(_before(a, b, radius))
            path.quadTo(b, _before(points[at + 1], b, radius))
        else:
            path.lineTo(b)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)


def _before(a: QPointF, b: QPointF, distance: float) -> QPointF:
    """The point so far before b on the way from a."""
    dx, dy = b.x() - a.x(), b.y() - a.y()
    length = abs(dx) + abs(dy)
    share = min(0.5, distance / length) if length else 0.0
    return QPointF(b.x() - dx * share, b.y() - dy * share)


def shortened(points: Sequence[QPointF], start: float, end: float) -> list[QPointF]:
    """A path that begins and ends so much later and earlier, along its first and last stretch."""
    found = list(points)
    found[0] = _along(found[0], found[1], start)
    found[-1] = _along(found[-1], found[-2], end)
    return found


def _along(a: QPointF, b: QPointF, distance: float) -> QPointF:
    dx, dy = b.x() - a.x(), b.y() - a.y()
    length = abs(dx) + abs(dy)
    share = min(1.0, distance / length) if length else 0.0
    return QPointF(a.x() + dx * share, a.y() + dy * share)


def beside(points: Sequence[QPointF], shift: float) -> list[QPointF]:
    """The path shifted aside: level stretches down, upright ones to the left."""
    found = []
    for at, point in enumerate(points):
        near = [points[k] for k in (at - 1, at + 1) if 0 <= k < len(points)]
        upright = any(other.x() == point.x() for other in near)
        level = any(other.y() == point.y() for other in near)
        found.append(QPointF(point.x() - (shift if upright else 0), point.y() + (shift if level else 0)))
    return found


def arrowhead(painter: QPainter, tip: QPointF, toward: QPointF, size: float, colour: QColor) -> None:
    """Draw an arrow's head with its tip at a point; ``toward`` is a point further back on the wire."""
    dx, dy = tip.x() - toward.x(), tip.y() - toward.y()
    length = (dx * dx + dy * dy) ** 0.5
    if not length:
        return
    ux, uy = dx / length, dy / length
    back = QPointF(tip.x() - ux * size, tip.y() - uy * size)
    half = size * 0.5
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(
        QPolygonF([tip, QPointF(back.x() - uy * half, back.y() + ux * half),
                   QPointF(back.x() + uy * half, back.y() - ux * half)])
    )  # fmt: skip


def near(point: QPointF, a: QPointF, b: QPointF, reach: float = 5.0) -> bool:
    """Whether a point lies on a stretch of wire, or nearly."""
    return QRectF(a, b).normalized().adjusted(-reach, -reach, reach, reach).contains(point)


def node(painter: QPainter, at: QPointF, radius: float, symbol: str, lit: bool, done: bool, shown: bool) -> None:
    """Draw a circle with its symbol.

    Parameters
    ----------
    lit, done, shown : bool
        Whether the playhead is here, whether it is computed, whether equation and numbers are about it.
    """
    worn = theme()
    glow = min(0.9, 1.7 * worn.playhead.alphaF())
    painter.setBrush(blend(worn.card, worn.playhead, glow) if lit else worn.card)
    painter.setPen(QPen(worn.text if lit or done else worn.border, max(1.0, px(2.4 if lit else 1.8 if shown else 1.0))))
    painter.drawEllipse(at, radius, radius)
    size = radius * (0.72 if len(symbol) > 2 else 1.02)
    symbols = (Symbol(symbol, italic=symbol in ("σ", "W")),)
    role = "text" if done or lit else "muted"
    write(painter, symbols, at.x() - symbols_width(symbols, size) / 2, at.y() + size * 0.32, size, role)


def label(painter: QPainter, at: QPointF, radius: float, symbols: Sequence[Symbol], side: str, role: str) -> None:
    """Write a name beside a circle: on the "left", "right", "above", "below" or at the lower left "corner"."""
    size = max(float(px(12)), radius * 0.9)
    wide = symbols_width(symbols, size)
    x, y = {
        "left": (at.x() - radius - wide - px(4), at.y() + size * 0.32),
        "right": (at.x() + radius + px(4), at.y() + size * 0.32),
        "below": (at.x() - wide / 2, at.y() + radius + size * 0.95),
        "above": (at.x() - wide / 2, at.y() - radius - size * 0.4),
        "corner": (at.x() - wide - px(12), at.y() + radius + size * 0.75),
    }[side]
    write(painter, symbols, x, y, size, role)
