"""The timeline below the score: what each token position is, as arrays, so that a thousand cost nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace
from engine.narration import Words

FORWARD, LOSS, BACKWARD = 0, 1, 2
PHASES = ("forward", "loss", "backward")


@dataclass(frozen=True, eq=False)
class TimelineFrame:
    """Every token position in playing order.

    Attributes
    ----------
    phases : ndarray (n,) uint8
        FORWARD, LOSS or BACKWARD.
    columns : ndarray (n,) intp
        The score's column of each.
    steps : ndarray (n,) intp
        The step of its part, from 0.
    totals : ndarray (n,) intp
        How many steps that part has.
    parts : tuple of str
        The part of each position: "", "encoder" or "decoder".
    lanes : tuple of str
        In a bidirectional network which lane a position is about ("l0_reverse"), "output" where none; else empty.
    labels : tuple of str
        The name of the column of each position; empty for the loss.
    """

    phases: np.ndarray
    columns: np.ndarray
    steps: np.ndarray
    totals: np.ndarray
    parts: tuple[str, ...]
    lanes: tuple[str, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.phases)


_NONE = np.zeros(0, dtype=np.intp)
EMPTY = TimelineFrame(_NONE, _NONE, _NONE, _NONE, (), (), ())


def timeline(trace: Trace, words: Words) -> TimelineFrame:
    """Lay the token positions of a run out."""
    phases, columns, steps, totals = [], [], [], []
    parts: list[str] = []
    lanes: list[str] = []
    several = any(lane.reverse for lane in trace.lanes.values())
    for stretch in trace.events.stretches:
        n = stretch.count
        own = stretch.first + np.arange(n) * (-1 if stretch.backwards else 1)
        phases.append(np.full(n, PHASES.index(stretch.phase), dtype=np.uint8))
        steps.append(own)
        columns.append(trace.timeline.offset(stretch.part) + own)
        totals.append(np.full(n, trace.timeline.steps(stretch.part)))
        parts += [stretch.part] * n
        lane = stretch.lanes[0].prefix if len(stretch.lanes) == 1 else "" if stretch.lanes else "output"
        lanes += [lane if several and stretch.phase != "loss" else ""] * n
    at = np.concatenate(columns).astype(np.intp)
    kinds = np.concatenate(phases)
    names = [words.columns[c] if c < len(words.columns) else str(c + 1) for c in range(len(trace.timeline))]
    labels = tuple(
        "" if kind == LOSS else names[column] for kind, column in zip(kinds.tolist(), at.tolist(), strict=True)
    )
    return TimelineFrame(
        kinds, at, np.concatenate(steps).astype(np.intp), np.concatenate(totals).astype(np.intp),
        tuple(parts), tuple(lanes), labels,
    )  # fmt: skip
