"""What File › Export does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog

from engine.interop.imported import Imported
from engine.interop.state_dict import Origin
from engine.narration import words
from gui.export.asking import ask_path
from gui.export.saving import Saver
from gui.export.under_way import UnderWay
from gui.theme import theme
from gui.widgets import Toast

if TYPE_CHECKING:
    from gui.actions.binder import Binder
    from gui.main_window import MainWindow


NUMPY, TORCH = "numpy", "torch"


class Exporter(QObject):
    """Everything that leaves the app; its dialogs are loaded when they are first asked for.

    Parameters
    ----------
    window : MainWindow
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._state = window, window.state
        self.toast = Toast(window)
        self.dialog: QDialog | None = None
        self.saver = Saver(self.toast.say, window.say_failure, self)
        self.under_way = UnderWay(window, self.saver)

    def calls(self) -> dict[str, Callable[..., object]]:
        """What the actions do."""
        return {
            "file.picture": self.picture,
            "file.film": self.film,
            "file.numbers": self.numbers,
            "file.weights": self.weights,
            "file.script_numpy": partial(self.script, NUMPY),
            "file.script_torch": partial(self.script, TORCH),
            "file.report": self.report,
            "edit.copy_picture": self.copy_picture,
        }

    def fill(self, actions: Binder) -> None:
        """Put "Copy picture" into the score's menu, and offer nothing that there is no run for."""
        self._actions = [actions[id] for id in self.calls()]
        self._window.score.extra = [actions["edit.copy_picture"]]
        self._state.session.trace_changed.connect(self._follow)
        self._follow()

    def close(self) -> None:
        """Stop what is under way."""
        if self.dialog is not None:
            self.dialog.close()
        self.saver.close()

    def picture(self) -> None:
        """Ask for a picture."""
        from gui.export.picture_dialog import PictureDialog

        self._show(PictureDialog(self._window, self.saver.write))

    def film(self) -> None:
        """Ask for a film; the window stays usable while it is made."""
        from gui.export.film_dialog import FilmDialog

        if self.dialog is None:
            self._show(FilmDialog(self._window, self.saver.say_written), modal=False)
        else:
            self.dialog.activateWindow()

    def copy_picture(self) -> None:
        """Put the whole score on the clipboard."""
        from gui.export import picture_dialog
        from gui.export.studio import SCORE, NothingToDraw, Subject

        try:
            picture_dialog.copy(self._window, Subject(SCORE, theme().name))
        except (NothingToDraw, MemoryError) as error:
            self._window.say_failure(str(error) or self.tr("So large a picture does not fit into memory."))
            return
        self.toast.say(self.tr("The score is on the clipboard, as pixels and as SVG."))

    def numbers(self) -> None:
        """Ask for a track's or the run's numbers."""
        from gui.export.arrays_dialog import NumbersDialog

        newest, chosen = self._state.session.newest, self._state.selection.value
        if newest is not None:
            key, labels = chosen.key if chosen is not None else "", newest.project.task.output_labels
            columns = [words(newest.trace, s.tokens, labels, b).columns for b, s in enumerate(newest.samples)]
            self._show(NumbersDialog(newest.trace, key, self.saver.write, self._window, columns))

    def weights(self) -> None:
        """Ask for the weights."""
        from gui.export.arrays_dialog import WeightsDialog

        project = self._state.document.project
        task = project.task
        origin, title = (task.origin, task.title) if isinstance(task, Imported) else (Origin(), task.id)
        self._show(WeightsDialog(project.parameters, origin, title, self.saver.write, self._window))

    def script(self, library: str) -> None:
        """Ask for a file, and write the run as a script."""
        from engine.interop import code

        trace, task = self._state.session.trace, self._state.document.task
        if trace is None:
            return
        title = self.tr("Script in {}").format("NumPy" if library == NUMPY else "PyTorch")
        name = f"{Path(task.title).stem if isinstance(task, Imported) else task.id}.py"
        path = ask_path(self._window, title, name, [(self.tr("Python"), ".py")])
        if path is not None:
            self.saver.write(path, partial(code.save, path, trace, library, task.title))

    def report(self) -> None:
        """Ask for a report."""
        from gui.export.report_dialog import ReportDialog

        self._show(ReportDialog(self._window, self.saver.write))

    def _show(self, dialog: QDialog, modal: bool = True) -> None:
        if self.dialog is not None:
            self.dialog.close()
        self.dialog = dialog
        dialog.finished.connect(partial(self._on_finished, dialog))
        dialog.open() if modal else dialog.show()

    def _on_finished(self, dialog: QDialog, result: int) -> None:
        if self.dialog is dialog:
            self.dialog = None

    def _follow(self) -> None:
        for action in self._actions:
            action.setEnabled(self._state.session.trace is not None)
