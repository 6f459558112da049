"""What the tests of the GUI share."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QPushButton, QVBoxLayout, QWidget

from gui import theme as look
from gui.main_window import MainWindow
from gui.questions import Question
from gui.settings import Settings
from gui.state import storing
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.storing import View
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


class Bench:
    """A window that works on files, and what a user does with it."""

    def __init__(self, qtbot, window):
        self.qtbot, self.window, self.state, self.filing = qtbot, window, window.state, window.filing
        self.file = window.filing.file

    def do(self, id):
        assert self.window.actions_[id].isEnabled(), id
        self.window.actions_[id].trigger()

    def done(self):
        self.qtbot.waitUntil(lambda: not self.file.busy and not self.state.session.running, timeout=20_000)

    def question(self):
        return next((q for q in self.window.findChildren(Question) if q.isVisible()), None)

    def answer(self, id):
        self.question().findChild(QPushButton, id).click()
        self.done()

    def drop(self, *paths):
        """Drag files over the window and let go of them; what the hint says meanwhile."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        handle, at = self.window.windowHandle(), QPointF(300, 80)
        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(at.toPoint(), Qt.DropAction.CopyAction, data, left, none)
        QApplication.sendEvent(handle, enter)
        hint = self.window.drops.hint
        assert hint.isVisible() and hint.geometry() == self.window.rect() and not hint.grab().isNull()
        text = hint.text()
        QApplication.sendEvent(handle, QDropEvent(at, Qt.DropAction.CopyAction, data, left, none))
        assert not hint.isVisible()
        self.done()
        return text

    def note(self, text="x"):
        self.state.document.edit("change of the notes", notes=text)

    def said(self):
        return self.window.messages.shown() + self.filing.notices.shown()


@pytest.fixture
def bench(qtbot, dressed, tmp_path):
    made = []

    def making(project=None, begin=True):
        state = AppState(project=project)
        settings = Settings(QSettings(str(tmp_path / f"{len(made)}.ini"), QSettings.Format.IniFormat))
        window = MainWindow(state, settings)
        window.resize(1280, 800)
        window.show()
        if begin:
            window.filing.begin()
        made.append(Bench(qtbot, window))
        made[-1].done()
        return made[-1]

    yield making
    for each in made:
        each.filing.end(over=True)
        each.filing.keeper = None
        each.window.close()
        each.state.close()
        each.window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def standing(qtbot, dressed):
    """A window of a size that has run, perhaps of a project; it is taken down with all its threads."""
    made = []

    def making(width, height, position=0, project=None):
        state = AppState(project=project)
        window = MainWindow(state)
        made.append(window)
        window.resize(width, height)
        window.show()
        qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
        state.cursor.go(position)
        return window

    yield making
    for window in made:
        window.close()
        window.state.close()
        window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.loopscope"


@pytest.fixture
def choose(monkeypatch):
    """What the dialogs of files answer."""
    answers = {}

    def choosing(path):
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path or ""), ""))
        monkeypatch.setattr("gui.filing.Filing._asked_for", lambda self: path)
        return answers

    return choosing


@pytest.fixture
def stored(path):
    storing.write(
        path, opened("tagging", "gru"), View(index=3, panels={"dock.build": False}, tracks=("tokens", "state"))
    )
    return path
