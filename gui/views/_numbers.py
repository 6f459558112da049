"""The input of an experiment: numbers that are given rather than typed or drawn."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.tasks import Task
from gui.theme import px
from gui.widgets import icon_button, label

FIRST_SEED = 21


class NumbersField(QWidget):
    """Says how many numbers there are; draws others where the experiment draws them at all."""

    drawn = Signal(object)
    """The user wants this input instead, (T, D)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._task: Task | None = None
        self._seed = FIRST_SEED
        self.text = label("", "muted")
        self.dice = icon_button("dice-5", self.tr("Draw other numbers, from the next seed"))
        self.dice.clicked.connect(self._on_dice)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.addWidget(self.text)
        self._row.addWidget(self.dice)
        self._row.addStretch(1)

    def measure(self, height: int) -> None:
        """Follow the zoom."""
        self._row.setSpacing(px(6))
        self.dice.setFixedSize(px(34), height)
        self.text.setFixedHeight(height)

    def show_numbers(self, task: Task, values: np.ndarray) -> None:
        """Show an input of a task."""
        if task is not self._task:
            self._task, self._seed = task, FIRST_SEED
        steps, size = values.shape
        empty = not np.any(values)
        said = self.tr("{} × {} zeros: the state is left to itself") if empty else self.tr("{} × {} numbers, given")
        self.text.setText(said.format(steps, size))
        self.dice.setVisible(not np.array_equal(self._drawn(0), self._drawn(1)))

    def _drawn(self, seed: int) -> np.ndarray:
        found: np.ndarray = self._task.inputs(np.random.default_rng(seed))  # type: ignore[union-attr]
        return found

    def _on_dice(self) -> None:
        values = self._drawn(self._seed)
        self._seed += 1
        self.drawn.emit(values)
