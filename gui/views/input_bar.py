"""The input: the user's own sentence or drawing, its target, examples, and the sequences of the batch."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from engine.tasks import Task
from gui.state.app_state import AppState
from gui.state.project import Project, Target
from gui.theme import px
from gui.views._drawing import DrawingPopup, Thumbnail
from gui.views._examples import Example, Examples
from gui.views._input_hint import ERROR, NOTE, WARNING, Hint, drawn_tokens, unknown_words
from gui.views._input_parts import CLASS_PATTERNS, HEIGHT, PAUSE_MS, BatchField, ExampleButtons, TargetField
from gui.views._numbers import NumbersField
from gui.widgets import push_button
from gui.widgets.painted import LOOK_EVENTS

NARROW, NARROW_FOR_WORDS = 600, 720
"""Below these widths the bar stands on two lines: where the target is a class, and where it is words."""
MOST_LETTERS = 2**31 - 1
"""A field's own limit would cut a long sentence off without a word."""


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
        self.sentence = QLineEdit()
        self.sentence.setMaxLength(MOST_LETTERS)
        self.sentence.setAccessibleName(self.tr("Your own sentence"))
        self.sentence.setToolTip(self.tr("Type a sentence; it is run as soon as you pause, or at once with Enter"))
        self.thumbnail = Thumbnail()
        self.draw = push_button(self.tr("Draw…"), "", self.tr("Draw the input on a grid"))
        self.popup: DrawingPopup | None = None
        self.numbers = NumbersField()
        self.examples = Examples(self)
        self.buttons = ExampleButtons(self.examples)
        self.target, self.batch = TargetField(), BatchField()
        self.hint = Hint()
        self._shown: tuple[object, str] = (
            "",
            "",
        )  # a source, and the text that the field made of it: a field has no line breaks
        self._pause = QTimer(self)
        self._rows = self._lay_out()
        self._measure()
        self._connect()
        self._show(state.document.project)
        self._look_up(state.document.project.sources[state.document.project.sequence])

    def _lay_out(self) -> tuple[QVBoxLayout, QBoxLayout, QHBoxLayout, QHBoxLayout]:
        source, target = QHBoxLayout(), QHBoxLayout()
        both = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        source.addWidget(self.sentence, 1)
        for widget in (self.numbers, self.thumbnail, self.draw, self.buttons):
            source.addWidget(widget)
        source.addStretch(0)
        target.addWidget(self.target, 1)
        target.addWidget(self.batch)
        target.addStretch(0)
        both.addLayout(source)
        both.addLayout(target)
        both.addStretch(0)
        column = QVBoxLayout(self)
        column.addLayout(both)
        column.addWidget(self.hint)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return column, both, source, target

    def _measure(self) -> None:
        column, both, source, target = self._rows
        column.setContentsMargins(px(14), px(7), px(14), px(7))
        column.setSpacing(px(4))
        both.setSpacing(px(12))
        for row in (source, target):
            row.setSpacing(px(6))
        for part in (self.buttons, self.target, self.batch):
            part.measure()
        self.numbers.measure(px(HEIGHT))
        self.sentence.setFixedHeight(px(HEIGHT))
        self.draw.setFixedHeight(px(HEIGHT))
        self.sentence.setMinimumWidth(px(140))

    def _connect(self) -> None:
        document, session = self._state.document, self._state.session
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._commit_sentence)
        self.sentence.textEdited.connect(self._on_sentence_edited)
        self.sentence.returnPressed.connect(self._commit_sentence)
        self.draw.clicked.connect(self._on_draw)
        self.numbers.changed.connect(self._on_numbers)
        self.buttons.chosen.connect(self._on_example)
        self.target.changed.connect(self._on_target_changed)
        self.batch.chosen.connect(self._on_sequence_chosen)
        self.batch.added.connect(self._on_add)
        self.batch.removed.connect(self._on_remove)
        self.examples.ready.connect(self._show_parts)
        document.project_changed.connect(self._on_project_changed)
        session.trace_changed.connect(self._on_trace_changed)
        if session.trace is not None:
            self.examples.fetch(document.project.task)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stand on two lines where there is little room."""
        self._stand()
        super().resizeEvent(event)

    def _stand(self) -> None:
        one = self._state.document.task.pattern in CLASS_PATTERNS
        ways, least = QBoxLayout.Direction, px(NARROW if one else NARROW_FOR_WORDS)
        self._rows[1].setDirection(ways.TopToBottom if self.width() < least else ways.LeftToRight)

    # The source ----------------------------------------------------------------------------------------

    def _on_sentence_edited(self, text: str) -> None:
        self._look_up(text)
        self._pause.start()

    def _commit_sentence(self) -> None:
        self._pause.stop()
        text = self.sentence.text().strip()
        project = self._state.document.project
        old, target = project.sources[project.sequence], project.targets[project.sequence]
        if text != self._as_shown(old):
            # The right answer to the old sentence need not be right for the new one; a chosen wrong one is meant.
            kept = isinstance(target, np.ndarray) or target != _known(self._state.document.task, old)
            self._put(text, target if kept else None)

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

    def _on_numbers(self, values: np.ndarray) -> None:
        project = self._state.document.project
        self._put(values, project.targets[project.sequence])

    def _on_example(self, example: Example) -> None:
        self._put(example.source, example.target)

    def _put(self, source: str | np.ndarray, target: Target) -> None:
        """Make it the sequence that is looked at, unless it cannot be read; a target that no longer fits goes."""
        document = self._state.document
        problem = _problem(document.task, source, target)
        if problem and target is not None:
            target, problem = None, _problem(document.task, source, None)
        if problem:
            self.hint.say(problem, ERROR)
            return
        document.set_source(document.project.sequence, source, target)
        self._look_up(source)

    def _look_up(self, source: object) -> None:
        """Say which words the network does not know; nothing before the first run, which reads the vocabulary."""
        unread, task = self._state.session.trace is None, self._state.document.task
        text, whole = ("", "") if unread else unknown_words(task, source)
        drawn = "" if text else drawn_tokens(task, source)
        self.hint.say(text or drawn, NOTE if drawn else WARNING, whole)

    # The target and the batch --------------------------------------------------------------------------

    def _on_target_changed(self, target: str | None) -> None:
        document, project = self._state.document, self._state.document.project
        at = project.sequence
        if target == project.targets[at]:
            return
        problem = _problem(document.task, project.sources[at], target)
        if problem:
            self.hint.say(problem, ERROR)
            return
        targets = (*project.targets[:at], target, *project.targets[at + 1 :])
        document.edit(self.tr("change of the target"), merge=f"target {at}", targets=targets)
        self._look_up(project.sources[at])

    def _on_sequence_chosen(self, at: int) -> None:
        self._state.document.edit(self.tr("choice of the sequence"), merge="sequence", sequence=at)

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
            left = project.chosen([place for place in range(len(project.sources)) if place != at])
            names = ("sources", "targets", "initial", "arriving")
            changes = {name: getattr(left, name) for name in names}
            self._state.document.edit(self.tr("removal of a sequence"), **changes, sequence=max(0, at - 1))

    # Showing -------------------------------------------------------------------------------------------

    def _on_project_changed(self, new: Project, old: Project) -> None:
        if new.task is not old.task:
            self.hint.say("")
            if self.popup is not None and _alive(self.popup):
                self.popup.close()
        self._show(new)
        if new.task is old.task and new.sources[new.sequence] is not old.sources[old.sequence]:
            self._look_up(new.sources[new.sequence])

    def _on_trace_changed(self, trace: object) -> None:
        project = self._state.document.project
        self.examples.fetch(project.task)
        self._show_parts()
        if self.hint.role != ERROR and not self._pause.isActive():
            self._look_up(project.sources[project.sequence])

    def _show(self, project: Project) -> None:
        task, source = self._state.document.task, project.sources[project.sequence]
        text, grid = task.kind == "text", task.kind == "grid"
        for widget in (self.thumbnail, self.draw):
            widget.setVisible(grid)
        self.sentence.setVisible(text)
        self.numbers.setVisible(not text and not grid)
        self.buttons.setVisible((text or grid) and task.trainable)
        self.setFocusProxy(self.sentence if text else self.draw if grid else self.target)
        one = task.pattern in CLASS_PATTERNS
        for part, share in enumerate((3 if text else 0, 0 if one else 2, int(one and not text))):
            self._rows[1].setStretch(part, share)
        self._stand()
        if text:
            self.sentence.setPlaceholderText(self.tr("Type a sentence, such as: {}").format(task.example))
            if self.sentence.text().strip() != self._as_shown(source):
                self._pause.stop()
                self.sentence.setText(source if isinstance(source, str) else " ".join(task.encode(source).tokens))
                self.sentence.setCursorPosition(0)  # the beginning is seen where not all is
                self._shown = (source, self.sentence.text())
        elif not grid:
            self.numbers.show_numbers(task, np.asarray(source))
        else:
            self.thumbnail.set_drawing(np.asarray(source), task.grid_values)
            if self.popup is not None and _alive(self.popup) and not np.array_equal(self.popup.canvas.values(), source):
                self.popup.canvas.set_values(np.asarray(source))
        self._show_parts()

    def _show_parts(self) -> None:
        task, project = self._state.document.task, self._state.document.project
        given = project.targets[project.sequence]
        self.buttons.show_task(task)
        self.target.show_target(task, given, self._automatic(given))
        self.batch.show_batch(project, task.kind != "vectors" and bool(self.examples.listed()))

    def _automatic(self, given: Target) -> str:
        """What is taken where nothing is given: the corpus' target, or the network's own answer."""
        session = self._state.session
        sample = session.sample
        if given is not None or sample is None:
            return self.tr("automatic")
        kind = self.tr("own answer") if session.own_answer else self.tr(self._state.document.task.target_source)
        return f"{kind}: {_words(sample.target_tokens)}"

    def _as_shown(self, source: object) -> str:
        """What the field shows of a source: a difference from it is the user's own."""
        shown, text = self._shown
        alike = shown is source or (isinstance(shown, str) and isinstance(source, str) and shown == source)
        return (text if alike else str(source)).strip()


def _problem(task: Task, source: object, target: Target) -> str:
    """Why a source with a target cannot be read; empty where it can."""
    try:
        task.encode(source, target)
    except ValueError as error:
        return str(error)
    return ""


def _known(task: Task, source: object) -> str | None:
    """The target that the corpus has for a source."""
    try:
        return _words(task.encode(source).target_tokens) or None
    except ValueError:
        return None


def _words(tokens: tuple[str, ...]) -> str:
    """A target's words as they are typed: without the end."""
    return " ".join(word for word in tokens if word != "<eos>")


def _alive(popup: QWidget) -> bool:
    """Whether a popup that deletes itself on closing is still there."""
    try:
        return popup.isVisible()
    except RuntimeError:
        return False
