"""Sentences of the chain rule: what arrives at an operation, what it is multiplied by, what leaves to where."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import ops
from engine.format import number
from engine.narration.parts import Step, called
from engine.narration.words import Segments, Words, first_bad, norm


def sentence(step: Step, node: Any) -> Segments:
    """Say one factor of the chain rule, after the words that name the place."""
    arrives = step.gradients[node.index]
    name = called(step, node)
    if arrives is None:
        return (("no gradient reaches ", "plain"), (name, "backward"), (".", "plain"))
    bad = first_bad(arrives)
    if bad is not None:
        return ((f"the gradient of {name} is {number(arrives[bad])} at unit {bad + 1}.", "warning"),)
    opening = ((number(norm(arrives)), "strong"), (" of gradient arrives at ", "plain"), (name, "backward"))
    leaving = _leaving(step, node, arrives)
    if not leaving:
        return (*opening, ("; it goes on to parameters only.", "plain"))
    if node.op in (ops.SUM, ops.IDENTITY):
        to = [called(step, child) for child, _, _ in leaving]
        listed = f"{', '.join(to[:-1])} and {to[-1]}" if len(to) > 1 else to[0]
        each = "to each of " if len(to) > 1 else "to "
        return (*opening, (" and passes unchanged ", "plain"), (f"{each}{listed}", "plain"), (".", "plain"))
    found: list[tuple[str, str]] = []
    for at, (child, times, part) in enumerate(leaving):
        found += [("; " if at == 0 else ", ", "plain"), (f"{times} it leaves ", "plain"),
                  (number(norm(part)), "strong"), (f" to {called(step, child)}", "plain")]  # fmt: skip
    return (*opening, *found, (".", "plain"))


def _leaving(step: Step, node: Any, arrives: np.ndarray) -> list[tuple[Any, str, np.ndarray]]:
    """For each thing that a value was computed from: it, the factor in words, and what it gets."""
    args = [step.graph.nodes[arg] for arg in node.args]
    with np.errstate(all="ignore"):
        parts = node.op.pull(np, arrives, step.values[node.index], *(step.values[arg] for arg in node.args))
    found = []
    for at, (child, part) in enumerate(zip(args, parts, strict=True)):
        if part is None or child.op in (ops.CONSTANT, ops.BIAS, ops.WEIGHT):
            continue
        if node.op is ops.MATVEC:
            times = f"through {called(step, args[0])}ᵀ"
        elif node.op is ops.PRODUCT:
            times = f"times {called(step, args[1 - at])}"
        elif node.op is ops.DIFFERENCE:
            times = "times −1" if at else "unchanged"
        else:
            mean = number(float(np.mean(step.slope(node))))
            times = f"times the slope of {node.op.name if node.op is not ops.RELU else 'ReLU'}, {mean} on average,"
        found.append((child, times, np.asarray(part)))
    return found


def head(trace: Any, event: Any, words: Words) -> Segments:
    """What arrives at the head's scores, and what it leaves to the hidden state."""
    emits = trace.timeline.of(event.part)[event.step].emits
    arrives = trace.grad("output.logits")[emits, words.sequence]
    opening = (("At ", "plain"), (words.column(event.column), "backward"), (", ", "plain"))
    bad = first_bad(arrives)
    if bad is not None:
        return (*opening, (f"the gradient of the scores is {number(arrives[bad])} at component {bad + 1}.", "warning"))
    size = (number(norm(arrives)), "strong")
    if trace.spec.loss == "cross-entropy":
        most = int(np.abs(arrives).argmax())
        return (*opening, ("the loss pulls at the scores with ", "plain"), size, (", most at ", "plain"),
                (words.label(most), "backward"), (f": {number(arrives[most])}.", "plain"))  # fmt: skip
    return (*opening, ("the loss pulls at the output with ", "plain"), size, (".", "plain"))
