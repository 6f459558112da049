"""What several tracks draw alike: vectors as columns of cells, pictures of many, arrows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPaintEngine, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from gui import colormaps
from gui.frames.heatmap import Block, Heatmap, peaks
from gui.frames.sheet import Sheet
from gui.palette import Theme
from gui.theme import theme as worn

HELD = 0.3
"""How strongly the held state of padding is drawn."""
FINE = 3.5
"""Rows lower than this, at a unit of 1, are a strip without gaps."""

_MODE = QPainter.CompositionMode
_LINES = (QPaintEngine.Type.SVG, QPaintEngine.Type.Pdf, QPaintEngine.Type.Picture)


def lines(painter: QPainter) -> bool:
    """Whether this is drawn to a file of lines: no parts of pictures, no cutting out of what was drawn before."""
    return painter.paintEngine().type() in _LINES


@lru_cache(maxsize=8)
def _hatch(theme: Theme, size: int) -> QBrush:
    return colormaps.hatch(theme, size)


def hatched(theme: Theme, unit: float = 1.0) -> QBrush:
    """The pattern of what is not a number, kept for each theme."""
    return _hatch(theme, max(4, round(6 * unit)))


# Pictures of values ---------------------------------------------------------------------------------------


def picture(sheet: Sheet, frame: Heatmap, block: Block, rows: int, columns: int, theme: Theme, use: str) -> QImage:
    """The values of a block as a picture of at most (rows, columns) pixels, kept until another size is asked for.

    Parameters
    ----------
    use : str
        Who asks: pictures of different uses do not push one another out.
    """
    kept: dict[tuple, tuple] = sheet.kept("pictures", dict)
    whole, steps = block.values.shape
    size = (theme, min(whole, max(1, rows)), min(steps, max(1, columns)), frame.output)
    key = (block.prefix, frame.name, frame.gradient, use)
    if key not in kept or kept[key][0] != size:
        small = peaks(block.values, size[1], size[2])
        image = colormaps.diverging_image(small, frame.scale, theme)
        # The format that is painted fastest.
        kept[key] = size, image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    found: QImage = kept[key][1]
    return found


def column(
    painter: QPainter, box: QRectF, image: QImage, block: Block, step: int, theme: Theme, unit: float = 1.0
) -> None:
    """Draw one step of a block from its picture; what is not a number is hatched."""
    share = image.width() / block.values.shape[1]
    crisp(image, painter, box, QRectF(int(step * share), 0, 1, image.height()))
    if step in block.broken:
        wrong = np.flatnonzero(~np.isfinite(block.values[:, step]))
        height = box.height() / block.values.shape[0]
        for row in wrong.tolist():
            painter.fillRect(
                QRectF(box.x(), box.y() + row * height, box.width(), max(1.0, height)), hatched(theme, unit)
            )


def crisp(image: QImage, painter: QPainter, target: QRectF, source: QRectF) -> None:
    """Draw a part of a picture with hard edges."""
    if lines(painter):
        _rectangles(image.copy(source.toRect()), painter, target)
        return
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(target, image, source)


def _rectangles(image: QImage, painter: QPainter, target: QRectF) -> None:
    """Draw a picture as rectangles, one for each run of equal pixels of a column: viewers blur small pictures."""
    wide, high = target.width() / image.width(), target.height() / image.height()
    for x in range(image.width()):
        start = 0
        for y in range(1, image.height() + 1):
            if y == image.height() or image.pixel(x, y) != image.pixel(x, start):
                box = QRectF(target.x() + x * wide, target.y() + start * high, wide, (y - start) * high)
                painter.fillRect(box, image.pixelColor(x, start))
                start = y


def gaps(painter: QPainter, box: QRectF, rows: int, gap: float, unit: float, colour: QColor | None = None) -> None:
    """Cut a filled box into rounded cells, one below the other, with ``gap`` around each.

    Parameters
    ----------
    colour : QColor, optional
        What fills the gaps; without one they become transparent.
    """
    if lines(painter):
        path = _grille_path(box.width(), box.height(), rows, gap, 2.5 * unit).translated(box.topLeft())
        painter.fillPath(path, colour or worn().canvas)
        return
    ratio = painter.device().devicePixelRatioF()
    tone = (colour or QColor(Qt.GlobalColor.black)).rgb()
    grille = _grille(
        round(box.width() * ratio), round(box.height() * ratio), rows, gap * ratio, 2.5 * unit * ratio, tone
    )
    if colour is None:
        painter.setCompositionMode(_MODE.CompositionMode_DestinationOut)
    painter.drawPixmap(box, grille, QRectF(grille.rect()))
    painter.setCompositionMode(_MODE.CompositionMode_SourceOver)


@lru_cache(maxsize=64)
def _grille(width: int, height: int, rows: int, gap: float, radius: float, tone: int) -> QPixmap:
    """What is left of a box when rounded cells are cut out of it, in device pixels."""
    made = QPixmap(QSize(max(1, width), max(1, height)))
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(_grille_path(width, height, rows, gap, radius), QColor(tone))
    return made


def _grille_path(width: float, height: float, rows: int, gap: float, radius: float) -> QPainterPath:
    step = height / rows
    radius = min(radius, step / 4)
    path = QPainterPath()
    path.setFillRule(Qt.FillRule.OddEvenFill)
    path.addRect(QRectF(0, 0, width, height))
    for row in range(rows):
        path.addRoundedRect(QRectF(gap / 2, row * step + gap / 2, width - gap, step - gap), radius, radius)
    return path


def snapped(box: QRectF, ratio: float) -> QRectF:
    """The box with its edges on whole device pixels."""
    left, top = round(box.left() * ratio) / ratio, round(box.top() * ratio) / ratio
    right, bottom = round(box.right() * ratio) / ratio, round(box.bottom() * ratio) / ratio
    return QRectF(left, top, max(right - left, 1 / ratio), max(bottom - top, 1 / ratio))


# Lines ----------------------------------------------------------------------------------------------------


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
    if lines(painter):
        painter.fillRect(box, worn().canvas)
        return
    painter.setCompositionMode(_MODE.CompositionMode_Clear)
    painter.fillRect(box, Qt.GlobalColor.transparent)
    painter.setCompositionMode(_MODE.CompositionMode_SourceOver)
