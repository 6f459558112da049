"""∂h_t/∂h_{t−1} at every step, and the norms of their running products."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import layout
from engine.analysis.linearised import Linearised, is_linearisable
from engine.replay import LaneReplay


def jacobians(
    trace: Any, layer: int = 0, direction: str = "forward", part: str | None = None, *, full_state: bool = False
) -> np.ndarray:
    """J[t] = ∂h_t/∂h_{t−1} at every step, (T, B, H, H).

    For the vanilla cell diag(f′) W_hh. An LSTM's holds c_{t−1}; ``full_state=True`` gives the 2H × 2H one in the
    order [h; c]. In the reverse direction J[t] = ∂h_t/∂h_{t+1}; on padding it is the identity.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    return step_jacobians(trace.replay(lane.prefix), full_state)


def step_jacobians(replay: LaneReplay, full: bool) -> np.ndarray:
    """Jacobians of one lane's states, (T, B, n, n), n = H or (``full``) H times the number of states."""
    states = replay.graph.states if full else replay.graph.states[:1]
    if is_linearisable(replay):
        through = Linearised(replay).through
        rows = [np.concatenate([through[out][f"{s}_prev"].dense() for s in states], axis=-1) for out in states]
        return np.concatenate(rows, axis=-2)
    return np.concatenate([_row_by_row(replay, output, states) for output in states], axis=-2)


def _row_by_row(replay: LaneReplay, output: str, states: tuple[str, ...]) -> np.ndarray:
    value = np.asarray(replay.nodes[replay.graph.named[output]])
    T, B, H = value.shape
    found = np.zeros((T, B, H, H * len(states)), value.dtype)
    seeds = np.broadcast_to(np.eye(H, dtype=value.dtype)[:, None, :], (H, B, H))
    for t in range(T):
        arrived = replay.pull(t, {output: seeds})
        for i, state in enumerate(states):
            found[t, :, :, i * H : (i + 1) * H] = arrived[f"{state}_prev"].transpose(1, 0, 2)
    return found


def product_norms(
    trace: Any, t: int, layer: int = 0, direction: str = "forward", part: str | None = None
) -> np.ndarray:
    """log ‖J_t ⋯ J_{t−k+1}‖₂ for k = 0 … t, (B, t + 1); 0 at k = 0.

    The running product keeps its scale in log space and neither under- nor overflows; a cell that carries several
    states goes by its full state. In the reverse direction the product runs from position t to the end,
    k = 0 … T−1−t. −∞ where the product is exactly zero.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    J = step_jacobians(trace.replay(lane.prefix), full=True)
    T, B, n = J.shape[:3]
    if not -T <= t < T:
        raise ValueError(f"t={t} is not possible; it must be from 0 to {T - 1}")
    t %= T
    steps = list(range(t, T)) if lane.reverse else list(range(t, -1, -1))
    found = np.zeros((B, len(steps)))
    product, scale = np.broadcast_to(np.eye(n), (B, n, n)).astype(J.dtype), np.zeros(B)
    for k, step in enumerate(steps[:-1], 1):
        product = product @ J[step]
        largest = np.abs(product).max(axis=(1, 2))
        safe = np.where((largest > 0) & np.isfinite(largest), largest, 1)
        product, scale = product / safe[:, None, None], scale + np.log(safe)
        found[:, k] = [_log_norm(matrix, at) for matrix, at in zip(product, scale, strict=True)]
    return found


def _log_norm(matrix: np.ndarray, scale: float) -> float:
    if not np.isfinite(matrix).all():
        return float("nan")
    size = float(np.linalg.norm(matrix, 2))
    return scale + float(np.log(size)) if size > 0 else -float("inf")
