"""The models of ``tokenizer.json``: how a word is split into the pieces of a vocabulary."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

LONGEST_WORD = 10_000
#: What may be tried on one text: letters times the length of the longest piece; some seconds.
MOST_TRIES, SHORT = 20_000_000, 64


def check(right: bool, name: str) -> None:
    """ValueError that names the part of the file, unless it is right."""
    if not right:
        raise ValueError(f"its {name} is not what a tokenizer's is")


def text_of(settings: Mapping[str, Any], name: str, default: str = "") -> str:
    """A text among settings, the default where it is null; ValueError where it is of another kind."""
    found = settings.get(name, default)
    check(found is None or isinstance(found, str), name)
    return found or ""


class Effort:
    """What may still be tried on a text."""

    def __init__(self) -> None:
        self._left = MOST_TRIES

    def spend(self, tries: int) -> None:
        """Pay for so many.

        Raises
        ------
        ValueError
            It is too many.
        """
        self._left -= tries
        if self._left < 0:
            raise ValueError("the text is too long, or its words are, to be split into the pieces of this vocabulary")


class Model:
    """Splits words into pieces; this one leaves each whole."""

    def __call__(self, word: str) -> list[str]:
        """The pieces of a word."""
        return [word]

    def tries(self, word: str) -> int:
        """What that takes, at most."""
        return 1


def model(settings: Mapping[str, Any]) -> Model:
    """What splits a word into pieces, by a model's settings.

    Raises
    ------
    ValueError
        A setting is of another kind than it should be.
    """
    return MODELS.get(settings["type"], lambda settings: Model())(settings)


def _tries(letters: int, longest: int) -> int:
    """How often so many letters are looked up, in pieces that are cut out and hashed each time."""
    longest = min(letters, longest)
    return letters * longest * (1 + longest // SHORT)


class _WordPiece(Model):
    """The longest piece that the rest of a word begins with, again and again."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._vocab, self._more = settings["vocab"], text_of(settings, "continuing_subword_prefix", "##")
        self._unknown, self._most = text_of(settings, "unk_token"), settings.get("max_input_chars_per_word", 100)
        check(isinstance(self._most, int), "max_input_chars_per_word")
        self._longest = max(map(len, self._vocab), default=0)

    def __call__(self, word: str) -> list[str]:
        if len(word) > self._most:
            return [self._unknown]
        found: list[str] = []
        at = 0
        while at < len(word):
            prefix, last = self._more if at else "", min(len(word), at + self._longest)
            end = next((end for end in range(last, at, -1) if prefix + word[at:end] in self._vocab), None)
            if end is None:
                return [self._unknown]
            found.append(prefix + word[at:end])
            at = end
        return found

    def tries(self, word: str) -> int:
        """Every piece from every letter on; a word beyond the most that are split is unknown at once."""
        return _tries(len(word), self._longest) if len(word) <= self._most else 1


class _Merges(Model):
    """Byte-pair encoding: the pair that was merged first in training is merged first."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        merges = settings.get("merges")
        check(isinstance(merges, list), "model.merges")
        check(all(isinstance(pair, str | list) for pair in merges or []), "model.merges")
        pairs = [tuple(pair.split(" ", 1) if isinstance(pair, str) else pair) for pair in merges or []]
        check(all(len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in pairs), "model.merges")
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._vocab, self._end = settings["vocab"], text_of(settings, "end_of_word_suffix")
        self._more = text_of(settings, "continuing_subword_prefix")
        self._bytes, unknown = bool(settings.get("byte_fallback")), text_of(settings, "unk_token")
        self._unknown = unknown if unknown and settings.get("fuse_unk") else None
        self._known: dict[str, list[str]] = {}

    def __call__(self, word: str) -> list[str]:
        if len(word) > LONGEST_WORD:
            raise ValueError(f"a word of {len(word)} letters is longer than the {LONGEST_WORD} that are split")
        if word not in self._known:
            found = [piece for part in self._merged(word) for piece in self._spelled(part)]
            self._known[word] = found if self._unknown is None else self._fused(found, self._unknown)
        return self._known[word]

    def tries(self, word: str) -> int:
        """A few for each letter: merging takes n log n."""
        return 4 * len(word)

    def _merged(self, word: str) -> list[str]:
        parts = [self._more * (at > 0) + letter for at, letter in enumerate(word)]
        parts[-1] += self._end
        after, before = list(range(1, len(parts) + 1)), list(range(-1, len(parts) - 1))
        # What may be merged, by rank and place; a pair of which a part was merged since is passed over.
        waiting = [(self._ranks[pair], at, pair) for at, pair in enumerate(pairwise(parts)) if pair in self._ranks]
        heapq.heapify(waiting)
        while waiting:
            _, at, (left, right) = heapq.heappop(waiting)
            nearest = after[at]
            if parts[at] != left or nearest == len(parts) or parts[nearest] != right:
                continue
            parts[at], parts[nearest] = left + right.removeprefix(self._more), ""
            after[at] = after[nearest]
            if after[at] < len(parts):
                before[after[at]] = at
            for first, second in ((before[at], at), (at, after[at])):
                if first >= 0 and second < len(parts):
                    pair = parts[first], parts[second]
                    if pair in self._ranks:
                        heapq.heappush(waiting, (self._ranks[pair], first, pair))
        return [part for part in parts if part]

    def _fused(self, found: list[str], unknown: str) -> list[str]:
        """Unknown letters in a row as one unknown token."""
        named = [piece if piece in self._vocab else unknown for piece in found]
        return [n for at, n in enumerate(named) if at == 0 or n != unknown or named[at - 1] != n]

    def _spelled(self, part: str) -> list[str]:
        if part in self._vocab or not self._bytes:
            return [part]
        return [f"<0x{byte:02X}>" for byte in part.encode("utf-8", "replace")]


class _Unigram(Model):
    """The split whose scores add up to most (Viterbi)."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._scores = {str(word): float(score) for word, score in settings["vocab"]}
        check(bool(self._scores), "model.vocab")
        self._longest = max(map(len, self._scores))
        self._least = min(self._scores.values()) - 10.0  # what the library charges for an unknown letter

    def __call__(self, word: str) -> list[str]:
        scores, least = self._scores, self._least
        best: list[tuple[float, int]] = [(0.0, 0)] + [(-float("inf"), 0)] * len(word)
        for end in range(1, len(word) + 1):
            for start in range(max(0, end - self._longest), end):
                score = scores.get(word[start:end], least if end - start == 1 else None)
                if score is not None and best[start][0] + score > best[end][0]:
                    best[end] = (best[start][0] + score, start)
        parts: list[str] = []
        at = len(word)
        while at:
            parts.append(word[best[at][1] : at])
            at = best[at][1]
        merged: list[str] = []
        for part in reversed(parts):  # unknown letters in a row are one unknown token
            if merged and part not in scores and merged[-1] not in scores:
                merged[-1] += part
            else:
                merged.append(part)
        return merged

    def tries(self, word: str) -> int:
        """Every piece up to every letter."""
        return _tries(len(word), self._longest)


MODELS = {"WordPiece": _WordPiece, "BPE": _Merges, "Unigram": _Unigram}
