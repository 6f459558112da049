"""A question over a window that does not hold anything up: the answer comes when the user gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.icons import icon
from gui.theme import px
from gui.widgets import label, push_button

CANCEL = ""
"""The answer of Escape and of closing the question."""


@dataclass(frozen=True)
class Answer:
    """What the user may say: its id, and the text of its button, with a mnemonic."""

    id: str
    text: str


class Question(QDialog):
    """A heading, a sentence, and a button for each answer; the first one is Return's, Escape means Cancel.

    Parameters
    ----------
    heading, text : str
    answers : sequence of Answer
    said : callable
        Is given the answer's id; empty for Cancel.
    """

    def __init__(
        self, heading: str, text: str, answers: Sequence[Answer], said: Callable[[str], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(QCoreApplication.translate("Question", "Loopscope"))
        self._said = said
        picture = QLabel()
        picture.setPixmap(icon("loopscope").pixmap(px(40), px(40)))
        words = label(text)
        words.setWordWrap(True)
        words.setMinimumWidth(px(380))
        column = QVBoxLayout()
        column.setSpacing(px(6))
        head = label(heading, "heading")
        head.setWordWrap(True)
        column.addWidget(head)
        column.addWidget(words)
        row = QHBoxLayout()
        row.setSpacing(px(16))
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        buttons.addStretch(1)
        cancel = Answer(CANCEL, QCoreApplication.translate("Question", "&Cancel"))
        for place, answer in enumerate((*answers, cancel)):
            button = push_button(answer.text, "" if place else "primary")
            button.setObjectName(answer.id or "cancel")
            button.setDefault(place == 0)
            button.setAutoDefault(True)
            button.clicked.connect(partial(self._say, answer.id))
            buttons.addWidget(button)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(18))
        box.addLayout(row)
        box.addLayout(buttons)

    def reject(self) -> None:
        """Cancel: Escape, or the window's own cross."""
        self._say(CANCEL)

    def _say(self, id: str, *_: object) -> None:
        said, self._said = self._said, lambda answer: None  # closing rejects again
        self.done(0)
        said(id)


def ask(
    parent: QWidget, heading: str, text: str, answers: Sequence[Answer], said: Callable[[str], object]
) -> Question:  # fmt: skip
    """Ask over a window, and go on; where it is being asked something already, that comes first."""
    for open_one in parent.findChildren(Question):
        if open_one.isVisible():
            open_one.activateWindow()
            return open_one
    question = Question(heading, text, answers, said, parent)
    question.open()
    return question
