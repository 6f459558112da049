"""The models of ``tokenizer.json``: how a word is split into the pieces of a vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

LONGEST_WORD = 10_000


def check(right: bool, name: str) -> None:
    """ValueError that names the part of the file, unless it is right."""
    if not right:
        raise ValueError(f"its {name} is not what a tokenizer's is")


def model(settings: Mapping[str, Any]) -> Callable[[str], list[str]]:
    """What splits a word into pieces, by a model's settings."""
    kind = settings["type"]
    if kind == "WordPiece":
        return lambda word: _word_piece(word, settings)
    if kind == "BPE":
        return _Merges(settings)
    if kind == "Unigram":
        scores = {str(word): float(score) for word, score in settings["vocab"]}
        return lambda word: _most_likely(word, scores)
    return lambda word: [word]


def _word_piece(word: str, model: Mapping[str, Any]) -> list[str]:
    vocab, more, unknown = model["vocab"], model.get("continuing_subword_prefix", "##"), str(model.get("unk_token"))
    if len(word) > model.get("max_input_chars_per_word", 100):
        return [unknown]
    found: list[str] = []
    at = 0
    while at < len(word):
        prefix = more if at else ""
        end = next((end for end in range(len(word), at, -1) if prefix + word[at:end] in vocab), None)
        if end is None:
            return [unknown]
        found.append(prefix + word[at:end])
        at = end
    return found


class _Merges:
    """Byte-pair encoding: the pair that was merged first in training is merged first."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        merges = model.get("merges")
        check(isinstance(merges, list), "model.merges")
        pairs = [tuple(pair.split(" ", 1)) if isinstance(pair, str) else tuple(pair) for pair in merges or []]
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._vocab, self._end = model["vocab"], str(model.get("end_of_word_suffix") or "")
        self._more = str(model.get("continuing_subword_prefix") or "")
        self._bytes = bool(model.get("byte_fallback"))
        self._unknown = model.get("unk_token") if model.get("fuse_unk") else None
        self._known: dict[str, list[str]] = {}

    def __call__(self, word: str) -> list[str]:
        if len(word) > LONGEST_WORD:
            raise ValueError(f"a word of {len(word)} letters is longer than the {LONGEST_WORD} that are split")
        if word not in self._known:
            self._known[word] = self._merged(word)
        return self._known[word]

    def _merged(self, word: str) -> list[str]:
        parts = [self._more * (at > 0) + letter for at, letter in enumerate(word)]
        parts[-1] += self._end
        while len(parts) > 1:
            ranked = [(self._ranks.get(pair), at) for at, pair in enumerate(pairwise(parts))]
            best = min(((rank, at) for rank, at in ranked if rank is not None), default=None)
            if best is None:
                break
            at = best[1]
            parts[at : at + 2] = [parts[at] + parts[at + 1].removeprefix(self._more)]
        found = [piece for part in parts for piece in self._spelled(part)]
        if self._unknown is None:
            return found
        # Unknown letters in a row are one unknown token.
        named = [piece if piece in self._vocab else self._unknown for piece in found]
        return [n for at, n in enumerate(named) if at == 0 or n != self._unknown or named[at - 1] != n]

    def _spelled(self, part: str) -> list[str]:
        if part in self._vocab or not self._bytes:
            return [part]
        return [f"<0x{byte:02X}>" for byte in part.encode()]


def _most_likely(word: str, scores: Mapping[str, float]) -> list[str]:
    """Unigram: the split whose scores add up to most (Viterbi)."""
    longest = max(map(len, scores))
    least = min(scores.values()) - 10.0  # what the library charges for an unknown letter
    best: list[tuple[float, int]] = [(0.0, 0)] + [(-float("inf"), 0)] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - longest), end):
            score = scores.get(word[start:end], least if end - start == 1 else None)
            if score is not None and best[start][0] + score > best[end][0]:
                best[end] = (best[start][0] + score, start)
    parts: list[str] = []
    at = len(word)
    while at:
        parts.insert(0, word[best[at][1] : at])
        at = best[at][1]
    merged: list[str] = []
    for part in parts:  # unknown letters in a row are one unknown token
        if merged and part not in scores and merged[-1] not in scores:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
