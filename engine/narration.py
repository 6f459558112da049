"""One plain sentence for each position of the playhead, from the run's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.format import number, percent

Segments = tuple[tuple[str, str], ...]
#: Share of the largest ‖∂L/∂h‖ of the lane below which an error is said to have vanished.
VANISHED = 1e-3
#: A difference of so many units of rounding is none.
ROUNDING = 64


@dataclass(frozen=True)
class Words:
    """What things are called, and which sequence of the batch is meant.

    Attributes
    ----------
    columns : tuple of str
        One name for each column of the score ("like", "<bos>"); empty: "step 5".
    labels : tuple of str
        One name for each output class; empty: "class 2".
    sequence : int
        Which sequence of the batch the sentences speak of.
    """

    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sequence: int = 0

    def column(self, index: int) -> str:
        """The name of a column in quotes, or its step."""
        return f"“{self.columns[index]}”" if index < len(self.columns) else f"step {index + 1}"

    def label(self, index: int) -> str:
        """The name of a class."""
        return f"“{self.labels[index]}”" if index < len(self.labels) else f"class {index}"


def words(trace: Any, tokens: Sequence[str] = (), labels: Sequence[str] = (), sequence: int = 0) -> Words:
    """Name every column of a run: the input's tokens, and what was fed back into the others.

    Parameters
    ----------
    trace : engine.Trace
    tokens : sequence of str
        One for each input step.
    labels : sequence of str
        One for each output class.
    sequence : int
    """
    if not tokens:
        return Words((), tuple(labels), sequence)
    found, fed = [], trace.fed_back
    for column in trace.timeline.columns:
        if column.reads is not None:
            found.append(tokens[column.reads] if column.reads < len(tokens) else "<pad>")
        elif column.feedback is not None and fed is not None:
            ident = int(fed[column.step, sequence])
            found.append("<bos>" if ident < 0 else labels[ident] if ident < len(labels) else f"class {ident}")
        else:
            found.append("y" if column.feedback is not None else "·")
    return Words(tuple(found), tuple(labels), sequence)


def narrate(trace: Any, event: Any, words: Words) -> Segments:
    """Say what happened at a position, with the run's numbers for one sequence.

    Parameters
    ----------
    trace : engine.Trace
    event : engine.events.Event
    words : Words

    Returns
    -------
    tuple of (str, str)
        The sentence in segments, each with its role: "plain", "strong", "forward", "backward", "muted", "warning".
    """
    if event.operation is not None:
        return _operation(trace, event, words)
    if event.phase == "loss":
        return _loss(trace, words)
    lanes = _lanes(trace, event)
    if event.phase == "forward":
        return _forward(trace, event, words, lanes) if lanes else _output(trace, event, words)
    return _backward(trace, event, words, lanes)


def plain(segments: Segments) -> str:
    """Join the segments of a sentence."""
    return "".join(text for text, _ in segments)


def norm(vector: np.ndarray) -> float:
    """‖v‖₂, scaled by the largest entry so that it neither over- nor underflows."""
    largest = float(np.abs(vector).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm((vector / largest).astype(np.float64)))


def _lanes(trace: Any, event: Any) -> list[Any]:
    """The lanes a token position completes, the top layer first."""
    if event.phase == "forward" and event.layer is None and any(lane.reverse for lane in trace.lanes.values()):
        if event.part != "decoder":
            return []
    found = [lane for lane in trace.lanes.values() if lane.part == event.part]
    if event.layer is not None:
        found = [lane for lane in found if (lane.layer, lane.direction) == (event.layer, event.direction)]
    return found[::-1]


def _many(trace: Any, lane: Any) -> str:
    """How a lane is told from the others, where there are others."""
    several = [other for other in trace.lanes.values() if other.part == lane.part]
    if len(several) == 1:
        return ""
    directions = any(other.reverse for other in several)
    way = ("backwards, " if lane.reverse else "forwards, ") if directions else ""
    return f" ({way}layer {lane.layer + 1})" if len({other.layer for other in several}) > 1 else f" ({way[:-2]})"


def _first_bad(vector: np.ndarray) -> int | None:
    bad = np.flatnonzero(~np.isfinite(vector))
    return int(bad[0]) if bad.size else None


def _is_padding(trace: Any, event: Any, words: Words) -> bool:
    mask = trace.batch.step_mask(event.part)
    return mask is not None and not mask[event.step, words.sequence]


# Forward -------------------------------------------------------------------------------------------------


def _forward(trace: Any, event: Any, words: Words, lanes: list[Any]) -> Segments:
    lane, b = lanes[0], words.sequence
    name = (words.column(event.column), "forward")
    if _is_padding(trace, event, words):
        return (name, (" is padding: the state is held as it was.", "plain"))
    state = trace.graph.states[0]
    now = trace.value(lane.key(state))[event.step, b]
    bad = _first_bad(now)
    if bad is not None:
        return (
            name,
            (
                f" comes in, and unit {bad + 1} of {state} is {number(now[bad])}{_many(trace, lane)}.",
                "warning",
            ),
        )
    before = trace.value(lane.key(f"{state}_prev"))[event.step, b]
    moved = now - before
    unit = int(np.abs(moved).argmax())
    change = (f"unit {unit + 1} moves most, from {number(before[unit])} to {number(now[unit])}", "plain")
    size = norm(before)
    if size == 0:
        opening = (f" comes into an empty memory{_many(trace, lane)}: ‖{state}‖ becomes ", "plain")
        figure = number(norm(now))
    else:
        opening = (" comes in and changes the hidden state by ", "plain")
        figure = f"{percent(norm(moved) / size)} of its size"
    tail = _says(trace, event, words)
    place = "" if size == 0 else _many(trace, lane)
    return (name, opening, (figure, "strong"), (f"{place}; ", "plain"), change, *(tail or ((".", "plain"),)))


def _says(trace: Any, event: Any, words: Words) -> Segments:
    """What the column's output says, where it has one and it is computed with the column."""
    if event.part != trace.timeline.output_part or any(
        lane.reverse for lane in trace.lanes.values() if lane.part == event.part
    ):
        return ()
    emits = trace.timeline.of(event.part)[event.step].emits
    return () if emits is None else ((". ", "plain"), *_answer(trace, emits, words), (".", "plain"))


def _answer(trace: Any, output: int, words: Words, the: str = "The") -> Segments:
    y = trace.value("output.y")[output, words.sequence]
    bad = _first_bad(y)
    if bad is not None:
        return ((f"{the} output is {number(y[bad])} at component {bad + 1}", "warning"),)
    if trace.spec.loss == "cross-entropy":
        best = int(y.argmax())
        return (
            (f"{the} output says ", "plain"),
            (words.label(best), "forward"),
            (f" with {percent(y[best])}", "plain"),
        )
    best = int(np.abs(y).argmax())
    return (
        (f"{the} output’s largest component is ", "plain"),
        (f"y[{best + 1}] = {number(y[best])}", "forward"),
    )


def _output(trace: Any, event: Any, words: Words) -> Segments:
    emits = trace.timeline.of(event.part)[event.step].emits
    if trace.batch.output_mask is not None and not trace.batch.output_mask[emits, words.sequence]:
        return ((words.column(event.column), "forward"), (" is padding: it has no output.", "plain"))
    return (
        ("At ", "plain"),
        (words.column(event.column), "forward"),
        (" ", "plain"),
        *_answer(trace, emits, words, "the"),
        (".", "plain"),
    )


# Loss ----------------------------------------------------------------------------------------------------


def _loss(trace: Any, words: Words) -> Segments:
    b, losses = words.sequence, trace.value("loss")[:, words.sequence, 0]
    scored = np.flatnonzero(trace.batch.weights[:, b] != 0)
    share = "" if trace.batch.B == 1 else f" (over the {trace.batch.B} sequences: {number(trace.loss)})"
    total = float(losses.sum())
    if not np.isfinite(total):
        first = int(np.flatnonzero(~np.isfinite(losses))[0])
        return (
            (
                f"The loss is {number(total)}: output {first + 1} is the first that is not a finite number.",
                "warning",
            ),
        )
    mean = " on average" if trace.batch.reduction == "mean" and len(scored) > 1 else ""
    shown = total / len(losses) if mean else total
    opening = (("The loss is ", "plain"), (number(shown), "strong"), (f"{mean}{share}", "plain"))
    if len(scored) > 1:
        worst = int(scored[losses[scored].argmax()])
        column = trace.timeline.offset(trace.timeline.output_part) + int(trace.output_steps[worst])
        return (*opening, (f", from {len(scored)} outputs; the largest part, {number(losses[worst])}, is at ", "plain"),
                (words.column(column), "strong"), *_target(trace, worst, words), (".", "plain"))  # fmt: skip
    return (
        (*opening, *_target(trace, int(scored[0]), words), (".", "plain"))
        if len(scored)
        else (*opening, (".", "plain"))
    )


def _target(trace: Any, output: int, words: Words) -> Segments:
    if trace.spec.loss != "cross-entropy":
        return ()
    target = int(trace.batch.target[output, words.sequence])
    given = trace.value("output.y")[output, words.sequence, target]
    return (
        (": the right answer, ", "plain"),
        (words.label(target), "strong"),
        (f", was given {percent(given)}", "plain"),
    )


# Backward ------------------------------------------------------------------------------------------------


def _backward(trace: Any, event: Any, words: Words, lanes: list[Any]) -> Segments:
    lane, b, state = lanes[0], words.sequence, trace.graph.states[0]
    grads = trace.grad(lane.key(state))[:, b]
    name = (words.column(event.column), "backward")
    here = grads[event.step]
    bad = _first_bad(here)
    if bad is not None:
        return (
            ("The error that reaches ", "plain"),
            name,
            (f" is {number(here[bad])} in unit {bad + 1}.", "warning"),
        )
    after = event.step - 1 if lane.reverse else event.step + 1
    travelled = trace.travelled(lane.key(state))[event.step, b]
    own = norm(here - travelled)
    if own <= ROUNDING * np.finfo(here.dtype).eps * norm(here):
        own = 0.0
    if not 0 <= after < len(grads):
        return _enters(trace, event, words, lane, norm(here))
    came, there = norm(travelled), norm(grads[after])
    source = (words.column(event.column + after - event.step), "backward")
    tail = _rest(trace, lanes, event, words) + _own(trace, lane, own)
    if (
        _is_padding(trace, event, words)
        or trace.batch.step_mask(event.part) is not None
        and not trace.batch.step_mask(event.part)[after, b]
    ):
        return (
            ("Across padding the error passes unchanged to ", "plain"),
            name,
            (f": ‖∂L/∂{state}‖ = ", "plain"),
            (number(norm(here)), "strong"),
            *tail,
        )
    if there == 0:
        return (
            ("No error has come as far as ", "plain"),
            source,
            ("; at ", "plain"),
            name,
            (f" ‖∂L/∂{state}‖ = ", "plain"),
            (number(norm(here)), "strong"),
            *tail,
        )
    if came == 0:
        return (("Nothing of the error at ", "plain"), source, (" reaches ", "plain"), name, *tail)
    ratio = came / there
    kept = f"keeps {percent(ratio)} of its size" if ratio <= 1 else f"grows to {number(ratio)} times its size"
    verb, figure = kept.split(" ", 1) if ratio <= 1 else ("grows to", kept.removeprefix("grows to "))
    gone = (
        f", and has vanished: ‖∂L/∂{state}‖ = {number(norm(here))}" if norm(here) < VANISHED * _largest(grads) else ""
    )
    return (
        ("The error leaves ", "plain"), source, (" and reaches ", "plain"), name, (f": {_by(trace, lane)}, it {verb} ", "plain"),
        (figure, "backward"), (gone, "plain"), *tail,
    )  # fmt: skip


def _by(trace: Any, lane: Any) -> str:
    """What the error passed through on its way from step to step."""
    if trace.graph.cell.gates:
        others = trace.graph.states[1:]
        return "back through the gates" + (f" and the {' and '.join(others)} that they guard" if others else "")
    squash = {"tanh": " and squashed by tanh′", "relu": " and cut by ReLU′", "identity": ""}[trace.spec.nonlinearity]
    return f"multiplied by W_h{squash}"


def _enters(trace: Any, event: Any, words: Words, lane: Any, size: float) -> Segments:
    name, state = (words.column(event.column), "backward"), trace.graph.states[0]
    figure = (number(size), "strong")
    if lane.part == "encoder" and not lane.reverse:
        start = norm(trace.grad(f"decoder.l{lane.layer}.{state}")[0, words.sequence])
        share = f", {percent(size / start)} of what it was at the decoder’s first step" if start > 0 else ""
        return (("The error crosses from the decoder into the encoder at ", "plain"), name,
                (f": ‖∂L/∂{state}‖ = ", "plain"), figure, (f"{share}.", "plain"))  # fmt: skip
    if size == 0:
        return (
            ("No error enters at ", "plain"),
            name,
            (f"{_many(trace, lane)}: nothing there is scored.", "plain"),
        )
    return (
        ("The error enters at ", "plain"),
        name,
        (f"{_many(trace, lane)}: ‖∂L/∂{state}‖ = ", "plain"),
        figure,
        (".", "plain"),
    )


def _own(trace: Any, lane: Any, size: float) -> Segments:
    if size == 0:
        return ((".", "plain"),)
    top = lane.layer == trace.spec.num_layers - 1
    source = "the step’s own loss" if top and trace.timeline.output_part == lane.part else "the layer above"
    if trace.spec.has_feedback and not trace.batch.forced and trace.spec.differentiable_feedback:
        source += " and what was fed back"
    return (("; ", "plain"), (source, "plain"), (" adds ", "plain"), (number(size), "strong"), (".", "plain"))


def _rest(trace: Any, lanes: list[Any], event: Any, words: Words) -> Segments:
    """The layers below, in brief."""
    if len(lanes) < 2:
        return ()
    state = trace.graph.states[0]
    sizes = [norm(trace.grad(lane.key(state))[event.step, words.sequence]) for lane in lanes]
    listed = ", ".join(f"layer {lane.layer + 1}: {number(size)}" for lane, size in zip(lanes, sizes, strict=True))
    return ((f" (‖∂L/∂{state}‖ in {listed})", "muted"),)


def _largest(grads: np.ndarray) -> float:
    return max((norm(grad) for grad in grads), default=0.0)


# Operations ----------------------------------------------------------------------------------------------


def _operation(trace: Any, event: Any, words: Words) -> Segments:
    b, name = words.sequence, event.operation
    where = (words.column(event.column), event.phase if event.phase != "loss" else "strong")
    if name == "loss":
        return _loss(trace, words)
    if name in ("logits", "y"):
        emits = trace.timeline.of(event.part)[event.step].emits
        key, step = f"output.{name}", emits
    else:
        lane = next(x for x in trace.lanes.values()
                    if (x.part, x.layer, x.direction) == (event.part, event.layer, event.direction))  # fmt: skip
        key, step = lane.key(name), event.step
    vector = (trace.value if event.phase == "forward" else trace.grad)(key)[step, b]
    what = name if event.phase == "forward" else f"∂L/∂({name})" if " " in name or "*" in name else f"∂L/∂{name}"
    role = "forward" if event.phase == "forward" else "backward"
    return (
        ("At ", "plain"),
        where,
        (": ", "plain"),
        (what, role),
        (" has size ", "plain"),
        (number(norm(vector)), "strong"),
        (".", "plain"),
    )
