"""The help on keys, generated from the table of actions."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from gui.actions.table import ACTIONS, MENUS, Action, shown
from gui.theme import px
from gui.widgets import label


def keys(action: Action) -> str:
    """Return an action's keys as the system writes them, those of the score last: "PgDown, Right"."""
    return ", ".join(
        QKeySequence(text).toString(QKeySequence.SequenceFormat.NativeText) for text in (*action.shortcut, *action.keys)
    )


def entries() -> list[tuple[str, str, str]]:
    """Every action as (menu, text, keys), in the order of the table."""
    return [
        (shown(action.menu).replace("&", ""), shown(action.text).replace("&", "").rstrip("…"), keys(action))
        for action in sorted(ACTIONS, key=lambda action: MENUS.index(action.menu))
    ]


class Shortcuts(QDialog):
    """Every action with its keys, in two columns that a projector can show."""

    def __init__(self, extra: list[tuple[str, str, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        inside = QWidget()
        inside.setProperty("role", "panel")
        grid = QGridLayout(inside)
        grid.setHorizontalSpacing(px(28))
        grid.setVerticalSpacing(px(5))
        groups: dict[str, list[tuple[str, str]]] = {}
        for menu, text, combination in sorted([*entries(), *extra], key=lambda entry: _place(entry[0])):
            groups.setdefault(menu, []).append((text, combination))
        rows = [0, 0]
        for menu, group in groups.items():
            side = rows.index(min(rows))
            grid.addWidget(label(menu, "caption"), rows[side], 2 * side, 1, 2)
            for row, (text, combination) in enumerate(group, rows[side] + 1):
                grid.addWidget(label(text), row, 2 * side)
                grid.addWidget(label(combination, "muted"), row, 2 * side + 1)
            rows[side] += len(group) + 2
            grid.setRowMinimumHeight(rows[side] - 1, px(12))
        note = label(
            self.tr("Space, arrows, Home and End work where the score has the focus; Escape brings it there."), "muted"
        )
        area = QScrollArea()
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        buttons = QDialogButtonBox()
        buttons.addButton(self.tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.addWidget(area)
        box.addWidget(note)
        box.addWidget(buttons)
        area.setMinimumWidth(inside.sizeHint().width() + px(24))
        self.resize(area.minimumWidth() + px(24), min(px(640), inside.sizeHint().height() + px(120)))


def _place(menu: str) -> int:
    titles = [shown(title).replace("&", "") for title in MENUS]
    return titles.index(menu) if menu in titles else len(titles)
