"""Sentences of the backward pass: where the error goes, and how much of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.format import number, percent
from engine.narration.words import Segments, Words, first_bad, is_padding, norm, which_lane

#: Share of the largest ‖∂L/∂h‖ of the lane below which an error is said to have vanished.
VANISHED = 1e-3
#: A difference of so many units of rounding is none.
ROUNDING = 64


def backward(trace: Any, event: Any, words: Words, lanes: list[Any]) -> Segments:
    lane, b, state = lanes[0], words.sequence, trace.graph.states[0]
    grads = trace.grad(lane.key(state))[:, b]
    name = (words.column(event.column), "backward")
    here = grads[event.step]
    bad = first_bad(here)
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
    came = norm(travelled)
    if not 0 <= after < len(grads):
        return _enters(trace, event, words, lane, norm(here), came, own)
    there = norm(grads[after])
    source = (words.column(event.column + after - event.step), "backward")
    tail = _rest(trace, lanes, event, words) + _own(trace, lane, own)
    size = ((f": ‖∂L/∂{state}‖ = ", "plain"), (number(norm(here)), "strong"))
    if is_padding(trace, event.part, event.step, b) or is_padding(trace, event.part, after, b):
        return (("Across padding the error passes unchanged to ", "plain"), name, *size, *tail)
    if there == 0 or came == 0:
        return _past(trace, lane, event, words, source, there, size, tail)
    ratio = came / there
    verb, figure, of = _kept(ratio, np.finfo(here.dtype).eps)
    passed = grads[: event.step + 1] if lane.reverse else grads[event.step :]
    vanished = ratio < 1 and norm(here) < VANISHED * _largest(passed)
    gone = f", and has vanished: ‖∂L/∂{state}‖ = {number(norm(here))}" if vanished else ""
    return (
        ("The error leaves ", "plain"),
        source,
        (" and reaches ", "plain"),
        name,
        (f": {_by(trace, lane)}, it {verb} ", "plain"),
        (figure, "backward"),
        (f"{of}{gone}", "plain"),
        *tail,
    )


def _kept(ratio: float, eps: float) -> tuple[str, str, str]:
    """What became of the error's size, in words."""
    if abs(ratio - 1) <= ROUNDING * eps:
        return "keeps", "its size", ""
    if ratio < 1:
        return "keeps", percent(ratio), " of its size"
    grown = number(ratio)
    return (
        ("grows to", grown, " times its size")
        if grown != number(1)
        else ("grows by", percent(ratio - 1), " of its size")
    )


def _past(
    trace: Any,
    lane: Any,
    event: Any,
    words: Words,
    source: tuple[str, str],
    there: float,
    size: Segments,
    tail: Segments,
) -> Segments:
    """Where nothing of ∂L/∂h came to, or came from; another state of the cell may have carried it."""
    name, step, b = (words.column(event.column), "backward"), event.step, words.sequence
    for state in trace.graph.states[1:]:
        carried = norm(trace.travelled(lane.key(state))[step, b])
        if carried > 0:
            only = f" through {state} alone: ‖∂L/∂{state}‖ = "
            amount = number(norm(trace.grad(lane.key(state))[step, b]))
            return (("The error reaches ", "plain"), name, (only, "plain"), (amount, "strong"), *tail)
    if there == 0:
        return (("No error has come as far as ", "plain"), source, ("; at ", "plain"), name, *size, *tail)
    return (("Nothing of the error at ", "plain"), source, (" reaches ", "plain"), name, *tail)


def _by(trace: Any, lane: Any) -> str:
    """What the error passed through on its way from step to step."""
    if trace.graph.cell.gates:
        others = trace.graph.states[1:]
        return "back through the gates" + (f" and the {' and '.join(others)} that they guard" if others else "")
    squash = {"tanh": " and squashed by tanh′", "relu": " and cut by ReLU′", "identity": ""}[trace.spec.nonlinearity]
    return f"multiplied by W_h{squash}"


def _enters(trace: Any, event: Any, words: Words, lane: Any, size: float, came: float, own: float) -> Segments:
    name, state = (words.column(event.column), "backward"), trace.graph.states[0]
    figure = (number(size), "strong")
    if lane.part == "encoder":
        start = norm(trace.grad(f"decoder.l{lane.layer}.{state}")[0, words.sequence])
        share = f", {percent(came / start)} of what it was at the decoder’s first step" if start > 0 else ""
        which = which_lane(trace, lane) if trace.spec.bidirectional else ""
        crosses = (("The error crosses from the decoder into the encoder at ", "plain"), name)
        if own == 0:
            return (*crosses, (f"{which}: through the decoder’s initial state comes ‖∂L/∂{state}‖ = ", "plain"),
                    figure, (f"{share}.", "plain"))  # fmt: skip
        return (*crosses, (f"{which}: through the decoder’s initial state comes ", "plain"), (number(came), "backward"),
                (share, "plain"), *_own(trace, lane, own)[:-1], (f", and ‖∂L/∂{state}‖ = ", "plain"), figure,
                (".", "plain"))  # fmt: skip
    if size == 0:
        return (
            ("No error enters at ", "plain"),
            name,
            (f"{which_lane(trace, lane)}: {_why_none(trace, event, words, lane)}.", "plain"),
        )
    return (
        ("The error enters at ", "plain"),
        name,
        (f"{which_lane(trace, lane)}: ‖∂L/∂{state}‖ = ", "plain"),
        figure,
        (".", "plain"),
    )


def _why_none(trace: Any, event: Any, words: Words, lane: Any) -> str:
    """Why the gradient that enters is zero: nothing is scored there, or what is scored passes nothing on."""
    steps = trace.timeline.reverse_output_steps if lane.reverse else trace.timeline.output_steps
    outputs = np.flatnonzero(steps == event.step) if lane.part == trace.timeline.output_part else ()
    scored = any(trace.batch.weights[s, words.sequence] != 0 for s in outputs)
    return "the output is scored, but passes no gradient on" if scored else "nothing there is scored"


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
    """The largest ‖·‖₂ of the rows of (T, H), scaled as in ``norm``: all at once, since T may be large."""
    largest = float(np.abs(grads).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm((grads / largest).astype(np.float64), axis=-1).max())
