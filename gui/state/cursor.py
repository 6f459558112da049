"""Where the playhead stands: one whole number into the run's token positions."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from engine.events import Event, Events


class _News(QObject):
    changed = Signal(int)


class Cursor:
    """Position n: the first n token events have happened; 0 is before the first.

    Not a QObject itself: the `event` that a score has is not the one that a QObject handles.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        self._news = _News(parent)
        self.changed = self._news.changed
        self._events: Events | None = None
        self._position = 0

    @property
    def position(self) -> int:
        """How many token events have happened."""
        return self._position

    @property
    def count(self) -> int:
        """How many token positions there are."""
        return 0 if self._events is None else len(self._events.tokens)

    @property
    def event(self) -> Event | None:
        """The event that happened last; None before the first."""
        if self._events is None or self._position == 0:
            return None
        return self._events.token(self._position - 1)

    def set_events(self, events: Events | None, keep: bool = True) -> None:
        """Follow another run: the playhead stays at its phase and column where the new run has them.

        Parameters
        ----------
        events : engine.events.Events or None
        keep : bool
            False: go back before the first step.
        """
        before, event, at_end = self._position, self.event, self._position == self.count > 0
        old, self._events = self._events, events
        if not keep or event is None:
            position = 0
        elif old is not None and events is not None and len(old.tokens) == len(events.tokens):
            position = before
        elif at_end:
            position = self.count
        else:
            columns = 1 if events is None else len(events.timeline)
            position = self._find(event.phase, min(event.column, columns - 1)) or min(before, self.count)
        self._position = position
        if position != before:
            self.changed.emit(position)

    def go(self, n: int) -> None:
        """Move to position n; beyond the ends it stays at the end."""
        n = max(0, min(int(n), self.count))
        if n != self._position:
            self._position = n
            self.changed.emit(n)

    def step(self, delta: int = 1) -> None:
        """Move by so many positions."""
        self.go(self._position + delta)

    def first(self) -> None:
        """Go before the first step."""
        self.go(0)

    def last(self) -> None:
        """Go to the last position."""
        self.go(self.count)

    def go_to(self, phase: str, column: int) -> None:
        """Go to where ``phase`` ("forward", "loss", "backward") has just done the score's ``column``.

        Where several positions do (a bidirectional network passes a column once a layer and direction), the
        last; nothing happens where none does.
        """
        found = self._find(phase, column)
        if found is not None:
            self.go(found)

    def _find(self, phase: str, column: int) -> int | None:
        events = self._events
        if events is None:
            return None
        count = len(events.tokens)

        def fits(n: int) -> bool:
            if not 1 <= n <= count:
                return False
            event = events.token(n - 1)
            return event.phase == phase and (phase == "loss" or event.column == column)

        columns = len(events.timeline)
        # A run in one direction: forward once over the columns, the loss, backward once over them.
        if count in (columns, 2 * columns + 1):
            guess = {"forward": column + 1, "loss": columns + 1, "backward": 2 * columns + 1 - column}[phase]
            return guess if fits(guess) else None
        return next((n for n in range(count, 0, -1) if fits(n)), None)
