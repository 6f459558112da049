"""Training on a thread of its own: events through a newest-only mailbox, the result as one undo step."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from engine import ModelSpec, Network
from engine.training import TrainingEvent, train
from gui.state import wording
from gui.state.batch import fitted
from gui.state.document import Document
from gui.state.project import TRAINED, Project
from gui.work.mailbox import Mailbox
from gui.work.worker import Worker

DRAIN_MS = 33


@dataclass(frozen=True)
class TrainingState:
    """How a training stands.

    Attributes
    ----------
    epoch, epochs, step, steps : int
        Passes and updates done, and wanted; all 0 while the data is being prepared.
    loss, gradient_norm : float
        Of the newest batch or epoch; NaN before the first.
    scores : mapping of str to float
        The newest evaluation on held-out data; empty before the first.
    """

    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    loss: float = float("nan")
    gradient_norm: float = float("nan")
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def current(self) -> int:
        """Which epoch is under way, from 1; the last one once all are done."""
        return min(self.epoch + 1, self.epochs)

    @property
    def progress(self) -> float:
        """The share that is done, 0 to 1."""
        return self.step / self.steps if self.steps else 0.0


class Training(QObject):
    """Trains the document's network on its scenario's data.

    An edit of what is trained (scenario, spec, parameters) stops it: its result would belong to nothing.
    """

    changed = Signal(object)
    """The TrainingState; None when it is over, done or stopped."""
    failed = Signal(str)

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._state: TrainingState | None = None
        self._ticket = 0
        self._awaited: ModelSpec | None = None
        self._cancelled = threading.Event()
        self._mailbox: Mailbox[TrainingEvent] = Mailbox()
        self._worker = Worker("training", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self._on_drain)
        document.project_changed.connect(self._on_project_changed)
        document.drawing_changed.connect(self._on_drawing_changed)

    @property
    def state(self) -> TrainingState | None:
        """How it stands; None where nothing is trained."""
        return self._state

    def start(self) -> None:
        """Begin, from the weights as they are, or as they are being drawn; nothing happens where one is under way."""
        if self._state is not None:
            return
        if self._document.wanted is None:
            self._begin()
        else:
            self._awaited = self._document.wanted.spec
        self._set(TrainingState())

    def _begin(self) -> None:
        self._awaited = None
        self._cancelled, self._mailbox = threading.Event(), Mailbox()
        job = partial(_train, self._document.project, self._mailbox, self._cancelled)
        self._ticket = self._worker.submit(job)
        self._timer.start()

    def cancel(self) -> None:
        """Stop; the weights stay as they were."""
        self._cancelled.set()
        self._over()

    def close(self) -> None:
        """Stop, and end the thread."""
        self._cancelled.set()
        self._worker.close()
        self._over()

    def _on_drain(self) -> None:
        event = self._mailbox.take()
        if event is not None and self._state is not None:
            scores = event.scores or self._state.scores
            self._set(
                TrainingState(
                    event.epoch, event.epochs, event.step, event.steps, event.loss, event.gradient_norm, scores
                )
            )  # fmt: skip

    def _on_done(self, ticket: int, event: TrainingEvent | None) -> None:
        if ticket != self._ticket or self._state is None or event is None:
            return
        self._over()
        score = wording.score(self._document.task.metric_name, event.scores.get("score"))
        parameters: dict[str, np.ndarray] = dict(event.parameters)
        self._document.edit(self.tr("training"), parameters=parameters, weights=TRAINED, score=score)

    def _on_failed(self, ticket: int, error: Exception) -> None:
        if ticket == self._ticket and self._state is not None:
            self._over()
            self.failed.emit(wording.failure(error))

    def _on_project_changed(self, new: Project, old: Project) -> None:
        trained = ("task", "spec", "parameters")
        if self._state is None or self._awaited is not None:
            return
        if any(getattr(new, n) is not getattr(old, n) for n in trained):
            self.cancel()

    def _on_drawing_changed(self, drawing: bool) -> None:
        """Begin with what has been drawn, unless it came to nothing."""
        if drawing or self._awaited is None:
            return
        if self._document.project.spec is self._awaited:
            self._begin()
        else:
            self._over()

    def _over(self) -> None:
        self._awaited, self._ticket = None, 0
        self._timer.stop()
        self._set(None)

    def _set(self, state: TrainingState | None) -> None:
        if state != self._state:
            self._state = state
            self.changed.emit(state)


def _train(project: Project, mailbox: Mailbox[TrainingEvent], cancelled: threading.Event) -> TrainingEvent | None:
    """Train to the end and return the last event; None where it was cancelled. Runs on the worker's thread."""
    task, spec = project.task, project.spec
    data = fitted(spec, task.collate(task.training_samples()))
    events = train(
        Network(spec, project.parameters), data, evaluate=task.score, engine=project.engine, device=project.device,
        **task.train_options(spec.cell),
    )  # fmt: skip
    for event in events:
        if cancelled.is_set():
            events.close()  # type: ignore[attr-defined]
            return None
        if event.kind == "done":
            return event
        mailbox.put(event)
    return None
