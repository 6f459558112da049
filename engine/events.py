"""The playhead's positions, in playing order, computed when they are asked for.

A token position completes a step (``operation`` is None): all layers of a column forward, or ∂L/∂h of a
column backward; in a bidirectional network each layer's directions come one after the other and the outputs last.
Before each token position stand its operations, one equation or one chain-rule factor each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np

from engine import equations, layout
from engine.graph import Graph
from engine.layout import Lane
from engine.spec import ModelSpec
from engine.timeline import Timeline

KEPT = 256
"""So many events are kept once they are made."""


@dataclass(frozen=True)
class Event:
    """One position of the playhead.

    Attributes
    ----------
    index : int
        Its place in ``trace.events``.
    phase : str
        "forward", "loss" or "backward".
    step : int
        The step of ``part`` it belongs to; for the loss, the number of steps of the emitting part minus one.
    layer : int or None
        The layer; None where all layers of the column go together.
    direction : str
        "forward" or "reverse".
    part : str
        "", "encoder" or "decoder".
    operation : str or None
        The value that is computed (its name in the graph, ``logits``, ``y``, ``loss``); None for a token position.
    equation : str
        LaTeX of what happens.
    column : int
        The score's column.
    token : int
        Which token position this is, or which one the operation leads to.
    """

    index: int
    phase: str
    step: int
    layer: int | None
    direction: str
    part: str
    operation: str | None
    equation: str
    column: int
    token: int


@dataclass(frozen=True)
class Stretch:
    """A run of token positions that pass over consecutive columns alike."""

    phase: str
    part: str
    lanes: tuple[Lane, ...]
    head: bool
    first: int
    count: int
    backwards: bool

    def step(self, i: int) -> int:
        """The i-th position's step of the part."""
        return self.first - i if self.backwards else self.first + i


class Events(Sequence[Event]):
    """Every position of a run; lazy, so that a long sequence costs nothing.

    Parameters
    ----------
    spec, timeline, graph
        Of the run.
    backward : bool
        Whether there was a backward pass.
    """

    def __init__(self, spec: ModelSpec, timeline: Timeline, graph: Graph, backward: bool) -> None:
        self.spec, self.timeline, self.graph, self.backward = spec, timeline, graph, backward
        self._stretches = tuple(self._lay_out())
        self._names = tuple(node.name for node in graph.operations)
        self._made: dict[int, Event] = {}

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The token positions in runs, in playing order."""
        return self._stretches

    def _lay_out(self) -> Iterator[Stretch]:
        forward = []
        for part in self.timeline.parts:
            lanes, n = layout.lanes(self.spec, part), self.timeline.steps(part)
            emits = part == self.timeline.output_part
            if any(lane.reverse for lane in lanes):
                for lane in lanes:
                    forward.append(
                        Stretch("forward", part, (lane,), False, n - 1 if lane.reverse else 0, n, lane.reverse)
                    )
                if emits:
                    forward += self._outputs(part)
            else:
                forward.append(Stretch("forward", part, lanes, emits, 0, n, False))
        yield from forward
        if self.backward:
            last = self.timeline.output_part
            yield Stretch("loss", last, (), False, self.timeline.steps(last) - 1, 1, False)
            for s in reversed(forward):
                if s.lanes:
                    yield Stretch(
                        "backward",
                        s.part,
                        s.lanes[::-1],
                        s.head,
                        s.step(s.count - 1),
                        s.count,
                        not s.backwards,
                    )

    def _outputs(self, part: str) -> Iterator[Stretch]:
        steps = self.timeline.output_steps
        start = 0
        for i in range(1, len(steps) + 1):
            if i == len(steps) or steps[i] != steps[i - 1] + 1:
                yield Stretch("forward", part, (), True, int(steps[start]), i - start, False)
                start = i

    # How many operations each position has ---------------------------------------------------------------

    @cached_property
    def _emitting(self) -> np.ndarray:
        found = np.zeros(self.timeline.steps(self.timeline.output_part), dtype=bool)
        found[self.timeline.output_steps] = True
        return found

    def _operations(self, stretch: Stretch, step: int) -> tuple[tuple[Lane | None, str], ...]:
        if stretch.phase == "loss":
            return ((None, "loss"),)
        cell = tuple((lane, name) for lane in stretch.lanes for name in self._names)
        head = ((None, "logits"), (None, "y")) if stretch.head and self._emitting[step] else ()
        if stretch.phase == "forward":
            return cell + head
        back = tuple((lane, name) for lane in stretch.lanes for name in reversed(self._names))
        return ((None, "logits"), *back) if head else back

    @cached_property
    def _starts(self) -> np.ndarray:
        """Index of each token position's first operation, and the total at the end."""
        counts = [np.zeros(0, dtype=np.intp)]
        for s in self._stretches:
            if s.phase == "loss":
                counts.append(np.array([2]))
                continue
            per = np.full(s.count, len(self._names) * len(s.lanes) + 1)
            if s.head:
                steps = s.first + np.arange(s.count) * (-1 if s.backwards else 1)
                per = per + self._emitting[steps] * (2 if s.phase == "forward" else 1)
            counts.append(per)
        return np.concatenate([[0], np.cumsum(np.concatenate(counts))])

    @cached_property
    def tokens(self) -> np.ndarray:
        """Indices of the token positions, in order."""
        return self._starts[1:] - 1

    @cached_property
    def _stretch_starts(self) -> list[int]:
        return np.concatenate([[0], np.cumsum([s.count for s in self._stretches])]).tolist()

    def token(self, i: int) -> Event:
        """The i-th token position; negative from the end."""
        return self[int(self.tokens[i])]

    def find(self, phase: str, lane: Lane | None, step: int, operation: str | None) -> int | None:
        """Where an operation of a lane's step stands, or one of the head or the loss (``lane`` None).

        Parameters
        ----------
        phase : str
            "forward", "loss" or "backward".
        lane : Lane or None
        step : int
            Of the lane's part; of the emitting part for the head.
        operation : str or None
            None: the token position that completes the step.

        Returns
        -------
        int or None
            The event's index; None where the run has no such event.
        """
        for stretch, start in zip(self._stretches, self._stretch_starts, strict=False):
            i = stretch.first - step if stretch.backwards else step - stretch.first
            if stretch.phase != phase or not (0 <= i < stretch.count or phase == "loss"):
                continue
            token = start + (0 if phase == "loss" else i)
            if operation is None and (lane is None or lane in stretch.lanes):
                return int(self._starts[token + 1]) - 1
            wanted = (lane, operation)
            operations = self._operations(stretch, step)
            if wanted in operations:
                return int(self._starts[token]) + operations.index(wanted)
        return None

    def places(self, phase: str, lane: Lane, operation: str) -> np.ndarray:
        """Where an operation stands at every step of a lane's part, (T,); -1 where the run has no such event."""
        found = np.full(self.timeline.steps(lane.part), -1, dtype=np.intp)
        names = self._names if phase == "forward" else self._names[::-1]
        for stretch, start in zip(self._stretches, self._stretch_starts, strict=False):
            if stretch.phase != phase or lane not in stretch.lanes:
                continue
            steps = stretch.first + np.arange(stretch.count) * (-1 if stretch.backwards else 1)
            before = stretch.lanes.index(lane) * len(names) + names.index(operation)
            first = self._starts[start : start + stretch.count] + before
            if stretch.head and phase == "backward":
                first = first + self._emitting[steps]
            found[steps] = first
        return found

    # Sequence ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        total = len(self)
        if not -total <= index < total:
            raise IndexError(f"event {index} of {total}")
        index = int(index) % total
        if index not in self._made:  # everybody asks for those around the playhead at every move
            if len(self._made) >= KEPT:
                self._made.clear()
            self._made[index] = self._make(index)
        return self._made[index]

    def _make(self, index: int) -> Event:
        token = int(np.searchsorted(self._starts, index, side="right")) - 1
        which = bisect_right(self._stretch_starts, token) - 1
        stretch = self._stretches[which]
        step = stretch.step(token - self._stretch_starts[which])
        operations = self._operations(stretch, step)
        at = index - int(self._starts[token])
        lane, operation = operations[at] if at < len(operations) else (self._one_lane(stretch), None)
        return Event(
            index=index,
            phase=stretch.phase,
            step=step,
            layer=None if lane is None else lane.layer,
            direction="forward" if lane is None else lane.direction,
            part=stretch.part,
            operation=operation,
            equation=self._equation(stretch, step, lane, operation),
            column=self.timeline.offset(stretch.part) + step,
            token=token,
        )

    @staticmethod
    def _one_lane(stretch: Stretch) -> Lane | None:
        """The lane a token position belongs to, where it is one: in bidirectional networks and single layers."""
        return stretch.lanes[0] if len(stretch.lanes) == 1 else None

    def _equation(self, stretch: Stretch, step: int, lane: Lane | None, operation: str | None) -> str:
        if stretch.phase == "loss":
            return equations.LOSS
        if operation in ("logits", "y") or not stretch.lanes:
            return equations.head(self.spec, step)
        lane = lane or (stretch.lanes[-1] if stretch.phase == "forward" else stretch.lanes[0])
        if stretch.phase == "forward":
            return equations.forward(self.graph, lane, step, operation)
        if operation is not None:
            return equations.factor(self.graph, lane, step, operation)
        return equations.backward(self.spec, self.timeline, self.graph, lane, step)
