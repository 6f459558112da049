"""An equation as blocks of coloured cells, one unit's row outlined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui.format import full
from gui.frames.equation import Piece
from gui.theme import px, theme
from gui.views._blocks_picture import cells
from gui.widgets.math_line import Run, paint, sign, width
from gui.widgets.painted import Painted, focus_ring

HEIGHT, HEIGHT_OF_TWO, CELL, NARROWEST, ALONE, MARGIN, GAP = 108, 84, 11, 4, 16, 4, 4
THIN = 2.5
"""Where a matrix' columns would be thinner, the equation goes on in a second line."""
SYMBOL, SIGN = 14, 13


@dataclass(frozen=True)
class _Box:
    """Where a piece lies: its slot, and the block of cells in it."""

    piece: Piece
    slot: QRectF
    block: QRectF


class Blocks(Painted):
    """Shows an equation's pieces side by side, each with its name below.

    A click on a row chooses a unit, as do Up and Down.

    Parameters
    ----------
    scale : callable
        ``scale(piece) -> float``: the magnitude that has the full colour.
    """

    unit_chosen = Signal(int)
    """The user chose a unit, from 0."""

    def __init__(self, scale: Callable[[Piece], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale = scale
        self._pieces: tuple[Piece, ...] = ()
        self._unit, self._units = 0, 1
        self._boxes: list[_Box] = []
        self._averaged = False
        self._kept: dict[tuple[object, ...], tuple[np.ndarray | None, QPixmap]] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_equation(self, pieces: Sequence[Piece], unit: int, units: int) -> None:
        """Show an equation, the row of a unit outlined."""
        before, height = [(piece.base, piece.shape) for piece in self._pieces], self.sizeHint().height()
        self._pieces, self._unit, self._units = tuple(pieces), unit, units
        self._boxes = []
        if before != [(piece.base, piece.shape) for piece in self._pieces]:
            self._kept.clear()
            self.updateGeometry()
        elif height != self.sizeHint().height():
            self.updateGeometry()  # a longer index may bring a second line
        self.setAccessibleName(self.tr("Equation as blocks, unit {} of {}").format(unit + 1, units))
        self.update()

    @property
    def averaged(self) -> bool:
        """Whether some block has more values than pixels, and so shows means."""
        self._layout()
        return self._averaged

    def relayout(self) -> None:
        """Measure again."""
        self._boxes = []
        self._kept.clear()

    def sizeHint(self) -> QSize:
        """Return room for all blocks and their names."""
        lines = len(self._lines())
        return QSize(px(260), 2 * px(MARGIN) + lines * self._line_height(lines))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that still shows blocks."""
        return QSize(px(200), self.sizeHint().height())

    def resizeEvent(self, event: object) -> None:
        """Measure again."""
        self.relayout()
        self.updateGeometry()

    # Measuring -----------------------------------------------------------------------------------------

    def _rows(self) -> int:
        return max((piece.shape[0] for piece in self._pieces if piece.shape and piece.along), default=1)

    def _height(self, lines: int = 1) -> int:
        tallest = max((piece.shape[0] for piece in self._pieces if piece.shape), default=1)
        return min(px(HEIGHT if lines == 1 else HEIGHT_OF_TWO), max(tallest, 3) * px(CELL))

    def _lines(self) -> list[list[Piece]]:
        """The pieces on one line, or on two where the matrices would be slivers on one."""
        one = [list(self._pieces)]
        if not any(piece.kind == "matrix" for piece in self._pieces) or self._column_width(one[0], 1) >= px(THIN):
            return one
        best, width = one, self._column_width(one[0], 1)
        for at, piece in enumerate(self._pieces):
            if piece.base == "+" and piece.kind == "sign":
                two = [list(self._pieces[:at]), list(self._pieces[at:])]
                thinnest = min(self._column_width(line, 2) for line in two)
                if thinnest > width:
                    best, width = two, thinnest
        return best

    def _cell(self, lines: int) -> float:
        return min(float(px(CELL)), self._height(lines) / max(1, self._rows()))

    def _narrow(self, lines: int) -> float:
        """How wide a vector's cells are."""
        if not any(piece.kind == "matrix" for piece in self._pieces):
            return float(px(ALONE))
        return max(float(px(NARROWEST)), self._cell(lines))

    def _column_width(self, line: Sequence[Piece], lines: int) -> float:
        """How wide a matrix' column can be on a line: what signs, vectors and gaps leave."""
        left, narrow = self.width() - 2.0 * px(MARGIN), self._narrow(lines)
        columns = 0
        for piece in line:
            if piece.kind == "sign":
                left -= self._sign_width(piece)
            elif piece.kind == "vector":
                left -= self._slot_width(piece, narrow) + px(GAP)
            else:
                columns += piece.shape[1]
                left -= px(GAP)
        if not columns:
            return self._cell(lines)
        return min(self._cell(lines), max(1.0, left) / columns)

    def _layout(self) -> list[_Box]:
        if self._boxes or not self._pieces:
            return self._boxes
        found = self._lines()
        cell, narrow, height = self._cell(len(found)), self._narrow(len(found)), self._height(len(found))
        wide = min(self._column_width(line, len(found)) for line in found)
        self._averaged = cell < 1 or (wide < 1 and any(piece.kind == "matrix" for piece in self._pieces))
        for row, line in enumerate(found):
            x = float(px(MARGIN))
            top = px(MARGIN) + row * self._line_height(len(found))
            for piece in line:
                if piece.kind == "sign":
                    slot = QRectF(x, top, self._sign_width(piece), height)
                    self._boxes.append(_Box(piece, slot, slot))
                    x += slot.width()
                    continue
                block = piece.shape[1] * wide if piece.kind == "matrix" else narrow
                room, tall = self._slot_width(piece, block), min(piece.shape[0] * cell, height)
                slot = QRectF(x, top, room, height)
                area = QRectF(x + (room - block) / 2, top + (height - tall) / 2, block, tall)
                self._boxes.append(_Box(piece, slot, area))
                x += room + px(GAP)
        return self._boxes

    def _line_height(self, lines: int) -> int:
        return self._height(lines) + round(px(SYMBOL) * 1.9)

    def _slot_width(self, piece: Piece, least: float) -> float:
        return max(least, width(Run(piece.base, piece.below), px(SYMBOL)))

    def _sign_width(self, piece: Piece) -> float:
        return width(sign(piece.base), px(SIGN)) + px(4 if piece.base == "(" else 1)

    # Painting ------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw every block, its name, the signs between, and the outline of the unit's row."""
        worn = theme()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for box in self._layout():
                piece, middle = box.piece, box.slot.center().y()
                if piece.kind == "sign":
                    paint(painter, sign(piece.base), box.slot.x(), middle + px(SIGN) * 0.33, px(SIGN))
                    continue
                painter.drawPixmap(box.block, self._picture(box), QRectF())
                name = Run(piece.base, piece.below)
                left = box.slot.center().x() - width(name, px(SYMBOL)) / 2
                paint(painter, name, left, box.slot.bottom() + px(SYMBOL) * 1.25, px(SYMBOL))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(worn.text, max(1.5, px(1.5))))
            for box in self._layout():
                if box.piece.shape and box.piece.along:
                    painter.drawRoundedRect(self._row_of(box), px(2), px(2))
            if self.hasFocus():
                focus_ring(painter, QRectF(self.rect()), px(6))

    def _row_of(self, box: _Box) -> QRectF:
        high = box.block.height() / box.piece.shape[0]
        row = QRectF(box.block.x(), box.block.y() + self._unit * high, box.block.width(), high)
        grow = max(0.0, (px(4) - row.height()) / 2)
        return row.adjusted(-1, -grow - 0.5, 1, grow + 0.5)

    def _picture(self, box: _Box) -> QPixmap:
        """Paint a block once; weights stay the same from step to step."""
        ratio = self.devicePixelRatioF()
        size = (max(1, round(box.block.width() * ratio)), max(1, round(box.block.height() * ratio)))
        key = (box.piece.node, size, theme().name)
        value = box.piece.value
        kept = self._kept.get(key)
        if kept is not None and (kept[0] is value or _same(kept[0], value)):
            return kept[1]
        pixmap = cells(box.piece, size, self._scale(box.piece))
        self._kept[key] = (value, pixmap)
        return pixmap

    # Gestures ------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose the row's unit."""
        found = self._at(event.position().toPoint())
        if found is not None and found[0].along:
            self.unit_chosen.emit(found[1])
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the unit above or below, to the first or the last."""
        goal = {
            Qt.Key.Key_Up: self._unit - 1,
            Qt.Key.Key_Down: self._unit + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: self._units - 1,
        }.get(Qt.Key(event.key()))
        if goal is None:
            super().keyPressEvent(event)
        elif 0 <= goal < self._units:
            self.unit_chosen.emit(goal)

    def event(self, event: object) -> bool:
        """Tell the value below the pointer."""
        if isinstance(event, QHelpEvent):
            tip = self.tip_at(event.pos())
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def tip_at(self, point: QPoint) -> str:
        """What the tooltip says at a point: the value's name, index and all its digits."""
        found = self._at(point)
        if found is None:
            return self.tr("Click a row, or Up and Down: the unit whose sum is written below")
        piece, row, column = found
        index = f"[{row + 1}, {column + 1}]" if piece.kind == "matrix" else f"[{row + 1}]"
        if piece.value is None:
            return self.tr("{name}{index}: not computed yet").format(name=piece.plain, index=index)
        value = piece.value[row, column] if piece.kind == "matrix" else piece.value[row]
        text = f"{piece.plain}{index} = {full(float(value))}"
        if len(piece.names) > 1:
            text += f"\n{piece.plain} = {' + '.join(piece.names)}"
        return text

    def _at(self, point: QPoint) -> tuple[Piece, int, int] | None:
        for box in self._layout():
            if box.piece.shape and box.block.adjusted(-2, 0, 2, 0).contains(point):
                rows = box.piece.shape[0]
                columns = box.piece.shape[1] if box.piece.kind == "matrix" else 1
                row = int((point.y() - box.block.y()) / box.block.height() * rows)
                column = int((point.x() - box.block.x()) / box.block.width() * columns)
                return box.piece, min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
        return None


def _same(kept: np.ndarray | None, value: np.ndarray | None) -> bool:
    if kept is None or value is None:
        return kept is value
    return kept.shape == value.shape and bool(np.array_equal(kept, value, equal_nan=True))
