"""What holds other widgets: cards, titled sections, rows of a label and its editor."""

from __future__ import annotations

import html
import re

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui import fonts
from gui.theme import px
from gui.widgets.painted import LOOK_EVENTS


def label(text: str, role: str = "", parent: QWidget | None = None) -> QLabel:
    """Return a text in a role of the stylesheet: heading, title, muted, small, caption, error, …"""
    made = QLabel(text, parent)
    made.setProperty("role", role)
    made.setTextFormat(Qt.TextFormat.PlainText)
    return made


class MonoLabel(QLabel):
    """A text in the font of numbers, which no change of theme or zoom takes from it."""

    def __init__(self, text: str = "", size: float = 12, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._size = size
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._dress()

    def changeEvent(self, event: QEvent) -> None:
        """The stylesheet puts back the font from before it first came."""
        if event.type() == QEvent.Type.StyleChange:
            self._dress()
        super().changeEvent(event)

    def _dress(self) -> None:
        font = fonts.mono(self._size)
        if self.font() != font:
            self.setFont(font)


_LOWERED = re.compile(r"((?<![A-Za-z])[A-Za-z]|\))_(\w+(?:−1)?)")


class SymbolLabel(QLabel):
    """A text in which a symbol's index stands lower: W_hh, h_t−1. What is written out (weight_hh_l0) stays."""

    def __init__(self, text: str, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show another text; a screen reader reads it as it is given."""
        self._plain = text
        self.setAccessibleName(text)
        super().setText(_LOWERED.sub(r"\1<sub>\2</sub>", html.escape(text)))

    def text(self) -> str:
        """Return the text as it was given."""
        return self._plain


class Card(QFrame):
    """A rounded panel with a hair-line border, and a bold title inside where one is given.

    Its content goes into `body`, a vertical layout.
    """

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.body = QVBoxLayout(self)
        self._title = label(title, "title")
        self.body.addWidget(self._title)
        self.set_title(title)
        self._measure()

    def title(self) -> str:
        """Return the title."""
        return self._title.text()

    def set_title(self, title: str) -> None:
        """Show another title, or none."""
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self.setAccessibleName(title)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS:
            self._measure()
        super().changeEvent(event)

    def _measure(self) -> None:
        self.body.setContentsMargins(px(12), px(10), px(12), px(10))
        self.body.setSpacing(px(8))


class Section(QWidget):
    """A header: a bold title at the left, and at the right a quiet text or a small action."""

    def __init__(
        self, title: str, note: str = "", action: QWidget | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._title = SymbolLabel(title, "title")
        self._note = label(note, "muted")
        row.addWidget(self._title)
        row.addStretch(1)
        row.addWidget(self._note)
        if action is not None:
            row.addWidget(action)
        self.set_note(note)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def title(self) -> str:
        """Return the title."""
        return self._title.text()

    def set_title(self, title: str) -> None:
        """Show another title."""
        self._title.setText(title)

    def note(self) -> str:
        """Return the quiet text at the right."""
        return self._note.text()

    def set_note(self, note: str) -> None:
        """Show another quiet text, or none."""
        self._note.setText(note)
        self._note.setVisible(bool(note))


class FieldRow(QWidget):
    """A label at the left and its editor at the right, with a line for a hint or an error below.

    A click on the label, or its mnemonic, goes to the editor; the label is also the editor's name for
    screen readers.
    """

    def __init__(self, text: str, editor: QWidget, tip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor = editor
        self._label = QLabel(text)
        self._label.setBuddy(editor)
        self._note = label("", "small")
        self._note.setWordWrap(True)
        self._note.hide()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._label)
        row.addStretch(1)
        row.addWidget(editor)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._note)
        if not editor.accessibleName():
            editor.setAccessibleName(text.replace("&", ""))
        self._label.setToolTip(tip)
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def note(self) -> str:
        """Return what stands below; empty where nothing does."""
        return self._note.text()

    def set_note(self, text: str, role: str = "small") -> None:
        """Say something below the row, as "small" or as "error"; an empty text takes it away."""
        self._note.setProperty("role", role)
        self._note.style().unpolish(self._note)
        self._note.style().polish(self._note)
        self._note.setText(text)
        self._note.setVisible(bool(text))
        self._make_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep room for every line of the note."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        # The row is as high as its hint, and a label's hint knows nothing of the width that it will have.
        if self._note.text():
            self._note.setFixedHeight(self._note.heightForWidth(max(1, self.width())))


def scrolling(inside: QWidget) -> QScrollArea:
    """Put what may be taller than its room into an area without an edge, which scrolls down, never across."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inside)
    return area


def fill_scrolling(panel: QWidget, inside: QWidget) -> None:
    """Fill a panel with what may be taller than it is."""
    scroll = scrolling(inside)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    outer = QVBoxLayout(panel)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(scroll)
