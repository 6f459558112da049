"""The unsaved work of windows that did not end well, all of it: what each is, and whether it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from PySide6.QtCore import QCoreApplication, QDate, QLocale, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from gui.state.recovery import Leftover
from gui.theme import px
from gui.widgets import Banner, label, push_button, scrolling

RESTORE, DISCARD = "restore", "discard"
MOST_LETTERS = 60
"""Of a sentence that are shown."""


class Leftovers(QDialog):
    """A line for each piece of work, the newest first; closing the window leaves them for the next start.

    Parameters
    ----------
    found : sequence of Leftover
    """

    chosen = Signal(object, str)
    """What is to be done with a Leftover: "restore" or "discard"."""

    def __init__(self, found: Sequence[Leftover], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Unsaved work"))
        self.rows: list[tuple[Leftover, Banner]] = []
        inside = QWidget()
        rows = QVBoxLayout(inside)
        rows.setContentsMargins(0, 0, px(8), 0)
        rows.setSpacing(px(6))
        for left in found:
            answers = [(RESTORE, self.tr("Restore")), (DISCARD, self.tr("Discard"))]
            banner = Banner(f"{said_when(left.when)}  {said_what(left)}", "info", answers, dismissible=False)
            banner.action.connect(partial(self._on_action, left))
            self.rows.append((left, banner))
            rows.addWidget(banner)
        rows.addStretch(1)
        buttons = QDialogButtonBox()
        buttons.addButton(push_button(self.tr("Later")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(12))
        box.addWidget(label(self.tr("Unsaved work that was left"), "heading"))
        box.addWidget(scrolling(inside), 1)
        box.addWidget(buttons)
        self.resize(px(640), px(min(480, 150 + 58 * len(self.rows))))

    def _on_action(self, left: Leftover, id: str) -> None:
        if id == RESTORE:
            self.accept()
        else:
            for other, banner in self.rows:
                if other is left:
                    banner.hide()
            if all(banner.isHidden() for _, banner in self.rows):
                self.accept()
        self.chosen.emit(left, id)


def said_what(left: Leftover) -> str:
    """What a piece of work is of: the file, or the scenario, and what was typed."""
    found = left.what
    if found is None:
        return _tr("its file cannot be read")
    name = _tr("“{}”, {}").format(found.file, _tr(found.title)) if found.file else _tr(found.title)
    text = " ".join(found.text.split())
    if not text:
        return name
    return _tr("{}: “{}”").format(name, text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…")


def said_when(when: datetime) -> str:
    """A time of today as "14:32", another as "19 Nov 14:32", with the month in the system's words."""
    if when.date() == datetime.now().date():
        return f"{when:%H:%M}"
    return f"{QLocale().toString(QDate(when.year, when.month, when.day), 'd MMM')} {when:%H:%M}"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Leftovers", text)
