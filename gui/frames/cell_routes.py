"""How the wires of a cell's diagram run: level and upright, around the nodes, with as few crossings as there can be.

Each wire tries a handful of ways with up to four bends and takes the one that costs least: through a node is out of the
question, along another value's wire nearly so, then crossings, bends and length count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
Path = tuple[Point, ...]

CLEARANCE = 0.3
"""How near a wire may pass to a node's centre."""
PORT = 0.1
"""How far apart two wires enter the same side of a node."""
_HIT, _ALONG, _PORT_TAKEN, _CROSSING, _BEND, _LENGTH = 1000.0, 200.0, 400.0, 6.0, 1.0, 0.2


@dataclass(frozen=True)
class Piece:
    """A stretch of the wires of one value, between the points where they part.

    Attributes
    ----------
    to : tuple of str
        Which readers it leads to.
    points : tuple
        Its corners.
    last : bool
        Whether it ends at its reader.
    """

    to: tuple[str, ...]
    points: Path
    last: bool


class Router:
    """Finds ways between nodes, and remembers those that are taken.

    Parameters
    ----------
    nodes : dict of (float, float)
        The centre of each node, by name.
    """

    def __init__(self, nodes: dict[str, Point]) -> None:
        self._nodes = nodes
        self._lines: list[tuple[str, Point, Point]] = []
        self.paths: dict[str, list[tuple[str, Path]]] = {}

    def lay(self, value: str, to: str, path: Sequence[Point]) -> None:
        """Take a way."""
        points = _straightened(path)
        self.paths.setdefault(value, []).append((to, points))
        self._lines += [(value, a, b) for a, b in pairwise(points)]

    def find(self, value: str, to: str, start: Point, exits: str, end: Point, enters: str) -> None:
        """Take the best way from one node to another.

        Parameters
        ----------
        value, to : str
            What is carried, and who reads it.
        start, end : (float, float)
        exits, enters : str
            Sides that may be used: letters of "tblr" (top, bottom, left, right).
        """
        best = min(self._ways(start, exits, end, enters), key=lambda path: (self._cost(value, to, path), path))
        self.lay(value, to, best)

    # Ways ----------------------------------------------------------------------------------------------

    def _ways(self, start: Point, exits: str, end: Point, enters: str) -> Iterable[Path]:
        (xs, ys), (xt, yt) = start, end
        across = sorted({x / 2 for x in range(round(2 * min(xs, xt)) - 1, round(2 * max(xs, xt)) + 3)})
        down = sorted({y / 2 for y in range(round(2 * min(ys, yt)) - 1, round(2 * max(ys, yt)) + 3)})
        for side in enters:
            for shift in (0.0, -PORT, PORT) if (xt, yt) in self._nodes.values() else (0.0,):
                goal = (xt, yt + shift) if side in "lr" else (xt + shift, yt)
                for way in exits:
                    for path in _bent(start, way in "tb", goal, side in "tb", across, down):
                        if _leaves(path, way) and _arrives(path, side):
                            yield path

    def _cost(self, value: str, to: str, path: Path) -> float:
        cost = _BEND * (len(path) - 2)
        ends = {path[0]}
        for a, b in pairwise(path):
            cost += _LENGTH * (abs(a[0] - b[0]) + abs(a[1] - b[1]))
            for name, at in self._nodes.items():
                if at not in ends and name != to and _distance(at, a, b) < CLEARANCE:
                    cost += _HIT
            for other, c, d in self._lines:
                if other != value:
                    cost += _ALONG * _overlaps(a, b, c, d) + _CROSSING * self._disturbs(a, b, c, d)
                else:
                    cost -= 0.5 * _LENGTH * _shared(a, b, c, d)
        taken = [p for paths in self.paths.values() for name, p in paths if name == to]
        clashes = sum(1 for other in taken if _near(other[-1], path[-1]) and _same_side(other, path))
        aside = 0.5 if to in self._nodes and path[-1] != self._nodes[to] else 0.0
        return cost + _PORT_TAKEN * clashes + aside

    def _disturbs(self, a: Point, b: Point, c: Point, d: Point) -> bool:
        """Whether two lines cross, other than in a node where both end."""
        if not _crosses(a, b, c, d):
            return False
        meet = (a[0], c[1]) if a[0] == b[0] else (c[0], a[1])
        return meet not in self._nodes.values()


def _bent(
    a: Point, upright: bool, b: Point, ends_upright: bool, across: list[float], down: list[float]
) -> Iterable[Path]:
    """Every way with up to four bends that leaves and arrives upright or level."""
    (xs, ys), (xt, yt) = a, b
    if upright == ends_upright and (xs == xt if upright else ys == yt):
        yield (a, b)
    if upright and not ends_upright:
        yield (a, (xs, yt), b)
        yield from ((a, (xs, y), (x, y), (x, yt), b) for y in down for x in across)
    elif ends_upright and not upright:
        yield (a, (xt, ys), b)
        yield from ((a, (x, ys), (x, y), (xt, y), b) for y in down for x in across)
    elif upright:
        yield from ((a, (xs, y), (xt, y), b) for y in down)
    else:
        yield from ((a, (x, ys), (x, yt), b) for x in across)


def _leaves(path: Path, side: str) -> bool:
    return _toward(path[0], path[1]) == side


def _arrives(path: Path, side: str) -> bool:
    return all(a != b for a, b in pairwise(path)) and _toward(path[-1], path[-2]) == side


def _toward(a: Point, b: Point) -> str:
    if a[0] == b[0]:
        return "t" if b[1] < a[1] else "b"
    return "l" if b[0] < a[0] else "r"


def _near(a: Point, b: Point) -> bool:
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) < PORT * 0.9


def _same_side(a: Path, b: Path) -> bool:
    return _toward(a[-1], a[-2]) == _toward(b[-1], b[-2])


def _span(a: float, b: float) -> tuple[float, float]:
    return (a, b) if a <= b else (b, a)


def _distance(at: Point, a: Point, b: Point) -> float:
    """From a point to a level or upright line."""
    (left, right), (top, bottom) = _span(a[0], b[0]), _span(a[1], b[1])
    dx = max(left - at[0], 0.0, at[0] - right)
    dy = max(top - at[1], 0.0, at[1] - bottom)
    return float((dx * dx + dy * dy) ** 0.5)


def _shared(a: Point, b: Point, c: Point, d: Point) -> float:
    """How long two lines run along one another."""
    for k in (0, 1):
        if a[k] == b[k] == c[k] == d[k]:
            (low, high), (start, end) = _span(a[1 - k], b[1 - k]), _span(c[1 - k], d[1 - k])
            return max(0.0, min(high, end) - max(low, start))
    return 0.0


def _overlaps(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _shared(a, b, c, d) > 0


def _crosses(a: Point, b: Point, c: Point, d: Point) -> bool:
    if (a[0] == b[0]) == (c[0] == d[0]):
        return False
    if a[0] != b[0]:
        a, b, c, d = c, d, a, b
    (top, bottom), (left, right) = _span(a[1], b[1]), _span(c[0], d[0])
    return left <= a[0] <= right and top <= c[1] <= bottom


def crossings(pieces: Sequence[tuple[str, Path]]) -> int:
    """How often wires of different values cross, (value, corners) each."""
    lines = [(name, a, b) for name, path in pieces for a, b in pairwise(path)]
    return sum(
        1
        for at, (name, a, b) in enumerate(lines)
        for other, c, d in lines[at + 1 :]
        if name != other and _crosses(a, b, c, d)
    )


# Parting a value's wires ---------------------------------------------------------------------------------


def _straightened(path: Sequence[Point]) -> Path:
    found: list[Point] = []
    for point in path:
        if found and point == found[-1]:
            continue
        if len(found) > 1 and any(found[-2][k] == found[-1][k] == point[k] for k in (0, 1)):
            found[-1] = point
        else:
            found.append(point)
    return tuple(found)


def parted(paths: Sequence[tuple[str, Path]]) -> list[Piece]:
    """Part the ways of one value, which begin at one point, where they leave one another."""
    corners = sorted({point for _, path in paths for point in path})
    return _part([(to, _dense(path, corners)) for to, path in paths])


def _dense(path: Path, corners: list[Point]) -> Path:
    """The path with every corner of its fellows that lies on it."""
    found: list[Point] = [path[0]]
    for a, b in pairwise(path):
        on = [p for p in corners if _distance(p, a, b) == 0 and p not in (a, b)]
        found += [*sorted(on, key=lambda p: abs(p[0] - a[0]) + abs(p[1] - a[1])), b]
    return tuple(found)


def _part(paths: list[tuple[str, Path]]) -> list[Piece]:
    if not paths:
        return []
    shortest = min(len(path) for _, path in paths)
    same = 1
    while same < shortest and len({path[same] for _, path in paths}) == 1:
        same += 1
    found = []
    alone = len(paths) == 1
    if same > 1:
        trunk = paths[0][1][:same]
        found.append(Piece(tuple(to for to, _ in paths), _straightened(trunk), alone))
    if alone:
        return found
    branches: dict[Point, list[tuple[str, Path]]] = {}
    for to, path in paths:
        if len(path) > same:
            branches.setdefault(path[same], []).append((to, path[same - 1 :]))
    for branch in branches.values():
        found += _part(branch)
    return found
