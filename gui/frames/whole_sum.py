"""One unit's whole sum: every weight × input product, largest first, and where each input came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine import ops
from engine.graph import Node
from gui.frames import equation
from gui.frames.cell_words import plain, spelled
from gui.frames.equation import lowered
from gui.frames.inspector import Inspection, Place


@dataclass(frozen=True)
class Origin:
    """Where a number came from: a unit of a recorded value, as a selection names it."""

    prefix: str
    step: int
    unit: int
    name: str


@dataclass(frozen=True)
class Term:
    """One term of the sum.

    Attributes
    ----------
    factors : tuple of (str, float, Origin or None)
        What is multiplied: each factor's name ("W_hf[3, 7]", "h₄[7]"), its value, and where it can be looked at.
    value : float
        Their product.
    """

    factors: tuple[tuple[str, float, Origin | None], ...]
    value: float


@dataclass(frozen=True)
class WholeSum:
    """The sum that makes a unit what it is.

    Attributes
    ----------
    name, inner : str
        The value, "f₅[3]", and the sum that it squashes, "a_f,₅[3]"; ``inner`` is empty where nothing squashes it.
    terms : tuple of Term
        Largest first.
    total : float
        What they add up to.
    function : str
        "σ", "tanh", … or empty.
    value : float
        What comes out.
    """

    name: str
    inner: str
    terms: tuple[Term, ...]
    total: float
    function: str
    value: float


def whole_sum(inspection: Inspection, place: Place, name: str, unit: int) -> WholeSum:
    """Take one unit's sum apart.

    Parameters
    ----------
    inspection : Inspection
    place : Place
    name : str
        A recorded name; a pre-activation stands for what squashes it, any other for the hidden state.
    unit : int
        From 0.
    """
    return _Sum(inspection, place, unit).of(inspection.showing(name))


class _Sum:
    """One unit of one step."""

    def __init__(self, inspection: Inspection, place: Place, unit: int) -> None:
        self.inspection, self.place, self.unit = inspection, place, unit
        self.graph = inspection.trace.graph
        with np.errstate(all="ignore"):
            self.values = inspection.values(place)
        self.now, self.before = inspection.numbers(place)

    def of(self, name: str) -> WholeSum:
        node = self.graph.node(name)
        function, inner = "", node
        if node.op in ops.FUNCTIONS.values():
            function = "ReLU" if node.op is ops.RELU else node.op.name
            inner = self.graph.nodes[node.args[0]]
        args = [self.graph.nodes[arg] for arg in inner.args] if inner.op is ops.SUM else [inner]
        terms = [term for arg in args for term in self._terms(arg)]
        terms.sort(key=lambda term: -abs(term.value) if np.isfinite(term.value) else -np.inf)
        shown = self._called(inner) if inner is not node and inner.named else ""
        return WholeSum(
            self._called(node), shown, tuple(terms), self._value(inner), function, self._value(node)
        )  # fmt: skip

    def _terms(self, node: Node) -> list[Term]:
        if node.op is ops.MATVEC:
            return self._products(*(self.graph.nodes[arg] for arg in node.args))
        if node.op is ops.PRODUCT:
            sides = tuple(self._factor(self.graph.nodes[arg]) for arg in node.args)
            return [Term(sides, self._value(node))]
        return [Term((self._factor(node),), self._value(node))]

    def _products(self, weight: Node, vector: Node) -> list[Term]:
        matrix, read = np.asarray(self.values[weight.index]), np.asarray(self.values[vector.index])
        name = lowered(*equation.parts(vector.name, self.now, self.before))
        found = []
        with np.errstate(all="ignore"):
            products = matrix[self.unit] * read
        for j, product in enumerate(products):
            left = (f"{weight.name}[{self.unit + 1}, {j + 1}]", float(matrix[self.unit, j]), None)
            found.append(Term((left, (f"{name}[{j + 1}]", float(read[j]), self._origin(vector, j))), float(product)))
        return found

    def _factor(self, node: Node) -> tuple[str, float, Origin | None]:
        return self._called(node), self._value(node), self._origin(node, self.unit)

    def _called(self, node: Node) -> str:
        if node.named or node.op in ops.LEAVES:
            return f"{lowered(*equation.parts(node.name, self.now, self.before))}[{self.unit + 1}]"
        return f"({plain(spelled(self.graph, node.name, self.now, self.before))})[{self.unit + 1}]"

    def _value(self, node: Node) -> float:
        value = np.asarray(self.values[node.index])
        return float(value if value.ndim == 0 else value[self.unit])

    def _origin(self, node: Node, unit: int) -> Origin | None:
        """Where a value can be looked at: in this step, in the step before, in the layer below."""
        place = self.place
        if node.named:
            return Origin(place.prefix, place.step, unit, node.name)
        if node.op is ops.STATE:
            state = node.name.removesuffix("_prev")
            return None if place.before is None else Origin(place.prefix, place.before, unit, state)
        if node.op in ops.FUNCTIONS.values() or node.op is ops.DIFFERENCE:
            return self._origin(self.graph.nodes[node.args[-1]], unit)
        if node.op is not ops.INPUT or place.lane.layer == 0:
            return None
        lanes = self.inspection.trace.lanes.values()
        below = [lane for lane in lanes if lane.part == place.lane.part and lane.layer == place.lane.layer - 1]
        size = self.inspection.trace.spec.hidden_size
        return Origin(below[unit // size].prefix, place.step, unit % size, self.graph.states[0])
