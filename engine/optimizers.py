"""What turns gradients into new parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np


def global_norm(grads: Mapping[str, np.ndarray]) -> float:
    """‖g‖₂ over all parameters together, scaled by the largest entry so that it does not overflow."""
    largest = max((float(np.abs(grad).max()) for grad in grads.values() if grad.size), default=0.0)
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(sum(float(np.square(grad / largest, dtype=np.float64).sum()) for grad in grads.values()))


def clip_by_norm(grads: Mapping[str, np.ndarray], limit: float | None) -> tuple[dict[str, np.ndarray], float]:
    """Scale all gradients together so that their global norm is at most ``limit`` (Pascanu et al. 2013).

    Returns
    -------
    (dict, float)
        The gradients, and the norm before clipping.
    """
    norm = global_norm(grads)
    if limit is None or norm <= limit:
        return dict(grads), norm
    return {name: grad * (limit / norm) for name, grad in grads.items()}, norm


class Adam:
    """Adam (Kingma and Ba 2015), with weight decay apart from the gradient (Loshchilov and Hutter 2019).

    Parameters
    ----------
    parameters : dict of ndarray
        Updated in place by :meth:`step`.
    betas : (float, float)
    eps : float
    weight_decay : float
        Applied to matrices only.
    """

    def __init__(
        self, parameters: dict[str, np.ndarray], betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        self.parameters, self.betas, self.eps, self.weight_decay = parameters, betas, eps, weight_decay
        self.first = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.second = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.count = 0

    def step(self, grads: Mapping[str, np.ndarray], learning_rate: float) -> None:
        """Take one step down ``grads``."""
        self.count += 1
        one, two = self.betas
        rate = learning_rate * math.sqrt(1 - two**self.count) / (1 - one**self.count)
        eps = self.eps * math.sqrt(1 - two**self.count)
        for name, value in self.parameters.items():
            grad, m, v = grads[name], self.first[name], self.second[name]
            m += (1 - one) * (grad - m)
            v += (1 - two) * (grad * grad - v)
            if self.weight_decay and value.ndim == 2:
                value *= 1 - learning_rate * self.weight_decay
            value -= rate * m / (np.sqrt(v) + eps)
