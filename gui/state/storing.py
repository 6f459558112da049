"""What is on the bench as a project file, and back: exactly, or with one error that says what is wrong in the file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import ModelSpec, SpecError, layout, projects, tasks, writing
from engine.interop.imported import Imported
from engine.projects import ProjectError, Saved
from engine.recording import engines
from engine.registry import cells
from engine.tasks import Task
from gui.state.cursor import GRANULARITIES, TOKEN
from gui.state.facts import Facts, quoted
from gui.state.limits import MOST_LAYERS
from gui.state.project import EDITED, FRESH, GIVEN, TRAINED, Project, frozen
from gui.state.selection import Selected

STATES = {"initial": ("h_0", "c_0"), "arriving": ("h_n_grad", "c_n_grad")}
FIELDS = (
    *("task", "weights", "score", "sources", "targets", "sequence", "engine", "device", "teacher_forcing"),
    *("notes", "view", "origin"),
)
LONGEST_SCORE = 400
VIEW = ("index", "granularity", "selected", "panels", "front", "tracks", "heights", "rolled")

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class View:
    """How the project is looked at; it is kept with it, and is no edit of it.

    Attributes
    ----------
    index : int
        How many events the playhead has behind it.
    granularity : str
    selected : Selected or None
    panels : mapping of str to bool
        Which panels are shown, by their docks' names; a panel that is not named stays as it is.
    front : tuple of str
        The docks that lie in front of their neighbours.
    tracks : tuple of str or None
        The score's tracks in order; None: those of the beginning.
    heights : mapping of str to float
        Of tracks that have one of their own.
    rolled : bool
        Whether the diagram is rolled up.
    """

    index: int = 0
    granularity: str = TOKEN
    selected: Selected | None = None
    panels: Mapping[str, bool] = field(default_factory=dict)
    front: tuple[str, ...] = ()
    tracks: tuple[str, ...] | None = None
    heights: Mapping[str, float] = field(default_factory=dict)
    rolled: bool = False


@dataclass(frozen=True)
class Opened:
    """What a file held.

    Attributes
    ----------
    path : Path
    project : Project
    view : View
    digest : str
        What tells its content from another.
    origin : Origin or None
        Of a recovery file: the file that it is the unsaved work on; None where it had none.
    """

    path: Path
    project: Project
    view: View
    digest: str
    origin: Origin | None = None


@dataclass(frozen=True)
class Origin:
    """A file, and the digest of what it held when it was opened or saved."""

    path: Path
    digest: str


class ChangedOnDisk(Exception):
    """The file is no longer what was opened or saved here last."""


# Writing -------------------------------------------------------------------------------------------------------


def contents(project: Project, view: View, origin: Origin | None = None) -> tuple[Arrays, dict[str, Any]]:
    """What a project file holds besides spec and parameters: arrays, and the facts as JSON."""
    arrays: dict[str, np.ndarray] = {}
    facts: dict[str, Any] = {
        "task": _task_facts(project, arrays),
        "sources": [_stored(f"source/{i}", value, arrays) for i, value in enumerate(project.sources)],
        "targets": [_stored(f"target/{i}", value, arrays) for i, value in enumerate(project.targets)],
        "view": _view_facts(view),
    }
    facts |= {
        name: getattr(project, name)
        for name in ("weights", "score", "sequence", "engine", "device", "teacher_forcing", "notes")
    }
    if origin:
        facts["origin"] = {"path": str(origin.path), "digest": origin.digest}
    for kind in STATES:
        arrays |= {f"{kind}/{name}": value for name, value in getattr(project, kind).items()}
    arrays |= _differing("reference", project.reference, project.parameters)
    return arrays, facts


def write(
    path: Path, project: Project, view: View, known: str | None = None, origin: Origin | None = None
) -> str:  # fmt: skip
    """Write a project file; called on a worker's thread.

    Parameters
    ----------
    path : Path
    project : Project
    view : View
    known : str or None
        The digest of what the file held when it was opened or saved here last; None: whatever is there goes.
    origin : Origin or None
        Of a recovery file.

    Returns
    -------
    str
        The digest of what was written.

    Raises
    ------
    ChangedOnDisk
        The file holds something else by now; it is untouched.
    ProjectError
        It cannot be written; what was there is untouched.
    """
    arrays, facts = contents(project, view, origin)
    try:
        if known is not None and path.exists() and projects.digest(path) != known:
            raise ChangedOnDisk
        found = projects.save(path, project, arrays=arrays, facts=facts)
        writing.sweep(Path(os.path.realpath(path)).parent, path.name)
        return found
    except OSError as error:
        raise ProjectError(path, f"cannot be written: {error.strerror or error}") from None


def _stored(name: str, value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A text as it is, an array under a name."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name}
    return value


def _task_facts(project: Project, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    task = project.task
    if not isinstance(task, Imported):
        return {"id": task.id}
    given = task.weights(task.cell)
    arrays |= _differing("task", given[0] if given else {}, project.parameters)
    arrays |= {f"beside/{name}": value for name, value in task.origin.beside.items()}
    return {
        "imported": task.facts(),
        "spec": task.spec(task.cell).to_dict(),
        "example": _stored("example", task.example, arrays),
    }


def _differing(kind: str, arrays: Arrays, parameters: Arrays) -> dict[str, np.ndarray]:
    """Those that are not the project's parameters themselves."""
    return {f"{kind}/{n}": value for n, value in arrays.items() if not _same(value, parameters.get(n))}


def _same(a: np.ndarray, b: np.ndarray | None) -> bool:
    if a is b:
        return True
    if b is None or a.dtype != b.dtype or a.shape != b.shape:
        return False
    bits = f"u{a.itemsize}"  # a NaN equals itself, and −0 is not 0
    return bool((a.view(bits) == b.view(bits)).all())


def _view_facts(view: View) -> dict[str, Any]:
    chosen = view.selected
    return {
        "index": view.index,
        "granularity": view.granularity,
        "selected": None if chosen is None else {name: getattr(chosen, name) for name in _SELECTED},
        "panels": dict(view.panels),
        "front": list(view.front),
        "tracks": None if view.tracks is None else list(view.tracks),
        "heights": dict(view.heights),
        "rolled": view.rolled,
    }


_SELECTED = ("prefix", "step", "unit", "name", "gradient")


# Reading -------------------------------------------------------------------------------------------------------


def read(path: Path) -> Opened:
    """Read a project file; called on a worker's thread, or before there is a window.

    Raises
    ------
    ProjectError
        With the file, and the field, its value and what would be right where one is wrong.
    """
    path = path.absolute()
    saved = projects.load(path)
    facts = Facts(path, saved.facts)
    facts.only(FIELDS)
    arrays = dict(saved.arrays)
    project = _project(facts, saved, arrays)
    view = _view(facts.object("view"))
    origin = _origin(facts.object("origin")) if "origin" in facts else None
    if arrays:
        raise ProjectError(path, f"holds the array {min(arrays)!r}, which is no part of a project")
    return Opened(path, project, view, saved.digest, origin)


def _project(facts: Facts, saved: Saved, arrays: dict[str, np.ndarray]) -> Project:
    spec, parameters = saved.spec, frozen(saved.parameters)
    if spec.num_layers > MOST_LAYERS:
        raise ProjectError(facts.path, f"has {spec.num_layers:,} layers; at most {MOST_LAYERS} can be shown")
    task = _task(facts, parameters, arrays)
    _check_spec(facts, spec, task)
    sources = tuple(_source(facts, i, value, arrays, task) for i, value in enumerate(facts.entries("sources")))
    targets = tuple(_target(facts, i, value, arrays, task) for i, value in enumerate(facts.entries("targets")))
    if not sources:
        raise facts.wrong("sources", "at least one sequence")
    if len(targets) != len(sources):
        raise facts.wrong("targets", f"one for each of the {len(sources)} sources")
    weights = facts.word("weights", (TRAINED, FRESH, EDITED, GIVEN))
    reference = _taken("reference", arrays, spec, facts)
    if reference and weights != EDITED:
        raise facts.wrong("weights", f"{EDITED!r} where there are others to compare with")
    device = facts.text("device")
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", device):
        raise facts.wrong("device", "cpu, cuda, or cuda:1 and so on")
    return Project(
        task, spec, parameters, weights, facts.text("score", LONGEST_SCORE), sources, targets,
        facts.integer("sequence", 0, len(sources) - 1), facts.word("engine", engines.names()), device,
        facts.flag("teacher_forcing"), _states("initial", facts, spec, len(sources), arrays),
        frozen({**parameters, **reference}) if reference else {},
        _states("arriving", facts, spec, len(sources), arrays), facts.text("notes"),
    )  # fmt: skip


def _task(facts: Facts, parameters: Arrays, arrays: dict[str, np.ndarray]) -> Task:
    given = facts.object("task")
    if "imported" not in given:
        given.only(("id",))
        return tasks.get(given.word("id", (*tasks.ids(), *tasks.experiments.names())))
    given.only(("imported", "spec", "example"))
    try:
        spec = ModelSpec.from_dict(given.raw("spec"))
    except SpecError as error:
        raise ProjectError(facts.path, f"task.spec: {error}") from None
    own = _taken("task", arrays, spec, facts)
    whole = {name: own.get(name, parameters.get(name)) for name in layout.shapes(spec)}
    missing = [name for name, value in whole.items() if value is None]
    if missing:
        raise ProjectError(facts.path, f"lacks the arrays task/{', task/'.join(missing[:4])}")
    try:
        task = Imported.from_facts(given.raw("imported"), spec, {n: v for n, v in whole.items() if v is not None})
    except ValueError as error:
        raise ProjectError(facts.path, f"task.imported: {error}") from None
    beside = {name.removeprefix("beside/"): arrays.pop(name) for name in list(arrays) if name.startswith("beside/")}
    task.origin = replace(task.origin, beside=frozen(beside))
    at_random, task.example = task.example, _value(given, "example", given.raw("example"), "example", arrays)
    task.drawn = np.array_equal(task.example, at_random)
    if not _reads(task, task.example):
        raise given.wrong("example", "a text" if task.kind == "text" else "an array")
    return task


def _check_spec(facts: Facts, spec: ModelSpec, task: Task) -> None:
    """What a scenario reads and puts out is its own."""
    own = task.spec(spec.cell)
    for name in ("pattern", "vocab_size", "output_size", *(() if own.has_embedding else ("input_size",))):
        found, wanted = getattr(spec, name), getattr(own, name)
        if found != wanted:
            what = f"spec.{name} is {quoted(found)}; the scenario {task.id} needs {quoted(wanted)}"
            raise ProjectError(facts.path, what)


def _source(facts: Facts, i: int, value: Any, arrays: dict[str, np.ndarray], task: Task) -> Any:
    found = _value(facts, f"sources[{i}]", value, f"source/{i}", arrays)
    if not _reads(task, found):
        given, wanted = ("an array", "a text") if task.kind == "text" else ("a text", "an array")
        raise ProjectError(facts.path, f"sources[{i}] is {given}; the scenario {task.id} reads {wanted}")
    return found


def _reads(task: Task, source: Any) -> bool:
    """Whether a source is of the kind that a scenario reads; a network of a file takes token ids as well."""
    ids = isinstance(task, Imported) and isinstance(source, np.ndarray) and source.dtype.kind in "iu"
    return isinstance(source, str) == (task.kind == "text") or ids


def _target(facts: Facts, i: int, value: Any, arrays: dict[str, np.ndarray], task: Task) -> Any:
    found = None if value is None else _value(facts, f"targets[{i}]", value, f"target/{i}", arrays)
    if found is not None and isinstance(found, str) == task.numeric_target:
        given, wanted = ("a text", "numbers") if task.numeric_target else ("an array", "classes")
        raise ProjectError(facts.path, f"targets[{i}] is {given}; the scenario {task.id} compares with {wanted}")
    return found


def _value(facts: Facts, place: str, value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """A text, or the array that is stored under a name."""
    if isinstance(value, str):
        return value
    if value != {"array": name}:
        raise ProjectError(facts.path, f"{place} is {quoted(value)}; it must be a text, or the array {name}")
    if name not in arrays:
        raise ProjectError(facts.path, f"{place} is the array {name}, which is not there")
    return frozen({name: arrays.pop(name)})[name]


def _taken(kind: str, arrays: dict[str, np.ndarray], spec: ModelSpec, facts: Facts) -> dict[str, np.ndarray]:
    """The arrays of a kind as parameters of a spec, taken out of the others."""
    if spec.num_layers > len(arrays) + 10_000:
        raise ProjectError(facts.path, f"{kind} has {spec.num_layers:,} layers")
    shapes, found = layout.shapes(spec), {}
    for key in [key for key in arrays if key.startswith(f"{kind}/")]:
        name, value = key.removeprefix(f"{kind}/"), arrays.pop(key)
        if shapes.get(name) != value.shape or value.dtype != spec.dtype:
            wanted = f"of shape {shapes[name]} and {spec.dtype}" if name in shapes else "one of the parameters"
            raise ProjectError(facts.path, f"{key} is of shape {value.shape} and {value.dtype}; it must be {wanted}")
        found[name] = value
    return dict(frozen(found))


def _states(kind: str, facts: Facts, spec: ModelSpec, B: int, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows, found = spec.num_layers * spec.num_directions, {}
    known = STATES[kind][: len(cells[spec.cell].states)]
    for name in known:
        value = arrays.pop(f"{kind}/{name}", None)
        if value is None:
            continue
        right = value.shape in ((rows, spec.hidden_size), *((rows, b, spec.hidden_size) for b in (1, B)))
        if not right or value.dtype.kind != "f":
            wanted = f"({rows}, {spec.hidden_size}) or ({rows}, {B}, {spec.hidden_size}) real numbers"
            raise ProjectError(facts.path, f"{kind}/{name} is {value.shape} of {value.dtype}; it must be {wanted}")
        found[name] = value
    return dict(frozen(found))


def _view(facts: Facts) -> View:
    facts.only(VIEW)
    return View(
        facts.integer("index", 0),
        facts.word("granularity", GRANULARITIES),
        None if facts.raw("selected") is None else _chosen(facts.object("selected")),
        facts.flags("panels"),
        facts.texts("front"),
        None if facts.raw("tracks") is None else facts.texts("tracks"),
        facts.numbers("heights"),
        facts.flag("rolled"),
    )


def _origin(facts: Facts) -> Origin:
    facts.only(("path", "digest"))
    return Origin(Path(facts.text("path")), facts.text("digest"))


def _chosen(facts: Facts) -> Selected:
    facts.only(_SELECTED)
    unit = None if facts.raw("unit") is None else facts.integer("unit", 0)
    return Selected(facts.text("prefix"), facts.integer("step", 0), unit, facts.text("name"), facts.flag("gradient"))
