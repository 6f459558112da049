"""Rounds of what a user does, and what a process holds after them: no more than before."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from engine import tasks
from engine.registry import cells
from gui.main_window import MainWindow
from gui.state import storing
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.file import File
from gui.state.looking import captured

PATIENCE_MS = 60_000


@dataclass(frozen=True)
class Held:
    """What the process holds at a moment.

    Attributes
    ----------
    memory : int
        Resident bytes.
    handles, threads, widgets, timers, objects : int
        Open files, the system's threads, top-level widgets, QTimers, and what Python's collector knows.
    """

    memory: int
    handles: int
    threads: int
    widgets: int
    timers: int
    objects: int


def held() -> Held:
    """What it holds now, once everything that can go has gone."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        QCoreApplication.processEvents()
        gc.collect()
    everything = gc.get_objects()
    with open("/proc/self/statm", encoding="ascii") as file:
        memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    handles, threads = (len(os.listdir(f"/proc/self/{folder}")) for folder in ("fd", "task"))
    timers = sum(type(thing) is QTimer for thing in everything)
    return Held(memory, handles, threads, len(QApplication.topLevelWidgets()), timers, len(everything))


def slope(values: Sequence[int]) -> float:
    """By how much a value grows from one to the next: the median over all pairs, which single outliers do not move."""
    points = np.array(values, float)
    first, second = np.triu_indices(len(points), 1)
    return float(np.median((points[second] - points[first]) / (second - first)))


def until(done: Callable[[], bool]) -> None:
    """Let Qt work until something is done."""
    late, tick = QTimer(), QTimer()
    late.setSingleShot(True)
    late.start(PATIENCE_MS)
    tick.start(5)  # what is waited for need not be an event of this thread
    while not done():
        assert late.isActive(), "what is waited for does not come"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def state_round(n: int, folder: Path) -> None:
    """Open a scenario, step, train, edit, undo, save, open again, close: the state without a window."""
    state = _opened(n)
    file = File(state, lambda: captured(state), state)
    try:
        _work(state, n)
        _keep(state, file, folder, n)
    finally:
        file.close()
        state.close()
        state.deleteLater()


def window_round(n: int, folder: Path) -> None:
    """The same in a window."""
    state = _opened(n)
    window = MainWindow(state)
    window.resize(1280, 800)
    window.show()
    try:
        _work(state, n)
        window.grab()
        _keep(state, window.filing.file, folder, n)
        window.grab()
    finally:
        window.filing.end(over=True)
        window.close()
        state.close()
        window.deleteLater()
        state.deleteLater()


def _opened(n: int) -> AppState:
    ids, names = tasks.ids(), cells.names()
    state = AppState(project=opened(ids[n % len(ids)], names[n % len(names)]))
    until(lambda: not state.session.running)
    return state


def _work(state: AppState, n: int) -> None:
    """Step through, look at a unit, train until weights have changed, edit, undo and redo."""
    document, session = state.document, state.session
    trace = session.trace
    assert trace is not None
    for _ in range(12):
        state.cursor.step()
    state.selection.select(next(iter(trace.lanes)), 0, 0)
    session.train()
    until(lambda: session.training is None or session.training.step > 0)
    session.cancel()
    parameters = {name: value * 1.01 for name, value in document.project.parameters.items()}
    document.edit("weights", parameters=parameters, weights="edited")
    document.set_field("hidden_size", 4 + n % 5)
    until(lambda: not session.running)
    document.edit("notes", notes=f"round {n}")
    document.undo()
    document.undo()
    document.undo_stack.redo()
    document.undo_stack.redo()
    until(lambda: not session.running)


def _keep(state: AppState, file: File, folder: Path, n: int) -> None:
    """Save, and open what was saved."""
    path = folder / f"{n % 3}.loopscope"
    file.save_as(path)
    until(lambda: not file.busy)
    assert storing.read(path).project.notes == f"round {n}"
    assert file.open(path)
    until(lambda: not file.busy and not state.session.running)
    assert state.document.project.notes == f"round {n}" and not file.modified
