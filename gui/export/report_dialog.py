"""A report of the run: which pictures, in which theme, as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QVBoxLayout

from engine import Trace
from engine.interop import report
from engine.interop.imported import Imported
from engine.interop.report import HTML, MARKDOWN, Picture
from engine.narration import Words
from engine.stop import Stop
from gui import snapshot, version
from gui.export import studio
from gui.export.asking import ask_path
from gui.export.remark import Remark
from gui.export.saving import Write, sentence
from gui.export.studio import SCORE, NothingToDraw, Subject
from gui.state.project import EDITED, FRESH, GIVEN, TRAINED, Project
from gui.theme import px, theme, themes
from gui.widgets import Choice, FieldRow, label, push_button

if TYPE_CHECKING:
    from gui.main_window import MainWindow

Drawn = tuple[str, str, Callable[[], bytes]]
"""A picture's name, its title, and what makes its file of it on another thread."""
LEFT_OUT = ("dock.build", "dock.transport")
"""Panels that say nothing about the run that the report does not."""


class ReportDialog(QDialog):
    """Asks, draws the pictures, and has the report written.

    Parameters
    ----------
    window : MainWindow
    write : callable
        Is given a path, and what writes it, to be called on another thread.
    """

    def __init__(self, window: MainWindow, write: Write) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Report"))
        self._window, self._write = window, write
        self.format = Choice([(HTML, self.tr("HTML, one file")), (MARKDOWN, self.tr("Markdown, with a folder"))])
        self.theme = Choice([(name, themes().title(name)) for name in themes().names()[1:]])
        self.theme.set_current(theme().name)
        docks = [dock for dock in studio.open_panels(window) if dock.objectName() not in LEFT_OUT]
        self.pictures = {SCORE: QCheckBox(self.tr("The whole score"))}
        self.pictures |= {dock.objectName(): QCheckBox(dock.title) for dock in docks}
        self.note = Remark(self.tr("Panels that are open can be shown in it."))
        self.save_button = push_button(self.tr("&Save…"), "primary")
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self._on_save)
        buttons = QDialogButtonBox()
        buttons.addButton(self.save_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(push_button(self.tr("Close")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(10))
        box.addWidget(label(self.tr("Report of the run"), "heading"))
        box.addWidget(FieldRow(self.tr("&Format"), self.format))
        box.addWidget(FieldRow(self.tr("&Theme"), self.theme))
        box.addWidget(label(self.tr("Pictures"), "title"))
        for tick in self.pictures.values():
            tick.setChecked(True)
            box.addWidget(tick)
        box.addWidget(self.note.label)
        box.addStretch(1)
        box.addWidget(buttons)
        self.setMinimumWidth(px(440))

    def save(self, path: Path) -> None:
        """Draw the pictures, and have the report written."""
        newest = self._window.state.session.newest
        if newest is None:
            self.note.fail(self.tr("Nothing has been computed yet."))
            return
        try:
            drawn = [self._drawn(name, tick.text()) for name, tick in self.pictures.items() if tick.isChecked()]
        except (OSError, NothingToDraw, MemoryError) as error:
            self.note.fail(sentence(path, error))
            return
        with themes().wearing(self.theme.current()) as worn:
            named = {"background": worn.canvas, "text": worn.text, "muted": worn.muted, "line": worn.border}
        colours = {name: colour.name() for name, colour in named.items()}
        told = facts(newest.project, self._window.state.document.project)
        words = self._window.state.session.words
        self._write(path, partial(_write, path, newest.trace, words, told, drawn, colours))
        self.accept()

    def _drawn(self, name: str, title: str) -> Drawn:
        with studio.drawn(self._window, Subject(name, self.theme.current())) as shot:
            return name.removeprefix("dock."), title, snapshot.drawn(shot, ".svg")

    def _on_save(self) -> None:
        suffix = self.format.current()
        path = ask_path(self, self.tr("Report"), f"report{suffix}", [(self.format.currentText(), suffix)])
        if path is not None:
            self.save(path)


def _write(
    path: Path, trace: Trace, words: Words, told: Mapping[str, str], drawn: Sequence[Drawn], colours: Mapping[str, str],
    stop: Stop,
) -> None:  # fmt: skip
    pictures = []
    for name, title, content in drawn:
        stop.check()
        pictures.append(Picture(name, title, content()))
    report.save(path, trace, words, told, pictures, colours, stop)


def facts(project: Project, newest: Project) -> dict[str, str]:
    """What a report says that the trace does not know.

    Parameters
    ----------
    project : Project
        That was run.
    newest : Project
        That the user works on: which of its sequences is looked at, and the notes.
    """
    at = min(newest.sequence, len(project.sources) - 1)
    source = project.sources[at]
    read = source if isinstance(source, str) else " × ".join(map(str, source.shape)) + " numbers"
    return {
        "title": project.task.title, "weights": weights(project), "input": read, "version": version.number(),
        "notes": newest.notes,
    }  # fmt: skip


def weights(project: Project) -> str:
    """Where the weights of a project come from, in a sentence."""
    if isinstance(project.task, Imported):
        origin = project.task.source or project.task.title
        return f"edited by hand, from {origin}" if project.weights == EDITED else f"as in the file: {origin}"
    said = {
        TRAINED: f"trained ({project.score})" if project.score else "trained",
        FRESH: f"freshly initialised ({project.spec.init}), seed {project.spec.seed}",
        EDITED: "edited by hand", GIVEN: "as the experiment gives them",
    }  # fmt: skip
    return said[project.weights]
