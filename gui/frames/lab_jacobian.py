"""One step's Jacobian, its singular values, and what becomes of a gradient over many steps back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace, analysis
from gui.frames import spectrum

FARTHEST = 200
"""So many steps back at most the running product is followed."""
LARGEST = 512
"""Above this size of the state a Jacobian takes too long to decompose."""
CHANGE = 1.05
"""A product is said to grow where its norm exceeds this."""


@dataclass(frozen=True, eq=False)
class JacobianFrame:
    """What a step does to a gradient.

    Attributes
    ----------
    prefix : str
        The lane's.
    step, end : int
        Whose Jacobian it is, and where the running product begins.
    states : tuple of str
        Whose Jacobian: ("h",), or ("h", "c") in this order.
    block : ndarray (n, n)
        ∂(states)_t / ∂(states)_{t−1}; towards t+1 in the reverse direction.
    singular : ndarray (n,)
        Its singular values, the largest first; NaN where the block is not finite.
    eigenvalues : ndarray (n,) complex
    products : ndarray (K + 1,)
        log₁₀ ‖J_t ⋯ J_{t−k+1}‖₂ from t = ``end``, for k = 0 … K; 0 at k = 0.
    bound : ndarray (K + 1,) or None
        log₁₀ (γσ₁)^k, for the vanilla cell.
    radius, sigma : float or None
        ρ and σ₁ of W_hh, for the vanilla cell.
    """

    prefix: str
    step: int
    end: int
    states: tuple[str, ...]
    block: np.ndarray
    singular: np.ndarray
    eigenvalues: np.ndarray
    products: np.ndarray
    bound: np.ndarray | None
    radius: float | None
    sigma: float | None

    @property
    def peak(self) -> tuple[int, float]:
        """How many steps back the product is largest, and log₁₀ of how large (k = 0 counts)."""
        finite = np.where(np.isfinite(self.products), self.products, -np.inf)
        at = int(finite.argmax())
        return at, float(finite[at])

    @property
    def verdict(self) -> str:
        """What the product does.

        "short" (there is no step before), "broken" (it holds what is not finite), "rises" (grows, then falls below
        1), "shrinks", "grows", or "holds".
        """
        if len(self.products) < 2:
            return "short"
        if np.isnan(self.products).any() or np.isposinf(self.products).any():
            return "broken"
        grown, last = self.peak[1] > np.log10(CHANGE), self.products[-1]
        if last < -np.log10(CHANGE):
            return "rises" if grown else "shrinks"
        return "grows" if grown and last > np.log10(CHANGE) else "rises" if grown else "holds"


def jacobian(trace: Trace, prefix: str, step: int, sequence: int, full: bool, end: int) -> JacobianFrame:
    """Compute everything about one step's Jacobian, and the product from ``end``; a job for a worker.

    Raises
    ------
    ValueError
        The state is so large that it would take too long.
    """
    lane = trace.lanes[prefix]
    states = trace.graph.states if full else trace.graph.states[:1]
    size = trace.spec.hidden_size * len(trace.graph.states)
    if size > LARGEST:
        raise ValueError(f"a state of {size} numbers is too large to decompose a Jacobian; {LARGEST} is the most")
    where = (lane.layer, lane.direction, lane.part)
    here = slice(step, step + 1)
    block = analysis.jacobians(trace, *where, full_state=full, steps=here)[0, sequence]
    finite = bool(np.isfinite(block).all())
    singular = np.linalg.svd(block, compute_uv=False) if finite else np.full(len(block), np.nan)
    eigenvalues = np.linalg.eigvals(block) if finite else np.zeros(0, complex)
    products = analysis.product_norms(trace, end, *where, most=FARTHEST)[sequence] / np.log(10)
    bound = radius = sigma = None
    if not trace.graph.cell.gates:
        weights = spectrum.block(trace.spec, trace.parameters, prefix)
        if np.isfinite(weights).all():
            sigma = float(np.linalg.svd(weights, compute_uv=False)[0])
            radius = spectrum.spectral_radius(weights)[0]
            # γ, the steepest slope of tanh, ReLU and the identity, is 1.
            bound = np.arange(len(products)) * np.log10(sigma) if sigma > 0 else None
    return JacobianFrame(
        prefix, step, end, states, block, singular, eigenvalues.astype(complex), products, bound, radius, sigma
    )
