"""The command palette: every action of the menus, found by typing."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gui import fonts
from gui.theme import px, theme

ACTION = Qt.ItemDataRole.UserRole
PATH = Qt.ItemDataRole.UserRole + 1
ROW = 30


class Palette(QFrame):
    """A field and the actions that fit what is typed into it, lying over a window.

    Return does the marked one; Escape and a click elsewhere close it.
    """

    def __init__(self, actions: Iterable[tuple[str, QAction]], window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._window = window
        self._before = window.focusWidget()
        self._field = QLineEdit()
        self._field.setPlaceholderText(self.tr("Type what you want to do"))
        self._field.setAccessibleName(self.tr("Command"))
        self._list = QListWidget()
        self._list.setAccessibleName(self.tr("Commands"))
        self._list.setItemDelegate(_Row(self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for path, action in actions:
            item = QListWidgetItem(plain(action))
            item.setData(ACTION, action)
            item.setData(PATH, path)
            if not action.isEnabled():
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self._list.addItem(item)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(8), px(8), px(8))
        column.addWidget(self._field)
        column.addWidget(self._list)
        self._field.textChanged.connect(self._on_text_changed)
        self._field.installEventFilter(self)
        self._list.itemClicked.connect(self._on_clicked)
        self._on_text_changed("")

    def open(self) -> None:
        """Open in the upper middle of the window."""
        window = self._window
        self.setGeometry((window.width() - px(560)) // 2, px(80), px(560), self.height())
        self._fit()
        self.show()
        self.raise_()
        self._field.setFocus(Qt.FocusReason.PopupFocusReason)

    def shown(self) -> list[str]:
        """Return the texts of the actions that fit, in order."""
        rows = (self._list.item(row) for row in range(self._list.count()))
        return [item.text() for item in rows if not item.isHidden()]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Move through the list and choose while the field keeps the focus."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
            if step is not None:
                self._move(step)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._do(self._list.currentItem())
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._end()
                return True
        if event.type() == QEvent.Type.FocusOut and not self.underMouse():
            self.close()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: object) -> None:
        """Draw the frame."""
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), theme().border)
            painter.fillRect(self.rect().adjusted(1, 1, -1, -1), theme().panel)

    def _on_text_changed(self, text: str) -> None:
        words, rows = text.casefold().split(), range(self._list.count())
        items = [self._list.item(row) for row in rows]
        fits = [all(word in f"{i.data(PATH)} {i.text()}".casefold() for word in words) for i in items]
        if not any(fits):  # then what it does, in other words
            fits = [all(word in i.data(ACTION).toolTip().casefold() for word in words) for i in items]
        for item, fit in zip(items, fits, strict=True):
            item.setHidden(not fit)
        usable = [row for row in rows if fits[row] and items[row].flags()]
        # “Torch” means the engine of that name before a script in PyTorch.
        begins = [row for row in usable if f" {items[row].text()}".casefold().find(f" {text.casefold().strip()}") >= 0]
        self._list.setCurrentRow(next(iter(begins or usable), -1))
        self._fit()

    def _fit(self) -> None:
        """Be as high as what is listed, as far as the window has room."""
        around = self._field.sizeHint().height() + 3 * px(8) + 4
        most = min(px(420), self._window.height() - px(120))
        self.resize(self.width(), min(most, around + max(1, len(self.shown())) * px(ROW)))

    def _on_clicked(self, item: QListWidgetItem) -> None:
        self._do(item)

    def _move(self, step: int) -> None:
        usable = [
            row
            for row in range(self._list.count())
            if not self._list.item(row).isHidden() and self._list.item(row).flags()
        ]
        if usable:
            now = self._list.currentRow()
            place = usable.index(now) if now in usable else -1
            self._list.setCurrentRow(usable[(place + step) % len(usable)])

    def _do(self, item: QListWidgetItem | None) -> None:
        if item is None or item.isHidden() or not item.flags():
            return
        action = item.data(ACTION)
        self._end()
        action.trigger()

    def _end(self) -> None:
        """Give the keyboard back to what had it, and go."""
        if self._before is not None:
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.close()


def plain(action: QAction) -> str:
    """Return an action's text without the marks of mnemonics."""
    return action.text().replace("&", "")


class _Row(QStyledItemDelegate):
    """One action: its text, the menu it is in, and its keys at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: object) -> QSize:
        return QSize(px(200), px(ROW))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: object) -> None:
        worn, area = theme(), QRect(option.rect).adjusted(px(10), 0, -px(10), 0)  # type: ignore[attr-defined]
        action, path = index.data(ACTION), index.data(PATH)  # type: ignore[attr-defined]
        if option.state & QStyle.StateFlag.State_Selected:  # type: ignore[attr-defined]
            painter.fillRect(option.rect, worn.forward_soft)  # type: ignore[attr-defined]
        painter.setFont(fonts.ui(13))
        painter.setPen(worn.text if action.isEnabled() else worn.muted)
        text = ("✓ " if action.isChecked() else "") + plain(action)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        start = painter.fontMetrics().horizontalAdvance(text) + px(10)
        painter.setFont(fonts.ui(11))
        painter.setPen(worn.muted)
        painter.drawText(
            area.adjusted(start, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, path
        )
        keys = action.shortcut().toString()
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, keys)
