"""The largest singular value of every step's Jacobian, for all steps at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import layout
from engine.analysis.jacobians import step_jacobians
from engine.analysis.linearised import Linearised, is_linearisable

STEPS = 24


def largest_singular_values(
    trace: Any, layer: int = 0, direction: str = "forward", part: str | None = None, *, exact: bool = False
) -> np.ndarray:
    """σ₁ of ∂h_t/∂h_{t−1} (an LSTM's with c held) at every step, (T, B).

    Golub–Kahan bidiagonalisation (Golub and Kahan 1965) of all Jacobians together: ``STEPS`` products with J and Jᵀ,
    which need the step's diagonals and the weights only, and the largest singular value of the small bidiagonal
    matrix. It is a lower bound that is near after a few steps; ``exact=True`` takes the SVD of every Jacobian.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    replay = trace.replay(lane.prefix)
    if exact or not is_linearisable(replay) or trace.spec.hidden_size <= STEPS:
        return _exact(step_jacobians(replay, full=False))
    hidden = replay.graph.states[0]
    through = Linearised(replay).through[hidden][f"{hidden}_prev"]
    n, H, _ = through.weights.shape
    stacked = through.weights.reshape(n * H, H)
    T, B = through.diagonals.shape[:2]
    diagonals = through.diagonals.reshape(T * B, n, H)
    direct = None if through.direct is None else through.direct.reshape(T * B, H)
    rng = np.random.default_rng(0)
    v = rng.standard_normal((T * B, H)).astype(stacked.dtype)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    alphas, betas = [], []
    u = np.zeros_like(v)
    beta = np.zeros((T * B, 1), stacked.dtype)
    left: list[np.ndarray] = []
    right = [v]
    for _ in range(STEPS):
        u = _apply(v, stacked, diagonals, direct) - beta * u
        u = _orthogonal_to(u, left)
        alpha = np.linalg.norm(u, axis=1, keepdims=True)
        u = u / np.where(alpha > 0, alpha, 1)
        left.append(u)
        v_next = _apply_transposed(u, stacked, diagonals, direct) - alpha * v
        v_next = _orthogonal_to(v_next, right)
        beta = np.linalg.norm(v_next, axis=1, keepdims=True)
        v = v_next / np.where(beta > 0, beta, 1)
        right.append(v)
        alphas.append(alpha[:, 0])
        betas.append(beta[:, 0])
    small = np.zeros((T * B, STEPS, STEPS))
    for i in range(STEPS):
        small[:, i, i] = alphas[i]
        if i + 1 < STEPS:
            small[:, i, i + 1] = betas[i]
    return _exact(small).reshape(T, B)


def _apply(v: np.ndarray, stacked: np.ndarray, diagonals: np.ndarray, direct: np.ndarray | None) -> np.ndarray:
    """J v for every step: Σ_m d_m ⊙ (W_m v) + d ⊙ v."""
    n, H = diagonals.shape[1:]
    found = ((v @ stacked.T).reshape(-1, n, H) * diagonals).sum(1)
    return found if direct is None else found + direct * v


def _apply_transposed(
    u: np.ndarray, stacked: np.ndarray, diagonals: np.ndarray, direct: np.ndarray | None
) -> np.ndarray:
    """Jᵀ u for every step."""
    found = (u[:, None] * diagonals).reshape(len(u), -1) @ stacked
    return found if direct is None else found + direct * u


def _orthogonal_to(v: np.ndarray, basis: list[np.ndarray]) -> np.ndarray:
    for other in basis:
        v = v - (v * other).sum(1, keepdims=True) * other
    return v


def _exact(matrices: np.ndarray) -> np.ndarray:
    finite = np.isfinite(matrices).all(axis=(-2, -1))
    safe = np.where(finite[..., None, None], matrices, 0)
    return np.where(finite, np.linalg.svd(safe, compute_uv=False)[..., 0], np.nan)
