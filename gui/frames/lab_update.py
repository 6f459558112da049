"""What a parameter's gradient is the sum of, and what clipping and truncation do to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import Trace, analysis
from engine.narration import norm
from engine.optimizers import global_norm

STEPS, LOSSES = "steps", "losses"
MOST_LOSSES = 400
"""With more outputs than these a backward pass for each takes too long."""


@dataclass(frozen=True, eq=False)
class UpdateFrame:
    """A parameter's gradient, and the shares it is made of.

    Attributes
    ----------
    name : str
    split : str
        ``STEPS`` or ``LOSSES``.
    gradient : ndarray (rows, columns)
        Biases are one column.
    scale : float
        The largest finite magnitude.
    size : float
        Its norm.
    shares : ndarray (n,)
        ⟨part, whole⟩/‖whole‖² of each step's or loss's part; they add up to 1.
    norms : ndarray (n,)
    columns : ndarray (n,)
        The score's column of each; empty where the parameter belongs to no step.
    """

    name: str
    split: str
    gradient: np.ndarray
    scale: float
    size: float
    shares: np.ndarray
    norms: np.ndarray
    columns: np.ndarray


def update(trace: Trace, name: str, split: str) -> UpdateFrame:
    """Compute the split; a job for a worker.

    Raises
    ------
    ValueError
        The run had no target, or there are too many losses.
    """
    if split == LOSSES:
        if trace.batch.S > MOST_LOSSES:
            raise ValueError(
                f"{trace.batch.S} losses would take a backward pass each; {MOST_LOSSES} are the most, "
                "and the split by step is there for any number"
            )
        shares, norms = analysis.loss_shares(trace, name)
    else:
        shares, norms = analysis.step_shares(trace, name)
    gradient = table(trace.parameter_grads[name])
    finite = gradient[np.isfinite(gradient)]
    scale = float(np.abs(finite).max(initial=0.0)) or 1.0
    size = norm(trace.parameter_grads[name])
    return UpdateFrame(name, split, gradient, scale, size, shares, norms, _columns(trace, name, split, len(shares)))


def part_of(trace: Trace, name: str, step: int) -> np.ndarray:
    """One step's summand, (rows, columns); a job for a worker."""
    return table(analysis.contribution(trace, name, step))


def table(values: np.ndarray) -> np.ndarray:
    """As rows and columns: a vector becomes one column."""
    return values[:, None] if values.ndim == 1 else values


def _columns(trace: Trace, name: str, split: str, count: int) -> np.ndarray:
    line = trace.timeline
    outputs = line.offset(line.output_part) + np.asarray(line.output_steps)
    if split == LOSSES or "output." in name:
        return outputs
    part = next((part for part in line.parts if part and name.startswith(f"{part}.")), None)
    if part is None:
        part = line.parts[-1 if "." in name and name.startswith("decoder.") else 0]
    if line.steps(part) != count:
        return np.zeros(0, int)
    return line.offset(part) + np.arange(count)


@dataclass(frozen=True, eq=False)
class ClipFrame:
    """Every parameter's gradient norm before and after clipping.

    Attributes
    ----------
    limit, before, after : float
        Of the global norm.
    names : tuple of str
    sizes : ndarray (n,)
        ‖∂L/∂ each parameter‖ before.
    """

    limit: float
    before: float
    after: float
    names: tuple[str, ...]
    sizes: np.ndarray

    @property
    def factor(self) -> float:
        """What every gradient is multiplied by."""
        return self.after / self.before if self.before > 0 and np.isfinite(self.before) else 1.0


@dataclass(frozen=True, eq=False)
class Norms:
    """‖∂L/∂ each parameter‖, and of all together."""

    names: tuple[str, ...]
    sizes: np.ndarray
    total: float

    def clipped(self, limit: float) -> ClipFrame:
        """Clip by the global norm: all gradients are scaled alike."""
        after = self.total if not self.total > limit else limit
        return ClipFrame(limit, self.total, after, self.names, self.sizes)


def norms(trace: Trace) -> Norms:
    """Measure every parameter's gradient; a job for a worker."""
    names = tuple(trace.parameter_grads)
    sizes = np.array([norm(trace.parameter_grads[name]) for name in names])
    return Norms(names, sizes, global_norm(trace.parameter_grads))


@dataclass(frozen=True, eq=False)
class TruncationFrame:
    """What truncation after k steps throws away.

    Attributes
    ----------
    k : int
    names : tuple of str
    lost : ndarray (n,)
        ‖g − g_k‖/‖g‖ of each parameter; 0 where nothing was there to lose.
    along : ndarray (n,)
        ⟨g_k, g⟩/‖g‖²: what is left in the full gradient's own direction.
    total : float
        ‖g − g_k‖/‖g‖ of all parameters together.
    """

    k: int
    names: tuple[str, ...]
    lost: np.ndarray
    along: np.ndarray
    total: float


def truncation(trace: Trace, k: int) -> TruncationFrame:
    """Compare truncated with full backpropagation; a job for a worker.

    Raises
    ------
    ValueError
        The pattern does not allow it, or the run had no target.
    """
    short, full = analysis.truncated(trace, k), trace.parameter_grads
    lost, along, squares, whole = [], [], 0.0, 0.0
    for name, grad in full.items():
        scale = float(np.abs(grad).max(initial=0.0)) or 1.0
        g, g_k = (grad / scale).ravel(), (short[name] / scale).ravel()
        size = float(g @ g)
        lost.append(float(np.sqrt(((g - g_k) ** 2).sum() / size)) if size > 0 else 0.0)
        along.append(float(g_k @ g / size) if size > 0 else 1.0)
        squares += float(((g - g_k) ** 2).sum()) * scale**2
        whole += size * scale**2
    total = float(np.sqrt(squares / whole)) if whole > 0 else 0.0
    return TruncationFrame(k, tuple(full), np.array(lost), np.array(along), total)
