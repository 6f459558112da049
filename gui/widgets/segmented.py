"""A row of exclusive choices that are all in sight, as RNN | GRU | LSTM in the toolbar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFontMetricsF, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from gui import fonts, palette
from gui.theme import px, theme
from gui.widgets import math_line
from gui.widgets.painted import LOOK_EVENTS, Painted, focus_ring, inset

HEIGHT, PADDING, RADIUS, MATH = 30, 14, 8, 17


@dataclass(frozen=True)
class Segment:
    """One choice. Where it is not enabled, `reason` says what is missing; it becomes the tooltip.

    With `math` the text is a symbol, such as W_hh.
    """

    id: str
    text: str
    tip: str = ""
    enabled: bool = True
    reason: str = ""
    math: bool = False


class SegmentedControl(Painted):
    """Shows segments side by side; exactly one is chosen.

    Tab reaches the chosen one; Left and Right, Home and End go to the next one that is enabled and choose it.

    Parameters
    ----------
    segments : sequence of Segment
    name : str
        What is chosen here, for screen readers.
    """

    chosen = Signal(str)
    """The user chose the segment with this id."""

    def __init__(self, segments: Sequence[Segment] = (), name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._buttons: list[_Button] = []
        self._current = ""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.set_segments(segments)

    def set_segments(self, segments: Sequence[Segment]) -> None:
        """Show other segments; the chosen one stays where its id is still there and enabled."""
        before = self.current()
        for button in self._buttons:
            self._row.removeWidget(button)
            button.deleteLater()
            button.hide()
        self._buttons = [_Button(segment, self) for segment in segments]
        for index, button in enumerate(self._buttons):
            button.place(first=index == 0, last=index == len(segments) - 1)
            button.clicked.connect(self._on_clicked)
            self._row.addWidget(button)
        ids = [segment.id for segment in segments if segment.enabled]
        self._current = ""
        if ids:
            self.set_current(before if before in ids else ids[0])

    def segments(self) -> list[Segment]:
        """Return what there is to choose from."""
        return [button.segment for button in self._buttons]

    def current(self) -> str:
        """Return the chosen segment's id; empty where there are none."""
        return self._current

    def set_current(self, id: str) -> None:
        """Choose a segment without a signal.

        Raises
        ------
        KeyError
            No segment has this id.
        """
        if id not in [button.segment.id for button in self._buttons]:
            raise KeyError(f"segment {id!r}: allowed are {[button.segment.id for button in self._buttons]}")
        self._current = id
        for button in self._buttons:
            mine = button.segment.id == id
            button.setChecked(mine)
            # One stop of the Tab key for the whole control, on the chosen segment.
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if mine else Qt.FocusPolicy.ClickFocus)
            button.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose the next or previous, the first or last enabled segment."""
        usable = [button for button in self._buttons if button.isEnabled()]
        place = next((index for index, button in enumerate(usable) if button.isChecked()), -1)
        goal = {
            Qt.Key.Key_Left: place - 1,
            Qt.Key.Key_Up: place - 1,
            Qt.Key.Key_Right: place + 1,
            Qt.Key.Key_Down: place + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(usable) - 1,
        }.get(Qt.Key(event.key()))
        if goal is None:
            super().keyPressEvent(event)
        elif 0 <= goal < len(usable) and goal != place:
            self._choose(usable[goal])
            usable[goal].setFocus(Qt.FocusReason.OtherFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the common frame; the segments lie inside it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().border, 1))
        painter.setBrush(theme().card)
        painter.drawRoundedRect(inset(QRectF(self.rect()), 1), px(RADIUS), px(RADIUS))
        painter.end()

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, _Button):
            self._choose(button)

    def _choose(self, button: _Button) -> None:
        new = button.segment.id != self._current
        self.set_current(button.segment.id)
        if new:
            self.chosen.emit(button.segment.id)


class _Button(QAbstractButton):
    def __init__(self, segment: Segment, control: SegmentedControl) -> None:
        super().__init__(control)
        self.segment = segment
        self._first = self._last = False
        self.setCheckable(True)
        self.setText(segment.text)
        self.setAccessibleName(segment.text)
        self.setEnabled(segment.enabled)
        self.setToolTip(segment.tip if segment.enabled else segment.reason or segment.tip)
        self.setAccessibleDescription(self.toolTip())
        if segment.enabled:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def place(self, first: bool, last: bool) -> None:
        self._first, self._last = first, last

    def sizeHint(self) -> QSize:
        width = QFontMetricsF(fonts.ui(13, 600)).horizontalAdvance(self.segment.text)
        if self.segment.math:
            width = math_line.width(self._symbol(), px(MATH))
        return QSize(round(width) + 2 * px(PADDING), px(HEIGHT))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Select):
            super().keyPressEvent(event)
        else:
            # Not to QAbstractButton, which would move the focus by geometry and leave the choice behind.
            event.ignore()

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.update()
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in LOOK_EVENTS:
            self.updateGeometry()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        worn = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        shape = self._shape(area)
        colour = worn.muted if self.isEnabled() else palette.blend(worn.card, worn.muted, 0.6)
        if self.isChecked():
            painter.fillPath(shape, worn.forward if self.isEnabled() else worn.border)
            colour = worn.on_forward if self.isEnabled() else worn.muted
        elif self.isEnabled() and self.underMouse():
            painter.fillPath(self._shape(area.adjusted(0, 1, 0, -1)), worn.slot)
            colour = worn.text
        if not self._first and not self.isChecked():
            painter.fillRect(QRectF(0, 1, 1, area.height() - 2), worn.border)
        if self.segment.math:
            symbol = self._symbol()
            left = area.center().x() - math_line.width(symbol, px(MATH)) / 2
            math_line.paint(painter, symbol, left, area.center().y() + px(MATH) * 0.3, px(MATH))
        else:
            painter.setPen(colour)
            painter.setFont(fonts.ui(13, 600 if self.isChecked() else 400))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.segment.text)
        if self.hasFocus():
            gap = px(3)
            if self.isChecked():
                painter.setPen(QPen(worn.on_forward, max(1.5, px(1.5))))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(area.adjusted(gap, gap, -gap, -gap), px(5), px(5))
            else:
                focus_ring(painter, area, px(5))
        painter.end()

    def _symbol(self) -> math_line.Run:
        name, _, index = self.segment.text.partition("_")
        role = "on_forward" if self.isChecked() else "text" if self.underMouse() else "muted"
        return math_line.Run(name, index, role=role)

    def _shape(self, area: QRectF) -> QPainterPath:
        """Return the area, rounded where it is an end of the control."""
        radius = px(RADIUS)
        path = QPainterPath()
        path.addRoundedRect(area, radius, radius)
        square = QPainterPath()
        if not self._first:
            square.addRect(area.adjusted(0, 0, -radius, 0))
        if not self._last:
            square.addRect(area.adjusted(radius, 0, 0, 0))
        return path.united(square)
