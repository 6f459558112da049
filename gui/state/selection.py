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


class Selection(QObject):
    """Holds what is selected, and says when it changes."""

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._value: Selected | None = None

    @property
    def value(self) -> Selected | None:
        """What is selected; None where nothing is."""
        return self._value

    def select(self, prefix: str, step: int, unit: int | None = None, name: str = "h", gradient: bool = False) -> None:
        """Select a step of a lane, or one unit of it."""
        self.set(Selected(prefix, int(step), None if unit is None else int(unit), name, gradient))

    def set(self, value: Selected | None) -> None:
        """Select what is given; None: nothing."""
        if value != self._value:
            self._value = value
            self.changed.emit(value)

    def clear(self) -> None:
        """Select nothing."""
        self.set(None)

    def keep_within(self, trace: Trace | None) -> None:
        """Drop a selection that another run no longer has."""
        chosen = self._value
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
