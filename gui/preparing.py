"""What is needed only once something is opened, made beside the window before anybody opens it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer

from gui import mathematics
from gui.frames import cell_layout
from gui.state.app_state import AppState
from gui.work.worker import Worker

QUIET_MS = 1000


class Preparing(QObject):
    """Waits until no run has come for a moment; then lays out the cell's diagram and loads what typesets equations.

    Parameters
    ----------
    state : AppState
    """

    def __init__(self, state: AppState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._worker = Worker("preparing", self)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(QUIET_MS)
        self._quiet.timeout.connect(self._on_quiet)
        state.session.trace_changed.connect(self._quiet.start)
        if state.session.trace is not None:
            self._quiet.start()

    def close(self) -> None:
        """Stop the thread; nothing is prepared any more."""
        self._quiet.stop()
        self._state.session.trace_changed.disconnect(self._quiet.start)
        self._worker.close()

    def _on_quiet(self) -> None:
        trace = self._state.session.trace
        if trace is not None:
            spec = trace.spec
            self._worker.submit(partial(prepare, spec.cell, spec.nonlinearity, spec.bias))


def prepare(cell: str, nonlinearity: str, bias: bool) -> None:
    """Make what is kept from then on; called on the worker's thread."""
    cell_layout.layout(cell, nonlinearity, bias)
    mathematics.load()
