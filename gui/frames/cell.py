"""The inside of one step: every vector and gradient on its wires, as far as the playhead has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine import equations, ops
from engine.events import Event
from engine.narration.words import norm
from gui.frames import cell_layout, cell_words
from gui.frames.cell_layout import OUT, CellLayout, Wire
from gui.frames.cell_numbers import Factor, Numbers, Segments, factors
from gui.frames.cell_words import Symbol, kind, spelled
from gui.frames.inspector import Inspection, Place


@dataclass(frozen=True, eq=False)
class Vector:
    """One value of the cell at the step.

    Attributes
    ----------
    name : str
        By its name in the graph.
    symbols : tuple of Symbol
        How it is written.
    value, gradient : ndarray or None
        None: the playhead has not come so far, or there is none.
    scale, gradient_scale : float
        The magnitudes that have the full colours.
    """

    name: str
    symbols: tuple[Symbol, ...]
    value: np.ndarray | None
    gradient: np.ndarray | None
    scale: float
    gradient_scale: float


@dataclass(frozen=True, eq=False)
class CellFrame:
    """What the cell view draws.

    Attributes
    ----------
    layout : CellLayout
    place : Place
    backward : bool
        Whether the backward pass has come to this step.
    padding : bool
    vectors : dict of Vector
        Every operation and everything that is read, by name.
    done : frozenset of str
        The operations that the forward pass has done.
    flows : tuple of (float or None)
        For each wire of the layout the norm of the gradient that its readers have passed back on it so far; None: none.
    lit : str
        The operation that the playhead has just done here; empty where it is elsewhere or between two steps.
    shown : str
        The operation that equation and numbers are about.
    kind : str
        What sort of operation that is, as :func:`gui.frames.cell_words.kind` says.
    number, count : int
        Its place among the cell's operations in the order of the pass, from 1.
    equation : str
        LaTeX.
    symbols : tuple of Symbol
        The same, to be set symbol by symbol.
    lines : tuple of segments
        The chosen unit's numbers.
    factors : tuple of Factor
        On the way back.
    unit : int
    keeps : float or None
        How much of the size of the highway's gradient passes the step along it; None: not yet, or there is no highway.
    """

    layout: CellLayout
    place: Place
    backward: bool
    padding: bool
    vectors: dict[str, Vector]
    done: frozenset[str]
    flows: tuple[float | None, ...]
    lit: str
    shown: str
    kind: str
    number: int
    count: int
    equation: str
    symbols: tuple[Symbol, ...]
    lines: tuple[Segments, ...]
    factors: tuple[Factor, ...]
    unit: int
    keeps: float | None


def place_of(inspection: Inspection, event: Event | None) -> Place:
    """The step that an event is about; for the head and the loss the top lane's."""
    lanes = list(inspection.trace.lanes.values())
    if event is None:
        return inspection.playhead(0)
    mine = [lane for lane in lanes if lane.part == event.part]
    exact = [lane for lane in mine if (lane.layer, lane.direction) == (event.layer, event.direction)]
    return inspection.place((exact or mine)[-1].prefix, event.step)


def frame(inspection: Inspection, place: Place, index: int, unit: int | None = None, wanted: str = "") -> CellFrame:
    """Describe the inside of a step.

    Parameters
    ----------
    inspection : gui.frames.inspector.Inspection
        Of the run.
    place : Place
        Which step of which lane, and which sequence.
    index : int
        How many events (``trace.events``) have happened.
    unit : int or None
        From 0; beyond the last it is the last. None: the one that the step moves most.
    wanted : str
        The operation to explain; empty: the one that the playhead has just done, or the one that completes the step.
    """
    step = _Step(inspection, place, index)
    return step.frame(step.moved_most() if unit is None else min(max(0, unit), len(step.hidden) - 1), wanted)


@dataclass
class _Step:
    """One step at one position of the playhead."""

    inspection: Inspection
    place: Place
    index: int
    edges: dict[tuple[str, str], np.ndarray] = field(init=False)
    values: list[Any] = field(init=False)
    arrived: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        trace = self.inspection.trace
        self.trace, self.graph, self.events = trace, trace.graph, trace.events
        self.names = tuple(node.name for node in self.graph.operations)
        self.padding = self.inspection.padding(self.place)
        self.layout = cell_layout.layout(trace.spec.cell, trace.spec.nonlinearity, trace.spec.bias)
        with np.errstate(all="ignore"):
            self.values = self.inspection.values(self.place)
            self.arrived = self._arrived()
            self.edges = self._edges()
        self.done = frozenset(name for name in self.names if self._happened("forward", name))
        self.returned = frozenset(name for name in self.names if self._happened("backward", name))

    def _happened(self, phase: str, name: str | None) -> bool:
        found = self.events.find(phase, self.place.lane, self.place.step, name)
        return not self.padding and found is not None and self.index > found

    def _arrived(self) -> list[Any]:
        trace, lane, (t, b) = self.trace, self.place.lane, (self.place.step, self.place.sequence)
        if not trace.has_gradients or self.padding:
            return [None] * len(self.graph.nodes)
        known = {name: trace.grad(lane.key(name))[t, b] for name in self.graph.recorded}
        return self.graph.pull(np, self.values, {}, known)

    def _edges(self) -> dict[tuple[str, str], np.ndarray]:
        """What each operation passes back to each thing it was computed from, by (that, operation)."""
        found: dict[tuple[str, str], np.ndarray] = {}
        for node in self.graph.operations:
            gradient = self.arrived[node.index]
            if gradient is None:
                continue
            for factor in factors(self.graph, node.name, self.values, gradient):
                key = (factor.to, node.name)  # x ⊙ x reads x twice
                found[key] = found[key] + factor.leaves if key in found else factor.leaves
        return found

    @property
    def hidden(self) -> np.ndarray:
        """The step's hidden state."""
        return np.asarray(self.values[self.graph.named[self.graph.states[0]]])

    def moved_most(self) -> int:
        """The unit of the hidden state that the step changes most."""
        before = self.graph.by_name.get(f"{self.graph.states[0]}_prev")
        with np.errstate(all="ignore"):
            moved = self.hidden if before is None else self.hidden - self.values[before]
        return int(np.argmax(np.abs(np.nan_to_num(moved))))

    # What is shown -------------------------------------------------------------------------------------

    def frame(self, unit: int, wanted: str) -> CellFrame:
        graph, (now, before) = self.graph, self.inspection.numbers(self.place)
        event = self.events[self.index - 1] if self.index else None
        here = event is not None and self._is_here(event)
        lit = event.operation or "" if event is not None and here and event.operation in self.names else ""
        backward = self._backward_begun(event if here else None)
        last = self.names[0] if backward else graph.states[0]
        shown = wanted if wanted in self.names else lit or last
        found: tuple[Factor, ...] = ()
        lines: tuple[Segments, ...] = ()
        numbers = Numbers(graph, self.values, now, before)
        gradient = self.arrived[graph.by_name[shown]]
        if backward and shown in self.returned and gradient is not None:
            found = factors(graph, shown, self.values, gradient)
            lines = numbers.backward(found, unit)
        elif shown in self.done and not backward:
            lines = numbers.forward(shown, unit)
        order = self.names[::-1] if backward else self.names
        return CellFrame(
            self.layout, self.place, backward, self.padding, self._vectors(), self.done,
            tuple(self._flow(wire) for wire in self.layout.wires), lit, shown, kind(graph, shown),
            order.index(shown) + 1, len(order), self._equation(shown, backward),
            (cell_words.factor if backward else cell_words.equation)(graph, shown, now, before), lines, found, unit,
            self._keeps(),
        )  # fmt: skip

    def _keeps(self) -> float | None:
        way = self.layout.highway
        arrived = self.arrived[self.graph.by_name[way[-1]]]
        if not self.layout.carried or arrived is None or len(way) < 2:
            return None
        passed = self._through(way[0], way[1])
        size = norm(arrived)
        return None if passed is None or not size else norm(passed) / size

    def _is_here(self, event: Event) -> bool:
        lane = self.place.lane
        same = (event.layer, event.direction) == (lane.layer, lane.direction)
        return (event.part, event.step) == (lane.part, self.place.step) and same

    def _backward_begun(self, event: Event | None) -> bool:
        return bool(self.returned) or (event is not None and event.phase == "backward")

    def _equation(self, name: str, backward: bool) -> str:
        way = equations.factor if backward else equations.forward
        return way(self.graph, self.place.lane, self.place.step, name)

    # Vectors -------------------------------------------------------------------------------------------

    def _vectors(self) -> dict[str, Vector]:
        now, before = self.inspection.numbers(self.place)
        names = [n.name for n in self.graph.nodes if n.op not in (ops.WEIGHT, ops.BIAS, ops.CONSTANT)]
        gradients = {name: self._gradient(name) for name in names}
        known = [g for g in self.arrived if g is not None]
        top = max([float(np.abs(g[np.isfinite(g)]).max(initial=0.0)) for g in known], default=0.0) or 1.0
        found = {}
        for name in names:
            value = np.asarray(self.values[self.graph.by_name[name]]) if self._is_there(name) else None
            symbols = spelled(self.graph, name, now, before)
            found[name] = Vector(name, symbols, value, gradients[name], self._scale(name), top)
        return found

    def _is_there(self, name: str) -> bool:
        if name in self.names:
            return name in self.done
        if name.endswith("_prev"):
            before = self.place.before
            return before is None or self._happened_before(before)
        first = self.events.find("forward", self.place.lane, self.place.step, self.names[0])
        return first is not None and self.index >= first and not self.padding

    def _happened_before(self, step: int) -> bool:
        found = self.events.find("forward", self.place.lane, step, self.graph.states[0])
        return found is not None and self.index > found

    def _gradient(self, name: str) -> np.ndarray | None:
        """∂L/∂ a value, once everything that passes something to it has done so."""
        gradient = self.arrived[self.graph.by_name[name]]
        if name in self.names:
            return gradient if name in self.returned else None
        users = [node.name for node in self.graph.operations if self.graph.by_name[name] in node.args]
        return gradient if users and all(user in self.returned for user in users) else None

    def _scale(self, name: str) -> float:
        """The magnitude with the full colour, the same at every step of the run."""
        node = self.graph.node(name)
        if node.op is ops.DIFFERENCE:
            return 1.0
        while not (node.named or node.op in ops.LEAVES):
            users = [n for n in self.graph.operations if node.index in n.args]
            if not users:
                return 1.0
            node = users[0]
        return self.inspection.scale(self.place, _Named(node.name))  # type: ignore[arg-type]

    # Gradients on the wires ----------------------------------------------------------------------------

    def _flow(self, wire: Wire) -> float | None:
        """‖the gradient on a wire‖: what its readers have passed back so far to what it carries."""
        parts = [part for name in wire.carries if (part := self._passed(name, wire.to)) is not None]
        return norm(np.concatenate([np.atleast_1d(part) for part in parts])) if parts else None

    def _passed(self, name: str, readers: Sequence[str]) -> np.ndarray | None:
        total: np.ndarray | None = None
        for reader in readers:
            part = self._outside(name) if reader.startswith(OUT) else self._through(name, reader)
            if part is not None:
                total = part if total is None else total + part
        return total

    def _through(self, name: str, reader: str) -> np.ndarray | None:
        """What one node passes back to a value; None until it has."""
        total: np.ndarray | None = None
        node = next(each for each in self.layout.nodes if each.name == reader)
        for operation in node.operations:
            part = self.edges.get((name, operation))
            if self.graph.by_name[name] not in self.graph.node(operation).args:
                continue
            if part is None or operation not in self.returned:
                return None
            total = part if total is None else total + part
        return total

    def _outside(self, name: str) -> np.ndarray | None:
        """What comes to a state from outside the step: its own loss, the layer above, the step after."""
        if self.names[-1] not in self.returned:
            return None
        whole = self.arrived[self.graph.by_name[name]]
        if whole is None:
            return None
        inside = [part for (to, _), part in self.edges.items() if to == name]
        return whole - np.sum(inside, axis=0) if inside else whole


@dataclass(frozen=True)
class _Named:
    """What the inspection's scale asks of a piece of an equation."""

    node: str
    names: tuple[str, ...] = ()
