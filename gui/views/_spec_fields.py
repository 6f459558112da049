"""The editors of a spec's fields, each in a row that says what is wrong with it."""

from __future__ import annotations

import math

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from engine import ModelSpec, SpecError
from engine.losses import LOSSES
from engine.registry import cells
from engine.spec import DTYPES, INITS, NONLINEARITIES
from gui.format import count
from gui.theme import px
from gui.widgets import Choice, FieldRow, IntField, MonoLabel
from gui.widgets.optional_field import OptionalField

SIZES = ("embedding_size", "hidden_size", "num_layers")
GIVEN = ("vocab_size", "input_size", "output_size")


class Fields(QWidget):
    """Rows of editors below each other. Subclasses add the rows and show a spec in them."""

    changed = Signal(str, object)
    """The user put another value into the field with this name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, FieldRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.measure()

    def measure(self) -> None:
        """Follow the zoom."""
        self._column.setSpacing(px(5))
        for row in self.rows.values():
            row.editor.setMinimumHeight(px(26))

    def add(self, name: str, text: str, editor: QWidget, tip: str) -> None:
        """Add a row."""
        editor.setMinimumHeight(px(26))
        self.rows[name] = FieldRow(text, editor, tip)
        self._column.addWidget(self.rows[name])

    def add_widget(self, widget: QWidget) -> None:
        """Add something that is no row."""
        self._column.addWidget(widget)

    def set_error(self, name: str, text: str) -> None:
        """Say below a row what is wrong; an empty text takes it away."""
        self.rows[name].set_note(text, "error")

    def clear_errors(self) -> None:
        """Take all errors away."""
        for row in self.rows.values():
            if row.note():
                row.set_note("")

    def integer(self, name: str, text: str, tip: str) -> IntField:
        """Add a row for a whole number."""
        # Without limits of its own: the spec itself says what is possible, below the row.
        field = IntField(1, -math.inf, math.inf)
        field.committed.connect(lambda value: self.changed.emit(name, value))
        self.add(name, text, field, tip)
        # What was said of the number before is over once another is typed.
        field.textEdited.connect(lambda: self.set_error(name, ""))
        return field

    def choice(self, name: str, text: str, options: list[tuple[str, str]], tip: str) -> Choice:
        """Add a row for one of several words."""
        editor = Choice(options, mono=True)
        editor.chosen.connect(lambda value: self.changed.emit(name, value))
        self.add(name, text, editor, tip)
        return editor

    def switch(self, name: str, text: str, tip: str) -> QCheckBox:
        """Add a row for a yes or no."""
        box = QCheckBox()
        box.clicked.connect(lambda on: self.changed.emit(name, on))
        self.add(name, text, box, tip)
        return box

    def given(self, name: str, text: str, tip: str) -> QLabel:
        """Add a row for what cannot be changed here."""
        value = MonoLabel()
        self.add(name, text, value, tip)
        return value


class LayerFields(Fields):
    """What the network consists of and is trained on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        fixed = self.tr("Fixed by the scenario")
        self.embedding = self.integer(
            "embedding_size", self.tr("Embedding size"), self.tr("How many numbers stand for a word")
        )
        self.hidden = self.integer("hidden_size", self.tr("Hidden size"), self.tr("Units of each layer"))
        self.layers = self.integer("num_layers", self.tr("Layers"), self.tr("Layers above each other"))
        self.both = self.switch(
            "bidirectional", self.tr("Both directions"), self.tr("A second network reads the sequence from its end")
        )
        self.bias = self.switch("bias", self.tr("Biases"), self.tr("Whether b is added in the cell"))
        self.nonlinearity = self.choice(
            "nonlinearity", self.tr("Activation f"), [(name, name) for name in NONLINEARITIES],
            self.tr("The vanilla cell's squashing function"),
        )  # fmt: skip
        self.head = self.given(
            "head", self.tr("Output g"), self.tr("What makes outputs of logits; it follows the loss")
        )
        self.loss = self.choice(
            "loss", self.tr("Loss"), [(name, _short(name)) for name in LOSSES], self.tr("What is compared, and how")
        )
        self.feedback = self.choice(
            "teacher_forcing", self.tr("Feeds back"), [("yes", self.tr("target")), ("", self.tr("own output"))],
            self.tr("Teacher forcing feeds the target back in; running free, the network's own output"),
        )  # fmt: skip
        self.dtype = self.choice(
            "dtype", self.tr("Precision"), [(name, name) for name in DTYPES], self.tr("How numbers are kept")
        )
        self.inputs = self.given("input_size", self.tr("Inputs"), fixed)
        self.vocabulary = self.given("vocab_size", self.tr("Vocabulary"), fixed)
        self.outputs = self.given("output_size", self.tr("Outputs"), fixed)

    def show_spec(self, spec: ModelSpec, teacher_forcing: bool, numeric_target: bool = False) -> None:
        """Show a spec; what does not belong to it is hidden."""
        for name, there in {
            "embedding_size": spec.has_embedding,
            "vocab_size": spec.has_embedding,
            "input_size": not spec.has_embedding,
            "nonlinearity": not cells[spec.cell].gates,
            "teacher_forcing": spec.has_feedback,
        }.items():
            self.rows[name].setVisible(there)
        if spec.embedding_size is not None:
            self.embedding.set_value(spec.embedding_size)
        self.hidden.set_value(spec.hidden_size)
        self.layers.set_value(spec.num_layers)
        self.both.setChecked(spec.bidirectional)
        self._allow(self.both, self.rows["bidirectional"], why_not(spec, bidirectional=not spec.bidirectional))
        self.bias.setChecked(spec.bias)
        self.nonlinearity.set_current(spec.nonlinearity)
        self.head.setText(LOSSES[spec.loss].head)
        self.loss.set_current(spec.loss)
        for name in LOSSES:
            reason = why_not(spec, loss=name)
            if numeric_target and name != spec.loss:
                reason = self.tr("The target is numbers that belong to this loss; open the file anew for another")
            self.loss.set_enabled(name, not reason, reason)
        self.feedback.set_current("yes" if teacher_forcing else "")
        self.dtype.set_current(spec.dtype)
        self.inputs.setText(count(spec.input_size or 0))
        self.vocabulary.setText(self.tr("{} words").format(count(spec.vocab_size or 0)))
        self.outputs.setText(count(spec.output_size))

    def _allow(self, box: QCheckBox, row: FieldRow, reason: str) -> None:
        box.setEnabled(not reason)
        row.setToolTip(reason or self.tr("A second network reads the sequence from its end"))
        box.setToolTip(row.toolTip())


class StartFields(Fields):
    """How the weights start."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.init = self.choice(
            "init", self.tr("Initialisation"), [(name, name) for name in INITS],
            self.tr("How the recurrent layers' weights are drawn"),
        )  # fmt: skip
        tip = self.tr("What the forget gate's biases add up to at the start; without a tick they are drawn")
        self.forget = OptionalField(1.0, self.tr("Forget bias"), tip)
        self.forget.committed.connect(lambda value: self.changed.emit("forget_bias", value))
        self.add("forget_bias", self.tr("Forget bias"), self.forget, tip)

    def show_spec(self, spec: ModelSpec) -> None:
        """Show a spec; what does not belong to it is hidden."""
        self.init.set_current(spec.init)
        self.rows["forget_bias"].setVisible(bool(cells[spec.cell].forget_gate) and spec.bias)
        self.forget.set_value(spec.forget_bias)


def why_not(spec: ModelSpec, **changes: object) -> str:
    """Why a change of a spec is not possible; empty where it is."""
    try:
        spec.but(**changes)
    except SpecError as error:
        return str(error)
    return ""


def _short(loss: str) -> str:
    return {"binary-cross-entropy": "binary c.-e."}.get(loss, loss)
