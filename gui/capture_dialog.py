"""What a capture of a running program holds: which layer is opened, and the proof that its run is the program's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from engine.interop.captures import Capture, Captured
from gui.theme import px
from gui.widgets import Choice, FieldRow, label, push_button
from gui.work.worker import Worker

WIDTH = 520
AGREES = {"float64": 1e-9, "float32": 1e-4}
"""Of the largest value; what computes in fewer bits than these differs by more."""


class CaptureDialog(QDialog):
    """Asks which recorded call is opened, runs it once more, and holds that against what the program computed.

    Parameters
    ----------
    path : Path
    capture : Capture
        With at least one module.
    """

    chosen = Signal(object)
    """The user opens this Captured."""

    def __init__(self, path: Path, capture: Capture, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Open a capture"))
        self._capture, self._ticket = capture, 0
        self._worker = Worker("capture", self)
        self._worker.done.connect(self._on_compared)
        self._worker.failed.connect(self._on_failed)
        names = [(str(at), self._named(found)) for at, found in enumerate(capture.modules)]
        self.layer = Choice(names)
        self.summary, self.facts = label("", "muted"), label("", "")
        self.proof, self.notes = label("", ""), label("", "warning")
        buttons = QDialogButtonBox()
        self.open_button = push_button(self.tr("Open"), "primary")
        self.open_button.setDefault(True)
        buttons.addButton(self.open_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(push_button(self.tr("Cancel")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self._on_accept)
        buttons.rejected.connect(self.reject)
        row = FieldRow(self.tr("Recurrent layer"), self.layer)
        row.setVisible(len(names) > 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(10))
        box.addWidget(label(path.name, "heading"))
        for widget in (self.summary, row, self.facts, self.proof, self.notes):
            box.addWidget(widget)
        box.addStretch(1)
        box.addWidget(buttons)
        for text in (self.summary, self.facts, self.proof, self.notes):
            text.setWordWrap(True)
        self.summary.setText(self.tr("Recorded in a program with PyTorch {}").format(capture.torch))
        self.layer.chosen.connect(self._show)
        self.resize(px(WIDTH), px(300))
        self._show()

    def current(self) -> Captured:
        """The call that is looked at."""
        return self._capture.modules[int(self.layer.current() or 0)]

    def done(self, result: int) -> None:
        """Leave what is being compared to itself."""
        self._worker.abandon()
        super().done(result)

    def _named(self, found: Captured) -> str:
        return self.tr("{}, call {} of {}").format(found.title, found.call, found.calls)

    def _show(self, *_: object) -> None:
        found = self.current()
        spec, (steps, sequences) = found.spec, found.x.shape[:2]
        layers = self.tr("1 layer") if spec.num_layers == 1 else self.tr("{} layers").format(spec.num_layers)
        kind = [found.kind, layers, *([self.tr("both directions")] if spec.bidirectional else [])]
        sizes = f"{spec.input_size} → {spec.hidden_size}"
        came = self.tr("with the gradients that arrived") if found.output_grads is not None else ""
        lines = [
            " · ".join([*kind, sizes, self.tr("{} × {} steps and sequences").format(steps, sequences)]),
            self.tr("computed in {} on {}, in {} mode").format(
                found.arithmetic, found.device, self.tr("training") if found.training else self.tr("evaluation")
            ),
            came or self.tr("without gradients: none arrived, or none can be given"),
        ]
        self.facts.setText("\n".join(lines))
        self.proof.setText(self.tr("Running it once more…"))
        said = _sentences((*self._capture.notes, *found.notes))
        self.notes.setText(said)
        self.notes.setVisible(bool(said))
        self._ticket = self._worker.submit(lambda: _compared(found))

    def _on_compared(self, ticket: int, result: tuple[float, float]) -> None:
        if ticket != self._ticket:
            return
        difference, scale = result
        found = self.current()
        agrees = difference <= AGREES.get(found.arithmetic, 0.2) * max(1.0, scale)
        text = (
            self.tr("✓ agrees with what the program computed to {} (the largest {}; {})")
            if agrees
            else self.tr("✗ differs from what the program computed by {} (the largest {}; {})")
        )
        self.proof.setText(text.format(f"{difference:.1e}", f"{scale:.2g}", found.arithmetic))

    def _on_failed(self, ticket: int, error: Exception) -> None:
        if ticket == self._ticket:
            self.proof.setText(self.tr("It could not be run: {}").format(error))

    def _on_accept(self) -> None:
        found = self.current()
        self.accept()
        self.chosen.emit(found)


def _compared(found: Captured) -> tuple[float, float]:
    """Called on the worker's thread: the largest difference to the program's run, and its largest value."""
    finite = found.outputs[np.isfinite(found.outputs)]
    return found.difference(found.run()), float(np.max(np.abs(finite), initial=0.0))


def _sentences(notes: Sequence[str]) -> str:
    return "\n".join(note if note.endswith(".") else f"{note}." for note in notes)
