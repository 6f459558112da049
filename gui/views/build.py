"""The Build panel: the pattern, every field of the spec, the weights, and every parameter's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine import ModelSpec, SpecError, layout
from gui.format import count
from gui.frames import spectrum
from gui.state.analyses import Key
from gui.state.app_state import AppState
from gui.state.project import Project
from gui.theme import px
from gui.views._initial_state import InitialStateRow
from gui.views._spec_fields import Fields, LayerFields, StartFields
from gui.views._spectral_radius import SeedRow, SpectralRadius
from gui.views._weights import WeightsLine
from gui.widgets import PICTURES, ParameterTable, PatternGrid, Section
from gui.widgets.frames import fill_scrolling
from gui.widgets.painted import LOOK_EVENTS

RADII = "radii"
LONGEST = 20
"""So many signs of a refused value are repeated."""


class BuildView(QWidget):
    """Builds the network; each change counts at once and is one undo step.

    Parameters
    ----------
    state : AppState
    """

    id = "build"
    title = "Build"
    area = "left"

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self.patterns = PatternGrid([(id, text, PICTURES[id]) for id, text in self._pattern_names()])
        self.layers, self.start = LayerFields(), StartFields()
        self.seed, self.radius = SeedRow(), SpectralRadius()
        self.initial = InitialStateRow()
        self.weights = WeightsLine()
        self.table = ParameterTable()
        self.shapes = Section(self.tr("Shapes"))
        self._measured: tuple[Mapping[str, np.ndarray], ModelSpec] | None = None
        self._column = self._lay_out()
        self._measure()
        self._connect()
        self._show(state.document.project)
        self._show_training()
        self._on_trace_changed()

    def _pattern_names(self) -> list[tuple[str, str]]:
        return [
            ("one-to-one", self.tr("One to one")),
            ("one-to-many", self.tr("One to many")),
            ("many-to-one", self.tr("Many to one")),
            ("many-to-many", self.tr("Many to many")),
            ("sequence-to-sequence", self.tr("Sequence to sequence")),
        ]

    def _lay_out(self) -> QVBoxLayout:
        inside = QWidget()
        inside.setProperty("role", "panel")
        column = QVBoxLayout(inside)
        self.start.add_widget(self.seed)
        self.start.add_widget(self.radius)
        groups: tuple[tuple[QWidget, ...], ...] = (
            (Section(self.tr("Architecture")), self.patterns),
            (Section(self.tr("Layers")), self.layers),
            (Section(self.tr("Weights")), self.weights, self.start, self.initial),
            (self.shapes, self.table),
        )
        for group in groups:
            for widget in group:
                column.addWidget(widget)
            column.addSpacing(px(6))
        column.addStretch(1)
        fill_scrolling(self, inside)
        return column

    def _measure(self) -> None:
        self._column.setContentsMargins(px(14), px(12), px(12), px(14))
        self._column.setSpacing(px(9))
        self.setMinimumWidth(px(228))
        for part in (self.layers, self.start, self.weights):
            part.measure()

    def _connect(self) -> None:
        document, session = self._state.document, self._state.session
        self.patterns.chosen.connect(self._on_pattern_chosen)
        self.layers.changed.connect(self._on_field_changed)
        self.start.changed.connect(self._on_field_changed)
        self.radius.changed.connect(self._on_radius_changed)
        self.seed.changed.connect(self._on_seed_changed)
        self.seed.again.connect(document.reseed)
        self.initial.changed.connect(self._on_initial_changed)
        self.weights.train.connect(session.train)
        self.weights.cancel.connect(session.cancel)
        self.weights.undo.connect(document.undo)
        document.project_changed.connect(self._on_project_changed)
        document.drawing_changed.connect(self._show_training)
        session.training_changed.connect(self._show_training)
        session.trace_changed.connect(self._on_trace_changed)
        session.computed.connect(self._on_computed)

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in LOOK_EVENTS and event.type() != QEvent.Type.FontChange:
            self._measure()
        super().changeEvent(event)

    # Gestures ------------------------------------------------------------------------------------------

    def _on_pattern_chosen(self, name: str) -> None:
        try:
            self._state.document.set_pattern(name)
        except (KeyError, ValueError) as error:
            if isinstance(error, ValueError):
                self._state.document.refused.emit(str(error))
            self.patterns.set_current(self._state.document.project.spec.pattern)

    def _on_field_changed(self, name: str, value: object) -> None:
        fields: Fields = self.layers if name in self.layers.rows else self.start
        if name == "teacher_forcing":
            text = self.tr("change of what feeds back")
            self._state.document.edit(text, teacher_forcing=bool(value))
            return
        self._set(name, value, lambda problem: fields.set_error(name, problem))

    def _on_radius_changed(self, value: object) -> None:
        self._set("spectral_radius", value, self.radius.set_error)

    def _on_seed_changed(self, value: int) -> None:
        self._set("seed", value, lambda problem: self.seed.set_note(problem, "error"))

    def _set(self, name: str, value: object, complain: Callable[[str], None]) -> None:
        document = self._state.document
        try:
            document.set_field(name, value)
        except SpecError as error:
            self._show(document.project)
            complain(self._words(error))

    def _words(self, error: SpecError) -> str:
        value = str(error.value)
        return self.tr("{value} is not possible: it must be {allowed}").format(
            value=value if len(value) <= LONGEST else f"{value[:LONGEST]}…", allowed=error.allowed
        )

    def _on_initial_changed(self, initial: dict[str, np.ndarray]) -> None:
        document = self._state.document
        whole = document.project.starting(initial)
        document.edit(self.tr("change of the initial state"), merge="initial state", initial=whole)

    # Showing -------------------------------------------------------------------------------------------

    def _on_project_changed(self, new: Project, old: Project) -> None:
        for fields in (self.layers, self.start):
            fields.clear_errors()
        self.seed.set_note("")
        self.radius.set_error("")
        if new.sequence != old.sequence:
            self.initial.close_editor()  # it shows the other one's
        self._show(new)

    def _show(self, project: Project) -> None:
        spec = project.spec
        if self.patterns.current() != spec.pattern:
            self.patterns.set_current(spec.pattern)
        self.layers.show_spec(spec, project.teacher_forcing, project.task.numeric_target)
        self.start.show_spec(spec)
        self.seed.set_value(spec.seed)
        self.initial.show_state(spec, project.start)
        self._show_training()
        if self._measured is None or self._measured[0] is not project.parameters or self._measured[1] is not spec:
            self._measured = (project.parameters, spec)
            self._show_radius()
            shapes = layout.shapes(spec)
            self.table.set_rows(list(shapes.items()), self._sharing())
            total = sum(prod(shape) for shape in shapes.values())
            self.shapes.set_note(self.tr("{} parameters").format(count(total)))

    def _show_radius(self) -> None:
        """Show ρ: at once, or when the run's own analysis has it."""
        project, session = self._state.document.project, self._state.session
        found: object = None
        if spectrum.quick(project.spec):
            found = spectrum.blocks(project.spec, project.parameters)
        elif session.trace is not None and not session.running:
            found = session.compute((RADII,), spectrum.of_run)
        self.radius.show_blocks(project.spec, found if isinstance(found, tuple) else ())

    def _on_computed(self, key: Key) -> None:
        if key == (RADII,):
            self._show_radius()

    def _show_training(self, state: object = None) -> None:
        document = self._state.document
        self.weights.show_weights(
            document.project, self._state.session.training, document.can_undo, document.wanted is not None
        )

    def _on_trace_changed(self, trace: object = None) -> None:
        if not spectrum.quick(self._state.document.project.spec):
            self._show_radius()
        shapes = layout.shapes(self._state.document.project.spec)
        self.table.set_rows(list(shapes.items()), self._sharing())

    def _sharing(self) -> str:
        newest = self._state.session.trace
        if newest is None:
            return ""
        parts = newest.timeline.parts
        if len(parts) > 1:
            steps = " + ".join(str(newest.timeline.steps(part)) for part in parts)
            return self.tr("shared by all {} steps of their part").format(steps)
        return self.tr("shared by all {} steps").format(len(newest.timeline))
