"""Sentences of single operations."""

from __future__ import annotations

from typing import Any

from engine.format import number
from engine.narration.loss import loss
from engine.narration.words import Segments, Words, norm


def operation(trace: Any, event: Any, words: Words) -> Segments:
    b, name = words.sequence, event.operation
    where = (words.column(event.column), event.phase if event.phase != "loss" else "strong")
    if name == "loss":
        return loss(trace, words)
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
