"""ReLU with a growing state in single precision: where a run stops being numbers."""

import numpy as np

from engine.experiments._base import D, Experiment, H
from engine.tasks.base import experiments


class Overflow(Experiment):
    """W = 1.5 · I under ReLU with positive input, float32."""

    id = "relu-overflow"
    title = "ReLU, W = 1.5 · I, float32: it overflows"
    fact = summary = "The state grows by half at every step and leaves the range of float32 by about step 220."
    nonlinearity = "relu"
    dtype = "float32"
    steps_in = 240
    view = "score"

    def recurrent(self, rng: np.random.Generator) -> np.ndarray:
        """1.5 · I."""
        return 1.5 * np.eye(H)

    def inputs(self, rng: np.random.Generator) -> np.ndarray:
        """Positive numbers below 1."""
        return rng.random((self.steps_in, D))

    def weights(self, cell: str):  # type: ignore[no-untyped-def]
        """As everywhere, with weights of the input that are not negative."""
        found = super().weights(cell)
        if found is not None:
            found[0]["weight_ih_l0"] = np.abs(found[0]["weight_ih_l0"])
        return found


_experiment = Overflow()
experiments.add(_experiment.id, _experiment)
