"""How much of each loss reaches each state, and how much each state shapes each later one."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import layout
from engine.analysis.jacobians import step_jacobians
from engine.analysis.sweep import Sweep
from engine.layout import Lane
from engine.narration.words import norm


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
    wanted = layout.find(trace.spec, layer, direction, part)
    if state not in trace.graph.states:
        raise ValueError(f"state={state!r} is not there; the states are {', '.join(trace.graph.states)}")
    found = np.zeros((trace.batch.S, trace.timeline.steps(wanted.part)))

    def visit(lane: Lane, t: int, rows: slice, grads: dict[str, np.ndarray]) -> None:
        grad = grads[state] if unit is None else grads[state][..., unit : unit + 1]
        found[rows, t] = _norms(grad.reshape(len(grad), -1))

    Sweep(trace, visit, wanted, drop).run()
    return found


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
    with np.errstate(over="ignore", under="ignore"):
        plain = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    for i in np.flatnonzero((plain < 1e-140) | ~np.isfinite(plain)):
        plain[i] = norm(rows[i])
    return plain
