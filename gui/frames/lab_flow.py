"""How much of each loss reaches each state, and how much each state shapes later ones, as a matrix and as bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace, analysis

DROP = 1e-6
EXACT = 160_000
"""With more cells than these, rows are dropped once they have fallen below ``DROP`` of their start."""
DECADES = 8
EDGES = (0, 1, 2, 4, 8, 16)
LOSS, STATE = "loss", "state"
HEAVY = 4e10
"""More multiplications than these for the state's own flow take too long to wait for."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a run.

    Attributes
    ----------
    measure : str
        ``LOSS``: ‖∂L_s/∂h_k‖; ``STATE``: ‖∂h_t/∂h_k‖.
    prefix : str
        The lane's.
    state : str
        "h", "c".
    unit : int or None
        One unit's share of the first measure; None: the norm of all.
    sequence : int
        Of the batch.
    """

    measure: str
    prefix: str
    state: str = "h"
    unit: int | None = None
    sequence: int = 0


@dataclass(frozen=True, eq=False)
class FlowFrame:
    """The matrix and the bands.

    Attributes
    ----------
    wanted : Wanted
    values : ndarray (R, T)
        Rows are outputs, or steps for the second measure; columns are the lane's steps.
    empty : ndarray (R, T) bool
        Cells that nothing can reach, or that were dropped.
    rows, columns : ndarray of int
        The score's column of each row and column.
    low, high : int
        The visible range, 10**low to 10**high.
    dropped : bool
        Whether rows were left out below ``DROP`` of their start.
    bands : ndarray (6, T), or None
        ‖Σ of the gradients in a band‖, by the band's distance (``EDGES``); for the first measure.
    net : ndarray (T,), or None
        The norm of all of them together.
    """

    wanted: Wanted
    values: np.ndarray
    empty: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    low: int
    high: int
    dropped: bool
    bands: np.ndarray | None
    net: np.ndarray | None


def flow(trace: Trace, wanted: Wanted) -> FlowFrame:
    """Compute matrix and bands; a job for a worker.

    Raises
    ------
    ValueError
        The run had no target, or ‖∂h_t/∂h_k‖ of so long a sequence would take too long.
    """
    lane, line = trace.lanes[wanted.prefix], trace.timeline
    where = (lane.layer, lane.direction, lane.part)
    T = line.steps(lane.part)
    columns = line.offset(lane.part) + np.arange(T)
    if wanted.measure == STATE:
        return _of_state(trace, wanted, where, columns)
    drop = DROP if trace.batch.S * T > EXACT else 0.0
    values = analysis.gradient_flow(trace, wanted.state, *where, drop=drop, unit=wanted.unit, sequence=wanted.sequence)
    bands, net = analysis.gradient_bands(
        trace, wanted.state, *where, edges=EDGES, drop=drop, unit=wanted.unit, sequence=wanted.sequence
    )
    rows = line.offset(line.output_part) + np.asarray(line.output_steps)
    low, high = decades(values)
    return FlowFrame(wanted, values, values == 0, rows, columns, low, high, drop > 0, bands, net)


def _of_state(trace: Trace, wanted: Wanted, where: tuple[int, str, str], columns: np.ndarray) -> FlowFrame:
    T, size = len(columns), trace.spec.hidden_size
    drop = DROP if T * T > EXACT else 0.0
    followed = T if not drop else min(T, 60)
    if T * followed * size**3 * len(trace.graph.states) > HEAVY:
        raise ValueError(
            f"‖∂h_t/∂h_k‖ of {T} steps and {size} units takes a decomposition for each pair; "
            "a shorter sequence or a smaller network shows it, and ‖∂L_s/∂h_k‖ is there for this one"
        )
    values = analysis.state_flow(trace, *where, wanted.sequence, drop=drop)
    low, high = decades(values)
    return FlowFrame(wanted, values, values == 0, columns, columns, low, high, drop > 0, None, None)


def alone(trace: Trace, output: int, state: str) -> dict[str, np.ndarray]:
    """∂L_s/∂ a state of one output's loss alone, (T, B, H) of every lane; a job for a worker."""
    return {
        prefix: analysis.horizon(trace, output, state, lane.layer, lane.direction, lane.part)
        for prefix, lane in trace.lanes.items()
    }


def decades(values: np.ndarray) -> tuple[int, int]:
    """The powers of ten between which the positive values are shown, at most ``DECADES`` of them."""
    sizes = values[np.isfinite(values) & (values > 0)]
    if not sizes.size:
        return -1, 0
    high = int(np.ceil(np.log10(sizes.max())))
    low = int(np.floor(np.log10(sizes.min())))
    return max(min(low, high - 1), high - DECADES), high
