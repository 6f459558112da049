"""Which kinds of files can be opened, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from engine.interop.imported import Imported
from engine.projects import SUFFIX
from engine.tasks import Task

PROJECT, OTHER = "project", "other"
VOCABULARY = ".json"
NAMED = ("vocab", "token", "words")
"""A text whose name holds one of these is a vocabulary, a token a line, and no sequence."""


@lru_cache(maxsize=1)
def groups() -> dict[str, tuple[str, ...]]:
    """The endings of what other programs write: "weights", "sequences", "vocabularies"."""
    from engine.interop import read, sequences  # the readers are not needed before there is a file

    return {"weights": read.SUFFIXES, "sequences": sequences.SUFFIXES, "vocabularies": (VOCABULARY,)}


def others() -> tuple[str, ...]:
    """All of them."""
    return tuple(dict.fromkeys(suffix for found in groups().values() for suffix in found))


def kind(path: Path) -> str:
    """What a file is: "project", "other" (weights, a sequence, a capture); empty: nothing known here.

    A capture of a running program has a project's ending, and a checkpoint may have any; what is inside tells.
    """
    from engine.interop import captures, read  # not needed before there is a file

    suffix = path.suffix.lower()
    if suffix == SUFFIX:
        return OTHER if captures.is_capture(path) else PROJECT
    return OTHER if suffix in others() or read.holds(path) else ""


def together(paths: Sequence[Path]) -> dict[str, Path]:
    """Which of several files is the network ("weights"), which its "sequence" and its "vocabulary"; empty: none is."""
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.suffix.lower() == ".npz"):  # which may hold either
        role = _role(path, "weights" in found)
        if not role or role in found:
            return {}
        found[role] = path
    return found if "weights" in found else {}


def _role(path: Path, beside_weights: bool) -> str:
    from engine.interop import read  # as above

    suffix, known = path.suffix.lower(), groups()
    if suffix in known["weights"] and not (beside_weights and suffix in known["sequences"]):
        return "weights"
    if suffix in known["vocabularies"] or (suffix == ".txt" and any(word in path.stem.lower() for word in NAMED)):
        return "vocabulary"
    if suffix in known["sequences"]:
        return "sequence"
    return "weights" if read.holds(path) else ""


def one_at_a_time() -> str:
    """Say that several files cannot be opened together."""
    return _tr("One file is opened at a time, or a network with its sequence and its vocabulary.")


def refusal(path: Path) -> str:
    """Say that a file is of no kind that can be opened."""
    return _tr("“{}” cannot be opened; these can: {}.").format(path.name, ", ".join((SUFFIX, *others())))


def suggested(task: Task) -> str:
    """The name under which a project that has no file yet is likely to be saved.

    Of a scenario its own; of a network of a file the file's, without what no folder takes.
    """
    name = Path(task.title).stem if isinstance(task, Imported) else task.id
    return "".join("_" if sign in '<>:"/\\|?*' or not sign.isprintable() else sign for sign in name) + SUFFIX


def open_filter() -> str:
    """The filters of a dialog that opens files."""
    found = groups()
    lines = (
        (_tr("All that can be opened ({})"), (SUFFIX, *others())),
        (_tr("Projects and captures ({})"), (SUFFIX,)),
        (_tr("Weights ({})"), found["weights"]),
        (_tr("Sequences ({})"), found["sequences"]),
        (_tr("Vocabularies ({})"), found["vocabularies"]),
    )
    return ";;".join(text.format(" ".join(f"*{suffix}" for suffix in suffixes)) for text, suffixes in lines)


def _tr(text: str) -> str:
    return QCoreApplication.translate("kinds", text)
