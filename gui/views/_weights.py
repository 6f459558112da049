"""What the weights are, and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from engine.interop.imported import Imported
from gui.format import percent
from gui.state.project import EDITED, FRESH, GIVEN, Project
from gui.state.training import TrainingState
from gui.theme import px
from gui.widgets import label, push_button


class WeightsLine(QWidget):
    """Says whether the weights are trained, fresh or edited; offers to train them and to undo."""

    train = Signal()
    cancel = Signal()
    undo = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = label("", "muted")
        self.text.setWordWrap(True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Training"))
        self.train_button = push_button(
            self.tr("Train"), "compact", self.tr("Train these weights on the scenario's examples")
        )
        self.undo_button = push_button(
            self.tr("Undo"), "compact", self.tr("Take the last change back, and with it the weights before it")
        )
        self.cancel_button = push_button(
            self.tr("Cancel"), "compact", self.tr("Stop the training; the weights stay as they were")
        )
        self._buttons = QHBoxLayout()
        for button in (self.train_button, self.undo_button, self.cancel_button):
            self._buttons.addWidget(button)
        self._buttons.addStretch(1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.text)
        self._column.addWidget(self.progress)
        self._column.addLayout(self._buttons)
        self.measure()
        self.train_button.clicked.connect(self.train)
        self.undo_button.clicked.connect(self.undo)
        self.cancel_button.clicked.connect(self.cancel)

    def measure(self) -> None:
        """Follow the zoom."""
        self._column.setSpacing(px(6))
        self._buttons.setSpacing(px(6))

    def show_weights(
        self, project: Project, training: TrainingState | None, can_undo: bool, drawing: bool = False
    ) -> None:
        """Show how the weights stand."""
        fresh = project.weights == FRESH
        if training is not None:
            text = self.tr("Training: {}").format(percent(training.progress, 0))
            if training.epochs:
                text += self.tr(" · epoch {epoch} of {epochs}").format(epoch=training.current, epochs=training.epochs)
        elif drawing:
            text = self.tr("Drawing the weights of a large network…")
        elif fresh:
            text = self.tr("Fresh weights from seed {}, not trained yet").format(project.spec.seed)
        elif project.weights == EDITED:
            text = self.tr("Weights changed by hand")
        elif project.weights == GIVEN:
            imported = isinstance(project.task, Imported)
            text = (
                self.tr("The file's own weights") if imported else self.tr("The experiment's own weights, not trained")
            )
        else:
            text = self.tr("Trained · {}").format(project.score) if project.score else self.tr("Trained")
        self.text.setText(text)
        self.progress.setVisible(training is not None)
        if training is not None:
            self.progress.setValue(round(1000 * training.progress))
        self.train_button.setVisible(training is None and fresh and not drawing and project.task.trainable)
        self.undo_button.setVisible(training is None and (fresh or drawing) and can_undo)
        self.cancel_button.setVisible(training is not None)
