"""The vocabulary of operations a cell's equations are written in.

Each operation says its value, its ``pull`` (vector–Jacobian product, what BPTT multiplies with) and its
``push`` (Jacobian–vector product), over any leading axes; a vector is the last axis. ``xp`` is the array
module, numpy or torch, so both engines evaluate the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Array = Any


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes
    ----------
    name : str
        Its word in the equations ("tanh", "⊙", "W·").
    symbol : str
        What a diagram writes into its circle; empty for leaves.
    latex : callable
        ``latex(*arguments' latex) -> str``.
    value : callable
        ``value(xp, *arguments) -> array``.
    pull : callable
        ``pull(xp, gradient, value, *arguments) -> one gradient per argument`` (None: no derivative kept).
    push : callable
        ``push(xp, tangents, value, *arguments) -> tangent``; a tangent of None is zero.
    derivative : str
        LaTeX of the local derivative of an element-wise function of one argument, in its value ``{y}``.
    """

    name: str
    symbol: str
    latex: Callable[..., str]
    value: Callable[..., Array]
    pull: Callable[..., tuple[Array | None, ...]]
    push: Callable[..., Array]
    derivative: str = ""


def _elementwise(name: str, symbol: str, tex: str, value: Callable, slope: Callable, derivative: str) -> Op:
    """Build an element-wise function whose slope is written in its argument ``z`` and its value ``y``."""
    return Op(
        name,
        symbol,
        lambda z: rf"{tex}\left({z}\right)" if tex else z,
        value,
        lambda xp, gradient, y, z: (gradient * slope(xp, y, z),),
        lambda xp, tangents, y, z: tangents[0] * slope(xp, y, z),
        derivative,
    )


def sigmoid_value(xp: Any, z: Array) -> Array:
    """Logistic function 1/(1 + e^−z) = ½ + ½ tanh(z/2), which overflows for no z."""
    return xp.sigmoid(z) if hasattr(xp, "sigmoid") else 0.5 + 0.5 * xp.tanh(0.5 * z)


def _relu_value(xp: Any, z: Array) -> Array:
    return xp.relu(z) if hasattr(xp, "relu") else xp.maximum(z, 0)


def _total(parts: Sequence[Array | None]) -> Array:
    kept = [part for part in parts if part is not None]
    total = kept[0]
    for part in kept[1:]:
        total = total + part
    return total


def _product_push(xp: Any, tangents: Sequence[Array | None], y: Array, a: Array, b: Array) -> Array:
    left, right = tangents
    return _total([None if left is None else left * b, None if right is None else a * right])


def _difference_push(xp: Any, tangents: Sequence[Array | None], y: Array, a: Array, b: Array) -> Array:
    left, right = tangents
    return _total([left, None if right is None else -right])


TANH = _elementwise("tanh", "tanh", r"\tanh", lambda xp, z: xp.tanh(z), lambda xp, y, z: 1 - y * y, "1 - {y}^2")
SIGMOID = _elementwise("σ", "σ", r"\sigma", sigmoid_value, lambda xp, y, z: y * (1 - y), r"{y} \odot (1 - {y})")
RELU = _elementwise("relu", "relu", r"\mathrm{ReLU}", _relu_value, lambda xp, y, z: z > 0, r"[{y} > 0]")
IDENTITY = _elementwise("identity", "id", "", lambda xp, z: z, lambda xp, y, z: 1, "1")

PRODUCT = Op(
    "⊙", "⊙", lambda a, b: rf"{a} \odot {b}", lambda xp, a, b: a * b,
    lambda xp, gradient, y, a, b: (gradient * b, gradient * a), _product_push,
)  # fmt: skip
DIFFERENCE = Op(
    "−", "−", lambda a, b: rf"{a} - {b}", lambda xp, a, b: a - b,
    lambda xp, gradient, y, a, b: (gradient, -gradient), _difference_push,
)  # fmt: skip
SUM = Op(
    "+", "+", lambda *terms: " + ".join(terms), lambda xp, *terms: _total(terms),
    lambda xp, gradient, y, *terms: (gradient,) * len(terms), lambda xp, tangents, y, *terms: _total(tangents),
)  # fmt: skip
#: W v for W (m, n) and v (..., n). The gradient of W itself is a sum over the leading axes, taken by the engines.
MATVEC = Op(
    "W·", "W", lambda w, v: f"{w} {v}", lambda xp, w, v: v @ w.T,
    lambda xp, gradient, y, w, v: (None, gradient @ w),
    lambda xp, tangents, y, w, v: tangents[1] @ w.T,
)  # fmt: skip


def _no_value(xp: Any, *arguments: Array) -> Array:
    raise TypeError("a leaf has no value of its own; it is given")


def _no_pull(xp: Any, *arguments: Array) -> tuple[Array | None, ...]:
    return ()


STATE = Op("state", "", lambda: "", _no_value, _no_pull, _no_value)
INPUT = Op("input", "", lambda: "", _no_value, _no_pull, _no_value)
WEIGHT = Op("weight", "", lambda: "", _no_value, _no_pull, _no_value)
BIAS = Op("bias", "", lambda: "", _no_value, _no_pull, _no_value)
CONSTANT = Op("constant", "", lambda: "", _no_value, _no_pull, _no_value)
LEAVES = (STATE, INPUT, WEIGHT, BIAS, CONSTANT)

#: Element-wise functions by the word that the equations use.
FUNCTIONS = {op.name: op for op in (TANH, SIGMOID, RELU, IDENTITY)}
