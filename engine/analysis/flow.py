"""How much of each loss reaches each state, and how much each state shapes each later one."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import layout
from engine.analysis.jacobians import step_jacobians
from engine.analysis.sweep import Sweep
from engine.layout import Lane


def gradient_flow(
    trace: Any, state: str = "h", layer: int = 0, direction: str = "forward", part: str | None = None, *,
    drop: float = 0.0, unit: int | None = None,
) -> np.ndarray:  # fmt: skip
    """‖∂L_s/∂h_k‖ for every output s and step k, exact for every pair.

    Parameters
    ----------
    trace : engine.Trace
        A run with a target.
    state : str
        "h", or another state of the cell ("c").
    layer, direction, part
        The lane; without ``part`` the emitting one.
    drop : float
        Leave a loss out once its gradient has fallen below this share of what it started with; 0: exact.
    unit : int, optional
        |∂L_s/∂h_k[unit]| (the norm over the batch) rather than the norm over batch and units.

    Returns
    -------
    ndarray (S, T)
        L_s is the batch mean of output step s, the norm is over batch and units; zero where k cannot reach s.

    Raises
    ------
    ValueError
        There is no such state or lane, or the run had no target.
    """
    wanted = _lane(trace, state, layer, direction, part)
    found = np.zeros((trace.timeline.steps(wanted.part), trace.batch.S))
    units = slice(None) if unit is None else slice(unit, unit + 1)

    def visit(t: int, rows: slice, grad: np.ndarray) -> None:
        found[t, rows] = _norms(grad[..., units].reshape(len(grad), -1))

    Sweep(trace, visit, wanted, state, drop).run()
    return np.ascontiguousarray(found.T)


def horizon(
    trace: Any, output: int, state: str = "h", layer: int = 0, direction: str = "forward", part: str | None = None
) -> np.ndarray:
    """∂L_s/∂h_k of one output's loss alone, (T, B, H); zero where k cannot reach it.

    Raises
    ------
    ValueError
        There is no such output, state or lane, or the run had no target.
    """
    wanted = _lane(trace, state, layer, direction, part)
    if not 0 <= output < trace.batch.S:
        raise ValueError(f"output={output} is not possible; it must be from 0 to {trace.batch.S - 1}")
    found = np.zeros_like(trace.value(wanted.key(state)))

    def visit(t: int, rows: slice, grad: np.ndarray) -> None:
        found[t] = grad[0]

    Sweep(trace, visit, wanted, state).run(slice(output, output + 1))
    return found


def _lane(trace: Any, state: str, layer: int, direction: str, part: str | None) -> Lane:
    if state not in trace.graph.states:
        raise ValueError(f"state={state!r} is not there; the states are {', '.join(trace.graph.states)}")
    return layout.find(trace.spec, layer, direction, part)


def state_flow(
    trace: Any, layer: int = 0, direction: str = "forward", part: str | None = None, sequence: int = 0
) -> np.ndarray:
    """‖∂h_t/∂h_k‖₂ along one lane's recurrence for one sequence, (T, T); zero where k comes after t, 1 at t = k.

    It says how far a state shapes later ones whatever the loss is. All states of the cell carry the influence
    between k and t; what is fed back through the output is left out.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    J = step_jacobians(trace.replay(lane.prefix), full=True)[:, sequence]
    T, H = len(J), trace.spec.hidden_size
    order = list(reversed(range(T))) if lane.reverse else list(range(T))
    found = np.zeros((T, T))
    for i, k in enumerate(order):
        product = np.eye(J.shape[1])[:, :H]
        log_scale = 0.0
        found[k, k] = 1.0
        for t in order[i + 1 :]:
            product = J[t] @ product
            size = float(np.abs(product).max(initial=0.0))
            if size == 0 or not np.isfinite(size):
                found[t, k] = size
                continue
            product, log_scale = product / size, log_scale + np.log(size)
            with np.errstate(over="ignore", under="ignore"):
                found[t, k] = np.linalg.norm(product[:H], 2) * np.exp(log_scale)
    return found


def _norms(rows: np.ndarray) -> np.ndarray:
    """‖row‖₂ of each row, safe where squares would over- or underflow."""
    squares, limits = np.vecdot(rows, rows), np.finfo(rows.dtype)
    found = np.sqrt(squares)
    unsafe = np.flatnonzero(~((squares > limits.tiny / limits.eps) & (squares < limits.max)))
    if unsafe.size:
        far = rows[unsafe].astype(np.float64)
        scale = np.abs(far).max(axis=1)
        ordinary = (scale > 0) & np.isfinite(scale)
        safe = np.where(ordinary, scale, 1)
        found = found.astype(np.float64)
        found[unsafe] = np.where(ordinary, safe * np.linalg.norm(far / safe[:, None], axis=1), scale)
    return found
