"""A block of coloured cells as one picture: colours times the shape of the cells, in one go for all of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from gui import colormaps
from gui.frames.equation import Piece
from gui.theme import theme

FINE = 3.0
"""Cells smaller than this many pixels stand without gaps between them."""

_FORMAT = QImage.Format.Format_ARGB32_Premultiplied


def cells(piece: Piece, size: tuple[int, int], scale: float) -> QPixmap:
    """Paint a block's cells into device pixels: separate cells where there is room, else a picture of means."""
    worn, (wide, tall) = theme(), size
    rows, columns = piece.shape[0], piece.shape[1] if piece.kind == "matrix" else 1
    value = None if piece.value is None else np.asarray(piece.value, dtype=float).reshape(rows, columns)
    if min(tall / rows, wide / columns) < FINE:
        pixmap = QPixmap(wide, tall)
        pixmap.fill(QColor(0, 0, 0, 0))
        with QPainter(pixmap) as painter:
            if value is None:
                painter.fillRect(QRectF(0, 0, wide, tall), worn.slot)
            else:
                image = colormaps.diverging_image(means(value, tall, wide), scale, worn)
                painter.drawImage(QRectF(0, 0, wide, tall), image)
        return pixmap
    if value is None:
        colours = np.array(worn.slot.getRgb(), dtype=np.uint8).reshape(1, 1, 4)
        return QPixmap.fromImage(_coloured(colours, wide, tall, rows, columns))
    image = _coloured(colormaps.diverging(value, scale, worn), wide, tall, rows, columns)
    wrong = colormaps.invalid(value)
    if wrong.any():
        with QPainter(image) as painter:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(colormaps.hatch(worn))
            for row, column in np.argwhere(wrong).tolist():
                painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
                painter.fillRect(_room(wide, tall, rows, columns, row, column), Qt.GlobalColor.transparent)
                painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
                _draw(painter, wide / columns, tall / rows, row, column)
    return QPixmap.fromImage(image)


def _coloured(colours: np.ndarray, wide: int, tall: int, rows: int, columns: int) -> QImage:
    """Give each cell its colour, RGBA (rows, columns, 4) or one for all: (1, 1, 4)."""
    cover, at_row, at_column = _mask(wide, tall, rows, columns)
    colours = colours[..., [2, 1, 0, 3]]
    if colours.shape[0] == rows and colours.shape[1] == columns:
        colours = colours[at_row][:, at_column]
    # Qt's own way to round a product of bytes, so that edges are as if each cell were drawn by itself.
    product = colours * cover
    pixels = ((product + (product >> 8) + 128) >> 8).astype(np.uint8)
    return QImage(np.ascontiguousarray(pixels).data, wide, tall, 4 * wide, _FORMAT).copy()


@lru_cache(maxsize=64)
def _mask(wide: int, tall: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How much of each pixel the cells cover, (tall, wide, 1) of 0 to 255, and whose row and column it is."""
    image = QImage(wide, tall, _FORMAT)
    image.fill(Qt.GlobalColor.transparent)
    with QPainter(image) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(Qt.GlobalColor.black)
        for row in range(rows):
            for column in range(columns):
                _draw(painter, wide / columns, tall / rows, row, column)
    cover = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(tall, wide, 4)[..., 3:].astype(np.uint16)
    at_row = ((np.arange(tall) + 0.5) * rows / tall).astype(np.intp)
    at_column = ((np.arange(wide) + 0.5) * columns / wide).astype(np.intp)
    return cover, at_row, at_column


def _draw(painter: QPainter, broad: float, high: float, row: int, column: int) -> None:
    gap = 2.0 if min(high, broad) >= 8 else 1.0
    cell = QRectF(column * broad, row * high, broad, high).adjusted(gap / 2, gap / 2, -gap / 2, -gap / 2)
    painter.drawRoundedRect(cell, min(2.0, high / 6), min(2.0, high / 6))


def _room(wide: int, tall: int, rows: int, columns: int, row: int, column: int) -> QRectF:
    """The pixels that are a cell's own."""
    _, at_row, at_column = _mask(wide, tall, rows, columns)
    down, across = np.flatnonzero(at_row == row), np.flatnonzero(at_column == column)
    return QRectF(across[0], down[0], len(across), len(down))


def means(value: np.ndarray, tall: int, wide: int) -> np.ndarray:
    """Average neighbours down to the pixels there are, axis by axis."""
    for axis, room in enumerate((tall, wide)):
        n = value.shape[axis]
        if n > room:
            edges = np.linspace(0, n, room + 1).astype(int)[:-1]
            counts = np.diff(np.append(edges, n))
            shape = [1, 1]
            shape[axis] = -1
            value = np.add.reduceat(value, edges, axis=axis) / counts.reshape(shape)
    return value
