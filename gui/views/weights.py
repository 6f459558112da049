"""Weights to touch: any parameter as a heatmap, its gradient beside it, and what a change of it does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout

from engine import Trace, analysis
from gui.checking import Checking
from gui.format import full, number, shape
from gui.frames import weights as frames
from gui.frames.weights import Matrix
from gui.state.document import GESTURE
from gui.state.project import EDITED, Project
from gui.theme import px
from gui.views._laboratory import Instrument
from gui.views._weights_words import effect_words, named, signed
from gui.widgets import Choice, FloatField, ScaleLegend, Section, Segment, SegmentedControl, label, push_button
from gui.widgets.matrix_plot import MatrixPlot
from gui.widgets.touch_plot import TouchPlot

WIDE = 560
"""From this width on the gradient stands beside the values."""
VALUES, CHANGE = "values", "change"
SPAN = 120.0
"""So many pixels of a drag are as much as the matrix' largest weight."""


class WeightsView(Instrument):
    """Changes one entry of a parameter at a time; forward and backward follow at once."""

    id = "weights"
    title = "Weights"
    question = "What happens if this weight changes?"
    area = "right"
    group = ""
    order = 4
    of_lane = False
    of_gradients = False

    def build(self) -> None:
        """Parameter, heatmaps, the selected entry, the effect."""
        document = self.state.document
        self._frame: Matrix | None = None
        self._entry: tuple[int, int] | None = None
        self._grip, self._gesture, self._round = 0.0, 0, 0
        self._reference: Mapping[str, np.ndarray] = {}
        self._take_reference(document.project)
        self._checking = Checking(self.state, self)
        self.parameter = Choice(mono=True)
        self.parameter.setAccessibleName(self.tr("Which parameter"))
        self.parameter.setMinimumWidth(1)  # gives way to what stands beside it
        self.shows = SegmentedControl(
            [
                Segment(VALUES, self.tr("Values"), self.tr("The weights as they are")),
                Segment(CHANGE, self.tr("Change"), self.tr("How far each weight is from what it was before")),
            ],
            self.tr("What the heatmap shows"),
        )
        self.heat_title, self.slope_title = Section(""), Section("")
        self.legend, self.slope_legend = ScaleLegend(), ScaleLegend()
        self.heat = TouchPlot(self.tr("Weights"))
        self.heat.setCursor(Qt.CursorShape.PointingHandCursor)
        self.slope = TouchPlot(self.tr("Gradient of the weights"))
        self.value = FloatField(0.0, step=0.01, digits=5)
        self.value.setAccessibleName(self.tr("Value of the selected weight"))
        self.entry = label("", "small")
        self.entry.setWordWrap(True)
        self.effect = label("", "")
        self.effect.setWordWrap(True)
        self.reset_entry = push_button(
            self.tr("Reset weight"), "compact", self.tr("Give the selected weight the value that it had before")
        )
        self.reset_all = push_button(
            self.tr("Reset matrix"), "compact", self.tr("Give every weight of this parameter its value from before")
        )
        self.check = push_button(
            self.tr("Check gradient…"), "compact", self.tr("Finite difference and every engine, for this weight")
        )
        self.summary.setText(self.tr("Click a weight and type, or drag it up and down (Shift: finer)."))
        self._arrange()
        self._connect()

    def refresh(self, trace: Trace) -> None:
        """Show the chosen parameter of the project with the gradient of the newest run."""
        project = self.state.document.project
        names = list(project.parameters)
        if not _alike(trace.parameters, project.parameters):
            self._frame = None
            self.say(self.tr("Another network has been put on the bench; its run is on its way."))
            return
        if [self.parameter.itemData(i) for i in range(self.parameter.count())] != names:
            before = self.parameter.current()
            self.parameter.set_options([(name, name) for name in names])
            first = next((name for name in names if "weight_hh" in name), names[0])
            self.parameter.set_current(before if before in names else first)
        name = self.parameter.current()
        values = project.parameters[name]
        gradient = trace.parameter_grads.get(name)
        self._frame = frames.matrix(name, values, self._reference.get(name, values), gradient)
        self._show(trace)
        self._show_effect(trace)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the gradient beside the values where there is room."""
        ways = QBoxLayout.Direction
        self._both.setDirection(ways.LeftToRight if self.width() >= px(WIDE) else ways.TopToBottom)
        super().resizeEvent(event)

    # Building --------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.parameter)
        line.addWidget(self.shows)
        line.addStretch(1)
        self.controls.addLayout(line)
        self._both = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        for title, legend, plot in (
            (self.heat_title, self.legend, self.heat),
            (self.slope_title, self.slope_legend, self.slope),
        ):
            head, part = QHBoxLayout(), QVBoxLayout()
            head.addWidget(title, 1)
            head.addWidget(legend)
            part.addLayout(head)
            part.addWidget(plot)
            part.addStretch(1)
            self._both.addLayout(part, 1)
        self.column.addLayout(self._both)
        line = QHBoxLayout()
        for widget in (self.value, self.reset_entry, self.reset_all):
            line.addWidget(widget)
        line.addStretch(1)
        self.column.addWidget(self.entry)
        self.column.addLayout(line)
        line = QHBoxLayout()
        line.addWidget(self.check)
        line.addStretch(1)
        self.column.addLayout(line)
        self.column.addWidget(self.effect)

    def _connect(self) -> None:
        self.heat.set_tip(partial(self._tip, False))
        self.slope.set_tip(partial(self._tip, True))
        for plot in (self.heat, self.slope):
            plot.chosen.connect(self._on_chosen)
            plot.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.slope.customContextMenuRequested.connect(partial(self._on_menu, self.slope))
        self.heat.customContextMenuRequested.connect(partial(self._on_menu, self.heat))
        self.heat.grabbed.connect(self._on_grabbed)
        self.heat.dragged.connect(self._on_dragged)
        self.value.committed.connect(self._on_typed)
        self.reset_entry.clicked.connect(self._on_reset_entry)
        self.reset_all.clicked.connect(self._on_reset_all)
        self.check.clicked.connect(lambda: self._checking.check(*self._wanted()))  # type: ignore[misc]
        self.parameter.chosen.connect(self._on_parameter)
        self.shows.chosen.connect(self.look)
        self.state.document.project_changed.connect(self._on_project_changed)

    # What it was before ----------------------------------------------------------------------------------

    def _take_reference(self, project: Project) -> None:
        if project.reference is not self._reference:
            self._reference, self._round = project.reference, self._round + 1

    def _on_project_changed(self, new: Project, old: Project) -> None:
        self._take_reference(new)
        if new.parameters is not old.parameters:
            self.look()

    # Showing ---------------------------------------------------------------------------------------------

    def _show(self, trace: Trace) -> None:
        frame = self._frame
        assert frame is not None
        changed = self.shows.current() == CHANGE
        values, scale = (frame.change, frame.change_scale) if changed else (frame.values, frame.scale)
        sizes = shape(self.state.document.project.parameters[frame.name].shape)
        self.heat_title.set_title(self.tr("change of {}").format(frame.name) if changed else f"{frame.name} {sizes}")
        self.heat.set_signed(values, scale)
        self.legend.set_scale(scale, frame.name)
        self.slope_title.set_title(f"∂L/∂{frame.name}")
        for widget in (self.slope_title, self.slope_legend, self.slope):
            widget.setVisible(frame.gradient is not None)
        if frame.gradient is not None:
            self.slope.set_signed(frame.gradient, frame.gradient_scale)
            self.slope_legend.set_scale(frame.gradient_scale, frame.name)
        if self._entry is not None and not np.all(np.less(self._entry, frame.values.shape)):
            self._entry = None
        self._show_entry(frame, trace)

    def _show_entry(self, frame: Matrix, trace: Trace) -> None:
        for plot in (self.heat, self.slope):
            plot.select(self._entry)
        chosen = self._entry is not None
        self.value.setEnabled(chosen)
        self.check.setEnabled(chosen and frame.gradient is not None)
        self.reset_entry.setEnabled(self._entry is not None and bool(frame.change[self._entry]))
        self.reset_all.setEnabled(bool(np.any(frame.change)))
        if self._entry is None:
            self.entry.setText(self.tr("No weight is selected."))
            return
        value = float(frame.values[self._entry])
        if not self.value.hasFocus() or self.value.value() != value:
            self.value.set_value(value)
        words = [named(frame, *self._entry, trace, self.state.document.project)]
        if frame.change[self._entry] != 0:
            words.append(self.tr("changed by {}").format(signed(float(frame.change[self._entry]))))
        if frame.gradient is not None:
            words.append(f"∂L/∂w = {number(float(frame.gradient[self._entry]))}")
        self.entry.setText(" · ".join(words))

    def _show_effect(self, trace: Trace) -> None:
        """What the change of all weights has done to the loss and to an output."""
        frame, project = self._frame, self.state.document.project
        same = all(
            self._reference[n] is v or np.array_equal(self._reference[n], v) for n, v in project.parameters.items()
        )
        if frame is None or same or not trace.has_gradients:
            self.effect.setText(self.tr("Nothing has been changed by hand.") if same else "")
            return
        before = self.want("before", self._round, by=partial(analysis.rerun, parameters=self._reference))
        found = None if before is None else frames.effect(before, trace, self.state.session.words.sequence)
        if found is not None:
            label = "" if found.label is None else self.state.session.words.label(found.label)
            self.effect.setText(effect_words(found, label))

    def _tip(self, gradient: bool, row: int, column: int) -> str:
        frame, trace = self._frame, self.state.session.trace
        if frame is None or trace is None:
            return ""
        name = named(frame, row, column, trace, self.state.document.project)
        values = frame.gradient if gradient and frame.gradient is not None else self.heat.values()
        return f"{'∂L/∂ ' if gradient else ''}{name} = {full(values[row, column])}"

    # Touching --------------------------------------------------------------------------------------------

    def _put(self, value: float, merge: str) -> None:
        """Give the selected weight a value."""
        frame, project = self._frame, self.state.document.project
        if frame is None or self._entry is None:
            return
        changed = np.array(project.parameters[frame.name])
        frames.as_matrix(changed)[self._entry] = value
        self._replace(changed, self.tr("change of a weight of {}").format(frame.name), merge)

    def _replace(self, values: np.ndarray, text: str, merge: str = "") -> None:
        frame, project = self._frame, self.state.document.project
        assert frame is not None
        self.state.document.edit(
            text, merge=merge, parameters={**project.parameters, frame.name: values}, weights=EDITED, score=""
        )

    def _on_parameter(self) -> None:
        self._entry = None
        self.look()

    def _on_moved(self, position: int) -> None:
        """The playhead changes nothing here."""

    def _on_chosen(self, row: int, column: int) -> None:
        self._entry = (row, column)
        self.look()

    def _on_grabbed(self) -> None:
        assert self._frame is not None and self._entry is not None
        self._gesture += 1
        self._grip = float(self._frame.values[self._entry])
        self._span = self._frame.scale / SPAN

    def _on_dragged(self, up: float) -> None:
        self._put(float(f"{self._grip + up * self._span:.6g}"), f"{GESTURE}weight {self._gesture}")

    def _on_typed(self, value: float) -> None:
        frame, at = self._frame, self._entry
        if frame is not None and at is not None and value != frame.values[at]:
            self._put(value, f"weight {frame.name} {at}")

    def _on_reset_entry(self) -> None:
        frame, at = self._frame, self._entry
        if frame is not None and at is not None:
            self._put(float(frames.as_matrix(self._reference[frame.name])[at]), "")

    def _on_reset_all(self) -> None:
        if self._frame is not None:
            text = self.tr("resetting of {}").format(self._frame.name)
            self._replace(np.array(self._reference[self._frame.name]), text)

    def _wanted(self) -> tuple[str, tuple[int, ...]] | None:
        """The selected weight as `Checking` takes it."""
        frame, at = self._frame, self._entry
        if frame is None or at is None or frame.gradient is None:
            return None
        one = self.state.document.project.parameters[frame.name].ndim == 1
        return frame.name, at[:1] if one else at

    def _on_menu(self, plot: MatrixPlot, at: object) -> None:
        cell = plot.cell_at(at)  # type: ignore[arg-type]
        if cell is not None:
            self._on_chosen(*cell)
            wanted = self._wanted()
            if wanted is not None:
                self._checking.menu(wanted, plot is self.slope, self).popup(plot.mapToGlobal(at))  # type: ignore[call-overload]


def _alike(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> bool:
    """Whether two sets of parameters have the same names and shapes."""
    return {name: value.shape for name, value in a.items()} == {name: value.shape for name, value in b.items()}
