"""Where a run first stopped being numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.analysis.arguments import whole
from engine.events import Event


@dataclass(frozen=True)
class NotFinite:
    """The first value of a run that is NaN or infinite, in playing order.

    Attributes
    ----------
    event : Event
        The position at which it is computed.
    key : str
        Of the operation ("l0.W_hh h", "output.logits").
    step, sequence, unit : int
    value : float
    gradient : bool
        True for a gradient of the backward pass.
    """

    event: Event
    key: str
    step: int
    sequence: int
    unit: int
    value: float
    gradient: bool


def first_not_finite(trace: Any, sequence: int | None = None) -> NotFinite | None:
    """Find the first non-finite value of a run: step, operation and unit; None where all are finite.

    Parameters
    ----------
    trace : engine.Trace
    sequence : int, optional
        Look at one sequence of the batch only.

    Raises
    ------
    ValueError
        There is no such sequence.

    Notes
    -----
    What a run recorded is looked through first, all at once; single operations are replayed only for the positions
    up to the first that holds something that is not finite.
    """
    chosen = slice(None)
    if sequence is not None:
        sequence = whole("sequence", sequence, 0, trace.batch.B - 1)
        chosen = slice(sequence, sequence + 1)
    for gradient in (False, True) if trace.has_gradients else (False,):
        bad = _bad_columns(trace, gradient, chosen)
        if not bad:
            continue
        for token in range(len(trace.events.tokens)):
            event = trace.events.token(token)
            if (event.phase == "backward") is gradient and (event.part, event.step) in bad:
                found = _within(trace, token, gradient, chosen)
                if found is not None:
                    return found
    return None


def _bad_columns(trace: Any, gradient: bool, chosen: slice) -> set[tuple[str, int]]:
    """Which (part, step) hold a recorded value that is not finite."""
    found: set[tuple[str, int]] = set()
    last = trace.timeline.output_part
    for key in trace.keys():  # noqa: SIM118 (a trace is no dict)
        array = (trace.grad if gradient else trace.value)(key)[:, chosen]
        steps = np.flatnonzero(~np.isfinite(array).all(axis=(1, 2)))
        if key.startswith("output.") or key == "loss":
            found |= {(last, int(trace.output_steps[s])) for s in steps}
            if key == "loss" and steps.size:
                found.add((last, trace.timeline.steps(last) - 1))
        else:
            part = trace.lanes[key.rsplit(".", 1)[0]].part
            found |= {(part, int(t)) for t in steps}
    return found


def _within(trace: Any, token: int, gradient: bool, chosen: slice) -> NotFinite | None:
    """The first operation of one position whose value is not finite."""
    events = trace.events
    start = 0 if token == 0 else int(events.tokens[token - 1]) + 1
    for index in range(start, int(events.tokens[token])):
        event = events[index]
        key, step = key_of(trace, event)
        array = (trace.grad if gradient else trace.value)(key)[step, chosen]
        bad = np.argwhere(~np.isfinite(array))
        if len(bad):
            b, unit = (int(i) for i in bad[0])
            sequence = b if chosen.start is None else chosen.start
            return NotFinite(event, key, step, sequence, unit, float(array[b, unit]), gradient)
    return None


def key_of(trace: Any, event: Event) -> tuple[str, int]:
    """The key of an operation's value, and the step at which it stands along that key's time axis."""
    if event.operation == "loss":
        losses = trace.value("loss")
        bad = np.flatnonzero(~np.isfinite(losses).all(axis=(1, 2)))
        return "loss", int(bad[0]) if bad.size else len(losses) - 1
    if event.operation in ("logits", "y"):
        return f"output.{event.operation}", int(np.flatnonzero(trace.output_steps == event.step)[0])
    for lane in trace.lanes.values():
        if (lane.part, lane.layer, lane.direction) == (event.part, event.layer, event.direction):
            return lane.key(event.operation), event.step
    raise ValueError(f"{event} belongs to no lane")
