"""Sentences of single operations: what each equation of the cell did, and each factor of the chain rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import ops
from engine.format import number, percent
from engine.narration import factor
from engine.narration.loss import loss
from engine.narration.parts import Step, called
from engine.narration.words import Segments, Words, first_bad, is_output, is_padding, norm, which_lane


def operation(trace: Any, event: Any, words: Words) -> Segments:
    """Say what one operation did, with the run's numbers."""
    name = event.operation
    if name == "loss":
        return loss(trace, words)
    if name in ("logits", "y"):
        if not is_output(trace, trace.timeline.of(event.part)[event.step].emits, words.sequence):
            return ((words.column(event.column), "muted"), (" is padding: it has no output.", "plain"))
        return _head(trace, event, words) if event.phase == "forward" else factor.head(trace, event, words)
    lane = next(x for x in trace.lanes.values()
                if (x.part, x.layer, x.direction) == (event.part, event.layer, event.direction))  # fmt: skip
    if is_padding(trace, event.part, event.step, words.sequence):
        column = (words.column(event.column), "muted")
        if event.phase == "forward":
            return (column, (" is padding: the cell computes nothing there.", "plain"))
        return (column, (" is padding: the gradient of the state passes it by.", "plain"))
    step = Step(trace, lane, event.step, words.sequence)
    opening = (("At ", "plain"), (words.column(event.column), event.phase), (f"{which_lane(trace, lane)}, ", "plain"))
    node = trace.graph.node(name)
    if event.phase == "backward":
        return (*opening, *factor.sentence(step, node))
    value = step.value(node)
    bad = first_bad(value)
    if bad is not None:
        text = f"{called(step, node)} is {number(value[bad])} at unit {bad + 1}."
        return (*opening, (text, "warning"))
    return (*opening, *_forward(step, node))


def _forward(step: Step, node: Any) -> Segments:
    if node.op is ops.MATVEC:
        return _matrix(step, node)
    if node.op is ops.SUM:
        return _sum(step, node)
    if node.op is ops.PRODUCT:
        return _product(step, node)
    if node.op is ops.DIFFERENCE:
        mean = number(float(np.mean(step.value(node))))
        return ((called(step, node), "forward"), (" leaves ", "plain"), (mean, "strong"), (" on average.", "plain"))
    return _function(step, node)


def _matrix(step: Step, node: Any) -> Segments:
    """The unit that gets most, and the input that gave it most of that."""
    weight, vector = (step.graph.nodes[arg] for arg in node.args)
    value, matrix, read = step.value(node), step.value(weight), step.value(vector)
    unit = int(np.abs(value).argmax())
    products = matrix[unit] * read
    if value[unit] == 0:
        why = " in every unit" if np.any(read) else f": {called(step, vector)} is all zeros"
        said = ((f"{called(step, weight)} times ", "plain"), (called(step, vector), "forward"))
        return (*said, (f" is zero{why}.", "plain"))
    index = int(np.abs(products).argmax())
    return (
        (f"{called(step, weight)} reads ", "plain"),
        (called(step, vector), "forward"),
        (f": unit {unit + 1} gets most, ", "plain"),
        (number(value[unit]), "strong"),
        (f"; its largest product, {number(products[index])}, is with {called(step, vector)}[{index + 1}].", "plain"),
    )


def _sum(step: Step, node: Any) -> Segments:
    """How large each part is, and the whole."""
    parts = [step.graph.nodes[arg] for arg in node.args]
    biases = [part for part in parts if part.op is ops.BIAS]
    sizes = [f"{called(step, part)} ({number(norm(step.value(part)))})" for part in parts if part not in biases]
    if biases:
        total = norm(np.sum([step.value(part) for part in biases], axis=0))
        sizes.append(f"{'the biases' if len(biases) > 1 else 'the bias'} ({number(total)})")
    listed = f"{', '.join(sizes[:-1])} and {sizes[-1]}" if len(sizes) > 1 else sizes[0]
    opening = (_title(step, node), "forward")
    verb = (f" adds up {listed}", "plain")
    return (opening, verb, (": its size is ", "plain"), (number(norm(step.value(node))), "strong"), (".", "plain"))


def _product(step: Step, node: Any) -> Segments:
    """What share of a vector a gate lets pass; of two vectors the sizes."""
    first, second = (step.graph.nodes[arg] for arg in node.args)
    gate, vector = (second, first) if step.opens(second) and not step.opens(first) else (first, second)
    result, size = step.value(node), norm(step.value(vector))
    if step.opens(gate) and size:
        verb = "keeps" if vector.op is ops.STATE else "lets through"
        share = percent(norm(result) / size)
        return (
            (_title(step, gate), "forward"),
            (f" {verb} ", "plain"),
            (share, "strong"),
            (f" of the size of {called(step, vector)}.", "plain"),
        )
    return (
        (f"{called(step, first)} times {called(step, second)}, element by element, has size ", "plain"),
        (number(norm(result)), "strong"),
        (".", "plain"),
    )


def _function(step: Step, node: Any) -> Segments:
    """How open a gate stands, how saturated a nonlinearity is."""
    value = step.value(node)
    name = (_title(step, node), "forward")
    if node.op is ops.IDENTITY:
        return (name, (" is its sum, unchanged: size ", "plain"), (number(norm(value)), "strong"), (".", "plain"))
    if node.op is ops.RELU:
        on = int(np.count_nonzero(value > 0))
        return (name, (" cuts off what is negative: ", "plain"), (f"{on} of {len(value)}", "strong"),
                (" units are on.", "plain"))  # fmt: skip
    slope = float(np.mean(step.slope(node)))
    steepest = "0.25" if node.op is ops.SIGMOID else "1"
    tail = (f"; its mean slope is {number(slope)} (at most {steepest}).", "plain")
    if node.op is ops.SIGMOID:
        low, high = number(float(value.min())), number(float(value.max()))
        return (name, (" opens to ", "plain"), (number(float(value.mean())), "strong"),
                (f" on average, from {low} to {high}", "plain"), tail)  # fmt: skip
    inner = called(step, step.graph.nodes[node.args[0]])
    return (name, (f" squashes {inner} to size ", "plain"), (number(norm(value)), "strong"), tail)


def _title(step: Step, node: Any) -> str:
    """A gate or state with what it is: "the forget gate f"."""
    name, cell = called(step, node), step.graph.cell
    if node.named and node.name in step.graph.states:
        kinds = {"h": "the new hidden state", "c": "the new cell state"}
        return f"{kinds.get(node.name, 'the new state')} {name}"
    if node.named and node.op is ops.SIGMOID:
        return f"the {'forget ' if node.name == cell.forget_gate else ''}gate {name}"
    return name


def _head(trace: Any, event: Any, words: Words) -> Segments:
    """The best score, or the best class."""
    emits = trace.timeline.of(event.part)[event.step].emits
    values = trace.value(f"output.{event.operation}")[emits, words.sequence]
    opening = (("At ", "plain"), (words.column(event.column), "forward"), (", ", "plain"))
    bad = first_bad(values)
    if bad is not None:
        return (*opening, (f"the output is {number(values[bad])} at component {bad + 1}.", "warning"))
    classes = trace.spec.loss == "cross-entropy"
    best = int((values if classes else np.abs(values)).argmax())
    label = words.label(best) if classes else f"component {best + 1}"
    if event.operation == "logits":
        said = (("the head scores ", "plain"), (label, "forward"), (" highest: ", "plain"))
        if not classes:
            said = (("the head’s largest is ", "plain"), (label, "forward"), (": ", "plain"))
        return (*opening, *said, (number(values[best]), "strong"), (".", "plain"))
    if classes:
        return (*opening, ("the softmax gives ", "plain"), (label, "forward"), (" ", "plain"),
                (percent(values[best]), "strong"), (".", "plain"))  # fmt: skip
    return (*opening, ("the output’s largest is ", "plain"), (label, "forward"), (": ", "plain"),
            (number(values[best]), "strong"), (".", "plain"))  # fmt: skip
