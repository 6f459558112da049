"""A widget drawn to a file: pixels, or lines that stay sharp at every size."""

from __future__ import annotations

import os
import re
import tempfile
from html import unescape
from pathlib import Path

from PySide6.QtCore import QBuffer, QCoreApplication, QMarginsF, QPoint, QRect, QSize, QSizeF
from PySide6.QtGui import QFont, QImage, QPageSize, QPainter, QPainterPath, QPdfWriter, QPicture
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

KINDS = (".png", ".svg", ".pdf")
DPI = 96


def save(widget: QWidget, path: Path, scale: float | None = None) -> None:
    """Draw a widget as it is to a file of one of `KINDS`, told by its suffix.

    The file is complete or is not there: it is written beside its place and moved.

    Parameters
    ----------
    widget : QWidget
    path : Path
    scale : float, optional
        Pixels of a PNG for each one of the widget; by default as on its screen.

    Raises
    ------
    ValueError
        The suffix is none of `KINDS`.
    OSError
        The file cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise ValueError(f"{path.name}: a picture's name must end with {', '.join(KINDS)}")
    handle, name = tempfile.mkstemp(suffix=kind, prefix=".loopscope-", dir=path.parent)
    os.close(handle)
    try:
        done = image(widget, scale).save(name) if kind == ".png" else {".svg": _svg, ".pdf": _pdf}[kind](widget, name)
        if not done:
            raise OSError(f"{path}: the picture could not be written")
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def image(widget: QWidget, scale: float | None = None) -> QImage:
    """A widget as pixels: as many for each of its own as its screen has, or as the scale says.

    At another scale it is drawn from lines, so that a larger picture is a sharper one.

    Raises
    ------
    MemoryError
        So many pixels do not fit into memory.
    """
    ratio = widget.devicePixelRatioF() if scale is None else scale
    made = QImage(widget.size() * ratio, QImage.Format.Format_RGB32)
    if made.isNull():
        raise MemoryError
    made.fill(widget.palette().window().color())
    if ratio == widget.devicePixelRatioF():
        made.setDevicePixelRatio(ratio)
        widget.render(made)
    else:
        with QPainter(made) as painter:
            painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
            painter.scale(ratio, ratio)
            recorded(widget).play(painter)
    return made


def recorded(widget: QWidget) -> QPicture:
    """What a widget draws, to be drawn again at any size."""
    picture = QPicture()
    with QPainter(picture) as painter:
        widget.render(painter, QPoint(0, 0))
    return picture


def svg(widget: QWidget) -> bytes:
    """A widget as an SVG's bytes."""
    target, buffer = QSvgGenerator(), QBuffer()
    target.setOutputDevice(buffer)
    if not _draw_svg(widget, target):
        raise OSError("the picture could not be drawn")
    return _outlines(bytes(buffer.data().data()).decode()).encode()


def _svg(widget: QWidget, name: str) -> bool:
    target = QSvgGenerator()
    target.setFileName(name)
    if not _draw_svg(widget, target):
        return False
    file = Path(name)
    file.write_text(_outlines(file.read_text(encoding="utf-8")), encoding="utf-8")
    return True


def _draw_svg(widget: QWidget, target: QSvgGenerator) -> bool:
    target.setResolution(DPI)
    target.setSize(widget.size())
    target.setViewBox(QRect(QPoint(0, 0), widget.size()))
    target.setTitle(_title(widget))
    target.setDescription(QCoreApplication.translate("snapshot", "Drawn by Loopscope"))
    return _paint(widget, target)


def _outlines(text: str) -> str:
    return _TEXT.sub(_outlined, text)


_TEXT = re.compile(r"<text ([^>]*)>(.*?)</text>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')


def _outlined(found: re.Match[str]) -> str:
    """An SVG text as outlines, so that it looks the same where the fonts are not installed."""
    given = {name: unescape(value) for name, value in _ATTRIBUTE.findall(found[1])}
    font = QFont()
    font.setFamilies(given["font-family"].split(","))
    font.setPixelSize(round(float(given["font-size"])))
    font.setWeight(QFont.Weight(int(given["font-weight"])))
    font.setItalic(given["font-style"] == "italic")
    shape = QPainterPath()
    shape.addText(float(given["x"]), float(given["y"]), font, unescape(found[2]))
    return f'<path fill="{given["fill"]}" fill-opacity="{given["fill-opacity"]}" stroke="none" d="{_data(shape)}"/>'


def _data(shape: QPainterPath) -> str:
    """A path in SVG's words."""
    letters = {
        QPainterPath.ElementType.MoveToElement: "M",
        QPainterPath.ElementType.LineToElement: "L",
        QPainterPath.ElementType.CurveToElement: "C",
        QPainterPath.ElementType.CurveToDataElement: "",
    }
    elements = (shape.elementAt(i) for i in range(shape.elementCount()))
    return " ".join(f"{letters[element.type]}{element.x:.2f},{element.y:.2f}" for element in elements)


def _pdf(widget: QWidget, name: str) -> bool:
    target = QPdfWriter(name)
    page(target, widget)
    return _paint(widget, target)


def page(target: QPdfWriter, widget: QWidget) -> None:
    """Make the pages of a document as large as a widget."""
    target.setResolution(DPI)
    target.setTitle(_title(widget))
    target.setCreator("Loopscope")
    target.setPageSize(QPageSize(_points(widget.size()), QPageSize.Unit.Point))
    target.setPageMargins(QMarginsF(0, 0, 0, 0))


def _paint(widget: QWidget, target: QSvgGenerator | QPdfWriter) -> bool:
    painter = QPainter()
    if not painter.begin(target):
        return False
    widget.render(painter, QPoint(0, 0))
    return painter.end()


def _title(widget: QWidget) -> str:
    """The window's title without the place of its star."""
    return widget.windowTitle().replace("[*]", "")


def _points(size: QSize) -> QSizeF:
    return QSizeF(size.width() * 72 / DPI, size.height() * 72 / DPI)
