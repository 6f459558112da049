"""Left of the score: what each track is called, its scale, its axis, and the edges by which it is resized."""

from __future__ import annotations

import re

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen

from engine.format import number
from gui.score_layout import Strip
from gui.score_scene import Scene
from gui.theme import theme
from gui.tracks.base import Face, elided, face, write
from gui.widgets.painted import Painted

WIDTH = 126.0
LEGEND = 68.0
_INDEX = re.compile(r"(?<=(?<![A-Za-z])[A-Za-z])_(\w+)")


class Gutter(Painted):
    """The titles, aligned with their tracks.

    Parameters
    ----------
    scene : Scene
    """

    resized = Signal(str, float)
    """The user gives a track (by its id) a height in pixels."""
    menu_asked = Signal(str, object)
    """A context menu is asked for at a track (or nowhere: ""), at a global position."""
    fitted = Signal()
    """A double click: show all columns."""

    def __init__(self, scene: Scene, parent: Painted | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._dragged: tuple[str, float] | None = None
        self.setMouseTracking(True)
        self.relayout()

    def relayout(self) -> None:
        """Be as wide as titles are at the present zoom."""
        self.setFixedWidth(round(self._scene.px(WIDTH)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw title, second lines, scale and axis of every track."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.fillRect(self.rect(), theme().canvas)
            if self._scene.sheet is None:
                return
            for strip in self._scene.strips:
                top = strip.top - self._scene.offset
                if top + strip.height >= 0 and top <= self.height():
                    self._paint_strip(painter, strip, top)
            if self._dragged is not None:
                painter.fillRect(0, round(self._dragged[1]), self.width(), 1, theme().focus)

    def _paint_strip(self, painter: QPainter, strip: Strip, top: float) -> None:
        scene, worn, track = self._scene, theme(), strip.track
        stage = scene.stage(strip, 0, scene.width)
        marks = track.marks(stage)
        bold, plain = face("ui", stage.type(12.5), 600), face("ui", stage.type(11))
        lines = [line for line in track.subtitle.split("\n") if line]
        heights = bold.height + plain.height * len(lines)
        y = top + scene.px(5)
        if track.centred and not marks:
            y = top + max(0.0, (strip.height - heights) / 2)
        painter.save()
        painter.setClipRect(QRectF(0, top, self.width(), strip.height).intersected(QRectF(self.rect())))
        x, edge = scene.px(10), self.width() - scene.px(5)
        tick = face("ui", stage.type(10.5))

        def taken(y: float) -> float:
            """How much of the line the axis takes."""
            near = [tick.width(text) for at, text in marks if abs(at - y) < scene.px(12)]
            return max(near) + scene.px(4) if near else 0.0

        # An SVG does not clip: what would stand below the edge is left out there.
        lowest = min(top + strip.height, self.height())
        for at, text in marks:
            if at > lowest:
                continue
            write(painter, QPointF(edge, at), text, tick, worn.muted, "right")
        y += bold.height / 2
        room = edge - x - taken(y)
        title = track.heading(stage)
        words = [title] if bold.width(title) <= room else title.split(" ", 1)
        for at, part in enumerate(words):
            y += bold.height if at else 0
            _write(painter, QPointF(x, y), elided(bold, part, room), bold, face("ui", stage.type(9.5), 600), worn.text)
        y += bold.height / 2
        for line in lines:
            if y + plain.height > lowest:
                break
            y += plain.height / 2
            # Where the axis leaves too little room beside it, the line goes on below.
            while 0 < edge - x - taken(y) < plain.width(line) < edge - x and y + plain.height <= top + strip.height:
                y += scene.px(4)
            shown = elided(plain, line, edge - x - taken(y))
            _write(painter, QPointF(x, y), shown, plain, face("ui", stage.type(8.5)), worn.muted)
            y += plain.height / 2
        scale = track.legend()
        if scale is not None and lowest - y >= scene.px(26):
            self._paint_legend(painter, stage.type(9.5), x, y + scene.px(6), scale)
        painter.restore()

    def _paint_legend(self, painter: QPainter, size: float, x: float, y: float, scale: float) -> None:
        scene, worn = self._scene, theme()
        table = worn.diverging
        image = QImage(table.tobytes(), len(table), 1, 4 * len(table), QImage.Format.Format_RGBA8888)
        strip = QRectF(x, y, scene.px(LEGEND), scene.px(6))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(strip, image)
        painter.setPen(QPen(worn.muted, 1))
        middle = round(strip.center().x())
        painter.drawLine(QPointF(middle + 0.5, strip.top() - 1), QPointF(middle + 0.5, strip.bottom() + 1))
        kind = face("mono", size)
        y = strip.bottom() + scene.px(3) + kind.height / 2
        low, high = number(-scale, 2), number(scale, 2)
        if kind.width(low + high) + scene.px(4) <= strip.width():
            write(painter, QPointF(strip.left(), y), low, kind, worn.muted)
            write(painter, QPointF(strip.right(), y), high, kind, worn.muted, "right")
        else:
            write(painter, QPointF(strip.left(), y), f"± {high}", kind, worn.muted)

    # The mouse ----------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of an edge between two tracks."""
        strip = self._scene.boundary_at(event.position().y())
        if strip is not None and event.button() == Qt.MouseButton.LeftButton:
            self._dragged = strip.track.id, event.position().y()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Resize, or show that one could."""
        y = event.position().y()
        if self._dragged is None:
            near = self._scene.boundary_at(y) is not None
            self.setCursor(Qt.CursorShape.SplitVCursor if near else Qt.CursorShape.ArrowCursor)
            return
        id = self._dragged[0]
        strip = next((strip for strip in self._scene.strips if strip.track.id == id), None)
        if strip is not None:
            self._dragged = id, y
            self.resized.emit(id, y + self._scene.offset - strip.top)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._dragged = None
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show all columns."""
        self.fitted.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the track under the mouse."""
        strip = self._scene.strip_at(event.y())
        self.menu_asked.emit(strip.track.id if strip else "", event.globalPos())


def _write(painter: QPainter, at: QPointF, text: str, kind: Face, small: Face, colour: QColor) -> None:
    """Write a line in which the index of a symbol stands lower: W_y, ∂L/∂a_i."""
    x, lowered = at.x(), at.y() + (kind.cap - small.cap) / 2 + 0.4 * small.cap
    for index, part in enumerate(_INDEX.split(text)):
        if part and index % 2:
            x += write(painter, QPointF(x, lowered), part, small, colour)
        elif part:
            x += write(painter, QPointF(x, at.y()), part, kind, colour)
