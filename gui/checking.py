"""Any number of the backward pass, checked where it stands: finite difference and every engine, side by side."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from engine import analysis
from engine.analysis import Check
from engine.analysis.check import STEP
from engine.recording import engines
from gui import fonts
from gui.format import full, number
from gui.score import Score
from gui.state.analyses import Failed, Key
from gui.state.app_state import AppState
from gui.theme import px
from gui.tracks.base import Hit, reached
from gui.widgets import label, push_button

CHECK = "check"
AGREES = {"float64": 1e-6, "float32": 2e-2}
"""Relative errors up to which a finite difference agrees with a derivative in this precision."""
TINY = {"float64": 1e-9, "float32": 1e-5}
"""What the rounding of a finite difference comes to, whatever the size of the derivative."""

Wanted = tuple[str, tuple[int, ...]]


class Checking(QObject):
    """Opens a dialog for a number, and fills it when it is worked out.

    Parameters
    ----------
    state : AppState
    window : QWidget
        The dialogs' parent.
    """

    def __init__(self, state: AppState, window: QWidget) -> None:
        super().__init__(window)
        self._state, self._window = state, window
        self._score: Score | None = None
        self.dialog: CheckDialog | None = None

    def watch(self, score: Score) -> None:
        """Offer the check where a number of the score is right-clicked."""
        self._score = score
        score.canvas.installEventFilter(self)

    def selected(self) -> Wanted | None:
        """The selected number; None where none is, or where the run has no backward pass."""
        chosen = self._state.selection.value
        if chosen is None:
            return None
        return self._wanted(Hit(chosen.prefix, chosen.step, chosen.unit, chosen.name, chosen.gradient))

    def check_selected(self) -> None:
        """Check the selected number's gradient."""
        wanted = self.selected()
        if wanted is not None:
            self.check(*wanted)

    def check(self, key: str, index: tuple[int, ...]) -> None:
        """Check ∂L/∂ a number.

        Parameters
        ----------
        key : str
            A value ("l0.h") or a parameter ("weight_hh_l0").
        index : tuple of int
            (step, sequence, unit), or the parameter's.
        """
        if self.dialog is not None:
            self.dialog.close()
        title = heading(key, index, key in self._state.document.project.parameters)
        self.dialog = CheckDialog(self._state, key, index, title, self._window)
        self.dialog.finished.connect(self._on_finished)
        self.dialog.show()

    def menu(self, wanted: Wanted, gradient: bool, parent: QWidget) -> QMenu:
        """The menu of a number."""
        made = QMenu(parent)
        text = self.tr("Check this number…") if gradient else self.tr("Check the gradient of this number…")
        made.addAction(text).triggered.connect(lambda: self.check(*wanted))
        made.aboutToHide.connect(made.deleteLater)
        return made

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Answer a right click on a number of the score; all else passes."""
        if event.type() != QEvent.Type.ContextMenu or not isinstance(event, QContextMenuEvent) or self._score is None:
            return False
        at: QPoint = event.pos()
        found = self._score.scene.hit(at.x(), at.y())
        if found is None or found[2] is None or not reached(found[1], found[2]):
            return False
        wanted = self._wanted(found[2])
        if wanted is None:
            return False
        self.menu(wanted, found[2].gradient, self._score).popup(event.globalPos())
        return True

    def _wanted(self, hit: Hit) -> Wanted | None:
        trace = self._state.session.trace
        if trace is None or not trace.has_gradients or hit.unit is None:
            return None
        # The derivative with respect to a softmax's value is no number of the pass: it begins at the logits.
        key = "output.logits" if hit.prefix == "output" else f"{hit.prefix}.{hit.name}"
        return key, (hit.step, self._state.session.words.sequence, hit.unit)

    def _on_finished(self) -> None:
        self.dialog = None


def heading(key: str, index: tuple[int, ...], parameter: bool) -> str:
    """What is differentiated: ∂L/∂ weight_hh_l0[3, 5], or ∂L/∂ l0.h, step 5, unit 3; counted from 1."""
    if parameter:
        return f"∂L/∂ {key}[{', '.join(str(i + 1) for i in index)}]"
    step, sequence, unit = index
    text = QCoreApplication.translate("checking", "∂L/∂ {} at step {}, unit {}").format(key, step + 1, unit + 1)
    if sequence:
        text += QCoreApplication.translate("checking", ", sequence {}").format(sequence + 1)
    return text


class CheckDialog(QDialog):
    """One derivative, three ways, with all digits.

    Parameters
    ----------
    state : AppState
    key, index
        As in `Checking.check`.
    title : str
    """

    def __init__(self, state: AppState, key: str, index: tuple[int, ...], title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._state, self._wanted = state, (key, index)
        self._trace = state.session.trace
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Check this number"))
        self._heading = label(title, "heading")
        self.verdict = label(self.tr("Being worked out…"), "muted")
        self.verdict.setWordWrap(True)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(px(18))
        self._grid.setVerticalSpacing(px(4))
        self._grid.setColumnStretch(2, 1)
        self._copied = ""
        self.copy = push_button(self.tr("Copy"), "", self.tr("Copy the numbers with all their digits"))
        self.copy.setEnabled(False)
        self.copy.clicked.connect(self._on_copy)
        close = push_button(self.tr("Close"), "primary")
        close.clicked.connect(self.accept)
        close.setDefault(True)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.copy)
        buttons.addWidget(close)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(px(20), px(18), px(20), px(16))
        column.setSpacing(px(12))
        column.addWidget(self._heading)
        column.addLayout(self._grid)
        column.addWidget(self.verdict)
        column.addStretch(1)
        column.addLayout(buttons)
        self.setMinimumWidth(px(560))
        state.session.computed.connect(self._on_computed)
        self._ask()

    def text(self) -> str:
        """What is copied: a line a way, parted by tabs; empty before it is there."""
        return self._copied

    def _ask(self) -> None:
        key, index = self._wanted
        if self._state.session.trace is not self._trace:
            self.verdict.setText(self.tr("The run has changed meanwhile; check the number again."))
            return
        by = partial(analysis.checked, key=key, index=index)
        found = self._state.session.compute((CHECK, key, index), by)
        if isinstance(found, Failed):
            self.verdict.setText(found.message)
        elif found is not None and not self._copied:
            self._show(found)

    def _show(self, check: Check) -> None:
        assert self._trace is not None
        how = self.tr("(L(v + ε) − L(v − ε)) / 2ε, ε = {}, in float64: no chain rule")
        rows = [(self.tr("Finite difference"), full(check.difference), how.format(number(STEP, 1)))]
        for name, value in check.values.items():
            error = check.relative_error(name)
            said = self.tr("relative error {} · backward pass of this engine, in {}")
            rows.append((engines[name].title, full(value), said.format(number(error, 2), self._trace.spec.dtype)))
        rows += [(engines[name].title, "—", why) for name, why in check.missing.items()]
        for row, (name, digits, note) in enumerate(rows):
            self._grid.addWidget(label(name, "title"), 2 * row, 0)
            shown = QLabel(digits)
            shown.setFont(fonts.mono(13))
            shown.setTextFormat(Qt.TextFormat.PlainText)
            shown.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            shown.setAccessibleName(name)
            self._grid.addWidget(shown, 2 * row, 1, 1, 2)
            quiet = label(note, "small")
            quiet.setWordWrap(name in [engines[n].title for n in check.missing])
            self._grid.addWidget(quiet, 2 * row + 1, 1, 1, 2)
        self._copied = "\n".join([self._heading.text(), *("\t".join((n, v.replace("−", "-"), w)) for n, v, w in rows)])
        self.copy.setEnabled(True)
        self.verdict.setText(self._judged(check))
        self._column.activate()
        width = max(self.width(), self.sizeHint().width())
        self.resize(width, max(self.sizeHint().height(), self.heightForWidth(width)))

    def _judged(self, check: Check) -> str:
        """Whether they agree, as far as a finite difference can tell."""
        assert self._trace is not None
        dtype, values = self._trace.spec.dtype, check.values.values()
        size = max(abs(check.difference), *(abs(value) for value in values))
        if not size < float("inf"):
            return self.tr("This number is not finite: there is nothing to compare.")
        if size < TINY[dtype]:
            return self.tr("So small a derivative leaves a finite difference mostly rounding: compare the engines.")
        if max(abs(check.difference - value) for value in values) <= AGREES[dtype] * size + TINY[dtype]:
            return self.tr("They agree, as closely as a finite difference can tell.")
        return self.tr("They do not agree: near a kink of the function, or a mistake worth looking into.")

    def _on_computed(self, key: Key) -> None:
        if key[0] == CHECK:
            self._ask()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._copied)
