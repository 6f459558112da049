"""A run as a report: the network, what went in, every step in a sentence, outputs, gradients, pictures, versions."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np

from engine import narration
from engine.format import count, number, percent
from engine.interop._beside import write_both, write_part
from engine.interop._document import COLOURS, Block, Code, Heading, Picture, Table, Text, markdown, page
from engine.interop.numbers import ExportError
from engine.narration import Words
from engine.narration.words import lanes_of, which_lane
from engine.stop import Stop
from engine.trace import Trace
from engine.writing import write_whole

__all__ = ["SUFFIXES", "Picture", "blocks", "save"]

HTML, MARKDOWN = ".html", ".md"
SUFFIXES = (HTML, MARKDOWN)
PACKAGES = ("numpy", "torch")
#: Says in a folder of pictures which ones a report put there, with the digest of each.
LIST = ".pictures.json"
#: What systems put into a folder that somebody looks at.
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
BEST = 3
"""So many of the likeliest classes are told."""
PHASES = {"forward": "forward", "loss": "loss", "backward": "backward"}


def save(
    path: str | Path, trace: Trace, words: Words, facts: Mapping[str, str], pictures: Sequence[Picture] = (),
    colours: Mapping[str, str] = COLOURS, stop: Stop | None = None,
) -> None:  # fmt: skip
    """Write a report: one HTML file, or Markdown with a folder ``NAME_pictures`` beside it.

    A folder that is there is replaced where it holds nothing but what a report put there.

    Parameters
    ----------
    path : str or Path
        ``.html`` or ``.md``.
    trace : Trace
    words : Words
        What steps and classes are called, and which sequence of the batch is meant.
    facts : mapping of str to str
        "title", "weights" (where they come from), "input", "version" (of Loopscope), "notes".
    pictures : sequence of Picture
    colours : mapping of str to str
        Of an HTML file: "background", "text", "muted" and "line".
    stop : Stop, optional
        What says that it is not wanted any more.

    Raises
    ------
    ExportError
        The file's name ends in something else, the folder holds what no report put there, or it cannot be written; no
        part of it is left, and what was there is untouched.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ExportError(path, f"ends in {kind or 'nothing'!r}; it must end in {' or '.join(SUFFIXES)}")
    found = blocks(trace, words, facts, pictures)
    folder = path.with_name(f"{path.stem}_pictures")
    try:
        if kind == HTML:
            write_whole(path, _encoded(page(found, facts.get("title", ""), colours)), stop)
        elif not pictures:
            write_whole(path, _encoded(markdown(found, folder.name)), stop)
        elif foreign := _foreign(folder):
            raise ExportError(path, f"beside it, {foreign} came with no report; another name would do")
        else:
            make = partial(_make_folder, pictures, stop)
            write_both(path, _encoded(markdown(found, folder.name)), folder, make, stop)
    except OSError as error:
        raise ExportError(path, f"cannot be written: {error.strerror or error}") from None


def _encoded(text: str) -> bytes:
    return text.encode(errors="replace")  # the name of a file may hold bytes that are no text


def _make_folder(pictures: Sequence[Picture], stop: Stop | None, folder: Path) -> None:
    folder.mkdir()
    for picture in pictures:
        write_part(folder / f"{picture.name}.svg", picture.data, stop)
    listed = {f"{picture.name}.svg": _digest(picture.data) for picture in pictures}
    write_part(folder / LIST, json.dumps(listed, indent=1).encode(), stop)


def _foreign(folder: Path) -> str:
    """What a folder of this name holds that no report put there, or that was changed since; empty where nothing."""
    if not os.path.lexists(folder):
        return ""
    try:
        listed = dict(json.loads((folder / LIST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        listed = {}
    for path in sorted(folder.iterdir()):
        known = path.is_file() and listed.get(path.name) == _digest(path.read_bytes())
        if not known and path.name not in (LIST, *LITTER):
            return f"{folder.name}/{path.name}"
    return ""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blocks(trace: Trace, words: Words, facts: Mapping[str, str], pictures: Sequence[Picture] = ()) -> list[Block]:
    """Return what a report says; parameters as :func:`save`."""
    found: list[Block] = [Heading(1, facts.get("title", "A run")), *_network(trace, facts)]
    found += [Heading(2, "Input and output"), *_input(trace, words, facts)]
    if pictures:
        found += [Heading(2, "Pictures"), *pictures]
    found += [Heading(2, "Step by step"), _steps(trace, words)]
    if trace.has_gradients:
        found += [Heading(2, "Gradient norms"), Text("‖∂L/∂h‖ of every layer and direction, at every step.")]
        found += _gradients(trace, words)
    if facts.get("notes"):
        found += [Heading(2, "Notes"), Text(facts["notes"])]
    return [*found, Heading(2, "To make it again"), *_versions(trace, words, facts)]


def _network(trace: Trace, facts: Mapping[str, str]) -> list[Block]:
    spec, parameters = trace.spec, trace.parameters
    sizes = f"{spec.vocab_size} tokens → {spec.embedding_size}" if spec.has_embedding else str(spec.input_size)
    rows = [
        ("Cell", spec.cell.upper()), ("Pattern", spec.pattern), ("Layers", str(spec.num_layers)),
        ("Directions", "both" if spec.bidirectional else "one"), ("Input", sizes), ("Hidden", str(spec.hidden_size)),
        ("Output", str(spec.output_size)), ("Loss", spec.loss), ("Precision", spec.dtype),
        ("Parameters", count(sum(value.size for value in parameters.values()))),
    ]  # fmt: skip
    if facts.get("weights"):
        rows.append(("Weights", facts["weights"]))
    each = [(name, " × ".join(map(str, value.shape)), number(narration.norm(value))) for name, value in
            parameters.items()]  # fmt: skip
    return [
        Heading(2, "The network"), Table(("", ""), tuple(rows)),
        Table(("Parameter", "Shape", "Norm"), tuple(each), (1, 2)),
    ]  # fmt: skip


def _input(trace: Trace, words: Words, facts: Mapping[str, str]) -> list[Block]:
    found: list[Block] = [Text(f"Read: {facts['input']}")] if facts.get("input") else []
    sequences = trace.batch.B
    if sequences > 1:
        found.append(Text(f"Sequence {words.sequence + 1} of a batch of {sequences}."))
    if trace.loss is not None:
        own = " The target is the network’s own answer." if words.own_answer else ""
        found.append(Text(f"Loss: {number(trace.loss, 6)}.{own}"))
    values, at = trace.value("output.y"), words.sequence
    each = trace.value("loss")[:, at] if trace.has_gradients and "loss" in trace.keys() else None  # noqa: SIM118
    rows = []
    for s, step in enumerate(trace.output_steps):
        line = [str(s + 1), str(int(step) + 1), _answer(trace, values[s, at], words)]
        line += [number(float(np.sum(each[s])), 6)] if each is not None else []
        rows.append(tuple(line))
    head = ("Output", "At step", "Says", "Loss") if each is not None else ("Output", "At step", "Says")
    return [*found, Table(head, tuple(rows), (0, 1, 3))]


def _answer(trace: Trace, values: np.ndarray, words: Words) -> str:
    if trace.spec.loss == "cross-entropy":
        best = np.argsort(-values, kind="stable")[:BEST]
        return ", ".join(f"{words.label(int(i))} {percent(float(values[i]))}" for i in best)
    shown = ", ".join(number(float(value)) for value in values[:8])
    return shown if len(values) <= 8 else f"{shown}, … ({len(values)} numbers)"


def _steps(trace: Trace, words: Words) -> Table:
    both, rows = trace.spec.bidirectional, []
    for n in range(len(trace.events.tokens)):
        event = trace.events.token(n)
        row = [str(n + 1), PHASES[event.phase], words.column(event.column), trace.narrate(event, words)]
        lanes = lanes_of(trace, event) if event.phase != "loss" else []
        rows.append((*row[:3], *([which_lane(trace, lanes[0]).strip(" ()") if lanes else ""] if both else []), row[3]))
    return Table(("", "Pass", "Step", *(["Direction"] if both else []), "What happens"), tuple(rows), (0,))


def _gradients(trace: Trace, words: Words) -> list[Block]:
    state, found = trace.graph.states[0], []
    for part in dict.fromkeys(lane.part for lane in trace.lanes.values()):
        lanes = [lane for lane in trace.lanes.values() if lane.part == part]
        grads = [trace.grad(lane.key(state))[:, words.sequence] for lane in lanes]
        columns = [c for c, at in enumerate(trace.timeline.columns) if at.part == part]
        rows = [
            (str(t + 1), words.column(columns[t]), *(number(narration.norm(grad[t]), 4) for grad in grads))
            for t in range(len(columns))
        ]
        head = ("", "Step", *(lane.key(state) for lane in lanes))
        found.append(Table(head, tuple(rows), (0, *range(2, len(head)))))
    return list(found)


def _versions(trace: Trace, words: Words, facts: Mapping[str, str]) -> list[Block]:
    rows = [("Loopscope", facts["version"])] if facts.get("version") else []
    rows += [("Python", platform.python_version()), ("System", f"{platform.system()} {platform.machine()}")]
    for name in PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    rows += [("Engine", f"{trace.engine}, {trace.device}"), ("Seed", str(trace.spec.seed))]
    return [
        Table(("", ""), tuple(rows)), Table(("", ""), _given(trace, words)),
        Text("The digests are those of the numbers alone, little-endian, row by row; of the parameters in the order of"
             " the table above."),
        Code(json.dumps(trace.spec.to_dict(), indent=2)),
    ]  # fmt: skip


def _given(trace: Trace, words: Words) -> tuple[tuple[str, str], ...]:
    """What the run was given: the numbers themselves where they are ids, else their digest."""
    batch, b = trace.batch, words.sequence
    rows = [("Sequence", _told(_real(batch.x, batch.lengths, b)))]
    if batch.target is not None:
        target = _real(batch.target, batch.target_lengths, b)
        named = ", ".join(words.label(int(i)) for i in target) if words.labels and target.ndim == 1 else ""
        rows.append(("Target", f"{_told(target)}: {named}" if named else _told(target)))
    if trace.spec.has_feedback:
        rows.append(("Fed back", _fed_back(trace)))
    rows += [(f"Start {name}", _told(value[:, b])) for name, value in batch.initial.items()]
    rows += [("Loss over a batch", "the mean" if batch.reduction == "mean" else "the sum")]
    return (*rows, ("Parameters", f"SHA-256 {_digest(b''.join(_bytes(p) for p in trace.parameters.values()))}"))


def _fed_back(trace: Trace) -> str:
    batch = trace.batch
    if batch.forced:
        return "the targets (teacher forcing)"
    if batch.sample is not None:
        return f"outputs drawn at temperature {number(batch.temperature)} with seed {batch.sample}"
    return "the network’s own outputs"


def _real(values: np.ndarray, lengths: np.ndarray | None, sequence: int) -> np.ndarray:
    """One sequence without what pads it."""
    return values[: None if lengths is None else lengths[sequence], sequence]


def _told(values: np.ndarray) -> str:
    if np.issubdtype(values.dtype, np.integer):
        return " ".join(map(str, values.ravel().tolist()))
    return f"{' × '.join(map(str, values.shape))} numbers, SHA-256 {_digest(_bytes(values))}"


def _bytes(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
