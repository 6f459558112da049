"""Where the nodes of a cell's diagram stand: the highway on top, chains of nodes in columns below it.

A column is a chain in which each node stands above the one it reads last; what else a node reads comes in from the
side. What follows the highway (``tanh(c)``, ``h``) goes down again on the right.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine import ops
from engine.graph import Graph
from gui.frames.cell_groups import Group, groups, highway

LINE_GAP = 0.55
"""Between two lines of the bus."""


@dataclass
class Placing:
    """The groups of a cell and where they stand, x to the right and y down, one unit a column or row.

    Parameters
    ----------
    graph : engine.graph.Graph

    Attributes
    ----------
    groups : dict of Group
    way : tuple of str
        The groups on the highway, left to right.
    entry : str
        The leaf that enters the highway; empty where none does.
    x, y : dict of float
        By group.
    aligned : dict of str
        The group right below (or, after the highway, above) each, in the same column.
    floating : set of str
        Groups that stand between others, fed from one side and read from the other.
    rows : int
        The row of the gates.
    """

    graph: Graph
    groups: dict[str, Group] = field(init=False)
    x: dict[str, float] = field(default_factory=dict)
    y: dict[str, float] = field(default_factory=dict)
    aligned: dict[str, str] = field(default_factory=dict)
    floating: set[str] = field(default_factory=set)
    columns: int = 0

    def __post_init__(self) -> None:
        self.groups = groups(self.graph)
        way = highway(self.graph, self.groups)
        self.entry = "" if way[0] in self.groups else way[0]
        self.way = way[1:] if self.entry else way
        self.leaves = tuple(node.name for node in self.graph.nodes if node.op in (ops.STATE, ops.INPUT))
        self.after = self._following(self.way[-1])
        self._place_columns()
        self._place_rows()
        for name in self.groups:
            if name in self.floating:
                self._place_floating(name)

    def taps(self, name: str) -> tuple[str, ...]:
        """The leaves that a group reads from below."""
        found = tuple(leaf for leaf in self.groups[name].inputs if leaf in self.leaves)
        return tuple(leaf for leaf in found if not (name == self.way[0] and leaf == self.entry))

    def users(self, name: str) -> tuple[str, ...]:
        """The groups that read a value."""
        return tuple(other for other, group in self.groups.items() if name in group.inputs)

    def read_from_below(self) -> tuple[str, ...]:
        """The leaves that some group reads from below, states first."""
        found = [leaf for leaf in self.leaves if any(leaf in self.taps(name) for name in self.groups)]
        return tuple(sorted(found, key=lambda leaf: (leaf == "x", self.leaves.index(leaf))))

    @property
    def rows(self) -> int:
        """The row of the gates."""
        before = [round(y) for name, y in self.y.items() if name not in self.after]
        return max([*before, *(round(self.y[name]) + 1 for name in self.after), 1])

    def _following(self, name: str) -> frozenset[str]:
        found: set[str] = set()
        for other, group in self.groups.items():  # in the order of computation
            if any(each == name or each in found for each in group.inputs):
                found.add(other)
        return frozenset(found - set(self.way))

    # Columns -------------------------------------------------------------------------------------------

    def _place_columns(self) -> None:
        for name in self.way:
            self._place(name)
        for name in self.groups:
            if name in self.after:
                for each in self.groups[name].inputs:
                    self._place_input(each)
        for name in self.groups:
            if name in self.after:
                self._place_after(name)
        for name in self.groups:  # what nothing reads
            if name not in self.floating:
                self._place_input(name)

    def _place_input(self, name: str) -> None:
        if name in self.groups and name not in (*self.way, *self.after, *self.x, *self.floating):
            self._place(name)

    def _place(self, name: str) -> None:
        waiting = [n for n in self.groups[name].inputs if self._is_free(n)]
        chosen = None if self.taps(name) else next((n for n in reversed(waiting) if not self._would_float(n)), None)
        for each in waiting:
            if each != chosen and self._is_free(each):
                self._place(each)
        if chosen is not None and self._is_free(chosen):
            self._place(chosen)
            if chosen in self.x:
                self.aligned[name] = chosen
                self.x[name] = self.x[chosen]
                return
        if not self.taps(name) and name not in self.way:
            self.floating.add(name)
            return
        self.columns += 1
        self.x[name] = float(self.columns)

    def _is_free(self, name: str) -> bool:
        return name in self.groups and name not in (*self.way, *self.after, *self.x, *self.floating)

    def _would_float(self, name: str) -> bool:
        return not self.taps(name) and not any(self._is_free(each) for each in self.groups[name].inputs)

    def _place_after(self, name: str) -> None:
        inputs = [n for n in self.groups[name].inputs if n in self.after and n not in self.aligned.values()]
        if inputs and not self.taps(name):
            self.aligned[name] = inputs[-1]
            self.x[name] = self.x[inputs[-1]]
        else:
            self.columns += 1
            self.x[name] = float(self.columns)

    # Rows ----------------------------------------------------------------------------------------------

    def _place_rows(self) -> None:
        for name in self.way:
            self.y[name] = 0.0
        for name in self.groups:
            if name in self.after:
                above = [self.y[n] for n in self.groups[name].inputs if n in self.y]
                self.y[name] = 1.0 + max(above)
        gates = []
        for name in reversed(self.groups):
            if name in self.y:
                continue
            users = [self.y[user] for user in self.users(name) if user in self.y and user not in self.after]
            beside = name in self.floating
            self.y[name] = max([1.0, *(y if beside else y + 1.0 for y in users)])
            if not any(each in self.groups for each in self.groups[name].inputs):
                gates.append(name)
        for name in gates:
            self.y[name] = float(self.rows)

    def _place_floating(self, name: str) -> None:
        """Put a node between what it reads and what reads it, in a column that has room in its row."""
        row = self.y[name]
        sources = [self.x[n] for n in self.groups[name].inputs if n in self.x] or [0.0]
        readers = [self.x[n] for n in self.users(name) if n in self.x] or [float(self.columns)]
        low, high = min(max(sources), min(readers)), max(max(sources), min(readers))
        free = [float(x) for x in range(int(low) + 1, int(high) + 1) if low < x < high and not self._taken(x, row)]
        if not free and low < high:
            # A column of its own, before what reads it.
            self.columns += 1
            self.x = {other: x + 1.0 if x >= high else x for other, x in self.x.items()}
            free = [high]
        steps = [high - 0.5 - k for k in range(self.columns + 1)] + [high + 0.5 + k for k in range(self.columns + 1)]
        free += [x for x in steps if not self._near(x, row)]
        self.x[name] = free[0]

    def _taken(self, x: float, row: float) -> bool:
        """Whether a node or what rises from it passes a row in a column."""
        for name, at in self.x.items():
            if at != x:
                continue
            top = min([self.y[name], *(self.y[user] for user in self.users(name) if user in self.y)])
            bottom = self.y[name] + (1000.0 if self.taps(name) else 0.0)
            if top <= row <= bottom:
                return True
        return False

    def _near(self, x: float, row: float) -> bool:
        return any(abs(at - x) < 0.4 and abs(self.y[name] - row) < 0.4 for name, at in self.x.items())
