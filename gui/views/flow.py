"""The gradient's horizon: how much of each loss reaches each step, as a matrix and as bands."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout

from engine import Trace
from gui.format import full, number, percent
from gui.frames import lab_flow
from gui.frames.lab_flow import LOSS, STATE, FlowFrame, Wanted
from gui.state.analyses import Failed
from gui.state.horizon import Alone
from gui.theme import px
from gui.views._laboratory import Instrument, shade
from gui.widgets import Section, Segment, SegmentedControl, label
from gui.widgets.magnitude import MagnitudeLegend
from gui.widgets.math_line import MathLine, Run, sign
from gui.widgets.matrix_plot import MatrixPlot
from gui.widgets.stacked_bars import StackedBars
from gui.widgets.swatches import Swatches

SHADES = (1.0, 0.86, 0.72, 0.58, 0.44, 0.3)


class FlowView(Instrument):
    """‖∂L_s/∂h_k‖ for every pair, or ‖∂h_t/∂h_k‖."""

    id = "lab-flow"
    title = "Gradient flow"
    tab = "Flow"
    question = "How much of each loss reaches each step?"
    area = "right"
    order = 10
    of_gradients = False

    def build(self) -> None:
        """Choices, matrix, what is pointed at, bars."""
        self._frame: FlowFrame | None = None
        self._row: int | None = None
        self.measure = SegmentedControl(
            [
                Segment(LOSS, self.tr("loss to state"), self.tr("How much of the loss at s reaches the state at k")),
                Segment(
                    STATE,
                    self.tr("state to state"),
                    self.tr("How far the state at k shapes that at t"),
                ),
            ],
            self.tr("What is measured"),
        )
        self.whose = SegmentedControl(name=self.tr("Which state"))
        self.who = SegmentedControl(name=self.tr("All units or one"))
        self.matrix_title = MathLine(15)
        self.legend = MagnitudeLegend()
        self.matrix = MatrixPlot(self.tr("Gradient flow"))
        self.matrix.set_mode("both")
        self.matrix.set_tip(self._tip)
        self.reading = label("", "small")
        self.reading.setWordWrap(True)
        self.reading.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.bars_title = Section(self.tr("Each step's gradient by distance"))
        self.bars = StackedBars(self.tr("Gradient at each step, banded by distance"))
        self.bars.set_tip(self._bar_tip)
        self.key = Swatches()
        self.note = label(
            self.tr(
                "A band holds what comes from losses so many steps away, as the norm of their sum. Norms of parts do "
                "not add up to the norm of the whole, which the mark shows."
            ),
            "small",
        )
        self.note.setWordWrap(True)
        for row in ((self.measure,), (self.whose, self.who)):
            line = QHBoxLayout()
            for control in row:
                line.addWidget(control)
            line.addStretch(1)
            self.controls.addLayout(line)
        line = QHBoxLayout()
        line.addWidget(self.matrix_title, 1)
        line.addWidget(self.legend)
        self.column.addLayout(line)
        for widget in (self.matrix, self.reading, self.bars_title, self.bars, self.key, self.note):
            self.column.addWidget(widget)
        self.summary.setText(self.tr("Point at a row: its loss alone is projected back over the score."))
        self.measure.chosen.connect(self.look)
        self.whose.chosen.connect(self.look)
        self.who.chosen.connect(self.look)
        self.matrix.pointed.connect(self._on_pointed)
        self.matrix.left.connect(self._on_left)
        self.matrix.chosen.connect(lambda row, column: self.select(column))
        self.bars.pointed.connect(lambda row, column: self.reading.setText(self._of_column(column)))
        self.bars.left.connect(self._read)
        self.bars.chosen.connect(lambda row, column: self.select(column))

    def refresh(self, trace: Trace) -> None:
        """Ask for the matrix, and show it when it is there."""
        self._offer(trace)
        self.reading.setMinimumHeight(px(58))  # so that nothing jumps below the pointer
        if self.measure.current() == LOSS and not trace.has_gradients:
            self.measure.set_current(STATE)
        wanted = self._wanted(trace)
        frame = self.want("flow", wanted, by=partial(lab_flow.flow, wanted=wanted))
        if frame is not None and frame is not self._frame:
            self._frame = frame
            self._show(trace, frame)
        elif self._row is None:
            self._read()
        self._project()

    def hideEvent(self, event: object) -> None:
        """Look at all losses again."""
        self._row = None
        self.state.horizon.clear()

    def _offer(self, trace: Trace) -> None:
        states, unit = trace.graph.states, self.unit()
        if [segment.id for segment in self.whose.segments()] != list(states):
            self.whose.set_segments([Segment(name, name, self.tr("∂L/∂{}").format(name)) for name in states])
        one = Segment("unit", self.tr("unit {}").format((unit or 0) + 1), self.tr("The selected unit alone"))
        if unit is None:
            one = Segment("unit", self.tr("one unit"), enabled=False, reason=self.tr("Select a unit in the score"))
        segments = [Segment("all", self.tr("all units"), self.tr("The norm over all units")), one]
        if self.who.segments() != segments:
            self.who.set_segments(segments)
        measure = [
            Segment(s.id, s.text, s.tip, s.id == STATE or trace.has_gradients, self.tr("This run has no target"))
            for s in self.measure.segments()
        ]
        if measure != self.measure.segments():
            self.measure.set_segments(measure)
        loss = self.measure.current() == LOSS
        self.whose.setVisible(len(states) > 1 and loss)
        self.who.setVisible(loss)

    def _wanted(self, trace: Trace) -> Wanted:
        sequence = self.state.session.words.sequence
        if self.measure.current() == STATE:
            return Wanted(STATE, self.prefix, trace.graph.states[0], None, sequence)
        unit = self.unit() if self.who.current() == "unit" else None
        return Wanted(LOSS, self.prefix, self.whose.current(), unit, sequence)

    def _show(self, trace: Trace, frame: FlowFrame) -> None:
        loss = frame.wanted.measure == LOSS
        self.matrix_title.set_runs(self._title(frame))
        self.matrix.set_names("s" if loss else "t", self.tr("k: state that receives it"))
        self.matrix.set_magnitudes(frame.values, 10.0**frame.low, 10.0**frame.high, frame.empty)
        self.legend.set_range(frame.low, frame.high)
        for widget in (self.bars_title, self.bars, self.key, self.note):
            widget.setVisible(frame.bands is not None)
        if frame.bands is not None:
            self.bars.set_bars(
                frame.bands, [shade(share) for share in SHADES], frame.net, [self.word(c) for c in frame.columns]
            )
            entries = zip(self.band_words(), SHADES, np.any(frame.bands, axis=1).tolist(), strict=True)
            self.key.set_entries(
                [(text, shade(share)) for text, share, there in entries if there], self.tr("norm of the sum")
            )
        self._read()

    def _title(self, frame: FlowFrame) -> list[Run]:
        wanted = frame.wanted
        if wanted.measure == STATE:
            return [sign("‖"), Run("∂h", "t"), sign("/"), Run("∂h", "k"), sign("‖")]
        if wanted.unit is None:
            return [sign("‖"), Run("∂L", "s"), sign("/"), Run(f"∂{wanted.state}", "k"), sign("‖")]
        place = f"k, {wanted.unit + 1}"
        return [sign("|"), Run("∂L", "s"), sign("/"), Run(f"∂{wanted.state}", place), sign("|")]

    def band_words(self) -> list[str]:
        """What the bands are called: now, 1, 2–3, …, 16+ steps ahead."""
        edges = lab_flow.EDGES
        found = [self.tr("now")]
        for low, high in zip(edges[1:], (*edges[2:], None), strict=True):
            text = f"{low}+" if high is None else str(low) if high == low + 1 else f"{low}–{high - 1}"
            found.append(self.tr("{} ahead").format(text))
        return found

    # What is pointed at ----------------------------------------------------------------------------------

    def _on_pointed(self, row: int, column: int) -> None:
        self._row = row
        self.reading.setText(self._of_row(row) + "\n" + self._of_column(column))
        self._project()

    def _on_left(self) -> None:
        self._row = None
        self.state.horizon.clear()
        self._read()

    def _project(self) -> None:
        """Send one loss's own gradient to the score."""
        frame, trace = self._frame, self.state.session.trace
        if self._row is None or frame is None or trace is None or frame.wanted.measure != LOSS:
            return
        name, output = frame.wanted.state, self._row
        if output >= trace.batch.S:
            return
        values = self.state.session.compute(
            (f"{self.id}.horizon", name, output), partial(lab_flow.alone, output=output, state=name)
        )
        if values is not None and not isinstance(values, Failed):
            shown = self.state.horizon.value
            if shown is None or shown.values is not values:
                self.state.horizon.show(Alone(output, name, values))

    def _read(self) -> None:
        """Say the most telling number while nothing is pointed at."""
        frame = self._frame
        if frame is None:
            return
        texts = []
        if frame.dropped:
            texts.append(self.tr("Rows below 10⁻⁶ of their start are left out."))
        trace = self.state.session.trace
        if trace is not None and self.prefix == frame.wanted.prefix:
            texts.append(self._of_step(min(self.step(trace), frame.values.shape[1] - 1)))
        elif len(frame.values) == 1:
            texts.append(self._of_row(0))
        self.reading.setText("\n".join(texts))
        self.reading.setVisible(True)

    def _of_step(self, column: int) -> str:
        """How much of the gradient of the loss that matters most to a step reaches it."""
        frame = self._frame
        assert frame is not None
        values = np.where(np.isfinite(frame.values), frame.values, 0)
        row = int(values[:, column].argmax())
        here, start = values[row, column], int(np.abs(frame.columns - frame.rows[row]).argmin())
        own = frame.columns[start] == frame.rows[row] and not frame.empty[row, start]
        if frame.wanted.measure == STATE or not (own and here and values[row, start]):
            return self._of_column(column)
        if start == column:
            return self._of_row(row)
        said = self.tr("Loss at {place}: its gradient is {whole} there and {size} at {here}, {share} of that.")
        return said.format(
            place=self.place(int(frame.rows[row])),
            whole=number(values[row, start]),
            size=number(here),
            here=self.place(int(frame.columns[column])),
            share=percent(here / values[row, start]),
        )

    def _of_row(self, row: int) -> str:
        frame = self._frame
        assert frame is not None
        values = np.where(np.isfinite(frame.values[row]), frame.values[row], 0)
        reached = np.flatnonzero(~frame.empty[row])
        place = self.place(int(frame.rows[row]))
        if not reached.size:
            return self.tr("{}: nothing reaches any step").format(place)
        most = int(values.argmax())
        far = int(reached[np.abs(frame.columns[reached] - frame.rows[row]).argmax()])
        said = self.tr("Loss at {place}: reaches {count} steps, {largest} at {where}, and {share} of that at {end}")
        if frame.wanted.measure == STATE:
            said = self.tr(
                "State at {place}: shaped by {count} steps, {largest} by {where}, and {share} of that by {end}"
            )
        share = values[far] / values[most] if values[most] > 0 else 0.0
        return said.format(
            place=place,
            count=len(reached),
            largest=number(values[most]),
            where=self.place(int(frame.columns[most])),
            share=percent(share),
            end=self.place(int(frame.columns[far])),
        )

    def _of_column(self, column: int) -> str:
        frame = self._frame
        assert frame is not None
        values = np.where(np.isfinite(frame.values[:, column]), frame.values[:, column], 0)
        reached = np.flatnonzero(~frame.empty[:, column])
        place = self.place(int(frame.columns[column]))
        if not reached.size:
            return self.tr("{}: influences no loss any more").format(place[:1].upper() + place[1:])
        most = int(values.argmax())
        said = self.tr("{place} still influences {count} losses, most the one at {where}: {largest}")
        if frame.wanted.measure == STATE:
            said = self.tr("{place} still shapes {count} states, most the one at {where}: {largest}")
        return said.format(
            place=place[:1].upper() + place[1:],
            count=len(reached),
            where=self.place(int(frame.rows[most])),
            largest=number(values[most]),
        )

    def _tip(self, row: int, column: int) -> str:
        frame = self._frame
        assert frame is not None
        end, start = self.place(int(frame.rows[row])), self.place(int(frame.columns[column]))
        if frame.empty[row, column]:
            return self.tr("{start} does not reach {end}").format(start=start, end=end)
        later = "t" if frame.wanted.measure == STATE else "s"
        return f"{self.matrix_title.accessibleName()} = {full(frame.values[row, column])}\n{later}: {end}\nk: {start}"

    def _bar_tip(self, row: int, column: int) -> str:
        frame = self._frame
        assert frame is not None and frame.bands is not None and frame.net is not None
        lines = [self.place(int(frame.columns[column]))]
        for text, value in zip(self.band_words(), frame.bands[:, column], strict=True):
            if value > 0:
                lines.append(f"{text}: {number(value)}")
        lines.append(self.tr("norm of the sum: {}").format(full(frame.net[column])))
        return "\n".join(lines)
