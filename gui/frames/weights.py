"""A parameter to be touched: its values, its gradient, its distance from what it was, and what that did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace
from engine.layout import stacked_names
from engine.losses import LOSSES
from gui.frames.heatmap import scale_of


@dataclass(frozen=True, eq=False)
class Matrix:
    """One parameter as a matrix; a bias is one column.

    Attributes
    ----------
    name : str
    values, change : ndarray (rows, columns)
        ``change`` is what was added to the reference.
    gradient : ndarray (rows, columns) or None
        ∂L/∂ the parameter; None without a target.
    scale, change_scale, gradient_scale : float
        The largest finite magnitude of each; 1 where there is none above zero.
    """

    name: str
    values: np.ndarray
    change: np.ndarray
    gradient: np.ndarray | None
    scale: float
    change_scale: float
    gradient_scale: float


def matrix(name: str, values: np.ndarray, reference: np.ndarray, gradient: np.ndarray | None) -> Matrix:
    """Gather a parameter; one whose reference has another shape has not changed."""
    changed = reference is not values and reference.shape == values.shape
    values = as_matrix(values)
    change = values - as_matrix(reference) if changed else np.zeros_like(values)
    pulled = None if gradient is None else as_matrix(gradient)
    slope = 1.0 if pulled is None else scale_of(pulled)
    return Matrix(name, values, change, pulled, scale_of(values), scale_of(change), slope)


def as_matrix(values: np.ndarray) -> np.ndarray:
    """A vector as one column."""
    return values[:, None] if values.ndim == 1 else values


@dataclass(frozen=True)
class Effect:
    """What other parameters do to a run.

    Attributes
    ----------
    loss_before, loss_after : float
    output, label : int or None
        The output that is looked at, and its class; None where the outputs are no probabilities.
    before, after : float
        Its probability.
    """

    loss_before: float
    loss_after: float
    output: int | None
    label: int | None
    before: float
    after: float


def effect(before: Trace, after: Trace, sequence: int) -> Effect | None:
    """Compare two runs of one batch; None without a target.

    The probability is that of the target at the sequence's last output that has one.
    """
    if before.loss is None or after.loss is None:
        return None
    if not LOSSES[after.spec.loss].class_targets:
        return Effect(before.loss, after.loss, None, None, 0.0, 0.0)
    weights, target = after.batch.weights[:, sequence], after.batch.target
    assert target is not None  # there is a loss
    scored = np.flatnonzero(weights != 0)
    output = int(scored[-1]) if scored.size else len(weights) - 1
    label = int(target[output, sequence])
    was, now = (float(trace.value("output.y")[output, sequence, label]) for trace in (before, after))
    return Effect(before.loss, after.loss, output, label, was, now)


def meaning(trace: Trace, name: str, row: int) -> tuple[str, int] | None:
    """Which gate and unit a row of a stacked parameter belongs to; None for any other parameter.

    Returns
    -------
    (gate, unit) or None
        The gate's name is empty for a cell without gates; the unit counts from 0.
    """
    stacked = {lane.parameter(n) for lane in trace.lanes.values() for n in stacked_names(trace.spec)}
    if name not in stacked:
        return None
    H, gates = trace.spec.hidden_size, trace.graph.cell.gates
    return (gates[row // H] if gates else ""), row % H
