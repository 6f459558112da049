"""What the inspector shows of one step, as numbers and pieces: a pure function of a trace and the playhead."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from engine import Trace
from engine.layout import Lane
from engine.losses import LOSSES
from engine.narration import Words
from gui.frames import equation
from gui.frames.equation import Equation, Piece, Segments
from gui.frames.reach import Reach


@dataclass(frozen=True)
class Place:
    """One step of one lane, for one sequence of the batch.

    Attributes
    ----------
    lane : engine.layout.Lane
    step : int
        Of the lane's part, from 0.
    sequence : int
    column : int
        The score's column.
    before, after : int or None
        The steps computed before and after it; None at the ends.
    """

    lane: Lane
    step: int
    sequence: int
    column: int
    before: int | None
    after: int | None

    @property
    def prefix(self) -> str:
        """The lane's prefix."""
        return self.lane.prefix


@dataclass(frozen=True, eq=False)
class StepFrame:
    """One step of a lane and one equation of it.

    Attributes
    ----------
    names : tuple of str
        The equations there are, by their left-hand sides.
    name : str
        The one that is shown.
    pieces : tuple of Piece
        It, laid out; ``value`` is None for what the playhead has not reached.
    reached, padding : bool
        Whether the step is computed; whether it is padding, where nothing is computed.
    sums : tuple of segments
        The chosen unit's numbers, (text, role) each; empty where the step is not reached.
    unit, units : int
    """

    names: tuple[str, ...]
    name: str
    pieces: tuple[Piece, ...]
    reached: bool
    padding: bool
    sums: tuple[Segments, ...]
    unit: int
    units: int


@dataclass(frozen=True, eq=False)
class OutputFrame:
    """One output.

    Attributes
    ----------
    index, step : int
        Which output, and the step that emits it.
    head : str
        "softmax", "identity" or "sigmoid".
    y : ndarray (O,) or None
        None: not reached.
    labels : tuple of str
    target : int, ndarray or None
        A class, a vector, or nothing to compare with.
    loss : float or None
        ℓ, once the playhead has passed the loss.
    weight : float
        ∂L/∂ℓ; 0 where this output is not scored.
    """

    index: int
    step: int
    head: str
    y: np.ndarray | None
    labels: tuple[str, ...]
    target: int | np.ndarray | None
    loss: float | None
    weight: float


@dataclass
class Inspection:
    """Everything that can be asked about one run; what is costly is kept.

    Parameters
    ----------
    trace : engine.Trace
    words : engine.narration.Words
        What columns and classes are called; its ``sequence`` is the one that is looked at.
    """

    trace: Trace
    words: Words
    _equations: dict[str, Equation] = field(default_factory=dict, repr=False)
    _scales: dict[str, float] = field(default_factory=dict, repr=False)
    _showing: dict[str, str] = field(default_factory=dict, repr=False)
    _weights: dict[str, dict[str, np.ndarray]] = field(default_factory=dict, repr=False)
    _values: tuple[Place, list[np.ndarray | float]] | None = field(default=None, repr=False)

    @cached_property
    def reach(self) -> Reach:
        """Which position computes what."""
        return Reach(self.trace.events)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The cell's equations by their left-hand sides."""
        return equation.names(self.trace.graph)

    def showing(self, name: str) -> str:
        """The equation in which a recorded value is computed."""
        if name not in self._showing:
            self._showing[name] = equation.showing(self.trace.graph, name)
        return self._showing[name]

    # Where ---------------------------------------------------------------------------------------------

    def place(self, prefix: str, step: int) -> Place:
        """A step of a lane; KeyError or IndexError where there is none."""
        lane, timeline = self.trace.lanes[prefix], self.trace.timeline
        n = timeline.steps(lane.part)
        if not 0 <= step < n:
            raise IndexError(f"step {step} of {prefix}: there are {n}")
        way = -1 if lane.reverse else 1
        before, after = step - way, step + way
        return Place(
            lane, step, self.words.sequence, timeline.offset(lane.part) + step,
            before if 0 <= before < n else None, after if 0 <= after < n else None,
        )  # fmt: skip

    def playhead(self, position: int) -> Place:
        """The step that the playhead's last position is about; the first step before anything has happened.

        Where several layers go together it is the top one, which the narration speaks of too.
        """
        lanes = list(self.trace.lanes.values())
        if position == 0:
            first = lanes[0]
            steps = self.trace.timeline.steps(first.part)
            return self.place(first.prefix, steps - 1 if first.reverse else 0)
        event = self.trace.events.token(position - 1)
        mine = [lane for lane in lanes if lane.part == event.part]
        exact = [lane for lane in mine if lane.layer == event.layer and lane.direction == event.direction]
        return self.place((exact or mine)[-1].prefix, event.step)

    def of_output(self, index: int) -> Place:
        """The top lane's step that emits an output."""
        part = self.trace.timeline.output_part
        top = [lane for lane in self.trace.lanes.values() if lane.part == part and not lane.reverse][-1]
        return self.place(top.prefix, int(self.trace.output_steps[index]))

    def computed(self, place: Place, position: int) -> bool:
        """Whether the playhead has computed the step."""
        token = self.reach.forward(place.prefix, place.step)
        return token is not None and position > token

    def returned(self, prefix: str, step: int, position: int) -> bool:
        """Whether the playhead has brought the gradient back to a step."""
        token = self.reach.backward(prefix, step)
        return token is not None and position > token

    def padding(self, place: Place) -> bool:
        """Whether the step lies beyond the sequence's end."""
        return self._padded(place.lane.part, place.step)

    def _padded(self, part: str, step: int) -> bool:
        mask = self.trace.batch.step_mask(part)
        return mask is not None and not bool(mask[step, self.words.sequence])

    def scale(self, place: Place, piece: Piece) -> float:
        """The magnitude that has a piece's full colour: the largest of it in this sequence, or in its block."""
        name, trace = piece.node, self.trace
        key = place.lane.key(name.removesuffix("_prev"))
        if key not in self._scales:
            if name.removesuffix("_prev") in trace.graph.recorded:
                found = trace.value(key)[:, place.sequence]
            elif name == "x":
                found = trace.read_by(place.prefix)[:, place.sequence]
            else:
                weights = self.weights(place.prefix)
                found = np.sum([weights[each] for each in piece.names], axis=0)
            finite = np.abs(found[np.isfinite(found)])
            self._scales[key] = float(finite.max(initial=0.0)) or 1.0
        return self._scales[key]

    # One step ------------------------------------------------------------------------------------------

    def values(self, place: Place) -> list[np.ndarray | float]:
        """Every node of the cell's graph at a step, from what the run recorded; those of the last step are kept."""
        if self._values is None or self._values[0] != place:
            self._values = place, self._evaluated(place)
        return self._values[1]

    def _evaluated(self, place: Place) -> list[np.ndarray | float]:
        trace, b, lane = self.trace, place.sequence, place.lane
        given = {name: trace.value(lane.key(name))[place.step, b] for name in trace.graph.recorded}
        given["x"] = trace.read_by(place.prefix)[place.step, b]
        for state in trace.graph.states:
            key = lane.key(state)
            found = trace.starts_from(key)[b] if place.before is None else trace.value(key)[place.before, b]
            given[f"{state}_prev"] = found
        given.update(self.weights(place.prefix))
        with np.errstate(all="ignore"):  # a run that overflows is shown, not warned about
            return trace.graph.evaluate(np, given)

    def weights(self, prefix: str) -> dict[str, np.ndarray]:
        """The blocks of weights and biases of a lane's equations, by their names there."""
        if prefix in self._weights:
            return self._weights[prefix]
        trace, lane = self.trace, self.trace.lanes[prefix]
        stacked = {name for name, _ in (node.block for node in trace.graph.nodes) if name}
        parameters = {name: trace.parameters[lane.parameter(name)] for name in stacked}
        self._weights[prefix] = trace.graph.blocks(parameters, "", trace.spec.hidden_size)
        return self._weights[prefix]

    def numbers(self, place: Place) -> tuple[str, str]:
        """What the step, and the one computed before it, are called in the equations: ("5", "4")."""
        return str(place.step + 1), str(place.step + 2 if place.lane.reverse else place.step)

    def step(self, place: Place, position: int, name: str, unit: int) -> StepFrame:
        """Lay out one equation of a step.

        Parameters
        ----------
        place : Place
        position : int
            The playhead's.
        name : str
            A recorded name; a pre-activation stands for what squashes it, any other for the hidden state.
        unit : int
            From 0; beyond the last it is the last.
        """
        trace = self.trace
        name = self.showing(name)
        units = trace.spec.hidden_size
        unit = min(max(0, unit), units - 1)
        padding, reached = self.padding(place), self.computed(place, position)
        before = place.before is None or self.computed(self.place(place.prefix, place.before), position)
        values, (now, earlier) = self.values(place), self.numbers(place)
        chosen = self._equation(name)
        shown = reached and not padding
        sums: tuple[Segments, ...] = ()
        if shown:
            # A gate alone does not say what becomes of the unit: the states' lines follow, h last.
            states = trace.graph.states[::-1] if trace.graph.cell.gates else ()
            for each in states if name in states else (name, *states):
                sums += self._equation(each).sums(now, unit, values)
        pieces = chosen.pieces(now, earlier, values, shown, before)
        return StepFrame(self.names, name, pieces, reached, padding, sums, unit, units)

    def _equation(self, name: str) -> Equation:
        if name not in self._equations:
            self._equations[name] = Equation(self.trace.graph, name)
        return self._equations[name]

    # Outputs -------------------------------------------------------------------------------------------

    def output_at(self, place: Place) -> int | None:
        """Which output the place's column emits; None where it emits none."""
        return self.trace.timeline.columns[place.column].emits

    def output(self, index: int, position: int) -> OutputFrame:
        """One output as far as the playhead has come."""
        trace, b = self.trace, self.words.sequence
        step, loss = int(trace.output_steps[index]), LOSSES[trace.spec.loss]
        token = self.reach.output(step)
        y = trace.value("output.y")[index, b] if token is not None and position > token else None
        batch, target, value, weight = trace.batch, None, None, 0.0
        if batch.target is not None:
            target, weight = batch.target[index, b], float(batch.weights[index, b])
            if self.reach.loss is not None and position > self.reach.loss and weight:
                value = float(loss.value(np, trace.value("output.logits")[index, b][None], target[None])[0])
        labels = tuple(
            self.words.labels[k] if k < len(self.words.labels) else str(k) for k in range(trace.spec.output_size)
        )
        if target is not None and loss.class_targets:
            target = int(target)
        return OutputFrame(index, step, loss.head, y, labels, target, value, weight)
