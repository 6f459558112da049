"""What a dialog says of what it will make, and of what went wrong."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel

from gui.widgets import label


class Remark:
    """One line or more, small, or in the colour of errors.

    Attributes
    ----------
    label : QLabel
        To be put into a layout.
    """

    def __init__(self, text: str = "") -> None:
        self.label: QLabel = label(text, "small")
        self.label.setWordWrap(True)

    def text(self) -> str:
        """Return what is said."""
        return self.label.text()

    def say(self, text: str) -> None:
        """Say how things are."""
        self._show(text, "small")

    def fail(self, text: str) -> None:
        """Say what went wrong."""
        self._show(text, "error")

    def _show(self, text: str, role: str) -> None:
        self.label.setText(text)
        if self.label.property("role") != role:
            self.label.setProperty("role", role)
            self.label.style().unpolish(self.label)
            self.label.style().polish(self.label)
