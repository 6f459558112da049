"""Panels as docks: a slim handle to move, float and close them by, since their headings stand inside."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QBoxLayout, QDockWidget, QFrame, QTabBar, QToolButton, QVBoxLayout, QWidget

from gui.icons import icon
from gui.state.app_state import AppState
from gui.theme import px, theme, themes

AREAS = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
    "center": Qt.DockWidgetArea.TopDockWidgetArea,
}
THICKNESS, DOT, DOTS = 14, 2, 6


class Dock(QDockWidget):
    """A view as a dock, with a slim handle instead of a title bar.

    Parameters
    ----------
    view : type
        The view's class, with the attributes ``id``, ``title`` and ``area``, ``group`` where it belongs to one,
        and ``hidden`` where it is closed at first: then it is made when it is first shown; ``tab``, a shorter title,
        and ``question``, what it answers, where there are.
    state : AppState
        What the view is given.
    """

    def __init__(self, view: type[Any], state: AppState, parent: QWidget) -> None:
        self.title = self.tr(view.title)
        self.question = self.tr(getattr(view, "question", ""))
        super().__init__(self.title, parent)
        self.setWindowTitle(self.tr(getattr(view, "tab", view.title)))
        self.toggleViewAction().setText(self.title)  # the tab has little room, the menu has more
        self.setObjectName(f"dock.{view.id}")
        self.home, self.group = AREAS[view.area], getattr(view, "group", "")
        self.open_at_first = not getattr(view, "hidden", False)
        features = (
            QDockWidget.DockWidgetFeature.DockWidgetClosable
            | QDockWidget.DockWidgetFeature.DockWidgetMovable
            | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        if view.area == "bottom":
            # Height is dear below the score: the handle stands at the side.
            features |= QDockWidget.DockWidgetFeature.DockWidgetVerticalTitleBar
        self.setFeatures(features)
        self._view, self._state = view, state
        if self.open_at_first:
            self._fill()
        self.setTitleBarWidget(_Handle(self))
        self.toggleViewAction().triggered.connect(self._on_asked_for)
        self.visibilityChanged.connect(self._on_visibility_changed)

    def setVisible(self, visible: bool) -> None:
        """Make the view before it is seen."""
        if visible and self.widget() is None:
            self._fill()
        super().setVisible(visible)

    def showEvent(self, event: QShowEvent) -> None:
        """The same, where Qt shows the dock by itself: of a remembered layout."""
        if self.widget() is None:
            self._fill()
        super().showEvent(event)

    def _on_asked_for(self, shown: bool) -> None:
        if shown:  # before the tabs beside it
            self.raise_()

    def _on_visibility_changed(self, visible: bool) -> None:
        window = self.parent()
        if visible and window is not None:
            for bar in window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
                bar.setElideMode(Qt.TextElideMode.ElideNone)  # Qt would cut every name rather than scroll
                for button in bar.findChildren(QToolButton):
                    button.setStyleSheet("QToolButton { padding: 0; border: none; }")

    def _fill(self) -> None:
        view = self._view(self._state)
        self.setWidget(_under_line(view) if self._view.area == "bottom" else view)


def hair_line() -> QFrame:
    """A line between two parts of the window."""
    line = QFrame()
    line.setProperty("role", "line")
    line.setFixedHeight(1)
    return line


def _under_line(view: QWidget) -> QWidget:
    """The view below a line, since Qt leaves the gap above the lowest docks in the window's colour."""
    both = QWidget()
    both.setSizePolicy(view.sizePolicy())
    column = QVBoxLayout(both)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(hair_line())
    column.addWidget(view)
    return both


class _Handle(QWidget):
    """Dots to drag by; the buttons show when the pointer is over it or when the dock floats."""

    def __init__(self, dock: Dock) -> None:
        super().__init__(dock)
        self._dock = dock
        self.setToolTip(self.tr("Drag to move {}; double-click to float it").format(dock.title))
        self._upright = bool(dock.features() & QDockWidget.DockWidgetFeature.DockWidgetVerticalTitleBar)
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom if self._upright else QBoxLayout.Direction.LeftToRight)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        if not self._upright:
            self._box.addStretch(1)
        self._buttons = [
            self._button("maximize", self.tr("Float {}, or put it back").format(dock.title), self._on_float),
            self._button("x", self.tr("Hide {}; the View menu brings it back").format(dock.title), dock.close),
        ]
        for button in reversed(self._buttons) if self._upright else self._buttons:
            self._box.addWidget(button)
        if self._upright:
            self._box.addStretch(1)
        self.setLayout(self._box)
        dock.topLevelChanged.connect(self._show_buttons)
        themes().zoom_changed.connect(self._measure)
        self._measure()
        self._show_buttons()

    def sizeHint(self) -> QSize:
        """As thick as the buttons."""
        return QSize(px(THICKNESS), px(THICKNESS))

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the buttons."""
        self._show_buttons()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Hide them again."""
        self._show_buttons()
        super().leaveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dots in the middle."""
        worn, dot, gap = theme(), px(DOT), px(DOT) * 2
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), worn.panel)
            if self._upright:
                painter.fillRect(0, 0, self.width(), 1, worn.border)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(worn.muted if self.underMouse() else worn.border)
            middle = self.rect().center()
            for i in range(DOTS):
                offset = (i - (DOTS - 1) / 2) * gap
                x, y = (0.0, offset) if self._upright else (offset, 0.0)
                painter.drawEllipse(QRectF(middle.x() + x - dot / 2, middle.y() + y - dot / 2, dot, dot))

    def _button(self, picture: str, tip: str, call: object) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("role", "flat")
        button.setIcon(icon(picture, "muted"))
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setStyleSheet("QToolButton { padding: 0; border: none; }")
        button.clicked.connect(call)
        policy = button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        button.setSizePolicy(policy)
        return button

    def _on_float(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())

    def _show_buttons(self) -> None:
        visible = self.underMouse() or self._dock.isFloating()
        for button in self._buttons:
            button.setVisible(visible)
        self.update()

    def _measure(self) -> None:
        side = px(THICKNESS)
        for button in self._buttons:
            button.setFixedSize(side, side)
            button.setIconSize(QSize(side - px(4), side - px(4)))
        self.updateGeometry()
