"""A cell's plan: its calls, merged, and where every slot lies. Made once for each cell, whatever the sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from engine import graph as graphs
from engine.graph import Graph
from engine.plan import merging, program, values
from engine.plan.program import Call, Program, Ref
from engine.plan.values import Value

#: Slots in a frame of ``F`` behind h_prev that are not H long: a 1 for the biases, and the input.
ONE, INPUT = "1", "x"
#: A slot in a frame of ``G``: what comes to h from outside the lane, where that is at every step.
OUTSIDE = "outside"


@dataclass(frozen=True)
class Compiled:
    """Everything about a cell's plan that does not depend on sizes.

    Attributes
    ----------
    graph : Graph
    values : dict of Value
    program : Program
    forward, backward, derivatives : list of list of Call
        Calls in order; those in one list are one NumPy call.
    slots : dict
        By place, its slots in the order they lie in.
    rows, rows_back : tuple of str
        The rows' order forward (in ``F``) and backward (in ``G``).
    """

    graph: Graph
    values: dict[str, Value]
    program: Program
    forward: list[list[Call]]
    backward: list[list[Call]]
    derivatives: list[list[Call]]
    slots: dict[str, tuple[str, ...]]
    rows: tuple[str, ...]
    rows_back: tuple[str, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """What is carried from step to step, the hidden state first."""
        return self.graph.states

    def having(self, rows: tuple[str, ...], kind: str) -> tuple[str, ...]:
        """Those of the rows that have parts of a kind: "recurrent", "inputs" or "biases"."""
        return tuple(name for name in rows if getattr(self.values[name], kind))


@cache
def compile_cell(cell: str, nonlinearity: str, bias: bool, masked: bool) -> Compiled | values.NotCompilable:
    """Compile a registered cell; what cannot be compiled comes back as the reason."""
    graph = graphs.build(cell, nonlinearity, bias)
    try:
        found = values.Lowering(graph).values
    except values.NotCompilable as reason:
        return reason
    made = program.build(found, masked)
    rows = [value for value in found.values() if value.kind == "row"]
    # Rows that read h_prev lie together, and so do those that read x: each kind is one product.
    kinds = [[("F", v.name) for v in rows if (bool(v.recurrent), bool(v.inputs)) == kind]
             for kind in ((True, False), (True, True), (False, True), (False, False))]  # fmt: skip
    tail = [("F", f"{graph.states[0]}_prev"), ("F", ONE), ("F", INPUT)]
    forward, neighbours, order = merging.arrange(made.forward, kinds, merging.Neighbours(), tail)
    free = merging.Neighbours(neighbours.after, neighbours.before, frozenset("F"))
    together = [("G", v.name) for v in rows if v.recurrent]
    backward, free, _ = merging.arrange(made.backward, [together], free)
    clusters = merging.Clusters(made.derivatives, free)
    clusters.merge()
    named = _slots(made, found)
    named["G"] += [OUTSIDE]
    # The input's chain comes last, so that what has not a whole number of H lies at the end.
    ends = set(free.order("F", [INPUT]))
    named["F"] = sorted([*named["F"], ONE, INPUT], key=lambda name: name in ends)
    slots = {place: free.order(place, slots) for place, slots in named.items()}
    order_back = tuple(name for name in slots["G"] if ("F", name) in order)
    return Compiled(
        graph, found, made, forward, backward, clusters.sorted(), slots, tuple(name for _, name in order), order_back
    )


def _slots(made: Program, found: dict[str, Value]) -> dict[str, list[str]]:
    """Every slot that some call names, by place; in ``F`` also the rows and the states, in ``G`` the states."""
    slots: dict[str, dict[str, None]] = {"F": {}, "G": {}, "C": {}, "S": {}}
    for value in found.values():
        if value.kind in ("row", "previous"):
            slots["F"][value.name] = None
        if value.state:
            slots["G"][value.name] = None
    for call in (*made.forward, *made.backward, *made.derivatives):
        for ref in (*call.args, call.out):
            if isinstance(ref, Ref):
                slots[ref.place][ref.slot] = None
    return {place: list(names) for place, names in slots.items()}
