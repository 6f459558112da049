"""How a network's parameters start: by name, deterministic per seed."""

from __future__ import annotations

import math

import numpy as np

from engine import layout
from engine.registry import cells
from engine.spec import ModelSpec


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """A (semi-)orthogonal matrix, uniform over them (Saxe et al. 2014; Mezzadri 2007 for the sign)."""
    square = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(square)
    q *= np.sign(np.diag(r)) + (np.diag(r) == 0)
    return q if rows >= columns else q.T


def _matrix(
    spec: ModelSpec, rng: np.random.Generator, shape: tuple[int, int], bound: float, recurrent: bool
) -> np.ndarray:
    if spec.init == "xavier":
        limit = math.sqrt(6.0 / (shape[0] + shape[1]))  # Glorot and Bengio 2010
        return rng.uniform(-limit, limit, shape)
    if spec.init == "orthogonal":
        return orthogonal(rng, *shape)
    if spec.init == "identity" and recurrent:
        return np.eye(*shape)  # Le, Jaitly and Hinton 2015
    return rng.uniform(-bound, bound, shape)


def _set_spectral_radius(block: np.ndarray, radius: float) -> np.ndarray:
    now = float(np.abs(np.linalg.eigvals(block)).max())
    return block if now == 0 else block * (radius / now)


def initialise(spec: ModelSpec) -> dict[str, np.ndarray]:
    """Draw every parameter.

    Weights and biases of the recurrent layers start uniform in ±1/√H ("torch": all of them, as torch.nn.RNN does);
    "xavier", "orthogonal" and "identity" draw each gate's block of the weight matrices by that name ("identity"
    the recurrent ones). Heads and bridges start as torch.nn.Linear, embeddings as torch.nn.Embedding. Then
    ``spectral_radius`` scales every recurrent block, and ``forget_bias`` is what the forget gate's two biases sum to.

    Returns
    -------
    dict of ndarray
        By torch's names, in torch's layouts, of ``spec.dtype``.
    """
    rng = np.random.default_rng(spec.seed)
    H, cell = spec.hidden_size, cells[spec.cell]
    bound = 1 / math.sqrt(H)
    found: dict[str, np.ndarray] = {}
    for name, shape in layout.shapes(spec).items():
        if name.endswith("embedding.weight"):
            value = rng.standard_normal(shape)
        elif "weight_ih" in name or "weight_hh" in name:
            recurrent = "weight_hh" in name
            blocks = [_matrix(spec, rng, (H, shape[1]), bound, recurrent) for _ in range(cell.blocks)]
            if recurrent and spec.spectral_radius is not None:
                blocks = [_set_spectral_radius(block, spec.spectral_radius) for block in blocks]
            value = np.concatenate(blocks)
        elif "bias_ih" in name or "bias_hh" in name:
            value = rng.uniform(-bound, bound, shape)
            if spec.init == "identity" and not cell.gates:
                value = np.zeros(shape)
        else:
            fan_in = shape[-1] if len(shape) == 2 else layout.head_size(spec)
            value = rng.uniform(-1, 1, shape) / math.sqrt(fan_in)
        if spec.forget_bias is not None and ("bias_ih" in name or "bias_hh" in name):
            block = cell.gates.index(cell.forget_gate)
            value[block * H : (block + 1) * H] = spec.forget_bias if "bias_ih" in name else 0.0
        found[name] = value.astype(spec.dtype)
    return found
