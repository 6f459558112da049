"""Clipping and truncated backpropagation as things to see."""

from __future__ import annotations

from functools import partial

import numpy as np

from engine import Trace
from gui.format import full, number, percent
from gui.frames import lab_update
from gui.frames.lab_update import ClipFrame, Norms, TruncationFrame
from gui.state.analyses import Failed
from gui.theme import px
from gui.views._laboratory import Instrument
from gui.widgets import Bars, FieldRow, FloatField, IntField, Section, label
from gui.widgets.bars import Bar
from gui.widgets.slider import ValueSlider

LEAST_LIMIT = 1e-9


class ClippingView(Instrument):
    """The norm before and after a limit, and what truncation after k steps throws away."""

    id = "lab-clipping"
    title = "Clipping and truncation"
    tab = "Clipping"
    question = "What would the gradient be without clipping?"
    area = "right"
    order = 15
    of_lane = False

    def build(self) -> None:
        """A limit with its bars, a number of steps with its bars."""
        self._fresh = True
        self.clip_title = Section(self.tr("Clipping by the global norm"))
        self.limit = FloatField(1.0, LEAST_LIMIT, 1e12, 0.1)
        self.limit_row = FieldRow(
            self.tr("&Limit"), self.limit, self.tr("A gradient longer than this is scaled down to it")
        )
        self.limit_slider = ValueSlider(0.0, 2.0, 1.0)
        self.limit_slider.setAccessibleName(self.tr("Limit, as a share of the norm"))
        self.limit_slider.setToolTip(self.tr("The limit, from 0 to twice the norm; the tick is the norm itself"))
        self.norms = Bars()
        self.clip_said = label("")
        self.clip_said.setWordWrap(True)
        self.truncation_title = Section(self.tr("Truncated backpropagation through time"))
        self.steps = IntField(1, 1, 1_000_000)
        self.steps_row = FieldRow(
            self.tr("&Steps k"), self.steps, self.tr("The gradient is cut every k steps, counted from the end")
        )
        self.steps_slider = ValueSlider(1, 2)
        self.steps_slider.setAccessibleName(self.tr("Steps until the gradient is cut"))
        self.lost = Bars()
        self.truncation_said = label("")
        self.truncation_said.setWordWrap(True)
        self.note = label(
            self.tr("Thrown away is |g − gₖ| / |g|: the length of what is missing, in lengths of the whole gradient."),
            "small",
        )
        self.note.setWordWrap(True)
        for widget in (
            *(self.clip_title, self.limit_row, self.limit_slider, self.norms, self.clip_said),
            *(self.truncation_title, self.steps_row, self.steps_slider, self.lost, self.truncation_said, self.note),
        ):
            self.column.addWidget(widget)
        self.summary.setText(self.tr("And what is left of it within a limit, or cut after k steps?"))
        self.limit.committed.connect(self.look)
        self.limit_slider.value_changed.connect(self._on_limit_slid)
        self.steps.committed.connect(self.look)
        self.steps_slider.value_changed.connect(self._on_steps_slid)

    def refresh(self, trace: Trace) -> None:
        """Clip, and ask for the truncated gradient."""
        norms = self._norms()
        if norms is not None:
            if self._fresh:  # half the norm, so that there is something to see
                self._fresh = False
                self._set_limit(norms.total / 2)
            self._show_clip(norms.clipped(max(LEAST_LIMIT, self.limit.value())))
        self._ask_truncated(trace)

    def _ask_truncated(self, trace: Trace) -> None:
        self.limit.setMinimumWidth(px(104))
        most, spec = trace.batch.T, trace.spec
        possible = not (spec.has_feedback or spec.bidirectional)
        for widget in (self.steps_row, self.steps_slider, self.lost, self.note):
            widget.setVisible(possible)
        if not possible:
            self.truncation_said.setText(
                self.tr("This network reads its own output: a cut would change what it reads.")
                if spec.has_feedback
                else self.tr("This network reads the sequence from both sides: there is no place to cut it.")
            )
            return
        self.steps_slider.set_ends(1, max(2, most))
        k = min(self.steps.value(), most)
        self.steps.set_value(k)
        if not self.steps_slider.isSliderDown():
            self.steps_slider.set_value(k)
        found = self.state.session.compute((f"{self.id}.truncation", k), partial(lab_update.truncation, k=k))
        if isinstance(found, Failed):
            self.truncation_said.setText(found.message)
        elif found is not None:
            self._show_truncation(found, most)

    def _show_clip(self, frame: ClipFrame) -> None:
        largest = max(frame.before, frame.limit)
        finite = np.isfinite(largest) and largest > 0

        def share(value: float) -> float:
            return value / largest if finite else float("nan")

        self.norms.set_bars(
            [
                Bar(self.tr("before"), share(frame.before), number(frame.before), full(frame.before)),
                Bar(self.tr("limit"), share(frame.limit), number(frame.limit), full(frame.limit)),
                Bar(self.tr("after"), share(frame.after), number(frame.after), full(frame.after)),
            ],
            2,
        )
        if not np.isfinite(frame.before):
            said = self.tr("The gradient is not finite: no scaling mends that.")
        elif frame.before <= frame.limit:
            said = self.tr("The limit is not reached: with clipping and without the gradient's norm is {}.").format(
                number(frame.before)
            )
        else:
            said = self.tr(
                "Without clipping the gradient's norm is {before}. Clipping multiplies every gradient by {factor}; "
                "the direction stays."
            ).format(before=number(frame.before), factor=number(frame.factor))
        self.clip_said.setText(said)
        if frame.before > 0 and np.isfinite(frame.before) and not self.limit_slider.isSliderDown():
            self.limit_slider.set_value(frame.limit / frame.before)
        sizes = zip(frame.names, frame.sizes, strict=True)
        lines = [f"{name}: {number(size)} → {number(size * frame.factor)}" for name, size in sizes]
        self.clip_said.setToolTip("\n".join(lines))

    def _show_truncation(self, frame: TruncationFrame, most: int) -> None:
        tip = self.tr("{lost} thrown away; {left} left along the gradient")
        rows = zip(frame.names, frame.lost, frame.along, strict=True)
        self.lost.set_bars(
            [
                Bar(name, float(lost), percent(lost), tip.format(lost=percent(lost), left=percent(along)))
                for name, lost, along in rows
            ],
            int(frame.lost.argmax()),
        )
        if frame.k >= most:
            said = self.tr("k = {} reaches the beginning: nothing is thrown away.").format(frame.k)
        else:
            said = self.tr("k = {k} throws away {lost} of the gradient.").format(k=frame.k, lost=percent(frame.total))
        self.truncation_said.setText(said)

    def _on_limit_slid(self, share: float) -> None:
        norms = self._norms()
        if norms is not None:
            self._set_limit(share * norms.total)
            self.look()

    def _norms(self) -> Norms | None:
        found: Norms | None = self.want("norms", by=lab_update.norms)
        return found

    def _set_limit(self, limit: float) -> None:
        if np.isfinite(limit):
            self.limit.set_value(float(f"{max(LEAST_LIMIT, limit):.3g}"))

    def _on_steps_slid(self, k: float) -> None:
        if round(k) != self.steps.value():
            self.steps.set_value(round(k))
            self.look()
