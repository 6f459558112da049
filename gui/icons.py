"""Icons: the shipped SVG pictures, drawn in a colour of the theme that is worn at the moment of painting."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

import resources
from gui import palette


class Engine(QIconEngine):
    """Draws one picture in the colour of a role, muted where the icon is disabled."""

    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def clone(self) -> QIconEngine:
        """Return an engine for a copy of the icon."""
        return Engine(self._name, self._role)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw the picture into a rectangle."""
        theme = palette.current()
        colour = theme.color(self._role)
        if mode == QIcon.Mode.Disabled:
            colour = palette.blend(theme.panel, theme.muted, 0.55)
        paint(painter, self._name, QRectF(rect), colour)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """Return the picture in that many pixels."""
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """Return the picture for a screen with so many device pixels to a pixel."""
        if size.isEmpty():  # a button that has no room while its layout settles
            return QPixmap()
        pixmap = QPixmap(size * scale)
        pixmap.setDevicePixelRatio(scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap


def icon(name: str, role: str = "text") -> QIcon:
    """Return a shipped icon in the colour of a role; it follows the theme as long as it lives.

    Parameters
    ----------
    name : str
        The file's stem in resources/icons.
    role : str
        A colour of the theme, such as "text", "muted", "on_ink", "forward".

    Raises
    ------
    FileNotFoundError
        There is no such picture.
    KeyError
        The theme has no such colour.
    """
    palette.current().color(role)
    _source(name)
    return QIcon(Engine(name, role))


def paint(painter: QPainter, name: str, rect: QRectF, colour: QColor) -> None:
    """Draw a shipped picture in a colour, for widgets that paint themselves."""
    _renderer(name, colour.name()).render(painter, rect)


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    return resources.path("icons", f"{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=512)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
