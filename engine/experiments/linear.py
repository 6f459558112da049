"""A linear recurrence with an orthogonal matrix: the gradient's size is a power, exactly."""

import numpy as np

from engine.experiments._base import Experiment, scaled_orthogonal
from engine.format import number
from engine.tasks.base import experiments


class Linear(Experiment):
    """W = c × orthogonal, nonlinearity identity: ‖J_t ⋯ J_1‖ = c^t."""

    nonlinearity = "identity"
    source = "Pascanu, Mikolov and Bengio 2013, section 2.1"

    def __init__(self, factor: float, word: str) -> None:
        self.factor = factor
        self.id = f"linear-{word}"
        self.title = f"Linear, {factor:g} × orthogonal: the gradient {word}"
        left = number(factor**100, 4) if factor != 1 else "all"
        self.summary = f"Every step multiplies the gradient by exactly {factor:g}: {left} of it is left after 100."
        self.fact = self.summary

    def recurrent(self, rng: np.random.Generator) -> np.ndarray:
        """``factor`` × orthogonal."""
        return scaled_orthogonal(rng, self.factor)


for _factor, _word in ((0.9, "vanishes"), (1.0, "stays"), (1.1, "explodes")):
    _experiment = Linear(_factor, _word)
    experiments.add(_experiment.id, _experiment)
