"""Eigenvalues of the recurrent weights or of a step's Jacobian, and a slider that scales the weights."""

from __future__ import annotations

from functools import partial

import numpy as np

from engine import Trace
from gui.format import number
from gui.frames import lab_jacobian, spectrum
from gui.frames.spectrum import Measure
from gui.state.project import EDITED, Project
from gui.views._laboratory import Instrument
from gui.widgets import Section, Segment, SegmentedControl, SymbolLabel, ValueSlider, label
from gui.widgets.plane import ComplexPlane

LEAST, MOST = 0.05, 3.0
STEP = "J"


class SpectralView(Instrument):
    """The complex plane with the unit circle."""

    id = "lab-spectrum"
    title = "Spectrum"
    question = "Which directions grow from step to step, which fade?"
    area = "right"
    order = 12
    of_gradients = False

    def build(self) -> None:
        """Which matrix, the plane, the slider, the numbers."""
        self._known: tuple[np.ndarray, tuple[str, str], Measure] | None = None
        self.which = SegmentedControl(name=self.tr("Which matrix"))
        self.plane_title = Section("")
        self.plane = ComplexPlane(0.9)
        self.slider = ValueSlider(LEAST, MOST)
        self.slider.setAccessibleName(self.tr("Spectral radius of the recurrent weights"))
        self.slider.setToolTip(self.tr("Scale the recurrent weights to another spectral radius; undo brings them back"))
        self.numbers = SymbolLabel("")
        self.numbers.setWordWrap(True)
        self.note = label("", "small")
        self.note.setWordWrap(True)
        self.controls.addWidget(self.which)
        for widget in (self.plane_title, self.plane, self.slider, self.numbers, self.note):
            self.column.addWidget(widget)
        self.summary.setText(self.tr("Within the circle a direction shrinks from step to step, outside it grows."))
        self.which.chosen.connect(self.look)
        self.slider.value_changed.connect(self._on_slid)
        self.state.document.project_changed.connect(self._on_project_changed)

    def refresh(self, trace: Trace) -> None:
        """Show the eigenvalues of what is chosen."""
        gates = trace.graph.cell.gates
        segments = [
            Segment(gate or "hh", f"W_h{gate or 'h'}", self.tr("The recurrent weights"), math=True)
            for gate in gates or ("",)
        ]
        tip = self.tr("The Jacobian of the selected step, or of the playhead's")
        segments.append(Segment(STEP, "J_t", tip, math=True))
        if self.which.segments() != segments:
            self.which.set_segments(segments)
        weights = self.which.current() != STEP
        self.slider.setVisible(weights)
        self.note.setVisible(weights)
        if weights:
            self._show_weights(self.state.document.project)
        else:
            self._show_step(trace)

    @property
    def gate(self) -> str:
        """The chosen gate; empty where the cell has none."""
        return "" if self.which.current() == "hh" else self.which.current()

    def _show_weights(self, project: Project) -> None:
        block = self._block(project)
        if block is None:
            return
        name = f"W_h{self.gate or 'h'}"
        self.plane_title.set_title(self.tr("Eigenvalues of {}").format(name))
        found = self._measured(block)
        self.slider.setEnabled(found is not None and found.finite and found.radius > 0)
        if found is None:  # it is on its way
            return
        points, radius = found.points, found.radius
        self.plane.setVisible(points is not None)
        if points is not None:
            self.plane.set_points(points)
        if not found.finite:
            self.numbers.setText(self.tr("{} holds what is not finite.").format(name))
            return
        if not self.slider.isSliderDown():
            self.slider.set_value(radius)
        self.numbers.setText(
            self.tr("scale {name}: ρ = {about}{rho}, σ₁ = {sigma}, live").format(
                name=name, about="" if found.exact else "≈ ", rho=number(radius), sigma=number(found.sigma)
            )
        )
        outside = 0 if points is None else int((np.abs(points) > 1).sum())
        text = self.tr("{} outside the unit circle (hollow).").format(outside) if points is not None else ""
        if found.sigma > 1 > radius:
            text += " " + self.tr("ρ < 1 < σ₁: a product may still grow before it shrinks.")
        self.note.setText(text.strip())

    def _show_step(self, trace: Trace) -> None:
        step, sequence = self.step(trace), self.state.session.words.sequence
        ask = partial(lab_jacobian.jacobian, prefix=self.prefix, step=step, sequence=sequence, full=True, end=step)
        frame = self.want("step", self.prefix, step, sequence, by=ask)
        if frame is None:
            return
        points = frame.eigenvalues
        state = "h" if len(frame.states) == 1 else "(h, c)"
        column = trace.timeline.offset(trace.lanes[frame.prefix].part) + frame.step
        self.plane_title.set_title(self.tr("Eigenvalues of J = ∂{}_t/∂{}_t−1").format(state, state))
        self.plane.setVisible(True)
        self.plane.set_points(points)
        largest = float(np.abs(points).max(initial=0.0))
        self.numbers.setText(
            self.tr("{place}: ρ = {rho}, σ₁ = {sigma}").format(
                place=self.place(column), rho=number(largest), sigma=number(frame.singular[0])
            )
        )

    def _block(self, project: Project) -> np.ndarray | None:
        """The chosen block of the weights that are on the bench; None while another network is being run."""
        try:
            return spectrum.block(project.spec, project.parameters, self.prefix, self.gate)
        except (StopIteration, ValueError):
            return None

    def _measured(self, block: np.ndarray) -> Measure | None:
        """What a block of the bench is like; of a large one, what the run's is like, once that is there."""
        if len(block) > spectrum.EXACT:
            by = partial(spectrum.measured, prefix=self.prefix, gate=self.gate)
            found: Measure | None = self.want("block", self.prefix, self.gate, by=by)
            return found
        whole = block if block.base is None else block.base
        if self._known is None or self._known[0] is not whole or self._known[1] != (self.prefix, self.gate):
            self._known = (whole, (self.prefix, self.gate), spectrum.measure(block))
        return self._known[2]

    def _on_project_changed(self, new: Project, old: Project) -> None:
        # At once, before the run that follows: the points move with the slider.
        trace = self.state.session.trace
        if self.isVisible() and trace is not None and new.spec == trace.spec and self.which.current() != STEP:
            self._show_weights(new)

    def _on_slid(self, radius: float) -> None:
        project = self.state.document.project
        block = self._block(project)
        found = None if block is None else self._measured(block)
        if found is None or not found.radius > 0:
            return
        have = found.radius
        trace = self.state.session.trace
        assert trace is not None
        name = trace.lanes[self.prefix].parameter("weight_hh")
        stacked = np.array(project.parameters[name])
        at = trace.graph.cell.gates.index(self.gate) if self.gate else 0
        H = project.spec.hidden_size
        stacked[at * H : (at + 1) * H] *= radius / have
        self.state.document.edit(
            self.tr("scaling of W_h{}").format(self.gate or "h"),
            merge=f"spectrum {self.prefix} {self.gate}",
            parameters={**project.parameters, name: stacked},
            weights=EDITED,
            score="",
        )
