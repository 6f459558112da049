"""One of several words, in a box that opens."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget

from gui import fonts
from gui.style import arrow
from gui.theme import px, theme
from gui.widgets.painted import LOOK_EVENTS

HEIGHT = 26


class Choice(QComboBox):
    """One of several words. The wheel changes it only while it has the focus.

    Parameters
    ----------
    options : sequence of (id, text)
    mono : bool
        Whether the words are names of functions and the like, in the font of numbers.
    """

    chosen = Signal(str)
    """The user chose the option with this id."""

    def __init__(
        self, options: Sequence[tuple[str, str]] = (), mono: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._mono = mono
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setMaxVisibleItems(16)
        self.activated.connect(self._on_activated)
        self._last = ""
        self.set_options(options)
        self._measure()

    def set_options(self, options: Sequence[tuple[str, str]]) -> None:
        """Offer other options; the chosen one stays where its id is still there."""
        before = self.current()
        self.clear()
        for id, text in options:
            self.addItem(text, id)
        place = self.findData(before)
        self.setCurrentIndex(max(0, place) if options else -1)
        self._last = self.current()
        self.updateGeometry()

    def current(self) -> str:
        """Return the chosen option's id; empty where there are none."""
        data = self.currentData()
        return "" if data is None else str(data)

    def set_current(self, id: str) -> None:
        """Choose an option without a signal.

        Raises
        ------
        KeyError
            No option has this id.
        """
        place = self.findData(id)
        if place < 0:
            raise KeyError(f"option {id!r}: allowed are {[self.itemData(at) for at in range(self.count())]}")
        self.setCurrentIndex(place)
        self._last = id

    def set_enabled(self, id: str, enabled: bool, reason: str = "") -> None:
        """Allow an option or not; the reason becomes its tooltip."""
        place = self.findData(id)
        items = self.model()
        if place >= 0 and isinstance(items, QStandardItemModel):
            items.item(place).setEnabled(enabled)
            items.item(place).setToolTip("" if enabled else reason)

    def sizeHint(self) -> QSize:
        """Return room for the widest option."""
        metrics = QFontMetricsF(self.font())
        widest = max((metrics.horizontalAdvance(self.itemText(at)) for at in range(self.count())), default=0)
        return QSize(round(widest) + px(8 + 30), px(HEIGHT if self._mono else HEIGHT + 4))

    def minimumSizeHint(self) -> QSize:
        """Return the least it needs; longer words are cut with an ellipsis."""
        return QSize(min(px(72), self.sizeHint().width()), self.sizeHint().height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to what scrolls, unless the choice is being made."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, then the arrow in the theme's colour."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        area.setLeft(area.right() - px(24))
        arrow(painter, area, "down", theme(), self.isEnabled())
        painter.end()

    def _measure(self) -> None:
        font = fonts.mono(12) if self._mono else fonts.ui()
        if self.font() != font:
            self.setFont(font)
        self.updateGeometry()

    def _on_activated(self) -> None:
        if self.current() != self._last:
            self._last = self.current()
            self.chosen.emit(self._last)
