"""The inspector's card of one step: its equation, the same as blocks, the chosen unit's sum."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gui.frames.equation import Piece
from gui.frames.inspector import Inspection, Place, StepFrame
from gui.views._blocks import Blocks
from gui.widgets import Card, Segment, SegmentedControl, label
from gui.widgets.math_line import MathLine, Run
from gui.widgets.number_lines import NumberLines


class StepCard(Card):
    """Shows a step's equation as mathematics, as blocks and in numbers."""

    unit_chosen = Signal(int)
    name_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName(self.tr("Equation of the step"))
        self._inspection: Inspection | None = None
        self._place: Place | None = None
        self._names: tuple[str, ...] = ()
        self.choice = SegmentedControl(name=self.tr("Which equation"))
        self.line = MathLine(17)
        self.blocks = Blocks(self._scale)
        self.note = label("", "small")
        self.sums = NumberLines()
        for widget in (self.choice, self.line, self.blocks, self.note, self.sums):
            self.body.addWidget(widget)
        self.choice.chosen.connect(self.name_chosen)
        self.blocks.unit_chosen.connect(self.unit_chosen)

    def show_step(self, inspection: Inspection, place: Place, frame: StepFrame) -> None:
        """Show a step."""
        if inspection is not self._inspection or frame.name != self.choice.current():
            self.sums.forget()
        self._inspection, self._place = inspection, place
        if frame.names != self._names:
            self._names = frame.names
            tip = self.tr("The equation of {}")
            self.choice.set_segments([Segment(name, name, tip.format(name), math=True) for name in frame.names])
            self.choice.setVisible(len(frame.names) > 1)
        if self.choice.current() != frame.name:
            self.choice.set_current(frame.name)
        self.line.set_runs(runs(frame.pieces))
        self.blocks.set_equation(frame.pieces, frame.unit, frame.units)
        averaged = self.blocks.averaged
        self.note.setText(self.tr("More values than pixels: means are shown") if averaged else "")
        self.note.setVisible(averaged)
        if frame.sums:
            self.sums.set_lines(frame.sums)
        elif frame.padding:
            self.sums.set_lines([[(self.tr("Padding: nothing is computed here, the state is held"), "muted")]])
        else:
            self.sums.set_lines([[(self.tr("Not reached yet"), "muted")]])

    def _scale(self, piece: Piece) -> float:
        if self._inspection is None or self._place is None:
            return 1.0
        return self._inspection.scale(self._place, piece)


def runs(pieces: tuple[Piece, ...]) -> tuple[Run, ...]:
    """An equation's pieces as runs of mathematics."""
    return tuple(
        Run(piece.base, italic=False) if piece.kind == "sign" else Run(piece.base, piece.below) for piece in pieces
    )
