"""The file of the document: opened, saved and closed, without anything being lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QCoreApplication, QObject, Signal

from engine.projects import ProjectError
from gui.state import drawing, looking, storing, wording
from gui.state.app_state import AppState
from gui.state.claim import Claim
from gui.state.project import EDITED, Project
from gui.state.storing import ChangedOnDisk, Opened, Origin, View
from gui.work.worker import Worker


class File(QObject):
    """Where the project is kept, and whether the file holds it as it is.

    Files are read and written on a thread of its own. Where reading fails, what is open stays as it is.

    Parameters
    ----------
    state : AppState
    capture : callable
        Returns the view that is saved with the project.
    """

    changed = Signal()
    """The path, whether it is modified, or whether it is being read or written."""
    opened = Signal(object)
    """Another project is on the bench: the View to look at it with."""
    saved = Signal(object)
    """The project has been written to this Path."""
    failed = Signal(str)
    """What could not be read or written, in a sentence."""
    conflict = Signal(object)
    """The file at this Path was changed by another program; `save(over=True)` writes it all the same."""
    elsewhere = Signal(object)
    """The file that was opened is open in another window (Elsewhere): this is a copy of it."""

    def __init__(self, state: AppState, capture: Callable[[], View], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._capture = state, capture
        self._path: Path | None = None
        self._digest = ""
        self._kept: Project | None = state.document.project
        self._copy = self._again = False
        self._waiting: Callable[[], object] | None = None
        self._claim = Claim()
        self._job: Callable[[Any], None] | None = None
        self._ticket = 0
        self._told: tuple[object, ...] = ()
        self._worker = Worker("files", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        state.document.project_changed.connect(self._tell)
        state.document.drawing_changed.connect(self._on_drawing_changed)

    # What it is ------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The file; None where the project has none yet."""
        return self._path

    @property
    def origin(self) -> Origin | None:
        """The file, and what it held when it was opened or saved last."""
        return None if self._path is None else Origin(self._path, self._digest)

    @property
    def copy(self) -> bool:
        """Whether the file belongs to another window, so that saving needs another name."""
        return self._copy

    @property
    def busy(self) -> bool:
        """Whether a file is being read or written."""
        return self._job is not None

    @property
    def modified(self) -> bool:
        """Whether something would be lost: edits, but not steps, nor the mere choice of a scenario."""
        document = self._state.document
        if document.wanted is not None:
            return True
        if document.project is self._kept:
            return False
        return self._path is not None or self._kept is None or not is_fresh(document.project)

    # What can be done ------------------------------------------------------------------------------------

    def claim(self, claim: Claim) -> None:
        """From now on let other windows know which file is open here."""
        self._claim = claim
        held = claim.take(self._path)
        self._copy = held is not None
        self._tell()
        if held is not None:
            self.elsewhere.emit(held)

    def adopt(self, found: Opened) -> None:
        """The project on the bench is the one of this file: so the program began."""
        self._settle(found.path, found.digest, found.project)

    def begin(self, project: Project, view: View | None = None) -> None:
        """Put a project without a file on the bench, with a history of its own.

        What is just being written is written; what is just being read does not come any more.
        """
        self._job, self._ticket = None, 0
        self._claim.release()
        self._copy = False
        self._put(project, None, "", project, View() if view is None else view)

    def open(self, path: Path) -> bool:
        """Read a file and put its project on the bench; False where another file is being read or written."""
        return self._submit(partial(storing.read, path), self._on_read)

    def restore(self, path: Path, done: Callable[[], None]) -> bool:
        """Read a recovery file: unsaved work on the file that it names; ``done`` is called when it is here."""

        def put(found: Opened) -> None:
            self._on_read(found, restored=True)
            done()

        return self._submit(partial(storing.read, path), put)

    def save(self, over: bool = False) -> bool:
        """Write the project to its file.

        Parameters
        ----------
        over : bool
            Also where another program has changed the file.

        Returns
        -------
        bool
            False where it has no file of its own yet: it needs a name.
        """
        if self._path is None or self._copy:
            return False
        if self.busy:
            self._again = True
        elif self._state.document.wanted is not None:
            self._waiting = self.save  # the parameters of what was asked for are still being drawn
        else:
            self._write(self._path, None if over else self._digest)
        return True

    def save_as(self, path: Path) -> None:
        """Write the project to another file, which is its own from then on."""
        if self.busy:
            self.failed.emit(_busy())
        elif self._state.document.wanted is not None:
            self._waiting = partial(self.save_as, path)
        elif self._claim.take(path, always=False) is not None:
            self.failed.emit(
                self.tr("“{}” is open in another window; choose another name, or close it there").format(path.name)
            )
        else:
            self._write(path, None)

    def seize(self) -> None:
        """Be the file's own window, where another machine has it open: the user knows that it has not."""
        if self._path is not None and self._copy and self._claim.seize(self._path):
            self._copy = False
            self._tell()

    def close(self) -> None:
        """Finish what is being written, and let go of the file."""
        self._worker.close()
        self._claim.release()

    # How it goes -----------------------------------------------------------------------------------------

    def _submit(self, job: Callable[[], Any], then: Callable[[Any], None]) -> bool:
        if self.busy:
            self.failed.emit(_busy())
            return False
        self._job = then
        self._ticket = self._worker.submit(job)
        self._tell()
        return True

    def _write(self, path: Path, known: str | None) -> None:
        project = self._state.document.project
        job = partial(storing.write, path, project, self._capture(), known)
        self._submit(job, partial(self._on_written, path, project))

    def _on_done(self, ticket: int, result: Any) -> None:
        then = self._job
        if ticket != self._ticket or then is None:
            return
        self._job = None
        then(result)
        self._tell()

    def _on_failed(self, ticket: int, error: Exception) -> None:
        if ticket != self._ticket:
            return
        self._job, self._again = None, False
        self._tell()
        if isinstance(error, ChangedOnDisk):
            self.conflict.emit(self._path)
            return
        self._claim.take(None if self._copy else self._path)  # another name could not be had
        self.failed.emit(str(error) if isinstance(error, ProjectError) else wording.failure(error))

    def _on_written(self, path: Path, project: Project, digest: str) -> None:
        self._settle(path, digest, project)
        self.saved.emit(path)
        again, self._again = self._again, False
        if again and self.modified:
            self.save()

    def _on_read(self, found: Opened, restored: bool = False) -> None:
        own = found.origin if restored else Origin(found.path, found.digest)
        path, digest = (None, "") if own is None else (own.path, own.digest)
        held = self._claim.take(path)
        self._copy = held is not None
        self._put(found.project, path, digest, None if restored else found.project, found.view)
        if held is not None:
            self.elsewhere.emit(held)

    def _put(self, project: Project, path: Path | None, digest: str, kept: Project | None, view: View) -> None:
        document = self._state.document
        self._again, self._waiting = False, None  # what was to be saved is gone
        self._path, self._digest, self._kept = path, digest, kept
        document.undo_stack.clear()
        self._state.selection.clear()
        document.swap(project)
        looking.restore(self._state, view)
        self._tell()
        self.opened.emit(view)

    def _settle(self, path: Path, digest: str, project: Project) -> None:
        """The file holds this project, and is claimed: only then it was read or written."""
        self._copy = False
        self._path, self._digest, self._kept = path, digest, project
        if self._state.document.project is project:
            self._state.document.undo_stack.setClean()  # an edit after it shall be a step of its own
        self._tell()

    def _on_drawing_changed(self, drawing: bool) -> None:
        if self._waiting is not None and not drawing:
            save, self._waiting = self._waiting, None
            save()
        self._tell()

    def _tell(self, *_: object) -> None:
        now = (self._path, self.modified, self._copy, self.busy)
        if now != self._told:
            self._told = now
            self.changed.emit()


@lru_cache(maxsize=1)
def is_fresh(project: Project) -> bool:
    """Whether a project is a scenario as it opens, in any cell and on any engine: nothing of it is the user's."""
    task, spec = project.task, project.spec
    if project.weights == EDITED or project.initial or project.arriving or project.notes:
        return False
    if not project.teacher_forcing or len(project.sources) != 1:
        return False
    source, target = project.sources[0], project.targets[0]
    if type(source) is not type(task.example) or not np.array_equal(source, task.example):
        return False
    if isinstance(target, np.ndarray) or target != (task.example_target or None) or spec != task.spec(spec.cell):
        return False
    shipped = drawing.initial(task, spec)
    return project.weights == shipped.weights and all(
        np.array_equal(value, project.parameters[name], equal_nan=True) for name, value in shipped.parameters.items()
    )


def _busy() -> str:
    return QCoreApplication.translate("File", "A file is just being read or written; try again in a moment.")
