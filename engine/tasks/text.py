"""What the scenarios on text share: a vocabulary, unknown words, and looking up a known target."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from functools import cached_property

import numpy as np

from engine.tasks.base import Sample, Task, check_split
from engine.vocabulary import UNKNOWN, Vocabulary


def _key(text: str) -> str:
    """What makes two texts the same sentence: neither case nor spaces before punctuation."""
    return re.sub(r"\s+([.,!?])", r"\1", " ".join(text.split())).casefold()


class TextTask(Task):
    """A scenario whose input is a sentence. A subclass says how to split it and where its examples are.

    Attributes
    ----------
    before, after : tuple of str
        Tokens put around every sentence.
    common : int
        Words seen oftener than this are never replaced by ``<unk>`` in what is trained on: they carry the grammar.
    """

    kind = "text"
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    common: int = 40

    @abstractmethod
    def words(self, text: str) -> list[str]:
        """Split a sentence as it is typed into words."""

    @abstractmethod
    def examples(self, name: str) -> list[tuple[str, str, str]]:
        """(sentence, target, pair) of each example of a split."""

    @abstractmethod
    def target_ids(self, target: str, tokens: tuple[str, ...]) -> tuple[list[int], tuple[str, ...]]:
        """Class ids of a target given as text, and what to show for them; ValueError where it cannot be one."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the training split."""
        special = tuple(dict.fromkeys((UNKNOWN, *self.before, *self.after)))
        # In one piece: splitting sentence by sentence takes five times as long, and the window waits for this.
        return Vocabulary.count([self.words("\n".join(text for text, _, _ in self.examples("train")))], special)

    @cached_property
    def _known(self) -> dict[str, str]:
        rows = [row for name in ("train", "test") for row in self.examples(name)]
        return {_key(text): target for text, target, _ in rows}

    def encode(self, source: str, target: str | None = None) -> Sample:
        """Encode a sentence; where no target is given and the corpus holds the sentence, its target is used."""
        words = self.words(source)
        if not words:
            raise ValueError(f"the text {source!r} holds no words; type a sentence such as {self.example!r}")
        return self._sample(source, words, target if target is not None else self._known.get(_key(source)))

    def unknown_words(self, source: object) -> list[str]:
        """The words of a sentence that the training split does not have."""
        if not isinstance(source, str):
            return []
        return [word for word in dict.fromkeys(self.words(source)) if word not in self.vocabulary]

    def _sample(self, source: str, words: list[str], target: str | None, pair: str = "") -> Sample:
        full = [*self.before, *words, *self.after]
        shown = tuple(self.vocabulary.shown(word) for word in full)
        ids = np.array(self.vocabulary.ids(full))
        if target is None:
            return Sample(source, ids, None, shown, (), pair)
        classes, names = self.target_ids(target, tuple(words))
        return Sample(source, ids, np.array(classes), shown, names, pair)

    def split(self, name: str) -> list[Sample]:
        """The corpus's examples."""
        check_split(name)
        return [self._sample(text, self.words(text), target, pair) for text, target, pair in self.examples(name)]

    def training_samples(self) -> list[Sample]:
        """The training split, and a quarter of it again with one rarer word unknown, so that ``<unk>`` is learnt."""
        samples = self.split("train")
        counts: Counter[int] = Counter()
        for sample in samples:
            counts.update(sample.x.tolist())
        rng = np.random.default_rng(0)
        extra = []
        for sample in samples[::4]:
            rare = [step for step, word in enumerate(sample.x.tolist()) if counts[word] <= self.common]
            if rare:
                step = int(rng.choice(rare))
                x = sample.x.copy()
                x[step] = self.vocabulary.id(UNKNOWN)
                shown = (*sample.tokens[:step], UNKNOWN, *sample.tokens[step + 1 :])
                extra.append(Sample(sample.source, x, sample.target, shown, sample.target_tokens))
        return samples + extra
