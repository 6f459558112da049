"""The transport below the score: the narration, the buttons, the timeline, the speed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFont, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from engine import narration
from gui import fonts
from gui.frames import transport
from gui.icons import icon
from gui.state.app_state import AppState
from gui.state.cursor import OPERATION, TOKEN
from gui.theme import px
from gui.widgets import Choice, RichLine, Segment, SegmentedControl, icon_button, label
from gui.widgets.painted import LOOK_EVENTS
from gui.widgets.rich_line import lowered
from gui.widgets.steady import Steady
from gui.widgets.timeline_bar import TimelineBar

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class TransportView(QWidget):
    """Says what has just happened, and moves the playhead.

    Parameters
    ----------
    state : AppState
    """

    id = "transport"
    title = "Transport"
    area = "bottom"

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._frame = transport.EMPTY
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._pass = label("", "caption")
        self._sentence = RichLine(15, least=12)
        self._bar = TimelineBar()
        self._buttons = self._make_buttons()
        self._granularity = SegmentedControl(name=self.tr("How far one step goes"))
        self._granularity.set_segments(
            [
                Segment(TOKEN, self.tr("Token"), self.tr("One step is one token forward, or one time step backward")),
                Segment(OPERATION, self.tr("Operation"), self.tr("One step is one equation, or one chain-rule factor")),
            ]
        )
        self._granularity.set_current(state.cursor.granularity)
        self._speed = Choice([(str(speed), f"{speed:g}×") for speed in SPEEDS], mono=True)
        self._speed.setToolTip(self.tr("How fast the playhead runs"))
        self._speed.setAccessibleName(self.tr("Speed"))
        self._rows = self._lay_out()
        self._measure()
        state.session.trace_changed.connect(self._on_trace_changed)
        state.session.running_changed.connect(self._on_running_changed)
        state.session.failed.connect(self._on_failed)
        state.cursor.changed.connect(self._on_cursor_changed)
        state.playback.playing_changed.connect(self._on_playing_changed)
        state.playback.speed_changed.connect(self._on_speed_changed)
        self._bar.went.connect(state.cursor.go)
        self._speed.chosen.connect(self._on_speed_chosen)
        state.cursor.granularity_changed.connect(self._granularity.set_current)
        self._granularity.chosen.connect(self._on_granularity_chosen)
        self._on_speed_changed(state.playback.speed)
        self._on_playing_changed(state.playback.playing)
        self._on_trace_changed(state.session.trace)

    def bar(self) -> TimelineBar:
        """The timeline."""
        return self._bar

    def button(self, name: str) -> QToolButton:
        """One of the buttons: first, back, play, forward, last."""
        return self._buttons[name]

    def sentence(self) -> str:
        """The narration as text, its pass first."""
        return f"{self._pass.text()} {self._sentence.text()}".strip()

    # Making --------------------------------------------------------------------------------------------

    def _make_buttons(self) -> dict[str, QToolButton]:
        cursor, playback = self._state.cursor, self._state.playback
        wanted = {
            "first": ("skip-back", self.tr("Before the first step (Home)"), cursor.first),
            "back": ("step-back", self.tr("One step back (←)"), lambda: cursor.step(-1)),
            "play": ("play", self.tr("Play (Space)"), playback.toggle),
            "forward": ("step-forward", self.tr("One step forward (→)"), lambda: cursor.step(1)),
            "last": ("skip-forward", self.tr("To the end (End)"), cursor.last),
        }
        made = {}
        for name, (picture, text, act) in wanted.items():
            button = icon_button(picture, text, "primary" if name == "play" else "")
            button.setObjectName(f"transport.{name}")
            button.clicked.connect(act)
            made[name] = button
        return made

    def _lay_out(self) -> tuple[QVBoxLayout, QHBoxLayout]:
        controls, column = QHBoxLayout(), QVBoxLayout(self)
        # No move of the playhead lays the window out anew, however long the sentence is.
        words = Steady([self._pass, self._sentence], grows=True, spacing=12)
        for button in self._buttons.values():
            controls.addWidget(button)
        controls.addSpacing(px(16))
        controls.addWidget(self._bar, 1)
        controls.addSpacing(px(8))
        controls.addWidget(label(self.tr("Step by"), "muted"))
        controls.addWidget(self._granularity)
        controls.addWidget(self._speed)
        column.addWidget(words)
        column.addLayout(controls)
        self._pass.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._sentence.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return column, controls

    def _measure(self) -> None:
        column, controls = self._rows
        column.setContentsMargins(px(14), px(10), px(14), px(8))
        column.setSpacing(px(6))
        controls.setSpacing(px(6))
        font = fonts.ui(11, 700)
        font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 104)
        self._pass.setFont(font)
        for button in self._buttons.values():
            button.setFixedSize(px(38), px(34))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step and play wherever in the transport the focus is."""
        cursor = self._state.cursor
        act = {
            Qt.Key.Key_Left: lambda: cursor.step(-1),
            Qt.Key.Key_Right: lambda: cursor.step(1),
            Qt.Key.Key_Home: cursor.first,
            Qt.Key.Key_End: cursor.last,
            Qt.Key.Key_Space: self._state.playback.toggle,
        }.get(Qt.Key(event.key()))
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    # Showing -------------------------------------------------------------------------------------------

    def _on_trace_changed(self, trace: object) -> None:
        newest = self._state.session.trace
        self._frame = transport.EMPTY if newest is None else transport.timeline(newest, self._state.session.words)
        labels = [text or self.tr("loss") for text in self._frame.labels]
        self._bar.set_segments(self._frame.phases, labels, self.describe)
        self._show()

    def _on_cursor_changed(self, position: int) -> None:
        self._show()

    def _on_running_changed(self, running: bool) -> None:
        if self._state.session.trace is None:
            self._show()

    def _on_failed(self, message: str) -> None:
        if self._state.session.trace is None:
            self._show()

    def _on_playing_changed(self, playing: bool) -> None:
        button = self._buttons["play"]
        text = self.tr("Pause (Space)") if playing else self.tr("Play (Space)")
        button.setIcon(icon("pause" if playing else "play", "on_ink"))
        button.setToolTip(text)
        button.setAccessibleName(text)

    def _on_speed_changed(self, speed: float) -> None:
        nearest = min(SPEEDS, key=lambda each: abs(each - speed))
        self._speed.set_current(str(nearest))

    def _on_granularity_chosen(self, id: str) -> None:
        self._state.cursor.granularity = id

    def _on_speed_chosen(self, id: str) -> None:
        self._state.playback.speed = float(id)

    def _show(self) -> None:
        session, cursor = self._state.session, self._state.cursor
        trace, event = session.trace, cursor.event
        # What is under way counts as the position that it leads to.
        position = 0 if event is None else event.token + 1
        self._bar.set_position(position)
        self._set_pass(position)
        at_start, at_end = cursor.index == 0, cursor.index >= cursor.total
        for name, off in (("first", at_start), ("back", at_start), ("forward", at_end), ("last", at_end)):
            self._buttons[name].setEnabled(not off)
        self._buttons["play"].setEnabled(cursor.count > 0)
        if trace is None:
            working = session.running or not session.error
            self._sentence.set_segments([(self.tr("Computing…"), "muted") if working else (session.error, "error")])
            return
        if event is None:
            self._sentence.set_segments([(self.tr("Nothing has come in yet. Step forward, or play."), "muted")])
            return
        segments = narration.narrate(trace, event, session.words)
        self._sentence.set_segments([part for text, role in segments for part in lowered(text, role)])

    def _set_pass(self, position: int) -> None:
        if position == 0 or position > len(self._frame):
            self._pass.hide()
            return
        phase = int(self._frame.phases[position - 1])
        text = self._headline(position - 1).upper()
        self._pass.setText(text)
        role = ("forward", "", "backward")[phase]
        if self._pass.property("role") != role:
            self._pass.setProperty("role", role)
            self._pass.style().unpolish(self._pass)
            self._pass.style().polish(self._pass)
        self._pass.show()

    def _headline(self, at: int) -> str:
        frame = self._frame
        phase = int(frame.phases[at])
        if phase == transport.LOSS:
            return self.tr("Loss")
        way = self.tr("Forward") if phase == transport.FORWARD else self.tr("Backward")
        part = {"encoder": self.tr("encoder "), "decoder": self.tr("decoder ")}.get(frame.parts[at], "")
        return self.tr("{way} · {part}step {step} of {total}").format(
            way=way, part=part, step=int(frame.steps[at]) + 1, total=int(frame.totals[at])
        )

    def describe(self, position: int) -> str:
        """Say what a position is, for the timeline's tooltip."""
        if position == 0 or position > len(self._frame):
            return self.tr("Before the first step")
        at = position - 1
        text = self._headline(at)
        if self._frame.labels[at]:
            text += f" · “{self._frame.labels[at]}”"
        return f"{text} · {self._frame.lanes[at]}" if self._frame.lanes[at] else text
