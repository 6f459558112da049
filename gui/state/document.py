"""The project on the bench and its history: every edit swaps one immutable value for another."""

from __future__ import annotations

import time
import zlib
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine import ModelSpec, SpecError, tasks
from engine.interop.imported import Imported
from engine.registry import cells
from gui.state import drawing, limits, wording
from gui.state.drawing import Drawing, Drawn, Wanted
from gui.state.project import Project, Source, Target

START = "movie-review"
FIRST_ENGINE = "numpy"
UNDO_LIMIT = 200
GESTURE = "gesture "
"""A merge id that begins so is one movement of the hand: one undo step, however long it takes."""
MERGE_SECONDS = 1.5
"""Edits of one merge id that follow each other faster become one undo step."""

# Fields that leave the parameters as they are: another arithmetic or loss reads the same network.
KEEPING = ("dtype", "loss")

# What an edit of a network replaces: what is still being drawn for the one before belongs to nothing.
_NETWORK = ("task", "spec", "parameters")


class Document(QObject):
    """Holds the project; every change is one undo step.

    The parameters of a large network are drawn on another thread: the change then follows when they are there, and
    until then the project stays as it is. Of several such changes the newest counts, with what the ones before it set.
    """

    project_changed = Signal(object, object)
    """The new and the old project; twice the same where what was asked for has come to nothing."""
    drawing_changed = Signal(bool)
    """Whether a change waits for its parameters."""
    refused = Signal(str)
    """Why a change that nobody waited for could not be made."""

    def __init__(self, parent: QObject | None = None, project: Project | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(UNDO_LIMIT)
        self._project = opened() if project is None else project
        self._drawing = Drawing(self)
        self._drawing.changed.connect(self.drawing_changed)
        self._drawing.done.connect(self._on_drawn)
        self._drawing.failed.connect(self._on_draw_failed)

    @property
    def project(self) -> Project:
        """What is on the bench."""
        return self._project

    @property
    def task(self) -> tasks.Task:
        """The scenario's task."""
        return self._project.task

    @property
    def wanted(self) -> Wanted | None:
        """The change that waits for its parameters; None where none does."""
        return self._drawing.wanted

    @property
    def spec(self) -> ModelSpec:
        """The project's spec, or the one that is wanted instead: what the next change builds on."""
        return self._project.spec if self.wanted is None else self.wanted.spec

    @property
    def can_undo(self) -> bool:
        """Whether there is something that `undo` takes back."""
        return self.wanted is not None or self.undo_stack.canUndo()

    def undo(self) -> None:
        """Take back what was done last: a change that still waits for its parameters, or else a step."""
        if self.wanted is None:
            self.undo_stack.undo()
        else:
            self._drawing.drop()
            self.project_changed.emit(self._project, self._project)

    def close(self) -> None:
        """End the thread that draws."""
        self._drawing.close()

    def edit(self, text: str, *, merge: str = "", **changes: Any) -> None:
        """Change some fields of the project, as one undo step.

        Parameters
        ----------
        text : str
            What the step is called in the Edit menu, after "Undo": "change of hidden size".
        merge : str
            Consecutive edits with the same id, as of a dragged slider, are one step.
        **changes
            Fields of :class:`gui.state.project.Project`.
        """
        self._push(text, self._project.but(**changes), merge)

    def open_scenario(self, id: str, cell: str | None = None) -> None:
        """Open a scenario with its shipped weights, in a cell, or in the one that it opens with.

        Raises
        ------
        KeyError
            There is no such scenario, or no such cell.
        """
        project = opened(id, cell, self._project.engine, self._project.device)
        self._push(self.tr("opening of “{}”").format(tasks.get(id).title), project)

    def set_pattern(self, name: str) -> None:
        """Open the scenario that shows a pattern, with the present cell; a network of a file stays what it is.

        Raises
        ------
        KeyError
            No scenario has this pattern.
        ValueError
            The file's network does not go with it; nothing has changed.
        """
        if name == self._project.spec.pattern:
            return
        if isinstance(self.task, Imported):
            self._push(self.tr("change of the pattern"), under_pattern(self._project, self.task.under(name)))
            return
        found = next((task.id for task in tasks.all() if task.pattern == name), None)
        if found is None:
            raise KeyError(f"no scenario shows the pattern {name!r}")
        self.open_scenario(found, self._project.spec.cell)

    def set_cell(self, name: str) -> None:
        """Compute with another cell: the scenario's own weights for it, where the rest is as shipped.

        Raises
        ------
        engine.SpecError
            The cell does not exist, does not go with the other fields, or would make the network too large; nothing
            has changed.
        """
        spec = self.spec
        if name == spec.cell:
            return
        if self.is_shipped(spec):
            shipped = self.task.spec(name)
            changed = shipped.but(dtype=spec.dtype, loss=spec.loss)
        else:
            keep = name in cells and cells[name].forget_gate
            changed = spec.but(cell=name, forget_bias=spec.forget_bias if keep else None)
        limits.refuse_too_large(changed, "cell", name)
        self._set_spec(Wanted(self.tr("change of cell to {}").format(cells[name].title), "", changed, "cell", name))

    def set_field(self, name: str, value: object) -> None:
        """Change one field of the spec.

        The scenario's shipped weights are used where they fit the new spec exactly; otherwise the network is
        initialised anew and the weights are "fresh".

        Raises
        ------
        engine.SpecError
            The value is not possible, or would make the network too large; nothing has changed.
        """
        if name == "cell":
            return self.set_cell(str(value))
        spec = self.spec
        changes = {name: value}
        if name == "bias" and value is False:
            changes["forget_bias"] = None  # there is no bias left to set
        changed = spec.but(**changes)
        if changed != spec:
            limits.refuse_too_large(changed, name, value)
            text = self.tr("change of {}").format(wording.field(name))
            # Weights of a file do not say which function they were trained with.
            keep = name in KEEPING or (name == "nonlinearity" and not self.task.trainable)
            self._set_spec(Wanted(text, f"field {name}", changed, name, value, keep=keep))

    def reseed(self) -> None:
        """Initialise the network anew, from the next seed."""
        seed = self.spec.seed + 1
        try:
            self._set_spec(Wanted(self.tr("re-seeding"), "", self.spec.but(seed=seed), "seed", seed))
        except SpecError as error:
            self._on_draw_failed(error)

    def set_source(self, index: int, source: Source, target: Target = None) -> None:
        """Change one sequence of the batch; typing on is one undo step."""
        project = self._project
        sources, targets = list(project.sources), list(project.targets)
        sources[index], targets[index] = source, target
        self.edit(
            self.tr("change of the input"),
            merge=f"source {index}",
            sources=tuple(sources),
            targets=tuple(targets),
        )

    def is_shipped(self, spec: ModelSpec | None = None) -> bool:
        """Whether the scenario's trained weights belong to a spec (by default the project's)."""
        spec = self._project.spec if spec is None else spec
        return drawing.fits(self.task, spec)

    def _set_spec(self, wanted: Wanted) -> None:
        """Make a change of the network: at once, or when its parameters are drawn where that takes long.

        Raises
        ------
        engine.SpecError
            There is no memory for its parameters; nothing has changed.
        """
        project, waiting = self._project, self.wanted
        if waiting is not None and wanted.spec == project.spec:
            self.undo()  # back to what is there
            return
        if waiting is not None:
            wanted = wanted.after(waiting)
        if drawing.slow(wanted.spec):
            self._drawing.begin(wanted, partial(drawing.drawn, project, wanted))
            return
        try:
            found = drawing.drawn(project, wanted)
        except (MemoryError, ValueError) as error:
            raise drawing.refusal(wanted, error) from None
        self._on_drawn(wanted, found)

    def _on_drawn(self, wanted: Wanted, found: Drawn) -> None:
        project, spec = self._project, wanted.spec
        same_states = all(
            getattr(spec, name) == getattr(project.spec, name)
            for name in ("hidden_size", "num_layers", "bidirectional", "cell")
        )
        changed = project.but(
            spec=spec,
            parameters=found.parameters,
            reference=found.reference,
            weights=found.weights,
            score=found.score,
            initial=project.initial if same_states else {},
            arriving=project.arriving if same_states else {},
        )
        self._push(wanted.text, changed, wanted.merge)

    def _on_draw_failed(self, error: SpecError) -> None:
        self.project_changed.emit(self._project, self._project)
        self.refused.emit(str(error))

    def _push(self, text: str, project: Project, merge: str = "") -> None:
        self.undo_stack.push(_Swap(self, text, self._project, project, merge))
        self._forget()

    def _forget(self) -> None:
        """Drop the oldest undo steps where the arrays of all take too much memory."""
        stack = self.undo_stack
        steps = [step for step in map(stack.command, range(stack.count())) if isinstance(step, _Swap)]
        if sum(step.weight for step in steps) <= limits.MOST_BYTES:
            return
        kept = limits.kept_steps([step.projects for step in steps], limits.MOST_BYTES)
        if kept < len(steps):
            copies = [step.settled() for step in steps[-kept:]]
            stack.clear()  # a QUndoStack lets go of its oldest steps in no other way
            for step in copies:
                stack.push(step)
            for step in copies:
                step.settle()

    def swap(self, project: Project) -> None:
        """Put another project on the bench, past the history: the undo steps' own way."""
        old, self._project = self._project, project
        if any(getattr(project, name) is not getattr(old, name) for name in _NETWORK):
            self._drawing.drop()
        self.project_changed.emit(project, old)


class _Swap(QUndoCommand):
    """The only undo step there is: from one project to another.

    One that is settled has been made before: to push it changes nothing, and it merges with none.
    """

    def __init__(self, document: Document, text: str, old: Project, new: Project, merge: str) -> None:
        super().__init__(text)
        self._document, self._old, self._new, self._merge = document, old, new, merge
        self._time = time.monotonic()
        self._settled = False
        self.weight = _weight(old, new)

    @property
    def projects(self) -> tuple[Project, Project]:
        """Before and after."""
        return self._old, self._new

    def settled(self) -> _Swap:
        """Return a copy that can be pushed without being done again."""
        copy = _Swap(self._document, self.text(), self._old, self._new, self._merge)
        copy._time, copy._settled = self._time, True
        return copy

    def settle(self) -> None:
        """From now on it is a step as any other."""
        self._settled = False

    def id(self) -> int:
        return zlib.crc32(self._merge.encode()) & 0x7FFFFFFF if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Swap) or other._merge != self._merge or other._old is not self._new:
            return False
        if other._settled or (other._time - self._time > MERGE_SECONDS and not self._merge.startswith(GESTURE)):
            return False
        self._new, self._time = other._new, other._time
        self.weight = _weight(self._old, self._new)
        return True

    def redo(self) -> None:
        if not self._settled:
            self._document.swap(self._new)

    def undo(self) -> None:
        self._document.swap(self._old)


def _weight(old: Project, new: Project) -> int:
    """The bytes of what a step keeps, whether or not others keep it too."""
    return sum((limits.held(old) | limits.held(new)).values())


def under_pattern(project: Project, task: Imported) -> Project:
    """Return a project of a file's network under the pattern of another task of the same network."""
    sources = tuple(source if _readable(task, source) else task.example for source in project.sources)
    spec = project.spec.but(pattern=task.pattern)
    return project.but(task=task, spec=spec, sources=sources, targets=(None,) * len(sources), arriving={})


def _readable(task: tasks.Task, source: Source) -> bool:
    try:
        task.encode(source)
    except ValueError:
        return False
    return True


def opened(id: str = "", cell: str | None = None, engine: str = "", device: str = "cpu") -> Project:
    """Return a scenario, or an experiment, ready to step.

    Parameters
    ----------
    id : str
        Empty: the start scenario.
    cell : str, optional
        None: the one that the scenario opens with.
    engine : str
        Empty: NumPy.
    device : str

    Raises
    ------
    KeyError
        There is no such scenario or cell.
    """
    engine = engine or FIRST_ENGINE
    known = tasks.ids()
    id = id or (START if START in known else known[0])
    if id not in known and id not in tasks.experiments:
        raise KeyError(f"there is no scenario {id!r}; there are {', '.join(known)}")
    task = tasks.get(id)
    if cell is not None and cell not in cells:
        raise KeyError(f"there is no cell {cell!r}; there are {', '.join(cells.names())}")
    spec = task.spec(cell or task.cell)
    found = drawing.initial(task, spec)
    return Project(
        task, spec, found.parameters, found.weights, found.score, (task.example,), (task.example_target or None,), 0,
        engine, device,
    )  # fmt: skip
