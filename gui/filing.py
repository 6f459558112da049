"""What the File menu does: new, open, save, revert, recent files, and no unsaved work lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMainWindow

from engine.projects import SUFFIX
from gui import kinds
from gui.actions import table
from gui.actions.binder import Binder
from gui.export.asking import ask_path
from gui.look import Look
from gui.notices import Notices
from gui.questions import Answer, ask
from gui.recent import Recent
from gui.settings import Settings
from gui.state.app_state import AppState
from gui.state.claim import Claim, data_folder
from gui.state.document import opened
from gui.state.file import File
from gui.state.project import Project
from gui.state.recovery import Keeper
from gui.state.storing import Opened, View

if TYPE_CHECKING:
    from gui.importing import Importer

SAVE, DISCARD, OVER, AS, REVERT = "save", "discard", "over", "as", "revert"


class Filing(QObject):
    """The file of a window's project, and every way to another one.

    Before `begin` nothing is asked, claimed or kept aside: so it is where only a picture is drawn.

    Parameters
    ----------
    state : AppState
    window : QMainWindow
    look : Look
    say : callable
        Says what went wrong.
    settings : Settings, optional
        Where recent files are remembered.
    """

    def __init__(
        self, state: AppState, window: QMainWindow, look: Look, say: Callable[[str], None],
        settings: Settings | None = None,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._state, self._window, self.look, self._say, self._settings = state, window, look, say, settings
        self.file = File(state, look.captured, self)
        self._importer: Importer | None = None
        self.keeper: Keeper | None = None
        self.notices = Notices(self.file, self.go_on)
        self.recent: Recent | None = None
        self._actions: dict[str, QAction] = {}
        self._then: Callable[[], object] | None = None
        self._ending = False
        self.file.changed.connect(self._follow)
        self.file.opened.connect(self._on_opened)
        self.file.saved.connect(self._on_saved)
        self.file.failed.connect(self._on_failed)
        self.file.conflict.connect(self._on_conflict)
        state.document.project_changed.connect(self._name)
        self._name()

    def calls(self) -> dict[str, Callable[..., object]]:
        """What the actions do."""
        return {
            "file.new": self.new,
            "file.open": self.choose,
            "file.save": self.save,
            "file.save_as": self.save_as,
            "file.revert": self.revert,
        }

    def fill(self, actions: Binder) -> None:
        """Put the recent files into the menu, and follow what can be done."""
        menu = actions.submenu(table.FILE, self.tr("Open &recent"), "file.save", "history")
        before = actions.menu(table.FILE)
        lines = [action for action in before.actions() if action.isSeparator()]
        before.insertAction(lines[0], menu.menuAction())  # beside "Open", not below the line
        self.recent = Recent(menu, self._settings, self.open)
        self._actions = {id: actions[id] for id in self.calls()}
        self._follow()

    def begin(self, found: Opened | None = None) -> None:
        """From now on the work is kept: the window is one that a user works in.

        Parameters
        ----------
        found : Opened, optional
            The file that the program was begun with.
        """
        if found is not None:
            self.file.adopt(found)
            self._remember(found.path)
        folder = data_folder()
        self.keeper = Keeper(self._state, self.file, folder / "recovery", self.look.captured, self)
        self.keeper.failed.connect(self.notices.say_not_kept)
        self.keeper.kept.connect(self.notices.say_kept)
        self.file.claim(Claim(folder / "open"))
        self.notices.offer(folder / "recovery", self.keeper)

    def may_close(self) -> bool:
        """Whether the window may close now; where not, it is asked, and closes by itself after the answer."""
        if self.keeper is None or self._ending or not (self.file.modified or self.file.busy):
            self.end(over=True)
            return True
        self.go_on(self._window.close)
        return False

    def end(self, over: bool) -> None:
        """Stop the threads and let go of the file.

        Parameters
        ----------
        over : bool
            Whether the user has been asked; otherwise what is unsaved is there at the next start.
        """
        if self.keeper is not None:
            self.keeper.close(over)
            self.notices.later()
        if self._importer is not None:
            self._importer.close()
        self.file.close()

    def importer(self) -> Importer:
        """What opens the files of other programs."""
        from gui.importing import Importer  # not needed before there is such a file

        if self._importer is None:
            self._importer = Importer(self._state, self.start, self._say, self._window)
            self._importer.taken.connect(self._remember)
        return self._importer

    # What the user does ----------------------------------------------------------------------------------

    def new(self) -> None:
        """Begin anew with the start scenario."""
        project = self._state.document.project
        self.start(opened(engine=project.engine, device=project.device))

    def start(self, project: Project, said: str = "") -> None:
        """Put a project without a file on the bench, and then say something of it."""
        view = replace(self.look.captured(), index=0, selected=None)

        def begin() -> None:
            self.file.begin(project, view)
            if said:
                self.notices.say_note(said)

        self.go_on(begin)

    def choose(self) -> None:
        """Ask for a file and open it."""
        title, folder = self.tr("Open"), str(self._folder())
        path, _ = QFileDialog.getOpenFileName(self._window, title, folder, kinds.open_filter())
        if path:
            self.open(Path(path))

    def open(self, path: Path, *others: Path) -> None:
        """Open a file of any kind that there is a way for, or a network with its sequence and its vocabulary."""
        if others:
            beside = kinds.together((path, *others))
            self.importer().open(beside.pop("weights"), beside)
            return
        kind = kinds.kind(path)
        if kind == kinds.PROJECT:
            self.go_on(lambda: self.file.open(path))
        elif kind == kinds.OTHER:
            self.importer().open(path)
        else:
            self._say(kinds.refusal(path))

    def save(self) -> None:
        """Write the project to its file, or ask for one where it has none of its own."""
        if not self.file.save():
            self.save_as()

    def save_as(self) -> None:
        """Ask for a file and write the project to it."""
        path = self._asked_for()
        if path is None:
            self._then = None
        else:
            self.file.save_as(path)

    def revert(self) -> None:
        """Go back to what the file holds, once the user says so."""
        path = self.file.path
        if path is None:
            return
        heading = self.tr("Go back to what “{}” holds?").format(path.name)
        text = self.tr("What was changed since it was saved is lost.")

        def said(answer: str) -> None:
            if answer == REVERT:
                self.file.open(path)

        ask(self._window, heading, text, [Answer(REVERT, self.tr("&Revert"))], said)

    def go_on(self, then: Callable[[], object]) -> None:
        """Do what takes the project from the bench, after asking about unsaved work where there is some."""
        if self.file.busy:
            again = partial(QTimer.singleShot, 0, partial(self.go_on, then))
            self.file.changed.connect(again, Qt.ConnectionType.SingleShotConnection)
        elif self.keeper is None or not self.file.modified:
            then()
        else:
            self._ask_to_save(then)

    # What is asked ---------------------------------------------------------------------------------------

    def _ask_to_save(self, then: Callable[[], object]) -> None:
        path = self.file.path
        name = self.tr(self._state.document.task.title) if path is None else path.name
        heading = self.tr("Save the changes to “{}”?").format(name)
        text = self.tr("Without saving, what was changed is lost.")
        answers = [Answer(SAVE, self.tr("&Save")), Answer(DISCARD, self.tr("&Don’t save"))]

        def said(answer: str) -> None:
            if answer == SAVE:
                self._then = then
                self.save()
            elif answer == DISCARD:
                self._ending = True
                then()
                self._ending = False

        ask(self._window, heading, text, answers, said)

    def _asked_for(self) -> Path | None:
        """Ask where to write to; the dialog asks about a file that is there."""
        path = self.file.path
        name = kinds.suggested(self._state.document.task) if path is None else path.name
        if path is not None and self.file.copy:
            name = path.stem + self.tr(" (copy)") + SUFFIX
        start = self._folder() / name
        return ask_path(self._window, self.tr("Save as"), start, [(self.tr("Loopscope projects"), SUFFIX)])

    def _folder(self) -> Path:
        """Where one most likely looks for a file."""
        near = [self.file.path] if self.file.path is not None else self.recent.paths()[:1] if self.recent else []
        return near[0].parent if near and near[0].parent.is_dir() else Path.home()

    # What the file says ----------------------------------------------------------------------------------

    def _on_opened(self, view: View) -> None:
        self.look.apply(view)
        if self.file.path is not None:
            self._remember(self.file.path)

    def _on_saved(self, path: Path) -> None:
        self._remember(path)
        then, self._then = self._then, None
        if then is not None:
            self.go_on(then)

    def _on_failed(self, text: str) -> None:
        self._then = None
        self._say(text)

    def _on_conflict(self, path: Path) -> None:
        heading = self.tr("“{}” was changed by another program").format(path.name)
        text = self.tr("It is no longer what was opened here. Saving would write over what is there now.")
        answers = [Answer(OVER, self.tr("&Overwrite")), Answer(AS, self.tr("Save &as…"))]

        def said(answer: str) -> None:
            if answer == OVER:
                self.file.save(over=True)
            elif answer == AS:
                self.save_as()
            else:
                self._then = None

        ask(self._window, heading, text, answers, said)

    def _remember(self, path: Path) -> None:
        if self.recent is not None:
            self.recent.add(path)

    def _follow(self) -> None:
        file = self.file
        if self._actions:
            # "Save" too where nothing is edited: the playhead may stand elsewhere.
            for id in ("file.new", "file.open", "file.save", "file.save_as"):
                self._actions[id].setEnabled(not file.busy)
            self._actions["file.revert"].setEnabled(file.path is not None and file.modified and not file.busy)
        self._name()

    def _name(self) -> None:
        """The window's title: the file, a star where something is unsaved, the scenario."""
        title = self.tr(self._state.document.task.title)
        path = self.file.path
        if path is None:
            text = self.tr("{}[*] — Loopscope").format(title)
        else:
            name = path.name.replace("[*]", "[*][*]")
            name = self.tr("{} (copy)").format(name) if self.file.copy else name
            text = self.tr("{}[*] — {} — Loopscope").format(name, title)
        self._window.setWindowTitle(text)
        self._window.setWindowModified(self.file.modified)
