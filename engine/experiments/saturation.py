"""tanh with a spectral radius above 1: whether the gradient explodes is decided by saturation."""

import numpy as np

from engine.experiments._base import D, Experiment, scaled_orthogonal
from engine.tasks.base import experiments


class Driven(Experiment):
    """1.1 × orthogonal under tanh, driven by noise: tanh′ < 1 takes more than W_hh gives."""

    id = "tanh-driven"
    title = "tanh, ρ = 1.1, driven: and still it vanishes"
    fact = summary = (
        "“A spectral radius above 1 explodes” is false here: the input saturates tanh, its slope is below 1, and the "
        "product of 100 Jacobians is below 1."
    )

    def recurrent(self, rng: np.random.Generator) -> np.ndarray:
        """1.1 × orthogonal."""
        return scaled_orthogonal(rng, 1.1)

    def inputs(self, rng: np.random.Generator) -> np.ndarray:
        """x ~ N(0, 1)."""
        return rng.standard_normal((self.steps_in, D))


class AtRest(Experiment):
    """The same network held at the zero state: tanh′ = 1 and W_hh alone counts."""

    id = "tanh-at-rest"
    title = "tanh, ρ = 1.1, at rest: now it explodes"
    fact = summary = "The same weights without input stay at h = 0, where tanh′ = 1: the product grows as 1.1^t."

    def recurrent(self, rng: np.random.Generator) -> np.ndarray:
        """1.1 × orthogonal."""
        return scaled_orthogonal(rng, 1.1)


for _experiment in (Driven(), AtRest()):
    experiments.add(_experiment.id, _experiment)
