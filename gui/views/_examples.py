"""Held-out examples of a scenario, fetched beside the window."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtCore import QCoreApplication, QObject, Signal

from engine import tasks
from gui.work.worker import Worker

LISTED = 12


@dataclass(frozen=True, eq=False)
class Example:
    """One held-out sample: what was typed or drawn, what is right, and both in a line."""

    source: str | np.ndarray
    target: str | None
    text: str


class Examples(QObject):
    """Holds the examples of one scenario."""

    ready = Signal()
    """The examples of the scenario asked for last are there."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker: Worker | None = None
        self._task: tasks.Task | None = None
        self._found: tuple[Example, ...] = ()
        self._random = random.Random(0)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close)

    def fetch(self, task: tasks.Task) -> None:
        """Ask for a scenario's examples; nothing happens where they are there or on their way."""
        if task is not self._task:
            self._task, self._found = task, ()
            if self._worker is None:
                self._worker = Worker("examples", self)
                self._worker.done.connect(self._on_done)
            self._worker.submit(partial(_fetch, task))

    def close(self) -> None:
        """End the thread, where there is one."""
        if self._worker is not None:
            self._worker.close()
            self._worker.deleteLater()
            self._worker = None

    def listed(self) -> tuple[Example, ...]:
        """Some of them, the same ones every time; empty while they are on their way."""
        step = max(1, len(self._found) // LISTED)
        return self._found[::step][:LISTED]

    def draw(self, other_than: str = "") -> Example | None:
        """One at random; None while they are on their way."""
        left = [example for example in self._found if example.text != other_than]
        return self._random.choice(left) if left else None

    def _on_done(self, ticket: int, found: tuple[tasks.Task, tuple[Example, ...]]) -> None:
        task, examples = found
        if task is self._task:
            self._found = examples
            self.close()  # a scenario is opened now and then; no thread waits for it
            self.ready.emit()


def _fetch(task: tasks.Task) -> tuple[tasks.Task, tuple[Example, ...]]:
    """Read the held-out samples; runs on the worker's thread."""
    return task, tuple(_example(sample) for sample in task.split("test"))


def _example(sample: tasks.Sample) -> Example:
    target = " ".join(word for word in sample.target_tokens if word != "<eos>") or None
    if isinstance(sample.source, str):
        # The corpus knows what is right for its own sentences.
        return Example(sample.source, None, f"{sample.source}  →  {target}" if target else sample.source)
    return Example(sample.source, target, target or "")
