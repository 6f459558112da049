"""A run as a report: the network, what went in, every step in a sentence, outputs, gradients, pictures, versions."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np

from engine import narration
from engine.format import count, number, percent
from engine.interop._document import COLOURS, Block, Code, Heading, Picture, Table, Text, markdown, page
from engine.interop.numbers import ExportError
from engine.narration import Words
from engine.projects import write_whole
from engine.trace import Trace

__all__ = ["SUFFIXES", "Picture", "blocks", "save"]

HTML, MARKDOWN = ".html", ".md"
SUFFIXES = (HTML, MARKDOWN)
PACKAGES = ("numpy", "torch")
BEST = 3
"""So many of the likeliest classes are told."""
PHASES = {"forward": "forward", "loss": "loss", "backward": "backward"}


def save(
    path: str | Path, trace: Trace, words: Words, facts: Mapping[str, str], pictures: Sequence[Picture] = (),
    colours: Mapping[str, str] = COLOURS,
) -> None:  # fmt: skip
    """Write a report: one HTML file, or Markdown with a folder of pictures beside it.

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

    Raises
    ------
    ExportError
        The file's name ends in something else, or it cannot be written; no part of it is left.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ExportError(path, f"ends in {kind or 'nothing'!r}; it must end in {' or '.join(SUFFIXES)}")
    found = blocks(trace, words, facts, pictures)
    folder = path.with_name(f"{path.stem}_pictures")
    made = False
    try:
        if kind == HTML:
            write_whole(path, page(found, facts.get("title", ""), colours).encode())
            return
        if pictures and not folder.is_dir():
            folder.mkdir()
            made = True
        for picture in pictures:
            write_whole(folder / f"{picture.name}.svg", picture.data)
        write_whole(path, markdown(found, folder.name).encode())
    except OSError as error:
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        raise ExportError(path, f"cannot be written: {error.strerror or error}") from None


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
    return [*found, Heading(2, "To make it again"), *_versions(trace, facts)]


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
    rows = []
    for n in range(len(trace.events.tokens)):
        event = trace.events.token(n)
        rows.append((str(n + 1), PHASES[event.phase], words.column(event.column), trace.narrate(event, words)))
    return Table(("", "Pass", "Step", "What happens"), tuple(rows), (0,))


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


def _versions(trace: Trace, facts: Mapping[str, str]) -> list[Block]:
    rows = [("Loopscope", facts["version"])] if facts.get("version") else []
    rows += [("Python", platform.python_version()), ("System", f"{platform.system()} {platform.machine()}")]
    for name in PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    rows += [("Engine", f"{trace.engine}, {trace.device}"), ("Seed", str(trace.spec.seed))]
    return [Table(("", ""), tuple(rows)), Code(json.dumps(trace.spec.to_dict(), indent=2))]
