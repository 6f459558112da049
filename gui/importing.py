"""Files of other programs on the bench: weights, captures, sequences, each read beside the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from engine.interop import captures, read, sequences
from engine.interop.captures import Capture, Captured
from engine.interop.load import Weights
from gui import kinds
from gui.capture_dialog import CaptureDialog
from gui.import_dialog import ImportDialog
from gui.state import importing, wording
from gui.state.app_state import AppState
from gui.state.importing import Offer
from gui.state.project import Project
from gui.work.worker import Worker

SUFFIXES = tuple(dict.fromkeys((*read.SUFFIXES, *sequences.SUFFIXES)))


class Importer(QObject):
    """Opens a file that is no project of ours.

    Parameters
    ----------
    state : AppState
    begin : callable
        Puts a project without a file on the bench, after the question where something would be lost, and then
        says something of it.
    say : callable
        Says what went wrong, in a sentence.
    parent : QWidget
        The window.
    """

    taken = Signal(object)
    """A network of the file at this Path is being opened."""

    def __init__(
        self, state: AppState, begin: Callable[..., object], say: Callable[[str], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._state, self._begin, self._say, self._window = state, begin, say, parent
        self.dialog: ImportDialog | CaptureDialog | None = None
        self._path = Path()
        self._beside: Mapping[str, Path] = {}
        self._read_for: Project | None = None
        self._worker = Worker("imports", self)
        self._worker.done.connect(self._on_read)
        self._worker.failed.connect(self._on_failed)

    def open(self, path: Path, beside: Mapping[str, Path] | None = None) -> None:
        """Read a file: a network is asked about, a sequence becomes the input of what is open.

        Parameters
        ----------
        path : Path
        beside : mapping of str to Path, optional
            Of a network the "sequence" and the "vocabulary" that were chosen with it.
        """
        self._path, self._beside, self._read_for = path, beside or {}, self._state.document.project
        self._worker.submit(partial(_read, path, self._read_for))

    def ask(self, path: Path, found: Weights | Capture) -> None:
        """Ask about a network that has been read."""
        self._path = path
        if self.dialog is not None:
            self.dialog.reject()
        place = self._state.document.project
        if isinstance(found, Capture):
            asking = CaptureDialog(path, found, self._window)
            asking.chosen.connect(partial(self._on_chosen, found.notes))
            self.dialog = asking
        else:
            self.dialog = ImportDialog(found, place.engine, place.device, self._window)
            self.dialog.accepted_offer.connect(self._on_offer)
            self.dialog.take(self._beside)
        self.dialog.finished.connect(self._on_finished)
        self.dialog.open()

    def close(self) -> None:
        """Leave what is being read to itself."""
        self._worker.abandon()

    def _on_read(self, ticket: int, found: Weights | Capture | Project) -> None:
        if ticket != self._worker.newest:
            return
        if isinstance(found, Weights | Capture):
            self.ask(self._path, found)
        elif self._state.document.project is not self._read_for:
            self.open(self._path)  # what it was to be the input of has changed meanwhile
        else:
            document = self._state.document
            text = self.tr("input from {}").format(self._path.name)
            changes = {name: getattr(found, name) for name in ("sources", "targets", "sequence", "initial", "arriving")}
            if found.task is not document.task:
                text = self.tr("vocabulary from {}").format(self._path.name)
                changes["task"] = found.task
            document.edit(text, **changes)

    def _on_finished(self) -> None:
        if self.dialog is not None:
            self.dialog.deleteLater()
            self.dialog = None

    def _on_offer(self, found: Offer) -> None:
        self.taken.emit(self._path)
        self._begin(found.project)

    def _on_chosen(self, notes: tuple[str, ...], found: Captured) -> None:
        place = self._state.document.project
        self.taken.emit(self._path)
        project = importing.captured(self._path, found, place.engine, place.device)
        self._begin(project, " ".join((*notes, *found.notes)))

    def _on_failed(self, ticket: int, error: Exception) -> None:
        if ticket == self._worker.newest:
            self._say(str(error) if isinstance(error, ValueError) else wording.failure(error))


def _read(path: Path, project: Project) -> Weights | Capture | Project:
    """Called on the worker's thread."""
    if captures.is_capture(path) or importing.holds_weights(path):
        return importing.network_of(path)
    if path.suffix.lower() == kinds.VOCABULARY:
        return importing.with_vocabulary(project, path)
    return importing.with_sequence(project, path)
