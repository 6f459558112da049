"""The upper part of the presentation: pass and step, the equation, and one sentence in large letters."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSpacerItem, QVBoxLayout, QWidget

from engine import Trace, narration
from engine.events import Event
from engine.registry import cells
from gui import fonts
from gui.frames import transport
from gui.frames.transport import TimelineFrame
from gui.mathematics import MathematicsError, MathLabel
from gui.widgets import RichLine
from gui.widgets.rich_line import lowered

SENTENCE, PASS, EQUATION = 42.0, 24.0, 42.0
"""Heights of letters on a screen of 1080 pixels."""
ROW = 2.0
"""Height of the line of the pass and the equation, in heights of the equation's letters."""


class Head(QWidget):
    """Says what the playhead has just done."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = RichLine(PASS)
        self.sentence = RichLine(SENTENCE, lines=3)
        self.equation = MathLabel("", EQUATION)
        # The equation stands beside the pass, so that the sentence has the whole width and few lines.
        self._line, self._column = QHBoxLayout(), QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._line.addWidget(self.headline, 1)
        self._line.addWidget(self.equation, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._column.addLayout(self._line)
        self._column.addWidget(self.sentence)
        # Below a sentence of one line, so that all begin at one height.
        self._rest = QSpacerItem(0, 0)
        self._column.addItem(self._rest)
        for child in (self, self.headline, self.sentence, self.equation):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def measure(self, width: int, scale: float) -> None:
        """Take a width, and letters of so many times their height at 1080 pixels.

        Parameters
        ----------
        width : int
        scale : float
            Of the screen and of the zoom together.
        """
        zoomed = scale / fonts.zoom()
        self._width = width
        self.headline.set_size(PASS * zoomed)
        self.headline.setFixedHeight(round(ROW * EQUATION * scale))
        self.sentence.set_size(SENTENCE * zoomed)
        self.equation.set_px(EQUATION * zoomed)
        self._limit()
        self._line.setSpacing(round(40 * scale))
        self.make_room()

    def _limit(self) -> None:
        """Scale a tall equation down, so that what stands below keeps its place, and keep it at the right edge."""
        room, most, hint = max(80, round(self._width * 0.6)), self.headline.height(), self.equation.sizeHint()
        if hint.height() > most:
            room = min(room, round(hint.width() * most / hint.height()))
        self.equation.setMaximumSize(room, most)

    def make_room(self) -> None:
        """Give the sentence the lines it needs, and room for two at least, so that the score seldom moves."""
        height, least = self.sentence.heightForWidth(self._width), 2 * self.sentence.minimumSizeHint().height()
        self.sentence.setFixedHeight(height)
        self._rest.changeSize(0, max(0, least - height))
        self._column.invalidate()
        # The stage's layout keeps this widget's size; of two changes in a row it would hear of the first alone.
        self.updateGeometry()

    def say(self, trace: Trace | None, event: Event | None, words: narration.Words) -> None:
        """Show the sentence and the equation of an event."""
        if trace is None or event is None:
            self.sentence.set_segments([(self.tr("Nothing has come in yet."), "muted")])
            self._typeset("")
        else:
            said = narration.narrate(trace, event, words)
            # What is said in muted letters is for the one who sits before the screen.
            parts = [part for text, role in said if role != "muted" for part in lowered(text, role)]
            self.sentence.set_segments(parts)
            self._typeset(event.equation)
        self.make_room()

    def name(self, trace: Trace | None, frame: TimelineFrame, position: int, digits: str) -> None:
        """Show pass, step and cell, and the digits that are being typed."""
        cell = cells[trace.spec.cell].title if trace else ""
        found = [(cell, "muted")]
        if 0 < position <= len(frame):
            found = [*self._step(frame, position - 1), (f"   {cell}", "muted")]
        if digits:
            found.append((f"   → {digits}", "strong"))
        self.headline.set_segments(found)

    def _step(self, frame: TimelineFrame, at: int) -> list[tuple[str, str]]:
        phase = int(frame.phases[at])
        ways = ((self.tr("Forward"), "forward"), (self.tr("Loss"), "strong"), (self.tr("Backward"), "backward"))
        text, role = ways[phase]
        if phase == transport.LOSS:
            return [(text.upper(), role)]
        part = {"encoder": self.tr("encoder "), "decoder": self.tr("decoder ")}.get(frame.parts[at], "")
        step, total = int(frame.steps[at]) + 1, int(frame.totals[at])
        place = self.tr("{part}step {step} of {total}").format(part=part, step=step, total=total)
        return [(text.upper(), role), (f"   {place}", "muted")]

    def _typeset(self, latex: str) -> None:
        try:
            self.equation.set_latex(latex)
        except MathematicsError:
            self.equation.set_latex("")  # an equation that cannot be set is left out; the sentence says it all
        self.equation.setVisible(bool(self.equation.latex()))
        self._limit()
