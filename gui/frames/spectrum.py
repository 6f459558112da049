"""Eigenvalues and spectral radii of the recurrent weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine import ModelSpec, Trace, layout
from engine.registry import cells

EXACT = 128
"""Up to this size eigenvalues are computed between two frames; above it a radius is estimated."""
MOST_WORK = 2_000_000
"""Up to so much, H³ for each block, every block's radius is found between two frames."""


@dataclass(frozen=True, eq=False)
class Block:
    """One recurrent block (H, H).

    Attributes
    ----------
    prefix : str
        The lane's.
    gate : str
        Empty where the cell has one unnamed block.
    radius : float
        ρ, the largest magnitude of an eigenvalue; NaN where the weights are not finite.
    exact : bool
        False where the radius is an estimate.
    """

    prefix: str
    gate: str
    radius: float
    exact: bool


@dataclass(frozen=True, eq=False)
class Measure:
    """What the plane of one matrix says.

    Attributes
    ----------
    points : ndarray or None
        The eigenvalues, complex (H,); None where they are not finite or would take too long.
    radius, sigma : float
        ρ and the largest singular value; NaN where the matrix is not finite.
    exact : bool
        False where the radius is an estimate.
    """

    points: np.ndarray | None
    radius: float
    sigma: float
    exact: bool

    @property
    def finite(self) -> bool:
        """Whether the matrix holds only finite numbers."""
        return bool(np.isfinite(self.sigma))


def measure(matrix: np.ndarray) -> Measure:
    """Measure a matrix; between two frames up to the size `EXACT`, else a job for a worker."""
    if not np.isfinite(matrix).all():
        return Measure(None, float("nan"), float("nan"), True)
    points = eigenvalues(matrix)
    radius, exact = spectral_radius(matrix) if points is None else (float(np.abs(points).max()), True)
    return Measure(points, radius, float(np.linalg.norm(matrix, 2)), exact)


def measured(trace: Trace, prefix: str, gate: str) -> Measure:
    """Measure a recurrent block of a run; a job for a worker."""
    return measure(block(trace.spec, trace.parameters, prefix, gate))


def quick(spec: ModelSpec) -> bool:
    """Whether `blocks` takes less time than a frame."""
    count = len(layout.all_lanes(spec)) * len(cells[spec.cell].gates or ("",))
    return spec.hidden_size <= EXACT and spec.hidden_size**3 * count <= MOST_WORK


def of_run(trace: Trace) -> tuple[Block, ...]:
    """ρ of every recurrent block of a run; a job for a worker."""
    return blocks(trace.spec, trace.parameters)


def blocks(spec: ModelSpec, parameters: Mapping[str, np.ndarray]) -> tuple[Block, ...]:
    """ρ of every recurrent block of every lane, in order of computation."""
    found = []
    for lane in layout.all_lanes(spec):
        for gate in cells[spec.cell].gates or ("",):
            radius, exact = spectral_radius(block(spec, parameters, lane.prefix, gate))
            found.append(Block(lane.prefix, gate, radius, exact))
    return tuple(found)


def block(spec: ModelSpec, parameters: Mapping[str, np.ndarray], prefix: str, gate: str = "") -> np.ndarray:
    """One lane's recurrent block of a gate, (H, H)."""
    lane = next(lane for lane in layout.all_lanes(spec) if lane.prefix == prefix)
    at = cells[spec.cell].gates.index(gate) if gate else 0
    H = spec.hidden_size
    return parameters[lane.parameter("weight_hh")][at * H : (at + 1) * H]


def eigenvalues(matrix: np.ndarray) -> np.ndarray | None:
    """The eigenvalues, complex (H,); None where they are not finite or would take too long."""
    if len(matrix) > EXACT or not np.isfinite(matrix).all():
        return None
    return np.linalg.eigvals(matrix.astype(np.float64))


def spectral_radius(matrix: np.ndarray, iterations: int = 60) -> tuple[float, bool]:
    """ρ(W) = max |λ|, and whether it is exact.

    A large matrix is estimated by Gelfand's formula on a vector, ρ ≈ (‖W²ᵏ v‖ / ‖Wᵏ v‖)^(1/k), which also
    holds where the largest eigenvalues are a complex pair.
    """
    if not np.isfinite(matrix).all():
        return float("nan"), True
    found = eigenvalues(matrix)
    if found is not None:
        return float(np.abs(found).max()), True
    vector = np.random.default_rng(0).standard_normal(len(matrix))
    total, logs = 0.0, []
    for _ in range(2 * iterations):
        vector = matrix @ vector
        size = float(np.linalg.norm(vector))
        if size == 0:
            return 0.0, False
        total += float(np.log(size))
        logs.append(total)
        vector = vector / size
    return float(np.exp((logs[-1] - logs[iterations - 1]) / iterations)), False
