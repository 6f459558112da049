"""What the sentences call things, and the small questions they all ask of a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Segments = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Words:
    """What things are called, and which sequence of the batch is meant.

    Attributes
    ----------
    columns : tuple of str
        One name for each column of the score ("like", "<bos>"); empty: "step 5".
    labels : tuple of str
        One name for each output class; empty: "class 2".
    sequence : int
        Which sequence of the batch the sentences speak of.
    own_answer : bool
        Whether the target is what the network itself answered, since nobody said what is right.
    """

    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sequence: int = 0
    own_answer: bool = False

    def column(self, index: int) -> str:
        """The name of a column in quotes, or its step."""
        return f"“{self.columns[index]}”" if index < len(self.columns) else f"step {index + 1}"

    def label(self, index: int) -> str:
        """The name of a class."""
        return f"“{self.labels[index]}”" if index < len(self.labels) else f"class {index}"


def words(
    trace: Any, tokens: Sequence[str] = (), labels: Sequence[str] = (), sequence: int = 0, own_answer: bool = False
) -> Words:
    """Name every column of a run: the input's tokens, and what was fed back into the others.

    Parameters
    ----------
    trace : engine.Trace
    tokens : sequence of str
        One for each input step.
    labels : sequence of str
        One for each output class.
    sequence : int
    own_answer : bool
        As in :class:`Words`.
    """
    if not tokens:
        return Words((), tuple(labels), sequence, own_answer)
    found, fed = [], trace.fed_back
    for column in trace.timeline.columns:
        if column.reads is not None:
            found.append(tokens[column.reads] if column.reads < len(tokens) else "<pad>")
        elif column.feedback is not None and fed is not None:
            ident = int(fed[column.step, sequence])
            found.append("<bos>" if ident < 0 else labels[ident] if ident < len(labels) else f"class {ident}")
        else:
            found.append("y" if column.feedback is not None else "·")
    return Words(tuple(found), tuple(labels), sequence, own_answer)


def plain(segments: Segments) -> str:
    """Join the segments of a sentence."""
    return "".join(text for text, _ in segments)


def norm(vector: np.ndarray) -> float:
    """‖v‖₂, scaled by the largest entry so that it neither over- nor underflows."""
    largest = float(np.abs(vector).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm((vector / largest).astype(np.float64)))


def lanes_of(trace: Any, event: Any) -> list[Any]:
    """The lanes a token position completes, the top layer first."""
    found = [lane for lane in trace.lanes.values() if lane.part == event.part]
    if event.layer is None and any(lane.reverse for lane in found):
        return []  # the outputs of a bidirectional network come after its lanes, by themselves
    if event.layer is not None:
        found = [lane for lane in found if (lane.layer, lane.direction) == (event.layer, event.direction)]
    return found[::-1]


def which_lane(trace: Any, lane: Any) -> str:
    """How a lane is told from the others, where there are others."""
    several = [other for other in trace.lanes.values() if other.part == lane.part]
    if len(several) == 1:
        return ""
    directions = any(other.reverse for other in several)
    way = ("backwards, " if lane.reverse else "forwards, ") if directions else ""
    return f" ({way}layer {lane.layer + 1})" if len({other.layer for other in several}) > 1 else f" ({way[:-2]})"


def first_bad(vector: np.ndarray) -> int | None:
    bad = np.flatnonzero(~np.isfinite(vector))
    return int(bad[0]) if bad.size else None


def is_output(trace: Any, output: int, sequence: int) -> bool:
    """Whether an output of a sequence exists: it is not padding."""
    mask = trace.batch.output_mask
    return mask is None or bool(mask[output, sequence])


def is_padding(trace: Any, part: str, step: int, sequence: int) -> bool:
    """Whether a step of a part is padding in that sequence."""
    mask = trace.batch.step_mask(part)
    return mask is not None and not mask[step, sequence]
