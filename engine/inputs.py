"""What ``Network.run`` accepts, checked and brought into one form.

Every wrong argument is a ValueError that names it, says what it was and what would be right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np

from engine import timeline
from engine.losses import LOSSES
from engine.registry import cells
from engine.spec import LARGEST, ModelSpec
from engine.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Batch:
    """One checked call: B sequences, T input steps, S output steps.

    Attributes
    ----------
    x : ndarray
        Real (T, B, input_size), or ids (T, B) int64.
    target : ndarray or None
        Class ids (S, B) int64, or real (S, B, O).
    lengths, target_lengths : ndarray (B,) or None
        How many steps of each sequence are real; None where all are.
    initial : dict
        ``h_0``, ``c_0``, … as given: (num_layers · directions, B, H).
    forced : bool
        Whether targets (rather than the network's own outputs) are fed back.
    weights : ndarray (S, B)
        ∂L/∂ℓ: 1/B, or 1/(B S) for the mean; 0 on padding and where nothing is scored.
    final : dict
        ``h_n``, ``c_n``, …: the gradient that arrives at the last states from elsewhere, as ``initial``; each adds
        ⟨gradient, state⟩ to L.
    """

    timeline: Timeline
    x: np.ndarray
    target: np.ndarray | None
    lengths: np.ndarray | None
    target_lengths: np.ndarray | None
    initial: dict[str, np.ndarray]
    forced: bool
    weights: np.ndarray
    reduction: str
    sample: int | None
    temperature: float
    final: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def T(self) -> int:
        """Input steps."""
        return self.x.shape[0]

    @property
    def B(self) -> int:
        """Sequences."""
        return self.x.shape[1]

    @property
    def S(self) -> int:
        """Output steps."""
        return len(self.timeline.output_steps)

    def step_mask(self, part: str) -> np.ndarray | None:
        """Which steps of a part are real, (steps, B) bool; None where all are."""
        of_outputs = part == "decoder" or (self.timeline.has_feedback and part == "")
        lengths = self.target_lengths if of_outputs else self.lengths
        if lengths is None:
            return None
        return np.arange(self.timeline.steps(part))[:, None] < lengths

    @property
    def output_mask(self) -> np.ndarray | None:
        """Which outputs are real, (S, B) bool; None where all are."""
        if self.target_lengths is None:
            return None
        return np.arange(self.S)[:, None] < self.target_lengths

    @cached_property
    def uniforms(self) -> np.ndarray | None:
        """One draw in [0, 1) for each sampled output, (S, B), the same for every engine."""
        return None if self.sample is None else np.random.default_rng(self.sample).random((self.S, self.B))


def _array(name: str, value: Any) -> np.ndarray:
    if type(value) is np.ndarray:
        found = value
    else:
        try:
            found = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
        except Exception as error:  # whatever a foreign object's own conversion raises
            raise ValueError(f"{name} is not an array of numbers: {error}") from None
    if found.dtype.kind not in "fiub":
        raise ValueError(f"{name} holds values of type {found.dtype}; it must hold numbers")
    return found


def _real(value: np.ndarray, dtype: str) -> np.ndarray:
    """A copy in the spec's arithmetic; what is too large for it becomes ±inf, which a run shows."""
    if value.dtype == dtype:
        return value.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        return value.astype(dtype)


def _ids(name: str, value: np.ndarray, shape_words: str, dims: int, high: int, what: str) -> np.ndarray:
    if value.dtype.kind not in "iu":
        raise ValueError(
            f"{name} has dtype {value.dtype} and shape {value.shape}; it must be integer {what}, {shape_words}"
        )
    if value.ndim != dims:
        raise ValueError(f"{name} has shape {value.shape}; it must be {what}, {shape_words}")
    ids = value.astype(np.int64)
    # Read without a sign, what is negative is large.
    if ids.size and np.maximum.reduce(ids.view(np.uint64), axis=None) >= high:
        wrong = value[(value < 0) | (value >= high)].flat[0]
        raise ValueError(f"{name} holds {wrong}; {what} go from 0 to {high - 1}")
    return ids


def _input(spec: ModelSpec, x: Any) -> tuple[np.ndarray, bool]:
    """Check ``x``; return it with a batch axis, and whether it came without one."""
    value = _array("x", x)
    if spec.has_embedding:
        single = value.ndim == 1
        if single:
            value = value[:, None]
        value = _ids("x", value, "(T, B) or (T,)", 2, spec.vocab_size or 0, "token ids")
    else:
        single = value.ndim == 2
        if single:
            value = value[:, None, :]
        if value.ndim != 3 or value.shape[2] != spec.input_size:
            shape = np.shape(x)
            wanted = f"(T, B, {spec.input_size}) or (T, {spec.input_size})"
            raise ValueError(f"x has shape {shape}; it must be {wanted}: its last axis is input_size={spec.input_size}")
        value = _real(value, spec.dtype)
    if 0 in value.shape[:2]:
        raise ValueError(f"x has shape {np.shape(x)}; it needs at least one step and one sequence")
    if spec.pattern in ("one-to-one", "one-to-many") and value.shape[0] != 1:
        raise ValueError(f"x has {value.shape[0]} steps; {spec.pattern} takes T = 1")
    return value, single


def _target(spec: ModelSpec, target: Any, B: int, S: int | None, single: bool) -> np.ndarray:
    value, O = _array("target", target), spec.output_size
    given, classes = value.shape, LOSSES[spec.loss].class_targets
    full = 2 if classes else 3
    if B == 1 and value.ndim == full - 1 and (classes or value.shape[-1:] == (O,)):
        value = value[:, None]
    elif value.ndim == full - 1 and S == 1 and value.shape[0] == B:
        value = value[None]
    elif single and S == 1 and value.ndim == full - 2:
        value = value[None, None]
    words = (
        "(S, B), (S,) for one sequence, or (B,) where S = 1"
        if classes
        else f"(S, B, {O}), or (S, {O}) for one sequence"
    )
    if value.ndim != full:
        raise ValueError(f"target has shape {given}; for loss={spec.loss!r} it must be {words}")
    if value.shape[1] != B:
        raise ValueError(f"target has shape {given}, {value.shape[1]} sequences; x has {B}; it must be {words}")
    if S is not None and value.shape[0] != S:
        raise ValueError(
            f"target has shape {given}, {value.shape[0]} output steps; {spec.pattern} has {S} here; it must be {words}"
        )
    if value.shape[0] == 0:
        raise ValueError(f"target has shape {given}; it needs at least one output step")
    if classes:
        return _ids("target", value, words, 2, O, "class ids")
    if value.shape[2] != O:
        raise ValueError(f"target has shape {given}; its last axis must be output_size={O}: {words}")
    return _real(value, spec.dtype)


def _lengths(name: str, lengths: Any, B: int, longest: int) -> np.ndarray | None:
    if lengths is None:
        return None
    value = _array(name, lengths)
    value = value[None] if value.ndim == 0 else value
    if value.shape != (B,) or value.dtype.kind not in "iu":
        raise ValueError(
            f"{name} has shape {value.shape} and dtype {value.dtype}; it must be {B} whole numbers, one a sequence"
        )
    if value.min() < 1 or value.max() > longest:
        raise ValueError(
            f"{name} goes from {value.min()} to {value.max()}; each must be from 1 to {longest}, the steps there are"
        )
    return None if (value == longest).all() else value.astype(np.int64)


def _states(spec: ModelSpec, given: dict[str, Any], B: int) -> dict[str, np.ndarray]:
    rows, found = spec.num_layers * spec.num_directions, {}
    for name, value in given.items():
        if value is None:
            continue
        state = name.partition("_")[0]
        if state not in cells[spec.cell].states:
            raise ValueError(
                f"{name} is given, but cell={spec.cell!r} carries only {', '.join(cells[spec.cell].states)}"
            )
        array = _array(name, value)
        if array.ndim == 2 and B == 1:
            array = array[:, None, :]
        if array.shape != (rows, B, spec.hidden_size):
            wanted = (rows, B, spec.hidden_size)
            raise ValueError(
                f"{name} has shape {np.shape(value)}; it must be (num_layers·directions, B, hidden_size) = {wanted}"
            )
        found[name] = _real(array, spec.dtype)
    return found


def prepare(
    spec: ModelSpec, x: Any, *, target: Any = None, lengths: Any = None, target_lengths: Any = None, h_0: Any = None,
    c_0: Any = None, teacher_forcing: bool = True, steps: int | None = None, reduction: str = "sum",
    sample: int | None = None, temperature: float = 1.0, h_n_grad: Any = None, c_n_grad: Any = None,
) -> Batch:  # fmt: skip
    """Check every argument of ``Network.run`` and lay the pattern out; ValueError says what is wrong."""
    array, single = _input(spec, x)
    T, B = array.shape[:2]
    if not isinstance(reduction, str) or reduction not in ("sum", "mean"):
        raise ValueError(f"reduction={reduction!r} is not possible; it must be 'sum' or 'mean'")
    if steps is not None and not spec.has_feedback:
        raise ValueError(
            f"steps={steps!r} is given, but {spec.pattern} has as many outputs as its input says; leave it out"
        )
    if steps is not None and not (_whole(steps) and 1 <= steps <= LARGEST):
        raise ValueError(
            f"steps={steps!r} is not possible; it must be a whole number of output steps, 1 to {LARGEST:,}"
        )
    if not isinstance(teacher_forcing, (bool, np.bool_)):
        raise ValueError(f"teacher_forcing={teacher_forcing!r} is not possible; it must be True or False")
    S = {"one-to-one": 1, "many-to-one": 1, "many-to-many": T}.get(spec.pattern, steps)
    aligned = None if target is None else _target(spec, target, B, S, single)
    S = S if aligned is None else aligned.shape[0]
    if S is None:
        raise ValueError(f"{spec.pattern} needs steps= (how many outputs to produce) where there is no target")
    number = type(temperature) is float or (isinstance(temperature, Real) and not isinstance(temperature, bool))
    if not number or not 0 < temperature < np.inf:
        raise ValueError(f"temperature={temperature!r} is not possible; it must be a finite number above 0")
    forced = bool(teacher_forcing) and aligned is not None and spec.has_feedback
    if sample is not None:
        _check_sample(spec, sample, forced)
    laid = timeline.build(spec.pattern, T, S)
    step_lengths = _lengths("lengths", lengths, B, T)
    if target_lengths is None and spec.pattern == "many-to-many":
        output_lengths = step_lengths
    else:
        output_lengths = _lengths("target_lengths", target_lengths, B, S)
    scored_steps = S if output_lengths is None else output_lengths
    if spec.pattern == "many-to-many" and step_lengths is not None and (scored_steps > step_lengths).any():
        raise ValueError("target_lengths goes past lengths: many-to-many cannot score outputs on padding")
    weights = np.empty((S, B), spec.dtype)
    weights.fill(1 / (B * (S if reduction == "mean" else 1)))
    if not laid.all_scored:
        weights[~laid.scored] = 0
    if output_lengths is not None:
        weights *= np.arange(S)[:, None] < output_lengths
    array, aligned = _without_padding(array, step_lengths), _without_padding(aligned, output_lengths)
    if spec.loss == "binary-cross-entropy" and aligned is not None and not ((aligned >= 0) & (aligned <= 1)).all():
        raise ValueError("target holds values outside 0 to 1, which binary-cross-entropy cannot compare with")
    arriving = _states(spec, {"h_n_grad": h_n_grad, "c_n_grad": c_n_grad}, B)
    if arriving and (aligned is None or spec.has_feedback):
        why = f"{spec.pattern} feeds back" if spec.has_feedback else "there is no target, and so no backward pass"
        raise ValueError(f"{next(iter(arriving))} is given, but {why}; leave it out")
    return Batch(
        laid, array, aligned, step_lengths, output_lengths, _states(spec, {"h_0": h_0, "c_0": c_0}, B), forced,
        weights, reduction, None if sample is None else int(sample), float(temperature),
        {name.removesuffix("_grad"): value for name, value in arriving.items()},
    )  # fmt: skip


def _without_padding(value: Any, lengths: np.ndarray | None) -> Any:
    """Zeros where a sequence has ended, so that nothing that stands there (a NaN) can reach a number of the run."""
    if value is None or lengths is None:
        return value
    mask = np.arange(len(value))[:, None] < lengths
    return np.where(mask if value.ndim == 2 else mask[..., None], value, value.dtype.type(0))


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _check_sample(spec: ModelSpec, sample: Any, forced: bool) -> None:
    if not _whole(sample) or sample < 0:
        raise ValueError(f"sample={sample!r} is not possible; it must be a seed, a whole number from 0")
    if not spec.has_feedback or spec.loss != "cross-entropy":
        raise ValueError(
            f"sample={sample!r} is given, but pattern={spec.pattern!r} with loss={spec.loss!r} chooses nothing"
        )
    if forced:
        raise ValueError("sample is given together with teacher forcing; pass teacher_forcing=False, or no target")
