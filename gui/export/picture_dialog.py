"""A picture of a panel, the score, the stage or the window: what, which format, which theme, how large."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QMimeData, QSize, Qt
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout

from engine.stop import Stop
from engine.writing import write_whole
from gui import snapshot
from gui.export import studio
from gui.export.asking import ask_path
from gui.export.fields import Fields, Preview
from gui.export.remark import Remark
from gui.export.saving import Write, sentence
from gui.export.studio import NothingToDraw, Subject
from gui.theme import px
from gui.widgets import Choice, FieldRow, label, push_button

if TYPE_CHECKING:
    from gui.main_window import MainWindow

SCALES = ("1", "2", "3", "4")
MOST_PIXELS = 32_767
"""No side of a picture in pixels can be longer."""


class PictureDialog(QDialog):
    """Asks, shows a preview, and saves or copies.

    Parameters
    ----------
    window : MainWindow
    write : callable
        Is given a path, and what writes it, to be called on another thread.
    """

    def __init__(self, window: MainWindow, write: Write) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Picture"))
        self._window, self._write = window, write
        self.fields = Fields(window, panels=True)
        self.preview = Preview(window, self.fields)
        self.format = Choice(
            [(".png", self.tr("PNG, pixels")), (".svg", self.tr("SVG, lines")), (".pdf", self.tr("PDF, lines"))]
        )
        self.scale = Choice([(scale, f"{scale} ×") for scale in SCALES])
        self.scale.set_current("2")
        self._scale_row = FieldRow(self.tr("S&cale"), self.scale, self.tr("Pixels of the file for each one drawn"))
        self.fields.column.addWidget(FieldRow(self.tr("&Format"), self.format))
        self.fields.column.addWidget(self._scale_row)
        self.fields.column.addStretch(1)
        self.note = Remark()
        self.fields.column.addWidget(self.note.label)
        self.save_button = push_button(self.tr("&Save…"), "primary")
        self.copy_button = push_button(self.tr("C&opy"), "", self.tr("Put the picture on the clipboard"))
        self._lay_out()
        self.format.chosen.connect(self._follow)
        self.scale.chosen.connect(self._follow)
        self.preview.drawn.connect(self._on_drawn)
        self.preview.failed.connect(self.note.fail)
        self.fields.changed.connect(self._follow)
        self.save_button.clicked.connect(self._on_save)
        self.copy_button.clicked.connect(self._on_copy)
        self._size = QSize()
        self.preview.refresh()

    def save(self, path: Path) -> None:
        """Draw the picture, and have it written."""
        try:
            with studio.drawn(self._window, self.fields.subject()) as shot:
                content = snapshot.drawn(shot, path.suffix.lower(), self._scaled())
        except (OSError, NothingToDraw, MemoryError) as error:
            self.note.fail(sentence(path, error))
            return
        self._write(path, partial(_write, path, content))
        self.accept()

    def _scaled(self) -> float | None:
        return float(self.scale.current()) if self.format.current() == ".png" else None

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox()
        self.save_button.setDefault(True)
        buttons.addButton(self.save_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(self.copy_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(push_button(self.tr("Close")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(px(20))
        row.addWidget(self.preview, 1)
        row.addWidget(self.fields)
        self.fields.setFixedWidth(px(300))
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(12))
        box.addWidget(label(self.tr("Picture"), "heading"))
        box.addLayout(row, 1)
        box.addWidget(buttons)
        self.resize(px(820), px(460))

    def _follow(self, *_: object) -> None:
        pixels = self.format.current() == ".png"
        self._scale_row.setVisible(pixels)
        scale = int(self.scale.current())
        size = self._size * scale
        for id in SCALES:
            fits = max(self._size.width(), self._size.height()) * int(id) <= MOST_PIXELS
            self.scale.set_enabled(id, fits, self.tr("No side can be longer than 32 767 pixels"))
        words = (
            self.tr("The file has {} × {} pixels.") if pixels else self.tr("Lines and letters stay sharp at any size.")
        )
        self.note.say(words.format(size.width(), size.height()))
        self.copy_button.setText(self.tr("C&opy"))

    def _on_drawn(self, size: QSize) -> None:
        self._size = size
        self.fields.show_size(size)
        while max(size.width(), size.height()) * int(self.scale.current()) > MOST_PIXELS:
            self.scale.set_current(str(int(self.scale.current()) - 1))
        self._follow()

    def _on_save(self) -> None:
        suffix = self.format.current()
        path = ask_path(self, self.tr("Save picture"), f"{self.fields.what.current()}{suffix}",
                        [(self.format.currentText(), suffix)])  # fmt: skip
        if path is not None:
            self.save(path)

    def _on_copy(self) -> None:
        try:
            copy(self._window, self.fields.subject(), float(self.scale.current()))
        except (NothingToDraw, MemoryError) as error:
            self.note.fail(str(error) or self.tr("So large a picture does not fit into memory."))
            return
        self.copy_button.setText(self.tr("Copied"))


def _write(path: Path, content: Callable[[], bytes], stop: Stop) -> None:
    write_whole(path, content(), stop)


def copy(window: MainWindow, subject: Subject, scale: float = 2.0) -> None:
    """Put a picture on the clipboard, as pixels and as SVG: whoever pastes it takes what it can.

    Raises
    ------
    NothingToDraw
        There is no run yet.
    """
    data = QMimeData()
    with studio.drawn(window, subject) as shot:
        data.setImageData(snapshot.image(shot, scale))
        data.setData("image/svg+xml", QByteArray(snapshot.svg(shot)))
    QApplication.clipboard().setMimeData(data)
