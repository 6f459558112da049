"""Numbers and weights as files: what, in which format, under which names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from engine import Trace
from engine.interop import numbers, state_dict
from engine.interop.state_dict import Origin
from gui.export.asking import Filter, ask_path
from gui.export.saving import Job, Write
from gui.theme import px
from gui.widgets import Choice, FieldRow, label, push_button

RUN, TRACK = "run", "track"
EVERYTHING, RECURRENT = "everything", "recurrent"
OURS, THEIRS = "ours", "theirs"


class _Asking(QDialog):
    """A heading, a sentence, choices, and a button that asks for the file.

    Parameters
    ----------
    heading : str
    write : callable
        Is given a path, and what writes it, to be called on another thread.
    parent : QWidget
    """

    def __init__(self, heading: str, write: Write, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(heading)
        self._write = write
        self.format = Choice()
        self.note = label("", "small")
        self.note.setWordWrap(True)
        self.save_button = push_button(self.tr("&Save…"), "primary")
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self._on_save)
        self.rows = QVBoxLayout()
        self.rows.setSpacing(px(8))
        buttons = QDialogButtonBox()
        buttons.addButton(self.save_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(push_button(self.tr("Close")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(12))
        box.addWidget(label(heading, "heading"))
        box.addLayout(self.rows)
        box.addWidget(self.note)
        box.addStretch(1)
        box.addWidget(buttons)
        self.setMinimumWidth(px(440))

    def name(self) -> str:
        """What the file is called where the user does not say otherwise; without a suffix."""
        raise NotImplementedError

    def job(self, path: Path) -> Job:
        """What writes the file."""
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """Have it written."""
        self._write(path, self.job(path))
        self.accept()

    def _on_save(self) -> None:
        suffix = self.format.current()
        kinds: list[Filter] = [(self.format.currentText(), suffix)]
        path = ask_path(self, self.windowTitle(), self.name() + suffix, kinds)
        if path is not None:
            self.save(path)


class NumbersDialog(_Asking):
    """One track of a run, or all of it, as numbers.

    Parameters
    ----------
    trace : engine.Trace
    key : str
        Which track is offered first; one of the trace's keys, or anything.
    columns : sequence of sequence of str
        Of each sequence, what the columns of the score are called.
    """

    def __init__(
        self, trace: Trace, key: str, write: Write, parent: QWidget, columns: Sequence[Sequence[str]] = ()
    ) -> None:
        super().__init__(self.tr("Numbers"), write, parent)
        self._trace, self._columns = trace, columns
        self.what = Choice([(TRACK, self.tr("One track")), (RUN, self.tr("The whole run"))])
        self.key = Choice([(name, name) for name in trace.keys()], mono=True)  # noqa: SIM118 (a Trace is no mapping)
        if key in trace.keys():  # noqa: SIM118
            self.key.set_current(key)
        self.gradient = QCheckBox(self.tr("Its &gradient instead"))
        self.gradient.setEnabled(trace.has_gradients)
        self.key_row = FieldRow(self.tr("&Track"), self.key)
        for row in (FieldRow(self.tr("&What"), self.what), self.key_row, self.gradient,
                    FieldRow(self.tr("&Format"), self.format)):  # fmt: skip
            self.rows.addWidget(row)
        for choice in (self.what, self.key, self.format):
            choice.chosen.connect(self.follow)
        self.gradient.toggled.connect(self.follow)
        self.follow()

    def follow(self, *_: object) -> None:
        """Offer what goes with what was chosen, and say what it will hold."""
        track = self.what.current() == TRACK
        self.key_row.setVisible(track)
        self.gradient.setVisible(track)
        self.format.set_options(_named(numbers.TRACK_SUFFIXES if track else numbers.TRACE_SUFFIXES))
        if track:
            steps, sequences, units = self._trace.value(self.key.current()).shape
            text = self.tr("{} × {} × {} numbers: steps, sequences, units").format(steps, sequences, units)
            if self.format.current() == ".csv":
                text += "\n" + self.tr("Counted from 1; steps that only pad a shorter sequence are left out")
        else:
            held = [self.tr("values"), self.tr("parameters"), self.tr("input")]
            held[1:1] = [self.tr("gradients")] if self._trace.has_gradients else []
            text = self.tr("Everything that the run recorded: {}").format(", ".join(held))
        self.note.setText(text)

    def name(self) -> str:
        """The track's key, or "run"."""
        if self.what.current() == RUN:
            return "run"
        return ("grad-" if self.gradient.isChecked() else "") + self.key.current()

    def job(self, path: Path) -> Job:
        """Write it by :mod:`engine.interop.numbers`."""
        if self.what.current() == RUN:
            return partial(numbers.save_trace, path, self._trace)
        return partial(
            numbers.save_track, path, self._trace, self.key.current(), self.gradient.isChecked(), columns=self._columns
        )


class WeightsDialog(_Asking):
    """The weights as a state dict.

    Parameters
    ----------
    parameters : mapping of str to ndarray
    origin : Origin
        Of an imported network; without names otherwise.
    """

    def __init__(self, parameters: Any, origin: Origin, title: str, write: Write, parent: QWidget) -> None:
        super().__init__(self.tr("Weights"), write, parent)
        self._parameters, self._origin, self._title = dict(parameters), origin, title
        self.what = Choice([(EVERYTHING, self.tr("every parameter")), (RECURRENT, self.tr("the recurrent layers"))])
        alone = bool(state_dict.recurrent(self._parameters))
        self.what.set_enabled(RECURRENT, alone, self.tr("There are two: an encoder and a decoder"))
        self.names = Choice([(OURS, self.tr("Loopscope’s, as torch.nn has them")), (THEIRS, self.tr("the file’s own"))])
        if origin.names:
            self.names.set_current(THEIRS)
        self.names_row = FieldRow(self.tr("&Names"), self.names)
        self.names_row.setVisible(bool(origin.names))
        self.format.set_options(_named(state_dict.SUFFIXES))
        for suffix in state_dict.OF_TORCH:
            self.format.set_enabled(suffix, not state_dict.missing(), state_dict.missing())
        for row in (FieldRow(self.tr("&What"), self.what), self.names_row, FieldRow(self.tr("&Format"), self.format)):
            self.rows.addWidget(row)
        for choice in (self.what, self.names, self.format):
            choice.chosen.connect(self.follow)
        self.follow()

    def chosen(self) -> dict[str, Any]:
        """The parameters that go into the file, under the names they have there."""
        found = self._parameters if self.what.current() == EVERYTHING else state_dict.recurrent(self._parameters)
        return state_dict.as_in_file(found, self._origin) if self.names.current() == THEIRS else dict(found)

    def follow(self, *_: object) -> None:
        """Say what the file will hold."""
        found = self.chosen()
        names = ", ".join(list(found)[:4]) + (", …" if len(found) > 4 else "")
        lines = [self.tr("{} arrays: {}").format(len(found), names)]
        if state_dict.missing():
            lines.append(self.tr("No .pt or .pth: {}").format(state_dict.missing()))
        self.note.setText("\n".join(lines))
        self.save_button.setEnabled(bool(found))

    def name(self) -> str:
        """The scenario's, or the file's that it came from."""
        return Path(self._title).stem

    def job(self, path: Path) -> Job:
        """Write it by :mod:`engine.interop.state_dict`."""
        found, theirs = self.chosen(), self.names.current() == THEIRS
        return partial(state_dict.save, path, found, state_dict.in_bfloat16(found, self._origin) if theirs else ())


def _named(suffixes: Sequence[str]) -> list[tuple[str, str]]:
    names = {
        ".csv": "CSV", ".npz": "NPZ (NumPy)", ".safetensors": "safetensors", ".pt": "PyTorch (.pt)",
        ".pth": "PyTorch (.pth)",
    }  # fmt: skip
    return [(suffix, names[suffix]) for suffix in suffixes]
