"""Sentences of the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.format import number, percent
from engine.narration.words import Segments, Words


def loss(trace: Any, words: Words) -> Segments:
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
        (": its own answer, " if words.own_answer else ": the right answer, ", "plain"),
        (words.label(target), "strong"),
        (f", was given {percent(given)}", "plain"),
    )
