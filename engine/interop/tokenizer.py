"""How a text becomes the ids that a network of a file was trained on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.vocabulary import english_words

#: Halves of letters beyond the first 65,536: in Python's texts, and in no other.
HALVES = re.compile("[\ud800-\udfff]")
IDS, LETTERS, WORDS, PIECES = "ids", "letters", "words", "pieces"
LONGEST_TOKEN = 1000
KINDS = (IDS, LETTERS, WORDS, PIECES)


@dataclass(frozen=True)
class Tokenizer:
    """Splits a text and numbers its parts.

    Parameters
    ----------
    kind : str
        "ids" (the text is the ids themselves: ``12 5 7``), "letters" (each character is a token), "words" or
        "pieces" (:class:`engine.interop.tokenizer_json.Pieces`).
    words : tuple of str
        Each token's name at its id.
    unknown : int or None
        The id of every token that is not there; None: such a text is refused.
    """

    kind: str
    words: tuple[str, ...]
    unknown: int | None = None
    lower: bool = field(default=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} is not possible; it must be one of {', '.join(KINDS)}")
        if not self.words:
            raise ValueError("a vocabulary without words is not possible")
        longest = max(map(len, self.words))
        if longest > LONGEST_TOKEN:
            raise ValueError(f"a token of {longest:,} letters is not possible; at most {LONGEST_TOKEN:,} are shown")
        if self.unknown is not None and not 0 <= self.unknown < len(self.words):
            raise ValueError(f"unknown={self.unknown} is not possible; it must be from 0 to {len(self.words) - 1}")

    @classmethod
    def of_ids(cls, size: int) -> Tokenizer:
        """For a network whose vocabulary is not known: its tokens are called by their ids."""
        return cls(IDS, tuple(map(str, range(size))))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in reversed(list(enumerate(self.words)))}

    def split(self, text: str) -> list[str]:
        """The tokens of a text, known or not."""
        text = text.lower() if self.lower else text
        if self.kind == LETTERS:
            return list(text)
        if self.kind == IDS:
            return text.replace(",", " ").split()
        plain = text.split()
        # A vocabulary of a corpus with its punctuation split off is read with it split off.
        return plain if all(word in self._ids for word in plain) else english_words(text)

    def encode(self, text: str) -> tuple[list[int], tuple[str, ...]]:
        """The ids of a text, and what to show for each.

        Raises
        ------
        ValueError
            The text is empty, or holds a token that is not there where none stands for it, or half a letter.
        """
        if half := HALVES.search(text):
            raise ValueError(f"letter {half.start() + 1} of the text is half a letter, which no file can hold")
        found = self.split(text)
        if not found:
            raise ValueError("there is nothing to read: type some text")
        ids = [self._id(token) for token in found]
        return ids, tuple(token if self.known(token) else self.words[id] for token, id in zip(found, ids, strict=True))

    def _id(self, token: str) -> int:
        found = self._ids.get(
            token, self._ids.get(token.lower(), self.unknown) if self.kind != PIECES else self.unknown
        )
        if found is None:
            some = ", ".join(f"{word!r:.30}" for word in self.words[:6])
            few = f"0 to {len(self.words) - 1}" if self.kind == IDS else f"{some}, …"
            raise ValueError(f"{token!r:.60} is none of the {len(self.words)} tokens of this network ({few})")
        return found

    def known(self, token: str) -> bool:
        """Whether the network has a token of its own for it."""
        return token in self._ids or token.lower() in self._ids

    def facts(self) -> dict[str, Any]:
        """What makes it, as JSON."""
        if self.kind == IDS:
            return {"kind": IDS, "size": len(self.words)}
        return {"kind": self.kind, "words": list(self.words), "unknown": self.unknown, "lower": self.lower}
