"""The patterns of a recurrent network as small pictures to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QSizePolicy, QWidget

from gui import fonts, palette
from gui.theme import px, theme
from gui.widgets.painted import Painted, inset

COLUMNS = 2
BOX, GAP, ROW = QSize(14, 10), 6, 17


@dataclass(frozen=True)
class Picture:
    """A pattern drawn as columns of boxes: in each whether there is an input, and an output."""

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]


def _row(text: str) -> tuple[bool, ...]:
    return tuple(sign == "x" for sign in text)


PICTURES = {
    "one-to-one": Picture(_row("x"), _row("x")),
    "one-to-many": Picture(_row("x.."), _row("xxx")),
    "many-to-one": Picture(_row("xxx"), _row("..x")),
    "many-to-many": Picture(_row("xxx"), _row("xxx")),
    "sequence-to-sequence": Picture(_row("xx.."), _row("..xx")),
}
"""The five patterns of the engine, by their names."""


class PatternGrid(Painted):
    """Tiles in two columns, each with a pattern's picture and name; exactly one is chosen.

    Tab reaches the chosen one, the arrow keys go from tile to tile and choose.

    Parameters
    ----------
    tiles : sequence of (id, text, Picture)
    """

    chosen = Signal(str)
    """The user chose the pattern with this id."""

    def __init__(self, tiles: Sequence[tuple[str, str, Picture]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._tiles: list[PatternTile] = []
        self._current = ""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for index, (id, text, picture) in enumerate(tiles):
            tile = PatternTile(id, text, picture, self)
            tile.clicked.connect(self._on_clicked)
            self._grid.addWidget(tile, index // COLUMNS, index % COLUMNS)
            self._tiles.append(tile)
        if self._tiles:
            self.set_current(self._tiles[0].id)
        self.relayout()

    def current(self) -> str:
        """Return the chosen pattern's id; empty where there are none."""
        return self._current

    def set_current(self, id: str) -> None:
        """Choose a pattern without a signal.

        Raises
        ------
        KeyError
            No tile has this id.
        """
        if id not in [tile.id for tile in self._tiles]:
            raise KeyError(f"pattern {id!r}: allowed are {[tile.id for tile in self._tiles]}")
        self._current = id
        for tile in self._tiles:
            tile.setChecked(tile.id == id)
            policy = Qt.FocusPolicy.StrongFocus if tile.id == id else Qt.FocusPolicy.ClickFocus
            tile.setFocusPolicy(policy)

    def tile(self, id: str) -> PatternTile:
        """Return the tile of a pattern."""
        return next(tile for tile in self._tiles if tile.id == id)

    def relayout(self) -> None:
        """Follow the zoom."""
        self._grid.setSpacing(px(8))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the neighbouring tile and choose it."""
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -COLUMNS,
            Qt.Key.Key_Down: COLUMNS,
        }.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        goal = [tile.id for tile in self._tiles].index(self._current) + step
        if 0 <= goal < len(self._tiles):
            self._tiles[goal].setFocus(Qt.FocusReason.OtherFocusReason)
            self._choose(self._tiles[goal])

    def _on_clicked(self) -> None:
        tile = self.sender()
        if isinstance(tile, PatternTile):
            self._choose(tile)

    def _choose(self, tile: PatternTile) -> None:
        new = tile.id != self._current
        self.set_current(tile.id)
        if new:
            self.chosen.emit(tile.id)


class PatternTile(QAbstractButton):
    """One pattern: its picture, its name below."""

    def __init__(self, id: str, text: str, picture: Picture, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.id = id
        self._picture = picture
        self.setText(text)
        self.setAccessibleName(text)
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return room for the picture and two lines of text."""
        lines = 2 if max(map(len, self.text().split("\n"))) > 16 or "\n" in self.text() else 1
        height = px(14 + 2 * ROW + BOX.height() + 8) + lines * self._line()
        return QSize(px(100), height + px(8))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that shows the picture."""
        return QSize(px(84), self.sizeHint().height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave the arrow keys to the grid."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select):
            super().keyPressEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw border, picture and name."""
        worn = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        chosen = self.isChecked()
        line = max(2, px(2)) if chosen or self.hasFocus() else 1
        edge = worn.focus if self.hasFocus() else worn.forward if chosen else worn.border
        fill = worn.forward_soft if chosen else worn.slot if self.underMouse() else worn.card
        painter.setPen(QPen(edge, line))
        painter.setBrush(fill)
        painter.drawRoundedRect(inset(area, line), px(10), px(10))
        if chosen and self.hasFocus():
            gap = line + 1
            painter.setPen(QPen(worn.forward, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(inset(area, 2 * gap), px(8), px(8))
        self._paint_picture(painter, QPointF(area.center().x(), px(14)), fill)
        painter.setPen(worn.text if chosen else worn.muted)
        painter.setFont(fonts.ui(11, 600 if chosen else 400))
        top = px(14 + 2 * ROW + BOX.height() + 8)
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(QRectF(px(4), top, area.width() - px(8), area.height() - top), flags, self.text())
        painter.end()

    def _line(self) -> int:
        return round(QFontMetricsF(fonts.ui(11, 600)).lineSpacing())

    def _paint_picture(self, painter: QPainter, top: QPointF, fill: QColor) -> None:
        worn = theme()
        hidden = palette.blend(fill, worn.forward, 0.75)
        given = palette.blend(fill, worn.muted, 0.6)
        width, height, gap, row = px(BOX.width()), px(BOX.height()), px(GAP), px(ROW)
        columns = len(self._picture.inputs)
        left = top.x() - (columns * width + (columns - 1) * gap) / 2
        painter.setPen(QPen(palette.blend(fill, worn.muted, 0.8), 1))
        middle = top.y() + row + height / 2
        for column in range(columns):
            centre = left + column * (width + gap) + width / 2
            if column + 1 < columns:
                painter.drawLine(QPointF(centre, middle), QPointF(centre + width + gap, middle))
            if self._picture.outputs[column]:
                painter.drawLine(QPointF(centre, middle), QPointF(centre, middle - row))
            if self._picture.inputs[column]:
                painter.drawLine(QPointF(centre, middle), QPointF(centre, middle + row))
        painter.setPen(Qt.PenStyle.NoPen)
        for column in range(columns):
            x = left + column * (width + gap)
            rows = ((self._picture.outputs, worn.ink), (None, hidden), (self._picture.inputs, given))
            for place, (there, colour) in enumerate(rows):
                if there is None or there[column]:
                    painter.setBrush(colour)
                    box = QRectF(x, top.y() + place * row, width, height)
                    painter.drawRoundedRect(box, px(3), px(3))
