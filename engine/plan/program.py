"""The calls of one step: forward, backward, and the local derivatives that the backward ones multiply with.

A call is a NumPy function on *slots*. Slots lie in places: ``F`` the frames of the forward pass (step k's frame holds
the states before it and what it computed; its states after it lie in frame k + 1), ``G`` the frames of the gradients
(step k's frame holds ∂L/∂ its rows and ∂L/∂ the states after it; what it passes to the states before it goes to frame
k − 1), ``C`` the local derivatives, for a chunk of steps at once, ``S`` scratch that every step uses again.

Backward, the values between two *hubs* are eliminated: a hub's gradient is Σ (gradient of a later hub) ⊙ (product of
the local derivatives on the way), and that product does not depend on any gradient, so that it is taken for many
steps in one call. Hubs are the states, the rows, what a matrix multiplies, and values where many ways cross.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine import ops
from engine.plan.values import Value, kept

#: What a gradient is multiplied with between two hubs: ("number", c), ("value", name), ("slope", a function's name),
#: ("times", factor, factor) or ("plus", factor, factor).
Factor = tuple[Any, ...]
ONE: Factor = ("number", 1.0)


class Ref(NamedTuple):
    """A slot, in the frame of a step further by ``shift``."""

    place: str
    slot: str
    shift: int = 0


@dataclass(frozen=True)
class Call:
    """``function(*args, out)``; an argument is a slot or a number.

    ``function`` is a NumPy function's name, or "matvec" (W v), "matvec back" (Wᵀ v, ``weight`` says which) or
    "rows back": the transposed matrix of all rows times their gradients.
    """

    function: str
    args: tuple[Ref | float, ...]
    out: Ref
    weight: str = ""


@dataclass
class Program:
    """What a step of a cell does.

    Attributes
    ----------
    forward, backward, derivatives : list of Call
        In a possible order. The rows' own product, which comes before ``forward``, is not among them.
    gradients : dict
        For each hub (by its value's name) the slot of its gradient.
    place : dict
        For each value the slot it lies in.
    eliminated : dict
        For each other named value, what its gradient is: by hub, the factor of the hub's gradient.
    """

    forward: list[Call] = field(default_factory=list)
    backward: list[Call] = field(default_factory=list)
    derivatives: list[Call] = field(default_factory=list)
    gradients: dict[str, Ref] = field(default_factory=dict)
    eliminated: dict[str, dict[str, Factor]] = field(default_factory=dict)
    place: dict[str, Ref] = field(default_factory=dict)


def build(values: dict[str, Value], masked: bool) -> Program:
    """Write the calls of a step.

    Parameters
    ----------
    values : dict
        By name, in the order of computation.
    masked : bool
        Some steps hold their states for some sequences: there every factor that carries a gradient into the step must
        be one that can be set to zero.
    """
    program = Program()
    program.place = _Forward(values, program.forward).place
    _Backward(values, program, masked).write()
    return program


class _Forward:
    """Writes the forward calls; ``place`` says where each value lies."""

    def __init__(self, values: dict[str, Value], calls: list[Call]) -> None:
        self.calls, self.place = calls, {}
        stay = kept(values)
        for value in values.values():
            if value.state:
                self.place[value.name] = Ref("F", f"{value.name}_prev", 1)
            else:
                self.place[value.name] = Ref("F" if value.name in stay else "S", value.name)
        for value in values.values():
            out = self.place[value.name]
            if value.kind in ("row", "sum"):
                self._sum(value, out)
            elif value.kind == "product":
                self._add("multiply", out, *(self.place[arg] for arg in value.args))
            elif value.kind == "matvec":
                self._add("matvec", out, self.place[value.args[0]], weight=value.name)
            elif value.kind == "function":
                self._function(value, out, values[value.args[0]])

    def _add(self, function: str, out: Ref, *args: Ref | float, weight: str = "") -> None:
        self.calls.append(Call(function, args, out, weight))

    def _function(self, value: Value, out: Ref, arg: Value) -> None:
        given = self.place[arg.name]
        if value.function == ops.RELU.name:
            self._add("maximum", out, given, 0.0)
            return
        if value.function == ops.SIGMOID.name and not arg.halved:
            self._add("multiply", out, given, 0.5)
            given = out
        self._add("tanh", out, given)
        if value.function == ops.SIGMOID.name:
            self._add("multiply", out, out, 0.5)
            self._add("add", out, out, 0.5)

    def _sum(self, value: Value, out: Ref) -> None:
        terms = sorted(value.terms, key=lambda term: term[0] != 1.0)  # one to start from without a sign
        have, constant = out, value.constant
        if value.kind == "sum":
            (coefficient, name), *terms = terms
            have, constant = self._start(coefficient, self.place[name], constant, out, bool(terms))
        for coefficient, name in terms:
            given = self.place[name]
            if coefficient not in (1.0, -1.0):
                scaled = Ref("S", f"{coefficient}*{name}")
                self._add("multiply", scaled, given, coefficient)
                given = scaled
            self._add("subtract" if coefficient == -1.0 else "add", out, have, given)
            have = out
        if constant:
            self._add("add", out, out, constant)

    def _start(self, coefficient: float, given: Ref, constant: float, out: Ref, more: bool) -> tuple[Ref, float]:
        """A sum's first term: where it lies now, and the constant that is still to be added."""
        if coefficient == 1.0 and more:
            return given, constant
        if coefficient == -1.0:
            self._add("subtract", out, constant, given)
            return out, 0.0
        if coefficient == 1.0 and constant:
            self._add("add", out, given, constant)
            return out, 0.0
        if coefficient == 1.0:
            self._add("positive", out, given)
        else:
            self._add("multiply", out, given, coefficient)
        return out, constant


def _times(one: Factor, other: Factor) -> Factor:
    if other[0] == "number":  # a number comes first
        one, other = other, one
    if one[0] == "number" and other[0] == "number":
        return ("number", one[1] * other[1])
    return other if one == ONE else ("times", one, other)


def _negated(factor: Factor) -> Factor | None:
    """What the factor is the negative of, where it is written so."""
    return factor[2] if factor[:2] == ("times", ("number", -1.0)) else None


class _Backward:
    """Eliminates what lies between hubs, and writes the backward calls and the derivatives they need."""

    def __init__(self, values: dict[str, Value], program: Program, masked: bool) -> None:
        self.values, self.place, self.program, self.masked = values, program.place, program, masked
        self.arriving: dict[str, dict[str, Factor]] = {name: {} for name in values}
        self.products: dict[str, list[str]] = {name: [] for name in values}
        self.factors: dict[Factor, Ref] = {}
        self.slots = 0
        self.multiplied = {v.args[0] for v in values.values() if v.kind == "matvec"}

    def write(self) -> None:
        """Go through the values against the order of computation."""
        for value in reversed(self.values.values()):
            arriving = self.arriving[value.name]
            if value.kind == "previous":
                continue
            if self._is_hub(value, arriving):
                gradient = self._gather(value, arriving)
                self.program.gradients[value.name] = gradient
                arriving = {value.name: ONE}
            elif value.named:
                self.program.eliminated[value.name] = arriving
            if value.kind == "matvec":
                self.products[value.args[0]].append(value.name)
            for name, factor in self._locally(value):
                if factor is None:
                    continue
                for hub, so_far in arriving.items():
                    found = _times(so_far, factor)
                    known = self.arriving[name].get(hub)
                    self.arriving[name][hub] = found if known is None else ("plus", known, found)
        for value in self.values.values():
            if value.kind == "previous":
                self._pass_on(value)

    def _is_hub(self, value: Value, arriving: dict[str, Factor]) -> bool:
        if value.state or value.kind in ("row", "matvec") or value.name in self.multiplied:
            return True
        return len(arriving) > 1 and len(value.read) > 1

    def _locally(self, value: Value) -> list[tuple[str, Factor | None]]:
        """The derivative of a value by each that it reads, element by element."""
        if value.kind == "product":
            left, right = value.args
            return [(left, ("value", right)), (right, ("value", left))]
        if value.kind == "function":
            return [(value.args[0], ("slope", value.name))]
        return [(name, ("number", coefficient)) for coefficient, name in value.terms]

    # Gradients of hubs -----------------------------------------------------------------------------------

    def _gather(self, value: Value, arriving: dict[str, Factor]) -> Ref:
        """A hub's whole gradient; a state has one already, from what came later."""
        out = Ref("G", value.name)
        started = self._accumulate(out, arriving, out if value.state else None)
        self._add_products(value.name, out, started)
        return out

    def _pass_on(self, value: Value) -> None:
        """What the step passes to a state before it; 0 where the step does not read it."""
        out = Ref("G", value.name.removesuffix("_prev"), -1)
        sources: list[tuple[str, tuple[Ref, ...], str]] = [
            ("matvec back", (Ref("G", name),), name) for name in self.products[value.name]
        ]
        rows = tuple(Ref("G", v.name) for v in self.values.values() if v.kind == "row" and v.recurrent)
        if rows and value is next(iter(self.values.values())):
            sources.insert(0, ("rows back", rows, ""))
        direct = Ref("G", f"{value.name} direct") if sources else out
        have = self._accumulate(direct, self.arriving[value.name], None)
        for place, (function, args, weight) in enumerate(sources):
            alone = have is None and place == len(sources) - 1
            target = out if alone else Ref("S", f"{value.name} product {place}")
            self._call(function, target, *args, weight=weight)
            if have is not None:
                self._call("add", out, have, target)
            have = target if have is None else out
        if have is None:
            self._call("positive", out, 0.0)

    def _add_products(self, name: str, out: Ref, started: Ref | None) -> None:
        for product in self.products[name]:
            target = out if started is None else Ref("S", f"{product} product")
            self._call("matvec back", target, Ref("G", product), weight=product)
            if started is not None:
                self._call("add", out, out, target)
            started = out
        if started is None:
            self._call("positive", out, 0.0)

    def _accumulate(self, out: Ref, arriving: dict[str, Factor], base: Ref | None) -> Ref | None:
        """out = base + Σ gradient ⊙ factor; None where there is nothing to add up."""
        for hub, factor in arriving.items():
            gradient = self.program.gradients[hub]
            sign = factor[1] if factor[0] == "number" and not self._closes(hub) else None
            if base is None:
                if sign == 1.0:
                    self._call("positive", out, gradient)
                else:
                    self._call("multiply", out, gradient, sign if sign is not None else self._factor(factor))
            elif sign in (1.0, -1.0):
                self._call("add" if sign == 1.0 else "subtract", out, base, gradient)
            else:
                part = Ref("G", f"{out.slot} from {hub}")
                self._call("multiply", part, gradient, sign if sign is not None else self._factor(factor))
                self._call("add", out, base, part)
            base = out
        return base

    def _closes(self, hub: str) -> bool:
        """Whether a gradient from here must meet a factor that is 0 on padding."""
        return self.masked and self.values[hub].state

    def _call(self, function: str, out: Ref, *args: Ref | float, weight: str = "") -> None:
        self.program.backward.append(Call(function, args, out, weight))

    # Local derivatives -----------------------------------------------------------------------------------

    def _factor(self, factor: Factor) -> Ref:
        """A slot for a product of derivatives; always one of its own, so that it may be masked."""
        out = self._new()
        self._write(factor, out)
        return out

    def _new(self) -> Ref:
        self.slots += 1
        return Ref("C", f"d{self.slots}")

    def _known(self, factor: Factor) -> Ref | float:
        """Where an inner part of a factor lies."""
        if factor[0] == "number":
            return float(factor[1])
        if factor[0] == "value":
            return self.place[factor[1]]
        if factor not in self.factors:
            out = self._new()
            self._write(factor, out)
            self.factors[factor] = out
        return self.factors[factor]

    def _write(self, factor: Factor, out: Ref) -> None:
        add = self.program.derivatives.append
        kind = factor[0]
        if kind in ("number", "value"):
            add(Call("positive", (self._known(factor),), out))
        elif kind == "times":
            add(Call("multiply", (self._known(factor[1]), self._known(factor[2])), out))
        elif kind == "plus":
            first, second = factor[1:] if _negated(factor[1]) is None else factor[:0:-1]
            taken = _negated(second)
            args = (self._known(first), self._known(second if taken is None else taken))
            add(Call("add" if taken is None else "subtract", args, out))
        else:
            self._slope(self.values[factor[1]], out)

    def _slope(self, value: Value, out: Ref) -> None:
        add, y = self.program.derivatives.append, self.place[value.name]
        if value.function == ops.RELU.name:
            add(Call("sign", (y,), out))
            return
        add(Call("multiply", (y, y), out))
        add(Call("subtract", (1.0 if value.function == ops.TANH.name else y, out), out))
