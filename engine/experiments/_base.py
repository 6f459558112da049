"""What an experiment is: a task whose network is given rather than trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.initialise import orthogonal
from engine.network import Network
from engine.spec import ModelSpec
from engine.tasks.base import Sample, Task, real_numbers

#: Hidden units and steps of the experiments: a product of 100 Jacobians lies between 101 states.
H, STEPS, D = 50, 101, 4
SEED = 20


class Experiment(Task):
    """A network and an input that show one fact.

    Attributes
    ----------
    fact : str
        What is to be seen, in one or two sentences.
    source : str
        Where the fact is from.
    view : str
        The instrument to look at ("jacobian", "score").
    nonlinearity, dtype, steps_in : str, str, int
        Of the network and its input.
    """

    pattern = "many-to-one"
    cell = "rnn"
    kind = "vectors"
    trainable = False
    metric_name = ""
    floor = 0.0
    example_target = "one"
    output_labels = ("zero", "one")
    fact: str
    source: str = ""
    view: str = "jacobian"
    nonlinearity: str = "tanh"
    dtype: str = "float64"
    steps_in: int = STEPS

    @property
    def example(self) -> np.ndarray:  # type: ignore[override]
        """The input, (T, D)."""
        return self.inputs(np.random.default_rng(SEED))

    def recurrent(self, rng: np.random.Generator) -> np.ndarray:
        """W_hh, (H, H)."""
        raise NotImplementedError

    def inputs(self, rng: np.random.Generator) -> np.ndarray:
        """The input: nothing, unless the experiment drives the network."""
        return np.zeros((self.steps_in, D))

    def spec(self, cell: str) -> ModelSpec:
        """The vanilla network of the experiment, or the same sizes with another cell."""
        return ModelSpec(
            pattern=self.pattern, cell=cell, input_size=D, hidden_size=H, output_size=2, dtype=self.dtype, seed=SEED,
            nonlinearity=self.nonlinearity,
        )  # fmt: skip

    def weights(self, cell: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The experiment's parameters for the vanilla cell: ``recurrent``, no biases, the rest as initialised."""
        if cell != self.cell:
            return None
        parameters = Network(self.spec(cell)).parameters
        parameters["weight_hh_l0"] = self.recurrent(np.random.default_rng(SEED)).astype(self.dtype)
        for name in ("bias_ih_l0", "bias_hh_l0"):
            parameters[name] = np.zeros_like(parameters[name])
        return parameters, {"seed": SEED}

    def split(self, name: str) -> list[Sample]:
        """The one input there is."""
        return [self.encode(self.example, self.example_target)]

    def encode(self, source: Any, target: str | None = None) -> Sample:
        """Take (T, D) numbers as they are; a target is "zero" or "one"."""
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes ±inf, which a run shows
            x = real_numbers(source).astype(self.dtype)
        if x.ndim != 2 or x.shape[1] != D or not len(x):
            raise ValueError(f"the input has shape {x.shape}; it must be (T, {D}) numbers, at least one step")
        if target is not None and target not in self.output_labels:
            raise ValueError(f"target={target!r} is not possible; it must be one of {', '.join(self.output_labels)}")
        found = None if target is None else np.array([self.output_labels.index(target)])
        names = tuple(str(t + 1) for t in range(len(x)))
        return Sample(source, x, found, names, () if target is None else (target,))

    def score(self, network: Network) -> dict[str, float]:
        """An experiment has nothing to be good at."""
        return {}


def scaled_orthogonal(rng: np.random.Generator, factor: float) -> np.ndarray:
    """``factor`` times an orthogonal matrix: every singular value and every |λ| is ``factor``."""
    return factor * orthogonal(rng, H, H)
