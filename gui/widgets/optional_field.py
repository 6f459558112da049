"""A number that may be left open: a tick box beside its field."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from gui.theme import px
from gui.widgets.fields import FloatField


class OptionalField(QWidget):
    """A real number, or None where the box is not ticked.

    Parameters
    ----------
    default : float
        What the field holds when the box is ticked for the first time.
    name : str
        What is set here, for screen readers.
    tip : str
        What the tick means.
    """

    committed = Signal(object)
    """The user has put in another number, or None."""

    def __init__(
        self, default: float, name: str = "", tip: str = "", step: float = 0.5, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._default = default
        self.box, self.field = QCheckBox(), FloatField(default, step=step)
        self.box.setAccessibleName(name)
        self.box.setToolTip(tip)
        self.field.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        row.addWidget(self.box)
        row.addWidget(self.field)
        self.setFocusProxy(self.box)
        self.box.clicked.connect(self._on_clicked)
        self.field.committed.connect(self._on_committed)
        self.set_value(None)

    def value(self) -> float | None:
        """Return the number, or None."""
        return self.field.value() if self.box.isChecked() else None

    def set_value(self, value: float | None) -> None:
        """Show a number, or None, without a signal."""
        self.box.setChecked(value is not None)
        self.field.setEnabled(value is not None)
        if value is None:
            self.field.clear()
        else:
            self._default = value
            self.field.set_value(value)

    def _on_clicked(self) -> None:
        self.set_value(self._default if self.box.isChecked() else None)
        self.committed.emit(self.value())

    def _on_committed(self, value: float) -> None:
        if self.box.isChecked():
            self.committed.emit(value)
