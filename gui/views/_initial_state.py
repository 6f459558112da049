"""The state before the first step: zeros, drawn, or typed cell by cell."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine import ModelSpec, layout
from engine.registry import cells
from gui import fonts
from gui.format import MINUS, number
from gui.theme import px
from gui.widgets import Choice, FieldRow, icon_button, label

ZEROS, RANDOM, TYPED = "zeros", "random", "typed"


def names(spec: ModelSpec) -> tuple[str, ...]:
    """The states that can be set: ``h_0``, and ``c_0`` where the cell carries one."""
    return tuple(f"{state}_0" for state in cells[spec.cell].states)


def drawn(spec: ModelSpec, seed: int) -> dict[str, np.ndarray]:
    """States drawn uniformly from ±1, (num_layers · directions, H) each."""
    rng = np.random.default_rng(seed)
    shape = (spec.num_layers * spec.num_directions, spec.hidden_size)
    return {name: np.round(rng.uniform(-1, 1, shape), 3).astype(spec.dtype) for name in names(spec)}


def rows(spec: ModelSpec) -> list[str]:
    """What the rows of a state are called: the lanes of the part that reads first."""
    first = layout.parts(spec)[0]
    return [lane.prefix for lane in layout.lanes(spec, first)]


class InitialStateRow(FieldRow):
    """Chooses zeros or drawn states, or opens the editor."""

    changed = Signal(object)
    """The user wants these initial states; an empty mapping means zeros."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.choice = Choice((), mono=True)
        self.pencil = icon_button("pencil", "", "flat")
        editor = QWidget()
        row = QHBoxLayout(editor)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(4))
        row.addWidget(self.pencil)
        row.addWidget(self.choice)
        super().__init__("", editor, "", parent)
        editor.setFocusProxy(self.choice)
        self.pencil.setToolTip(self.tr("Type the initial state cell by cell"))
        self.pencil.setAccessibleName(self.pencil.toolTip())
        self._spec: ModelSpec | None = None
        self._initial: Mapping[str, np.ndarray] = {}
        self._draws = 0
        self._dialog: InitialStateEditor | None = None
        self.choice.chosen.connect(self._on_chosen)
        self.pencil.clicked.connect(self._on_pencil)

    def show_state(self, spec: ModelSpec, initial: Mapping[str, np.ndarray]) -> None:
        """Show what is set."""
        if self._spec is not spec:
            self.close_editor()
        self._spec, self._initial = spec, initial
        text = ", ".join(name.replace("_0", "₀") for name in names(spec))
        self.set_text(self.tr("Initial {}").format(text))
        self.choice.setAccessibleName(self.tr("Initial {}").format(text))
        options = [(ZEROS, self.tr("zeros")), (RANDOM, self.tr("random"))]
        kind = self.kind()
        if kind == TYPED:
            options.append((TYPED, self.tr("typed")))
        self.choice.set_options(options)
        self.choice.set_current(kind)

    def set_text(self, text: str) -> None:
        """Call the row otherwise."""
        self._label.setText(text)

    def kind(self) -> str:
        """What is set: zeros, random or typed."""
        if self._spec is None or not any(np.any(value) for value in self._initial.values()):
            return ZEROS
        made = drawn(self._spec, self._draws)
        same = all(name in self._initial and np.array_equal(self._initial[name], made[name]) for name in made)
        return RANDOM if same else TYPED

    def close_editor(self) -> None:
        """Close the editor where it is open."""
        if self._dialog is not None:
            self._dialog.close()
            self._dialog.deleteLater()
            self._dialog = None

    def dialog(self) -> InitialStateEditor | None:
        """The editor that is open."""
        return self._dialog

    def _on_chosen(self, kind: str) -> None:
        if self._spec is None:
            return
        if kind == ZEROS:
            self.changed.emit({})
        elif kind == RANDOM:
            self._draws += 1
            self.changed.emit(drawn(self._spec, self._draws))

    def _on_pencil(self) -> None:
        if self._spec is None:
            return
        self.close_editor()
        self._dialog = InitialStateEditor(self._spec, self._initial, self.window())
        self._dialog.changed.connect(self.changed)
        self._dialog.show()


class InitialStateEditor(QDialog):
    """A table a state: one row a lane, one column a unit. What is typed counts at once."""

    changed = Signal(object)

    def __init__(self, spec: ModelSpec, initial: Mapping[str, np.ndarray], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Initial state"))
        self._spec = spec
        self._values: dict[str, np.ndarray] = {}
        self.tables: dict[str, QTableWidget] = {}
        self.problem = label("", "error")
        column = QVBoxLayout(self)
        column.addWidget(label(self.tr("The state before the first step. Unit by unit, from left to right."), "muted"))
        shape = (spec.num_layers * spec.num_directions, spec.hidden_size)
        for name in names(spec):
            value = initial.get(name)
            self._values[name] = np.zeros(shape, spec.dtype) if value is None else np.array(value).reshape(shape)
            column.addWidget(label(name.replace("_0", "₀"), "title"))
            self.tables[name] = self._table(name)
            column.addWidget(self.tables[name])
        column.addWidget(self.problem)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        column.addWidget(buttons)
        self.problem.hide()
        self.resize(px(560), self.sizeHint().height())

    def _table(self, name: str) -> QTableWidget:
        value = self._values[name]
        table = QTableWidget(*value.shape)
        table.setVerticalHeaderLabels(rows(self._spec))
        table.setHorizontalHeaderLabels([str(unit + 1) for unit in range(value.shape[1])])
        table.setFont(fonts.mono(12))
        table.setAccessibleName(name)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.horizontalHeader().setDefaultSectionSize(px(64))
        table.verticalHeader().setDefaultSectionSize(px(28))
        for row in range(value.shape[0]):
            for unit in range(value.shape[1]):
                item = QTableWidgetItem(number(float(value[row, unit])))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                table.setItem(row, unit, item)
        table.setFixedHeight(px(28) * (min(6, value.shape[0]) + 1) + px(18))
        table.cellChanged.connect(lambda row, unit: self._on_cell_changed(name, row, unit))
        return table

    def _on_cell_changed(self, name: str, row: int, unit: int) -> None:
        item = self.tables[name].item(row, unit)
        assert item is not None
        text = item.text().strip().replace(MINUS, "-").replace(",", ".")
        old = self._values[name][row, unit]
        try:
            new = float(text)
        except ValueError:
            new = float("nan")
        if not np.isfinite(new):
            self.problem.setText(self.tr("“{}” is not a number; it must be one such as −0.5").format(item.text()))
            self.problem.show()
            new = float(old)
        else:
            self.problem.hide()
        self.tables[name].blockSignals(True)
        item.setText(number(new))
        self.tables[name].blockSignals(False)
        if new != old:
            value = self._values[name].copy()
            value[row, unit] = new
            self._values[name] = value
            self.changed.emit(dict(self._values))
