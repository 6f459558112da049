"""The losses and the heads they belong to: a softmax, an identity or a sigmoid over the logits.

Written on ``xp`` (numpy or torch), over any leading axes; the last axis is the output's O components.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine import ops

#: Classes of a single output up to which it is reckoned number by number.
FEW = 16
Array = Any


@dataclass(frozen=True)
class Loss:
    """A loss with its head.

    Attributes
    ----------
    name : str
    head : str
        What turns logits into ``y``: "softmax", "identity" or "sigmoid".
    class_targets : bool
        True where a target is a class id rather than a real vector.
    output : callable
        ``output(xp, logits) -> y``.
    value : callable
        ``value(xp, logits, target) -> ℓ``, without the last axis.
    slope : callable
        ``slope(xp, y, target) -> ∂ℓ/∂logits``, in terms of the output, which a run has already.
    output_pull : callable
        ``output_pull(xp, gradient of y, y) -> gradient of the logits``.
    latex : str
    together : callable, optional
        ``together(xp, logits, target) -> (y, ℓ)`` where they share work.
    """

    name: str
    head: str
    class_targets: bool
    output: Callable[[Any, Array], Array]
    value: Callable[[Any, Array, Array], Array]
    slope: Callable[[Any, Array, Array], Array]
    output_pull: Callable[[Any, Array, Array], Array]
    latex: str
    together: Callable[[Any, Array, Array], tuple[Array, Array]] | None = None

    def output_and_value(self, xp: Any, logits: Array, target: Array) -> tuple[Array, Array]:
        """y and ℓ."""
        if self.together is not None:
            return self.together(xp, logits, target)
        return self.output(xp, logits), self.value(xp, logits, target)

    def gradient(self, xp: Any, logits: Array, target: Array) -> Array:
        """∂ℓ/∂logits."""
        return self.slope(xp, self.output(xp, logits), target)


def _powers(xp: Any, logits: Array) -> tuple[Array, Array, Array]:
    """Logits − their largest, their e^z and its sum, with the last axis; the same softmax, and it cannot overflow."""
    if hasattr(logits, "astype"):
        shifted = logits - xp.maximum.reduce(logits, axis=-1, keepdims=True)
        powers = xp.exp(shifted)
        return shifted, powers, xp.add.reduce(powers, axis=-1, keepdims=True)
    shifted = logits - logits.detach().max(-1, keepdim=True)[0]  # the largest is a constant here
    powers = xp.exp(shifted)
    return shifted, powers, powers.sum(-1, keepdim=True)


def softmax(xp: Any, logits: Array) -> Array:
    """e^z / Σ e^z over the last axis."""
    _, powers, total = _powers(xp, logits)
    return powers / total


def _cross_entropy(xp: Any, logits: Array, target: Array) -> Array:
    shifted, _, total = _powers(xp, logits)
    return xp.log(total[..., 0]) - _picked(xp, shifted, target)


def _softmax_and_cross_entropy(xp: Any, logits: Array, target: Array) -> tuple[Array, Array]:
    if logits.size == logits.shape[-1] <= FEW:
        return _of_one_row(xp, logits, target.item())
    shifted, powers, total = _powers(xp, logits)
    return powers / total, xp.log(total[..., 0]) - _picked(xp, shifted, target)


def _of_one_row(xp: Any, logits: Array, target: int) -> tuple[Array, Array]:
    """The same for a single output of few classes, where numbers take a fraction of the time of arrays."""
    row = logits.reshape(-1).tolist()
    largest = max(row)
    powers = [math.exp(z - largest) for z in row]
    total = sum(powers)
    y = xp.array([power / total for power in powers], logits.dtype).reshape(logits.shape)
    loss = xp.array(math.log(total) - (row[target] - largest), logits.dtype)
    return y, loss.reshape(logits.shape[:-1])


def _picked(xp: Any, shifted: Array, target: Array) -> Array:
    if hasattr(shifted, "astype"):
        flat = shifted.reshape(-1, shifted.shape[-1])
        return flat[xp.arange(len(flat)), target.reshape(-1)].reshape(shifted.shape[:-1])
    return shifted.gather(-1, target[..., None])[..., 0]


def _one_hot(xp: Any, target: Array, like: Array) -> Array:
    if hasattr(like, "astype") and target.size == 1:
        hot = xp.zeros(like.shape, like.dtype)
        hot[..., target.item()] = 1
        return hot
    classes = xp.arange(like.shape[-1]) if hasattr(like, "astype") else xp.arange(like.shape[-1], device=like.device)
    return target[..., None] == classes


def _binary_value(xp: Any, logits: Array, target: Array) -> Array:
    # log(1 + e^z) − y z in the form that overflows for no z.
    positive = ops.FUNCTIONS["relu"].value(xp, logits)
    return (positive - logits * target + xp.log1p(xp.exp(-xp.abs(logits)))).mean(-1)


LOSSES = {
    "cross-entropy": Loss(
        "cross-entropy", "softmax", True, softmax, _cross_entropy,
        lambda xp, y, target: y - _one_hot(xp, target, y),
        lambda xp, gradient, y: y * (gradient - (gradient * y).sum(-1)[..., None]),
        r"\ell = -\log y_{\mathrm{target}}", _softmax_and_cross_entropy,
    ),
    "mse": Loss(
        "mse", "identity", False, lambda xp, logits: logits,
        lambda xp, logits, target: ((logits - target) ** 2).mean(-1),
        lambda xp, y, target: (y - target) * (2 / y.shape[-1]),
        lambda xp, gradient, y: gradient,
        r"\ell = \frac{1}{O} \sum_k (y_k - \hat{y}_k)^2",
    ),
    "binary-cross-entropy": Loss(
        "binary-cross-entropy", "sigmoid", False, ops.sigmoid_value, _binary_value,
        lambda xp, y, target: (y - target) / y.shape[-1],
        lambda xp, gradient, y: gradient * y * (1 - y),
        r"\ell = -\frac{1}{O} \sum_k \hat{y}_k \log y_k + (1 - \hat{y}_k) \log(1 - y_k)",
    ),
    # Its gradient is its target: what stands for a loss elsewhere, of which only the gradient at the outputs is known.
    "linear": Loss(
        "linear", "identity", False, lambda xp, logits: logits,
        lambda xp, logits, target: (logits * target).sum(-1),
        lambda xp, y, target: target,
        lambda xp, gradient, y: gradient,
        r"\ell = \sum_k \hat{y}_k y_k",
    ),
}  # fmt: skip
