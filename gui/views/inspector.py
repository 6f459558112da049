"""The inspector: what is selected, or where the playhead stands, in numbers."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.checking import Checking
from gui.format import number
from gui.frames import gradient, spectrum
from gui.frames.inspector import Inspection, Place
from gui.frames.whole_sum import Origin, whole_sum
from gui.state.analyses import Key
from gui.state.app_state import AppState
from gui.state.selection import Selected
from gui.theme import px
from gui.views._inspector_gradient import GradientCard
from gui.views._inspector_more import OutputCard, SpectrumCard
from gui.views._inspector_step import StepCard
from gui.views._inspector_sum import SumCard
from gui.widgets import Section, icon_button, label
from gui.widgets.frames import fill_scrolling
from gui.widgets.painted import LOOK_EVENTS
from gui.widgets.steady import Steady

SPECTRUM = "inspector.spectrum"


class InspectorView(QWidget):
    """Explains one step: equation, blocks, sums, the gradient through it, output, eigenvalues.

    It follows the playhead until something is selected. While the playhead runs it comes after the score: once
    the score's pixels are there, and only for where the playhead has then come to.

    Parameters
    ----------
    state : AppState
    """

    id = "inspector"
    title = "Inspector"
    question = "Which multiplication made this number?"
    area = "right"

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._inspection: Inspection | None = None
        self._unit, self._name, self._gate = 0, "h", ""
        self._spectrum: tuple[object, ...] = ()
        self._stale = True
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self.heading = label("", "title")
        self.note = label("", "muted")
        self.follow = icon_button("x", self.tr("Follow the playhead again"), "flat")
        keep = self.follow.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.follow.setSizePolicy(keep)
        self.step_card, self.gradient_card = StepCard(), GradientCard()
        self.output_card, self.spectrum_card = OutputCard(), SpectrumCard()
        self.sum_card = SumCard()
        self.checking = Checking(state, self)
        self.gradient_card.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.gradient_card.customContextMenuRequested.connect(self._on_menu)
        self.output_title = Section(self.tr("Output"))
        self.gradient_title = Section(self.tr("Gradient through this step"))
        self.spectrum_title = Section(self.tr("Eigenvalues of W_hh"))
        self.empty = label(self.tr("Nothing has been computed yet."), "muted")
        self._column = self._lay_out()
        self._measure()
        self._connect()
        self._on_trace_changed(state.session.trace)

    def _lay_out(self) -> QVBoxLayout:
        inside = QWidget()
        inside.setProperty("role", "panel")
        column = QVBoxLayout(inside)
        column.addWidget(Steady([self.heading, self.follow], [self.note]))
        for widget in (
            *(self.empty, self.step_card, self.sum_card, self.gradient_title, self.gradient_card),
            *(self.output_title, self.output_card, self.spectrum_title, self.spectrum_card),
        ):
            column.addWidget(widget)
        column.addStretch(1)
        fill_scrolling(self, inside)
        return column

    def _measure(self) -> None:
        self._column.setContentsMargins(px(14), px(10), px(14), px(14))
        self._column.setSpacing(px(8))
        self.setMinimumWidth(px(272))
        self.follow.setFixedSize(px(24), px(22))

    def _connect(self) -> None:
        state = self._state
        state.session.trace_changed.connect(self._on_trace_changed)
        state.session.computed.connect(self._on_computed)
        state.cursor.changed.connect(self._on_moved)
        state.selection.changed.connect(self._on_selection_changed)
        self._soon.timeout.connect(self._show)
        self.follow.clicked.connect(state.selection.clear)
        self.step_card.unit_chosen.connect(self._on_unit_chosen)
        self.step_card.name_chosen.connect(self._on_name_chosen)
        self.sum_card.went.connect(self._on_went)
        self.sum_card.back.clicked.connect(state.selection.back)
        self.sum_card.forward.clicked.connect(state.selection.forward)
        self.spectrum_card.gate_chosen.connect(self._on_gate_chosen)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    def showEvent(self, event: object) -> None:
        """Catch up with what happened while it was hidden."""
        if self._stale:
            self._show()

    def catch_up(self) -> None:
        """Show where the playhead has come to, now rather than soon."""
        if self._soon.isActive():
            self._show()

    # What has changed ----------------------------------------------------------------------------------

    def _on_trace_changed(self, trace: object) -> None:
        session = self._state.session
        self._inspection = None if session.trace is None else Inspection(session.trace, session.words)
        self._show()

    def _on_moved(self, position: int) -> None:
        self._stale = True
        if self.isVisible():
            self._soon.start()

    def _on_selection_changed(self, chosen: Selected | None) -> None:
        if chosen is not None and chosen.prefix != "output":
            self._name = chosen.name
            if chosen.unit is not None:
                self._unit = chosen.unit
        self._show()

    def _on_unit_chosen(self, unit: int) -> None:
        place = self._place()
        if place is not None:
            self._unit = unit
            self._state.selection.select(place.prefix, place.step, unit, self._name)
            self._show()

    def _on_name_chosen(self, name: str) -> None:
        self._name = name
        self._show()

    def _on_went(self, origin: Origin) -> None:
        """Select where a number came from; first what it is part of, so that one can come back."""
        place, selection = self._place(), self._state.selection
        if place is not None:
            unit = min(self._unit, self._state.session.trace.spec.hidden_size - 1) if self._state.session.trace else 0
            selection.select(place.prefix, place.step, unit, self._name)
            selection.select(origin.prefix, origin.step, origin.unit, origin.name)

    def _on_computed(self, key: Key) -> None:
        inspection, place = self._inspection, self._place()
        if key[0] == SPECTRUM and self.isVisible() and inspection is not None and place is not None:
            self._show_spectrum(inspection, place)

    def _on_gate_chosen(self, gate: str) -> None:
        self._gate = gate
        self._show()

    def _on_menu(self, at: QPoint) -> None:
        """Offer to check the gradient that the card shows."""
        trace, place = self._state.session.trace, self._place()
        if trace is not None and trace.has_gradients and place is not None:
            unit = min(self._unit, trace.spec.hidden_size - 1)
            key = place.lane.key(trace.graph.states[0])
            wanted = key, (place.step, self._state.session.words.sequence, unit)
            self.checking.menu(wanted, True, self).popup(self.gradient_card.mapToGlobal(at))

    # Showing -------------------------------------------------------------------------------------------

    def _place(self) -> Place | None:
        inspection, chosen = self._inspection, self._state.selection.value
        if inspection is None:
            return None
        try:
            if chosen is None:
                event = self._state.cursor.event
                return inspection.playhead(0 if event is None else event.token + 1)
            if chosen.prefix == "output":
                return inspection.of_output(chosen.step)
            return inspection.place(chosen.prefix, chosen.step)
        except (KeyError, IndexError):
            # The selection is of the run before this one; the state drops it in a moment.
            return inspection.playhead(min(self._state.cursor.position, inspection.reach.count))

    def _show(self) -> None:
        self._soon.stop()
        self._stale = not self.isVisible()
        if self._stale:
            return
        inspection, place = self._inspection, self._place()
        there = inspection is not None and place is not None
        self.empty.setVisible(not there)
        always: tuple[QWidget, ...] = (
            *(self.step_card, self.sum_card, self.gradient_title, self.gradient_card),
            *(self.spectrum_title, self.spectrum_card, self.note),
        )
        sometimes: tuple[QWidget, ...] = (self.output_title, self.output_card, self.follow)
        for widget in always:
            widget.setVisible(there)
        if inspection is None or place is None:
            for widget in sometimes:
                widget.hide()
            self.heading.setText(self.tr("Inspector"))
            return
        position = self._state.cursor.position
        unit = min(self._unit, inspection.trace.spec.hidden_size - 1)
        self._show_heading(inspection, place, unit)
        self.step_card.show_step(inspection, place, inspection.step(place, position, self._name, unit))
        self._show_sum(inspection, place, position, unit)
        self._show_spectrum(inspection, place)
        self._show_gradient(inspection, place, position, unit)
        self._show_output(inspection, place, position)

    def _show_heading(self, inspection: Inspection, place: Place, unit: int) -> None:
        trace, lane = inspection.trace, place.lane
        step = {"encoder": self.tr("Encoder step {}"), "decoder": self.tr("Decoder step {}")}.get(
            lane.part, self.tr("Step {}")
        )
        words = inspection.words.columns
        name = f" · “{words[place.column]}”" if place.column < len(words) else ""
        self.heading.setText(step.format(place.step + 1) + name)
        texts = []
        if trace.spec.num_layers > 1:
            texts.append(self.tr("layer {}").format(lane.layer + 1))
        if any(other.reverse for other in trace.lanes.values() if other.part == lane.part):
            texts.append("←" if lane.reverse else "→")
        texts.append(self.tr("unit {} of {}").format(unit + 1, trace.spec.hidden_size))
        self.note.setText(" · ".join(texts))
        self.follow.setVisible(self._state.selection.value is not None)

    def _show_sum(self, inspection: Inspection, place: Place, position: int, unit: int) -> None:
        there = inspection.computed(place, position) and not inspection.padding(place)
        found = whole_sum(inspection, place, self._name, unit) if there else None
        selection = self._state.selection
        self.sum_card.show_sum(found, selection.can_go_back, selection.can_go_forward)

    def _show_gradient(self, inspection: Inspection, place: Place, position: int, unit: int) -> None:
        found = gradient.gradient(inspection, place, position, unit)
        after = place.step if place.lane.reverse else place.step + 2
        self.gradient_card.show_gradient(found, str(place.step + 1), str(after), unit)

    def _show_spectrum(self, inspection: Inspection, place: Place) -> None:
        trace = inspection.trace
        gates = trace.graph.cell.gates
        gate = self._gate if self._gate in gates else (gates[0] if gates else "")
        wanted = (inspection, place.prefix, gate)
        if wanted == self._spectrum:
            return
        size = trace.spec.hidden_size
        if size <= spectrum.EXACT:
            found = spectrum.measured(trace, place.prefix, gate)
        else:
            by = partial(spectrum.measured, prefix=place.prefix, gate=gate)
            found = self._state.session.compute((SPECTRUM, place.prefix, gate), by)
        there = isinstance(found, spectrum.Measure)
        self._spectrum = wanted if there else ()
        self.spectrum_card.show_spectrum(gates, gate, found.points if there else None, size)
        self.spectrum_title.set_note(f"ρ = {'' if found.exact else '≈ '}{number(found.radius)}" if there else "")
        self.spectrum_title.set_title(self.tr("Eigenvalues of {}").format(f"W_h{gate or 'h'}"))

    def _show_output(self, inspection: Inspection, place: Place, position: int) -> None:
        index = inspection.output_at(place)
        chosen = self._state.selection.value
        first = chosen is not None and chosen.prefix == "output"
        # A selected output stands above its step, otherwise below.
        if (self._column.indexOf(self.output_card) < self._column.indexOf(self.step_card)) != first:
            for widget in (self.output_title, self.output_card):
                self._column.removeWidget(widget)
            at = self._column.indexOf(self.step_card if first else self.spectrum_title)
            self._column.insertWidget(at, self.output_card)
            self._column.insertWidget(at, self.output_title)
        self.output_title.setVisible(index is not None)
        self.output_card.setVisible(index is not None)
        if index is not None:
            frame = inspection.output(index, position)
            self.output_title.set_note(frame.head)
            self.output_card.show_output(frame)
