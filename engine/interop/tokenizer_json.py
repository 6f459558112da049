"""The ``tokenizer.json`` of the tokenizers library, read without it: WordLevel, WordPiece, BPE and Unigram.

The steps and their names are those of that library's documentation: normalizer, pre-tokenizer, model, post-processor.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.interop._pieces import Effort, Model, check, model, text_of
from engine.interop.tokenizer import PIECES, Tokenizer

PARTS = ("model", "normalizer", "pre_tokenizer", "post_processor", "added_tokens")
MOST_TOKENS = 5_000_000
GPT2 = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
WORDS = re.compile(r"\w+|[^\w\s]+")
SPACE = "\u2581"

#: A step that makes more of a text than this many times its letters is built to do so.
GROWTH, SMALL = 64, 10_000
#: And so is a file with more objects than this in its steps.
MOST_STEPS = 1000

Normal = Callable[[str], str]
Splitter = Callable[[list[str]], list[str]]


def most_ids(count: int) -> int:
    """How large ids may be where there are so many tokens: a gap takes memory as a token does."""
    return min(MOST_TOKENS, 2 * count + 100_000)


class Unsupported(ValueError):
    """The file asks for something that is not known here; the message says what."""


@dataclass(frozen=True)
class Pieces(Tokenizer):
    """A tokenizer of the library's file.

    Attributes
    ----------
    settings : mapping
        What the file says of its parts, as JSON.
    """

    settings: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def read(cls, settings: Any) -> Pieces:
        """Make it from the file's JSON.

        Raises
        ------
        ValueError
            A part is missing, of another kind, or not known here.
        """
        if not isinstance(settings, dict) or not isinstance(settings.get("model"), dict):
            raise ValueError("it is no tokenizer: its “model” is missing")
        kept: dict[str, Any] = {part: settings.get(part) for part in PARTS}
        for part in ("normalizer", "pre_tokenizer", "post_processor"):
            check(kept[part] is None or isinstance(kept[part], dict), part)
            if json.dumps(kept[part]).count("{") > MOST_STEPS:
                raise Unsupported(f"its {part} has more than {MOST_STEPS:,} steps")
        vocabulary = _vocabulary(kept["model"], kept["added_tokens"] or [])
        size = max(vocabulary.values()) + 1
        words = [f"<{index}>" for index in range(size)]
        for word, index in vocabulary.items():
            words[index] = word
        of = kept["model"]
        unknown: Any = vocabulary.get(text_of(of, "unk_token")) if of["type"] != "Unigram" else of.get("unk_id")
        made = cls(PIECES, tuple(words), unknown if type(unknown) is int else None, settings=kept)
        made.split("a")  # what is not supported is said now, not at the first text
        return made

    @cached_property
    def _steps(self) -> tuple[Normal, Splitter, Model, tuple[list[str], list[str]]]:
        return (
            _normalizer(self.settings["normalizer"]), _splitter(self.settings["pre_tokenizer"]),
            model(self.settings["model"]), _around(self.settings["post_processor"]),
        )  # fmt: skip

    @cached_property
    def _added(self) -> tuple[frozenset[str], list[int], re.Pattern[str]]:
        """The added tokens, how long they are, and how they begin."""
        names = frozenset(token["content"] for token in self.settings["added_tokens"] or []) - {""}
        firsts = "".join(re.escape(letter) for letter in sorted({name[0] for name in names}))
        return (
            names,
            sorted({len(name) for name in names}, reverse=True),
            re.compile(f"[{firsts}]" if names else "(?!)"),
        )

    def split(self, text: str) -> list[str]:
        """The tokens of a text, as the library finds them.

        Raises
        ------
        ValueError
            That would take too long.
        """
        normal, splitter, model, (before, after) = self._steps
        found, effort = list(before), Effort()
        for part, added in self._parts(text, effort):
            words = [part] if added else list(filter(None, splitter([normal(part)])))
            effort.spend(0 if added else sum(map(model.tries, words)))
            found += words if added else [token for word in words for token in model(word)]
        return found + after

    def _parts(self, text: str, effort: Effort) -> Iterator[tuple[str, bool]]:
        """A text cut at its added tokens, the longest first, and whether each part is one."""
        names, lengths, begins = self._added
        start = at = 0
        while match := begins.search(text, at):
            at = match.start()
            effort.spend(len(lengths))
            end = next((at + length for length in lengths if text[at : at + length] in names), at)
            if end == at:
                at += 1
                continue
            if start < at:
                yield text[start:at], False
            yield text[at:end], True
            start = at = end
        if start < len(text):
            yield text[start:], False

    def encode(self, text: str) -> tuple[list[int], tuple[str, ...]]:
        """The ids of a text, and its pieces as people read them."""
        ids, shown = super().encode(text)
        return ids, tuple(_readable(token) for token in shown) if self._spells_bytes else shown

    @cached_property
    def _spells_bytes(self) -> bool:
        return '"ByteLevel"' in json.dumps(self.settings["pre_tokenizer"])

    def known(self, token: str) -> bool:
        """Whether the vocabulary has it, as it is written."""
        return token in self._ids

    def facts(self) -> dict[str, Any]:
        """What makes it, as JSON."""
        return {"kind": PIECES, "settings": dict(self.settings)}


def _vocabulary(settings: dict[str, Any], added: Any) -> dict[str, int]:
    kind: Any = settings.get("type")
    vocab: Any = settings.get("vocab")
    if kind is None and isinstance(vocab, dict):
        kind = settings["type"] = "BPE" if "merges" in settings else "WordLevel"
    if kind == "Unigram":
        check(isinstance(vocab, list) and all(map(_is_scored, vocab)), "model.vocab")
        found = {str(word): index for index, (word, _) in enumerate(vocab)}
    elif kind in ("WordLevel", "WordPiece", "BPE"):
        check(isinstance(vocab, dict), "model.vocab")
        found = dict(vocab)
    else:
        raise Unsupported(f"its model is {kind!r}; known are WordLevel, WordPiece, BPE and Unigram")
    check(isinstance(added, list) and all(isinstance(token, dict) for token in added), "added_tokens")
    for token in added:
        check(isinstance(token.get("content"), str), "added_tokens")
        if token["content"]:  # the library passes over one that is empty
            found[token["content"]] = token.get("id")
    most = most_ids(len(found))
    check(all(isinstance(i, int) and not isinstance(i, bool) and 0 <= i < most for i in found.values()), "ids")
    check(bool(found), "model.vocab")
    return found


def _is_scored(entry: Any) -> bool:
    """Whether it is a token with its score, as Unigram's vocabulary has them."""
    return (
        isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)
        and isinstance(entry[1], int | float) and math.isfinite(entry[1])
    )  # fmt: skip


def _parts(step: Mapping[str, Any], name: str) -> list[Any]:
    parts = step.get(name)
    check(isinstance(parts, list) and all(isinstance(part, dict) for part in parts), name)
    return parts  # type: ignore[return-value]


def _normalizer(step: Any) -> Normal:
    if step is None:
        return lambda text: text
    kind = text_of(step, "type")
    if kind == "Sequence":
        every = [_normalizer(part) for part in _parts(step, "normalizers")]
        return lambda text: _through(every, text)
    if kind in ("NFC", "NFD", "NFKC", "NFKD"):
        return lambda text: unicodedata.normalize(kind, text)  # type: ignore[arg-type]
    simple: dict[str, Normal] = {
        "Lowercase": str.lower,
        "StripAccents": _without_accents,
        "Strip": lambda text: _stripped(text, step),
        "Prepend": lambda text: text_of(step, "prepend")[:SMALL] + text if text else text,
    }
    if kind in simple:
        return simple[kind]
    if kind == "Replace" and isinstance(step.get("pattern"), dict) and "String" in step["pattern"]:
        old, new = text_of(step["pattern"], "String"), text_of(step, "content")
        return lambda text: _replaced(text, old, new)
    if kind == "BertNormalizer":
        return lambda text: _bert(text, step)
    raise Unsupported(f"its normalizer is {kind!r}, which is not known here")


def _through(every: list[Normal], text: str) -> str:
    length = len(text)
    for normal in every:
        text = normal(text)
        _check_growth(length, len(text))
    return text


def _replaced(text: str, old: str, new: str) -> str:
    _check_growth(len(text), len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _check_growth(before: int, after: int) -> None:
    """Steps that double a text, one after the other, would soon take all memory."""
    if after > max(SMALL, GROWTH * before):
        raise Unsupported(f"it makes {after:,} letters of {before:,}")


def _stripped(text: str, step: Mapping[str, Any]) -> str:
    text = text.lstrip() if step.get("strip_left", True) else text
    return text.rstrip() if step.get("strip_right", True) else text


def _without_accents(text: str) -> str:
    return "".join(letter for letter in text if not unicodedata.category(letter).startswith("M"))


def _bert(text: str, step: Mapping[str, Any]) -> str:
    if step.get("clean_text", True):
        letters = (
            "" if (unicodedata.category(c) in ("Cc", "Cf") and c not in "\t\n\r") or c == "\ufffd" else c for c in text
        )
        text = "".join(" " if letter.isspace() else letter for letter in letters)
    if step.get("handle_chinese_chars", True):
        text = "".join(f" {c} " if 0x4E00 <= ord(c) <= 0x9FFF or 0x3400 <= ord(c) <= 0x4DBF else c for c in text)
    lower = step.get("lowercase", True)
    if step.get("strip_accents") or (step.get("strip_accents") is None and lower):
        text = _without_accents(unicodedata.normalize("NFD", text))
    return text.lower() if lower else text


def _splitter(step: Any) -> Splitter:
    if step is None:
        return lambda words: words
    kind = text_of(step, "type")
    if kind == "Sequence":
        every = [_splitter(part) for part in _parts(step, "pretokenizers")]

        def chain(words: list[str]) -> list[str]:
            length = sum(map(len, words))
            for splitter in every:
                words = splitter(words)
                _check_growth(length, sum(map(len, words)))
            return words

        return chain
    simple: dict[str, Callable[[str], Iterable[str]]] = {
        "Whitespace": WORDS.findall,
        "WhitespaceSplit": str.split,
        "BertPreTokenizer": _bert_words,
        "Punctuation": _isolated,
        "Digits": re.compile(r"\d|\D+" if step.get("individual_digits") else r"\d+|\D+").findall,
        "ByteLevel": lambda word: _byte_level(word, step),
        "Metaspace": lambda word: _metaspace(word, step),
        "CharDelimiterSplit": lambda word: word.split(text_of(step, "delimiter") or None),
    }
    if kind == "Punctuation" and step.get("behavior", "Isolated") != "Isolated":
        raise Unsupported(f"its pre-tokenizer Punctuation {step['behavior']!r} is not known here")
    if kind == "Split" and isinstance(step.get("pattern"), dict) and "String" in step["pattern"]:
        return _between(step)
    if kind not in simple:
        raise Unsupported(f"its pre-tokenizer is {kind!r}, which is not known here")
    one = simple[kind]
    return lambda words: [part for word in words for part in one(word) if part]


def _between(step: Mapping[str, Any]) -> Splitter:
    mark, behaviour = step["pattern"]["String"], step.get("behavior")
    if behaviour not in ("Removed", "Isolated") or not isinstance(mark, str) or not mark:
        raise Unsupported(f"its pre-tokenizer Split {behaviour!r} is not known here")
    cut = re.compile(re.escape(mark) if behaviour == "Removed" else f"({re.escape(mark)})")
    return lambda words: [part for word in words for part in cut.split(word) if part]


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("P") or (letter.isascii() and not letter.isalnum() and letter > " ")


def _isolated(word: str) -> list[str]:
    parts = [""]
    for letter in word:
        if _is_mark(letter):
            parts += [letter, ""]
        else:
            parts[-1] += letter
    return parts


def _bert_words(word: str) -> list[str]:
    return [part for piece in word.split() for part in _isolated(piece)]


def _bytes_as_letters() -> dict[int, str]:
    """GPT-2's letters for bytes: those that print stand for themselves, the others follow from 256 on."""
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printing]
    return {byte: chr(byte) for byte in printing} | {byte: chr(256 + n) for n, byte in enumerate(rest)}


LETTER = _bytes_as_letters()
BYTE = {letter: byte for byte, letter in LETTER.items()}


def _readable(token: str) -> str:
    """A token of letters that stand for bytes, as text; one that is no whole text stays as it is."""
    try:
        return bytes(BYTE[letter] for letter in token).decode()
    except (KeyError, UnicodeDecodeError):
        return token


def _byte_level(word: str, step: Mapping[str, Any]) -> list[str]:
    if step.get("add_prefix_space", True) and not word.startswith(" "):
        word = f" {word}"
    parts = GPT2.findall(word) if step.get("use_regex", True) else [word]
    return ["".join(LETTER[byte] for byte in part.encode("utf-8", "replace")) for part in parts]


def _metaspace(word: str, step: Mapping[str, Any]) -> list[str]:
    mark = text_of(step, "replacement", SPACE)[:8] or SPACE
    word = word.replace(" ", mark)
    scheme = step.get("prepend_scheme", "always" if step.get("add_prefix_space", True) else "never")
    if scheme != "never" and not word.startswith(mark):
        word = mark + word
    return (
        re.findall(f"{re.escape(mark)}?[^{re.escape(mark)}]+|{re.escape(mark)}", word)
        if step.get("split", True)
        else [word]
    )


def _around(step: Any) -> tuple[list[str], list[str]]:
    """What is put before and after a sequence."""
    if step is None or text_of(step, "type") == "ByteLevel":
        return [], []
    kind = text_of(step, "type")
    if kind == "Sequence":
        every = [_around(part) for part in _parts(step, "processors")]
        return [w for before, _ in every for w in before], [w for _, after in every for w in after]
    if kind in ("BertProcessing", "RobertaProcessing"):
        return [_special(step.get("cls"))], [_special(step.get("sep"))]
    if kind == "TemplateProcessing":
        found: tuple[list[str], list[str]] = ([], [])
        after = False
        for part in _parts(step, "single"):
            if "Sequence" in part:
                after = True
            else:
                token = part.get("SpecialToken")
                found[after].append(_special([token.get("id")] if isinstance(token, dict) else None))
        return found
    raise Unsupported(f"its post-processor is {kind!r}, which is not known here")


def _special(token: Any) -> str:
    """The text of a token that is put before or after a sequence."""
    check(isinstance(token, list) and bool(token) and isinstance(token[0], str), "post_processor")
    return str(token[0])
