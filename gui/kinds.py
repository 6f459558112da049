"""Which kinds of files can be opened, and by whom."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMainWindow

from engine.projects import SUFFIX

IMPORTER = "gui.importing"
"""The module whose ``open_file(window, path)`` takes what is no project."""
WEIGHTS = (".pt", ".pth", ".safetensors", ".npz")
SEQUENCES = (".npy", ".csv", ".txt")


def is_project(path: Path) -> bool:
    """Whether a file is a project, by its name."""
    return path.suffix.lower() == SUFFIX


def others() -> tuple[str, ...]:
    """The endings of files that are no projects and can be opened."""
    return (*WEIGHTS, *SEQUENCES) if importlib.util.find_spec(IMPORTER) else ()


def refusal(path: Path) -> str:
    """Why a file cannot be opened by its name; empty where it can."""
    if is_project(path) or path.suffix.lower() in others():
        return ""
    return _tr("“{}” cannot be opened; these can: {}").format(path.name, ", ".join((SUFFIX, *others())))


def hand_over(window: QMainWindow, path: Path, say: Callable[[str], object]) -> None:
    """Give a file that is no project to its importer, or say that there is none."""
    text = refusal(path)
    if text:
        say(text)
    else:
        importlib.import_module(IMPORTER).open_file(window, path)


def open_filter() -> str:
    """The filters of a dialog that opens files."""
    if not others():
        return project_filter()
    every = " ".join(f"*{suffix}" for suffix in (SUFFIX, *others()))
    weights, sequences = (" ".join(f"*{suffix}" for suffix in group) for group in (WEIGHTS, SEQUENCES))
    return ";;".join((
        _tr("All that can be opened ({})").format(every), project_filter(),
        _tr("Weights ({})").format(weights), _tr("Sequences ({})").format(sequences),
    ))  # fmt: skip


def project_filter() -> str:
    """The filter of projects."""
    return _tr("Loopscope projects ({})").format(f"*{SUFFIX}")


def _tr(text: str) -> str:
    return QCoreApplication.translate("kinds", text)
