"""What clipping and truncated backpropagation through time do to a gradient."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np

from engine import timeline
from engine.analysis.arguments import whole
from engine.inputs import Batch
from engine.optimizers import clip_by_norm, global_norm
from engine.recording import engines


def clipped(trace: Any, limit: float) -> tuple[dict[str, np.ndarray], float, float]:
    """Clip the run's gradient by its global norm (Pascanu, Mikolov and Bengio 2013).

    Returns
    -------
    (dict, float, float)
        The gradients after, and the norm before and after.
    """
    if not isinstance(limit, Real) or not np.isfinite(float(limit)) or limit <= 0:
        raise ValueError(f"limit={limit!r} is not possible; it must be a finite number above 0")
    grads, before = clip_by_norm(trace.parameter_grads, limit)
    return grads, before, global_norm(grads)


def truncated(trace: Any, k: int) -> dict[str, np.ndarray]:
    """Return every parameter's gradient under backpropagation through time truncated after ``k`` steps.

    As it is done in practice (Williams and Peng 1990; ``h.detach()`` every k steps): the sequence is cut into
    windows of k steps, counted from the end; the state is carried forward over the cuts, the gradient is not.

    Raises
    ------
    ValueError
        The run had no target, or the pattern reads its own output or the sequence from both sides.
    """
    spec, batch = trace.spec, trace.batch
    if not trace.has_gradients:
        raise ValueError("truncation needs a target: this run was a forward pass only")
    if spec.has_feedback or spec.bidirectional:
        raise ValueError(
            f"truncation is for one-directional networks that do not read their output, not {spec.pattern}"
        )
    k = whole("k", k, 1)
    total = {name: np.zeros_like(value) for name, value in trace.parameters.items()}
    for stop in range(batch.T, 0, -k):
        start = max(0, stop - k)
        window = _window(trace, start, stop)
        if window is None:
            continue
        found = engines["numpy"].run(spec, dict(trace.parameters), window, "cpu").parameter_grads
        for name, grad in found.items():
            total[name] += grad
    return total


def _window(trace: Any, start: int, stop: int) -> Batch | None:
    """The steps [start, stop) as a run of their own, from the recorded state; None where nothing is scored."""
    batch, spec = trace.batch, trace.spec
    outputs = np.flatnonzero((batch.timeline.output_steps >= start) & (batch.timeline.output_steps < stop))
    if not outputs.size:
        return None
    steps = batch.timeline.output_steps[outputs] - start
    emits = np.isin(np.arange(stop - start), steps)
    lengths = None if batch.lengths is None else np.clip(batch.lengths - start, 0, stop - start)
    first, last = int(outputs[0]), int(outputs[-1]) + 1
    output_lengths = None
    if batch.target_lengths is not None:
        output_lengths = np.clip(batch.target_lengths - first, 0, last - first)
    initial = batch.initial
    if start > 0:
        tops = [trace.lanes[f"l{layer}"] for layer in range(spec.num_layers)]
        states = trace.graph.states
        initial = {f"{s}_0": np.stack([trace.value(lane.key(s))[start - 1] for lane in tops]) for s in states}
    return replace(
        batch,
        timeline=timeline.masked([True] * (stop - start), emits.tolist(), pattern=batch.timeline.pattern),
        x=batch.x[start:stop],
        target=batch.target[first:last],
        lengths=lengths,
        target_lengths=output_lengths,
        initial=initial,
        weights=batch.weights[first:last],
    )
