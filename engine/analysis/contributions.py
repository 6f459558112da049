"""What an update is made of: a parameter's gradient as the sum over steps that it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from engine import feedback, layout, ops
from engine.analysis.arguments import whole
from engine.layout import Lane
from engine.narration.words import norm
from engine.recording import engines

LARGEST = 256 * 2**20


def contributions(
    trace: Any, name: str, layer: int = 0, direction: str = "forward", part: str | None = None, *, norms: bool = False
) -> np.ndarray | Iterator[np.ndarray]:
    """Split a parameter's gradient into one summand per step.

    Parameters
    ----------
    trace : engine.Trace
        A run with a target.
    name : str
        A parameter ("weight_hh_l0", "output.weight", "embedding.weight").
    layer, direction, part
        For the same face as the other analyses, and not looked at: the parameter's name says the lane.
    norms : bool
        Return only the summands' norms, (T,).

    Returns
    -------
    ndarray (T,) + the parameter's shape
        They sum to ``trace.parameter_grads[name]``; T is the number of steps of the part the parameter belongs to
        (of outputs, for the head; 1 for a bridge). Past 256 MB an iterator over the summands.

    Raises
    ------
    ValueError
        There is no such parameter, or the run had no target.
    """
    steps, summand = _checked(trace, name)
    if norms:
        return np.array([norm(summand(t)) for t in range(steps)])
    if steps * trace.parameters[name].nbytes > LARGEST:
        return (summand(t) for t in range(steps))
    return np.stack([summand(t) for t in range(steps)])


def contribution(trace: Any, name: str, step: int) -> np.ndarray:
    """One step's summand of a parameter's gradient; see :func:`contributions`."""
    steps, summand = _checked(trace, name)
    return summand(whole("step", step, 0, steps - 1))


def step_shares(trace: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Say how much of a parameter's gradient each step makes up.

    Returns
    -------
    (ndarray (T,), ndarray (T,))
        ⟨part, whole⟩/‖whole‖² of each step's summand, and its norm. The shares add up to 1; a negative one pulls
        against the sum.
    """
    steps, summand = _checked(trace, name)
    return _shares((summand(t) for t in range(steps)), trace.parameter_grads[name], steps)


def loss_shares(trace: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The same split by output: what each output's loss alone asks for, by one backward pass for each.

    Returns
    -------
    (ndarray (S,), ndarray (S,))
        Shares, and norms. What was given as arriving at the last states is no output's.
    """
    _checked(trace, name)
    batch, spec, parameters = trace.batch, trace.spec, dict(trace.parameters)

    def alone(s: int) -> np.ndarray:
        weights = np.zeros_like(batch.weights)
        weights[s] = batch.weights[s]
        recording = engines["numpy"].run(spec, parameters, replace(batch, weights=weights, final={}), "cpu")
        return recording.parameter_grads[name]

    with np.errstate(all="ignore"):
        return _shares((alone(s) for s in range(batch.S)), trace.parameter_grads[name], batch.S)


def _shares(parts: Iterable[np.ndarray], whole: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    shares, norms = np.zeros(count), np.zeros(count)
    flat = whole.ravel().astype(np.float64)
    scale = float(np.abs(flat).max(initial=0.0))
    flat = flat / scale if scale > 0 else flat
    size = float(flat @ flat)
    for i, part in enumerate(parts):
        norms[i] = norm(part)
        shares[i] = part.ravel() @ flat / (scale * size) if size > 0 else 0.0
    return shares, norms


def _checked(trace: Any, name: str) -> tuple[int, Any]:
    if not trace.has_gradients:
        raise ValueError("contributions need a target: this run was a forward pass only")
    if name not in trace.parameters:
        raise ValueError(f"there is no parameter {name!r}; there are {', '.join(trace.parameters)}")
    return _summands(trace, name)


def _summands(trace: Any, name: str) -> tuple[int, Any]:
    before = layout.output_before(trace.spec)
    for lane in trace.lanes.values():
        for stacked in layout.stacked_names(trace.spec):
            if name == lane.parameter(stacked):
                return trace.timeline.steps(lane.part), partial(_of_lane, trace, lane, stacked, name)
    if name == f"{before}output.weight":
        logits, h = trace.grad("output.logits"), _head_input(trace)
        return trace.batch.S, lambda s: logits[s].T @ h[s]
    if name == f"{before}output.bias":
        return trace.batch.S, lambda s: trace.grad("output.logits")[s].sum(0)
    if name.endswith("embedding.weight"):
        return _of_embedding(trace, name)
    return 1, lambda _: trace.parameter_grads[name]


def _of_lane(trace: Any, lane: Lane, stacked: str, name: str, t: int) -> np.ndarray:
    replay, H = trace.replay(lane.prefix), trace.spec.hidden_size
    found = np.zeros_like(trace.parameters[name])
    for node in replay.graph.nodes:
        if node.op is ops.MATVEC:
            weight, vector = (replay.graph.nodes[arg] for arg in node.args)
            if weight.block[0] == stacked:
                rows = slice(weight.block[1] * H, (weight.block[1] + 1) * H)
                found[rows] += replay.grad(node.name)[t].T @ np.asarray(replay.nodes[vector.index])[t]
        elif node.op is ops.BIAS and node.block[0] == stacked:
            rows = slice(node.block[1] * H, (node.block[1] + 1) * H)
            found[rows] += replay.arriving(node.name)[t].sum(0)
    return found


def _head_input(trace: Any) -> np.ndarray:
    """What the head reads at each output, (S, B, head size)."""
    part, top = trace.timeline.output_part, trace.spec.num_layers - 1
    steps = {False: trace.timeline.output_steps, True: trace.timeline.reverse_output_steps}
    lanes = [lane for lane in trace.lanes.values() if lane.part == part and lane.layer == top]
    return np.concatenate([trace.value(lane.key("h"))[steps[lane.reverse]] for lane in lanes], axis=-1)


def _of_embedding(trace: Any, name: str) -> tuple[int, Any]:
    spec, timeline = trace.spec, trace.timeline
    part = timeline.parts[-1] if name.startswith("decoder.") else timeline.parts[0]
    lanes = [lane for lane in trace.lanes.values() if lane.part == part and lane.layer == 0]
    dx = sum(trace.grad(lane.key("x")) for lane in lanes)

    def summand(t: int) -> np.ndarray:
        found, column = np.zeros_like(trace.parameters[name]), timeline.of(part)[t]
        D = spec.embedding_size or 0
        if column.reads is not None:
            np.add.at(found, trace.batch.x[column.reads], dx[t][:, :D])
        if column.feedback is not None and spec.feeds_embedding:
            np.add.at(found, feedback.embedding_rows(spec, trace.fed_back[t]), dx[t][:, -D:])
        return found

    return timeline.steps(part), summand
