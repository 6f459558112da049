"""A message with what can be done about it: a banner in a layout, or a toast over a window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from gui import icons, palette
from gui.theme import px, theme
from gui.widgets.buttons import icon_button, push_button
from gui.widgets.painted import Painted, inset

ICONS = {"info": "info", "success": "circle-check", "warning": "triangle-alert", "error": "circle-x"}
COLOURS = {"info": "muted", "success": "success", "warning": "warning", "error": "error"}


class Banner(Painted):
    """One message, its actions, and a cross to dismiss it.

    Parameters
    ----------
    text : str
    role : str
        "info", "success", "warning" or "error".
    actions : sequence of (id, text)
        The first one is the dark button.
    dismissible : bool
        Whether there is a cross.
    """

    action = Signal(str)
    """The user pressed the action with this id."""
    dismissed = Signal()
    """The user pressed the cross or Escape."""

    def __init__(
        self,
        text: str = "",
        role: str = "info",
        actions: Sequence[tuple[str, str]] = (),
        parent: QWidget | None = None,
        dismissible: bool = True,
    ) -> None:
        super().__init__(parent)
        self._role = "info"
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._buttons: list[QPushButton] = []
        self._cross = icon_button("x", self.tr("Dismiss"), "flat")
        self._cross.clicked.connect(self._on_dismissed)
        self._cross.setVisible(dismissible)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self._text, 1)
        self._row.addWidget(self._cross)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.relayout()
        self.show_message(text, role, actions)

    def text(self) -> str:
        """Return the message."""
        return self._text.text()

    def role(self) -> str:
        """Return what kind of message it is."""
        return self._role

    def show_message(self, text: str, role: str = "info", actions: Sequence[tuple[str, str]] = ()) -> None:
        """Say something else.

        Raises
        ------
        ValueError
            The role is none of the four.
        """
        if role not in ICONS:
            raise ValueError(f"role {role!r}: allowed are {', '.join(ICONS)}")
        self._role = role
        self._text.setText(text)
        self.setAccessibleName(text)
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for place, (id, title) in enumerate(actions):
            button = push_button(title, "primary" if place == 0 else "")
            button.setObjectName(id)
            button.clicked.connect(self._on_clicked)
            self._row.insertWidget(1 + place, button)
            self._buttons.append(button)
        self.updateGeometry()
        self.update()

    def relayout(self) -> None:
        """Follow the zoom."""
        self._row.setContentsMargins(px(40), px(8), px(8), px(8))
        self._row.setSpacing(px(8))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Dismiss with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self._on_dismissed()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the panel, its border and the picture of its role."""
        worn = theme()
        colour = worn.color(COLOURS[self._role])
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        quiet = self._role == "info"
        painter.setPen(QPen(worn.border if quiet else palette.blend(worn.card, colour, 0.6), 1))
        painter.setBrush(worn.slot if quiet else palette.blend(worn.card, colour, 0.08))
        painter.drawRoundedRect(inset(QRectF(self.rect()), 1), px(10), px(10))
        side = px(18)
        icons.paint(painter, ICONS[self._role], QRectF(px(13), (self.height() - side) / 2, side, side), colour)
        painter.end()

    def _on_clicked(self) -> None:
        button = self.sender()
        if button is not None:
            self.action.emit(button.objectName())

    def _on_dismissed(self) -> None:
        self.hide()
        self.dismissed.emit()


class Toast(Banner):
    """A banner that lies over the lower edge of its host and goes by itself after a while.

    It stays as long as the pointer is over it or one of its buttons has the focus.
    """

    def __init__(self, host: QWidget, milliseconds: int = 6000) -> None:
        super().__init__(parent=host)
        self._host = host
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(self._on_timeout)
        host.installEventFilter(self)
        self.hide()

    def say(self, text: str, role: str = "info", actions: Sequence[tuple[str, str]] = ()) -> None:
        """Show a message over the host. An error stays until it is dismissed."""
        self.show_message(text, role, actions)
        self.show()
        self.raise_()
        self._place()
        if role == "error":
            self._timer.stop()
        else:
            self._timer.start()

    def hideEvent(self, event: object) -> None:
        """Stop waiting."""
        self._timer.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay at the host's lower edge."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def _place(self) -> None:
        host = self._host
        width = min(px(560), host.width() - px(32))
        height = max(self.heightForWidth(width), self.minimumSizeHint().height())
        self.setGeometry((host.width() - width) // 2, host.height() - height - px(16), width, height)

    def _on_timeout(self) -> None:
        focused = any(button.hasFocus() for button in [*self._buttons, self._cross])
        if self.underMouse() or focused:
            self._timer.start()
        else:
            self.hide()
