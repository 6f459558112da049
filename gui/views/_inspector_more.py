"""The inspector's cards of the recurrent weights' eigenvalues and of an output."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gui.format import full, number, percent
from gui.frames.inspector import OutputFrame
from gui.widgets import Bars, Card, Segment, SegmentedControl, label, push_button
from gui.widgets.bars import Bar
from gui.widgets.number_lines import NumberLines
from gui.widgets.plane import ComplexPlane

FEW, MOST = 5, 14
"""Classes that are listed in their own order; outputs that are listed until all are asked for."""


class SpectrumCard(Card):
    """Shows the eigenvalues of one recurrent block, and chooses which."""

    gate_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName(self.tr("Eigenvalues of the recurrent weights"))
        self._gates: tuple[str, ...] = ()
        self.choice = SegmentedControl(name=self.tr("Which gate's weights"))
        self.plane = ComplexPlane()
        self.note = label("", "small")
        self.note.setWordWrap(True)
        for widget in (self.choice, self.plane, self.note):
            self.body.addWidget(widget)
        self.choice.chosen.connect(self.gate_chosen)

    def show_spectrum(self, gates: tuple[str, ...], gate: str, points: np.ndarray | None, size: int) -> None:
        """Show a block's eigenvalues; None where they are not computed."""
        if gates != self._gates:
            self._gates = gates
            tip = self.tr("The weights from h to gate {}")
            self.choice.set_segments([Segment(name, f"W_h{name}", tip.format(name), math=True) for name in gates])
        self.choice.setVisible(bool(gates))
        if gates:
            self.choice.set_current(gate)
        self.plane.setVisible(points is not None)
        if points is None:
            self.note.setText(self.tr("Not shown for {} units: it would take too long").format(size))
        else:
            outside = int((np.abs(points) > 1).sum())
            text = self.tr("{} outside the unit circle (hollow)").format(outside)
            self.note.setText(text if outside else self.tr("All within the unit circle"))
            self.plane.set_points(points)


class OutputCard(Card):
    """Shows what an output says, class by class, its target and its loss."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName(self.tr("Output"))
        self.bars = Bars()
        self.all = push_button("", "link", self.tr("List every output, or only the largest"))
        self.all.setCheckable(True)
        self._frame: OutputFrame | None = None
        self.all.clicked.connect(self._on_all)
        self.numbers = NumberLines()
        for widget in (self.bars, self.all, self.numbers):
            self.body.addWidget(widget)

    def show_output(self, frame: OutputFrame) -> None:
        """Show an output."""
        self._frame = frame
        self.bars.setVisible(frame.y is not None)
        if frame.y is None:
            self.all.hide()
            self.numbers.set_lines([[(self.tr("Not reached yet"), "muted")]])
            return
        order = _order(frame, len(frame.y) if self.all.isChecked() else MOST)
        self.bars.set_bars([_bar(frame, k) for k in order], _strong(frame, order))
        left = len(frame.y) - len(order)
        text = self.tr("and {} more: show all").format(left) if left else self.tr("Show only the largest")
        self.all.setText(text)
        self.all.setVisible(len(frame.y) > MOST)
        self.numbers.set_lines(self._lines(frame))

    def _on_all(self) -> None:
        if self._frame is not None:
            self.show_output(self._frame)

    def _lines(self, frame: OutputFrame) -> list[list[tuple[str, str]]]:
        if frame.target is None:
            return [[(self.tr("No target"), "muted")]]
        line: list[tuple[str, str]] = []
        if isinstance(frame.target, int):
            line += [(self.tr("target "), "muted"), (frame.labels[frame.target], "strong"), (" · ", "muted")]
        if not frame.weight:
            return [[*line, (self.tr("not scored"), "muted")]]
        if frame.loss is None:
            return [[*line, ("ℓ ", "muted"), (self.tr("not reached yet"), "muted")]]
        return [[*line, ("ℓ = ", "muted"), (number(frame.loss), "strong")]]


def _order(frame: OutputFrame, most: int) -> list[int]:
    """Which outputs are listed: few in their own order, many from the largest on, the target always."""
    y, target = frame.y, frame.target
    assert y is not None
    if len(y) <= (FEW if frame.head == "softmax" else MOST):
        return list(range(len(y)))
    order = np.argsort(-np.nan_to_num(y), kind="stable")[:most].tolist()
    if isinstance(target, int) and target not in order:
        order[-1] = target
    return [int(k) for k in order]


def _strong(frame: OutputFrame, order: list[int]) -> int:
    if isinstance(frame.target, int):
        return order.index(frame.target)
    return -1


def _bar(frame: OutputFrame, k: int) -> Bar:
    assert frame.y is not None
    value = float(frame.y[k])
    if frame.head == "identity":
        largest = float(np.max(np.abs(np.nan_to_num(frame.y, posinf=0.0, neginf=0.0)))) or 1.0
        return Bar(frame.labels[k], abs(value) / largest, number(value), full(value))
    return Bar(frame.labels[k], value, percent(value), full(value))
