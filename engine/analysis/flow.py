"""How much of each loss reaches each state, and how much each state shapes each later one."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from engine import layout
from engine.analysis.arguments import share, whole
from engine.analysis.jacobians import step_jacobians
from engine.analysis.sweep import Sweep
from engine.layout import Lane


def gradient_flow(
    trace: Any, state: str = "h", layer: int = 0, direction: str = "forward", part: str | None = None, *,
    drop: float = 0.0, unit: int | None = None, sequence: int | None = None,
) -> np.ndarray:  # fmt: skip
    """‖∂L_s/∂h_k‖ for every output s and step k, exact for every pair.

    Parameters
    ----------
    trace : engine.Trace
        A run with a target.
    state : str
        "h", or another state of the cell ("c").
    layer, direction, part
        The lane; without ``part`` the emitting one.
    drop : float
        Leave a loss out once its gradient has fallen below this share of what it started with; 0: exact.
    unit : int, optional
        |∂L_s/∂h_k[unit]| (the norm over the batch) rather than the norm over batch and units.
    sequence : int, optional
        Of the states of this sequence of the batch alone; L_s stays the mean over the batch.

    Returns
    -------
    ndarray (S, T)
        L_s is the batch mean of output step s, the norm is over batch and units; zero where k cannot reach s.

    Raises
    ------
    ValueError
        There is no such state, lane, unit or sequence, ``drop`` is below 0, or the run had no target.
    """
    wanted, units = _lane(trace, state, layer, direction, part), _units(trace, unit)
    members = _members(trace, sequence)
    found = np.zeros((trace.timeline.steps(wanted.part), trace.batch.S))

    def visit(steps: range, rows: slice, grads: np.ndarray) -> None:
        found[steps, rows] = _norms(grads[..., members, units].reshape(*grads.shape[:2], -1))

    Sweep(trace, visit, wanted, state, share("drop", drop)).run()
    return np.ascontiguousarray(found.T)


def horizon(
    trace: Any, output: int, state: str = "h", layer: int = 0, direction: str = "forward", part: str | None = None
) -> np.ndarray:
    """∂L_s/∂h_k of one output's loss alone, (T, B, H); zero where k cannot reach it.

    Raises
    ------
    ValueError
        There is no such output, state or lane, or the run had no target.
    """
    wanted = _lane(trace, state, layer, direction, part)
    output = whole("output", output, 0, trace.batch.S - 1)
    found = np.zeros_like(trace.value(wanted.key(state)))

    def visit(steps: range, rows: slice, grads: np.ndarray) -> None:
        found[steps] = grads[:, 0]

    Sweep(trace, visit, wanted, state).run(slice(output, output + 1))
    return found


def _lane(trace: Any, state: str, layer: int, direction: str, part: str | None) -> Lane:
    if state not in trace.graph.states:
        raise ValueError(f"state={state!r} is not there; the states are {', '.join(trace.graph.states)}")
    return layout.find(trace.spec, layer, direction, part)


def _units(trace: Any, unit: int | None) -> slice:
    if unit is None:
        return slice(None)
    unit = whole("unit", unit, 0, trace.spec.hidden_size - 1)
    return slice(unit, unit + 1)


def _members(trace: Any, sequence: int | None) -> slice:
    if sequence is None:
        return slice(None)
    sequence = whole("sequence", sequence, 0, trace.batch.B - 1)
    return slice(sequence, sequence + 1)


def gradient_bands(
    trace: Any, state: str = "h", layer: int = 0, direction: str = "forward", part: str | None = None, *,
    edges: tuple[int, ...] = (0, 1, 2, 4, 8, 16), drop: float = 0.0, unit: int | None = None,
    sequence: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Sum the losses' gradients by how far from each step their loss lies, and measure the sums.

    Parameters
    ----------
    trace, state, layer, direction, part, drop, unit, sequence
        As in :func:`gradient_flow`.
    edges : tuple of int
        Where each band begins, in steps between the state and the output; the last is open.

    Returns
    -------
    (ndarray (bands, T), ndarray (T,))
        ‖Σ_{s in band} ∂L_s/∂h_k‖ of each band, and of all together. The first do not add up to the second: parts
        may point in different directions.

    Raises
    ------
    ValueError
        As in :func:`gradient_flow`, or ``edges`` do not rise.
    """
    wanted, units = _lane(trace, state, layer, direction, part), _units(trace, unit)
    members = _members(trace, sequence)
    if not len(edges) or (np.diff(edges) <= 0).any():
        raise ValueError(f"edges={edges!r} is not possible; there must be one or more, each above the one before")
    line, T = trace.timeline, trace.timeline.steps(wanted.part)
    outputs = line.offset(line.output_part) + np.asarray(line.output_steps)
    away = np.abs(outputs - (line.offset(wanted.part) + np.arange(T))[:, None])
    bands = np.searchsorted(np.asarray(edges), away, side="right") - 1
    B = trace.batch.B if sequence is None else 1
    sums = np.zeros((len(edges), T, B, trace.spec.hidden_size if unit is None else 1))

    def visit(steps: range, rows: slice, grads: np.ndarray) -> None:
        for t, grad in zip(steps, grads, strict=True):
            here = bands[t, rows]
            # Neighbouring outputs share a band, so a band is one or two runs of rows.
            starts = np.concatenate([[0], np.flatnonzero(np.diff(here)) + 1])
            for band, part in zip(here[starts], np.add.reduceat(grad[..., members, units], starts), strict=True):
                if band >= 0:
                    sums[band, t] += part

    Sweep(trace, visit, wanted, state, share("drop", drop)).run()
    parts = np.stack([_norms(band.reshape(T, -1)) for band in sums])
    return parts, _norms(sums.sum(0).reshape(T, -1))


def state_flow(
    trace: Any, layer: int = 0, direction: str = "forward", part: str | None = None, sequence: int = 0, *,
    drop: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """‖∂h_t/∂h_k‖₂ along one lane's recurrence for one sequence, (T, T); zero where k comes after t, 1 at t = k.

    It says how far a state shapes later ones whatever the loss is. All states of the cell carry the influence
    between k and t; what is fed back through the output is left out. With ``drop`` a state whose influence has
    fallen below that is followed no further.

    Raises
    ------
    ValueError
        There is no such lane or sequence, or ``drop`` is below 0.
    """
    lane = layout.find(trace.spec, layer, direction, part)
    sequence, drop = whole("sequence", sequence, 0, trace.batch.B - 1), share("drop", drop)
    J = step_jacobians(trace.replay(lane.prefix), full=True)[:, sequence]
    T, n = J.shape[:2]
    H = trace.spec.hidden_size
    found = np.zeros((T, T))
    products, scales = np.zeros((0, n, H)), np.zeros(0)  # ∂(states at t)/∂h_k of each k followed, without its scale
    followed = np.zeros(0, int)
    with np.errstate(all="ignore"):  # what over- or underflows is shown, not warned about
        for t in reversed(range(T)) if lane.reverse else range(T):
            products = J[t] @ products
            largest = np.abs(products).max(axis=(1, 2), initial=0.0)
            safe = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
            products, scales = products / safe[:, None, None], scales + np.log(safe)
            found[t, followed] = _spectral(products[:, :H]) * np.exp(scales)
            found[t, t] = 1.0
            stay = ~(np.linalg.norm(products, axis=(1, 2)) * np.exp(scales) < drop)
            products = np.concatenate([products[stay], np.eye(n)[None, :, :H]])
            scales, followed = np.append(scales[stay], 0.0), np.append(followed[stay], t)
    return found


def _spectral(matrices: np.ndarray) -> np.ndarray:
    """The largest singular value of each; what is not finite stays so."""
    finite = np.isfinite(matrices).all(axis=(1, 2))
    sizes = np.abs(matrices).max(axis=(1, 2), initial=0.0)
    if finite.any():
        sizes[finite] = np.linalg.svd(matrices[finite], compute_uv=False)[:, 0]
    return sizes


@cache
def _exact_squares(dtype: np.dtype) -> tuple[float, float]:
    """Between which bounds a sum of squares keeps its digits."""
    limits = np.finfo(dtype)
    return float(limits.tiny / limits.eps), float(limits.max)


def _norms(vectors: np.ndarray) -> np.ndarray:
    """‖v‖₂ of each vector along the last axis, safe where squares would over- or underflow."""
    squares, (least, most) = np.vecdot(vectors, vectors), _exact_squares(vectors.dtype)
    found = np.sqrt(squares)
    unsafe = np.nonzero(~((squares > least) & (squares < most)))
    if unsafe[0].size:
        far = vectors[unsafe].astype(np.float64)
        found = found.astype(np.float64)
        if vectors.dtype == np.float64:
            scale = np.abs(far).max(axis=1, initial=0.0)
            safe = np.where((scale > 0) & np.isfinite(scale), scale, 1)
            far /= safe[:, None]
            found[unsafe] = np.where(np.isfinite(scale), safe * np.sqrt(np.vecdot(far, far)), scale)
        else:  # whose squares have room in float64
            found[unsafe] = np.sqrt(np.vecdot(far, far))
    return found
