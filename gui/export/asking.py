"""Where a file goes to: the dialog for it, which lets none be overwritten unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

Filter = tuple[str, str]
"""What a kind of file is called, and its suffix."""
_last: list[Path] = []
"""The folder that the last file went to; empty before there was one."""


def ask_path(parent: QWidget, title: str, start: str | Path, filters: Sequence[Filter]) -> Path | None:
    """Ask where to write to, and whether what is there may be overwritten. None: nowhere.

    Parameters
    ----------
    parent : QWidget
    title : str
    start : str or Path
        What the file is called where the user does not say otherwise; with the folder that is shown first, or without:
        then it is the project's, else the one that the last export went to, else that of the user's documents.
    filters : sequence of (str, str)
        The kinds there are; the suffix of the chosen one is added where the name has none of theirs.
    """
    suffixes = {f"{text} (*{suffix})": suffix for text, suffix in filters}
    while True:
        chosen, suffix = _chosen(parent, title, folder(parent) / start, suffixes)
        if chosen is None:
            return None
        path = chosen if chosen.suffix.lower() in suffixes.values() else chosen.with_name(chosen.name + suffix)
        if path is chosen or not path.exists():
            _last[:] = [path.parent]
            return path
        # The dialog knew another name: shown this one, it asks about the file.
        title, start = QCoreApplication.translate("asking", "“{}” is there already").format(path.name), path


def folder(parent: QWidget | None) -> Path:
    """Where one most likely looks for what is exported from a window, or from a dialog of one."""
    window = parent
    while window is not None and not hasattr(window, "filing"):
        window = window.parentWidget()
    project = None if window is None else window.filing.file.path
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    near = [*([project.parent] if project is not None else []), *_last, *([Path(documents)] if documents else [])]
    return next((place for place in near if place.is_dir()), Path.home())


def _chosen(parent: QWidget, title: str, start: Path, suffixes: Mapping[str, str]) -> tuple[Path | None, str]:
    """Ask once: the path as the dialog knows it, and the suffix of the chosen kind."""
    dialog = QFileDialog(parent, title, str(start.parent), ";;".join(suffixes))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)

    def follow(line: str) -> None:
        dialog.setDefaultSuffix(suffixes.get(line, next(iter(suffixes.values())))[1:])

    dialog.filterSelected.connect(follow)
    kind = next((line for line, suffix in suffixes.items() if suffix == start.suffix.lower()), "")
    if kind:
        dialog.selectNameFilter(kind)
    follow(kind)
    dialog.selectFile(start.name)
    done, files, suffix = dialog.exec(), dialog.selectedFiles(), f".{dialog.defaultSuffix()}"
    dialog.deleteLater()
    return (Path(files[0]) if done and files else None), suffix
