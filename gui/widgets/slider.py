"""A slider for a real number, with a tick at the value that a double click brings back."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from gui.theme import px, theme

STEPS = 1000


class ValueSlider(QSlider):
    """A horizontal slider between two real numbers.

    Parameters
    ----------
    minimum, maximum : float
    reset : float, optional
        Where the tick stands; a double click and the Backspace key go there.
    """

    value_changed = Signal(float)
    """The user moves the handle; it comes at every move."""
    committed = Signal(float)
    """The user let the handle go, or moved it by a key, the wheel or a double click."""

    def __init__(
        self, minimum: float, maximum: float, reset: float | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._low, self._high = float(minimum), float(maximum)
        self._reset = reset
        self.setRange(0, STEPS)
        self.setSingleStep(STEPS // 100)
        self.setPageStep(STEPS // 10)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._quiet = False
        self._exact = self._low
        self.valueChanged.connect(self._on_value_changed)
        self.sliderReleased.connect(self._on_slider_released)
        self.set_value(minimum if reset is None else reset)

    def number(self) -> float:
        """Return the value."""
        return self._exact

    def set_value(self, value: float) -> None:
        """Show a value without a signal; one outside the ends is kept, with the handle at the end."""
        self._quiet = True
        self.setValue(round(STEPS * self._share(value)))
        self._quiet = False
        self._exact = float(value)
        self.update()

    def set_ends(self, minimum: float, maximum: float) -> None:
        """Slide between other numbers; the value stays."""
        self._low, self._high = float(minimum), float(maximum)
        self.set_value(self._exact)

    def sizeHint(self) -> QSize:
        """Return a height that a finger hits."""
        return QSize(px(120), px(24))

    def minimumSizeHint(self) -> QSize:
        """Return the least width that still slides."""
        return QSize(px(64), px(24))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to what scrolls, unless the slider has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the tick."""
        if self._reset is None:
            super().mouseDoubleClickEvent(event)
        else:
            self._go_back(self._reset)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go back to the tick with Backspace; the other keys are those of every slider."""
        if event.key() == Qt.Key.Key_Backspace and self._reset is not None:
            self._go_back(self._reset)
        else:
            super().keyPressEvent(event)

    def _go_back(self, value: float) -> None:
        self.set_value(value)
        self.value_changed.emit(self._exact)
        self.committed.emit(self._exact)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the track, the part of it that is reached, the tick and the handle."""
        worn = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        radius, thickness = px(8), max(3, px(4))
        middle = self.height() / 2
        left, right = radius + 2.0, self.width() - radius - 2.0
        place = left + (right - left) * self.value() / STEPS
        accent = worn.forward if self.isEnabled() else worn.muted
        painter.setPen(Qt.PenStyle.NoPen)
        track = QRectF(left, middle - thickness / 2, right - left, thickness)
        painter.setBrush(worn.border)
        painter.drawRoundedRect(track, thickness / 2, thickness / 2)
        track.setRight(place)
        painter.setBrush(accent)
        painter.drawRoundedRect(track, thickness / 2, thickness / 2)
        if self._reset is not None:
            tick = left + (right - left) * self._share(self._reset)
            painter.setPen(QPen(worn.muted, max(1, px(1.5))))
            painter.drawLine(QPointF(tick, middle - px(7)), QPointF(tick, middle + px(7)))
        painter.setPen(QPen(accent, max(2, px(2))))
        painter.setBrush(worn.card)
        painter.drawEllipse(QPointF(place, middle), radius - 1, radius - 1)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(worn.focus, max(1.5, px(1.5))))
            painter.drawEllipse(QPointF(place, middle), radius + 2, radius + 2)
        painter.end()

    def _share(self, value: float) -> float:
        if self._high <= self._low:
            return 0.0
        return min(1.0, max(0.0, (value - self._low) / (self._high - self._low)))

    def _on_value_changed(self, step: int) -> None:
        if self._quiet:
            return
        self._exact = self._low + (self._high - self._low) * step / STEPS
        self.value_changed.emit(self._exact)
        if not self.isSliderDown():
            self.committed.emit(self._exact)

    def _on_slider_released(self) -> None:
        self.committed.emit(self._exact)
