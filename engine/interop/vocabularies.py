"""Vocabularies: from a file, and from what a project says of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.interop.files import ImportFileError, limit, read_bytes, read_text, reason
from engine.interop.tokenizer import IDS, LETTERS, PIECES, WORDS, Tokenizer
from engine.interop.tokenizer_json import MOST_TOKENS, Pieces, most_ids

SUFFIXES = (".txt", ".json")
#: The largest of them have some thirty million bytes, and take ten times as much to be read.
MOST_BYTES = 128 * 2**20
#: Where programs keep the one inside an object.
INSIDE = ("itos", "stoi", "word2idx", "idx2word", "token_to_id", "id_to_token", "vocab")
UNKNOWN = ("<unk>", "[unk]", "unk", "<oov>", "[oov]", "<unknown>")


def read_vocabulary(path: str | Path) -> Tokenizer:
    """Read a vocabulary.

    Parameters
    ----------
    path : str or Path
        ``.txt``: a token a line, the first with id 0. ``.json``: a list of tokens, an object from token to id or from
        id to token, either also under a name of its own (``{"itos": […]}``, as torchtext's), or the ``tokenizer.json``
        of the tokenizers library.

    Raises
    ------
    ImportFileError
        The file cannot be read, or is no vocabulary.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ImportFileError(path, f"is no vocabulary known here; there are {', '.join(SUFFIXES)}")
    text = read_text(path, read_bytes(path, min(MOST_BYTES, limit())))
    try:
        if path.suffix.lower() == ".txt":
            return _of_words([line.rstrip("\r") for line in text.removesuffix("\n").split("\n")])
        return _of_json(_json(path, text))
    except ImportFileError:
        raise
    except ValueError as error:
        said = reason(error) if isinstance(error, UnicodeError) else str(error)
        raise ImportFileError(path, f"is no vocabulary: {said}") from None
    except Exception as error:  # a part of it may be of any other kind than it should be
        raise ImportFileError(path, f"is no vocabulary: {reason(error)}") from None


def _json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ImportFileError(path, f"is no JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of endless digits, or endless brackets
        raise ImportFileError(path, f"is no JSON that can be read: {reason(error)}") from None


def from_facts(facts: Any, rows: int | None = None) -> Tokenizer:
    """Make a tokenizer from its :meth:`~engine.interop.tokenizer.Tokenizer.facts`.

    Parameters
    ----------
    facts : mapping
    rows : int, optional
        How many tokens it may have, since the embedding has so many rows.

    Raises
    ------
    ValueError
        The facts are none.
    """
    if not isinstance(facts, dict):
        raise ValueError(f"a tokenizer must be an object, not {facts!r:.60}")
    if facts.get("kind") == PIECES:
        return Pieces.read(facts.get("settings"))
    if facts.get("kind") == IDS:
        size = facts.get("size")
        most = MOST_TOKENS if rows is None else rows
        if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= most:
            raise ValueError(f"size={size!r:.60} of the tokenizer is not possible; it must be from 1 to {most}")
        return Tokenizer.of_ids(size)
    words, unknown = facts.get("words"), facts.get("unknown")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("words of the tokenizer must be a list of texts")
    if unknown is not None and (not isinstance(unknown, int) or isinstance(unknown, bool)):
        raise ValueError(f"unknown={unknown!r} of the tokenizer is not possible; it must be an id or null")
    return Tokenizer(str(facts.get("kind")), tuple(words), unknown, facts.get("lower") is True)


def _of_json(found: Any) -> Tokenizer:
    if isinstance(found, list):
        return _of_words(found)
    if not isinstance(found, dict):
        raise ValueError("it holds neither a list nor an object")
    if isinstance(found.get("model"), dict):
        return Pieces.read(found)
    inside = next((found[name] for name in INSIDE if isinstance(found.get(name), list | dict)), None)
    if isinstance(inside, list):
        return _of_words(inside)
    found = found if inside is None else inside
    if all(isinstance(name, str) and name.isdecimal() and len(name) < 10 for name in found) and all(
        isinstance(word, str) for word in found.values()
    ):
        found = {word: int(name) for name, word in found.items()}
    ids = list(found.values())
    if not all(isinstance(index, int) and not isinstance(index, bool) for index in ids):
        raise ValueError("its values must be the ids of its tokens")
    if not ids or min(ids) < 0 or max(ids) >= most_ids(len(ids)):
        raise ValueError(f"ids must be from 0 to {most_ids(len(ids)) - 1}, since there are {len(ids)} tokens")
    words = [f"<{index}>" for index in range(max(ids) + 1)]
    for word, index in found.items():
        words[index] = word
    return _of_words(words)


def _of_words(words: list[Any]) -> Tokenizer:
    if not words or not all(isinstance(word, str) for word in words):
        raise ValueError("every token must be a text")
    plain = [word for word in words if not (word[:1] in "<[" and word[-1:] in ">]" and len(word) > 2)]
    unknown = next((index for index, word in enumerate(words) if word.lower() in UNKNOWN), None)
    if plain and all(len(word) == 1 for word in plain):
        return Tokenizer(LETTERS, tuple(words), unknown)
    return Tokenizer(WORDS, tuple(words), unknown, lower=all(word == word.lower() for word in plain))
