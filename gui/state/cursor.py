"""Where the playhead stands among the run's events, and how far one step takes it."""

from __future__ import annotations

from bisect import bisect_left

from PySide6.QtCore import QObject, Signal

from engine.events import Event, Events

TOKEN, OPERATION = "token", "operation"
GRANULARITIES = (TOKEN, OPERATION)


class _News(QObject):
    changed = Signal(int)
    granularity_changed = Signal(str)


class Cursor:
    """Position n: the first n token events have happened; 0 is before the first.

    Not a QObject itself: the `event` that a score has is not the one that a QObject handles.
    Between two token positions stand the operations that lead from one to the other; ``index`` counts every event.
    ``changed`` carries the position, which stays the same from operation to operation; ``granularity_changed`` the
    new granularity.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        self._news = _News(parent)
        self.changed, self.granularity_changed = self._news.changed, self._news.granularity_changed
        self._events: Events | None = None
        self._index = 0
        self._granularity = TOKEN
        self._last: tuple[int, Event] | None = None

    @property
    def position(self) -> int:
        """How many token events have happened."""
        return 0 if self._events is None else bisect_left(self._events.tokens, self._index)

    @property
    def count(self) -> int:
        """How many token positions there are."""
        return 0 if self._events is None else len(self._events.tokens)

    @property
    def index(self) -> int:
        """How many events have happened, operations included."""
        return self._index

    @property
    def total(self) -> int:
        """How many events there are."""
        return 0 if self._events is None else len(self._events)

    @property
    def reached(self) -> float:
        """The position, and the share of the next one's operations that have happened: 4.25."""
        if self._events is None:
            return 0.0
        position, start = self.position, self.start(self.position)
        if self._index == start:
            return float(position)
        return position + (self._index - start) / (self.start(position + 1) - start)

    @property
    def event(self) -> Event | None:
        """The event that happened last; None before the first."""
        if self._events is None or self._index == 0:
            return None
        if self._last is None or self._last[0] != self._index:  # everybody asks for it at every move
            self._last = self._index, self._events[self._index - 1]
        return self._last[1]

    @property
    def granularity(self) -> str:
        """How far one step goes: "token" or "operation"."""
        return self._granularity

    @granularity.setter
    def granularity(self, value: str) -> None:
        if value not in GRANULARITIES:
            raise ValueError(f"granularity {value!r}: allowed are {', '.join(GRANULARITIES)}")
        if value != self._granularity:
            self._granularity = value
            self.granularity_changed.emit(value)

    def set_events(self, events: Events | None, keep: bool = True) -> None:
        """Follow another run: the playhead stays at its phase and column where the new run has them.

        Parameters
        ----------
        events : engine.events.Events or None
        keep : bool
            False: go back before the first step.
        """
        before, event, at_end = self._index, self.event, self._index == self.total > 0
        position = self.position
        old, self._events, self._last = self._events, events, None
        alike = old is not None and events is not None and len(old.tokens) == len(events.tokens)
        if not keep or event is None or events is None:
            index = 0
        elif alike and old is not None and len(old) == len(events):
            index = before
        elif alike:
            index = self.start(position)
        elif at_end:
            index = self.total
        else:
            found = self._find(event.phase, min(event.column, len(events.timeline) - 1))
            index = self.start(found or min(position, self.count))
        self._index = index
        if index != before or self.position != position:
            self.changed.emit(self.position)

    def go(self, n: int) -> None:
        """Move to position n; beyond the ends it stays at the end."""
        self.go_index(self.start(max(0, min(int(n), self.count))))

    def go_index(self, index: int) -> None:
        """Move to where so many events have happened, operations included."""
        index = max(0, min(int(index), self.total))
        if index != self._index:
            self._index = index
            self.changed.emit(self.position)

    def step(self, delta: int = 1) -> None:
        """Move by so many steps of the granularity; a step of a token first completes what is under way."""
        if self._granularity == OPERATION:
            self.go_index(self._index + delta)
            return
        position = self.position
        under_way = self._index > self.start(position)
        self.go(position + delta + (1 if under_way and delta < 0 else 0))

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

    def start(self, position: int) -> int:
        """How many events have happened at a position."""
        return 0 if position == 0 or self._events is None else int(self._events.tokens[position - 1]) + 1

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
