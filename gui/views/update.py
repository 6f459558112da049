"""What an update is made of: a parameter's gradient, and each step's or loss's share of it."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtWidgets import QHBoxLayout

from engine import Trace
from gui.format import full, number, percent, shape
from gui.frames import lab_update
from gui.frames.lab_update import LOSSES, STEPS, UpdateFrame
from gui.theme import theme
from gui.views._laboratory import Instrument
from gui.widgets import Choice, ScaleLegend, Section, Segment, SegmentedControl, label
from gui.widgets.matrix_plot import MatrixPlot
from gui.widgets.stacked_bars import StackedBars


class UpdateView(Instrument):
    """∂L/∂ one parameter as a heatmap, and the sum over steps that it is."""

    id = "lab-update"
    title = "What the update is made of"
    tab = "Update"
    question = "Which steps ask for this change of the weights?"
    area = "right"
    order = 14
    of_lane = False

    def build(self) -> None:
        """Which parameter, how it is split, shares, heatmap."""
        self._frame: UpdateFrame | None = None
        self._pointed: int | None = None
        self.parameter = Choice(mono=True)
        self.parameter.setAccessibleName(self.tr("Which parameter"))
        self.parameter.setMinimumWidth(1)  # gives way to what stands beside it
        self.split = SegmentedControl(
            [
                Segment(STEPS, self.tr("by step"), self.tr("What each step's computation adds")),
                Segment(LOSSES, self.tr("by loss"), self.tr("What each output's loss alone asks for")),
            ],
            self.tr("How the gradient is split"),
        )
        self.heat_title = Section("")
        self.legend = ScaleLegend()
        self.heat = MatrixPlot(self.tr("Gradient of the parameter"))
        self.heat.set_mode("cell")
        self.heat.set_tip(self._heat_tip)
        self.shares_title = Section("")
        self.shares = StackedBars(self.tr("Shares of the gradient"))
        self.shares.set_tip(self._share_tip)
        self.reading = label("", "small")
        self.reading.setWordWrap(True)
        self.note = label(
            self.tr(
                "A share is ⟨part, whole⟩ / |whole|²: together 100 %, and below zero where a part pulls against it."
            ),
            "small",
        )
        self.note.setWordWrap(True)
        line = QHBoxLayout()
        line.addWidget(self.parameter)
        line.addWidget(self.split)
        line.addStretch(1)
        self.controls.addLayout(line)
        line = QHBoxLayout()
        line.addWidget(self.heat_title, 1)
        line.addWidget(self.legend)
        for widget in (self.shares_title, self.shares, self.reading, self.note):
            self.column.addWidget(widget)
        self.column.addLayout(line)
        self.column.addWidget(self.heat)
        self.summary.setText(self.tr("Before clipping and the optimiser. Point at a bar: its part alone is shown."))
        self.parameter.chosen.connect(self.look)
        self.split.chosen.connect(self.look)
        self.shares.pointed.connect(self._on_pointed)
        self.shares.left.connect(self._on_left)

    def refresh(self, trace: Trace) -> None:
        """Ask for the split, and show it when it is there."""
        names = list(trace.parameter_grads)
        if [self.parameter.itemData(i) for i in range(self.parameter.count())] != names:
            first = next((name for name in names if "weight_hh" in name), names[0])
            before = self.parameter.current()
            self.parameter.set_options([(name, name) for name in names])
            self.parameter.set_current(before if before in names else first)
        name, split = self.parameter.current(), self.split.current()
        frame = self.want("split", name, split, by=partial(lab_update.update, name=name, split=split))
        if frame is None:
            return
        if frame is not self._frame:
            self._frame, self._pointed = frame, None
            self._show(frame)
        self._show_heat(frame)

    def _show(self, frame: UpdateFrame) -> None:
        by = self.tr("Share of each step") if frame.split == STEPS else self.tr("Share of each loss")
        self.shares_title.set_title(by)
        labels = [self.word(int(column)) for column in frame.columns]
        self.shares.set_bars(frame.shares[None], [lambda: theme().backward], None, labels, lambda v: percent(v, 0))
        if frame.size == 0:
            self.reading.setText(self.tr("This gradient is zero: nothing reaches {}.").format(frame.name))
            return
        most = int(np.nan_to_num(frame.shares).argmax())
        self.reading.setText(
            self.tr("Most of it, {share}, comes from {place}.").format(
                share=percent(frame.shares[most]), place=self._place(frame, most)
            )
        )

    def _show_heat(self, frame: UpdateFrame) -> None:
        title, gradient = f"∂L/∂{frame.name}", frame.gradient
        if self._pointed is not None and frame.split == STEPS:
            part = self.want(
                "part", frame.name, self._pointed,
                by=partial(lab_update.part_of, name=frame.name, step=self._pointed),
            )  # fmt: skip
            if part is None:
                return
            title = self.tr("the part of {}").format(self._place(frame, self._pointed))
            gradient = part
        self.heat_title.set_title(title)
        size = self.tr("norm {}").format(number(frame.size))
        self.heat_title.setToolTip(f"{frame.name} {shape(frame.gradient.shape)}, {size}")
        self.legend.set_scale(frame.scale, frame.name)
        self.heat.set_signed(gradient, frame.scale)

    def _place(self, frame: UpdateFrame, at: int) -> str:
        return self.place(int(frame.columns[at])) if at < len(frame.columns) else self.tr("the one use it has")

    def _heat_tip(self, row: int, column: int) -> str:
        assert self._frame is not None
        return f"{self.heat_title.title()} [{row + 1}, {column + 1}] = {full(self.heat.values()[row, column])}"

    def _share_tip(self, row: int, column: int) -> str:
        frame = self._frame
        assert frame is not None
        place = self._place(frame, column)
        size = self.tr("norm {}").format(number(frame.norms[column]))
        return f"{place}: {percent(frame.shares[column])}, {size}"

    def _on_pointed(self, row: int, column: int) -> None:
        self._pointed = column
        if self._frame is not None:
            self._show_heat(self._frame)

    def _on_left(self) -> None:
        self._pointed = None
        if self._frame is not None:
            self._show_heat(self._frame)
