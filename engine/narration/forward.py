"""Sentences of the forward pass: what came in, what changed, what the output says."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.format import number, percent
from engine.narration.words import Segments, Words, first_bad, is_output, is_padding, norm, which_lane


def forward(trace: Any, event: Any, words: Words, lanes: list[Any]) -> Segments:
    lane, b = lanes[0], words.sequence
    name = (words.column(event.column), "forward")
    if is_padding(trace, event.part, event.step, b):
        return (name, (" is padding: the state is held as it was.", "plain"))
    state = trace.graph.states[0]
    now = trace.value(lane.key(state))[event.step, b]
    bad = first_bad(now)
    if bad is not None:
        return (
            name,
            (
                f" comes in, and unit {bad + 1} of {state} is {number(now[bad])}{which_lane(trace, lane)}.",
                "warning",
            ),
        )
    before = trace.value(lane.key(f"{state}_prev"))[event.step, b]
    moved = now - before
    unit = int(np.abs(moved).argmax())
    change = (f"unit {unit + 1} moves most, from {number(before[unit])} to {number(now[unit])}", "plain")
    tail = _says(trace, event, words) or ((".", "plain"),)
    size = norm(before)
    if not moved.any():
        stays = f" comes in, and the hidden state stays {'empty' if size == 0 else 'as it is'}{which_lane(trace, lane)}"
        return (name, (stays, "plain"), *tail)
    empty = all(not trace.value(lane.key(f"{other}_prev"))[event.step, b].any() for other in trace.graph.states)
    if size == 0 and not empty:
        opening = (f" comes in{which_lane(trace, lane)}: ‖{state}‖ rises from 0 to ", "plain")
        figure = number(norm(now))
    elif size == 0:
        opening = (f" comes into an empty memory{which_lane(trace, lane)}: ‖{state}‖ becomes ", "plain")
        figure = number(norm(now))
    else:
        opening = (" comes in and changes the hidden state by ", "plain")
        figure = f"{percent(norm(moved) / size)} of its size"
    place = "" if size == 0 else which_lane(trace, lane)
    return (name, opening, (figure, "strong"), (f"{place}; ", "plain"), change, *tail)


def _says(trace: Any, event: Any, words: Words) -> Segments:
    """What the column's output says, where it has one and it is computed with the column."""
    if event.part != trace.timeline.output_part or any(
        lane.reverse for lane in trace.lanes.values() if lane.part == event.part
    ):
        return ()
    emits = trace.timeline.of(event.part)[event.step].emits
    absent = emits is None or not is_output(trace, emits, words.sequence)
    return () if absent else ((". ", "plain"), *_answer(trace, emits, words), (".", "plain"))


def _answer(trace: Any, output: int, words: Words, the: str = "The") -> Segments:
    y = trace.value("output.y")[output, words.sequence]
    bad = first_bad(y)
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


def output(trace: Any, event: Any, words: Words) -> Segments:
    emits = trace.timeline.of(event.part)[event.step].emits
    if not is_output(trace, emits, words.sequence):
        return ((words.column(event.column), "forward"), (" is padding: it has no output.", "plain"))
    return (
        ("At ", "plain"),
        (words.column(event.column), "forward"),
        (" ", "plain"),
        *_answer(trace, emits, words, "the"),
        (".", "plain"),
    )
