"""Buttons by their role, so that all look and behave alike."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from gui.icons import icon

ROLES = ("", "primary", "flat", "link", "compact")


def push_button(text: str, role: str = "", tip: str = "", parent: QWidget | None = None) -> QPushButton:
    """Return a button with a text; "primary" is the dark filled one, "link" a quiet text.

    Raises
    ------
    ValueError
        The role is none of `ROLES`.
    """
    if role not in ROLES:
        raise ValueError(f"button role {role!r}: allowed are {', '.join(map(repr, ROLES))}")
    button = QPushButton(text, parent)
    button.setProperty("role", role)
    button.setToolTip(tip)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button


def icon_button(
    name: str, text: str, role: str = "", checkable: bool = False, parent: QWidget | None = None
) -> QToolButton:
    """Return a button with a picture; its text is the tooltip and what a screen reader says.

    Raises
    ------
    ValueError
        The role is none of `ROLES`.
    """
    if role not in ROLES:
        raise ValueError(f"button role {role!r}: allowed are {', '.join(map(repr, ROLES))}")
    button = QToolButton(parent)
    button.setProperty("role", role)
    button.setIcon(icon(name, "on_ink" if role == "primary" else "text"))
    button.setToolTip(text)
    button.setAccessibleName(text)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button
