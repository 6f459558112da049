"""A run as a script of its own, in plain NumPy or in PyTorch: the network, its weights and its input as runnable code.

The step and its derivative are written out from the cell's equations, the same ones that both engines compute.
"""

from __future__ import annotations

import base64
import json
import keyword
import os
import re
import shlex
import textwrap
import zipfile
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from engine import feedback, layout, ops
from engine.graph import Graph, Node
from engine.interop import _script
from engine.interop._beside import write_both, write_part
from engine.interop.numbers import ExportError
from engine.stop import Stop
from engine.trace import Trace
from engine.writing import write_whole

NUMPY, TORCH = "numpy", "torch"
LIBRARIES = {NUMPY: "NumPy alone", TORCH: "PyTorch, whose autograd takes the gradients"}
#: Arrays of more bytes go into a file beside the script.
MOST_INSIDE = 2 * 2**20
#: The comment of such a file, an archive, by which it is known as a script's.
MARK = b"The numbers of a script that Loopscope wrote"
WIDTH, LONGEST = 96, 60
"""No line of a docstring is longer, and no name of a file that is written there."""
VALUES = {
    ops.TANH: "tanh({0})", ops.SIGMOID: "sigmoid({0})", ops.RELU: "relu({0})", ops.IDENTITY: "{0}",
    ops.PRODUCT: "{0} * {1}", ops.DIFFERENCE: "{0} - {1}", ops.MATVEC: "{0} @ {1}",
}  # fmt: skip
PULLS = {
    ops.TANH: ("{g} * (1 - {y} * {y})",), ops.SIGMOID: ("{g} * {y} * (1 - {y})",), ops.RELU: ("{g} * ({0} > 0)",),
    ops.IDENTITY: ("{g}",), ops.PRODUCT: ("{g} * {1}", "{g} * {0}"), ops.DIFFERENCE: ("{g}", "-{g}"),
    ops.MATVEC: ("np.outer({g}, {1})", "{0}.T @ {g}"),
}  # fmt: skip
LOSSES = {
    "cross-entropy": {
        "output": "softmax(z)", "loss": "-log_softmax(z)[int(target)]", "output_pull": "0",
        "slope": "softmax(z) - (np.arange(len(z)) == int(target))",
    },
    "mse": {
        "output": "z + 0", "loss": "((z - target) ** 2).mean()", "output_pull": "dy[t]",
        "slope": "2 * (z - target) / len(z)",
    },
    "binary-cross-entropy": {
        "output": "sigmoid(z)", "loss": "(softplus(z) - target * z).mean()", "output_pull": "dy[t] * y * (1 - y)",
        "slope": "(sigmoid(z) - target) / len(z)",
    },
    "linear": {"output": "z + 0", "loss": "(z * target).sum()", "output_pull": "dy[t]", "slope": "target"},
}  # fmt: skip


def save(
    path: str | Path, trace: Trace, library: str = NUMPY, title: str = "a network", stop: Stop | None = None
) -> None:  # fmt: skip
    """Write a run as a script that makes the same numbers; large weights into ``NAME_data.npz`` beside it.

    Parameters
    ----------
    path : str or Path
        ``.py``.
    trace : Trace
        Every sequence of its batch is run, one after the other.
    library : str
        "numpy" (forward and backward by hand) or "torch" (backward by autograd).
    title : str
        What it is called in its first line.
    stop : Stop, optional
        What says that it is not wanted any more.

    Raises
    ------
    ExportError
        It cannot be written, or there is such an ``.npz`` that no script of Loopscope's came with; no part of it is
        left, and what was there is untouched.
    ValueError
        There is no such library.
    """
    path, arrays = Path(path), data(trace)
    beside = path.with_name(f"{path.stem}_data.npz")
    large = sum(value.nbytes for value in arrays.values()) > MOST_INSIDE
    read = f"DATA = dict(np.load(Path(__file__).with_name({json.dumps(beside.name)})))\n"
    content = script(trace, library, title, path.name, read if large else written(arrays)).encode()
    if large and not _free(beside):
        raise ExportError(path, f"beside it lies {beside.name}, which came with no script; another name would do")
    try:
        if large:
            write_both(path, content, beside, partial(_write_data, arrays, stop), stop)
        else:
            write_whole(path, content, stop)
    except OSError as error:
        raise ExportError(path, f"cannot be written: {error.strerror or error}") from None


def _free(path: Path) -> bool:
    """Whether nothing but a script's numbers is lost where others are put here."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment == MARK
    except (OSError, zipfile.BadZipFile):
        return not os.path.lexists(path)


def _write_data(arrays: Mapping[str, np.ndarray], stop: Stop | None, path: Path) -> None:
    def content(stream: IO[bytes]) -> None:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        with zipfile.ZipFile(stream, "a") as archive:
            archive.comment = MARK

    write_part(path, content, stop)


def script(trace: Trace, library: str = NUMPY, title: str = "a network", file: str = "run.py", inside: str = "") -> str:
    """Return the script's text.

    Parameters
    ----------
    trace, library, title
        As :func:`save`.
    file : str
        What it will be called.
    inside : str
        The statement that makes ``DATA``; by default with the arrays written out.
    """
    if library not in LIBRARIES:
        raise ValueError(f"library={library!r} is not possible; it must be {' or '.join(LIBRARIES)}")
    spec, part = trace.spec, _script.NUMPY if library == NUMPY else _script.TORCH
    body = _script.HEAD + part["helpers"] + forward_step(trace.graph) + _script.FORWARD
    body += backward_step(trace.graph) + _script.BACKWARD if library == NUMPY else ""
    body += _script.NUMPY_MAIN if library == NUMPY else _script.TORCH_MAIN
    many_to_one = spec.pattern == "many-to-one"
    filled = {
        **LOSSES[spec.loss], "head": _head(trace, library, title, file), "imports": part["imports"],
        "argmax": part["argmax"],
        "read": "P[EMBEDDING][int(x[t])]" if spec.has_embedding else "x[t]",
        "steps": 'OUTPUTS[b] if part in FEEDS_BACK else len(DATA[f"x/{b}"])', "outputs": "OUTPUTS[b]",
        "where": '0 if lane["reverse"] else steps(part, b) - 1' if many_to_one else "s",
        "everything": "values and gradients",
    }  # fmt: skip
    body = re.sub(r"\{(\w+)\}", lambda found: filled.get(found[1], found[0]), body)
    return f"{body}\n\n{facts(trace)}\n\n{inside or written(data(trace))}{part['load']}{_script.TAIL}"


def _head(trace: Trace, library: str, title: str, file: str) -> str:
    """What a script says of itself. Titles and file names may hold anything: here, only what a docstring can."""
    spec, name = trace.spec, shlex.quote(file)
    what = f"{_plain(title)}: {spec.cell.upper()}, {spec.pattern}. Written by Loopscope."
    does = (
        f"It runs the network forward and backward on the sequences below, with {LIBRARIES[library]}, and prints the "
        "loss and the norms of the gradients. Where a file is named, it saves every number there, under the name that "
        "Loopscope shows it by:"
    )
    call = f"    python {name if name == _plain(name) and len(name) <= LONGEST else 'SCRIPT.py'} out.npz"
    return "\n\n".join(textwrap.fill(text, WIDTH) for text in (what, does, call))


def _plain(text: str) -> str:
    """A text without what ends or alters a string of Python, or is no text."""
    return "".join(sign if sign.isprintable() and sign not in '\\"' else " " for sign in text)


# The step ------------------------------------------------------------------------------------------------------


def _variables(graph: Graph) -> list[str]:
    """A Python name for every node."""
    found: list[str] = []
    for node in graph.nodes:
        name = re.sub(r"\W+", "_", node.name, flags=re.ASCII).strip("_") or f"node_{node.index}"
        name = f"{name}_" if keyword.iskeyword(name) else f"_{name}" if name[0].isdigit() else name
        found.append(
            f"{name}_{node.index}" if name in found or (name in ("x", "p") and node.op is not ops.INPUT) else name
        )
    return [f"{node.constant:g}" if node.op is ops.CONSTANT else n for node, n in zip(graph.nodes, found, strict=True)]


def forward_step(graph: Graph) -> str:
    """The function of one step, from the equations."""
    names = _variables(graph)
    carried = ", ".join(f"{state}_prev" for state in graph.states)
    lines = [
        "",
        "",
        f"def step(p, x, {carried}):",
        f'    """One step of the {graph.cell.title}: every value by its name."""',
    ]
    lines += _blocks(graph, names)
    lines += [f"    {names[node.index]} = {_value(node, names)}" for node in graph.operations]
    kept = [node for node in graph.nodes if node.op not in (ops.WEIGHT, ops.BIAS, ops.CONSTANT)]
    values = ", ".join(f'"{names[node.index]}": {names[node.index]}' for node in kept)
    return "\n".join([*lines, *_wrapped(f"    return {{{values}}}"), ""])


def backward_step(graph: Graph) -> str:
    """The function of one step's derivative: the chain rule, operation by operation, backward."""
    names = _variables(graph)
    lines = [
        "", "", "def step_back(p, v, arriving, grads):",
        '    """Carry the gradients of a step\'s states back through it; adds to those of parameters."""',
        *_blocks(graph, names),
    ]  # fmt: skip
    there: set[int] = set()
    for state in graph.states:
        index = graph.named[state]
        lines.append(f'    d_{names[index]} = arriving["{state}"]')
        there.add(index)
    for node in reversed(graph.operations):
        if node.index not in there:
            continue
        values = [f'v["{names[a]}"]' if _is_value(graph.nodes[a]) else names[a] for a in node.args]
        pulls = ("{g}",) * len(node.args) if node.op is ops.SUM else PULLS[node.op]
        for arg, pull in zip(node.args, pulls, strict=True):
            if graph.nodes[arg].op is ops.CONSTANT:
                continue
            text = pull.format(*values, g=f"d_{names[node.index]}", y=f'v["{names[node.index]}"]')
            have = f"d_{names[arg]}"
            lines.append(f"    {have} = {have} + {text}" if arg in there else f"    {have} = {text}")
            there.add(arg)
    parameters = [node for node in graph.nodes if node.op in (ops.WEIGHT, ops.BIAS) and node.index in there]
    for stacked in dict.fromkeys(node.block[0] for node in parameters):
        blocks = sorted((n for n in parameters if n.block[0] == stacked), key=lambda n: n.block[1])
        parts = ", ".join(f"d_{names[node.index]}" for node in blocks)
        lines += _wrapped(f'    grads["{stacked}"] += np.concatenate([{parts}])')
    shown = [node for node in graph.nodes if _is_value(node) and node.index in there]
    gradients = ", ".join(f'"{names[node.index]}": d_{names[node.index]}' for node in shown)
    return "\n".join([*lines, *_wrapped(f"    return {{{gradients}}}"), ""])


def _is_value(node: Node) -> bool:
    return node.op not in (ops.WEIGHT, ops.BIAS, ops.CONSTANT)


def _blocks(graph: Graph, names: list[str]) -> list[str]:
    """The gates' blocks of the stacked parameters, by their names in the equations."""
    lines = []
    parameters = [node for node in graph.nodes if node.op in (ops.WEIGHT, ops.BIAS)]
    for stacked in dict.fromkeys(node.block[0] for node in parameters):
        blocks = sorted((n for n in parameters if n.block[0] == stacked), key=lambda n: n.block[1])
        left = ", ".join(names[node.index] for node in blocks)
        one = f'p["{stacked}"]'
        lines.append(f"    {left} = {one if len(blocks) == 1 else f'blocks({one}, {len(blocks)})'}")
    return lines


def _value(node: Node, names: list[str]) -> str:
    args = [names[arg] for arg in node.args]
    return " + ".join(args) if node.op is ops.SUM else VALUES[node.op].format(*args)


def _wrapped(line: str) -> list[str]:
    """A line in several, never between a key and its value."""
    kept = re.sub(r'(?<=":) ', "\0", line)
    lines = textwrap.wrap(kept, 116, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False)
    return [part.replace("\0", " ") for part in lines]


# What it runs on -----------------------------------------------------------------------------------------------


def facts(trace: Trace) -> str:
    """The constants of the script."""
    spec, batch, timeline = trace.spec, trace.batch, trace.timeline
    counts = batch.target_lengths if spec.has_feedback else batch.lengths if spec.pattern == "many-to-many" else None
    S = batch.S
    parts: dict[str, list[list[dict[str, object]]]] = {}
    for part in layout.parts(spec):
        lanes = layout.lanes(spec, part)
        parts[part] = [
            [
                {"prefix": lane.prefix, "part": part, "layer": lane.layer, "row": lane.row, "reverse": lane.reverse}
                | {name: lane.parameter(name) for name in layout.stacked_names(spec)}
                for lane in lanes
                if lane.layer == layer
            ]
            for layer in range(spec.num_layers)
        ]
    sides = spec.pattern == "sequence-to-sequence"
    states = trace.graph.states
    bridge = {s: "bridge.weight" + (f"_{s}" if s != states[0] else "") for s in states}
    values = {
        "DTYPE": spec.dtype, "HIDDEN_SIZE": spec.hidden_size, "INPUT_SIZE": spec.input_size,
        "OUTPUT_SIZE": spec.output_size, "STATES": list(states), "NAMES": list(trace.graph.recorded),
        "STACKED": list(layout.stacked_names(spec)),
        "PARTS": parts,
        "FEEDS_BACK": [p for p in timeline.parts if any(c.feedback is not None for c in timeline.of(p))],
        "FED": feedback.embedding_name(spec) if spec.feeds_embedding else "",
        "FED_SIZE": spec.feedback_size if spec.has_feedback else 0,
        "START": spec.output_size if sides else 0,
        "CLASSES": spec.loss == "cross-entropy", "FORCED": bool(batch.forced),
        "EMBEDDING": f"{'encoder.' if sides else ''}embedding.weight" if spec.has_embedding else "",
        "OUTPUT": f"{layout.output_before(spec)}output.", "BRIDGE": bridge if sides and spec.bidirectional else {},
        "SEQUENCES": batch.B,
        "OUTPUTS": [S] * batch.B if counts is None else counts.tolist(),
        "SCALE": batch.weights.max(0).astype(np.float64).tolist() if batch.S else [],
        "PARAMETERS": list(trace.parameters),
    }  # fmt: skip
    return "\n".join(line for name, value in values.items() for line in _statement(name, value))


def _statement(name: str, value: object) -> list[str]:
    text = f"{name} = {value!r}" if not isinstance(value, str) else f"{name} = {json.dumps(value)}"
    return [text] if len(text) <= 116 else textwrap.wrap(text, 116, subsequent_indent="    ", break_long_words=False)


def data(trace: Trace) -> dict[str, np.ndarray]:
    """The arrays of the script: parameters by their names, and each sequence's ``x/0``, ``target/0``, ``fed/0``."""
    batch, found = trace.batch, {name: np.asarray(value) for name, value in trace.parameters.items()}
    T = np.full(batch.B, batch.T) if batch.lengths is None else batch.lengths
    own = batch.target_lengths if trace.spec.has_feedback else batch.lengths
    S = np.full(batch.B, batch.S) if own is None or trace.spec.pattern == "many-to-one" else own
    for b in range(batch.B):
        found[f"x/{b}"] = batch.x[: T[b], b]
        if batch.target is not None:
            found[f"target/{b}"] = batch.target[: S[b], b]
        if trace.fed_back is not None and batch.sample is not None:
            found[f"fed/{b}"] = trace.fed_back[:, b]
    found |= {f"{name}": value for name, value in batch.initial.items()}
    found |= {f"{name}_grad": value for name, value in batch.final.items()}
    return found


def written(arrays: Mapping[str, np.ndarray]) -> str:
    """The statement that makes ``DATA``, with the arrays written out as text."""
    lines = [
        "def array(dtype, shape, text):",
        '    """An array that was written as text."""',
        "    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype).reshape(shape).copy()",
        "", "", "DATA = {",
    ]  # fmt: skip
    for name, value in arrays.items():
        packed = base64.b85encode(zlib.compress(np.ascontiguousarray(value).tobytes(), 9)).decode()
        pieces = [packed[i : i + 100] for i in range(0, len(packed), 100)] or [""]
        lines.append(f"    {json.dumps(name)}: array({value.dtype.str!r}, {value.shape!r},")
        lines += [f"        {json.dumps(piece)}" for piece in pieces]
        lines[-1] += "),"
    return "\n".join([*lines, "}", ""])
