"""What a network is: one frozen, validated value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from functools import cached_property
from numbers import Integral, Real
from typing import Any

from engine.registry import cells

PATTERNS = ("one-to-one", "one-to-many", "many-to-one", "many-to-many", "sequence-to-sequence")
FEEDBACK_PATTERNS = ("one-to-many", "sequence-to-sequence")
NONLINEARITIES = ("tanh", "relu", "identity")
LOSSES = ("cross-entropy", "mse", "binary-cross-entropy", "linear")
INITS = ("torch", "xavier", "orthogonal", "identity")
DTYPES = ("float64", "float32")
LARGEST = 1_000_000


def _shown(value: object) -> str:
    """A value as a message shows it: short, whatever it is."""
    try:
        text = repr(value)
    except Exception:  # a foreign object's own repr, or a number of too many digits
        return f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:79]}…"


class SpecError(ValueError):
    """A field of a :class:`ModelSpec` has a value that it cannot have.

    Attributes
    ----------
    field : str
    value : object
    allowed : str
        What would be right, in words.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}={_shown(value)} is not possible: {field} must be {allowed}")
        self.field, self.value, self.allowed = field, value, allowed

    def __reduce__(self) -> tuple[Any, ...]:
        return SpecError, (self.field, self.value, self.allowed)


def _choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise SpecError(name, value, "one of " + ", ".join(allowed))


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A recurrent network's architecture, loss, initialisation and arithmetic.

    Parameters
    ----------
    pattern : str
        One of ``PATTERNS``.
    cell : str
        Any registered cell ("rnn", "gru", "lstm").
    input_size, hidden_size, output_size : int
        Sizes of x, h and the output. With an embedding ``input_size`` is ``embedding_size`` and may be left out.
    num_layers, bidirectional, bias :
        As in ``torch.nn.RNN``; a sequence-to-sequence network's decoder is never bidirectional.
    nonlinearity : str
        Of the vanilla cell: "tanh", "relu" or "identity".
    vocab_size, embedding_size : int or None
        Both, for token input; neither, for real input.
    loss : str
        "cross-entropy" (softmax head), "mse" (identity), "binary-cross-entropy" (sigmoid), or "linear" (identity):
        ⟨target, y⟩, whose target is a given gradient at the outputs.
    init : str
        "torch" (uniform ±1/√H), "xavier", "orthogonal", "identity".
    forget_bias : float or None
        What the forget gate's two biases add up to at the start.
    spectral_radius : float or None
        What every recurrent block (H, H) is scaled to at the start.
    dtype : str
        "float64" or "float32".
    seed : int

    Raises
    ------
    SpecError
        Naming the field, its value and what is allowed.
    """

    pattern: str
    cell: str
    input_size: int | None = None
    hidden_size: int
    output_size: int
    num_layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    nonlinearity: str = "tanh"
    vocab_size: int | None = None
    embedding_size: int | None = None
    loss: str = "cross-entropy"
    init: str = "torch"
    forget_bias: float | None = None
    spectral_radius: float | None = None
    dtype: str = "float64"
    seed: int = 0

    def __post_init__(self) -> None:
        _choice("pattern", self.pattern, PATTERNS)
        _choice("cell", self.cell, cells.names())
        _choice("nonlinearity", self.nonlinearity, NONLINEARITIES)
        _choice("loss", self.loss, LOSSES)
        _choice("init", self.init, INITS)
        _choice("dtype", self.dtype, DTYPES)
        for name in ("vocab_size", "embedding_size"):
            if getattr(self, name) is not None:
                self._integer(name, 1)
        if self.input_size is None and self.embedding_size is not None:
            object.__setattr__(self, "input_size", self.embedding_size)
        for name in ("input_size", "hidden_size", "output_size", "num_layers"):
            self._integer(name, 1)
        self._integer("seed", 0, 2**63 - 1)
        for name in ("bidirectional", "bias"):
            if not isinstance(getattr(self, name), bool):
                raise SpecError(name, getattr(self, name), "True or False")
        self._number("forget_bias", "a finite number or None")
        self._number("spectral_radius", "a finite number above 0, or None")
        self._combinations()

    def _integer(self, name: str, low: int, high: int = LARGEST) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
            raise SpecError(name, value, f"a whole number from {low} to {high:,}")
        object.__setattr__(self, name, int(value))

    def _number(self, name: str, allowed: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, Real):
            raise SpecError(name, value, allowed)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number) or (name == "spectral_radius" and number <= 0):
            raise SpecError(name, value, allowed)
        object.__setattr__(self, name, number)

    def _combinations(self) -> None:
        if (self.vocab_size is None) != (self.embedding_size is None):
            missing = "vocab_size" if self.vocab_size is None else "embedding_size"
            other = "embedding_size" if missing == "vocab_size" else "vocab_size"
            raise SpecError(missing, None, f"set together with {other} (or both None, for real-valued input)")
        if self.embedding_size is not None and self.input_size != self.embedding_size:
            raise SpecError(
                "input_size", self.input_size, f"embedding_size, {self.embedding_size}, where tokens come in"
            )
        if self.pattern == "one-to-many" and self.bidirectional:
            raise SpecError(
                "bidirectional", True, "False for one-to-many: its input is its own output, which comes later"
            )
        if self.feeds_embedding and self.pattern == "one-to-many" and self.output_size > (self.vocab_size or 0):
            allowed = f"at most vocab_size, {self.vocab_size}: one-to-many feeds back through the input's embedding"
            raise SpecError("output_size", self.output_size, allowed)
        if self.forget_bias is not None and not cells[self.cell].forget_gate:
            raise SpecError("forget_bias", self.forget_bias, f"None for cell={self.cell!r}, which has no forget gate")
        if self.forget_bias is not None and not self.bias:
            raise SpecError("forget_bias", self.forget_bias, "None where bias=False")

    def __hash__(self) -> int:
        return self._hash  # every run looks its spec up several times

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, entry.name) for entry in fields(self)))

    def __getstate__(self) -> dict[str, Any]:
        return self.to_dict()  # another process hashes words differently

    @property
    def num_directions(self) -> int:
        """2 where the (encoder's) layers read the sequence both ways, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def has_embedding(self) -> bool:
        """True where the input is token ids."""
        return self.vocab_size is not None

    @property
    def has_feedback(self) -> bool:
        """True where the output goes back in at the next step."""
        return self.pattern in FEEDBACK_PATTERNS

    @property
    def feeds_embedding(self) -> bool:
        """True where what is fed back is an embedded class id."""
        return self.has_feedback and self.has_embedding and self.loss == "cross-entropy"

    @property
    def feedback_size(self) -> int:
        """Length of the vector that is fed back; 0 where nothing is."""
        if not self.has_feedback:
            return 0
        return int(self.embedding_size or 0) if self.feeds_embedding else self.output_size

    @property
    def differentiable_feedback(self) -> bool:
        """True where the fed-back output is a real vector, which passes its gradient on when it runs free."""
        return self.has_feedback and self.loss != "cross-entropy"

    def but(self, **changes: Any) -> ModelSpec:
        """Return the same spec with some fields changed, validated again."""
        if "embedding_size" in changes and "input_size" not in changes and changes["embedding_size"] is not None:
            changes["input_size"] = changes["embedding_size"]
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelSpec:
        """Read what :meth:`to_dict` wrote; SpecError names an unknown or missing field."""
        if not isinstance(values, Mapping):
            raise SpecError("spec", values, "an object with the fields of a ModelSpec")
        known = {f.name: f for f in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise SpecError(str(name), value, "left out: there is no such field")
        for name, entry in known.items():
            if entry.default is MISSING and name not in values:
                raise SpecError(name, None, "given")
        return cls(**values)
