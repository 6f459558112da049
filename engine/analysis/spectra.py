"""Eigenvalues and singular values of the recurrent weights; for gated cells by gate block."""

from __future__ import annotations

import numpy as np

from engine import layout
from engine.network import Network
from engine.registry import cells


def recurrent_blocks(
    network: Network, layer: int = 0, direction: str = "forward", part: str | None = None
) -> dict[str, np.ndarray]:
    """Return W_hh of one lane as (H, H) blocks by gate; the only block of a cell without gates is called "".

    Raises
    ------
    ValueError
        There is no such layer, direction or part.
    """
    lane = layout.find(network.spec, layer, direction, part)
    stacked, gates = network.parameters[lane.parameter("weight_hh")], cells[network.spec.cell].gates
    return dict(zip(gates or ("",), np.split(stacked, max(1, len(gates))), strict=True))


def _by_gate(blocks: dict[str, np.ndarray]) -> np.ndarray | dict[str, np.ndarray]:
    return blocks.get("", blocks)


def eigenvalues(
    network: Network, layer: int = 0, direction: str = "forward", part: str | None = None
) -> np.ndarray | dict[str, np.ndarray]:
    """Eigenvalues of W_hh, (H,) complex, or a dict by gate block; NaN where W_hh holds what is not finite."""
    blocks = recurrent_blocks(network, layer, direction, part)
    return _by_gate({gate: _finite(np.linalg.eigvals, block).astype(complex) for gate, block in blocks.items()})


def singular_values(
    network: Network, layer: int = 0, direction: str = "forward", part: str | None = None
) -> np.ndarray | dict[str, np.ndarray]:
    """Singular values of W_hh, (H,) from the largest, or a dict by gate block."""
    blocks = recurrent_blocks(network, layer, direction, part)
    return _by_gate(
        {gate: _finite(lambda w: np.linalg.svd(w, compute_uv=False), block) for gate, block in blocks.items()}
    )


def spectral_radius(
    network: Network, layer: int = 0, direction: str = "forward", part: str | None = None
) -> float | dict[str, float]:
    """The largest |λ| of W_hh, or a dict by gate block."""
    found = eigenvalues(network, layer, direction, part)
    if isinstance(found, dict):
        return {gate: float(np.abs(values).max()) for gate, values in found.items()}
    return float(np.abs(found).max())


def _finite(function, block: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    # LAPACK raises on what is not finite, and the view wants to show the rest of the run all the same.
    return function(block) if np.isfinite(block).all() else np.full(len(block), np.nan)
