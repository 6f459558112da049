"""Where a file goes to: the dialog for it, which lets none be overwritten unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QWidget

Filter = tuple[str, str]
"""What a kind of file is called, and its suffix."""


def ask_path(parent: QWidget, title: str, start: str | Path, filters: Sequence[Filter]) -> Path | None:
    """Ask where to write to, and whether what is there may be overwritten. None: nowhere.

    Parameters
    ----------
    parent : QWidget
    title : str
    start : str or Path
        What the file is called where the user does not say otherwise; with the folder that is shown first, or without.
    filters : sequence of (str, str)
        The kinds there are; the suffix of the chosen one is added where the name has none of theirs.
    """
    suffixes = {f"{text} (*{suffix})": suffix for text, suffix in filters}
    while True:
        chosen, suffix = _chosen(parent, title, Path(start), suffixes)
        if chosen is None or chosen.suffix.lower() in suffixes.values():
            return chosen
        path = chosen.with_name(chosen.name + suffix)
        if not path.exists():
            return path
        # The dialog knew another name: shown this one, it asks about the file.
        title, start = QCoreApplication.translate("asking", "“{}” is there already").format(path.name), path


def _chosen(parent: QWidget, title: str, start: Path, suffixes: Mapping[str, str]) -> tuple[Path | None, str]:
    """Ask once: the path as the dialog knows it, and the suffix of the chosen kind."""
    folder = str(start.parent) if start.is_absolute() else ""
    dialog = QFileDialog(parent, title, folder, ";;".join(suffixes))
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
