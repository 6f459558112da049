"""Sequence to sequence: a French sentence, and the same in English."""

from __future__ import annotations

from functools import cache, cached_property

from engine.network import Network
from engine.spec import ModelSpec
from engine.tasks.base import exact_match, read_table, tasks
from engine.tasks.text import TextTask
from engine.vocabulary import END, Vocabulary, french_words


@cache
def _rows(name: str) -> list[tuple[str, str, str]]:
    return [(french, english, "") for french, english in read_table(f"translation.{name}")]


class Translation(TextTask):
    """All that the decoder knows of the French sentence is the encoder's last state."""

    id = "translation"
    title = "French → English"
    summary = "Reads a French sentence to its end, then writes it in English, word by word."
    pattern = "sequence-to-sequence"
    metric_name = "held-out sentences translated exactly"
    floor = 0.60
    example = "J'ai vu le match"
    example_target = "I saw the game"
    after = (END,)
    steps = 10
    embedding_scale = 0.1

    @cached_property
    def target_vocabulary(self) -> Vocabulary:
        """The English words of the training split, the end of the sentence first."""
        return Vocabulary.count((english.split() for _, english, _ in self.examples("train")), (END,))

    @cached_property
    def output_labels(self) -> tuple[str, ...]:  # type: ignore[override]
        """The English words as they are written: "I" and "French" with a capital."""
        written = {word.casefold(): word for _, english, _ in self.examples("train") for word in english.split()}
        return tuple(written.get(word, word) for word in self.target_vocabulary.words)

    def words(self, text: str) -> list[str]:
        """French words, elisions split off."""
        return [word for word in french_words(text) if word != END]

    def examples(self, name: str) -> list[tuple[str, str, str]]:
        """The corpus."""
        return _rows(name)

    def target_ids(self, target: str, tokens: tuple[str, ...]) -> tuple[list[int], tuple[str, ...]]:
        """The English words, and the end."""
        ids = self.target_vocabulary.ids([*target.split(), END])
        return ids, tuple(self.output_labels[index] for index in ids)

    def spec(self, cell: str) -> ModelSpec:
        """Encoder and decoder of one size; the plain cell starts from the identity."""
        return ModelSpec(
            pattern=self.pattern, cell=cell, vocab_size=len(self.vocabulary), embedding_size=32, hidden_size=64,
            output_size=len(self.target_vocabulary), init="identity" if cell == "rnn" else "orthogonal",
        )  # fmt: skip

    def train_options(self, cell: str) -> dict[str, object]:
        """The plain cell wants smaller steps and more of them."""
        if cell == "rnn":
            return {"epochs": 40, "batch_size": 32, "learning_rate": 0.002, "clip": 5.0}
        return {"epochs": 20, "batch_size": 32, "learning_rate": 0.005, "clip": 5.0}

    def score(self, network: Network) -> dict[str, float]:
        """Whole sentences ("score"), and single words at their place ("words"), running free."""
        samples = self.split("test")
        return exact_match(samples, self.outputs(network, samples))


tasks.add(Translation.id, Translation())
