"""The cell view: the inside of the chosen step, operation by operation, forward and back."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine.registry import cells
from gui.frames import cell, lab_paths
from gui.frames.cell import CellFrame
from gui.frames.cell_words import plain
from gui.frames.inspector import Inspection, Place
from gui.state.analyses import Failed, Key
from gui.state.app_state import AppState
from gui.theme import px
from gui.views import _cell_paint as draw
from gui.views._cell_canvas import CellCanvas
from gui.views._cell_picture import Ways
from gui.views._cell_pins import Pin, Pins
from gui.widgets import SymbolLabel, icon_button, label, scrolling
from gui.widgets.math_line import MathLine
from gui.widgets.number_lines import NumberLines
from gui.widgets.painted import LOOK_EVENTS


class CellView(QWidget):
    """The selected step's cell as a diagram, or the playhead's where nothing is selected.

    Parameters
    ----------
    state : AppState
    """

    id = "cell"
    title = "Cell"
    question = "What happens inside a step?"
    area = "center"
    hidden = True

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._inspection: Inspection | None = None
        self._frame: CellFrame | None = None
        self._wanted = ""
        self._pinned: tuple[str, ...] = ()
        self._stale = True
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.heading = label("", "title")
        self.caption = SymbolLabel("", "muted")
        self.follow = icon_button("x", self.tr("Follow the playhead again"), "flat")
        self.canvas = CellCanvas()
        self.canvas.setAccessibleName(self.tr("Diagram of the cell"))
        self.equation = MathLine(19)
        self.numbers = NumberLines(12)
        self.pins = Pins()
        self._lay_out()
        self._measure()
        self._connect()
        self._on_trace_changed(state.session.trace)

    def frame(self) -> CellFrame | None:
        """What is shown; None before the first run."""
        return self._frame

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.heading)
        head.addWidget(self.caption)
        head.addStretch(1)
        head.addWidget(self.follow)
        self._text = QVBoxLayout()
        self._text.addWidget(self.equation)
        self._text.addWidget(self.numbers)
        left = QVBoxLayout()
        left.addWidget(self.canvas, 1)
        left.addLayout(self._text)
        self._scroll = scrolling(self.pins)
        self._body = QHBoxLayout()
        self._body.addLayout(left, 1)
        self._body.addWidget(self._scroll)
        self._column = QVBoxLayout(self)
        self._column.addLayout(head)
        self._column.addLayout(self._body, 1)
        self._head = head

    def _measure(self) -> None:
        self._column.setContentsMargins(px(16), px(8), px(16), px(8))
        self._column.setSpacing(px(6))
        self._head.setSpacing(px(12))
        self._body.setSpacing(px(14))
        self._text.setSpacing(px(2))
        self._scroll.setFixedWidth(px(226))
        self.equation.setMinimumHeight(px(30))
        self.numbers.setMinimumHeight(px(40))

    def _connect(self) -> None:
        state = self._state
        state.session.trace_changed.connect(self._on_trace_changed)
        state.cursor.changed.connect(self._on_moved)
        state.selection.changed.connect(self._on_selection_changed)
        state.session.computed.connect(self._on_computed)
        self.follow.clicked.connect(state.selection.clear)
        self.canvas.pinned.connect(self._on_pinned)
        self.pins.removed.connect(self._on_pinned)
        self.canvas.chosen.connect(self._on_chosen)
        self.canvas.entered.connect(self._on_entered)
        self.canvas.stepped.connect(self._on_stepped)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    def showEvent(self, event: object) -> None:
        """Catch up with what happened while it was hidden."""
        if self._stale:
            self._show()

    # What has changed ----------------------------------------------------------------------------------

    def _on_trace_changed(self, trace: object) -> None:
        session = self._state.session
        self._inspection = None if session.trace is None else Inspection(session.trace, session.words)
        names = () if session.trace is None else tuple(session.trace.graph.by_name)
        self._pinned = tuple(name for name in self._pinned if name in names)
        self._wanted = ""
        self._show()

    def _on_moved(self, position: int) -> None:
        self._wanted = ""
        self._show()

    def _on_selection_changed(self, chosen: object) -> None:
        self._show()

    def _on_computed(self, key: Key) -> None:
        if key[0] == lab_paths.SPLIT and self._frame is not None and self.isVisible():
            self.canvas.set_frame(self._frame, self._pinned, self._ways(self._frame))

    def _on_pinned(self, name: str) -> None:
        without = tuple(each for each in self._pinned if each != name)
        self._pinned = without if name in self._pinned else (*self._pinned, name)
        self._show()

    def _on_chosen(self, operation: str) -> None:
        self._wanted = operation
        self._show()

    def _on_entered(self, operation: str) -> None:
        frame, trace = self._frame, self._state.session.trace
        if frame is None or trace is None:
            return
        phase = "backward" if frame.backward else "forward"
        found = trace.events.find(phase, frame.place.lane, frame.place.step, operation)
        if found is not None:
            self._state.playback.pause()
            self._state.cursor.granularity = "operation"
            self._state.cursor.go_index(found + 1)

    def _on_stepped(self, delta: int) -> None:
        frame, trace = self._frame, self._state.session.trace
        if frame is None or trace is None:
            return
        names = [node.name for node in trace.graph.operations]
        self._on_chosen(names[(names.index(frame.shown) + delta) % len(names)])

    # Showing -------------------------------------------------------------------------------------------

    def _place(self, inspection: Inspection) -> Place:
        chosen = self._state.selection.value
        try:
            if chosen is not None:
                if chosen.prefix == "output":
                    return inspection.of_output(chosen.step)
                return inspection.place(chosen.prefix, chosen.step)
            return cell.place_of(inspection, self._state.cursor.event)
        except (KeyError, IndexError):
            # The selection is of the run before this one; the state drops it in a moment.
            return inspection.playhead(0)

    def _show(self) -> None:
        if not self.isVisible():
            self._stale = True
            return
        self._stale = False
        inspection = self._inspection
        for widget in (self.equation, self.numbers, self.follow, self._scroll):
            widget.setVisible(inspection is not None)
        if inspection is None:
            self._frame = None
            self.heading.setText(self.tr("Cell"))
            self.caption.setText(self.tr("Nothing has been computed yet."))
            self.canvas.set_frame(None)
            return
        chosen = self._state.selection.value
        unit = None if chosen is None else chosen.unit
        place, index = self._place(inspection), min(self._state.cursor.index, len(inspection.trace.events))
        frame = self._frame = cell.frame(inspection, place, index, unit, self._wanted)
        self.heading.setText(self._title(inspection, frame))
        self.caption.setText(self._caption(frame))
        self.canvas.set_frame(frame, self._pinned, self._ways(frame))
        self.equation.set_runs(draw.runs(frame.symbols))
        lines = frame.lines or [[(self._waiting(frame), "muted")]]
        self.numbers.set_lines(lines)
        self.follow.setVisible(chosen is not None)
        self._show_pins(frame)

    def _ways(self, frame: CellFrame) -> Ways:
        """Which ways the highway's gradient came to the step, once all of it is there."""
        state, place = frame.layout.highway[-1], frame.place
        if not (frame.layout.carried and frame.backward) or frame.vectors[state].gradient is None:
            return ()
        ask = partial(lab_paths.paths, prefix=place.prefix, sequence=place.sequence)
        found = self._state.session.compute((lab_paths.SPLIT, place.prefix, place.sequence), ask)
        return () if found is None or isinstance(found, Failed) else found.at(place.step)

    def _show_pins(self, frame: CellFrame) -> None:
        self._scroll.setVisible(bool(self._pinned))
        found = []
        for name in self._pinned:
            vector = frame.vectors[name]
            values = (vector.gradient, vector.gradient_scale) if frame.backward else (vector.value, vector.scale)
            found.append(Pin(name, vector.symbols, *values))
        self.pins.set_pins(tuple(found))

    def _title(self, inspection: Inspection, frame: CellFrame) -> str:
        trace, place, lane = inspection.trace, frame.place, frame.place.lane
        texts = [cells[trace.spec.cell].title]
        parts = {"encoder": self.tr("encoder"), "decoder": self.tr("decoder")}
        texts += [parts[lane.part]] if lane.part else []
        if trace.spec.num_layers > 1:
            texts.append(self.tr("layer {}").format(lane.layer + 1))
        if any(other.reverse for other in trace.lanes.values() if other.part == lane.part):
            texts.append("←" if lane.reverse else "→")
        words = inspection.words.columns
        name = f" “{words[place.column]}”" if place.column < len(words) else ""
        texts.append(self.tr("step {}").format(place.step + 1) + name)
        return " · ".join(texts)

    def _caption(self, frame: CellFrame) -> str:
        if frame.padding:
            return self.tr("padding: nothing is computed here, the state is held")
        text = (
            self.tr("operation {} of {}, backward: {}")
            if frame.backward
            else self.tr("operation {} of {}, forward: {}")
        )
        return text.format(frame.number, frame.count, self._what(frame))

    def _what(self, frame: CellFrame) -> str:
        """The operation in words."""
        name = plain(frame.vectors[frame.shown].symbols)
        states = {"h": self.tr("the new hidden state"), "c": self.tr("the new cell state")}
        return {
            "state": states.get(frame.shown, self.tr("the new state {}").format(name)),
            "forget": self.tr("the forget gate {}").format(name),
            "gate": self.tr("the gate {}").format(name),
            "candidate": self.tr("the candidate {}").format(name),
            "inside": self.tr("the sum {}").format(name),
            "matrix": self.tr("the matrix product {}").format(name),
            "sum": self.tr("the sum {}").format(name),
            "product": self.tr("element by element {}").format(name),
            "rest": self.tr("what is left, {}").format(name),
            "function": self.tr("the function {}").format(name),
        }[frame.kind]

    def _waiting(self, frame: CellFrame) -> str:
        if frame.padding:
            return self.tr("Padding: nothing is computed here, the state is held")
        if frame.backward and frame.shown in frame.done and frame.vectors[frame.shown].gradient is not None:
            return self.tr("The gradient ends here: this reads only parameters")
        return self.tr("Not reached yet")
