"""What the network puts out at each emitting step, and how far that is from the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace
from engine.losses import LOSSES
from engine.narration import Words
from gui.frames.progress import NEVER, Progress

BEST = 3
ALL_UP_TO = 4
"""So many classes or fewer are all listed, in their own order, where there is one output."""


@dataclass(frozen=True)
class Choice:
    """One class and its probability; whether it is the target."""

    index: int
    label: str
    share: float
    target: bool


@dataclass(frozen=True, eq=False)
class OutputsFrame:
    """Every output of a run, for the chosen sequence.

    Attributes
    ----------
    classes : bool
        True where an output is a choice among classes; False where it is a vector of numbers.
    labels : tuple of str
    columns : ndarray (S,)
        The score's column that emits each.
    positions : ndarray (S,)
        The token position that computes each; ``loss_position`` is the one that computes every ℓ.
    y : ndarray (S, O)
    target : ndarray or None
        Class ids (S,), or (S, O).
    loss : ndarray (S,) or None
        ℓ of each output; NaN where it is not scored or padding.
    total : float or None
        The loss of this sequence.
    """

    classes: bool
    labels: tuple[str, ...]
    columns: np.ndarray
    positions: np.ndarray
    loss_position: int
    y: np.ndarray
    target: np.ndarray | None
    loss: np.ndarray | None
    total: float | None

    @property
    def single(self) -> bool:
        """Whether there is one output only."""
        return len(self.columns) == 1

    @property
    def all_listed(self) -> bool:
        """Whether every class is listed, in its own order."""
        return self.single and self.y.shape[1] <= ALL_UP_TO

    @property
    def rows(self) -> int:
        """How many lines the list of one output has."""
        return min(self.y.shape[1], ALL_UP_TO if self.all_listed else BEST)

    def label(self, index: int) -> str:
        """The name of a class."""
        return self.labels[index] if index < len(self.labels) else str(index)

    def best(self, output: int) -> tuple[Choice, ...]:
        """The likeliest classes; the target takes the last place where it is not among them."""
        y = self.y[output]
        if self.all_listed:
            order = np.arange(len(y))
        else:
            order = np.argsort(-np.nan_to_num(y, nan=-np.inf), kind="stable")[: self.rows]
        wanted = None if self.target is None or not self.classes else int(self.target[output])
        if wanted is not None and wanted not in order and self.loss is not None and np.isfinite(self.loss[output]):
            order[-1] = wanted
        return tuple(Choice(int(i), self.label(int(i)), float(y[i]), int(i) == wanted) for i in order)

    def at(self, column: int) -> int | None:
        """The output that a column emits."""
        found = np.flatnonzero(self.columns == column)
        return int(found[0]) if found.size else None

    def known(self, output: int, position: float) -> bool:
        """Whether an output is computed."""
        return bool(self.positions[output] < position)

    def scored(self, position: float) -> bool:
        """Whether the loss is computed."""
        return self.loss is not None and self.loss_position < position and self.loss_position != NEVER


def outputs(trace: Trace, progress: Progress, words: Words) -> OutputsFrame:
    """Gather the outputs of a run."""
    b, batch = words.sequence, trace.batch
    y = trace.value("output.y")[:, b]
    offset = trace.timeline.offset(trace.timeline.output_part)
    loss, total, target = None, None, None
    if trace.has_gradients and batch.target is not None:
        target = batch.target[:, b]
        each = np.array(trace.value("loss")[:, b, 0], dtype=float)
        counted = batch.weights[:, b] != 0
        loss = np.where(counted, each, np.nan)
        total = float(each[counted].sum()) / (int(counted.sum()) or 1 if batch.reduction == "mean" else 1)
    return OutputsFrame(
        LOSSES[trace.spec.loss].class_targets, words.labels, offset + trace.output_steps, progress.outputs,
        progress.loss, y, target, loss, total,
    )  # fmt: skip
