"""∂h_t/∂h_{t−1} at every step, and the norms of their running products."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import layout
from engine.analysis.arguments import whole
from engine.analysis.linearised import Linearised, is_linearisable
from engine.replay import LaneReplay


def jacobians(
    trace: Any, layer: int = 0, direction: str = "forward", part: str | None = None, *, full_state: bool = False,
    steps: slice = slice(None),
) -> np.ndarray:  # fmt: skip
    """J[t] = ∂h_t/∂h_{t−1} at every step, or at some of them, (T, B, H, H).

    For the vanilla cell diag(f′) W_hh. An LSTM's holds c_{t−1}; ``full_state=True`` gives the 2H × 2H one in the
    order [h; c]. In the reverse direction J[t] = ∂h_t/∂h_{t+1}; on padding it is the identity.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    return step_jacobians(trace.replay(lane.prefix), full_state, steps)


def step_jacobians(replay: LaneReplay, full: bool, steps: slice = slice(None)) -> np.ndarray:
    """Jacobians of one lane's states at some steps, (T, B, n, n).

    n = H or (``full``) H times the number of states.
    """
    states = replay.graph.states if full else replay.graph.states[:1]
    if is_linearisable(replay):
        return _assembled(Linearised(replay), states, steps)
    return np.concatenate([_row_by_row(replay, output, states, steps) for output in states], axis=-2)


def _assembled(lane: Linearised, states: tuple[str, ...], steps: slice) -> np.ndarray:
    rows = [np.concatenate([lane.through(o, f"{s}_prev").dense(steps) for s in states], axis=-1) for o in states]
    return np.concatenate(rows, axis=-2)


def _row_by_row(replay: LaneReplay, output: str, states: tuple[str, ...], steps: slice = slice(None)) -> np.ndarray:
    value = np.asarray(replay.nodes[replay.graph.named[output]])
    T, B, H = value.shape
    chosen = range(T)[steps]
    found = np.zeros((len(chosen), B, H, H * len(states)), value.dtype)
    seeds = np.broadcast_to(np.eye(H, dtype=value.dtype)[:, None, :], (H, B, H))
    for at, t in enumerate(chosen):
        arrived = replay.pull(t, {output: seeds})
        for i, state in enumerate(states):
            found[at, :, :, i * H : (i + 1) * H] = arrived[f"{state}_prev"].transpose(1, 0, 2)
    return found


def product_norms(
    trace: Any, t: int, layer: int = 0, direction: str = "forward", part: str | None = None, *, most: int | None = None
) -> np.ndarray:
    """log ‖J_t ⋯ J_{t−k+1}‖₂ for k = 0 … t, (B, t + 1); 0 at k = 0.

    The running product keeps its scale in log space and neither under- nor overflows; a cell that carries several
    states goes by its full state. In the reverse direction the product runs from position t to the end,
    k = 0 … T−1−t. −∞ where the product is exactly zero. ``most``: the largest k. A negative t counts from
    the end.

    Raises
    ------
    ValueError
        There is no such lane or step, or ``most`` is below 0.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    replay = trace.replay(lane.prefix)
    T, B = trace.value(lane.key(trace.graph.states[0])).shape[:2]
    t = whole("t", t, -T, T - 1) % T
    far = T - 1 - t if lane.reverse else t
    far = far if most is None else min(whole("most", most, 0), far)
    low, high = (t, t + far) if lane.reverse else (t - far + 1, t + 1)
    J = step_jacobians(replay, True, slice(low, high))
    order = range(far) if lane.reverse else reversed(range(far))
    n = J.shape[-1]
    found = np.zeros((B, far + 1))
    product, scale = np.broadcast_to(np.eye(n), (B, n, n)).astype(J.dtype), np.zeros(B)
    for k, step in enumerate(order, 1):
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
