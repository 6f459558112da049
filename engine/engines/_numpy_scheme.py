"""What is the same for every run of a spec at the same sizes: lanes, their plans, who reads whom, and the keys.

A small network runs in less time than it takes to find all this out, so that it is found out once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from engine import graph as graphs
from engine import layout
from engine.inputs import Batch
from engine.layout import Lane
from engine.plan.compiled import Compiled, compile_cell
from engine.plan.tape import Size
from engine.spec import PATTERNS, ModelSpec
from engine.timeline import Timeline


class Sizes(NamedTuple):
    """What a scheme depends on, apart from the spec and the timeline.

    ``masked`` says for each part whether some sequences end before the others; ``forced`` whether what goes back in is
    the target, and so known ahead.
    """

    T: int
    B: int
    masked: tuple[bool, ...]
    forced: bool
    differentiable: bool


@dataclass(frozen=True)
class LaneScheme:
    """One lane: its plan (None: its graph is walked), what its tape must be, and its parameters' full names.

    ``outside``: gradients come to its h at every step rather than only after the last one.
    """

    lane: Lane
    plan: Compiled | None
    size: Size
    key: tuple
    names: tuple[tuple[str, str], ...]
    outside: bool


class Scheme:
    """A spec at given sizes.

    Attributes
    ----------
    stepwise : bool
        The steps of the emitting part wait for each other's outputs.
    ids : bool
        Class ids go back in.
    head : tuple of str
        The head's parameters, weight and bias.
    through : bool
        Gradients go through what was fed back.
    """

    def __init__(self, spec: ModelSpec, timeline: Timeline, sizes: Sizes) -> None:
        self.spec, self.timeline, self.sizes = spec, timeline, sizes
        self.graph = graphs.build(spec.cell, spec.nonlinearity, spec.bias)
        self.states = self.graph.states
        self.output_part = timeline.output_part
        self.head = tuple(f"{layout.output_before(spec)}output.{name}" for name in ("weight", "bias"))
        self.ids = timeline.has_feedback and spec.loss == "cross-entropy"
        self.stepwise = timeline.has_feedback and not (sizes.forced and sizes.differentiable)
        self.through = self.stepwise and sizes.differentiable and not self.ids
        self.lanes = {
            part: tuple(self._lane(lane, masked) for lane in layout.lanes(spec, part))
            for part, masked in zip(timeline.parts, sizes.masked, strict=True)
        }
        self.steps = {part: timeline.steps(part) for part in timeline.parts}
        self.emitting = {False: _index(timeline.output_steps), True: _index(timeline.reverse_output_steps)}
        self.reads = {part: self._reads(part) for part in timeline.parts}

    def waits(self, part: str) -> bool:
        """Whether the part's steps wait for each other's outputs."""
        return self.stepwise and part == self.output_part

    def _lane(self, lane: Lane, masked: bool) -> LaneScheme:
        spec, outside = self.spec, self._outside(lane)
        plan = compile_cell(spec.cell, spec.nonlinearity, spec.bias, masked)
        size = Size(spec.hidden_size, lane.input_size, self.sizes.B, spec.dtype, True, masked, outside)
        names = tuple((name, lane.parameter(name)) for name in layout.stacked_names(spec))
        if not isinstance(plan, Compiled):
            return LaneScheme(lane, None, size, (), names, outside)
        size = size._replace(fused=self.waits(lane.part) or size.better_fused(plan))
        return LaneScheme(lane, plan, size, (spec.cell, spec.nonlinearity, spec.bias, size), names, outside)

    def _outside(self, lane: Lane) -> bool:
        timeline = self.timeline
        if not self.sizes.differentiable or (self.through and lane.part == self.output_part):
            return False
        if lane.layer < self.spec.num_layers - 1:
            return True
        last = 0 if lane.reverse else timeline.steps(lane.part) - 1
        emitting = timeline.reverse_output_steps if lane.reverse else timeline.output_steps
        return lane.part == self.output_part and emitting.tolist() != [last]

    def _reads(self, part: str) -> np.ndarray | None:
        """The input step that each step of a part reads, -1 for none; None where that is simply its own."""
        reads = [column.reads for column in self.timeline.of(part)]
        if reads == list(range(self.sizes.T)):
            return None
        return np.array([-1 if row is None else row for row in reads], dtype=np.intp)

    @cached_property
    def sources(self) -> dict[str, tuple[int, str]]:
        """For each key of a lane, which lane (in order of computation) and which name."""
        every = [scheme.lane for schemes in self.lanes.values() for scheme in schemes]
        return {lane.key(name): (i, name) for i, lane in enumerate(every) for name in self.graph.recorded}

    @cached_property
    def initial_sources(self) -> dict[str, tuple[int, str]]:
        """The same for each lane's states before the first step."""
        every = [scheme.lane for schemes in self.lanes.values() for scheme in schemes]
        return {lane.key(state): (i, state) for i, lane in enumerate(every) for state in self.states}

    @cached_property
    def input_sources(self) -> dict[str, tuple[int, str]]:
        """For each part, its first lane."""
        firsts = np.cumsum([0, *(len(schemes) for schemes in self.lanes.values())]).tolist()
        return {part: (first, "") for part, first in zip(self.lanes, firsts, strict=False)}


def _index(steps: np.ndarray) -> np.ndarray | slice:
    """Steps as a slice where they follow each other, since a slice is a view."""
    first = int(steps[0])
    return slice(first, first + len(steps)) if (np.diff(steps) == 1).all() else steps


@lru_cache(maxsize=64)
def _kept(spec: ModelSpec, pattern: str, S: int, sizes: Sizes, timeline: _Unhashed) -> Scheme:
    return Scheme(spec, timeline.value, sizes)


class _Unhashed:
    """A value that a cache passes through: any two are equal."""

    def __init__(self, value: Timeline) -> None:
        self.value = value

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unhashed)


def scheme_of(spec: ModelSpec, batch: Batch, masks: Iterable[np.ndarray | None]) -> Scheme:
    """The scheme of a run, from earlier ones where the pattern has a name; ``masks`` are its parts' steps."""
    timeline = batch.timeline
    T, B = batch.x.shape[:2]
    sizes = Sizes(T, B, tuple(mask is not None for mask in masks), batch.forced, batch.target is not None)
    if timeline.pattern not in PATTERNS:
        return Scheme(spec, timeline, sizes)
    return _kept(spec, timeline.pattern, batch.S, sizes, _Unhashed(timeline))
