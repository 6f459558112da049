"""The input: the user's own sentence or drawing, its target, examples, and the sequences of the batch."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLineEdit, QMenu, QSizePolicy, QVBoxLayout, QWidget

from engine.tasks.text import TextTask
from gui.state.app_state import AppState
from gui.state.project import Project
from gui.theme import px
from gui.views._drawing import DrawingPopup, Thumbnail, picture
from gui.views._examples import Example, Examples
from gui.widgets import Choice, icon_button, label, push_button
from gui.widgets.painted import LOOK_EVENTS

PAUSE_MS = 400
"""How long nobody types before what was typed is run."""
NARROW = 760
CLASS_PATTERNS = ("one-to-one", "many-to-one")
"""Where the target is one class."""


class InputBarView(QWidget):
    """Edits the sequence that is looked at; what cannot be read is said and changes nothing.

    Parameters
    ----------
    state : AppState
    """

    id = "input"
    title = "Input"
    area = "top"

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.examples = Examples(self)
        self.sentence, self.words = QLineEdit(), QLineEdit()
        self.thumbnail = Thumbnail()
        self.draw = push_button(self.tr("Draw…"), "", self.tr("Draw the input on a grid"))
        self.popup: DrawingPopup | None = None
        self.menu_button = icon_button("list", self.tr("Held-out examples"))
        self.menu = QMenu(self)
        self.dice = icon_button("dice-5", self.tr("A held-out example at random"))
        self.target_label = label(self.tr("Target"), "muted")
        self.target = Choice()
        self.sequence = Choice()
        self.add = icon_button("plus", self.tr("Add a held-out example to the batch"))
        self.remove = icon_button("trash-2", self.tr("Remove this sequence from the batch"))
        self.hint = label("", "small")
        self._pause, self._target_pause = QTimer(self), QTimer(self)
        self._rows = self._lay_out()
        self._name()
        self._measure()
        self._connect()
        self._show(state.document.project)
        self._say(self._unknown(state.document.project.sources[state.document.project.sequence]))

    # Making --------------------------------------------------------------------------------------------

    def _lay_out(self) -> tuple[QVBoxLayout, QBoxLayout, QHBoxLayout, QHBoxLayout]:
        source, target, both = QHBoxLayout(), QHBoxLayout(), QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for widget in (self.sentence, self.thumbnail, self.draw, self.menu_button, self.dice):
            source.addWidget(widget, 1 if widget is self.sentence else 0)
        source.addStretch(0)
        for widget in (self.target_label, self.target, self.words, self.sequence, self.add, self.remove):
            target.addWidget(widget, 1 if widget is self.words else 0)
        target.addStretch(0)
        both.addLayout(source)
        both.addLayout(target)
        both.addStretch(0)
        column = QVBoxLayout(self)
        column.addLayout(both)
        column.addWidget(self.hint)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return column, both, source, target

    def _name(self) -> None:
        self.sentence.setAccessibleName(self.tr("Your own sentence"))
        self.sentence.setToolTip(self.tr("Type a sentence; it is run as soon as you pause, or at once with Enter"))
        self.words.setAccessibleName(self.tr("Target, word by word"))
        self.words.setToolTip(
            self.tr("What the outputs are compared with, word by word. Left empty, what stands there in grey")
        )
        self.target.setAccessibleName(self.tr("Target"))
        self.target.setToolTip(self.tr("What the output is compared with"))
        self.sequence.setAccessibleName(self.tr("Sequence of the batch"))
        self.sequence.setToolTip(self.tr("Which sequence of the batch is looked at"))

    def _measure(self) -> None:
        column, both, source, target = self._rows
        column.setContentsMargins(px(14), px(7), px(14), px(7))
        column.setSpacing(px(4))
        both.setSpacing(px(12))
        for row in (source, target):
            row.setSpacing(px(6))
        for field in (self.sentence, self.words, self.target, self.sequence, self.draw):
            field.setFixedHeight(px(32))
        for button in (self.menu_button, self.dice, self.add, self.remove):
            button.setFixedSize(px(34), px(32))
        self.sentence.setMinimumWidth(px(140))
        self.words.setMinimumWidth(px(120))
        self.target.setMaximumWidth(px(220))
        self.sequence.setMaximumWidth(px(160))

    def _connect(self) -> None:
        document, session = self._state.document, self._state.session
        for timer, act in ((self._pause, self._commit_sentence), (self._target_pause, self._commit_words)):
            timer.setSingleShot(True)
            timer.setInterval(PAUSE_MS)
            timer.timeout.connect(act)
        self.sentence.textEdited.connect(self._on_sentence_edited)
        self.sentence.returnPressed.connect(self._commit_sentence)
        self.words.textEdited.connect(self._on_words_edited)
        self.words.returnPressed.connect(self._commit_words)
        self.draw.clicked.connect(self._on_draw)
        self.menu_button.clicked.connect(self._on_menu)
        self.dice.clicked.connect(self._on_dice)
        self.target.chosen.connect(self._on_target_chosen)
        self.sequence.chosen.connect(self._on_sequence_chosen)
        self.add.clicked.connect(self._on_add)
        self.remove.clicked.connect(self._on_remove)
        self.examples.ready.connect(self._on_ready)
        document.project_changed.connect(self._on_project_changed)
        session.trace_changed.connect(self._on_trace_changed)
        if session.trace is not None:
            self.examples.fetch(document.project.scenario)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stand on two lines where there is little room."""
        ways = QBoxLayout.Direction
        self._rows[1].setDirection(ways.TopToBottom if self.width() < px(NARROW) else ways.LeftToRight)
        super().resizeEvent(event)

    # The source ----------------------------------------------------------------------------------------

    def _on_sentence_edited(self, text: str) -> None:
        self._say(self._unknown(text))
        self._pause.start()

    def _commit_sentence(self) -> None:
        self._pause.stop()
        text = self.sentence.text().strip()
        project = self._state.document.project
        old, target = project.sources[project.sequence], project.targets[project.sequence]
        if text != old:
            # The right answer to the old sentence need not be right for the new one; a chosen wrong one is meant.
            self._put(text, None if target == self._known(old) else target)

    def _on_draw(self) -> None:
        project = self._state.document.project
        values = np.asarray(project.sources[project.sequence])
        self.popup = DrawingPopup(values, self._state.document.task.grid_values, self)
        self.popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.popup.drawn.connect(self._on_drawn)
        self.popup.move(self.draw.mapToGlobal(QPoint(0, self.draw.height() + px(4))))
        self.popup.show()

    def _on_drawn(self, values: np.ndarray) -> None:
        self._put(values, None)

    def _put(self, source: str | np.ndarray, target: str | None) -> None:
        """Make it the sequence that is looked at, unless it cannot be read; a target that no longer fits goes."""
        document = self._state.document
        problem = self._problem(source, target)
        if problem and target is not None:
            target, problem = None, self._problem(source, None)
        if problem:
            self._say(problem, "error")
            return
        document.set_source(document.project.sequence, source, target)
        self._say(self._unknown(source))

    def _problem(self, source: str | np.ndarray, target: str | None) -> str:
        try:
            self._state.document.task.encode(source, target)
        except ValueError as error:
            return str(error)
        return ""

    def _known(self, source: object) -> str | None:
        """The target that the corpus has for a sentence."""
        try:
            sample = self._state.document.task.encode(source)
        except ValueError:
            return None
        return _words(sample.target_tokens) or None

    def _unknown(self, source: object) -> str:
        """Which words the network does not know."""
        task = self._state.document.task
        if not isinstance(source, str) or not isinstance(task, TextTask) or self._state.session.trace is None:
            return ""
        unknown = dict.fromkeys(word for word in task.words(source) if word not in task.vocabulary)
        if not unknown:
            return ""
        return self.tr("not in the vocabulary: {} → <unk>").format(", ".join(f"“{word}”" for word in unknown))

    # Examples ------------------------------------------------------------------------------------------

    def _on_menu(self) -> None:
        self._fill_menu()
        self.menu.popup(self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height())))

    def _fill_menu(self) -> None:
        self.menu.clear()
        found = self.examples.listed()
        for example in found:
            action = self.menu.addAction(example.text)
            action.triggered.connect(lambda on, example=example: self._use(example))
            if not isinstance(example.source, str):
                action.setIcon(picture(example.source, self._state.document.task.grid_values, px(24)))
        if not found:
            self.menu.addAction(self.tr("Fetching the examples…")).setEnabled(False)

    def _on_ready(self) -> None:
        if self.menu.isVisible():
            self._fill_menu()
        self._enable()

    def _use(self, example: Example | None) -> None:
        if example is not None:
            self._put(example.source, example.target)

    def _on_dice(self) -> None:
        self._use(self.examples.draw())

    # The target ----------------------------------------------------------------------------------------

    def _on_target_chosen(self, id: str) -> None:
        self._set_target(id or None)

    def _on_words_edited(self, text: str) -> None:
        self._target_pause.start()

    def _commit_words(self) -> None:
        self._target_pause.stop()
        self._set_target(self.words.text().strip() or None)

    def _set_target(self, target: str | None) -> None:
        project = self._state.document.project
        at = project.sequence
        if target == project.targets[at]:
            return
        problem = self._problem(project.sources[at], target)
        if problem:
            self._say(problem, "error")
            return
        targets = (*project.targets[:at], target, *project.targets[at + 1 :])
        self._state.document.edit(self.tr("change of the target"), merge=f"target {at}", targets=targets)
        self._say(self._unknown(project.sources[at]))

    # The batch -----------------------------------------------------------------------------------------

    def _on_sequence_chosen(self, id: str) -> None:
        self._state.document.edit(self.tr("choice of the sequence"), merge="sequence", sequence=int(id))

    def _on_add(self) -> None:
        example, project = self.examples.draw(), self._state.document.project
        if example is not None:
            self._state.document.edit(
                self.tr("adding of a sequence"),
                sources=(*project.sources, example.source),
                targets=(*project.targets, example.target),
                sequence=len(project.sources),
            )

    def _on_remove(self) -> None:
        project = self._state.document.project
        at = project.sequence
        if len(project.sources) > 1:
            self._state.document.edit(
                self.tr("removal of a sequence"),
                sources=project.sources[:at] + project.sources[at + 1 :],
                targets=project.targets[:at] + project.targets[at + 1 :],
                sequence=max(0, at - 1),
            )

    # Showing -------------------------------------------------------------------------------------------

    def _on_project_changed(self, new: Project, old: Project) -> None:
        if new.scenario != old.scenario:
            self._say("")
            if self.popup is not None and _alive(self.popup):
                self.popup.close()
        self._show(new)

    def _on_trace_changed(self, trace: object) -> None:
        project = self._state.document.project
        self.examples.fetch(project.scenario)
        self._show_target(project)
        if not self.hint.text():
            self._say(self._unknown(project.sources[project.sequence]))

    def _show(self, project: Project) -> None:
        text = self._state.document.task.kind == "text"
        source = project.sources[project.sequence]
        for widget in (self.thumbnail, self.draw):
            widget.setVisible(not text)
        self.sentence.setVisible(text)
        self.setFocusProxy(self.sentence if text else self.draw)
        if isinstance(source, str):
            example = self._state.document.task.example
            self.sentence.setPlaceholderText(self.tr("Type a sentence, such as: {}").format(example))
            if self.sentence.text().strip() != source:
                self._pause.stop()
                self.sentence.setText(source)
        else:
            self.thumbnail.set_drawing(np.asarray(source), self._state.document.task.grid_values)
            if self.popup is not None and _alive(self.popup) and not np.array_equal(self.popup.canvas.values(), source):
                self.popup.canvas.set_values(np.asarray(source))
        self._show_target(project)
        self._show_batch(project)
        self._enable()

    def _show_target(self, project: Project) -> None:
        task, given = self._state.document.task, project.targets[project.sequence]
        one, text = task.pattern in CLASS_PATTERNS, task.kind == "text"
        self.target.setVisible(one)
        self.words.setVisible(not one)
        for part, share in enumerate((3 if text else 0, 0 if one else 2, int(one and not text))):
            self._rows[1].setStretch(part, share)
        automatic = self._automatic(given)
        if one:
            options = [("", automatic), *((name, name) for name in task.output_labels)]
            if [(self.target.itemData(i), self.target.itemText(i)) for i in range(self.target.count())] != options:
                self.target.set_options(options)
            self.target.set_current(given or "")
        else:
            self.words.setPlaceholderText(automatic)
            typing = self.words.hasFocus() and self._target_pause.isActive()
            if not typing and self.words.text().strip() != (given or ""):
                self.words.setText(given or "")

    def _automatic(self, given: str | None) -> str:
        """What is taken where nothing is given: the corpus' target, or the network's own answer."""
        session = self._state.session
        sample = session.sample
        if given is not None or sample is None:
            return self.tr("automatic")
        kind = self.tr("own answer: {}") if session.own_answer else self.tr("corpus: {}")
        return kind.format(_words(sample.target_tokens))

    def _show_batch(self, project: Project) -> None:
        n = len(project.sources)
        options = []
        for at, source in enumerate(project.sources):
            name = self.tr("{} of {}").format(at + 1, n)
            options.append((str(at), f"{name} · {_shortened(source)}" if isinstance(source, str) else name))
        self.sequence.set_options(options)
        self.sequence.set_current(str(project.sequence))
        self.sequence.setVisible(n > 1)
        self.remove.setVisible(n > 1)

    def _enable(self) -> None:
        there = bool(self.examples.listed())
        for button in (self.dice, self.add):
            button.setEnabled(there)

    def _say(self, text: str, role: str = "warning") -> None:
        if self.hint.property("role") != role:
            self.hint.setProperty("role", role)
            self.hint.style().unpolish(self.hint)
            self.hint.style().polish(self.hint)
        self.hint.setText(text)
        self.hint.setVisible(bool(text))


def _shortened(text: str, most: int = 28) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _words(tokens: tuple[str, ...]) -> str:
    """A target's words as they are typed: without the end."""
    return " ".join(word for word in tokens if word != "<eos>")


def _alive(popup: QWidget) -> bool:
    """Whether a popup that deletes itself on closing is still there."""
    try:
        return popup.isVisible()
    except RuntimeError:
        return False
