"""A cell's diagram, laid out from its graph: nodes, wires, and where each vector is shown.

Nothing here knows a particular cell. Lengths are in columns (x) and rows (y); how large these are is the view's choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from engine import graph as graphs
from engine.graph import Graph
from gui.frames.cell_place import LINE_GAP, Placing
from gui.frames.cell_routes import CLEARANCE, Path, Point, Router, parted
from gui.frames.cell_spots import Spot, spots

OUT = "out:"
"""What begins the name of the place where a state leaves the cell."""
OUTSIDE, EDGE = 0.95, 0.8
"""How far the ends of the wires stand from the frame, and the frame from the first and last column."""


@dataclass(frozen=True)
class Node:
    """A circle.

    Attributes
    ----------
    name : str
        The value that leaves it.
    symbol, label : str
        What stands in it and beside it ("f" as in the equations; of a matrix "W_hh").
    operations : tuple of str
        The graph's operations that it stands for.
    x, y : float
    """

    name: str
    symbol: str
    label: str
    operations: tuple[str, ...]
    x: float
    y: float


@dataclass(frozen=True)
class Wire:
    """A stretch of wire between nodes or the points where wires part.

    Attributes
    ----------
    carries : tuple of str
        The values on it, by their names in the graph; several on a bus.
    to : tuple of str
        The nodes it leads to, by name; ``out:h`` where it leaves the cell.
    points : tuple
        Its corners; at a node the centre, or beside it where two wires enter the same side.
    arrow : bool
        Whether it ends at its reader.
    """

    carries: tuple[str, ...]
    to: tuple[str, ...]
    points: Path
    arrow: bool


@dataclass(frozen=True)
class Terminal:
    """Where a vector enters or leaves the cell: ``side`` is "left", "right" or "below"."""

    name: str
    side: str
    x: float
    y: float


@dataclass(frozen=True)
class CellLayout:
    """A cell's diagram.

    Attributes
    ----------
    nodes : tuple of Node
    wires : tuple of Wire
    terminals : tuple of Terminal
    spots : tuple of Spot
        Where the vectors on the wires are shown.
    joints : tuple of (float, float)
        Where wires part or join.
    hops : tuple of (float, float)
        Where an upright wire crosses a level one that it has nothing to do with.
    frame, bounds : tuple of float
        (left, top, right, bottom) of the cell's frame, and of everything.
    highway : tuple of str
        What lies on top, left to right: the state before, operations, the state.
    carried : bool
        Whether that state is carried on element by element, rather than through a matrix.
    """

    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    terminals: tuple[Terminal, ...]
    spots: tuple[Spot, ...]
    joints: tuple[Point, ...]
    hops: tuple[Point, ...]
    frame: tuple[float, float, float, float]
    bounds: tuple[float, float, float, float]
    highway: tuple[str, ...]
    carried: bool


@lru_cache(maxsize=32)
def layout(cell: str, nonlinearity: str = "tanh", bias: bool = True) -> CellLayout:
    """Lay a registered cell out; the arguments are the spec's fields."""
    return lay_out(graphs.build(cell, nonlinearity, bias))


def lay_out(graph: Graph) -> CellLayout:
    """Lay the diagram of a cell's graph out."""
    return _Drawing(Placing(graph)).finished()


class _Drawing:
    """One diagram while it is drawn."""

    def __init__(self, placing: Placing) -> None:
        self.p = placing
        self.at = {name: (placing.x[name], placing.y[name]) for name in placing.groups}
        self.right = max(placing.x.values()) + EDGE
        self.bus = placing.rows + 0.8
        self.router = Router(self.at)
        self.terminals: list[Terminal] = []
        self.joined: dict[str, str] = {}
        self.stubs: list[Wire] = []
        self.extra: list[Point] = []
        self.depth = float(placing.rows)

    def finished(self) -> CellLayout:
        self._lay_highway()
        self._lay_buses()
        self._lay_aligned()
        self._lay_others()
        self._lay_exits()
        wires = self._wires()
        nodes = tuple(
            Node(group.name, group.symbol, group.label, group.operations, *self.at[group.name])
            for group in self.p.groups.values()
        )
        frame = (0.0, -0.75, self.right, self.depth + 0.45)
        below = max([self.depth + 0.45, *(t.y + 0.3 for t in self.terminals)])
        bounds = (-OUTSIDE - 0.1, -0.85, self.right + OUTSIDE + 0.1, below)
        joints = tuple(dict.fromkeys([*_joints(wires), *self.extra]))
        states = self.p.graph.states
        wanted = [name for name in self.p.groups if name not in states]
        found = spots(wanted, [(w.carries, w.points) for w in wires], {n.name: (n.x, n.y, n.label) for n in nodes})
        return CellLayout(
            nodes, wires, tuple(self.terminals), found, joints, _hops(wires, joints), frame, bounds,
            (self.p.entry, *self.p.way) if self.p.entry else self.p.way,
            bool(self.p.entry) and all(self.p.groups[name].elementwise for name in self.p.way),
        )  # fmt: skip

    # Laying --------------------------------------------------------------------------------------------

    def _lay_highway(self) -> None:
        way, entry = self.p.way, self.p.entry
        if entry:
            self.terminals.append(Terminal(entry, "left", -OUTSIDE, 0.0))
            self.router.lay(entry, way[0], [(-OUTSIDE, 0.0), self.at[way[0]]])
        for name, following in pairwise(way):
            self.router.lay(name, following, [self.at[name], self.at[following]])
        state = way[-1]
        if state in self.p.graph.states:
            self._exit(state, 0.0)
            self.router.lay(state, OUT + state, [self.at[state], (self.right + OUTSIDE, 0.0)])

    def _exit(self, state: str, y: float) -> None:
        self.terminals.append(Terminal(state, "right", self.right + OUTSIDE, y))

    def _lay_buses(self) -> None:
        leaves = self.p.read_from_below()
        readers = {leaf: [n for n in self.p.groups if leaf in self.p.taps(n)] for leaf in leaves}
        if len(leaves) > 1 and all(readers[leaf] == readers[leaves[0]] for leaf in leaves):
            self._lay_joint_bus(leaves, readers[leaves[0]])
            return
        y = self.bus
        lined = [leaf for leaf in leaves if leaf != "x" or len(readers[leaf]) > 1]
        for k, leaf in enumerate(lined):
            y = self.bus + k * LINE_GAP
            self._lay_line(leaf, readers[leaf], y, 0.22 + 0.2 * k)
        if "x" in leaves and "x" not in lined:
            x, end = self.at[readers["x"][0]][0], y + (0.85 if lined else 0.0)
            self.terminals.append(Terminal("x", "below", x, end))
            self.router.lay("x", readers["x"][0], [(x, end), self.at[readers["x"][0]]])
            self.depth = max(self.depth, end - 0.85)
        if lined:
            self.depth = max(self.depth, y)

    def _lay_joint_bus(self, leaves: tuple[str, ...], readers: list[str]) -> None:
        """One line for all that every gate reads; the first leaf comes along it, the others join from below."""
        first, y = leaves[0], self.bus
        start = (0.22 + 0.28 * (len(leaves) - 1), y)
        for k, leaf in enumerate(leaves[1:], 1):
            point = (0.22 + 0.28 * k, y)
            x = point[0]
            if leaf == "x":
                end = (x, y + 0.85)
                self.terminals.append(Terminal(leaf, "below", *end))
            else:
                end = (-OUTSIDE, y + 0.4 * k)
                self.terminals.append(Terminal(leaf, "left", *end))
            path = (end, point) if leaf == "x" else (end, (x, end[1]), point)
            self.stubs.append(Wire((leaf,), tuple(readers), path, True))
            self.extra.append(point)
        if first == self.p.entry:
            self.router.lay(first, readers[0], [(-OUTSIDE, 0.0), (0.22, 0.0), (0.22, y), start])
        else:
            self.terminals.append(Terminal(first, "left", -OUTSIDE, y))
            self.stubs.append(Wire((first,), tuple(readers), ((-OUTSIDE, y), start), False))
        bus = "+".join(leaves)
        for reader in readers:
            x, top = self.at[reader]
            self.router.lay(bus, reader, [start, (x, y), (x, top)])
        self.joined[bus] = bus
        self.depth = max(self.depth, y)

    def _lay_line(self, leaf: str, readers: list[str], y: float, x: float) -> None:
        if leaf == self.p.entry:
            start: list[Point] = [(-OUTSIDE, 0.0), (x, 0.0), (x, y)]
        elif leaf == "x":
            below = self.bus + (len(self.p.read_from_below()) - 1) * LINE_GAP + 0.85
            self.terminals.append(Terminal(leaf, "below", x, below))
            start = [(x, below), (x, y)]
        else:
            self.terminals.append(Terminal(leaf, "left", -OUTSIDE, y))
            start = [(-OUTSIDE, y)]
        for reader in readers:
            column, top = self.at[reader]
            self.router.lay(leaf, reader, [*start, (column, y), (column, top)])

    def _lay_aligned(self) -> None:
        for name, other in self.p.aligned.items():
            if _clear(self.at, name, other):
                self.router.lay(other, name, [self.at[other], self.at[name]])

    def _lay_others(self) -> None:
        laid = {(value, to) for value, paths in self.router.paths.items() for to, _ in paths}
        for name, group in self.p.groups.items():
            for value in group.inputs:
                if value in self.p.leaves or (value, name) in laid:
                    continue
                self.router.find(value, name, self.at[value], self._exits(value), self.at[name], self._enters(name))

    def _exits(self, name: str) -> str:
        if name in self.p.way:
            return "rb"
        if name in self.p.after:
            return "br"
        return "trl" if name in self.p.floating else "t"

    def _enters(self, name: str) -> str:
        if name in self.p.way:
            return "b"
        if name in self.p.after and name not in self.p.aligned:
            return "tlr"
        return "lr" if self.p.taps(name) or name in self.p.aligned else "lrb"

    def _lay_exits(self) -> None:
        """Where the states leave that are not on the highway."""
        y = self.bus
        for state in self.p.graph.states:
            if state == self.p.way[-1]:
                continue
            end = (self.right + OUTSIDE, y)
            self._exit(state, y)
            if state in self.p.after:
                self.router.find(state, OUT + state, self.at[state], "b", end, "l")
            else:
                self.router.find(state, OUT + state, self.at[state], "rt", end, "l")
            self.depth = max(self.depth, y)
            y += 0.6

    # Finishing -----------------------------------------------------------------------------------------

    def _wires(self) -> tuple[Wire, ...]:
        found = list(self.stubs)
        for value, paths in self.router.paths.items():
            names = tuple(self.joined.get(value, value).split("+")) if value in self.joined else (value,)
            found += [Wire(names, piece.to, piece.points, piece.last) for piece in parted(paths)]
        return tuple(self._merge_taps(found))

    def _merge_taps(self, wires: list[Wire]) -> list[Wire]:
        """Where a gate reads several lines, one wire leads up to it from the topmost and carries them all."""
        found: list[Wire] = []
        taps: dict[str, int] = {}
        order = {leaf: k for k, leaf in enumerate(self.p.read_from_below())}
        for wire in sorted(wires, key=lambda w: order.get(w.carries[0], -1)):
            reader = wire.to[0] if wire.arrow else ""
            tap = wire.carries[0] in order and reader in self.at and len(wire.carries) == 1 and wire not in self.stubs
            if not tap:
                found.append(wire)
            elif reader not in taps:
                taps[reader] = len(found)
                found.append(wire)
            else:
                above = found[taps[reader]]
                meet = above.points[-2]
                found[taps[reader]] = replace(above, carries=(*above.carries, *wire.carries))
                if len(above.points) > 2:  # the line above ends here in a bend: its last, upright stretch is shared
                    level = Wire(above.carries, above.to, above.points[:-1], False)
                    found[taps[reader]] = replace(found[taps[reader]], points=above.points[-2:])
                    found.append(level)
                found.append(Wire(wire.carries, wire.to, (*wire.points[:-1], meet), False))
                self.extra.append(meet)
        return found


def _clear(at: dict[str, Point], name: str, other: str) -> bool:
    """Whether nothing stands between two nodes of a column."""
    (x, y), (_, end) = at[name], at[other]
    low, high = min(y, end), max(y, end)
    return not any(
        abs(px - x) < CLEARANCE and low < py < high for each, (px, py) in at.items() if each not in (name, other)
    )


def _joints(wires: tuple[Wire, ...]) -> list[Point]:
    """Where a value's wires part."""
    starts: dict[tuple[tuple[str, ...], Point], int] = {}
    for wire in wires:
        key = (wire.carries, wire.points[0])
        starts[key] = starts.get(key, 0) + 1
    ends = {(wire.carries, wire.points[-1]) for wire in wires if not wire.arrow}
    return [point for (carries, point) in starts if (carries, point) in ends]


def _hops(wires: tuple[Wire, ...], joints: tuple[Point, ...]) -> tuple[Point, ...]:
    found = []
    lines = [(w.carries, a, b) for w in wires for a, b in pairwise(w.points)]
    for carries, a, b in lines:
        if a[0] != b[0]:
            continue
        top, bottom = sorted((a[1], b[1]))
        for other, c, d in lines:
            if other == carries or c[1] != d[1]:
                continue
            left, right = sorted((c[0], d[0]))
            point = (a[0], c[1])
            if top < c[1] < bottom and left < a[0] < right and point not in joints:
                found.append(point)
    return tuple(dict.fromkeys(found))
