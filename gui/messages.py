"""What the window has to say above the score: failures, fresh weights, a question, a training's progress."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from gui import format
from gui.state.app_state import AppState
from gui.state.computing import HEAVY
from gui.state.document import FIRST_ENGINE
from gui.state.project import FRESH, GIVEN, TRAINED, Project
from gui.state.training import TrainingState
from gui.theme import px
from gui.widgets import Banner, Card, label, push_button


class Messages(QWidget):
    """Banners, each for one kind of message; empty and without height where there is nothing to say."""

    train_wanted = Signal()
    """The user pressed "Train" beside the news that the weights are fresh."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._failure = Banner()
        self._failure.action.connect(self._on_failure_action)
        self._question = Banner()
        self._question.action.connect(self._on_question_action)
        self._fresh = Banner()
        self._fresh.action.connect(self._on_fresh_action)
        self._progress = Progress()
        self._progress.cancelled.connect(state.session.cancel)
        self._all = (self._failure, self._question, self._fresh, self._progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(2), px(8), px(6))
        column.setSpacing(px(4))
        for banner in self._all:
            banner.hide()
            banner.installEventFilter(self)
            column.addWidget(banner)
        self.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        session = state.session
        session.failed.connect(self.say_failure)
        state.document.refused.connect(lambda text: self.say_failure(text, retry=False))
        session.confirmation_needed.connect(self._on_confirmation_needed)
        session.trace_changed.connect(self._on_trace_changed)
        session.training_changed.connect(self._on_training_changed)
        state.document.project_changed.connect(self._on_project_changed)

    def say_failure(self, text: str, retry: bool = True) -> None:
        """Say what went wrong, with what can be done."""
        project = self._state.document.project
        actions = [("retry", self.tr("Try again"))] if retry else []
        if retry and project.engine == HEAVY:
            actions.append(("first", self.tr("Use NumPy")))
        if retry and self._state.document.can_undo:
            actions.append(("undo", self.tr("Undo")))
        self._failure.show_message(text, "error", actions)
        self._failure.show()

    def forget(self) -> None:
        """Another project is on the bench: what was said of the one before is over."""
        for banner in (self._failure, self._question, self._fresh):
            banner.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take no room where nothing is said."""
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self.setVisible(not all(banner.isHidden() for banner in self._all))
        return super().eventFilter(watched, event)

    def shown(self) -> list[str]:
        """Return what is being said now."""
        banners = (self._failure, self._question, self._fresh)
        return [banner.text() for banner in banners if not banner.isHidden()]

    def _on_confirmation_needed(self, text: str) -> None:
        actions = [("proceed", self.tr("Run it")), ("undo", self.tr("Undo"))]
        self._question.show_message(text, "warning", actions)
        self._question.show()

    def _on_trace_changed(self) -> None:
        self._failure.hide()
        self._question.hide()

    def _on_project_changed(self, new: Project, old: Project) -> None:
        self._question.hide()
        if new.weights != FRESH or new.task is not old.task:
            self._fresh.hide()
        if new.weights == FRESH and (old.weights in (TRAINED, GIVEN) or not self._fresh.isHidden()):
            self._say_fresh()

    def _say_fresh(self) -> None:
        text = self.tr("The weights are now fresh, not trained: the answers mean nothing yet.")
        train = [("train", self.tr("Train…"))] if self._state.document.task.trainable else []
        self._fresh.show_message(text, "warning", [*train, ("undo", self.tr("Undo"))])
        self._fresh.show()

    def _on_training_changed(self, training: TrainingState | None) -> None:
        if training is None:
            self._progress.hide()
            return
        self._fresh.hide()
        self._progress.follow(training)
        self._progress.show()

    def _on_failure_action(self, id: str) -> None:
        document = self._state.document
        if id == "retry":
            self._state.session.run()
        elif id == "first":
            document.edit(self.tr("change of engine to {}").format("NumPy"), engine=FIRST_ENGINE, device="cpu")
        else:
            document.undo()
        self._failure.hide()

    def _on_question_action(self, id: str) -> None:
        self._question.hide()
        if id == "proceed":
            self._state.session.proceed()
        else:
            self._state.document.undo()

    def _on_fresh_action(self, id: str) -> None:
        if id == "train":
            self.train_wanted.emit()
        else:
            self._state.document.undo()


class Progress(Card):
    """How a training stands, and a button to stop it."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._text = label("")
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Training"))
        cancel = push_button(self.tr("Cancel"), "compact", self.tr("Stop the training; the weights stay as they were"))
        cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout()
        row.setSpacing(px(12))
        row.addWidget(self._text)
        row.addWidget(self._bar, 1)
        row.addWidget(cancel)
        self.body.addLayout(row)

    def text(self) -> str:
        """Return what is said about it."""
        return self._text.text()

    def follow(self, training: TrainingState) -> None:
        """Show where the training stands."""
        if training.steps == 0:
            text = self.tr("Preparing the training data")
        else:
            text = self.tr("Training: epoch {} of {}, loss {}").format(
                training.current, training.epochs, format.number(training.loss)
            )
        self._text.setText(text)
        self._text.setMinimumWidth(max(self._text.minimumWidth(), self._text.sizeHint().width()))
        self._bar.setValue(round(1000 * training.progress))
