"""What is selected: a lane, a step, a unit, the same in every track and panel."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from engine import Trace


@dataclass(frozen=True)
class Selected:
    """One step of one lane, and one unit of it where one is meant.

    Attributes
    ----------
    prefix : str
        The lane's ("l0", "decoder.l0_reverse"), or "output".
    step : int
        Of the lane's part; of the outputs for "output".
    unit : int or None
    name : str
        Which recorded name ("h", "c", "i", …).
    gradient : bool
        Whether its gradient is meant rather than its value.
    """

    prefix: str
    step: int
    unit: int | None = None
    name: str = "h"
    gradient: bool = False

    @property
    def key(self) -> str:
        """The trace's key."""
        return f"{self.prefix}.{self.name}"


LONGEST = 100
"""So many selections are remembered."""


class Selection(QObject):
    """Holds what is selected and the trail that led there, and says when it changes."""

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._value: Selected | None = None
        self._trail: list[Selected] = []
        self._at = -1

    @property
    def value(self) -> Selected | None:
        """What is selected; None where nothing is."""
        return self._value

    def select(self, prefix: str, step: int, unit: int | None = None, name: str = "h", gradient: bool = False) -> None:
        """Select a step of a lane, or one unit of it."""
        self.set(Selected(prefix, int(step), None if unit is None else int(unit), name, gradient))

    def set(self, value: Selected | None) -> None:
        """Select what is given; None: nothing."""
        if value is not None and value != self._value:
            self._trail = [*self._trail[: self._at + 1], value][-LONGEST:]
            self._at = len(self._trail) - 1
        self._set(value)

    def _set(self, value: Selected | None) -> None:
        if value != self._value:
            self._value = value
            self.changed.emit(value)

    @property
    def can_go_back(self) -> bool:
        """Whether something was selected before this."""
        return self._at > 0

    @property
    def can_go_forward(self) -> bool:
        """Whether something was selected after this, from where one has gone back."""
        return self._at < len(self._trail) - 1

    def back(self) -> None:
        """Select again what was selected before."""
        if self.can_go_back:
            self._at -= 1
            self._set(self._trail[self._at])

    def forward(self) -> None:
        """Select again what one has gone back from."""
        if self.can_go_forward:
            self._at += 1
            self._set(self._trail[self._at])

    def clear(self) -> None:
        """Select nothing."""
        self.set(None)

    def keep_within(self, trace: Trace | None) -> None:
        """Drop what another run no longer has, selected now or before."""
        chosen = self._value
        kept = [] if trace is None else [each for each in self._trail if _exists(each, trace)]
        if len(kept) < len(self._trail):
            self._trail = kept
            self._at = kept.index(chosen) if chosen in kept else len(kept) - 1
        if chosen is None:
            return
        if trace is None or not _exists(chosen, trace):
            self.clear()


def _exists(chosen: Selected, trace: Trace) -> bool:
    try:
        steps, _, size = trace.value(chosen.key).shape
    except KeyError:
        return False
    return chosen.step < steps and (chosen.unit is None or chosen.unit < size)
