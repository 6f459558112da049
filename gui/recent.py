"""The menu of the files that were open last."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

from gui.paths import short
from gui.settings import Settings

MOST = 10


class Recent(QObject):
    """Fills a menu with the files that were open last, the newest first; what is no longer there is grey.

    Parameters
    ----------
    menu : QMenu
    settings : Settings or None
        None: nothing is remembered.
    open : callable
        Is given the Path that the user chose.
    """

    def __init__(self, menu: QMenu, settings: Settings | None, open: Callable[[Path], object]) -> None:
        super().__init__(menu)
        self._menu, self._settings, self._open = menu, settings, open
        menu.aboutToShow.connect(self.fill)
        self.fill()

    def paths(self) -> list[Path]:
        """Return the files, the newest first."""
        return [] if self._settings is None else [Path(text) for text in self._settings.recent()]

    def add(self, path: Path) -> None:
        """This file is the newest."""
        if self._settings is not None:
            path = path.absolute()
            rest = [other for other in self.paths() if other != path]
            self._settings.set_recent([str(each) for each in (path, *rest)][:MOST])
            self.fill()

    def clear(self) -> None:
        """Forget all of them."""
        if self._settings is not None:
            self._settings.set_recent([])
            self.fill()

    def fill(self) -> None:
        """Look again which there are."""
        self._menu.clear()
        paths = self.paths()
        for place, path in enumerate(paths, 1):
            mnemonic = f"&{place % 10}  " if place <= 10 else ""
            action = self._menu.addAction(mnemonic + path.name.replace("&", "&&"))
            there = path.exists()
            action.setEnabled(there)
            action.setToolTip(short(path) if there else self.tr("{} is no longer there").format(short(path)))
            action.triggered.connect(partial(self._chosen, path))
        self._menu.setEnabled(bool(paths))
        if paths:
            self._menu.addSeparator()
            clear = self._menu.addAction(self.tr("&Clear the list"))
            clear.setToolTip(self.tr("Forget the files that were open; the files themselves stay"))
            clear.triggered.connect(self.clear)

    def _chosen(self, path: Path, *_: object) -> None:
        self._open(path)
