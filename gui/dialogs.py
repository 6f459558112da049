"""The few questions that need a window of their own: training, about."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.icons import icon
from gui.paths import log_file
from gui.settings import Settings
from gui.state.app_state import AppState
from gui.state.computing import Place
from gui.theme import px
from gui.widgets import label, push_button


def train(state: AppState, parent: QWidget) -> None:
    """Say what training would do, and begin it when the user wants."""
    if state.session.training is not None:
        return
    project, task = state.document.project, state.document.task
    options = task.train_options(project.spec.cell)
    begin = (
        _tr("It begins with the fresh weights.")
        if project.weights == "fresh"
        else _tr("It goes on from the weights as they are; undo brings these back.")
    )
    facts = _tr("{} passes over the training data, {} sequences at a time, Adam at a rate of {}.").format(
        options["epochs"], options.get("batch_size", 32), f"{options.get('learning_rate', 1e-3):g}"
    )
    cell, title = project.spec.cell.upper(), _tr(task.title)
    box = _Box(_tr("Train the {} on “{}”?").format(cell, title), f"{begin} {facts}", parent)
    box.setWindowTitle(_tr("Train"))
    button = push_button(_tr("Train"), "primary")
    box.buttons.addButton(button, QDialogButtonBox.ButtonRole.AcceptRole)
    button.setDefault(True)
    box.buttons.addButton(_tr("Not now"), QDialogButtonBox.ButtonRole.RejectRole)
    box.accepted.connect(state.session.train)
    box.open()


def about(places: list[Place], parent: QWidget) -> None:
    """Say what this is and what computes."""
    from gui import version  # reads the project's file, which the start need not wait for

    lines = [
        _tr("Version {}. MIT licence.").format(version.number()),
        _tr("A desktop instrument for looking inside recurrent networks, one step at a time."),
        "",
        *(f"{place.title}: {place.missing or _tr('ready')}" for place in places),
    ]
    box = _Box("Loopscope", "\n".join(lines), parent)
    box.setWindowTitle(_tr("About Loopscope"))
    box.buttons.addButton(_tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
    box.open()


def diagnose(places: list[Place], settings: Settings | None, parent: QWidget) -> None:
    """Show what a bug report needs."""
    from gui import diagnostics  # not needed before it is asked for

    diagnostics.Diagnostics(diagnostics.report(places, settings, log_file()), parent).open()


class _Box(QDialog):
    """A heading, a text and buttons, beside the application's picture."""

    def __init__(self, heading: str, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        picture = QLabel()
        picture.setPixmap(icon("loopscope").pixmap(px(48), px(48)))
        words = label(text)
        words.setWordWrap(True)
        words.setMinimumWidth(px(380))
        column = QVBoxLayout()
        column.addWidget(label(heading, "heading"))
        column.addWidget(words)
        row = QHBoxLayout()
        row.setSpacing(px(16))
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        self.buttons = QDialogButtonBox()
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(16))
        box.addLayout(row)
        box.addWidget(self.buttons)


def _tr(text: str) -> str:
    return QCoreApplication.translate("dialogs", text)
