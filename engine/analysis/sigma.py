"""The largest singular value of every step's Jacobian, for all steps at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import layout
from engine.analysis.jacobians import step_jacobians
from engine.analysis.linearised import Linearised, Through, is_linearisable

LOOKS = (16, 24, 32)
"""After how many products with J and Jᵀ the values are looked at; those that have settled go no further."""
LATELY, SETTLED = 4, 1e-4
"""What has settled: the last ``LATELY`` steps raised σ₁² by no more than this share."""
POINTS, ROUNDS = 15, 4
"""Of the search for a small matrix's largest eigenvalue: (POINTS + 1)**ROUNDS parts of the interval."""


def largest_singular_values(
    trace: Any, layer: int = 0, direction: str = "forward", part: str | None = None, *, exact: bool = False
) -> np.ndarray:
    """σ₁ of ∂h_t/∂h_{t−1} (an LSTM's with c held) at every step, (T, B).

    Golub–Kahan bidiagonalisation (Golub and Kahan 1965) of all Jacobians together: some products with J and Jᵀ,
    which need the step's diagonals and the weights only, and the largest singular value of the small bidiagonal
    matrix. What comes out is a lower bound that is near after a few steps; where it has not settled more follow.
    ``exact=True`` takes the SVD of every Jacobian.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    replay = trace.replay(lane.prefix)
    if exact or not is_linearisable(replay) or trace.spec.hidden_size <= LOOKS[1]:
        return _exact(step_jacobians(replay, full=False))
    hidden = replay.graph.states[0]
    maps = _Maps.of(Linearised(replay).through(hidden, f"{hidden}_prev"))
    shape = len(maps), trace.spec.hidden_size
    start = np.random.default_rng(0).standard_normal(shape, np.float32).astype(maps.stacked.dtype, copy=False)
    with np.errstate(all="ignore"):  # a Jacobian that is not finite gives NaN
        found = _bidiagonalised(maps, start)
    return found.reshape(trace.value(lane.key(hidden)).shape[:2])


@dataclass(frozen=True)
class _Maps:
    """N matrices Σ_m diag(d_m) W_m + diag(d) with the same W, kept as their diagonals."""

    stacked: np.ndarray
    diagonals: np.ndarray
    direct: np.ndarray | None

    @classmethod
    def of(cls, through: Through) -> _Maps:
        n, H, _ = through.weights.shape
        direct = None if through.direct is None else through.direct.reshape(-1, H)
        return cls(through.weights.reshape(n * H, H), through.diagonals.reshape(-1, n, H), direct)

    def __len__(self) -> int:
        return len(self.diagonals)

    def __getitem__(self, chosen: np.ndarray) -> _Maps:
        return _Maps(self.stacked, self.diagonals[chosen], None if self.direct is None else self.direct[chosen])

    def apply(self, v: np.ndarray) -> np.ndarray:
        """J v for each."""
        n, H = self.diagonals.shape[1:]
        found = np.dot(v, self.stacked.T).reshape(-1, n, H)
        found *= self.diagonals
        summed = found[:, 0] if n == 1 else found.sum(1)
        if self.direct is not None:
            summed += self.direct * v
        return summed

    def apply_transposed(self, u: np.ndarray) -> np.ndarray:
        """Jᵀ u for each."""
        found = np.dot((u[:, None] * self.diagonals).reshape(len(u), -1), self.stacked)
        if self.direct is not None:
            found += self.direct * u
        return found


def _bidiagonalised(maps: _Maps, v: np.ndarray) -> np.ndarray:
    """The largest singular value of each, (N,), from start vectors (N, H).

    The vectors are not orthogonalised again: that they lose orthogonality brings copies of the largest value, no
    larger ones.
    """
    found, going = np.empty(len(v)), np.arange(len(v))
    alphas, betas = np.empty((LOOKS[-1], len(v))), np.empty((LOOKS[-1], len(v)))
    _normalise(v)
    u = maps.apply(v)
    for step in range(1, LOOKS[-1] + 1):
        alpha = _normalise(u)
        v = _next(maps.apply_transposed(u), alpha, v)
        beta = _normalise(v)
        alphas[step - 1], betas[step - 1] = alpha, beta
        if step in LOOKS:
            found[going], settled = _largest(alphas[:step], betas[: step - 1])
            more = np.flatnonzero(~settled)
            if not len(more) or step == LOOKS[-1]:
                break
            going, maps, u, v, beta = going[more], maps[more], u[more], v[more], beta[more]
            alphas, betas = alphas[:, more], betas[:, more]
        u = _next(maps.apply(v), beta, u)
    return found


def _normalise(vectors: np.ndarray) -> np.ndarray:
    """Give each vector the length 1, in place, and return the lengths (N,); a vector of zeros stays one."""
    sizes = np.sqrt(np.vecdot(vectors, vectors))
    vectors *= (1 / np.where(sizes > 0, sizes, 1))[:, None]
    return sizes


def _next(product: np.ndarray, size: np.ndarray, before: np.ndarray) -> np.ndarray:
    """product − size · before for each, with no new array: ``before`` is not needed any more."""
    before *= size[:, None]
    product -= before
    return product


def _largest(alphas: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest singular value of each bidiagonal matrix A (N,), and whether the last steps brought nothing (N,).

    AᵀA is tridiagonal. Elimination of AᵀA − p has as many positive pivots as AᵀA has eigenvalues above p (Sturm), so
    the largest lies below the first of many points at which there is none; and what the first pivots say holds of the
    matrix some steps ago.

    Parameters
    ----------
    alphas, betas : ndarray (n, N), (n − 1, N)
        The diagonals and what stands beside them.
    """
    scale = np.maximum(alphas.max(0), betas.max(0))
    alphas, betas = (values / np.where(scale > 0, scale, 1) for values in (alphas, betas))
    diagonal, squares = alphas**2, (alphas[:-1] * betas) ** 2
    diagonal[1:] += betas**2
    low, span = diagonal.max(0), 2 * np.sqrt(squares.max(0))
    for _ in range(ROUNDS):
        span = span / (POINTS + 1)
        points = low + span * np.arange(1, POINTS + 1)[:, None]
        low = low + span * (_most(diagonal, squares, points) > 0).sum(0)
    before = slice(len(diagonal) - LATELY)
    settled = ~(_most(diagonal[before], squares[before], low * (1 - SETTLED)) <= 0)  # true of NaN
    return np.sqrt(low) * scale, settled


def _most(diagonal: np.ndarray, squares: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The largest pivot of each tridiagonal matrix − its point; points (..., N)."""
    pivot = diagonal[0] - points
    most = pivot.copy()
    for here, beside in zip(diagonal[1:], squares, strict=False):
        pivot = here - points - beside / pivot
        np.fmax(most, pivot, out=most)
    return most


def _exact(matrices: np.ndarray) -> np.ndarray:
    finite = np.isfinite(matrices).all(axis=(-2, -1))
    safe = np.where(finite[..., None, None], matrices, 0)
    return np.where(finite, np.linalg.svd(safe, compute_uv=False)[..., 0], np.nan)
