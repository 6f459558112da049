"""What the instruments of the gradient laboratory share: heading, lane, the work when they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine import Trace
from engine.timeline import Timeline
from gui.state.analyses import Failed, Key
from gui.state.app_state import AppState
from gui.state.selection import Selected
from gui.theme import px, theme
from gui.widgets import Choice, SymbolLabel, label, scrolling
from gui.widgets.painted import LOOK_EVENTS

GROUP = "Gradient laboratory"


class Instrument(QWidget):
    """A panel that looks at the run when it is visible.

    A subclass fills `column` (and `controls`) in `build`, and shows a run in `refresh`, where it asks for results
    by `want`; it is called again when one of them is there.

    Parameters
    ----------
    state : AppState
    """

    id = ""
    title = ""
    question = ""
    area = ""
    group = GROUP
    hidden = True
    of_gradients = True
    of_lane = True

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self._stale, self._prefix = True, ""
        self.heading = label(self.tr(self.title), "title")
        self.asks = label(self.tr(self.question))
        self.asks.setWordWrap(True)
        self.summary = label("", "small")
        self.summary.setWordWrap(True)
        self.lane = Choice()
        self.lane.setAccessibleName(self.tr("Layer and direction"))
        self.lane.setToolTip(self.tr("Which layer, direction and part"))
        self.empty = SymbolLabel("", "muted")
        self.empty.setWordWrap(True)
        self.controls = QVBoxLayout()  # what stays when there is nothing to see
        self.body = QWidget()
        self.column = QVBoxLayout(self.body)
        # Of the run whose results are shown: until those of a newer one are there, that is the one before.
        self._named: tuple[Timeline, tuple[str, ...]] | None = None
        self._outer = self._lay_out()
        self.build()
        self._measure()
        state.session.trace_changed.connect(self._on_trace_changed)
        state.session.computed.connect(self._on_computed)
        state.cursor.changed.connect(self._on_moved)
        state.selection.changed.connect(self._on_selected)
        self.lane.chosen.connect(self._on_lane_chosen)

    # For subclasses --------------------------------------------------------------------------------------

    def build(self) -> None:
        """Put widgets into `column`, and what chooses into `controls`."""
        raise NotImplementedError

    def refresh(self, trace: Trace) -> None:
        """Show a run."""
        raise NotImplementedError

    def want(self, name: str, *facts: object, by: Callable[[Trace], Any]) -> Any:
        """Return a result; None while it is being computed, or where it could not be and that has been said."""
        found = self.state.session.compute((f"{self.id}.{name}", *facts), by)
        if isinstance(found, Failed):
            self.say(found.message)
            return None
        if found is not None:
            self._named = self._names()
        return found

    def say(self, text: str) -> None:
        """Say why there is nothing to see; an empty text brings the body back."""
        self.empty.setText(text)
        self.empty.setVisible(bool(text))
        self.body.setVisible(not text)

    @property
    def prefix(self) -> str:
        """The chosen lane's."""
        return self._prefix

    def step(self, trace: Trace) -> int:
        """The selected step of the lane, else the playhead's, else its last."""
        lane, chosen, event = trace.lanes[self.prefix], self.state.selection.value, self.state.cursor.event
        last = trace.timeline.steps(lane.part) - 1
        if chosen is not None and chosen.prefix == self.prefix:
            return min(chosen.step, last)
        if event is not None and event.part == lane.part and event.phase != "loss":
            return min(event.step, last)
        return last

    def unit(self) -> int | None:
        """The selected unit."""
        chosen = self.state.selection.value
        return None if chosen is None or chosen.prefix == "output" else chosen.unit

    def word(self, column: int) -> str:
        """What a column of the score is called."""
        words = (self._named or self._names())[1]
        return words[column] if column < len(words) else str(column + 1)

    def place(self, column: int) -> str:
        """A column in a sentence: step 3 “not”."""
        timeline, words = self._named or self._names()
        at = timeline.columns[column]
        named = {"encoder": self.tr("encoder step {}"), "decoder": self.tr("decoder step {}")}
        text = named.get(at.part, self.tr("step {}")).format(at.step + 1)
        return f"{text} “{words[column]}”" if column < len(words) else text

    def _names(self) -> tuple[Timeline, tuple[str, ...]]:
        """The columns of the run and what they are called."""
        trace = self.state.session.trace
        assert trace is not None
        return trace.timeline, self.state.session.words.columns

    def select(self, step: int) -> None:
        """Select a step of the lane, the unit staying."""
        chosen = self.state.selection.value
        name = chosen.name if chosen is not None and chosen.prefix == self.prefix else "h"
        self.state.selection.select(self.prefix, step, self.unit(), name)

    # Looking ---------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Show the run, or leave that until somebody looks."""
        if not self.isVisible():
            self._stale = True
            return
        self._stale = False
        trace = self.state.session.trace
        if trace is None:
            self.say(self.tr("Nothing has been computed yet."))
            return
        self._offer_lanes(trace)
        if self.of_gradients and not trace.has_gradients:
            self.say(self.tr("There is no gradient: this run has no target. Give it one in the input bar."))
            return
        self.say("")
        self.refresh(trace)
        self.summary.setVisible(bool(self.summary.text()))

    def showEvent(self, event: object) -> None:
        """Catch up with what happened while it was hidden."""
        if self._stale:
            self.look()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    def _lay_out(self) -> QVBoxLayout:
        inside = QWidget()
        inside.setProperty("role", "panel")
        outer = QVBoxLayout(inside)
        head = QHBoxLayout()
        head.addWidget(self.heading)
        head.addStretch(1)
        head.addWidget(self.lane)
        outer.addLayout(head)
        outer.addWidget(self.asks)
        outer.addWidget(self.summary)
        outer.addLayout(self.controls)
        for widget in (self.empty, self.body):
            outer.addWidget(widget)
        outer.addStretch(1)
        self.empty.hide()
        self.column.setContentsMargins(0, 0, 0, 0)
        scroll = scrolling(inside)
        scroll.setFocusPolicy(self.focusPolicy())
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)
        return outer

    def _measure(self) -> None:
        self._outer.setContentsMargins(px(14), px(10), px(14), px(14))
        self._outer.setSpacing(px(8))
        self.column.setSpacing(px(8))
        self.controls.setSpacing(px(6))
        self.setMinimumWidth(px(272))

    def _offer_lanes(self, trace: Trace) -> None:
        lanes = trace.lanes
        if self._prefix not in lanes:
            last = list(lanes.values())[-1]
            same = [p for p, lane in lanes.items() if (lane.part, lane.layer) == (last.part, last.layer)]
            chosen = self.state.selection.value
            self._prefix = chosen.prefix if chosen is not None and chosen.prefix in lanes else same[0]
        self.lane.set_options([(prefix, _lane_words(trace, prefix)) for prefix in lanes])
        self.lane.set_current(self._prefix)
        self.lane.setVisible(self.of_lane and len(lanes) > 1)

    def _on_lane_chosen(self, prefix: str) -> None:
        self._prefix = prefix
        self.look()

    def _on_trace_changed(self, trace: object) -> None:
        self.look()

    def _on_computed(self, key: Key) -> None:
        if str(key[0]).startswith(f"{self.id}.") and self.isVisible():
            self.look()

    def _on_moved(self, position: int) -> None:
        self.look()

    def _on_selected(self, chosen: Selected | None) -> None:
        if chosen is not None and chosen.prefix != "output":
            self._prefix = chosen.prefix
        self.look()


def _lane_words(trace: Trace, prefix: str) -> str:
    """How a lane is told from the others."""
    tr, lane = QCoreApplication.translate, trace.lanes[prefix]
    words = [{"encoder": tr("laboratory", "encoder"), "decoder": tr("laboratory", "decoder")}.get(lane.part, "")]
    if trace.spec.num_layers > 1:
        words.append(tr("laboratory", "layer {}").format(lane.layer + 1))
    if any(other.reverse for other in trace.lanes.values() if other.part == lane.part):
        words.append("←" if lane.reverse else "→")
    return " ".join(word for word in words if word) or tr("laboratory", "layer {}").format(lane.layer + 1)


def shade(share: float) -> Callable[[], QColor]:
    """A colour of the sequential map, asked for anew at every paint."""
    return lambda: QColor(*theme().sequential[round(share * 255)].tolist())
