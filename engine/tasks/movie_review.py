"""Many to one: a movie review, and whether it is negative, neutral or positive."""

from __future__ import annotations

from functools import cache

import numpy as np

from engine.network import Network
from engine.spec import ModelSpec
from engine.tasks.base import read_table, tasks
from engine.tasks.text import TextTask
from engine.vocabulary import START, english_words

LABELS = ("negative", "neutral", "positive")


@cache
def _rows(name: str) -> list[tuple[str, str, str]]:
    return [(text, label, pair) for label, pair, text in read_table(f"movie-review.{name}")]


class MovieReview(TextTask):
    """The last hidden state has to know what "not" did to everything behind it."""

    id = "movie-review"
    title = "Movie review → sentiment"
    summary = "Reads a review word by word and says at the end whether it is negative, neutral or positive."
    pattern = "many-to-one"
    metric_name = "held-out pairs that differ by a negation, both right"
    floor = 0.85
    example = "I do not like this movie"
    example_target = "negative"
    output_labels = LABELS
    before = (START,)

    def words(self, text: str) -> list[str]:
        """English words and punctuation, contractions split."""
        return [word for word in english_words(text) if word != START]

    def examples(self, name: str) -> list[tuple[str, str, str]]:
        """The corpus."""
        return _rows(name)

    def target_ids(self, target: str, tokens: tuple[str, ...]) -> tuple[list[int], tuple[str, ...]]:
        """One class."""
        if target not in LABELS:
            raise ValueError(f"target={target!r} is not possible; it must be one of {', '.join(LABELS)}")
        return [LABELS.index(target)], (target,)

    def spec(self, cell: str) -> ModelSpec:
        """Sixteen units, few enough to watch each one; the plain cell starts from the identity."""
        return ModelSpec(
            pattern=self.pattern, cell=cell, vocab_size=len(self.vocabulary), embedding_size=12, hidden_size=16,
            output_size=len(LABELS), init="identity" if cell == "rnn" else "torch",
        )  # fmt: skip

    def train_options(self, cell: str) -> dict[str, object]:
        """Epochs and rate for each cell; the decay keeps the networks from being surer than they need to be."""
        if cell == "rnn":
            return {"epochs": 40, "batch_size": 32, "learning_rate": 0.004, "clip": 1.0, "weight_decay": 0.4}
        return {"epochs": 15, "batch_size": 32, "learning_rate": 0.01, "clip": 1.0, "weight_decay": 0.4}

    def score(self, network: Network) -> dict[str, float]:
        """Pairs both right ("score"), and all held-out sentences ("accuracy")."""
        samples = self.split("test")
        said = self.outputs(network, samples)[0]
        right = said == np.array([sample.target for sample in samples])[:, 0]
        pairs: dict[str, bool] = {}
        for sample, correct in zip(samples, right, strict=True):
            if sample.pair:
                pairs[sample.pair] = pairs.get(sample.pair, True) and bool(correct)
        return {"score": sum(pairs.values()) / len(pairs), "accuracy": float(right.mean())}


tasks.add(MovieReview.id, MovieReview())
