"""The only place that runs the engine, on threads of its own: a run after each edit, and training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine import Network, Trace, memory, narration, tasks
from engine.recording import engines
from gui.state import batch, wording
from gui.state.analyses import Analyses, Function, Key
from gui.state.document import Document
from gui.state.project import Project
from gui.state.training import Training, TrainingState
from gui.work.worker import Worker

# What a run depends on; edits of other fields leave it as it is.
_RUN_FIELDS = (
    *("task", "spec", "parameters", "sources", "targets"),
    *("engine", "device", "teacher_forcing", "initial", "arriving"),
)


@dataclass(frozen=True)
class Computed:
    """A finished run and what was asked.

    Attributes
    ----------
    samples : tuple of Sample
        With the targets that were used.
    own_answer : tuple of bool
        For each sequence, whether its target is the network's own answer.
    devices : tuple of str
        Where the engine that ran could run, which it knows only once it is loaded.
    """

    project: Project
    trace: Trace
    samples: tuple[tasks.Sample, ...]
    own_answer: tuple[bool, ...]
    devices: tuple[str, ...]


class TooLarge(Exception):
    """A run would need so much memory that the user is asked first."""


class Session(QObject):
    """Keeps the trace of the document's project up to date.

    Every edit that matters asks for a run on the worker thread; only the newest request counts. Where a run
    fails, the trace before it stays.

    Parameters
    ----------
    document : Document
    parent : QObject, optional
    computed : Computed, optional
        A run of the document's project that has been done already.
    """

    trace_changed = Signal(object)
    """A new run is done, or another of its sequences is looked at; carries the Trace."""
    running_changed = Signal(bool)
    failed = Signal(str)
    """What went wrong, in a sentence."""
    confirmation_needed = Signal(str)
    """A run needs much memory; `proceed()` runs it all the same."""
    training_changed = Signal(object)
    """The TrainingState, or None when there is none any more."""
    computed = Signal(object)
    """The analysis with this key is done."""

    def __init__(
        self, document: Document, parent: QObject | None = None, computed: Computed | None = None
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._document = document
        self._computed = computed
        self._words = narration.Words()
        self._ticket = 0
        self._running = self._busy = self._closed = False
        self._error = ""
        self._worker = Worker("runs", self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        self._analyses = Analyses(self)
        self._analyses.done.connect(self.computed)
        self._training = Training(document, self)
        self._training.changed.connect(self.training_changed)
        self._training.failed.connect(self._fail)
        document.project_changed.connect(self._on_project_changed)
        document.drawing_changed.connect(self._tell)
        if computed is None:
            self.run()
        else:
            self._analyses.set_trace(computed.trace)
            self._name_columns()

    @property
    def trace(self) -> Trace | None:
        """The newest run; None before the first is done."""
        return self._computed.trace if self._computed else None

    @property
    def newest(self) -> Computed | None:
        """The newest run and what was asked; None before the first is done."""
        return self._computed

    @property
    def analysing(self) -> bool:
        """Whether an analysis that somebody asked for is not there yet."""
        return self._analyses.busy

    @property
    def samples(self) -> tuple[tasks.Sample, ...]:
        """The batch that was run, one sample a sequence, with the targets that were used."""
        return self._computed.samples if self._computed else ()

    @property
    def sample(self) -> tasks.Sample | None:
        """The sequence that is looked at."""
        samples = self.samples
        return samples[min(self._document.project.sequence, len(samples) - 1)] if samples else None

    @property
    def words(self) -> narration.Words:
        """What the columns and the output classes of the trace are called."""
        return self._words

    @property
    def own_answer(self) -> bool:
        """Whether the target of the sequence that is looked at is the network's own answer."""
        if self._computed is None:
            return False
        return self._computed.own_answer[min(self._words.sequence, len(self._computed.own_answer) - 1)]

    @property
    def devices(self) -> tuple[str, str, tuple[str, ...]]:
        """The engine and device of the newest run, and the devices its engine found; empty before the first."""
        if self._computed is None:
            return "", "", ()
        return self._computed.trace.engine, self._computed.trace.device, self._computed.devices

    @property
    def running(self) -> bool:
        """Whether a run is under way, or parameters are being drawn for one."""
        return self._running or self._document.wanted is not None

    @property
    def error(self) -> str:
        """What went wrong with the newest run; empty where nothing did."""
        return self._error

    @property
    def training(self) -> TrainingState | None:
        """How the training stands; None where there is none."""
        return self._training.state

    def run(self, confirmed: bool = False) -> None:
        """Run the project; the result comes with `trace_changed` or `failed`."""
        if self._closed:
            return
        self._ticket = self._worker.submit(partial(compute, self._document.project, confirmed))
        self._running = True
        self._tell()

    def proceed(self) -> None:
        """Run what `confirmation_needed` asked about."""
        self.run(confirmed=True)

    def compute(self, key: Key, function: Function) -> Any:
        """Return an analysis of the trace; None where it is not there yet, and `computed` follows with its key.

        It is done on another thread and kept with the trace; see :meth:`gui.state.analyses.Analyses.get`.
        """
        return self._analyses.get(key, function)

    def train(self) -> None:
        """Train the project's network on its scenario; the trained weights are one undo step."""
        self._training.start()

    def cancel(self) -> None:
        """Stop the training; the weights stay as they were."""
        self._training.cancel()

    def close(self) -> None:
        """Stop the threads; the session runs nothing any more."""
        self._closed = True
        self._training.close()
        self._analyses.close()
        self._worker.close()
        self._idle()

    def _on_project_changed(self, new: Project, old: Project) -> None:
        if any(getattr(new, name) is not getattr(old, name) for name in _RUN_FIELDS):
            self.run()
        elif new.sequence != old.sequence and self._computed is not None:
            self._name_columns()
            self.trace_changed.emit(self.trace)

    def _on_done(self, ticket: int, computed: Computed) -> None:
        if ticket != self._ticket:
            return
        self._computed = computed
        self._analyses.set_trace(computed.trace)
        self._error = ""
        self._name_columns()
        self._idle()
        self.trace_changed.emit(computed.trace)

    def _on_failed(self, ticket: int, error: Exception) -> None:
        if ticket != self._ticket:
            return
        self._idle()
        if isinstance(error, TooLarge):
            self.confirmation_needed.emit(str(error))
        else:
            self._fail(wording.failure(error))

    def _fail(self, message: str) -> None:
        self._error = message
        self.failed.emit(message)

    def _idle(self) -> None:
        self._running = False
        self._tell()

    def _tell(self) -> None:
        if self.running != self._busy:
            self._busy = self.running
            self.running_changed.emit(self._busy)

    def _name_columns(self) -> None:
        assert self._computed is not None
        computed, labels = self._computed, self._computed.project.task.output_labels
        sequence = min(self._document.project.sequence, len(computed.samples) - 1)
        tokens = computed.samples[sequence].tokens
        own = computed.own_answer[sequence]
        self._words = narration.words(computed.trace, tokens, labels, sequence, own)


def compute(project: Project, confirmed: bool = False) -> Computed:
    """Run a project forward and backward; called on the worker's thread.

    Where a sequence has no target, it is run forward first and the network's own answer becomes its target:
    the gradient then says what the network would have to change to be surer of what it already says.
    """
    task, spec = project.task, project.spec
    network = Network(spec, project.parameters)
    where: dict[str, Any] = {"engine": project.engine, "device": project.device}
    samples = list(batch.encoded(project, task))
    question = memory.too_large(spec, batch.size(spec, task.collate(samples)))
    if question and not confirmed:
        raise TooLarge(question)
    own = tuple(sample.target is None for sample in samples)
    for i, sample in enumerate(samples):
        if own[i]:
            alone = batch.states(project.initial, len(samples))
            alone = {name: value[:, i : i + 1] for name, value in alone.items()}
            inputs = {**batch.unanswered(spec, task, sample), **alone, **where}
            samples[i] = batch.answered(sample, network.run(**inputs), task.output_labels)
    given = batch.states({**project.initial, **project.arriving}, len(samples))
    inputs = {**batch.fitted(spec, task.collate(samples)), **given, **where}
    trace = network.run(**inputs, teacher_forcing=project.teacher_forcing)
    _warm(trace)
    return Computed(project, trace, tuple(samples), own, engines[project.engine].devices())


def _warm(trace: Trace) -> None:
    """Do here what the window's first sentences and pictures would otherwise wait for."""
    for lane in trace.lanes.values():
        for state in trace.graph.states:
            trace.value(lane.key(f"{state}_prev"))
        if trace.has_gradients:
            trace.travelled(lane.key(trace.graph.states[0]))
