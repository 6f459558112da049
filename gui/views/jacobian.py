"""One step's Jacobian: the block, its singular values, and what many of them do to a gradient."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtWidgets import QHBoxLayout

from engine import Trace
from gui.format import TIMES, full, number
from gui.frames import lab_jacobian
from gui.frames.heatmap import scale_of
from gui.frames.lab_jacobian import JacobianFrame
from gui.theme import theme
from gui.views._laboratory import Instrument
from gui.widgets import ScaleLegend, Section, Segment, SegmentedControl, SymbolLabel, label
from gui.widgets.log_plot import Curve, LogPlot
from gui.widgets.math_line import MathLine, Run, sign
from gui.widgets.matrix_plot import MatrixPlot
from gui.widgets.stacked_bars import StackedBars


class JacobianView(Instrument):
    """∂h_t/∂h_{t−1} of one step, and ‖J_t ⋯ J_{t−k+1}‖ against k."""

    id = "lab-jacobian"
    title = "Jacobians"
    tab = "Jacobian"
    question = "Does a step make the gradient larger or smaller?"
    area = "right"
    order = 11
    of_gradients = False

    def build(self) -> None:
        """Choice of the state, block, singular values, product."""
        self._frame: JacobianFrame | None = None
        self.whose = SegmentedControl(
            [
                Segment("h", "∂h/∂h", self.tr("The hidden state alone, the cell state held")),
                Segment("full", "∂(h, c)/∂(h, c)", self.tr("The whole state")),
            ],
            self.tr("Which state"),
        )
        self.block_title = MathLine(15)
        self.legend = ScaleLegend()
        self.block = MatrixPlot(self.tr("Jacobian"), "", self.tr("columns: state before · rows: state after"))
        self.block.set_mode("cell")
        self.block.set_tip(self._block_tip)
        self.singular_title = Section(self.tr("Its singular values"))
        self.singular = StackedBars(self.tr("Singular values of the Jacobian"))
        self.singular.set_tip(self._singular_tip)
        self.product_title = MathLine(15)
        self.product = LogPlot(self.tr("Norm of the running product of Jacobians"), self.tr("k steps back"))
        self.product.set_tip(self._product_tip)
        self.verdict = label("", "")
        self.verdict.setWordWrap(True)
        self.numbers = SymbolLabel("", "small")
        self.numbers.setWordWrap(True)
        self.controls.addWidget(self.whose)
        line = QHBoxLayout()
        line.addWidget(self.block_title, 1)
        line.addWidget(self.legend)
        self.column.addWidget(self.product_title)
        self.column.addWidget(self.product)
        self.column.addWidget(self.verdict)
        self.column.addWidget(self.numbers)
        self.column.addLayout(line)
        for widget in (self.block, self.singular_title, self.singular):
            self.column.addWidget(widget)
        self.summary.setText(
            self.tr("What one step does to a gradient, and what many do. Select a step to begin there.")
        )
        self.whose.chosen.connect(self.look)

    def refresh(self, trace: Trace) -> None:
        """Ask for the step's Jacobian, and show it when it is there."""
        both = len(trace.graph.states) > 1
        self.whose.setVisible(both)
        full_state = both and self.whose.current() == "full"
        lane, chosen = trace.lanes[self.prefix], self.state.selection.value
        step, sequence = self.step(trace), self.state.session.words.sequence
        # From the selected step back, else through the whole sequence.
        last = 0 if lane.reverse else trace.timeline.steps(lane.part) - 1
        end = step if chosen is not None and chosen.prefix == self.prefix else last
        ask = partial(lab_jacobian.jacobian, prefix=self.prefix, step=step, sequence=sequence, full=full_state, end=end)
        frame = self.want("step", self.prefix, step, sequence, full_state, end, by=ask)
        if frame is not None and frame is not self._frame:
            self._frame = frame
            self._show(trace, frame)

    def _show(self, trace: Trace, frame: JacobianFrame) -> None:
        lane = trace.lanes[frame.prefix]
        column = trace.timeline.offset(lane.part) + frame.step
        t, before = frame.step + 1, frame.step + 2 if lane.reverse else frame.step
        state = "h" if len(frame.states) == 1 else "(h, c)"
        self.block_title.set_runs(
            [Run("J", str(t)), sign("="), Run(f"∂{state}", str(t)), sign("/"), Run(f"∂{state}", str(before))]
        )
        self.block_title.setToolTip(self.place(column))
        scale = scale_of(frame.block)
        self.legend.set_scale(scale, "J")
        self.block.set_signed(frame.block, scale)
        self.singular.set_bars(frame.singular[None], [lambda: theme().ink])
        self.singular_title.set_note(f"σ₁ = {number(frame.singular[0])}")
        self.singular_title.setToolTip(self.tr("σ₁ is the most that the step can enlarge a gradient"))
        end = str(frame.end + 1)
        back = f"{end}+k−1" if lane.reverse else f"{end}−k+1"
        self.product_title.set_runs([sign("‖"), Run("J", end), sign("⋯"), Run("J", back), sign("‖")])
        curves = [Curve(self.tr("measured"), frame.products, "backward")]
        if frame.bound is not None:
            curves.append(Curve(self.tr("bound (γσ₁)ᵏ"), frame.bound, "muted", True))
        self.product.set_curves(curves if len(frame.products) > 1 else [])
        self.product.setVisible(len(frame.products) > 1)
        self.verdict.setText(self.said(frame))
        self.numbers.setText(self._numbers(frame))

    def said(self, frame: JacobianFrame) -> str:
        """What becomes of a gradient over the steps, in words made from the numbers."""
        verdict, last = frame.verdict, len(frame.products) - 1
        peak, height = frame.peak[0], 10.0 ** frame.peak[1]
        left = _power(frame.products[-1])
        below = None if frame.radius is None else frame.radius < 1
        if verdict == "short":
            return self.tr("There is no step before this one: nothing is multiplied yet.")
        if verdict == "broken":
            return self.tr("The product is no longer a number: a value of this run is not finite.")
        if verdict == "rises":
            text = self.tr("{back} it is {size} larger, then it falls: {last} {left} is left.")
            if below:
                text = self.tr(
                    "“ρ < 1, so it shrinks” is true only in the end: {back} it is {size} larger; {last} {left} is left."
                )
        elif verdict == "shrinks":
            text = self.tr("It shrinks from the first step on: {last} {left} is left.")
            if below is False:
                text = self.tr(
                    "“ρ ≥ 1, so it explodes” is false here: the slopes f′ are below 1, and {last} {left} is left."
                )
        elif verdict == "grows":
            text = self.tr("It grows: {last} it is {left}, at most {size}, {back}.")
            if below:
                text = self.tr("It grows although ρ < 1: {last} it is {left}. ρ rules only in the end.")
        else:
            text = self.tr("It stays as it is: {last} it is {left}.")
        said = text.format(back=self._back(peak), size=f"{number(height, 2)}{TIMES}", left=left, last=self._back(last))
        return said[:1].upper() + said[1:]

    def _back(self, k: int) -> str:
        return self.tr("one step back") if k == 1 else self.tr("{} steps back").format(k)

    def _numbers(self, frame: JacobianFrame) -> str:
        if frame.radius is None or frame.sigma is None:
            return ""
        text = self.tr("W_hh: ρ = {rho}, σ₁ = {sigma}.").format(rho=number(frame.radius), sigma=number(frame.sigma))
        more = self.tr("γσ₁ < 1: it must vanish.") if frame.sigma < 1 else self.tr("γσ₁ ≥ 1: the bound allows growth.")
        return f"{text} {more}"

    def _block_tip(self, row: int, column: int) -> str:
        frame = self._frame
        assert frame is not None
        size = len(frame.block) // len(frame.states)
        after, before = (f"{frame.states[i // size]}[{i % size + 1}]" for i in (row, column))
        return self.tr("∂ {after} after / ∂ {before} before = {value}").format(
            after=after, before=before, value=full(frame.block[row, column])
        )

    def _singular_tip(self, row: int, column: int) -> str:
        assert self._frame is not None
        return self.tr("singular value {}: {}").format(column + 1, full(self._frame.singular[column]))

    def _product_tip(self, row: int, k: int) -> str:
        frame = self._frame
        assert frame is not None
        lines = [self.tr("{} steps back: {}").format(k, _power(frame.products[k]))]
        if frame.bound is not None:
            lines.append(self.tr("bound (γσ₁)ᵏ: {}").format(_power(frame.bound[k])))
        return "\n".join(lines)


def _power(log: float) -> str:
    """10**log as a number, also where it has none in the computer."""
    if -300 < log < 300:
        return number(10.0**log)
    if not np.isfinite(log):
        return "0" if log < 0 else number(log)
    whole = int(np.floor(log))
    mantissa = number(10.0 ** (log - whole))
    return f"{mantissa} {TIMES} 10^{whole}".replace("-", "−")
