"""The gradient through one step, in numbers: what arrived, what travelled on, what the step's own loss added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.narration import norm
from gui.frames.inspector import Inspection, Place

LARGEST_JACOBIAN = 128
"""Above this hidden size a singular value takes too long between two frames."""


@dataclass(frozen=True)
class Flow:
    """What becomes of ∂L/∂ one state at a step.

    Attributes
    ----------
    state : str
        "h" or "c".
    arriving : float or None
        ‖∂L/∂ state‖ at the step computed after this one; None where there is no later step, or not reached.
    travelled : float or None
        ‖J_{t+1}ᵀ ∂L/∂ state_{t+1}‖, the part that comes through time; to an encoder's last step from the decoder's
        first.
    own : float or None
        ‖·‖ of what the step's own output, the layer above or (for c) the step's own h adds.
    total : float or None
        ‖∂L/∂ state‖ here.
    unit : float or None
        The chosen unit's component of it.
    """

    state: str
    arriving: float | None
    travelled: float | None
    own: float | None
    total: float | None
    unit: float | None

    @property
    def factor(self) -> float | None:
        """How much of the arriving size is left; None where nothing arrived."""
        if self.travelled is None or not self.arriving:
            return None
        return self.travelled / self.arriving


@dataclass(frozen=True)
class GradientFrame:
    """The gradient through one step.

    Attributes
    ----------
    reached : bool
        Whether the playhead has brought the gradient back to this step.
    last : bool
        Whether no step is computed after it in its part.
    crossing : bool
        Whether what travels here comes from the decoder: at the last step of an encoder.
    flows : tuple of Flow
        One for each state.
    source : str
        Where h gets what does not travel through time: "output", "above" (the layer above), or empty: nowhere.
    sigma_max : float or None
        σ_max(J_{t+1}), for the vanilla cell, where J = diag(f′(a)) W_hh.
    slope : float or None
        Mean of f′(a_{t+1}) over the units.
    nonlinearity : str
        Of the vanilla cell; empty for the others.
    """

    reached: bool
    last: bool
    crossing: bool
    flows: tuple[Flow, ...]
    source: str = ""
    sigma_max: float | None = None
    slope: float | None = None
    nonlinearity: str = ""


def travelled(inspection: Inspection, place: Place) -> dict[str, np.ndarray]:
    """For each state J_{t+1}ᵀ ∂L/∂s_{t+1}, replayed through the one step computed after the place's.

    Returns
    -------
    dict of ndarray (H,)
        Zeros where no step is computed after it; at an encoder's last step what comes from the decoder.
    """
    trace, lane, b = inspection.trace, place.lane, place.sequence
    states, H = trace.graph.states, trace.spec.hidden_size
    if _crossing(place):
        return {state: trace.travelled(lane.key(state))[place.step, b] for state in states}
    if place.after is None:
        return {state: np.zeros(H) for state in states}
    later = inspection.place(place.prefix, place.after)
    if inspection.padding(later):
        return {state: trace.grad(lane.key(state))[place.after, b] for state in states}
    known = {name: trace.grad(lane.key(name))[place.after, b] for name in trace.graph.recorded}
    pulled = trace.graph.pull(np, inspection.values(later), {}, known)
    found = {}
    for state in states:
        part = pulled[trace.graph.by_name[f"{state}_prev"]]
        found[state] = np.zeros(H) if part is None else np.asarray(part)
    return found


def gradient(inspection: Inspection, place: Place, position: int, unit: int) -> GradientFrame | None:
    """Say what the playhead has shown of the gradient at a step; None for a run without a backward pass."""
    trace, lane, b = inspection.trace, place.lane, place.sequence
    if not trace.has_gradients:
        return None
    reached = inspection.returned(place.prefix, place.step, position)
    first = f"decoder.l{lane.layer}"
    came_from = (first, 0) if _crossing(place) else None if place.after is None else (place.prefix, place.after)
    arrived = came_from is not None and inspection.returned(*came_from, position)
    parts = travelled(inspection, place) if reached else {}
    flows = []
    for state in trace.graph.states:
        whole = trace.grad(lane.key(state))
        arriving = None
        if arrived and came_from is not None:
            arriving = norm(trace.grad(f"{came_from[0]}.{state}")[came_from[1], b])
        if not reached:
            flows.append(Flow(state, arriving, None, None, None, None))
            continue
        here = whole[place.step, b]
        through = None if came_from is None else norm(parts[state])
        own, total = norm(here - parts[state]), norm(here)
        # What is left of a difference of equals is rounding, not a gradient.
        own = 0.0 if own <= 32 * np.finfo(here.dtype).eps * total else own
        flows.append(Flow(state, arriving, through, own, total, float(here[unit])))
    sigma, slope = _jacobian(inspection, place) if reached else (None, None)
    plain = "" if trace.graph.cell.gates else trace.spec.nonlinearity
    last, crossing = place.after is None, _crossing(place)
    return GradientFrame(reached, last, crossing, tuple(flows), source(inspection, place), sigma, slope, plain)


def _crossing(place: Place) -> bool:
    """Whether a place's gradient comes through the decoder's initial state."""
    return place.after is None and place.lane.part == "encoder"


def source(inspection: Inspection, place: Place) -> str:
    """Where the hidden state of a step gets the part of its gradient that does not come through time."""
    trace, lane = inspection.trace, place.lane
    if any(other.part == lane.part and other.layer > lane.layer for other in trace.lanes.values()):
        return "above"
    if lane.part == "encoder":
        return ""
    steps = trace.timeline.reverse_output_steps if lane.reverse else trace.output_steps
    return "output" if place.step in steps else ""


def _jacobian(inspection: Inspection, place: Place) -> tuple[float | None, float | None]:
    """σ_max of J = diag(f′(a_{t+1})) W_hh and the mean of f′, for a cell that is one squashed sum."""
    trace = inspection.trace
    if trace.graph.cell.gates or place.after is None:
        return None, None
    later = inspection.place(place.prefix, place.after)
    if inspection.padding(later):
        return None, None
    node = trace.graph.node(trace.graph.states[0])
    values = inspection.values(later)
    ones = np.ones(trace.spec.hidden_size)
    slope = np.asarray(node.op.pull(np, ones, values[node.index], *(values[arg] for arg in node.args))[0], dtype=float)
    sigma = None
    if len(slope) <= LARGEST_JACOBIAN and np.isfinite(slope).all():
        jacobian = slope[:, None] * inspection.weights(place.prefix)["W_hh"]
        sigma = float(np.linalg.svd(jacobian, compute_uv=False)[0]) if np.isfinite(jacobian).all() else None
    return sigma, float(slope.mean())
