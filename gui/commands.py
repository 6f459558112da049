"""What each action of the table does to the state; what concerns the window itself is the window's."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QObject

from gui.actions.binder import Binder
from gui.actions.table import shown
from gui.state.app_state import AppState
from gui.state.cursor import OPERATION, TOKEN
from gui.theme import themes


def on_state(state: AppState) -> dict[str, Callable[..., object]]:
    """The calls of the actions that only need the state, by the actions' ids."""
    document, cursor, session = state.document, state.cursor, state.session

    def to_loss() -> None:
        if session.trace is not None:
            cursor.go_to("loss", len(session.trace.timeline) - 1)

    def by_operation(wanted: bool) -> None:
        cursor.granularity = OPERATION if wanted else TOKEN

    def force(wanted: bool) -> None:
        text = QCoreApplication.translate("actions", "change of teacher forcing")
        document.edit(text, teacher_forcing=wanted)

    return {
        "edit.undo": document.undo,
        "edit.redo": document.undo_stack.redo,
        "edit.reseed": document.reseed,
        "view.zoom_in": themes().zoom_in,
        "view.zoom_out": themes().zoom_out,
        "view.zoom_reset": themes().zoom_reset,
        "run.play": lambda wanted: state.playback.toggle(),
        "run.forward": lambda: cursor.step(1),
        "run.back": lambda: cursor.step(-1),
        "run.first": cursor.first,
        "run.loss": to_loss,
        "run.last": cursor.last,
        "run.operations": by_operation,
        "run.teacher_forcing": force,
        "run.cancel": session.cancel,
    }


class Enabling(QObject):
    """Keeps the actions' texts, ticks and availability in step with the state."""

    def __init__(self, state: AppState, actions: Binder, parent: QObject) -> None:
        super().__init__(parent)
        self._state, self._actions = state, actions
        stack = state.document.undo_stack
        stack.indexChanged.connect(self._follow)
        state.document.drawing_changed.connect(self._follow)
        state.document.project_changed.connect(self._follow)
        state.session.trace_changed.connect(self._follow)
        state.session.training_changed.connect(self._follow)
        state.cursor.changed.connect(self._follow_cursor)
        state.cursor.granularity_changed.connect(self._follow_cursor)
        state.playback.playing_changed.connect(actions["run.play"].setChecked)
        self._follow()

    def _follow(self) -> None:
        stack, actions, project = self._state.document.undo_stack, self._actions, self._state.document.project
        wanted = self._state.document.wanted
        undo, redo = stack.undoText() if wanted is None else wanted.text, stack.redoText()
        actions["edit.undo"].setText(f"{shown('&Undo')} {undo}".strip())
        actions["edit.undo"].setEnabled(self._state.document.can_undo)
        actions["edit.redo"].setText(f"{shown('&Redo')} {redo}".strip())
        actions["edit.redo"].setEnabled(stack.canRedo())
        trace, training = self._state.session.trace, self._state.session.training is not None
        actions["run.teacher_forcing"].setEnabled(project.spec.has_feedback)
        actions["run.teacher_forcing"].setChecked(project.spec.has_feedback and project.teacher_forcing)
        trainable = project.task.trainable
        reason = self.tr("“{}” has no examples to train on").format(self.tr(project.task.title))
        actions.explain("run.train", "" if trainable else reason)
        actions["run.train"].setEnabled(trainable and not training)
        actions["run.cancel"].setEnabled(training)
        actions["run.loss"].setEnabled(trace is not None and trace.has_gradients)
        self._follow_cursor()

    def _follow_cursor(self) -> None:
        cursor, actions = self._state.cursor, self._actions
        actions["run.play"].setEnabled(cursor.count > 0)
        for id in ("run.first", "run.back"):
            actions[id].setEnabled(cursor.index > 0)
        for id in ("run.forward", "run.last"):
            actions[id].setEnabled(cursor.index < cursor.total)
        actions["run.operations"].setChecked(cursor.granularity == OPERATION)
