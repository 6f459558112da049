"""The presentation (F5): one sentence, the equation and the score, readable from the back row."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPalette,
    QResizeEvent,
    QScreen,
    QShowEvent,
)
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget

from engine import Trace
from gui import fonts
from gui.frames import transport
from gui.icons import icon
from gui.presentation_head import Head
from gui.presentation_keys import Clicker
from gui.score import Score
from gui.score_fold import Fold
from gui.settings import Settings
from gui.state.app_state import AppState
from gui.theme import theme, themes
from gui.widgets.timeline_bar import TimelineBar

WIDTH, HEIGHT = 1440.0, 1080.0
"""The screen for which sizes are given; all grow and shrink with its height, or its width where it is narrower."""
SMALLEST = 22.0
"""No letter is smaller, in pixels."""
SCORE = 1.85
"""How much larger than in the workspace the score is drawn."""
MARGIN = 60.0
HIDE_MS = 2000
"""So long after its last move the pointer is seen."""
TRACKS = ("diagram", "tokens", "norm")


class Presentation(QWidget):
    """The run that is on the bench, for an audience; the workspace stays usable meanwhile.

    Parameters
    ----------
    state : AppState
    settings : Settings, optional
        Which tracks the lecturer chose; by default diagram, tokens and gradient norm.
    """

    ended = Signal()

    def __init__(self, state: AppState, settings: Settings | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._state = state
        self._zoom = 1.0
        self._frame = transport.EMPTY
        self.head = Head()
        self.score = Score(state, "presentation", settings, list(TRACKS))
        self.fold = Fold(self.score, switches=False)
        self.switch = _Switch(self)
        self._bar = TimelineBar()
        self._curtain = QWidget(self)
        self._clicker = Clicker(state, self)
        self._idle = QTimer(self)
        self._column = self._build()
        self._connect()
        self._on_trace_changed(state.session.trace)

    # For others -----------------------------------------------------------------------------------------------

    def start(self, workspace: QScreen | None = None) -> None:
        """Fill a screen: another one than the workspace's, where there is one."""
        screen = chosen_screen(QGuiApplication.screens(), workspace)
        if screen is not None:
            self.setGeometry(screen.geometry())
        self._state.playback.pause()
        self.showFullScreen()
        self.activateWindow()
        self.setFocus()
        self._idle.start()

    def is_blank(self) -> bool:
        """Whether the screen is black."""
        return self._curtain.isVisibleTo(self)

    # Making -----------------------------------------------------------------------------------------------------

    def _build(self) -> QVBoxLayout:
        self.setWindowTitle(self.tr("Loopscope: presentation"))
        self.setObjectName("presentation")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAutoFillBackground(True)
        self.setMouseTracking(True)
        for child in (self.score, self.score.canvas, self._bar):
            child.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            # A click anywhere is a step forward.
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.score.set_chrome(False)
        self.score.scene.scrolls = False
        column = QVBoxLayout(self)
        column.addWidget(self.head)
        column.addWidget(self.score, 1)
        column.addWidget(self._bar)
        black = QPalette()
        black.setColor(QPalette.ColorRole.Window, Qt.GlobalColor.black)
        self._curtain.setPalette(black)
        self._curtain.setAutoFillBackground(True)
        self._curtain.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._curtain.hide()
        self._idle.setSingleShot(True)
        self._idle.setInterval(HIDE_MS)
        return column

    def _connect(self) -> None:
        state, clicker = self._state, self._clicker
        state.session.trace_changed.connect(self._on_trace_changed)
        state.cursor.changed.connect(self._on_cursor_changed)
        themes().changed.connect(self._on_look_changed)
        themes().zoom_changed.connect(self._on_look_changed)
        clicker.blanked.connect(self._blank)
        clicker.enlarged.connect(self._on_enlarged)
        clicker.tracks_asked.connect(self._on_tracks_asked)
        clicker.fold_asked.connect(self._on_fold_asked)
        clicker.light_asked.connect(self.fold.light_next)
        self.switch.clicked.connect(self._on_fold_asked)
        self.fold.rolled_changed.connect(self.switch.show_rolled)
        clicker.typed.connect(self._on_typed)
        clicker.jumped.connect(self._on_jumped)
        clicker.ended.connect(self.close)
        self._idle.timeout.connect(self._hide_pointer)

    def _measure(self) -> None:
        """Everything in proportion to the screen, letters never below what the back row reads."""
        share = max(0.4, min(self.height() / HEIGHT, self.width() / WIDTH))
        scale, side = share * self._zoom, round(MARGIN * share)
        self._column.setContentsMargins(side, round(side * 0.8), side, round(side * 0.6))
        self._column.setSpacing(round(20 * share))
        self.head.measure(self.width() - 2 * side, scale)
        self.score.set_scale(SCORE * scale / fonts.zoom(), SMALLEST * scale)
        self.switch.measure(SMALLEST * scale)
        self._curtain.setGeometry(self.rect())

    # What happens -------------------------------------------------------------------------------------------------

    def _on_look_changed(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme().canvas)
        self.setPalette(palette)
        self._measure()

    def _on_trace_changed(self, trace: Trace | None) -> None:
        words = self._state.session.words
        self._frame = transport.EMPTY if trace is None else transport.timeline(trace, words)
        self._bar.set_segments(self._frame.phases, [""] * len(self._frame), str)
        self._on_look_changed()
        self._show()

    def _on_cursor_changed(self, position: int) -> None:
        if self.isVisible():
            self._show()

    def _on_typed(self, digits: str) -> None:
        self.head.name(self._state.session.trace, self._frame, self._state.cursor.position, digits)

    def _on_jumped(self, step: int) -> None:
        columns = self.score.scene.axis.count
        if columns:
            self.score.go_to(min(max(1, step), columns) - 1)

    def _on_enlarged(self, factor: float) -> None:
        self._zoom = min(1.8, max(0.6, self._zoom * factor))
        self._measure()

    def _on_tracks_asked(self) -> None:
        if self.score.scene.sheet is not None:
            self.unsetCursor()
            self.score.tracks.menu(self).popup(self.mapToGlobal(self.rect().center()))

    def _on_fold_asked(self) -> None:
        self.fold.set_rolled(not self.fold.rolled)

    def _show(self) -> None:
        session, cursor = self._state.session, self._state.cursor
        self._bar.set_position(cursor.position)
        self.head.name(session.trace, self._frame, cursor.position, "")
        self.head.say(session.trace, cursor.event, session.words)

    def _blank(self, on: bool = True) -> None:
        self._curtain.setGeometry(self.rect())
        self._curtain.raise_()
        self._curtain.setVisible(on)

    def _hide_pointer(self) -> None:
        self.setCursor(Qt.CursorShape.BlankCursor)
        self.switch.hide()

    # Events -------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Follow the clicker; before a black screen any key but Esc only brings the picture back."""
        if self.is_blank() and event.key() not in (Qt.Key.Key_Escape, Qt.Key.Key_F5):
            self._blank(False)
        elif not self._clicker.press(event):
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click is a step forward, one with the right button a step back."""
        if self.is_blank():
            self._blank(False)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._state.cursor.step(1)
        elif event.button() == Qt.MouseButton.RightButton:
            self._state.cursor.step(-1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show the pointer for a while."""
        self.unsetCursor()
        self._idle.start()
        self.switch.stand(self.score)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep everything in proportion."""
        self._measure()
        super().resizeEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened meanwhile."""
        self._show()
        super().showEvent(event)

    def event(self, event: QEvent) -> bool:
        """Take the keys of the clicker before the window's shortcuts do."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say that it is over."""
        self._idle.stop()
        self.switch.hide()
        self._clicker.stop()
        self._blank(False)
        self.unsetCursor()
        super().closeEvent(event)
        self.ended.emit()


class _Switch(QToolButton):
    """Rolls the network up, or out; to be seen only while the pointer is."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "chip")
        self.setIcon(icon("repeat"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keys stay the clicker's
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.show_rolled(False)
        self.hide()

    def show_rolled(self, rolled: bool) -> None:
        """Say what a click does."""
        self.setText(self.tr("Unrolled  R") if rolled else self.tr("Rolled  R"))
        self.setAccessibleName(self.tr("Roll the network up into one cell with its loop, or out"))
        self.adjustSize()

    def stand(self, score: Score) -> None:
        """Show at the lower end of the diagram's gutter, where the workspace has it; nowhere without a diagram."""
        scene, corner = score.scene, score.geometry().topLeft()
        strip = next((s for s in scene.strips if s.track.id == "diagram"), None)
        there = strip is not None and scene.sheet is not None
        if strip is not None:
            self.move(corner.x(), corner.y() + round(strip.bottom - scene.offset) - self.height())
        self.raise_()
        self.setVisible(there)

    def measure(self, size: float) -> None:
        """Take letters of a height in pixels."""
        font = fonts.ui(11)
        font.setPixelSize(max(1, round(size)))
        self.setFont(font)
        self.setStyleSheet(f"QToolButton {{ padding: {round(size / 5)}px {round(size / 3)}px; }}")
        self.setIconSize(QSize(round(size), round(size)))
        self.adjustSize()


def chosen_screen(screens: Sequence[QScreen], workspace: QScreen | None) -> QScreen | None:
    """The first screen that the workspace is not on; else the workspace's own, else the first."""
    others = [screen for screen in screens if screen is not workspace]
    if workspace is None:
        return screens[1] if len(screens) > 1 else (screens[0] if screens else None)
    return others[0] if others else workspace
