"""What several tracks draw alike: vectors as columns of cells, pictures of many, arrows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QPolygonF

from gui import colormaps
from gui.palette import Theme

HELD = 0.3
"""How strongly the held state of padding is drawn."""


@lru_cache(maxsize=8)
def _hatch(theme: Theme, size: int) -> QBrush:
    return colormaps.hatch(theme, size)


def hatched(theme: Theme, unit: float = 1.0) -> QBrush:
    """The pattern of what is not a number, kept for each theme."""
    return _hatch(theme, max(4, round(6 * unit)))


def vector(painter: QPainter, box: QRectF, values: np.ndarray, scale: float, theme: Theme, unit: float = 1.0) -> None:
    """Draw a vector as a column of cells; where they would be too fine, as a strip without gaps."""
    size = len(values)
    step = box.height() / size
    if step < 3.5 * unit:
        strip(painter, box, values, scale, theme, unit)
        return
    gap = min(1.5 * unit, step * 0.14)
    cells(painter, [box.x()], box.width(), box.y(), step, gap, values[:, None], scale, theme, unit)


def strip(painter: QPainter, box: QRectF, values: np.ndarray, scale: float, theme: Theme, unit: float = 1.0) -> None:
    """Draw a vector as one picture, without gaps; what is not a number is hatched."""
    painter.drawImage(box, colormaps.diverging_image(values[:, None], scale, theme))
    wrong = ~np.isfinite(values)
    if wrong.any():
        step = box.height() / len(values)
        painter.setPen(Qt.PenStyle.NoPen)
        for row in np.flatnonzero(wrong).tolist():
            painter.fillRect(QRectF(box.x(), box.y() + row * step, box.width(), max(step, 1.0)), hatched(theme, unit))


def cells(
    painter: QPainter, xs: list[float], width: float, top: float, step: float, gap: float, values: np.ndarray,
    scale: float, theme: Theme, unit: float = 1.0,
) -> None:  # fmt: skip
    """Draw (H, columns) values as rounded cells: columns at ``xs``, rows ``step`` apart, ``gap`` between them."""
    colours = colormaps.diverging(values, scale, theme)
    wrong = ~np.isfinite(values)
    any_wrong = bool(wrong.any())
    radius = min(2.5 * unit, step / 4)
    painter.setPen(Qt.PenStyle.NoPen)
    rows = colours.tolist()
    for row, line in enumerate(rows):
        y, height = top + row * step + gap / 2, step - gap
        for column, (red, green, blue, _) in enumerate(line):
            if any_wrong and wrong[row, column]:
                painter.setBrush(hatched(theme, unit))
            else:
                painter.setBrush(QColor(red, green, blue))
            painter.drawRoundedRect(QRectF(xs[column], y, width, height), radius, radius)


def slots(
    painter: QPainter, xs: list[float], width: float, top: float, step: float, gap: float, rows: int, theme: Theme,
    unit: float = 1.0,
) -> None:  # fmt: skip
    """Draw empty cells, as `cells` draws full ones."""
    radius = min(2.5 * unit, step / 4)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.slot)
    for x in xs:
        for row in range(rows):
            painter.drawRoundedRect(QRectF(x, top + row * step + gap / 2, width, step - gap), radius, radius)


def arrow(
    painter: QPainter, start: QPointF, end: QPointF, colour: QColor, width: float, head: float, dashed: bool = False
) -> None:
    """Draw a straight arrow; its head ends at ``end``."""
    dx, dy = end.x() - start.x(), end.y() - start.y()
    length = (dx * dx + dy * dy) ** 0.5
    if length < 1e-6:
        return
    head = min(head, length)
    ux, uy = dx / length, dy / length
    base = QPointF(end.x() - ux * head, end.y() - uy * head)
    line(painter, [start, base], colour, width, dashed)
    half = head * 0.5
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    across = QPointF(-uy * half, ux * half)
    painter.drawPolygon(QPolygonF([end, base + across, base - across]))


def line(painter: QPainter, points: list[QPointF], colour: QColor, width: float, dashed: bool = False) -> None:
    """Draw a line through points."""
    pen = QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
    if dashed:
        pen.setDashPattern([3.0, 3.0])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))


def clear(painter: QPainter, box: QRectF) -> None:
    """Take away what was drawn before, so that words are not crossed by a line."""
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
    painter.fillRect(box, Qt.GlobalColor.transparent)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)


def crisp(image: QImage, painter: QPainter, target: QRectF, source: QRectF) -> None:
    """Draw a part of a picture with hard edges."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(target, image, source)
