"""The parts of the input bar: examples, target, sequences of the batch."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QToolButton, QWidget

from engine.tasks import Task
from gui.state.project import Project, Target
from gui.theme import px
from gui.views._drawing import picture
from gui.views._examples import Example, Examples
from gui.widgets import Choice, icon_button, label

PAUSE_MS = 400
"""How long nobody types before what was typed is run."""
HEIGHT = 32
CLASS_PATTERNS = ("one-to-one", "many-to-one")
"""Where the target is one class."""


class _Row(QWidget):
    """Widgets side by side, as high as a field."""

    def __init__(self, *widgets: QWidget) -> None:
        super().__init__()
        self._widgets = widgets
        self._line = QHBoxLayout(self)
        self._line.setContentsMargins(0, 0, 0, 0)
        for widget in widgets:
            self._line.addWidget(widget, 1 if isinstance(widget, QLineEdit) else 0)
        self._line.addStretch(0)

    def measure(self) -> None:
        """Follow the zoom."""
        self._line.setSpacing(px(6))
        for widget in self._widgets:
            if isinstance(widget, QToolButton):
                widget.setFixedSize(px(34), px(HEIGHT))
            else:
                widget.setFixedHeight(px(HEIGHT))


class ExampleButtons(_Row):
    """A menu of held-out examples, and one at random."""

    chosen = Signal(object)
    """The user takes this Example."""

    def __init__(self, examples: Examples) -> None:
        self._examples, self._kinds = examples, 0
        self.button, self.dice = icon_button("list", ""), icon_button("dice-5", "")
        super().__init__(self.button, self.dice)
        self.menu = QMenu(self)
        texts = {
            self.button: self.tr("Held-out examples"),
            self.dice: self.tr("A held-out example at random"),
        }
        for button, text in texts.items():
            button.setToolTip(text)
            button.setAccessibleName(text)
        self.button.clicked.connect(self._on_menu)
        self.dice.clicked.connect(self._on_dice)

    def show_task(self, task: Task) -> None:
        """Show whether there are examples to draw from."""
        self._kinds = task.grid_values
        self.dice.setEnabled(bool(self._examples.listed()))
        if self.menu.isVisible():
            self.fill()

    def fill(self) -> None:
        """Put the examples that there are into the menu."""
        self.menu.clear()
        found = self._examples.listed()
        for example in found:
            action = self.menu.addAction(example.text)
            action.triggered.connect(lambda on, example=example: self.chosen.emit(example))
            if not isinstance(example.source, str):
                action.setIcon(picture(example.source, self._kinds, px(24)))
        if not found:
            self.menu.addAction(self.tr("Fetching the examples…")).setEnabled(False)

    def _on_menu(self) -> None:
        self.fill()
        self.menu.popup(self.button.mapToGlobal(QPoint(0, self.button.height())))

    def _on_dice(self) -> None:
        example: Example | None = self._examples.draw()
        if example is not None:
            self.chosen.emit(example)


class TargetField(_Row):
    """What the outputs are compared with: one of the classes, or words."""

    changed = Signal(object)
    """The user wants this target; None: the corpus', or else the network's own answer."""

    def __init__(self) -> None:
        self.choice, self.words = Choice(), QLineEdit()
        self._label = label("", "muted")
        super().__init__(self._label, self.choice, self.words)
        self._label.setText(self.tr("Target"))
        self.choice.setAccessibleName(self.tr("Target"))
        self.choice.setToolTip(self.tr("What the output is compared with"))
        self.words.setAccessibleName(self.tr("Target, word by word"))
        self.words.setToolTip(
            self.tr("What the outputs are compared with, word by word. Left empty, what stands there in grey")
        )
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._on_words)
        self.words.textEdited.connect(self._pause.start)
        self.words.returnPressed.connect(self._on_words)
        self.choice.chosen.connect(self._on_chosen)

    def measure(self) -> None:
        """Follow the zoom."""
        super().measure()
        self.words.setMinimumWidth(px(120))
        self.choice.setMaximumWidth(px(220))

    def show_target(self, task: Task, given: Target, automatic: str) -> None:
        """Show a target; where none is given, what is taken instead."""
        one, named = task.pattern in CLASS_PATTERNS, not task.numeric_target
        self.choice.setVisible(one and named)
        self.words.setVisible(named and not one)
        self._label.setText(self.tr("Target") if named else self._numbers(given))
        if isinstance(given, np.ndarray) or not named:
            return
        if one:
            options = [("", automatic), *((name, name) for name in task.output_labels)]
            if [(self.choice.itemData(at), self.choice.itemText(at)) for at in range(self.choice.count())] != options:
                self.choice.set_options(options)
            self.choice.set_current(given or "")
            return
        self.words.setPlaceholderText(automatic)
        typing = self.words.hasFocus() and self._pause.isActive()
        if not typing and self.words.text().strip() != (given or ""):
            self.words.setText(given or "")
            self.words.setCursorPosition(0)  # the beginning is seen where not all is

    def _numbers(self, given: Target) -> str:
        if isinstance(given, np.ndarray):
            return self.tr("Target: {} × {} numbers").format(*given.shape)
        return self.tr("Target: the last output")

    def _on_chosen(self, id: str) -> None:
        self.changed.emit(id or None)

    def _on_words(self) -> None:
        self._pause.stop()
        self.changed.emit(self.words.text().strip() or None)


class BatchField(_Row):
    """Which sequence of the batch is looked at; adds and removes some."""

    chosen = Signal(int)
    added = Signal()
    removed = Signal()

    def __init__(self) -> None:
        self.choice, self.add, self.remove = Choice(), icon_button("plus", ""), icon_button("trash-2", "")
        super().__init__(self.choice, self.add, self.remove)
        texts = {
            self.choice: (self.tr("Sequence of the batch"), self.tr("Which sequence of the batch is looked at")),
            self.add: (self.tr("Add to the batch"), self.tr("Add a held-out example to the batch")),
            self.remove: (self.tr("Remove from the batch"), self.tr("Remove this sequence from the batch")),
        }
        for widget, (name, tip) in texts.items():
            widget.setAccessibleName(name)
            widget.setToolTip(tip)
        self.choice.chosen.connect(self._on_chosen)
        self.add.clicked.connect(self.added)
        self.remove.clicked.connect(self.removed)

    def measure(self) -> None:
        """Follow the zoom."""
        super().measure()
        self.choice.setMaximumWidth(px(160))

    def show_batch(self, project: Project, can_add: bool) -> None:
        """Show the sequences."""
        n = len(project.sources)
        options = []
        for at, source in enumerate(project.sources):
            name = self.tr("{} of {}").format(at + 1, n)
            options.append((str(at), f"{name} · {_shortened(source)}" if isinstance(source, str) else name))
        self.choice.set_options(options)
        self.choice.set_current(str(project.sequence))
        self.choice.setVisible(n > 1)
        self.remove.setVisible(n > 1)
        self.add.setEnabled(can_add)

    def _on_chosen(self, id: str) -> None:
        self.chosen.emit(int(id))


def _shortened(text: str, most: int = 28) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
