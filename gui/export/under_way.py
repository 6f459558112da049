"""What the window says while a file is being written: that it is, and, where the window is to close, what then."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from gui.export.saving import Saver
from gui.questions import Answer, Question
from gui.widgets import Toast

PATIENCE_MS = 500
"""What is written sooner is not spoken of before it is there."""
FOREVER_MS = 2**31 - 1
WAIT, DROP = "wait", "drop"


class UnderWay(QObject):
    """A toast with "Cancel" beside a long export, and a window that does not close on one unasked.

    Parameters
    ----------
    window : QWidget
    saver : Saver
    """

    def __init__(self, window: QWidget, saver: Saver) -> None:
        super().__init__(window)
        self._window, self._saver = window, saver
        self._text = ""
        self._closing = self._stopped = False
        self.toast = Toast(window, FOREVER_MS)
        self.toast.action.connect(lambda id: saver.cancel())
        self.question: Question | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PATIENCE_MS)
        self._timer.timeout.connect(self._on_timeout)
        saver.began.connect(self._on_began)
        saver.idle.connect(self._on_idle)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the window open until the file is there, or the user says that it need not be."""
        if event.type() != QEvent.Type.Close or not self._saver.busy:
            return False
        event.ignore()
        self._closing = True
        if not self._timer.isActive():
            self._ask()
        return True

    def _on_began(self, path: Path) -> None:
        self._window.installEventFilter(self)
        self._text = self.tr("Writing {}…").format(path.name)
        if self.toast.isVisible():
            self._say()
        else:
            self._timer.start()

    def _on_timeout(self) -> None:
        self._say()
        if self._closing:
            self._ask()

    def _say(self) -> None:
        self.toast.say(self._text, actions=[("cancel", self.tr("Cancel"))])

    def _ask(self) -> None:
        if self.question is not None:
            return
        heading = self.tr("Close before everything is written?")
        answers = [Answer(WAIT, self.tr("&Wait")), Answer(DROP, self.tr("&Don’t write it"))]
        text = self.tr("{} The window closes by itself as soon as that is done.").format(self._text)
        self.question = Question(heading, text, answers, self._on_answer, self._window)
        self.question.open()

    def _on_answer(self, answer: str) -> None:
        self.question = None
        self._closing = answer != ""
        if answer == DROP:
            self._stopped = True
            self._saver.cancel(waiting=True)

    def _on_idle(self, there: bool) -> None:
        self._window.removeEventFilter(self)
        self._timer.stop()
        self.toast.hide()
        question, self.question = self.question, None
        if question is not None:
            question.done(0)
        closes = self._closing and (there or self._stopped)
        self._closing = self._stopped = False
        if closes:
            self._window.close()
