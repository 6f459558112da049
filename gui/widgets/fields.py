"""Compact fields for whole and real numbers."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QToolTip, QWidget

from gui import fonts
from gui.format import MINUS, count, number
from gui.theme import px

WIDTH, HEIGHT = 64, 26


class _NumberField(QLineEdit):
    """What both number fields share. Enter and leaving commit, Escape takes back, Up and Down and the
    wheel (only while it has the focus) go by one step. What cannot be read is marked and explained, and
    the last good value comes back when the field is left."""

    def __init__(self, minimum: float, maximum: float, step: float, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._minimum, self._maximum, self._step = minimum, maximum, step
        self._tip = ""
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.textEdited.connect(self._on_text_edited)
        self.returnPressed.connect(self._on_return_pressed)
        self._measure()

    def sizeHint(self) -> QSize:
        """Return the compact size of the pictures."""
        return QSize(px(WIDTH), px(HEIGHT))

    def minimumSizeHint(self) -> QSize:
        """Return the same: it never shrinks."""
        return self.sizeHint()

    def problem(self) -> str:
        """Return what is wrong with the text that stands there; empty where nothing is."""
        wrong = self._read(self.text())
        return wrong if isinstance(wrong, str) else ""

    def set_tip(self, tip: str) -> None:
        """Set the tooltip that is shown while nothing is wrong."""
        self._tip = tip
        self.setToolTip(tip)

    def set_maximum(self, maximum: float) -> None:
        """Allow values up to this one; a larger one that stands there becomes it, without a signal."""
        self._maximum = maximum
        self._store(min(maximum, self._value()))
        self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with Up and Down, take back with Escape."""
        turns = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
        key = Qt.Key(event.key())
        if key in turns:
            self._go(turns[key])
        elif key == Qt.Key.Key_Escape and self.text() != self._shown():
            self._show()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Leave undo and redo to the window where nothing is being typed."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            keys = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)
            if any(event.matches(key) for key in keys) and self.text() == self._shown():
                event.ignore()
                return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step with the wheel, but only in the field that is being edited."""
        turns = event.angleDelta().y()
        if not self.hasFocus() or not turns:
            event.ignore()
            return
        self._go(1 if turns > 0 else -1)
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select everything, so that typing replaces it."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Commit, or show the last good value again."""
        if self.problem():
            self._show()
        else:
            self._on_return_pressed()
        super().focusOutEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() == QEvent.Type.StyleChange:
            self._measure()
        super().changeEvent(event)

    def _measure(self) -> None:
        font = fonts.mono(12)
        if self.font() != font:
            self.setFont(font)
        self.updateGeometry()

    def _go(self, turns: int) -> None:
        wanted = self._value() + turns * self._step
        self._commit(min(self._maximum, max(self._minimum, wanted)))

    def _on_text_edited(self) -> None:
        self._mark(self.problem())

    def _on_return_pressed(self) -> None:
        read = self._read(self.text())
        if isinstance(read, str):
            self._mark(read)
            QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), read, self)
        else:
            self._commit(read)

    def _commit(self, value: float) -> None:
        new = value != self._value()
        self._store(value)
        self._show()
        if new:
            self._tell()

    def _show(self) -> None:
        self.setText(self._shown())
        self._mark("")

    def _mark(self, problem: str) -> None:
        self.setToolTip(problem or self._tip)
        self.setAccessibleDescription(problem)
        if bool(self.property("invalid")) != bool(problem):
            self.setProperty("invalid", bool(problem))
            self.style().unpolish(self)
            self.style().polish(self)
            # The stylesheet puts back the font from before it first came.
            self._measure()

    def _read(self, text: str) -> float | str:
        raise NotImplementedError

    def _value(self) -> float:
        raise NotImplementedError

    def _store(self, value: float) -> None:
        raise NotImplementedError

    def _shown(self) -> str:
        raise NotImplementedError

    def _tell(self) -> None:
        raise NotImplementedError


def _plain(text: str) -> str:
    """Take a text as people type numbers to one that Python reads."""
    text = text.strip().replace(MINUS, "-").replace("\u202f", "").replace(" ", "")
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text


class IntField(_NumberField):
    """A compact field for a whole number between two limits."""

    committed = Signal(object)
    """The user has put in this other value, an int; Qt's own would end at 2**31."""

    def __init__(
        self, value: int, minimum: float, maximum: float, step: int = 1, parent: QWidget | None = None
    ) -> None:
        super().__init__(minimum, maximum, step, parent)
        self._number = value
        self._show()

    def value(self) -> int:
        """Return the last good value."""
        return self._number

    def set_value(self, value: int) -> None:
        """Show a value without a signal."""
        self._number = int(value)
        self._show()

    def _read(self, text: str) -> float | str:
        try:
            value = int(_plain(text))
        except ValueError:
            return self.tr("“{text}” is not a whole number").format(text=text)
        if self._minimum <= value <= self._maximum:
            return value
        return self.tr("{value} is outside {low} to {high}").format(
            value=count(value), low=count(int(self._minimum)), high=count(int(self._maximum))
        )

    def _value(self) -> float:
        return self._number

    def _store(self, value: float) -> None:
        self._number = int(value)

    def _shown(self) -> str:
        return count(self._number)

    def _tell(self) -> None:
        self.committed.emit(self._number)


class FloatField(_NumberField):
    """A compact field for a real number between two limits."""

    committed = Signal(float)
    """The user has put in this other value."""

    def __init__(
        self,
        value: float,
        minimum: float = -math.inf,
        maximum: float = math.inf,
        step: float = 0.1,
        digits: int = 3,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(minimum, maximum, step, parent)
        self._number = float(value)
        self._digits = digits
        self._show()

    def value(self) -> float:
        """Return the last good value."""
        return self._number

    def set_value(self, value: float) -> None:
        """Show a value without a signal."""
        self._number = float(value)
        self._show()

    def _read(self, text: str) -> float | str:
        if text == self._shown():
            # The shown digits are fewer than the value has; leaving the field must not round it.
            return self._number
        try:
            value = float(_plain(text))
        except ValueError:
            return self.tr("“{text}” is not a number").format(text=text)
        if not math.isfinite(value):
            return self.tr("“{text}” is not a finite number").format(text=text)
        if self._minimum <= value <= self._maximum:
            return value
        if math.isinf(self._maximum):
            return self.tr("{value} is less than {low}").format(value=number(value), low=number(self._minimum))
        if math.isinf(self._minimum):
            return self.tr("{value} is more than {high}").format(value=number(value), high=number(self._maximum))
        return self.tr("{value} is outside {low} to {high}").format(
            value=number(value), low=number(self._minimum), high=number(self._maximum)
        )

    def _value(self) -> float:
        return self._number

    def _store(self, value: float) -> None:
        # Steps of 0.1 are not exact in binary; nobody wants to read 0.30000000000000004.
        self._number = float(f"{value:.12g}")

    def _shown(self) -> str:
        size = abs(self._number)
        if size and not 1e-4 <= size < 1e6:
            return f"{self._number:.{self._digits}g}".replace("-", MINUS)
        text = f"{self._number:.{max(self._digits, len(str(int(size))))}g}"
        return text.replace("-", MINUS)

    def _tell(self) -> None:
        self.committed.emit(self._number)
