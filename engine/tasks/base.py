"""What a scenario is: real input, a network for it, and a score measured on held-out data."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from engine.network import Network
from engine.registry import Registry
from engine.spec import ModelSpec

RESOURCES = Path(__file__).resolve().parents[2] / "resources"
DATA = RESOURCES / "data"
WEIGHTS = RESOURCES / "weights"
SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class Sample:
    """One sequence, encoded.

    Attributes
    ----------
    source : str or ndarray
        What was typed or drawn.
    x : ndarray
        (T,) ids or (T, input_size), as ``Network.run`` takes one sequence.
    target : ndarray or None
        (S,) class ids; None where it is not known.
    tokens : tuple of str
        What to show for each input step.
    target_tokens : tuple of str
        What to show for each target.
    pair : str
        Samples of one pair differ by a negation and are scored together; "" for the others.
    """

    source: Any
    x: np.ndarray
    target: np.ndarray | None
    tokens: tuple[str, ...]
    target_tokens: tuple[str, ...] = ()
    pair: str = ""


class Task(ABC):
    """A scenario. A subclass in a file of this folder, registered with ``tasks.add``, is all it takes.

    Attributes
    ----------
    id, title, summary : str
    pattern : str
        One of the five of ``ModelSpec``.
    cell : str
        The one it opens with.
    kind : str
        What the user's input is: "text", "grid" or "vectors" (an experiment's (T, D) numbers).
    metric_name : str
        What ``score()["score"]`` measures, in words.
    floor : float
        What every shipped network must reach.
    example : str or ndarray
        What it opens with.
    example_target : str
        The right output for ``example``, as ``encode`` takes it.
    drawn : bool
        Whether ``example`` was drawn at random: it means nothing.
    output_labels : tuple of str
        A name for each output.
    steps : int or None
        How many outputs to produce where nothing else says it (feedback without a target).
    grid_size, grid_values : int
        Of a "grid": its side, and how many values a cell takes (0: any number from 0 to 1).
    embedding_scale : float
        What embeddings are multiplied by before training from scratch: small ones generalise better here.
    numeric_target : bool
        Whether the target is an array of numbers rather than names of outputs.
    target_source : str
        Where a target comes from that is not given with the input, in a word or two.
    trainable : bool
        Whether there is anything to train on; where not, its weights are given rather than trained here.
    """

    id: str
    title: str
    summary: str
    pattern: str
    cell: str = "lstm"
    kind: str = "text"
    metric_name: str
    floor: float
    example: Any
    example_target: str = ""
    drawn: bool = False
    output_labels: tuple[str, ...]
    steps: int | None = None
    grid_size: int = 0
    grid_values: int = 0
    embedding_scale: float = 1.0
    numeric_target: bool = False
    target_source: str = "corpus"
    trainable: bool = True

    @abstractmethod
    def spec(self, cell: str) -> ModelSpec:
        """The network that is trained and shipped for ``cell``."""

    @abstractmethod
    def split(self, name: str) -> list[Sample]:
        """The samples of "train" or "test", the same ones every time."""

    @abstractmethod
    def encode(self, source: Any, target: Any = None) -> Sample:
        """Encode the user's own input, and the right output where they give it: as text, or as numbers.

        The tasks of this folder take text alone.

        Raises
        ------
        ValueError
            There is nothing to read, or ``target`` is not a possible output.
        """

    def unknown_words(self, source: Any) -> list[str]:
        """The words of a source that the network does not know, each once."""
        return []

    @abstractmethod
    def score(self, network: Network) -> dict[str, float]:
        """Measure ``network`` on the test split; "score" is what ``metric_name`` names."""

    def train_options(self, cell: str) -> dict[str, Any]:
        """Keyword arguments of ``training.train`` that reach the shipped score."""
        return {"epochs": 20, "batch_size": 32, "learning_rate": 0.005, "clip": 1.0}

    def training_samples(self) -> list[Sample]:
        """What is trained on: the training split, and what a task adds to it."""
        return self.split("train")

    def initial(self, spec: ModelSpec) -> Network:
        """Untrained parameters to start from, with ``embedding_scale`` applied."""
        fresh = Network(spec)
        scaled = {k: v * self.embedding_scale for k, v in fresh.parameters.items() if k.endswith("embedding.weight")}
        return Network(spec, fresh.parameters | scaled)

    def collate(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """Pad samples into one batch: the keyword arguments of ``Network.run``.

        The target is there where every sample has one; ``steps`` where there is none and the pattern needs it.
        """
        if not samples:
            raise ValueError("there are no samples to put into a batch")
        x, lengths = _pad([sample.x for sample in samples])
        batch: dict[str, Any] = {"x": x}
        if self.pattern in ("many-to-one", "many-to-many", "sequence-to-sequence"):
            batch["lengths"] = lengths
        targets = [sample.target for sample in samples if sample.target is not None]
        if len(targets) == len(samples):
            batch["target"], target_lengths = _pad(targets)
            if self.pattern in ("one-to-many", "sequence-to-sequence"):
                batch["target_lengths"] = target_lengths
        elif self.steps is not None:
            batch["steps"] = self.steps
        return batch

    def outputs(self, network: Network, samples: Sequence[Sample]) -> np.ndarray:
        """The network's choices, (S, B) class ids, running free: without seeing the targets."""
        batch = self.collate([replace(sample, target=None) for sample in samples])
        return network.run(**batch).value("output.y").argmax(axis=2)

    def weights(self, cell: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The shipped parameters and what is known of them (spec, score, metric, seed); None where there are none."""
        path = WEIGHTS / f"{self.id}-{cell}.safetensors"
        if not path.is_file():
            return None
        with safe_open(path, framework="numpy") as file:
            parameters = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            known = json.loads(file.metadata()["loopscope"])
        dtype = self.spec(cell).dtype
        return {name: value.astype(dtype) for name, value in parameters.items()}, known


def _pad(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Stack sequences along axis 1, zeros behind the shorter ones; and their lengths."""
    lengths = np.array([len(array) for array in arrays])
    padded = np.zeros((int(lengths.max()), len(arrays), *arrays[0].shape[1:]), arrays[0].dtype)
    for column, array in enumerate(arrays):
        padded[: len(array), column] = array
    return padded, lengths


def exact_match(samples: Sequence[Sample], said: np.ndarray) -> dict[str, float]:
    """Of free-running outputs (S, B): whole sequences right up to their end, and single words at their place."""
    words = []
    for column, sample in enumerate(samples):
        if sample.target is not None:
            words.append(said[: len(sample.target), column] == sample.target)
    return {
        "score": float(np.mean([right.all() for right in words])),
        "words": float(np.concatenate(words).mean()),
    }


def read_table(name: str) -> list[list[str]]:
    """The rows of ``resources/data/{name}.tsv`` below its heading."""
    path = DATA / f"{name}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]


def real_numbers(source: Any) -> np.ndarray:
    """Return an input as an array; ValueError where it holds anything but real numbers."""
    array = np.asarray(source)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"the input holds values of type {array.dtype}; it must hold real numbers")
    return array


def check_split(name: str) -> None:
    """ValueError for a split that there is not."""
    if name not in SPLITS:
        raise ValueError(f"split={name!r} is not possible; it must be one of {', '.join(SPLITS)}")


tasks: Registry[Task] = Registry("engine.tasks", "task")

#: Networks built to show one fact; tasks as well, but with nothing to be trained on.
experiments: Registry[Task] = Registry("engine.experiments", "experiment")
