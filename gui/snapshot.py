"""A widget drawn to a file: pixels, or lines that stay sharp at every size."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import unescape
from pathlib import Path

from PySide6.QtCore import QBuffer, QCoreApplication, QIODevice, QMarginsF, QPoint, QRect, QSize, QSizeF
from PySide6.QtGui import QFont, QImage, QPageSize, QPainter, QPainterPath, QPdfWriter, QPicture, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from engine.writing import write_whole
from gui import cut, fonts
from gui.pictures import KINDS
from gui.svg_images import sharpened

DPI = 96


@dataclass(frozen=True)
class Shot:
    """A widget and how much of it is drawn how large.

    Attributes
    ----------
    widget : QWidget
    area : QSize
        From its upper left corner on: its size, or the one that what is in it was laid out for.
    size : QSize
        Of the picture, in pixels at a scale of 1.
    """

    widget: QWidget
    area: QSize
    size: QSize

    def render(self, painter: QPainter) -> None:
        """Draw it as lines, at the picture's size."""
        painter.save()
        if self.size != self.area:
            painter.scale(self.size.width() / self.area.width(), self.size.height() / self.area.height())
        cut.render(self.widget, painter, QRect(QPoint(0, 0), self.area))
        painter.restore()


def _shot(what: QWidget | Shot) -> Shot:
    return what if isinstance(what, Shot) else Shot(what, what.size(), what.size())


def save(what: QWidget | Shot, path: Path, scale: float | None = None) -> None:
    """Draw a widget as it is to a file of one of `KINDS`, told by its suffix.

    The file is complete or is not there: it is written beside its place and moved.

    Parameters
    ----------
    what : QWidget or Shot
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
    write_whole(path, drawn(what, kind, scale)())


def drawn(what: QWidget | Shot, kind: str, scale: float | None = None) -> Callable[[], bytes]:
    """Draw a widget as it is now; return what makes a file's content of that, on any thread.

    Parameters
    ----------
    what : QWidget or Shot
    kind : str
        One of `KINDS`.
    scale : float, optional
        As of :func:`save`.
    """
    if kind == ".png":
        return partial(_png, image(what, scale))
    if kind == ".svg":
        return partial(_with_outlines, _svg(_shot(what)))
    pages = Pages()
    pages.add(what)
    return partial(bytes, pages.finish())


def _png(made: QImage) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    # Qt's stubs want bytes for the name of the format, and Qt a text.
    if not made.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise OSError("the picture could not be written")
    return _bytes(buffer)


def image(what: QWidget | Shot, scale: float | None = None) -> QImage:
    """A widget as pixels: as many for each of its own as its screen has, or as the scale says.

    At another scale it is drawn from lines, so that a larger picture is a sharper one.

    Raises
    ------
    MemoryError
        So many pixels do not fit into memory.
    """
    shot = _shot(what)
    ratio = shot.widget.devicePixelRatioF() if scale is None else scale
    made = QImage(shot.size * ratio, QImage.Format.Format_RGB32)
    if made.isNull():
        raise MemoryError
    made.fill(shot.widget.palette().window().color())
    if ratio == shot.widget.devicePixelRatioF() and shot.size == shot.area:
        made.setDevicePixelRatio(ratio)
        shot.widget.render(made, QPoint(0, 0), QRegion(QRect(QPoint(0, 0), shot.area)))
    else:
        with QPainter(made) as painter:
            painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
            painter.scale(made.width() / shot.area.width(), made.height() / shot.area.height())
            recorded(shot).play(painter)
    return made


def recorded(what: QWidget | Shot) -> QPicture:
    """What a widget draws, to be drawn again at any size."""
    picture, shot = QPicture(), _shot(what)
    with QPainter(picture) as painter:
        Shot(shot.widget, shot.area, shot.area).render(painter)
    return picture


def svg(what: QWidget | Shot) -> bytes:
    """A widget as an SVG's bytes, its letters as outlines."""
    return _with_outlines(_svg(_shot(what)))


def _svg(shot: Shot) -> bytes:
    target, buffer = QSvgGenerator(), QBuffer()
    target.setOutputDevice(buffer)
    target.setResolution(DPI)
    target.setSize(shot.size)
    target.setViewBox(QRect(QPoint(0, 0), shot.size))
    target.setTitle(_title(shot.widget))
    target.setDescription(QCoreApplication.translate("snapshot", "Drawn by Loopscope"))
    painter = QPainter()
    if not painter.begin(target):
        raise OSError("the picture could not be drawn")
    shot.render(painter)
    painter.end()
    return _bytes(buffer)


def _bytes(buffer: QBuffer) -> bytes:
    return bytes(buffer.data().data())


_TEXT = re.compile(r"<text ([^>]*)>(.*?)</text>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')


def _with_outlines(data: bytes) -> bytes:
    return _TEXT.sub(_outlined, sharpened(cut.cut(data.decode()))).encode()


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


_GLYPHS = re.compile(rb"^(<[0-9A-F]{4}> <[0-9A-F]{4}>)( [<\[].*)$", re.MULTILINE)
_CODE = re.compile(rb"<([0-9A-F]{4})>")


def _named(found: re.Match[bytes]) -> bytes:
    """Of which characters some glyphs of a PDF's font are: the codes of a shipped font's own mean nothing elsewhere."""
    return found[1] + _CODE.sub(lambda code: b"<%04X>" % ord(_meant(int(code[1], 16))), found[2])


def _meant(code: int) -> str:
    return " " if code == ord("\t") else fonts.character(code)  # they have one glyph, and Qt takes the first code


class Pages:
    """A PDF that gets one page after the other."""

    def __init__(self) -> None:
        self._buffer = QBuffer()
        self._buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self._writer = QPdfWriter(self._buffer)
        self._painter = QPainter()
        self._sizes: list[int] = []

    def add(self, what: QWidget | Shot) -> None:
        """Draw a widget as a page of its size."""
        shot = _shot(what)
        if self._sizes:
            done = self._writer.newPage()
        else:
            self._prepare(shot)
            done = self._painter.begin(self._writer)
        if not done:
            raise OSError("the page could not be drawn")
        self._sizes.append(self._buffer.size())
        self._painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)  # JPEG would blur cells into others
        shot.render(self._painter)

    @property
    def per_page(self) -> float:
        """How many bytes a page adds, fonts aside; 0 where there is but one."""
        sizes = self._sizes
        return (sizes[-1] - sizes[0]) / (len(sizes) - 1) if len(sizes) > 1 else 0.0

    def finish(self) -> bytes:
        """Return the document; nothing can be added any more."""
        if self._painter.isActive():
            self._painter.end()
        return _GLYPHS.sub(_named, _bytes(self._buffer))

    def _prepare(self, shot: Shot) -> None:
        target = self._writer
        target.setResolution(DPI)
        target.setTitle(_title(shot.widget))
        target.setCreator("Loopscope")
        target.setPageSize(QPageSize(_points(shot.size), QPageSize.Unit.Point))
        target.setPageMargins(QMarginsF(0, 0, 0, 0))


def _title(widget: QWidget) -> str:
    """The window's title without the place of its star."""
    return widget.windowTitle().replace("[*]", "")


def _points(size: QSize) -> QSizeF:
    return QSizeF(size.width() * 72 / DPI, size.height() * 72 / DPI)
