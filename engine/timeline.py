"""A pattern laid out on a sequence: what each step reads, feeds back, emits and is scored on.

The engines and the score both walk this; a pattern is nothing but masks over the steps of its parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

#: Timelines of up to so many steps are kept, since a run of a small network takes less time than laying one out.
KEPT_STEPS = 5_000


@dataclass(frozen=True)
class Column:
    """One step of one part, one vertical column of the score.

    Attributes
    ----------
    part : str
        "" (the only one), "encoder" or "decoder".
    step : int
        Index in its part.
    reads : int or None
        The input step read here; None where nothing is read (zeros).
    feedback : int or None
        The output fed back in here; -1 for ``<bos>`` (zeros without a vocabulary); None where nothing is.
    emits : int or None
        The output that is read off here.
    scored : bool
        Whether that output is compared with a target.
    """

    part: str
    step: int
    reads: int | None = None
    feedback: int | None = None
    emits: int | None = None
    scored: bool = False


@dataclass(frozen=True)
class Timeline:
    """The columns of a run, part after part."""

    pattern: str
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts in order of computation."""
        return tuple(dict.fromkeys(column.part for column in self.columns))

    def of(self, part: str) -> tuple[Column, ...]:
        """The columns of one part, in order."""
        return tuple(column for column in self.columns if column.part == part)

    def steps(self, part: str) -> int:
        """How many steps a part has."""
        return self._counts[part]

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(column.part for column in self.columns)

    def offset(self, part: str) -> int:
        """The score column of a part's first step."""
        return self._offsets[part]

    @cached_property
    def _offsets(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for i, column in enumerate(self.columns):
            found.setdefault(column.part, i)
        return found

    @cached_property
    def output_part(self) -> str:
        """The part that emits."""
        return self.parts[-1]

    @cached_property
    def output_columns(self) -> tuple[Column, ...]:
        """The columns that emit, in the order of their outputs."""
        return tuple(sorted((c for c in self.columns if c.emits is not None), key=lambda c: int(c.emits or 0)))

    @cached_property
    def output_steps(self) -> np.ndarray:
        """For each output, the step of its part that emits it, (S,)."""
        return np.array([column.step for column in self.output_columns], dtype=np.intp)

    @cached_property
    def reverse_output_steps(self) -> np.ndarray:
        """For each output, the position whose reverse-direction state it reads, (S,).

        Its own, except many-to-one: there the reverse direction has read everything at position 0.
        """
        return np.zeros_like(self.output_steps) if self.pattern == "many-to-one" else self.output_steps

    @cached_property
    def scored(self) -> np.ndarray:
        """Which outputs are compared with a target, (S,) bool."""
        return np.array([column.scored for column in self.output_columns], dtype=bool)

    @cached_property
    def all_scored(self) -> bool:
        """True where every output is compared with a target."""
        return bool(self.scored.all())

    @cached_property
    def has_feedback(self) -> bool:
        """True where some column reads an output."""
        return any(column.feedback is not None for column in self.columns)


def masked(
    reads: Sequence[bool],
    emits: Sequence[bool],
    scored: Sequence[bool] | None = None,
    pattern: str = "custom",
) -> Timeline:
    """Lay out one part from masks over its steps: which read an input, emit an output, are scored on it."""
    scored = emits if scored is None else scored
    if not len(reads) == len(emits) == len(scored):
        raise ValueError(
            f"masks of {len(reads)}, {len(emits)} and {len(scored)} steps do not fit: they must be equally long"
        )
    columns, outputs, inputs = [], 0, 0
    for step, (reading, emitting, scoring) in enumerate(zip(reads, emits, scored, strict=True)):
        if scoring and not emitting:
            raise ValueError(f"step {step} is scored but emits nothing")
        columns.append(
            Column("", step, inputs if reading else None, None, outputs if emitting else None, bool(scoring))
        )
        inputs, outputs = inputs + bool(reading), outputs + bool(emitting)
    return Timeline(pattern, tuple(columns))


def build(pattern: str, T: int, S: int) -> Timeline:
    """Lay out a named pattern over T input steps and S output steps (S is used where feedback makes it free)."""
    return _kept(pattern, T, S) if T + S <= KEPT_STEPS else _build(pattern, T, S)


@lru_cache(maxsize=64)
def _kept(pattern: str, T: int, S: int) -> Timeline:
    made = _build(pattern, T, S)
    for shared in (made.output_steps, made.reverse_output_steps, made.scored):
        shared.setflags(write=False)
    return made


def _build(pattern: str, T: int, S: int) -> Timeline:
    if pattern == "one-to-many":
        return Timeline(pattern, tuple(Column("", s, 0 if s == 0 else None, s - 1, s, True) for s in range(S)))
    if pattern == "sequence-to-sequence":
        encoder = tuple(Column("encoder", t, reads=t) for t in range(T))
        return Timeline(pattern, encoder + tuple(Column("decoder", s, None, s - 1, s, True) for s in range(S)))
    last_only = pattern in ("many-to-one", "one-to-one")
    return masked([True] * T, [not last_only or t == T - 1 for t in range(T)], pattern=pattern)
