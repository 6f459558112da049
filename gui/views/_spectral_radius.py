"""Two rows that act on the initial weights: the seed, and the spectral radius with its slider."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from engine import ModelSpec
from gui.format import number
from gui.frames.spectrum import EXACT, Block
from gui.theme import px
from gui.widgets import FieldRow, FloatField, IntField, ValueSlider, icon_button

LARGEST, SMALLEST = 3.0, 0.05


class SeedRow(FieldRow):
    """The seed, and a button that takes the next one."""

    changed = Signal(object)
    """The user wants this seed, an int."""
    again = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self.field = IntField(0, -1, 2**53)
        self.dice = icon_button("dice-5", "", "flat")
        editor = QWidget()
        row = QHBoxLayout(editor)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(4))
        row.addWidget(self.dice)
        row.addWidget(self.field)
        super().__init__("", editor, "", parent)
        self._label.setText(self.tr("Seed"))
        editor.setFocusProxy(self.field)
        self.field.setAccessibleName(self.tr("Seed"))
        self.dice.setToolTip(self.tr("Draw the weights anew, from the next seed"))
        self.dice.setAccessibleName(self.dice.toolTip())
        self.field.committed.connect(self.changed)
        self.dice.clicked.connect(self.again)

    def set_value(self, seed: int) -> None:
        """Show a seed."""
        self.field.set_value(seed)


class SpectralRadius(QWidget):
    """ρ of the recurrent weights as they are; dragging draws them anew with another one."""

    changed = Signal(object)
    """The user wants this spectral radius; None: as drawn."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = FloatField(1.0, -1e6, 1e6, 0.05)
        self.free = icon_button("rotate-ccw", self.tr("Leave the weights as they are drawn, unscaled"), "flat")
        editor = QWidget()
        line = QHBoxLayout(editor)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(px(4))
        line.addWidget(self.free)
        line.addWidget(self.field)
        self.row = FieldRow(self.tr("Spectral radius ρ"), editor)
        self.slider = ValueSlider(SMALLEST, LARGEST, 1.0)
        self.slider.setAccessibleName(self.tr("Spectral radius"))
        self.field.setAccessibleName(self.tr("Spectral radius"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(2))
        column.addWidget(self.row)
        column.addWidget(self.slider)
        self._live = True
        self.field.committed.connect(self._on_typed)
        self.slider.value_changed.connect(self._on_moved)
        self.slider.committed.connect(self._on_let_go)
        self.free.clicked.connect(self._on_free)

    def show_blocks(self, spec: ModelSpec, blocks: tuple[Block, ...]) -> None:
        """Show what the weights have: the largest ρ of all blocks; without blocks, nothing while they are measured."""
        self._live = spec.hidden_size <= EXACT
        self.free.setVisible(spec.spectral_radius is not None)
        if not blocks:
            self.row.set_note(self.tr("Being measured…"), "small")
            return
        radii = [block.radius for block in blocks]
        largest = max(radii) if np.isfinite(radii).all() else float("nan")
        if np.isfinite(largest):
            self.field.set_value(float(f"{largest:.3g}"))
            if not self.slider.isSliderDown():
                self.slider.set_value(largest)
        lines = [f"{block.prefix} W_h{block.gate or 'h'}: {number(block.radius)}" for block in blocks[:16]]
        text = self.tr("The largest magnitude of an eigenvalue of the recurrent weights as they are now.")
        if len(blocks) > 1:
            text += "\n" + self.tr("Of several blocks the largest; setting it scales each of them.")
        text += "\n" + "\n".join(lines)
        if not np.isfinite(largest):
            text = self.tr("The recurrent weights are not finite")
        for widget in (self.row, self.field, self.slider):
            widget.setToolTip(text)
        self.field.set_tip(text)
        self.row.set_note("" if np.isfinite(largest) else text, "small")

    def set_error(self, text: str) -> None:
        """Say what is wrong; an empty text takes it away."""
        self.row.set_note(text, "error")

    def _on_typed(self, value: float) -> None:
        self.changed.emit(value)

    def _on_moved(self, value: float) -> None:
        if self._live:
            self.changed.emit(round(value, 3))

    def _on_let_go(self, value: float) -> None:
        if not self._live:
            self.changed.emit(round(value, 3))

    def _on_free(self) -> None:
        self.changed.emit(None)
