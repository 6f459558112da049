"""What a file of weights holds, what is left open, and the proof that it was read rightly: before it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QVBoxLayout,
    QWidget,
)

from engine.format import count
from engine.interop import sequences, vocabularies
from engine.interop.load import Weights
from engine.spec import PATTERNS
from gui.state import wording
from gui.state.importing import Offer, Wishes, offer
from gui.theme import px
from gui.widgets import Choice, FieldRow, FileField, IntField, ParameterTable, label, push_button, scrolling
from gui.work.worker import Worker

WIDTH, HEIGHT, TABLE = 560, 640, 150
LAST, NEXT = "last", "next"
NONLINEARITIES = ("tanh", "relu", "identity")


class ImportDialog(QDialog):
    """Shows what was found, missing and unused; asks what weights cannot say.

    Parameters
    ----------
    weights : Weights
    engine, device : str
        On which the project will run.
    """

    accepted_offer = Signal(object)
    """The user opens this Offer."""

    def __init__(self, weights: Weights, engine: str, device: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Open a network"))
        self._weights, self._place = weights, (engine, device)
        self._wishes, self._ticket = Wishes(), 0
        self._unread: dict[str, Callable[[], Any]] = {}
        self._offer: Offer | None = None
        self._worker = Worker("import", self)
        self._worker.done.connect(self._on_offer)
        self._worker.failed.connect(self._on_failed)
        self.summary, self.proof, self.problem = label("", "muted"), label("", ""), label("", "error")
        self.layer = Choice([(title, title) for title in weights.layers])
        self.pattern = Choice([(name, name) for name in PATTERNS if name != PATTERNS[-1] or weights.both_sides])
        self.nonlinearity = Choice([(name, name) for name in NONLINEARITIES], mono=True)
        self.head, self.embedding, self.compared = Choice(), Choice(), Choice()
        self.vocabulary = FileField(self.tr("Vocabulary"), vocabularies.SUFFIXES, weights.path)
        self.sequence = FileField(self.tr("Sequence"), sequences.SUFFIXES, weights.path)
        self.target = FileField(self.tr("Target"), (*sequences.ARRAYS, *sequences.TABLES), weights.path)
        self.start = IntField(0, 0, 10_000_000)
        self.rows = {
            "layer": FieldRow(self.tr("Recurrent layer"), self.layer),
            "pattern": FieldRow(self.tr("Pattern"), self.pattern, self.tr("Which steps put something out")),
            "nonlinearity": FieldRow(self.tr("Nonlinearity"), self.nonlinearity),
            "embedding": FieldRow(self.tr("Embedding"), self.embedding, self.tr("What turns tokens into vectors")),
            "head": FieldRow(self.tr("Output layer"), self.head, self.tr("What reads the hidden state")),
            "vocabulary": FieldRow(
                self.tr("Vocabulary"), self.vocabulary,
                self.tr("A token a line, a JSON list or object, or a tokenizer.json"),
            ),
            "start": FieldRow(
                self.tr("First token of the decoder"), self.start,
                self.tr("The id of the token that its output begins with, such as <sos>"),
            ),
            "sequence": FieldRow(self.tr("Sequence"), self.sequence, self.tr("What it is run on at first")),
            "compared": FieldRow(self.tr("Loss"), self.compared, self.tr("What the outputs are compared with")),
            "target": FieldRow(self.tr("Target"), self.target, self.tr("Numbers, a row an output")),
        }  # fmt: skip
        self.found, self.rest, self.lacking = ParameterTable(), label("", "muted"), label("", "warning")
        self.buttons = QDialogButtonBox()
        self.open_button = push_button(self.tr("Open"), "primary")
        self.open_button.setDefault(True)
        self.buttons.addButton(self.open_button, QDialogButtonBox.ButtonRole.AcceptRole)
        cancel = self.buttons.addButton(self.tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        cancel.setAutoDefault(False)
        self._lay_out()
        self._connect()
        self.pattern.set_current(PATTERNS[-1] if weights.both_sides else "many-to-many")
        self._follow_layer()
        self._ask()

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, px(8), 0)
        column.setSpacing(px(8))
        for row in self.rows.values():
            column.addWidget(row)
        column.addWidget(label(self.tr("Found"), "title"))
        column.addWidget(self.found)
        column.addStretch(1)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(10))
        box.addWidget(label(self._weights.path.name, "heading"))
        box.addWidget(self.summary)
        box.addWidget(scrolling(inside), 1)
        for text in (self.proof, self.lacking, self.rest, self.problem):
            box.addWidget(text)
        box.addWidget(self.buttons)
        for text in (self.summary, self.proof, self.lacking, self.rest, self.problem):
            text.setWordWrap(True)
        for text in (self.lacking, self.rest, self.problem):
            text.hide()
        self.rows["layer"].setVisible(len(self._weights.layers) > 1)
        for name in ("nonlinearity", "vocabulary", "compared", "target", "start"):
            self.rows[name].hide()  # until it is known whether there is such a choice
        self.summary.setText(self.tr("Running it, and comparing with PyTorch…"))
        self.resize(px(WIDTH), px(HEIGHT))

    def _connect(self) -> None:
        self.buttons.accepted.connect(self._on_accept)
        self.buttons.rejected.connect(self.reject)
        self.layer.chosen.connect(self._on_layer)
        self.vocabulary.cleared.connect(partial(self._on_cleared, "tokenizer"))
        self.sequence.cleared.connect(partial(self._on_cleared, "source"))
        self.target.cleared.connect(partial(self._on_cleared, "target"))
        for choice in (self.pattern, self.nonlinearity, self.head, self.embedding):
            choice.chosen.connect(self._ask)
        self.compared.chosen.connect(self._on_compared)
        self.start.committed.connect(self._ask)
        self.vocabulary.chosen.connect(self._on_vocabulary)
        self.sequence.chosen.connect(self._on_sequence)
        self.target.chosen.connect(self._on_target)

    def take(self, files: Mapping[str, Path]) -> None:
        """Begin with the "sequence" and the "vocabulary" that were chosen beside the network."""
        for name in ("vocabulary", "sequence"):
            if name in files:
                self.rows[name].show()  # to be taken back, where it does not go with the network
                getattr(self, name).chosen.emit(str(files[name]))

    def done(self, result: int) -> None:
        """Leave what is being tried out to itself."""
        self._worker.abandon()
        super().done(result)

    # What is asked ---------------------------------------------------------------------------------------

    def _on_layer(self, title: str) -> None:
        self._follow_layer()
        self._ask()

    def _follow_layer(self) -> None:
        """Offer the matrices that fit the layer, the likeliest first."""
        layer, none = self.layer.currentData(), ("", self.tr("none"))
        self.head.set_options([*((name, name) for name in reversed(self._weights.heads(layer))), none])
        self.embedding.set_options([*((name, name) for name in self._weights.embeddings(layer)), none])
        self.head.set_current(self._weights.head(layer))
        self.embedding.set_current(self._weights.embedding(layer))
        said = self._weights.told(layer)
        if said.pattern and self.pattern.currentData() != PATTERNS[-1]:
            self.pattern.set_current(said.pattern)
        if said.nonlinearity:
            self.nonlinearity.set_current(said.nonlinearity)

    def _on_compared(self, id: str) -> None:
        loss = {LAST: "linear", NEXT: "cross-entropy"}.get(id, id)
        numbers = loss in ("mse", "binary-cross-entropy")
        self.rows["target"].setVisible(numbers)
        if not numbers:
            self._unread.pop("target", None)
        kept = self._wishes.target if numbers else None
        self._wishes = replace(self._wishes, loss=loss, next_token=id == NEXT, target=kept)
        if numbers and kept is None and "target" not in self._unread:
            self._refuse(self.tr("Choose a target: numbers, a row for each output."))
            return
        self._ask()

    def _on_vocabulary(self, path: str) -> None:
        self._read(self.vocabulary, path, vocabularies.read_vocabulary, "tokenizer")

    def _on_sequence(self, path: str) -> None:
        self._read(self.sequence, path, sequences.read_sequence, "source")

    def _on_target(self, path: str) -> None:
        self._read(self.target, path, partial(sequences.read_sequence, name="target"), "target")

    def _on_cleared(self, name: str) -> None:
        """Go back to what is taken while no file is chosen."""
        self._unread.pop(name, None)
        changes: dict[str, Any] = {name: None}
        self._wishes = replace(self._wishes, **changes)
        if name == "target":
            self._on_compared(self.compared.currentData())
        else:
            self._try()

    def _read(self, field: FileField, path: str, read: Callable[[str], Any], name: str) -> None:
        field.show_path(path)
        self._unread[name] = partial(read, path)
        self._wishes = replace(self._wishes, files={**self._wishes.files, name: Path(path)})
        self._try()

    def _ask(self, *_: object) -> None:
        choices: dict[str, Any] = {"layer": self.layer.currentData(), "pattern": self.pattern.currentData()}
        choices |= {"nonlinearity": self.nonlinearity.currentData()}
        if choices["pattern"] != PATTERNS[-1]:
            choices |= {"head": self.head.currentData(), "embedding": self.embedding.currentData()}
        else:
            choices |= {"start": self.start.value()}
        self._wishes = replace(self._wishes, choices=choices)
        self._try()

    def _try(self) -> None:
        """Try the wishes out beside the window, with those that have to be read from files."""
        self.open_button.setEnabled(False)
        job = partial(_tried, self._weights, self._wishes, dict(self._unread), self._place)
        self._ticket = self._worker.submit(job)

    # What is said ----------------------------------------------------------------------------------------

    def _on_offer(self, ticket: int, result: tuple[Wishes, Offer]) -> None:
        if ticket != self._ticket:
            return
        self._wishes, found = result
        self._unread.clear()
        self._offer = found
        self.problem.hide()
        self.open_button.setEnabled(True)
        spec, loaded = found.project.spec, found.loaded
        self.summary.setText(self._summary(found))
        names = {ours: theirs for ours, theirs in loaded.names.items() if ours in loaded.parameters}
        self.found.set_rows(
            [
                (ours if ours == theirs else f"{theirs} → {ours}", loaded.parameters[ours].shape)
                for ours, theirs in names.items()
            ]
        )
        missing = [] if spec.loss == "linear" else [name for name in loaded.missing if name in found.project.parameters]
        self.lacking.setText(self.tr("Missing, and initialised anew: {}").format(_listed(missing)) if missing else "")
        self.lacking.setVisible(bool(missing))
        lines = [
            self.tr("Not used: {}").format(_listed(loaded.unused)) if loaded.unused else "",
            *(self.tr("Note: {}.").format(note) for note in loaded.notes),
        ]
        if spec.cell == "rnn" and not self._weights.told(self.layer.currentData()).nonlinearity:
            lines.append(self.tr("Weights alone do not say which nonlinearity they were trained with: see above."))
        self.rest.setText("\n".join(line for line in lines if line))
        self.rest.setVisible(any(lines))
        self._show_rows(found)
        self._show_proof(found)

    def _summary(self, found: Offer) -> str:
        spec = found.project.spec
        layers = self.tr("1 layer") if spec.num_layers == 1 else self.tr("{} layers").format(spec.num_layers)
        parts = [spec.cell.upper(), layers]
        parts += [self.tr("both directions")] if spec.bidirectional else []
        reads = count(spec.vocab_size) + self.tr(" tokens") if spec.vocab_size else count(spec.input_size or 0)
        parts += [f"{reads} → {count(spec.hidden_size)} → {count(spec.output_size)}", spec.dtype]
        total = sum(value.size for value in found.loaded.parameters.values())
        return " · ".join([*parts, self.tr("{} parameters").format(count(total))])

    def _show_rows(self, found: Offer) -> None:
        spec, sides = found.project.spec, found.project.spec.pattern == PATTERNS[-1]
        self.rows["layer"].setVisible(not sides and len(self._weights.layers) > 1)
        self.rows["compared"].show()
        self.rows["start"].setVisible(found.loaded.start is not None)
        self.rows["nonlinearity"].setVisible(spec.cell == "rnn")
        self.rows["head"].setVisible(not sides)
        self.rows["embedding"].setVisible(not sides and self.embedding.count() > 1)
        self.rows["vocabulary"].setVisible(spec.has_embedding or bool(self.vocabulary.path))
        headed = "output.weight" in found.loaded.parameters or sides
        options = [(LAST, self.tr("none: the gradient of the last output"))]
        if headed:
            own = ("cross-entropy", self.tr("cross-entropy, with its own answer"))
            numbers = [
                ("mse", self.tr("mean squared error")),
                ("binary-cross-entropy", self.tr("binary cross-entropy")),
            ]
            ahead = [(NEXT, self.tr("cross-entropy, with the next token"))]
            aligned = spec.has_embedding and spec.pattern == "many-to-many" and spec.output_size == spec.vocab_size
            options = [*(ahead if aligned else []), own, *numbers, *options]
        self.compared.set_options(options)
        task: Any = found.project.task
        self.compared.set_current(NEXT if task.next_token else LAST if spec.loss == "linear" else spec.loss)
        self.rows["target"].setVisible(spec.loss in ("mse", "binary-cross-entropy"))
        source = found.project.sources[0]
        if not self.sequence.path:
            random = isinstance(source, np.ndarray)
            shape = np.shape(source) if random else (len(task.encode(source).x),)
            self.sequence.say(
                self.tr("{} × {} random numbers").format(*shape)
                if random
                else self.tr("{} random tokens").format(*shape)
            )
        if not self.vocabulary.path:
            self.vocabulary.say(self.tr("ids 0 to {}").format((spec.vocab_size or 1) - 1))

    def _show_proof(self, found: Offer) -> None:
        proof = found.proof
        self.proof.setVisible(True)
        if proof is None:
            self.proof.setText(found.unproven)
            return
        agrees = proof.difference <= 1e-5 * max(1.0, proof.scale)
        text = (
            self.tr("✓ The recurrent layer agrees with {} to {} ({} numbers, the largest {}; {})")
            if agrees
            else self.tr("✗ The recurrent layer differs from {} by {} ({} numbers, the largest {}; {})")
        )
        self.proof.setText(
            text.format(proof.layer, f"{proof.difference:.1e}", count(proof.numbers), f"{proof.scale:.2g}", proof.dtype)
        )

    def _on_failed(self, ticket: int, error: Exception) -> None:
        if ticket == self._ticket:
            self._refuse(str(error) if isinstance(error, ValueError) else wording.failure(error))

    def _refuse(self, text: str) -> None:
        self._offer, self._ticket = None, 0
        self.summary.clear()
        self.open_button.setEnabled(False)
        self.proof.hide()
        self.lacking.hide()
        self.rest.hide()
        self.problem.setText(text)
        self.problem.show()

    def _on_accept(self) -> None:
        if self._offer is not None:
            self.accepted_offer.emit(self._offer)
            self.accept()


def _tried(
    weights: Weights, wishes: Wishes, unread: dict[str, Callable[[], Any]], place: tuple[str, str]
) -> tuple[Wishes, Offer]:
    """Called on the worker's thread."""
    whole = replace(wishes, **{name: read() for name, read in unread.items()})
    return whole, offer(weights, whole, *place)


def _listed(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)})"
