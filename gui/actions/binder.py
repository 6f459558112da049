"""Makes the table's entries into actions of a window, and lists them for menus and the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from gui.actions.table import ACTIONS, MENUS, Action, shown
from gui.icons import icon


class Binder(QObject):
    """A window's actions.

    Parameters
    ----------
    window : QWidget
    bar : QMenuBar
        Where the menus go.
    calls : dict of str to callable
        For each action's id, what it does. A checkable one is given its new state.

    Raises
    ------
    ValueError
        An action of the table is bound to nothing, or a call to no action.
    """

    def __init__(self, window: QWidget, bar: QMenuBar, calls: dict[str, Callable[..., object]]) -> None:
        super().__init__(window)
        ids = [entry.id for entry in ACTIONS]
        if set(ids) != set(calls):
            raise ValueError(f"bound to nothing or to no action: {', '.join(sorted(set(ids) ^ set(calls)))}")
        self._window = window
        self._actions: dict[str, QAction] = {}
        self._menus: dict[str, QMenu] = {}
        for title in MENUS:
            menu = self._menus[title] = bar.addMenu(shown(title))
            menu.setToolTipsVisible(True)
        for entry in ACTIONS:
            self._actions[entry.id] = self._made(entry, calls[entry.id])
            menu = self._menus[entry.menu]
            if entry.separated:
                menu.addSeparator()
            menu = self._inner(menu, entry.within) if entry.within else menu
            menu.addAction(self._actions[entry.id])

    def __getitem__(self, id: str) -> QAction:
        return self._actions[id]

    def menu(self, title: str) -> QMenu:
        """Return a menu by its title in the table."""
        return self._menus[title]

    def submenu(self, title: str, text: str, before: str = "", picture: str = "") -> QMenu:
        """Add a menu within a menu, above the action with an id, or at the end."""
        inner = QMenu(text, self._menus[title])
        inner.setToolTipsVisible(True)
        if picture:
            inner.setIcon(icon(picture))
        if before:
            self._menus[title].insertMenu(self._actions[before], inner)
        else:
            self._menus[title].addMenu(inner)
        return inner

    def choices(
        self, menu: QMenu, options: list[tuple[str, str, str]], choose: Callable[[str], object]
    ) -> dict[str, QAction]:
        """Fill a menu with exclusive choices.

        Parameters
        ----------
        menu : QMenu
        options : list of (id, text, shortcut)
        choose : callable
            Is given the id of the one the user chose.
        """
        group, made = QActionGroup(menu), {}
        for id, text, keys in options:
            action = made[id] = menu.addAction(text)
            action.setCheckable(True)
            if keys:
                action.setShortcut(QKeySequence(keys))
            group.addAction(action)
            action.triggered.connect(partial(_call, choose, id))
        return made

    def explain(self, id: str, reason: str) -> None:
        """Say in an action's tip why it cannot be had now; an empty reason brings its own tip back."""
        tip = reason or shown(next(entry.tip for entry in ACTIONS if entry.id == id))
        self._actions[id].setToolTip(tip)
        self._actions[id].setStatusTip(tip)

    def everything(self) -> Iterator[tuple[str, QAction]]:
        """Every action of every menu with the menus that lead to it: ("View › Theme", action)."""
        for menu in self._menus.values():
            yield from _walk(menu, menu.title().replace("&", ""))

    def _inner(self, menu: QMenu, title: str) -> QMenu:
        """The menu within a menu that has this title in the table."""
        for action in menu.actions():
            inner = action.menu()
            if isinstance(inner, QMenu) and inner.title() == shown(title):
                return inner
        made = menu.addMenu(shown(title))
        made.setToolTipsVisible(True)
        return made

    def _made(self, entry: Action, call: Callable[..., object]) -> QAction:
        action = QAction(shown(entry.text), self._window)
        action.setObjectName(entry.id)
        action.setToolTip(shown(entry.tip))
        action.setStatusTip(shown(entry.tip))
        action.setCheckable(entry.checkable)
        action.setShortcuts([QKeySequence(keys) for keys in entry.shortcut])
        if entry.icon:
            action.setIcon(icon(entry.icon))
        if entry.checkable:
            action.triggered.connect(call)
        else:
            action.triggered.connect(partial(_call, call))
        self._window.addAction(action)
        return action


def _call(function: Callable[..., object], *arguments: object) -> None:
    """Call with the bound arguments, without the state that `triggered` brings."""
    function(*arguments[:-1] if arguments and isinstance(arguments[-1], bool) else arguments)


def _walk(menu: QMenu, path: str) -> Iterator[tuple[str, QAction]]:
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from _walk(inner, f"{path} › {inner.title().replace('&', '')}")
        elif not action.isSeparator() and action.text():
            yield path, action
