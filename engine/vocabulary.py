"""Words to ids and back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

UNKNOWN = "<unk>"
START = "<s>"
END = "<eos>"

_SPECIAL = r"<\w+>"
_ENGLISH = re.compile(rf"{_SPECIAL}|n't\b|'(?:s|m|re|ve|ll|d)\b|(?:(?!n't\b)\w)+(?:-\w+)*|[^\w\s']", re.IGNORECASE)
_FRENCH = re.compile(rf"{_SPECIAL}|aujourd'hui|(?:qu|[cdjlmnst])'|\w+(?:-\w+)*|[^\w\s']", re.IGNORECASE)


@dataclass(frozen=True)
class Vocabulary:
    """The words a network knows, each one's id its place.

    Case is folded when a word is looked up.

    Parameters
    ----------
    words : tuple of str
    unknown : str or None
        The word that stands for every other one; None: a word that is not there is a ValueError.
    """

    words: tuple[str, ...]
    unknown: str | None = UNKNOWN
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {word.casefold(): index for index, word in enumerate(self.words)}
        if len(ids) != len(self.words):
            raise ValueError("a vocabulary holds a word twice (case is folded)")
        if self.unknown is not None and self.unknown not in ids:
            raise ValueError(f"a vocabulary must hold {self.unknown!r}, its word for unknown ones")
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def count(cls, sentences: Iterable[Iterable[str]], special: tuple[str, ...] = (UNKNOWN,)) -> Vocabulary:
        """The words of ``sentences`` behind the special ones, the most frequent first, then by alphabet."""
        counts: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(word.casefold() for word in sentence)
        rest = sorted((word for word in counts if word not in special), key=lambda word: (-counts[word], word))
        return cls((*special, *rest), UNKNOWN if UNKNOWN in special else None)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word.casefold() in self._ids

    def id(self, word: str) -> int:
        """The id of ``word``, or of the unknown word; ValueError where there is none."""
        found = self._ids.get(word.casefold())
        if found is None and self.unknown is None:
            raise ValueError(f"{word!r} is not one of the {len(self)} words that can be put out")
        return self._ids[str(self.unknown)] if found is None else found

    def ids(self, words: Iterable[str]) -> list[int]:
        """The id of every word."""
        return [self.id(word) for word in words]

    def shown(self, word: str) -> str:
        """``word`` as it was typed, or the unknown word."""
        return word if word in self or self.unknown is None else self.unknown


def english_words(text: str) -> list[str]:
    """Split English text: "I don't like it." becomes I, do, n't, like, it, . (as the Penn Treebank does)."""
    plain = text.replace("\u2019", "'")
    plain = re.sub(r"\b(can)(not)\b", r"\1 \2", plain, flags=re.IGNORECASE)
    return _ENGLISH.findall(plain)


def french_words(text: str) -> list[str]:
    """Split French text: "J'ai vu le match" becomes J', ai, vu, le, match."""
    return _FRENCH.findall(text.replace("\u2019", "'"))
