"""The unrolled diagram: rows of cells, one for each layer and direction, each with its hidden vector."""

from __future__ import annotations

from dataclasses import dataclass

from engine import Trace
from gui.frames.heatmap import Block, Heatmap, heatmap
from gui.frames.progress import Progress


@dataclass(frozen=True, eq=False)
class Row:
    """One layer in one direction, over all parts.

    Attributes
    ----------
    layer : int
    reverse : bool
        Whether it reads the sequence from the end, so that its arrows go left.
    states : Heatmap
        Its hidden vectors.
    """

    layer: int
    reverse: bool
    states: Heatmap

    def joined(self, left: Block, right: Block) -> bool:
        """Whether the state of the left block's last step goes on into the right block."""
        return not self.reverse and left.prefix != right.prefix


@dataclass(frozen=True, eq=False)
class DiagramFrame:
    """What the unrolled diagram draws.

    Attributes
    ----------
    rows : tuple of Row
        From the top of the picture down: the last layer first, reverse above forward.
    emitting : dict of int to int
        Which output each emitting column puts out.
    reading : frozenset of int
        The columns that read something.
    """

    rows: tuple[Row, ...]
    emitting: dict[int, int]
    reading: frozenset[int]

    @property
    def layers(self) -> int:
        """How many layers there are."""
        return len({row.layer for row in self.rows})


def diagram(trace: Trace, progress: Progress, sequence: int) -> DiagramFrame:
    """Lay the cells of a run out in rows."""
    kinds = dict.fromkeys((lane.layer, lane.direction) for lane in trace.lanes.values())
    state = trace.graph.states[0]
    rows = tuple(
        Row(layer, way == "reverse", heatmap(trace, progress, layer, way, state, False, sequence))
        for layer, way in sorted(kinds, reverse=True)
    )
    columns = trace.timeline.columns
    return DiagramFrame(
        rows,
        {i: c.emits for i, c in enumerate(columns) if c.emits is not None},
        frozenset(i for i, c in enumerate(columns) if c.reads is not None or c.feedback is not None),
    )
