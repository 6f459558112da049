"""Networks, captures and sequences of files as projects; everything here may run on a worker's thread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import Network, SpecError
from engine.interop import ImportFileError, Loaded, captures, proof, recognise
from engine.interop.captures import Capture, Captured
from engine.interop.imported import Imported
from engine.interop.load import Weights
from engine.interop.read import CONVERTED, entries, holds
from engine.interop.sequences import read_sequence
from engine.interop.state_dict import Origin
from engine.interop.tokenizer import IDS, LETTERS, WORDS, Tokenizer
from engine.interop.vocabularies import read_vocabulary
from engine.spec import PATTERNS
from engine.tasks import Task
from gui.state.project import GIVEN, Project, frozen
from gui.state.session import TooLarge, compute

NUMPY = "numpy"
MOST_SEQUENCES = 256
"""So many of one file are put on the bench together."""
MOST_BESIDE = 2**28
"""What a file's model holds beside its recurrent layers is kept up to so many bytes."""


@dataclass(frozen=True, eq=False)
class Wishes:
    """What the user chose where a file leaves it open.

    Attributes
    ----------
    choices : dict
        Of :meth:`engine.interop.load.Weights.load`.
    loss : str
        Empty: cross-entropy where there is an output layer, else linear.
    tokenizer : Tokenizer or None
    next_token : bool or None
    source, target : str, ndarray or None
        The sequence, and what its outputs are compared with; None: random numbers, and what the network says.
    files : mapping of str to Path
        Which file the source or the target came from: errors begin with its name.
    """

    choices: dict[str, Any] = field(default_factory=dict)
    loss: str = ""
    tokenizer: Tokenizer | None = None
    next_token: bool | None = None
    source: Any = None
    target: Any = None
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Offer:
    """What opening a file would put on the bench.

    Attributes
    ----------
    loaded : Loaded
    project : Project
    proof : Proof or None
        How far the run is from torch's own layer; None where it could not be compared, and ``unproven`` says why.
    """

    loaded: Loaded
    project: Project
    proof: proof.Proof | None
    unproven: str = ""


def offer(weights: Weights, wishes: Wishes, engine: str = NUMPY, device: str = "cpu") -> Offer:
    """Make a project of a file of weights, run it, and hold it against torch.

    Raises
    ------
    engine.interop.ImportFileError
        The file and the wishes do not go together; the message begins with the file's name.
    """
    loaded, project = offered(weights, wishes, engine, device)
    try:
        trace = compute(project.but(engine=NUMPY, device="cpu")).trace
    except TooLarge as error:
        return Offer(loaded, project, None, str(error))
    why = proof.provable(trace)
    return Offer(loaded, project, None if why else proof.against_torch(trace), why)


def offered(weights: Weights, wishes: Wishes, engine: str, device: str) -> tuple[Loaded, Project]:
    """The network and the project of a file of weights; as :func:`offer`, but nothing is run."""
    loaded, blamed = weights.load(**wishes.choices), "weights"
    try:
        task = _task(weights.path, loaded, wishes)
        blamed = "source"
        sources = (task.example,) if wishes.source is None else _fitted(task, wishes.source)
        task.example, task.drawn = sources[0], wishes.source is None
        for source in sources:
            task.encode(source, wishes.target)
    except (ValueError, SpecError) as error:
        blamed = "target" if str(error).startswith("the target") else blamed
        raise ImportFileError(wishes.files.get(blamed, weights.path), str(error)) from None
    return loaded, _project(task, sources, (wishes.target,) * len(sources), engine, device)


def _task(path: Path, loaded: Loaded, wishes: Wishes) -> Imported:
    spec = loaded.spec
    # Of one output alone a softmax is 1 whatever happens, and every gradient 0: what it depends on is shown instead.
    loss = wishes.loss or ("linear" if spec.output_size == 1 else "")
    if loss and ("output.weight" in loaded.parameters or spec.pattern == "sequence-to-sequence"):
        spec = spec.but(loss=loss)
    # Other programs lay the gates out differently: their names would promise what the arrays are not.
    theirs = None if path.suffix.lower() in CONVERTED else _origin(loaded)
    return Imported(path.name, spec, loaded.parameters, tokenizer=wishes.tokenizer, next_token=wishes.next_token,
                    source=f"{path.name}: {spec.cell.upper()}, {spec.input_size} → {spec.hidden_size}",
                    origin=theirs)  # fmt: skip


def _origin(loaded: Loaded) -> Origin:
    """What the file's own model is called and holds, without the dicts around it."""
    before = len(f"{loaded.container}.") if loaded.container else 0
    size = sum(math.prod(entry.shape) * 8 for entry in loaded.beside.values())
    beside = {} if size > MOST_BESIDE else {name[before:]: entry.read() for name, entry in loaded.beside.items()}
    dtypes = dict(loaded.dtypes) | {name[before:]: entry.dtype for name, entry in loaded.beside.items()}
    return Origin({ours: name[before:] for ours, name in loaded.names.items()}, dtypes, loaded.start, frozen(beside))


def _fitted(task: Task, found: Any) -> tuple[Any, ...]:
    """The sequences of a file as a task takes them; of several, axis 1 counts them, as in torch."""
    axes = {"text": 2, "vectors": 3}.get(task.kind, 0)
    if not isinstance(found, np.ndarray) or found.ndim != axes or 1 in found.shape[:2]:
        return (_fitting(task, found),)
    if found.shape[1] > MOST_SEQUENCES:
        raise ValueError(
            f"the sequence has the shape {found.shape}: {found.shape[1]:,} of them along axis 1, of which at most "
            f"{MOST_SEQUENCES} are shown together; axis 0 are the steps"
        )
    return tuple(_fitting(task, found[:, b]) for b in range(found.shape[1]))


def _fitting(task: Task, source: Any) -> Any:
    """A source as a task takes it: ids as a text, a row of numbers as a column where one is read."""
    if task.kind == "text" and isinstance(source, np.ndarray):
        return source_of_ids(task, source)
    if task.kind == "text" or not isinstance(source, np.ndarray):
        return source
    size = task.spec(task.cell).input_size
    if source.ndim == 3 and 1 in source.shape[:2]:  # (T, 1, D), or (1, T, D) where the batch comes first
        source = source[:, 0] if source.shape[1] == 1 else source[0]
    if source.ndim == 1:
        return source[:, None] if size == 1 else source[None]
    return source.T if size == 1 and source.shape[:1] == (1,) else source


def source_of_ids(task: Task, found: np.ndarray) -> str | np.ndarray:
    """The text of an array of token ids, or the ids themselves where the vocabulary writes none down as they are.

    Raises
    ------
    ValueError
        They are no ids of this network.
    """
    if not isinstance(task, Imported) or task.tokenizer is None:
        raise ValueError("the sequence holds numbers; this network reads a text")
    ids, tokenizer = task.token_ids(found), task.tokenizer
    if tokenizer.kind in (IDS, LETTERS, WORDS):
        text = ("" if tokenizer.kind == LETTERS else " ").join(tokenizer.words[index] for index in ids)
        if list(tokenizer.encode(text)[0]) == ids.tolist():
            return text
    return ids


def with_sequence(project: Project, path: Path) -> Project:
    """Return a project that runs on the sequence of a file.

    Raises
    ------
    engine.interop.ImportFileError
        The file cannot be read, or does not go with the network; the message says which axis.
    """
    found = read_sequence(path)
    task = project.task
    try:
        if task.kind == "text" and isinstance(found, np.ndarray) and not isinstance(task, Imported):
            raise ValueError("it holds numbers; this scenario reads a text")
        if task.kind != "text" and isinstance(found, str):
            raise ValueError("it is a text; this network reads numbers")
        if task.kind == "grid":
            found = (
                np.asarray(found).reshape(np.shape(task.example)) if np.size(found) == np.size(task.example) else found
            )
        sources = (found,) if task.kind == "grid" else _fitted(task, found)
        for source in sources:
            task.encode(source)
    except (ValueError, TypeError) as error:
        raise ImportFileError(path, str(error)) from None
    if len(sources) > 1:
        none = (None,) * len(sources)
        return project.but(sources=sources, targets=none, sequence=0, initial={}, arriving={})
    at, source = project.sequence, sources[0]
    sources = (*project.sources[:at], source, *project.sources[at + 1 :])
    targets = (*project.targets[:at], None, *project.targets[at + 1 :])
    # What a capture's sequence began with, and what arrived at its end, were that sequence's.
    initial = {name: value for name, value in project.initial.items() if value.ndim == 2}
    return project.but(sources=sources, targets=targets, initial=initial, arriving={})


def with_vocabulary(project: Project, path: Path) -> Project:
    """Return a project whose network of a file calls its tokens by the words of a vocabulary, in its sequences too.

    Raises
    ------
    engine.interop.ImportFileError
        The file is no vocabulary, or does not go with the network.
    """
    task, tokenizer = project.task, read_vocabulary(path)
    try:
        if not isinstance(task, Imported) or task.tokenizer is None:
            raise ValueError("a vocabulary goes with a network of a file that reads tokens; open the network first")
        named = Imported(
            task.title, task.spec(task.cell), (task.weights(task.cell) or ({}, {}))[0], tokenizer=tokenizer,
            next_token=task.next_token, labels=() if task.next_token else task.output_labels, source=task.source,
            origin=task.origin,
        )  # fmt: skip
        old = task.tokenizer
        ids = [np.array(old.encode(each)[0]) if isinstance(each, str) else each for each in project.sources]
        sources = tuple(source_of_ids(named, found) for found in ids)
    except ValueError as error:
        raise ImportFileError(path, str(error)) from None
    return project.but(
        task=named, sources=sources, targets=(None,) * len(sources) if task.next_token else project.targets
    )


def captured(path: Path, found: Captured, engine: str = NUMPY, device: str = "cpu") -> Project:
    """Return a captured module as a project, with the gradients that arrived at it."""
    steps, B = found.x.shape[:2]
    lengths = np.full(B, steps) if found.lengths is None else found.lengths
    sources = tuple(found.x[: lengths[b], b] for b in range(B))
    grads = found.output_grads
    # A loss is a mean over the batch, and the gradients are of its sum.
    targets = tuple(None if grads is None else grads[: lengths[b], b] * grads.dtype.type(B) for b in range(B))
    task = Imported(
        f"{found.title} in {path.name}", found.spec, found.parameters, example=sources[0],
        source=f"{path.name}: {found.title} ({found.kind}), call {found.call} of {found.calls}",
    )  # fmt: skip
    arriving = {"h_n_grad": found.h_n_grad, "c_n_grad": found.c_n_grad}
    project = _project(task, sources, targets, engine, device)
    return replace(
        project, initial=dict(found.initial),
        arriving={name: value for name, value in arriving.items() if value is not None and grads is not None},
    )  # fmt: skip


def _project(task: Imported, sources: tuple[Any, ...], targets: tuple[Any, ...], engine: str, device: str) -> Project:
    spec, given = task.spec(task.cell), task.weights(task.cell)
    parameters = Network(spec, given[0] if given else {}).parameters
    return Project(task, spec, parameters, GIVEN, "", sources, targets, 0, engine, device)


def holds_weights(path: Path) -> bool:
    """Whether a file is to be read as weights: by its name, an .npz by the names in it, any other by what is in it.

    Raises
    ------
    engine.interop.ImportFileError
        It is an .npz that cannot be read.
    """
    if path.suffix.lower() == ".npz":
        return bool(recognise.recurrent(entries(path)))
    return holds(path)


def network_of(path: Path) -> Weights | Capture:
    """Read a checkpoint or a capture; what it leaves open is for the user to say.

    Raises
    ------
    engine.interop.ImportFileError
        The file cannot be read, or holds no recurrent network; the message begins with its name.
    """
    if not captures.is_capture(path):
        return Weights(path)
    found = captures.read(path)
    if not found.modules:
        raise ImportFileError(path, f"holds no recurrent layer. {' '.join(found.notes)}".strip())
    return found


def of_file(path: Path, engine: str = NUMPY, device: str = "cpu") -> Project:
    """Return the project of a checkpoint, or of a capture's first module, with nothing asked.

    Raises
    ------
    engine.interop.ImportFileError
        The file cannot be read, or leaves open which of several layers is meant; the message begins with its name.
    """
    found = network_of(path)
    if isinstance(found, Capture):
        return captured(path, found.modules[0], engine, device)
    if len(found.layers) > 1 and not found.both_sides:
        names = ", ".join(found.layers)
        raise ImportFileError(
            path, f"several recurrent layers were found: {names}; opened in the window, it asks which"
        )
    choices = {"pattern": PATTERNS[-1]} if found.both_sides else {}
    return offered(found, Wishes(choices), engine, device)[1]
