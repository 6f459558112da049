"""Training as a generator: each event is frozen, and closing the generator stops the training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.network import Network
from engine.optimizers import Adam, clip_by_norm

#: Arguments of ``Network.run`` whose sequences lie along the last axis rather than axis 1.
PER_SEQUENCE = ("lengths", "target_lengths")


@dataclass(frozen=True)
class TrainingEvent:
    """What happened.

    Attributes
    ----------
    kind : str
        "step" after each update, "epoch" after each pass over the data, "done" at the end.
    epoch, epochs : int
        Passes finished, and wanted.
    step, steps : int
        Updates done, and wanted.
    loss : float
        Of the last batch ("step"), or the mean over the epoch's sequences.
    gradient_norm : float
        Global norm before clipping; of the last batch, or the mean over the epoch.
    scores : mapping of str to float
        What ``evaluate`` said at the end of the epoch; empty at a step.
    parameters : mapping of str to ndarray
        A copy, at the end of an epoch; empty at a step.
    """

    kind: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    gradient_norm: float
    scores: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)


class TrainingError(ValueError):
    """Training cannot go on; the message says at which step and why."""


def train(
    network: Network, dataset: Mapping[str, Any], *, epochs: int, batch_size: int = 32, learning_rate: float = 1e-3,
    final_rate: float = 0.1, clip: float | None = 1.0, weight_decay: float = 0.0, seed: int = 0,
    evaluate: Callable[[Network], Mapping[str, float]] | None = None, evaluate_every: int = 0, engine: str = "numpy",
    device: str = "cpu",
) -> Iterator[TrainingEvent]:  # fmt: skip
    """Train a copy of ``network`` by mini-batch gradient descent with Adam.

    Parameters
    ----------
    network : Network
        Left as it is; the events carry the trained parameters.
    dataset : mapping
        Keyword arguments of ``Network.run`` holding all N sequences: ``x`` (T, N, …), ``target`` (S, N, …) or
        (N,), and ``lengths``, ``target_lengths`` (N,) where they are padded.
    epochs, batch_size : int
    learning_rate : float
        At the start; a cosine takes it to ``learning_rate * final_rate`` at the end (Loshchilov and Hutter 2017).
    clip : float or None
        Largest global norm of the gradient.
    weight_decay : float
    seed : int
        Of the order of the sequences: same seed, same result.
    evaluate : callable, optional
        ``evaluate(network) -> scores`` on held-out data.
    evaluate_every : int
        Epochs between evaluations; 0: only at the end.
    engine, device : str

    Yields
    ------
    TrainingEvent

    Raises
    ------
    ValueError
        A setting or the data cannot be right.
    TrainingError
        The loss is no longer a finite number.
    """
    count = _check(dataset, epochs, batch_size, learning_rate)
    current = Network(network.spec, network.parameters)
    optimizer = Adam(current.parameters, weight_decay=weight_decay)
    rng = np.random.default_rng(seed)
    per_epoch = math.ceil(count / batch_size)
    steps, step = epochs * per_epoch, 0
    for epoch in range(1, epochs + 1):
        order, total, norms = rng.permutation(count), 0.0, 0.0
        for start in range(0, count, batch_size):
            chosen = order[start : start + batch_size]
            trace = current.run(engine=engine, device=device, **select(dataset, chosen))
            if trace.loss is None or not math.isfinite(trace.loss):
                raise TrainingError(
                    f"the loss became {trace.loss} at step {step + 1}; a smaller learning rate or clip would help"
                )
            grads, norm = clip_by_norm(trace.parameter_grads, clip)
            rate = learning_rate * (final_rate + (1 - final_rate) * 0.5 * (1 + math.cos(math.pi * step / steps)))
            optimizer.step(grads, rate)
            step, total, norms = step + 1, total + trace.loss * len(chosen), norms + norm
            yield TrainingEvent("step", epoch - 1, epochs, step, steps, trace.loss, norm)
        due = epoch == epochs or (evaluate_every and epoch % evaluate_every == 0)
        scores = dict(evaluate(current)) if evaluate and due else {}
        snapshot = {name: value.copy() for name, value in current.parameters.items()}
        kind = "done" if epoch == epochs else "epoch"
        yield TrainingEvent(kind, epoch, epochs, step, steps, total / count, norms / per_epoch, scores, snapshot)


def _check(dataset: Mapping[str, Any], epochs: int, batch_size: int, learning_rate: float) -> int:
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
            raise ValueError(f"{name}={value!r} is not possible; it must be a whole number, 1 or more")
    if not (isinstance(learning_rate, (int, float)) and math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate={learning_rate!r} is not possible; it must be a finite number above 0")
    if "x" not in dataset or dataset.get("target") is None:
        raise ValueError("dataset must hold x and target")
    count = int(np.shape(dataset["x"])[1])
    for name, value in dataset.items():
        if value is not None and np.shape(value)[_axis(name, value)] != count:
            raise ValueError(
                f"dataset[{name!r}] holds {np.shape(value)[_axis(name, value)]} sequences, x holds {count}"
            )
    return count


def _axis(name: str, value: Any) -> int:
    return 0 if name in PER_SEQUENCE or np.ndim(value) == 1 else 1


def select(dataset: Mapping[str, Any], chosen: np.ndarray) -> dict[str, Any]:
    """Take some sequences out of a padded dataset, cut to the longest among them."""
    found = {
        name: np.take(value, chosen, axis=_axis(name, value)) for name, value in dataset.items() if value is not None
    }
    if "lengths" in found:
        longest = int(found["lengths"].max())
        if "target_lengths" not in found and found["target"].ndim > 1 and len(found["target"]) == len(found["x"]):
            found["target"] = found["target"][:longest]
        found["x"] = found["x"][:longest]
    if "target_lengths" in found:
        found["target"] = found["target"][: int(found["target_lengths"].max())]
    return found
