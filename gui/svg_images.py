"""Small pictures of an SVG that are drawn large: heatmaps. Viewers blur them, so they become rectangles."""

from __future__ import annotations

import base64
import math
import re

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QImage

MOST = 6000
"""A picture of more rectangles stays one, of more pixels."""
FINE = 2
"""So many pixels for each one of the drawing such a picture has at least."""
_IMAGE = re.compile(r"<image ([^>]*?)/>", re.DOTALL)
_MATRIX = 'transform="matrix('
_Run = tuple[int, int, int]
"""First column, number of columns, colour."""
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
_HARD = "optimizeSpeed"
"""What Qt says of a picture that it would not blur itself."""


def sharpened(text: str) -> str:
    """Return an SVG of Qt's whose enlarged pictures have hard edges in every viewer."""
    parts, end = [], 0
    for found in _IMAGE.finditer(text):
        parts += [text[end : found.start()], _sharp(found, text)]
        end = found.end()
    return "".join([*parts, text[end:]])


def _sharp(found: re.Match[str], text: str) -> str:
    given = dict(_ATTRIBUTE.findall(found[1]))
    if given.get("image-rendering") != _HARD:
        return found[0]
    image = QImage.fromData(QByteArray(base64.b64decode(given["xlink:href"].partition(",")[2])))
    left, top, width, height = (float(given[name]) for name in ("x", "y", "width", "height"))
    before = text.rfind(_MATRIX, 0, found.start()) + len(_MATRIX)
    matrix = [float(n) for n in text[before : text.index(")", before)].split(",")]
    wide, high = width * math.hypot(*matrix[:2]), height * math.hypot(*matrix[2:4])
    if image.isNull():
        return found[0]
    boxes = _boxes(image)
    if len(boxes) > MOST:
        size = (math.ceil(FINE * wide / image.width()), math.ceil(FINE * high / image.height()))
        return found[0].replace(given["xlink:href"], _enlarged(image, *size))
    x, y = width / image.width(), height / image.height()
    drawn = (
        f'<rect x="{left + column * x:.6g}" y="{top + row * y:.6g}" width="{columns * x:.6g}" height="{rows * y:.6g}"'
        f' fill="#{rgb & 0xFFFFFF:06x}" fill-opacity="{(rgb >> 24) / 255:.3g}"/>'
        for (column, columns, rgb), (row, rows) in boxes
    )
    # Without it a hair line of what lies behind is seen between two rectangles.
    return "\n".join(['<g stroke="none" shape-rendering="crispEdges">', *drawn, "</g>"])


def _boxes(image: QImage) -> list[tuple[_Run, tuple[int, int]]]:
    """Rectangles of one colour that make a picture up, each a run with its first row and their number."""
    found, open_ = [], dict[_Run, int]()
    for row in range(image.height() + 1):
        here = _runs(image, row) if row < image.height() else []
        for run in [run for run in open_ if run not in here]:
            first = open_.pop(run)
            found.append((run, (first, row - first)))
        for run in here:
            open_.setdefault(run, row)
    return found


def _runs(image: QImage, row: int) -> list[_Run]:
    """Every run of equal pixels in a row that is to be seen."""
    found, pixels = [], [image.pixel(column, row) for column in range(image.width())]
    start = 0
    for column in range(1, len(pixels) + 1):
        if column == len(pixels) or pixels[column] != pixels[start]:
            if pixels[start] >> 24:
                found.append((start, column - start, pixels[start]))
            start = column
    return found


def _enlarged(image: QImage, wide: int, high: int) -> str:
    """A picture with whole pixels for each of its own, as an address."""
    large = image.scaled(
        image.width() * max(1, wide), image.height() * max(1, high), Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.FastTransformation,
    )  # fmt: skip
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    large.save(buffer, "PNG")  # type: ignore[call-overload]
    return "data:image/png;base64," + base64.b64encode(buffer.data().data()).decode()
