"""What the window has found out about the run: what an experiment shows, and where a run stops being numbers."""

from __future__ import annotations

from functools import partial

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from engine import Trace, analysis, tasks
from engine.analysis import NotFinite
from gui.state.analyses import Key
from gui.state.app_state import AppState
from gui.state.project import Project
from gui.theme import px
from gui.widgets import Banner

FINITE = "findings.finite"
JUMP = "jump"


class Findings(QWidget):
    """Two banners; without height where there is nothing to say."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._found: NotFinite | None = None
        self._dismissed: tuple[object, ...] = ()
        self._fact, self._broken = Banner(), Banner()
        self._broken.action.connect(self._on_jump)
        self._broken.dismissed.connect(self._on_dismissed)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(2), px(8), px(6))
        column.setSpacing(px(4))
        for banner in (self._fact, self._broken):
            banner.hide()
            banner.installEventFilter(self)
            column.addWidget(banner)
        self.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        state.session.trace_changed.connect(self._on_trace_changed)
        state.session.computed.connect(self._on_computed)
        state.document.project_changed.connect(self._on_project_changed)
        if state.session.trace is not None:
            self._on_trace_changed(state.session.trace)

    def shown(self) -> list[str]:
        """Return what is being said now."""
        return [banner.text() for banner in (self._fact, self._broken) if not banner.isHidden()]

    def say_fact(self) -> None:
        """Say what the open experiment shows; nothing where the project is none."""
        experiment = self._state.document.task
        if experiment.id not in tasks.experiments:
            return
        text = self.tr(experiment.fact)  # type: ignore[attr-defined]
        source = experiment.source  # type: ignore[attr-defined]
        self._fact.show_message(f"{text} ({source})" if source else text, "info")
        self._fact.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take no room where nothing is said."""
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self.setVisible(not (self._fact.isHidden() and self._broken.isHidden()))
        return super().eventFilter(watched, event)

    def _on_project_changed(self, new: Project, old: Project) -> None:
        if new.task is not old.task:
            self._fact.hide()
            self._broken.hide()
            self._dismissed = ()

    # What is not finite ----------------------------------------------------------------------------------

    def _on_trace_changed(self, trace: Trace | None) -> None:
        self._look(trace)

    def _on_computed(self, key: Key) -> None:
        if key[0] == FINITE:
            self._look(self._state.session.trace)

    def _look(self, trace: Trace | None) -> None:
        """Ask for the first value that is not finite, on another thread, and say it when it is there."""
        if trace is None:
            return
        sequence = self._state.session.words.sequence
        found = self._state.session.compute((FINITE, sequence), partial(_first, sequence=sequence))
        if found is None:
            return  # `computed` follows
        self._found = found if isinstance(found, NotFinite) else None
        if self._found is None:
            self._broken.hide()
            return
        facts = (self._found.key, self._found.step, self._found.unit, self._found.gradient)
        if facts != self._dismissed:
            self._broken.show_message(sentence(trace, self._found), "warning", [(JUMP, self.tr("Go there"))])
            self._broken.show()

    def _on_dismissed(self) -> None:
        if self._found is not None:
            self._dismissed = (self._found.key, self._found.step, self._found.unit, self._found.gradient)

    def _on_jump(self, id: str) -> None:
        """Put the playhead behind the operation, and select its unit."""
        found, trace = self._found, self._state.session.trace
        if found is None or trace is None:
            return
        self._state.playback.pause()
        self._state.cursor.go_index(found.event.index + 1)
        prefix, _, name = found.key.partition(".") if found.key.startswith("output") else _split(trace, found.key)
        if prefix == "output":
            self._state.selection.select(prefix, found.step, found.unit, "y")
        elif prefix in trace.lanes:
            shown = name if name in trace.graph.recorded else trace.graph.states[0]
            self._state.selection.select(prefix, found.step, found.unit, shown, found.gradient)


def _first(trace: Trace, sequence: int) -> NotFinite | str:
    """The job of the worker; an empty text where all is finite, since None means that it is not there yet."""
    return analysis.first_not_finite(trace, sequence) or ""


def _split(trace: Trace, key: str) -> tuple[str, str, str]:
    """A lane's key as prefix, dot and name; the name may have dots of its own."""
    prefix = next((prefix for prefix in trace.lanes if key.startswith(f"{prefix}.")), "")
    return prefix, ".", key.removeprefix(f"{prefix}.")


def sentence(trace: Trace, found: NotFinite) -> str:
    """Say where a run stops being numbers: step, operation and unit."""
    tr, infinite = _tr, not np.isnan(found.value)
    what = tr("infinite") if infinite else tr("not a number")
    prefix, _, name = _split(trace, found.key)
    step, unit = found.step + 1, found.unit + 1
    if found.key == "loss":
        return tr("The loss of output {} is {}.").format(step, what)
    if not prefix:
        return tr("Output {} is {}: {} is so first, in class {}.").format(step, what, found.key, unit)
    several = len(trace.lanes) > 1
    at = f"{step} ({prefix})" if several else str(step)
    if found.gradient:
        text = tr("Going back, the first gradient that is {} is that of {}: at step {}, in unit {}.")
        return text.format(what, name, at, unit)
    first = tr("{} overflows first, in unit {}.") if infinite else tr("{} is so first, in unit {}.")
    state = trace.value(f"{prefix}.{trace.graph.states[0]}")[:, found.sequence]
    later = state[: found.step + 1] if trace.lanes[prefix].reverse else state[found.step :]
    lost = ~np.isfinite(later).all(axis=-1)
    if lost.all():
        return tr("From step {} on the state is {}: ").format(at, what) + first.format(name, unit)
    if lost.any():
        return tr("At step {} a value is {}, and the state is lost: ").format(at, what) + first.format(name, unit)
    text = tr("At step {} {} is {} in unit {}; the state stays finite.")
    return text.format(at, name, what, unit)


def _tr(text: str) -> str:
    return QCoreApplication.translate("findings", text)
