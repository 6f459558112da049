"""What goes back in: the choice of a class from the outputs, alike for every engine."""

from __future__ import annotations

import numpy as np

from engine.inputs import Batch
from engine.losses import softmax
from engine.spec import ModelSpec


def choose(batch: Batch, s: int, logits: np.ndarray) -> np.ndarray:
    """Pick what output s feeds back: the largest, or a draw from softmax(logits / temperature); (B,) ids."""
    if batch.uniforms is None:
        return logits.argmax(-1)
    cumulative = np.cumsum(softmax(np, logits.astype(np.float64) / batch.temperature), axis=-1)
    picked = (batch.uniforms[s][:, None] >= cumulative).sum(-1)
    return np.minimum(picked, logits.shape[-1] - 1)


def embedding_rows(spec: ModelSpec, ids: np.ndarray) -> np.ndarray:
    """Rows of the fed-back embedding for class ids: ``<bos>`` (-1) is the decoder's last row, one-to-many's first."""
    return np.where(ids < 0, spec.output_size if spec.pattern == "sequence-to-sequence" else 0, ids)


def embedding_name(spec: ModelSpec) -> str:
    """The parameter that embeds what is fed back."""
    return "decoder.embedding.weight" if spec.pattern == "sequence-to-sequence" else "embedding.weight"


def one_hot(ids: np.ndarray, size: int, dtype: str) -> np.ndarray:
    """Class ids (..., ) as one-hot vectors (..., size); zeros for the start (-1)."""
    return (ids[..., None] == np.arange(size)).astype(dtype)
