"""What an action is, and the menus they stand in."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication


@dataclass(frozen=True)
class Action:
    """Something the user can do.

    Attributes
    ----------
    id : str
    text, tip : str
        In English; `shown` translates them.
    shortcut : tuple of str
        Keys that work in the whole window.
    menu : str
        The menu's title; actions of one menu stand in the order of the table.
    icon : str
        A file's stem in resources/icons; empty: none.
    checkable : bool
    keys : tuple of str
        Keys that the score understands besides, where it has the focus.
    separated : bool
        Whether a line is drawn above it in its menu.
    within : str
        A menu within the menu that it stands in; empty: none.
    """

    id: str
    text: str
    tip: str
    shortcut: tuple[str, ...]
    menu: str
    icon: str = ""
    checkable: bool = False
    keys: tuple[str, ...] = ()
    separated: bool = False
    within: str = ""


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Mark a text for lupdate, which knows this name; PySide's own is typed as returning any object."""
    return text


def shown(text: str) -> str:
    """Translate a text, a tip or a menu's title of the table."""
    return QCoreApplication.translate("actions", text)


FILE = QT_TRANSLATE_NOOP("actions", "&File")
EDIT = QT_TRANSLATE_NOOP("actions", "&Edit")
VIEW = QT_TRANSLATE_NOOP("actions", "&View")
RUN = QT_TRANSLATE_NOOP("actions", "&Run")
LEARN = QT_TRANSLATE_NOOP("actions", "&Learn")
HELP = QT_TRANSLATE_NOOP("actions", "&Help")
EXPORT = QT_TRANSLATE_NOOP("actions", "&Export")
MENUS = (FILE, EDIT, VIEW, RUN, LEARN, HELP)
