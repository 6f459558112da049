"""What the user has written down about the project."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from gui.state.app_state import AppState
from gui.theme import px
from gui.widgets import label, push_button


class Notes(QDialog):
    """A field to write in; what is written is one undo step of the project and is saved with it."""

    def __init__(self, state: AppState, parent: QWidget) -> None:
        super().__init__(parent)
        self._state = state
        self.setWindowTitle(self.tr("Notes"))
        self.field = QPlainTextEdit(state.document.project.notes)
        self.field.setAccessibleName(self.tr("Notes"))
        self.field.setPlaceholderText(self.tr("What is to be remembered: the question of the class, what was found…"))
        self.field.setTabChangesFocus(True)
        buttons = QDialogButtonBox()
        keep = push_button(self.tr("Keep"), "primary")
        buttons.addButton(keep, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(push_button(self.tr("Cancel")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(12))
        box.addWidget(label(self.tr("Notes on the project"), "heading"))
        box.addWidget(self.field, 1)
        box.addWidget(buttons)
        self.resize(px(520), px(360))

    def accept(self) -> None:
        """Take what is written, where it is something else than before."""
        document, text = self._state.document, self.field.toPlainText()
        if text != document.project.notes:
            document.edit(self.tr("change of the notes"), notes=text)
        super().accept()
