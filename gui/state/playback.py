"""The playhead that runs by itself."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from gui.state.cursor import Cursor

SLOWEST, FASTEST = 0.25, 8.0
STEP_MS = 700
"""One step at speed 1."""


class Playback(QObject):
    """Moves the cursor on, step by step, until the end."""

    playing_changed = Signal(bool)
    speed_changed = Signal(float)

    def __init__(self, cursor: Cursor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cursor = cursor
        self._speed = 1.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._on_timeout)

    @property
    def playing(self) -> bool:
        """Whether it runs."""
        return self._timer.isActive()

    @property
    def speed(self) -> float:
        """How fast: 1 is the ordinary speed; 0.25 to 8."""
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        value = max(SLOWEST, min(FASTEST, float(value)))
        if value != self._speed:
            self._speed = value
            self._timer.setInterval(max(1, round(STEP_MS / value)))
            self.speed_changed.emit(value)

    def toggle(self) -> None:
        """Play, or pause."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Run on; from the end, begin again."""
        if self.playing or self._cursor.count == 0:
            return
        if self._cursor.position >= self._cursor.count:
            self._cursor.first()
        self._timer.start()
        self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stand still."""
        if self.playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    def _on_timeout(self) -> None:
        self._cursor.step(1)
        if self._cursor.position >= self._cursor.count:
            self.pause()
