"""Parameters for a spec: the shipped ones where they fit, else drawn; beside the window where that takes long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QCoreApplication, QObject, Signal

from engine import ModelSpec, Network, SpecError, layout, memory
from engine.tasks import Task
from gui.state import limits, wording
from gui.state.project import FRESH, GIVEN, TRAINED, Project, frozen
from gui.work.worker import Worker

Parameters = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Wanted:
    """A change of the network that was asked for.

    Attributes
    ----------
    text, merge : str
        Of its undo step.
    spec : ModelSpec
    field : str
        Whose change asked for it, and its new value.
    value : object
    keep : bool
        Whether the parameters stay as they are, in the new spec's precision.
    """

    text: str
    merge: str
    spec: ModelSpec
    field: str
    value: object
    keep: bool = False

    def after(self, other: Wanted) -> Wanted:
        """The same change where another one still waits: both are one step, under this one's name."""
        return replace(self, merge=self.merge if self.merge == other.merge else "", keep=self.keep and other.keep)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Parameters for a spec, and what they are; fields as those of :class:`gui.state.project.Project`."""

    parameters: Parameters
    weights: str
    score: str
    reference: Parameters


class Drawing(QObject):
    """Holds the newest change that is still being drawn; an older one is dropped."""

    changed = Signal(bool)
    """Whether something is being drawn."""
    done = Signal(object, object)
    """The Wanted and its Drawn; by then it is no longer `wanted`, and `changed` follows when all have heard."""
    failed = Signal(object)
    """The SpecError that says why the newest could not be drawn."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wanted: Wanted | None = None
        self._ticket = 0
        self._worker = Worker("drawing", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)

    @property
    def wanted(self) -> Wanted | None:
        """What is being drawn; None where nothing is."""
        return self._wanted

    def begin(self, wanted: Wanted, draw: Callable[[], Drawn]) -> None:
        """Draw on the other thread, instead of what is being drawn."""
        self._wanted = wanted
        self._ticket = self._worker.submit(draw)
        self.changed.emit(True)

    def drop(self) -> None:
        """Forget what is being drawn."""
        if self._wanted is not None:
            self._wanted = None
            self.changed.emit(False)

    def close(self) -> None:
        """End the thread."""
        self._worker.close()
        self.drop()

    def _on_done(self, ticket: int, drawn: Drawn) -> None:
        wanted = self._take(ticket)
        if wanted is not None:
            self.done.emit(wanted, drawn)
            self.changed.emit(self._wanted is not None)

    def _on_failed(self, ticket: int, error: Exception) -> None:
        wanted = self._take(ticket)
        if wanted is not None:
            self.changed.emit(False)
            self.failed.emit(refusal(wanted, error))

    def _take(self, ticket: int) -> Wanted | None:
        if ticket != self._ticket:
            return None
        wanted, self._wanted = self._wanted, None
        return wanted


def refusal(wanted: Wanted, error: Exception) -> SpecError:
    """Why a change could not be made, naming the field that asked for it."""
    why = memory.too_large_to_start(wanted.spec, None) if isinstance(error, MemoryError) else wording.failure(error)
    text = QCoreApplication.translate("drawing", "such that its parameters can be drawn; here {}")
    return SpecError(wanted.field, wanted.value, text.format(why))


def drawn(project: Project, wanted: Wanted) -> Drawn:
    """Parameters for a changed project; called on either thread.

    Raises
    ------
    ValueError, MemoryError
        There is no memory for them.
    """
    if wanted.keep and layout.shapes(project.spec) == layout.shapes(wanted.spec):
        own, reference = (_cast(wanted.spec, given) for given in (project.parameters, project.reference))
        return Drawn(own, project.weights, project.score, reference)
    return initial(project.task, wanted.spec)


def initial(task: Task, spec: ModelSpec) -> Drawn:
    """A task's shipped parameters where they fit a spec, else fresh ones."""
    shipped = task.weights(spec.cell) if fits(task, spec) else None
    # A file from another version of the task has other shapes.
    if shipped is None or {name: array.shape for name, array in shipped[0].items()} != layout.shapes(spec):
        fresh = frozen(task.initial(spec).parameters)
        return Drawn(fresh, FRESH, "", fresh)
    arrays, facts = shipped
    own = _cast(spec, arrays)
    if not task.trainable:
        return Drawn(own, GIVEN, "", own)
    return Drawn(own, TRAINED, wording.score(task.metric_name, facts.get("score")), own)


def fits(task: Task, spec: ModelSpec) -> bool:
    """Whether a task's shipped parameters belong to a spec."""
    shipped = task.spec(spec.cell)
    changed = spec.but(dtype=shipped.dtype, loss=shipped.loss)
    if not task.trainable:  # weights of a file do not say it
        changed = changed.but(nonlinearity=shipped.nonlinearity)
    return changed == shipped and layout.shapes(spec) == layout.shapes(shipped)


def slow(spec: ModelSpec) -> bool:
    """Whether drawing a spec's parameters would be felt."""
    return limits.drawing_ms(spec) > limits.SLOW_MS


def _cast(spec: ModelSpec, parameters: Parameters) -> Parameters:
    return frozen(Network(spec, parameters).parameters)
