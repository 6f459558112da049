"""The whole run as one bar: a segment for each position, a mark where the playhead stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui import fonts, palette
from gui.theme import px, theme
from gui.widgets.painted import Painted, focus_ring

MARK, BAR, LABEL = 11, 12, 20
APART = 5.0
"""Segments at least this wide, in pixels at a zoom of 1, stand apart."""
PALE = 0.2


class TimelineBar(Painted):
    """Position n means that the first n segments have happened; 0 is before the first.

    A click goes where it points, dragging scrubs; Left and Right, Home and End go by the keyboard.
    """

    went = Signal(int)
    """The user goes to this position."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._phases = np.zeros(0, dtype=np.uint8)
        self._labels: tuple[str, ...] = ()
        self._position = 0
        self._every: int | None = None
        self._strip: tuple[QImage, QImage] | None = None
        self._short: dict[tuple[str, float], str] = {}
        self._describe: Callable[[int], str] = str
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_segments(self, phases: np.ndarray, labels: Sequence[str], describe: Callable[[int], str]) -> None:
        """Show a run.

        Parameters
        ----------
        phases : ndarray (n,)
            0 forward, 1 loss, 2 backward.
        labels : sequence of str
            What stands below each segment.
        describe : callable
            ``describe(position)``: a line about a position, for the tooltip and for screen readers.
        """
        self._phases, self._labels, self._describe = np.asarray(phases), tuple(labels), describe
        self._position = min(self._position, len(self._phases))
        self.relayout()
        self.set_position(self._position)
        self.update()  # all of it, not only what a move of the playhead changes

    def set_position(self, position: int) -> None:
        """Show where the playhead stands."""
        old, self._position = self._position, position
        self.setAccessibleName(self.tr("Timeline: {}").format(self._describe(position)))
        self.update(self._between(old, position))

    def _between(self, old: int, new: int) -> QRect:
        """What a move of the playhead changes: the segments it passes, their labels, and the mark."""
        if not len(self._phases):
            return self.rect()
        segment = self._area().width() / len(self._phases)
        margin = segment * max(1, self._every or 1) + px(16)
        left, right = self._centre(min(old, new)) - margin, self._centre(max(old, new)) + margin
        return QRectF(left, 0, right - left, self.height()).toAlignedRect() & self.rect()

    def relayout(self) -> None:
        """Measure again."""
        self._every = None
        self._strip = None
        self._short.clear()

    def resizeEvent(self, event: object) -> None:
        """Measure again."""
        self.relayout()

    def sizeHint(self) -> QSize:
        """Return room for mark, bar and labels."""
        return QSize(px(400), px(MARK + BAR + LABEL))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that can be pointed at."""
        return QSize(px(160), px(MARK + BAR + LABEL))

    # Where ---------------------------------------------------------------------------------------------

    def _area(self) -> QRectF:
        side = px(6)
        return QRectF(side, px(MARK), max(1, self.width() - 2 * side), px(BAR))

    def position_at(self, x: float) -> int:
        """The position that a point of the bar means; 0 left of it."""
        area, count = self._area(), len(self._phases)
        if not count or x < area.left():
            return 0
        return min(count, int((x - area.left()) / area.width() * count) + 1)

    def _centre(self, position: int) -> float:
        area, count = self._area(), max(1, len(self._phases))
        return area.left() + (area.width() * (position - 0.5) / count if position else 0.0)

    # Painting ------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw bar, labels and mark."""
        worn, area, count = theme(), self._area(), len(self._phases)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if not count:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(worn.slot)
                painter.drawRoundedRect(area, px(3), px(3))
                return
            low = max(0, self.position_at(event.rect().left()) - 2)
            high = min(count, self.position_at(event.rect().right() + 1) + 1)
            if area.width() / count >= px(APART):
                self._paint_segments(painter, area, low, high)
            else:
                self._paint_strip(painter, area)
            self._paint_labels(painter, area, low, high)
            middle, half = self._centre(self._position), px(6)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(worn.text)
            points = [(middle - half, 0), (middle + half, 0), (middle, px(MARK) - px(2))]
            painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
            if self.hasFocus():
                focus_ring(painter, area.adjusted(-px(4), -px(4), px(4), px(4)), px(6))

    def _colour(self, phase: int, done: bool) -> QColor:
        worn = theme()
        full = (worn.forward, worn.loss, worn.backward)[phase]
        return full if done else palette.blend(worn.panel, full, PALE)

    def _paint_segments(self, painter: QPainter, area: QRectF, low: int, high: int) -> None:
        width = area.width() / len(self._phases)
        gap = min(2.0, width / 6)
        painter.setPen(Qt.PenStyle.NoPen)
        for at in range(low, high):
            painter.setBrush(self._colour(int(self._phases[at]), at < self._position))
            segment = QRectF(area.left() + at * width + gap / 2, area.top(), width - gap, area.height())
            painter.drawRoundedRect(segment, px(2), px(2))

    def _paint_strip(self, painter: QPainter, area: QRectF) -> None:
        if self._strip is None:
            done, pale = (
                np.array([self._colour(phase, there).getRgb() for phase in range(3)], dtype=np.uint8)
                for there in (True, False)
            )
            self._strip = (_strip(done[self._phases]), _strip(pale[self._phases]))
        share = self._position / len(self._phases)
        edge = area.width() * share
        for picture, left, right in ((self._strip[0], 0.0, edge), (self._strip[1], edge, area.width())):
            if right > left:
                painter.save()
                painter.setClipRect(QRectF(area.left() + left, area.top(), right - left, area.height()))
                painter.drawImage(area, picture)
                painter.restore()
        # One position among thousands would fall between the pixels: the loss is always in sight.
        for at in np.flatnonzero(self._phases == 1).tolist():
            middle = area.left() + (at + 0.5) * area.width() / len(self._phases)
            painter.fillRect(
                QRectF(middle - px(1.5), area.top(), px(3), area.height()), self._colour(1, at < self._position)
            )

    def _paint_labels(self, painter: QPainter, area: QRectF, low: int, high: int) -> None:
        worn, count = theme(), len(self._phases)
        plain, strong = self._font(400), self._font(600)
        metrics = QFontMetricsF(plain)
        every = self._spacing(area, metrics)
        if not every:
            return
        width = area.width() / count
        room = width * every - px(4)
        top = area.bottom() + px(3)
        for at in range(max(0, low // every - 1) * every, min(count, high + every), every):
            here = at == self._position - 1
            painter.setFont(strong if here else plain)
            painter.setPen(worn.text if here else worn.muted)
            middle = area.left() + (at + 0.5) * width
            left = min(max(middle - room / 2, 0.0), self.width() - room)
            text = self._elided(metrics, self._labels[at], room)
            align = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            painter.drawText(QRectF(left, top, room, px(LABEL)), align | Qt.TextFlag.TextDontClip, text)

    def _elided(self, metrics: QFontMetricsF, text: str, room: float) -> str:
        if (text, room) not in self._short:
            self._short[text, room] = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        return self._short[text, room]

    def _font(self, weight: int) -> QFont:
        return fonts.ui(11, weight)

    def _spacing(self, area: QRectF, metrics: QFontMetricsF) -> int:
        """Every how-manieth label is shown: all, or 2, 5, 10, … where they are too many; 0: none fits."""
        if self._every is None:
            widest = max(map(metrics.horizontalAdvance, set(self._labels)), default=0.0)
            need = min(widest, px(48)) + px(6)
            least, steps = len(self._labels) * need / area.width(), [1, 2, 5]
            while steps[-1] < least:
                steps += [10 * step for step in steps[-3:]]
            self._every = next(step for step in steps if step >= least)
            if self._every >= max(2, len(self._labels)):
                self._every = 0
        return self._every

    # Gestures ------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go where it points."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(self.position_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(self.position_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step, or go to an end."""
        goal = {
            Qt.Key.Key_Left: self._position - 1,
            Qt.Key.Key_Right: self._position + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(self._phases),
        }.get(Qt.Key(event.key()))
        if goal is None:
            super().keyPressEvent(event)
        else:
            self._go(max(0, min(goal, len(self._phases))))

    def event(self, event: object) -> bool:
        """Say what the position below the pointer is."""
        if isinstance(event, QHelpEvent):
            tip = self._describe(self.position_at(event.pos().x())) if len(self._phases) else ""
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)  # type: ignore[arg-type]

    def _go(self, position: int) -> None:
        if position != self._position:
            self.went.emit(position)


def _strip(colours: np.ndarray) -> QImage:
    """One row of pixels, one for each position."""
    pixels = np.ascontiguousarray(colours)
    return QImage(pixels.data, len(pixels), 1, 4 * len(pixels), QImage.Format.Format_RGBA8888).copy()
