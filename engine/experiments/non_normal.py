"""Matrices whose eigenvalues all lie inside the unit circle, and whose powers grow all the same."""

import numpy as np

from engine.experiments._base import Experiment, H
from engine.tasks.base import experiments


class Jordan(Experiment):
    """One Jordan block, ρ = 0.9, superdiagonal 1.5."""

    id = "jordan-block"
    title = "Jordan block, ρ = 0.9: it explodes"
    nonlinearity = "identity"
    fact = summary = (
        "Every eigenvalue is 0.9, yet the product of 100 Jacobians is about 2.8 · 10³⁵: W is far from normal."
    )
    source = "Trefethen and Embree, Spectra and Pseudospectra, 2005"

    def recurrent(self, rng: np.random.Generator) -> np.ndarray:
        """0.9 on the diagonal, 1.5 above it."""
        return 0.9 * np.eye(H) + 1.5 * np.eye(H, k=1)


class Gaussian(Experiment):
    """A Gaussian matrix scaled to ρ = 0.95: σ₁ is about twice as much."""

    id = "gaussian"
    title = "Gaussian, ρ = 0.95: it rises first, then vanishes"
    nonlinearity = "identity"
    fact = summary = "“ρ < 1, so it shrinks” is true only in the end: σ₁ < 1/γ is enough for vanishing, ρ < 1 is not."
    source = "Pascanu, Mikolov and Bengio 2013"

    def recurrent(self, rng: np.random.Generator) -> np.ndarray:
        """N(0, 1/H) scaled to a spectral radius of 0.95."""
        W = rng.standard_normal((H, H)) / np.sqrt(H)
        return W * (0.95 / np.abs(np.linalg.eigvals(W)).max())


for _experiment in (Jordan(), Gaussian()):
    experiments.add(_experiment.id, _experiment)
