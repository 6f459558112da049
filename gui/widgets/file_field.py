"""A file that may be chosen, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from gui.widgets.buttons import icon_button, push_button
from gui.widgets.frames import label


class FileField(QWidget):
    """The file's name, or what stands in its place, and a button to choose one.

    Parameters
    ----------
    title : str
        Of the dialog that asks.
    suffixes : sequence of str
        Of the files that can be chosen.
    beside : Path
        The dialog begins in the folder of this file.
    """

    chosen = Signal(str)
    """The user chose the file with this path."""
    cleared = Signal()
    """The user wants no file any more."""

    def __init__(self, title: str, suffixes: Sequence[str], beside: Path) -> None:
        super().__init__()
        self.path = ""
        self._title, self._suffixes, self._beside = title, suffixes, beside
        self.text = label("", "muted")
        self.button = push_button(self.tr("Choose…"))
        self.button.setAutoDefault(False)  # Return is for "Open"
        self.button.clicked.connect(self._on_click)
        self.clear = icon_button("x", self.tr("Without this file"), "flat")
        self.clear.clicked.connect(self._on_clear)
        self.clear.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.text, self.clear, self.button):
            row.addWidget(widget)
        self.setFocusProxy(self.button)

    def say(self, text: str) -> None:
        """Say what is taken while no file is chosen."""
        self.text.setText(text)

    def show_path(self, path: str) -> None:
        """Show which file was taken."""
        self.path = path
        self.text.setText(Path(path).name)
        self.clear.show()

    def _on_clear(self) -> None:
        self.path = ""
        self.text.clear()
        self.clear.hide()
        self.cleared.emit()

    def _on_click(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in self._suffixes)
        folder = str(Path(self.path or self._beside).parent)
        path, _ = QFileDialog.getOpenFileName(self, self._title, folder, f"{self._title} ({kinds})")
        if path:
            self.chosen.emit(path)
