"""The presentation (F5): one sentence, the equation and the score, readable from the back row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
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
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine import SpecError, Trace, narration
from engine.registry import cells
from gui import fonts
from gui.frames import transport
from gui.mathematics import MathematicsError, MathLabel
from gui.score import Score
from gui.settings import Settings
from gui.state.app_state import AppState
from gui.theme import theme, themes
from gui.widgets import RichLine
from gui.widgets.timeline_bar import TimelineBar

HEIGHT = 1080.0
"""The screen's height for which sizes are given; all grow and shrink with it."""
SENTENCE, PASS, EQUATION, SMALLEST = 42.0, 24.0, 42.0, 22.0
SCORE = 1.85
"""How much larger than in the workspace the score is drawn."""
MARGIN = 60.0
HIDE_MS = 2000
DIGITS_MS = 1200
ROLES = {"plain": "text"}
TRACKS = ("diagram", "tokens", "norm")
_LOWERED = re.compile(r"(?<=\w)_(\w+)")

Key = Qt.Key


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
        self._equation_px = EQUATION
        self._digits = ""
        self._frame = transport.EMPTY
        self._pass = RichLine(PASS)
        self._sentence = RichLine(SENTENCE, lines=3)
        self._equation = MathLabel("", EQUATION)
        self._score = Score(state, "presentation", settings, list(TRACKS))
        self._bar = TimelineBar()
        self._curtain = QWidget(self)
        self._rows = self._build()
        self._idle = _timer(self, HIDE_MS, self._hide_pointer)
        self._typing = _timer(self, DIGITS_MS, self._jump)
        self._connect()
        self._measure()
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

    def end(self) -> None:
        """Go back to the workspace."""
        self.close()

    def sentence(self) -> str:
        """What the audience reads."""
        return self._sentence.text()

    def headline(self) -> str:
        """Pass and step."""
        return self._pass.text()

    def latex(self) -> str:
        """The equation on show."""
        return self._equation.latex()

    def score(self) -> Score:
        """The score."""
        return self._score

    def is_blank(self) -> bool:
        """Whether the screen is black."""
        return self._curtain.isVisibleTo(self)

    # Making -----------------------------------------------------------------------------------------------------

    def _build(self) -> tuple[QVBoxLayout, QHBoxLayout]:
        self.setWindowTitle(self.tr("Loopscope: presentation"))
        self.setObjectName("presentation")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAutoFillBackground(True)
        self.setMouseTracking(True)
        for child in (self._score, self._score.canvas, self._bar):
            child.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            # A click anywhere is a step forward.
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._score.set_chrome(False)
        self._score.scene.scrolls = False
        # The equation stands beside the pass, so that the sentence has the whole width and few lines.
        head, column = QHBoxLayout(), QVBoxLayout(self)
        head.addWidget(self._pass, 1)
        head.addWidget(self._equation, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column.addLayout(head)
        column.addWidget(self._sentence)
        column.addWidget(self._score, 1)
        column.addWidget(self._bar)
        black = QPalette()
        black.setColor(QPalette.ColorRole.Window, Qt.GlobalColor.black)
        self._curtain.setPalette(black)
        self._curtain.setAutoFillBackground(True)
        self._curtain.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._curtain.hide()
        return column, head

    def _connect(self) -> None:
        state = self._state
        state.session.trace_changed.connect(self._on_trace_changed)
        state.cursor.changed.connect(self._on_cursor_changed)
        themes().changed.connect(self._on_look_changed)
        themes().zoom_changed.connect(self._on_look_changed)

    def _measure(self) -> None:
        """Everything in proportion to the screen's height, letters never below what the back row reads."""
        share = max(0.4, self.height() / HEIGHT)
        scale = share * self._zoom
        zoomed = scale / fonts.zoom()
        column, head = self._rows
        side = round(MARGIN * share)
        column.setContentsMargins(side, round(side * 0.8), side, round(side * 0.6))
        column.setSpacing(round(20 * share))
        head.setSpacing(round(40 * share))
        self._pass.set_size(PASS * zoomed)
        self._sentence.set_size(SENTENCE * zoomed)
        self._equation_px = EQUATION * zoomed
        self._equation.set_px(self._equation_px)
        self._equation.setMaximumWidth(max(80, round((self.width() - 2 * side) * 0.6)))
        self._score.set_scale(SCORE * zoomed, SMALLEST * scale)
        self._curtain.setGeometry(self.rect())
        self._make_room()

    def _make_room(self) -> None:
        """Give the sentence the lines it needs, two at least, so that the score seldom moves."""
        room = self.width() - 2 * round(MARGIN * max(0.4, self.height() / HEIGHT))
        self._pass.setFixedHeight(round(1.6 * self._equation_px * fonts.zoom()))
        line = self._sentence.minimumSizeHint().height()
        self._sentence.setFixedHeight(max(2 * line, self._sentence.heightForWidth(room)))

    def _on_look_changed(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme().canvas)
        self.setPalette(palette)
        self._measure()

    # Showing ------------------------------------------------------------------------------------------------------

    def _on_trace_changed(self, trace: Trace | None) -> None:
        words = self._state.session.words
        self._frame = transport.EMPTY if trace is None else transport.timeline(trace, words)
        self._bar.set_segments(self._frame.phases, [""] * len(self._frame), str)
        self._on_look_changed()
        self._show()

    def _on_cursor_changed(self, position: int) -> None:
        if self.isVisible():
            self._show()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened meanwhile."""
        self._show()
        super().showEvent(event)

    def _show(self) -> None:
        trace, event = self._state.session.trace, self._state.cursor.event
        self._bar.set_position(self._state.cursor.position)
        self._pass.set_segments(self._headline())
        if trace is None or event is None:
            self._sentence.set_segments([(self.tr("Nothing has come in yet."), "muted")])
            self._typeset("")
            self._make_room()
            return
        said = narration.narrate(trace, event, self._state.session.words)
        # What is said in brackets, in muted letters, is for the one who sits before the screen.
        self._sentence.set_segments([part for text, role in said if role != "muted" for part in lowered(text, role)])
        self._typeset(event.equation)
        self._make_room()

    def _headline(self) -> list[tuple[str, str]]:
        cell = cells[self._state.session.trace.spec.cell].title if self._state.session.trace else ""
        typed = [(f"   → {self._digits}", "strong")] if self._digits else []
        at = self._state.cursor.position - 1
        if not 0 <= at < len(self._frame):
            return [(cell.upper(), "muted"), *typed]
        frame, phase = self._frame, int(self._frame.phases[at])
        ways = ((self.tr("Forward"), "forward"), (self.tr("Loss"), "strong"), (self.tr("Backward"), "backward"))
        text, role = ways[phase]
        found = [(text.upper(), role)]
        if phase != transport.LOSS:
            part = {"encoder": self.tr("encoder "), "decoder": self.tr("decoder ")}.get(frame.parts[at], "")
            step, total = int(frame.steps[at]) + 1, int(frame.totals[at])
            found.append(
                (self.tr("   {part}step {step} of {total}").format(part=part, step=step, total=total), "muted")
            )
        return [*found, (f"   {cell}", "muted"), *typed]

    def _typeset(self, latex: str) -> None:
        try:
            self._equation.set_latex(latex)
        except MathematicsError:
            self._equation.set_latex("")  # an equation that cannot be set is left out; the sentence says it all
        self._equation.setVisible(bool(self._equation.latex()))

    # Keys -----------------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What a clicker sends, and what a lecturer types."""
        key, text = Key(event.key()), event.text()
        if self.is_blank() and key not in (Key.Key_Escape, Key.Key_F5):
            self._blank(False)
        elif key in (Key.Key_B, Key.Key_Period):
            self._blank(True)
        elif text.isdigit() and len(text) == 1:
            self._digits = (self._digits + text)[-5:]
            self._typing.start()
            self._pass.set_segments(self._headline())
        elif key in (Key.Key_Return, Key.Key_Enter):
            self._jump()
        elif key == Key.Key_L:
            self._next_cell()
        elif key == Key.Key_T:
            self._score.tracks.menu(self).popup(self.mapToGlobal(self.rect().center()))
        elif text in ("+", "="):
            self._enlarge(1.1)
        elif text in ("-", "−"):
            self._enlarge(1 / 1.1)
        elif not self._step(key):
            super().keyPressEvent(event)

    def _step(self, key: Qt.Key) -> bool:
        cursor = self._state.cursor
        if key in (Key.Key_PageDown, Key.Key_Right, Key.Key_Space, Key.Key_Down):
            cursor.step(1)
        elif key in (Key.Key_PageUp, Key.Key_Left, Key.Key_Up, Key.Key_Backspace):
            cursor.step(-1)
        elif key == Key.Key_Home:
            cursor.first()
        elif key == Key.Key_End:
            cursor.last()
        elif key in (Key.Key_Escape, Key.Key_F5):
            self.end()
        else:
            return False
        return True

    def _blank(self, on: bool) -> None:
        self._curtain.setGeometry(self.rect())
        self._curtain.raise_()
        self._curtain.setVisible(on)

    def _jump(self) -> None:
        """Go to the step whose number was typed, in the pass that the playhead is in."""
        self._typing.stop()
        digits, self._digits = self._digits, ""
        if digits and self._score.scene.axis.count:
            self._score.go_to(min(max(1, int(digits)), self._score.scene.axis.count) - 1)
        self._pass.set_segments(self._headline())

    def _next_cell(self) -> None:
        """Another cell on the same sequence; one that does not go with the network is passed over."""
        trace = self._state.session.trace
        if trace is None:
            return
        names = cells.names()
        at = names.index(self._state.document.project.spec.cell)
        for name in (*names[at + 1 :], *names[:at]):
            try:
                self._state.document.set_cell(name)
            except SpecError:
                continue
            return

    def _enlarge(self, factor: float) -> None:
        self._zoom = min(1.8, max(0.6, self._zoom * factor))
        self._measure()

    # Other events ---------------------------------------------------------------------------------------------------

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep everything in proportion."""
        self._measure()
        super().resizeEvent(event)

    def event(self, event: QEvent) -> bool:
        """Take the keys of the clicker before the window's shortcuts do."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say that it is over."""
        self._idle.stop()
        self._typing.stop()
        self._blank(False)
        self.unsetCursor()
        super().closeEvent(event)
        self.ended.emit()

    def _hide_pointer(self) -> None:
        self.setCursor(Qt.CursorShape.BlankCursor)


def chosen_screen(screens: Sequence[QScreen], workspace: QScreen | None) -> QScreen | None:
    """The first screen that the workspace is not on; else the workspace's own, else the first."""
    others = [screen for screen in screens if screen is not workspace]
    if workspace is None:
        return screens[1] if len(screens) > 1 else (screens[0] if screens else None)
    return others[0] if others else workspace


def lowered(text: str, role: str) -> list[tuple[str, str]]:
    """A segment of the narration with its indices set lower: "W_h" is W and a small h."""
    found = []
    for at, part in enumerate(_LOWERED.split(text)):
        if part:
            found.append((part, "sub" if at % 2 else ROLES.get(role, role)))
    return found


def _timer(parent: QObject, ms: int, act: Callable[[], None]) -> QTimer:
    made = QTimer(parent)
    made.setSingleShot(True)
    made.setInterval(ms)
    made.timeout.connect(act)
    return made
