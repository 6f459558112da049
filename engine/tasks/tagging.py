"""Many to many: a sentence, and each word's part of speech."""

from __future__ import annotations

from collections import defaultdict
from functools import cache, cached_property

import numpy as np

from engine.network import Network
from engine.spec import ModelSpec
from engine.tasks.base import read_table, tasks
from engine.tasks.text import TextTask
from engine.vocabulary import english_words

TAGS = ("DET", "NOUN", "PROPN", "PRON", "ADJ", "VERB", "AUX", "ADV", "ADP", "CONJ", "PART", "PUNCT")


@cache
def _rows(name: str) -> list[tuple[str, str, str]]:
    return [(text, tags, "") for text, tags in read_table(f"tagging.{name}")]


class Tagging(TextTask):
    """Read in both directions: what a word is often shows only in the next one."""

    id = "tagging"
    title = "Sentence → parts of speech"
    summary = "Tags every word with its part of speech, reading the sentence in both directions."
    pattern = "many-to-many"
    metric_name = "held-out words tagged right"
    floor = 0.92
    example = "I can open the can ."
    example_target = "PRON AUX VERB DET NOUN PUNCT"
    output_labels = TAGS

    def words(self, text: str) -> list[str]:
        """English words and punctuation."""
        return english_words(text)

    def examples(self, name: str) -> list[tuple[str, str, str]]:
        """The corpus."""
        return _rows(name)

    def target_ids(self, target: str, tokens: tuple[str, ...]) -> tuple[list[int], tuple[str, ...]]:
        """A tag a word."""
        found = tuple(target.split())
        wrong = [tag for tag in found if tag not in TAGS]
        if wrong:
            raise ValueError(f"tag {wrong[0]!r} is not possible; it must be one of {', '.join(TAGS)}")
        if len(found) != len(tokens):
            raise ValueError(f"target={target!r} has {len(found)} tags; there must be {len(tokens)}, one a word")
        return [TAGS.index(tag) for tag in found], found

    def spec(self, cell: str) -> ModelSpec:
        """Twelve units in each direction."""
        return ModelSpec(
            pattern=self.pattern, cell=cell, vocab_size=len(self.vocabulary), embedding_size=12, hidden_size=12,
            output_size=len(TAGS), bidirectional=True,
        )  # fmt: skip

    def train_options(self, cell: str) -> dict[str, object]:
        """The same for every cell but the plain one, which wants smaller steps."""
        return {"epochs": 12, "batch_size": 32, "learning_rate": 0.005 if cell == "rnn" else 0.01, "clip": 5.0}

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """The words that have more than one tag in the training split."""
        seen: dict[str, set[str]] = defaultdict(set)
        for text, tags, _ in self.examples("train"):
            for word, tag in zip(self.words(text), tags.split(), strict=True):
                seen[word.casefold()].add(tag)
        return frozenset(word for word, tags in seen.items() if len(tags) > 1)

    def score(self, network: Network) -> dict[str, float]:
        """All words ("score"), and those whose tag depends on context ("ambiguous")."""
        samples = self.split("test")
        said = self.outputs(network, samples)
        right, hard = [], []
        for column, sample in enumerate(samples):
            correct = said[: len(sample.tokens), column] == sample.target
            right.append(correct)
            hard.append(correct[[word.casefold() in self.ambiguous for word in sample.tokens]])
        return {
            "score": float(np.concatenate(right).mean()),
            "ambiguous": float(np.concatenate(hard).mean()),
        }


tasks.add(Tagging.id, Tagging())
