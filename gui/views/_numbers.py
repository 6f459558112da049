"""An input of numbers: given by a file or an experiment, drawn at random, or typed."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from engine.interop.tables import parse_table
from engine.tasks import Task
from gui import fonts
from gui.theme import px
from gui.widgets import icon_button, label, push_button

FIRST_SEED = 21
MOST_TYPED = 20_000
"""More numbers than these nobody types, and a text of them is slow to lay out."""


class NumbersField(QWidget):
    """Says how many numbers there are; draws others where the task draws them at all, and lets them be typed."""

    changed = Signal(object)
    """The user wants this input instead, (T, D)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._task: Task | None = None
        self._values = np.zeros((1, 1))
        self._seed = FIRST_SEED
        self._dice: np.ndarray | None = None
        self.text = label("", "muted")
        self.dice = icon_button("dice-5", self.tr("Draw other numbers, from the next seed"))
        self.dice.clicked.connect(self._on_dice)
        self.type = push_button(self.tr("Type…"), "", self.tr("Type the numbers, a row for each step"))
        self.type.clicked.connect(self._on_type)
        self.typing: NumbersDialog | None = None
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.text, self.dice, self.type):
            self._row.addWidget(widget)
        self._row.addStretch(1)

    def measure(self, height: int) -> None:
        """Follow the zoom."""
        self._row.setSpacing(px(6))
        self.dice.setFixedSize(px(34), height)
        self.text.setFixedHeight(height)
        self.type.setFixedHeight(height)

    def show_numbers(self, task: Task, values: np.ndarray) -> None:
        """Show an input of a task."""
        if task is not self._task:
            self._task, self._seed, self._dice = task, FIRST_SEED, None
        self._values = values
        if not np.any(values):
            said = self.tr("{} × {} zeros: the state is left to itself")
        elif values is self._dice or (task.drawn and np.array_equal(values, task.example)):
            said = self.tr("{} × {} random numbers")
        else:
            said = self.tr("{} × {} numbers, given")
        self.text.setText(said.format(*values.shape))
        self.dice.setVisible(not np.array_equal(self._drawn(0), self._drawn(1)))
        self.type.setEnabled(values.size <= MOST_TYPED)

    def _drawn(self, seed: int) -> np.ndarray:
        found: np.ndarray = self._task.inputs(np.random.default_rng(seed))  # type: ignore[union-attr]
        return found

    def _on_dice(self) -> None:
        self._dice = self._drawn(self._seed)
        self._seed += 1
        self.changed.emit(self._dice)

    def _on_type(self) -> None:
        assert self._task is not None
        self.typing = NumbersDialog(self._task, self._values, self)
        self.typing.typed.connect(self.changed)
        self.typing.open()


class NumbersDialog(QDialog):
    """The numbers as rows of text; what cannot be read is said, and nothing is changed.

    Parameters
    ----------
    task : Task
        Which reads them.
    values : ndarray (T, D)
    """

    typed = Signal(object)
    """The user wants these numbers, (T, D)."""

    def __init__(self, task: Task, values: np.ndarray, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._task = task
        self.setWindowTitle(self.tr("Type the input"))
        self.edit = QPlainTextEdit("\n".join(" ".join(f"{number}" for number in row.tolist()) for row in values))
        self.edit.setFont(fonts.mono(px(13)))
        self.edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.edit.setAccessibleName(self.tr("A row for each step"))
        self.problem = label("", "error")
        self.problem.setWordWrap(True)
        self.problem.hide()
        buttons = QDialogButtonBox()
        apply = push_button(self.tr("Run"), "primary")
        buttons.addButton(apply, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(self.tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(16), px(14), px(16), px(14))
        box.setSpacing(px(10))
        size = values.shape[1]
        box.addWidget(label(self.tr("A row for each step, {} numbers in each").format(size), "muted"))
        box.addWidget(self.edit, 1)
        box.addWidget(self.problem)
        box.addWidget(buttons)
        self.resize(px(460), px(360))

    def accept(self) -> None:
        """Hand the numbers over, unless they cannot be read."""
        try:
            values = parse_table(self.edit.toPlainText())
            self._task.encode(values)
        except ValueError as error:
            self.problem.setText(str(error))
            self.problem.show()
            return
        self.typed.emit(values)
        super().accept()
