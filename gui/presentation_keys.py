"""What a clicker sends, and what a lecturer types, during a presentation."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent

from engine import SpecError
from engine.registry import cells
from gui.state.app_state import AppState

DIGITS_MS = 1200
"""So long after the last digit the playhead jumps without Enter."""
LONGEST = 5

Key = Qt.Key
FORWARD = (Key.Key_PageDown, Key.Key_Right, Key.Key_Space, Key.Key_Down)
BACK = (Key.Key_PageUp, Key.Key_Left, Key.Key_Up, Key.Key_Backspace)


def entries() -> list[tuple[str, str]]:
    """What can be done on the stage, with its keys, for the help."""
    tr = QCoreApplication.translate
    return [
        (tr("presentation", "Step forward"), "PgDown, Right, Space"),
        (tr("presentation", "Step back"), "PgUp, Left"),
        (tr("presentation", "Go to a step"), "0–9"),
        (tr("presentation", "Blank the screen"), "B, ."),
        (tr("presentation", "Larger and smaller"), "+, −"),
        (tr("presentation", "Next cell on the same sequence"), "L"),
        (tr("presentation", "Rolled up or out"), "R"),
        (tr("presentation", "Light the next shared weight"), "W"),
        (tr("presentation", "Choose the tracks"), "T"),
        (tr("presentation", "End"), "Esc, F5"),
    ]


class Clicker(QObject):
    """Turns keys into steps and wishes.

    Parameters
    ----------
    state : AppState
    """

    blanked = Signal()
    enlarged = Signal(float)
    tracks_asked = Signal()
    fold_asked = Signal()
    """Roll the network up, or out."""
    light_asked = Signal()
    """Light the next shared weight."""
    ended = Signal()
    typed = Signal(str)
    """The digits so far; empty when they are used up."""
    jumped = Signal(int)
    """Go to the step of this number."""

    def __init__(self, state: AppState, parent: QObject) -> None:
        super().__init__(parent)
        self._state = state
        self._digits = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DIGITS_MS)
        self._timer.timeout.connect(self._on_typed)

    def stop(self) -> None:
        """Forget what was typed."""
        self._timer.stop()
        self._digits = ""

    def press(self, event: QKeyEvent) -> bool:
        """Do what a key means; tell whether it means anything."""
        key, text = Key(event.key()), event.text()
        if key in (Key.Key_B, Key.Key_Period):
            self.blanked.emit()
        elif len(text) == 1 and text.isdigit():
            self._digits = (self._digits + text)[-LONGEST:]
            self._timer.start()
            self.typed.emit(self._digits)
        elif key in (Key.Key_Return, Key.Key_Enter):
            self._on_typed()
        elif key == Key.Key_L:
            self._next_cell()
        elif key == Key.Key_T:
            self.tracks_asked.emit()
        elif key == Key.Key_R:
            self.fold_asked.emit()
        elif key == Key.Key_W:
            self.light_asked.emit()
        elif text in ("+", "="):
            self.enlarged.emit(1.1)
        elif text in ("-", "−"):
            self.enlarged.emit(1 / 1.1)
        elif key in (Key.Key_Escape, Key.Key_F5):
            self.ended.emit()
        else:
            return self._step(key)
        return True

    def _step(self, key: Qt.Key) -> bool:
        cursor = self._state.cursor
        if key in FORWARD:
            cursor.step(1)
        elif key in BACK:
            cursor.step(-1)
        elif key == Key.Key_Home:
            cursor.first()
        elif key == Key.Key_End:
            cursor.last()
        else:
            return False
        return True

    def _on_typed(self) -> None:
        digits = self._digits
        self.stop()
        if digits:
            self.jumped.emit(int(digits))
            self.typed.emit("")

    def _next_cell(self) -> None:
        """Another cell on the same sequence; one that does not go with the network is passed over."""
        if self._state.session.trace is None:
            return
        names = cells.names()
        at = names.index(self._state.document.project.spec.cell)
        for name in (*names[at + 1 :], *names[:at]):
            try:
                self._state.document.set_cell(name)
            except SpecError:
                continue
            return
