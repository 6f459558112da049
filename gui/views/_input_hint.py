"""The line under the input: what of it the network does not know, or why it cannot be read."""

from __future__ import annotations

import textwrap

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from engine.tasks import Task
from gui.widgets import RichLine

FEW = 4
"""So many unknown words are named; the others are counted."""
LONGEST = 24
"""Letters of a word that are shown."""
TIP_WIDTH, TIP_LETTERS = 80, 4000
"""Letters on a line of the tooltip, and in all of it: more would not fit on a screen."""
NOTE, WARNING, ERROR = "muted", "warning", "error"


class Hint(RichLine):
    """One line that is never wider than its room; all of it is in the tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(12, 1, parent)
        self.role = WARNING
        self._whole = ""
        self.hide()

    def say(self, text: str, role: str = WARNING, whole: str = "") -> None:
        """Show a text in a role's colour; nothing hides the line.

        Parameters
        ----------
        text : str
        role : str
            ``NOTE``, ``WARNING`` or ``ERROR``.
        whole : str
            What the tooltip and a screen reader say; empty: the text.
        """
        self.role, self._whole = role, whole or text
        self.set_segments([(text, role)] if text else [])
        self.setAccessibleName(self._whole)
        self._tell()
        self.setVisible(bool(text))

    def resizeEvent(self, event: object) -> None:
        """Keep the whole text in the tooltip."""
        super().resizeEvent(event)
        self._tell()

    def _tell(self) -> None:
        said = self._whole if len(self._whole) <= TIP_LETTERS else f"{self._whole[:TIP_LETTERS]}…"
        self.setToolTip(textwrap.fill(said, TIP_WIDTH))


def drawn_tokens(task: Task, source: object) -> str:
    """Say that a network of a file runs on random tokens, as long as nothing else was given; else empty."""
    if not task.drawn or not isinstance(source, str) or source != task.example:
        return ""
    return QCoreApplication.translate("InputBarView", "random tokens: type your own, or open a file of them")


def unknown_words(task: Task, source: object) -> tuple[str, str]:
    """Which words of a source the network does not know: in few words, and all of them; both empty for none."""
    unknown = task.unknown_words(source)
    if not unknown:
        return "", ""
    text = QCoreApplication.translate("InputBarView", "not in the vocabulary: {} → <unk>")
    named = ", ".join(f"“{_short(word)}”" for word in unknown[:FEW])
    if len(unknown) > FEW:
        more = QCoreApplication.translate("InputBarView", "{} and {} more")
        named = more.format(named, len(unknown) - FEW)
    return text.format(named), text.format(", ".join(f"“{word}”" for word in unknown))


def _short(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…"
