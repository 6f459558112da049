"""One loss whose own gradient is looked at alone, projected back over the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Signal


@dataclass(frozen=True, eq=False)
class Alone:
    """What one output's loss alone sends back.

    Attributes
    ----------
    output : int
        Whose loss.
    name : str
        The state's ("h").
    values : mapping of str to ndarray (T, B, H)
        ∂L_s/∂ the state, of every lane.
    """

    output: int
    name: str
    values: Mapping[str, np.ndarray]


class Horizon(QObject):
    """Holds it while the user points at the loss, and says when it changes."""

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._value: Alone | None = None

    @property
    def value(self) -> Alone | None:
        """The loss that is looked at alone; None: all together."""
        return self._value

    def show(self, value: Alone) -> None:
        """Look at one loss alone."""
        self._set(value)

    def clear(self) -> None:
        """Look at all losses together again."""
        self._set(None)

    def _set(self, value: Alone | None) -> None:
        if value is not self._value:
            self._value = value
            self.changed.emit(value)
