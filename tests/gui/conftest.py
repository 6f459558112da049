"""What the tests of the GUI share."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui import theme as look
from gui.widgets import push_button


@pytest.fixture
def dressed(qapp):
    """Dress the application in the light theme at a zoom of 1, and so again afterwards; returns the themes."""
    look.install(qapp)
    look.themes().choose("light")
    look.themes().zoom = 1.0
    yield look.themes()
    look.themes().choose("light")
    look.themes().zoom = 1.0


@pytest.fixture
def show(qtbot, dressed):
    """Put a widget into a window that has the keyboard, above another that can take it away."""
    windows = []  # the robot holds them weakly

    def shown(widget: QWidget) -> QWidget:
        window = QWidget()
        windows.append(window)
        column = QVBoxLayout(window)
        column.addWidget(widget)
        column.addWidget(push_button("elsewhere"))
        qtbot.addWidget(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return widget

    return shown


@pytest.fixture
def received():
    """Collect what a signal carries in a list."""

    def collecting(signal) -> list:
        values: list = []
        signal.connect(values.append)
        return values

    return collecting
