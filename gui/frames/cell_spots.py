"""Where a cell's diagram shows the vector that a wire carries: beside the wire, clear of everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gui.frames.cell_routes import Path, Point

WIDTH, HEIGHT = 0.6, 0.38
"""Of a spot: a strip of cells with its name above it."""
BESIDE = 0.08
RADIUS = 0.2
"""The room that a node takes."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Spot:
    """The place of one vector: the centre of its strip and name.

    Attributes
    ----------
    name : str
        The value, by its name in the graph.
    x, y : float
    """

    name: str
    x: float
    y: float

    @property
    def box(self) -> Box:
        """Left, top, right, bottom."""
        return (self.x - WIDTH / 2, self.y - HEIGHT / 2, self.x + WIDTH / 2, self.y + HEIGHT / 2)


def spots(
    names: Sequence[str],
    wires: Sequence[tuple[tuple[str, ...], Path]],
    nodes: dict[str, tuple[float, float, str]],
) -> tuple[Spot, ...]:
    """Find a place for each value, on one of its own wires.

    Parameters
    ----------
    names : sequence of str
        The values.
    wires : sequence of (tuple of str, path)
        What each wire carries, and its corners.
    nodes : dict of (x, y, label)
    """
    blocked: list[Box] = []
    for x, y, label in nodes.values():
        blocked.append((x - RADIUS - (0.2 if label else 0.0), y - RADIUS, x + RADIUS, y + RADIUS))
    lines = [(a, b) for _, path in wires for a, b in pairwise(path)]
    found: list[Spot] = []
    for name in names:
        own = [(a, b) for carries, path in wires if carries == (name,) for a, b in pairwise(path)]
        if not own:
            continue
        places = [spot for a, b in own for spot in _places(name, a, b)]
        taken = [*blocked, *(spot.box for spot in found)]
        costs = [(_cost(spot.box, taken, lines) + dislike, spot.x, spot.y, spot) for dislike, spot in places]
        found.append(min(costs, key=lambda each: each[:3])[3])
    return tuple(found)


def _places(name: str, a: Point, b: Point) -> list[tuple[float, Spot]]:
    """Places beside a stretch of wire, each with how little it is liked."""
    found = []
    long = abs(a[0] - b[0]) + abs(a[1] - b[1])
    for dislike, share in ((0.0, 0.5), (0.2, 0.4), (0.2, 0.6), (0.4, 0.3), (0.4, 0.7), (0.6, 0.2), (0.6, 0.8)):
        x, y = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
        short = 2.0 / (1.0 + long)
        if a[0] == b[0]:
            found.append((dislike + short, Spot(name, x + BESIDE + WIDTH / 2, y)))
            found.append((dislike + short + 0.5, Spot(name, x - BESIDE - WIDTH / 2, y)))
        else:
            found.append((dislike + short, Spot(name, x, y - BESIDE - HEIGHT / 2)))
            found.append((dislike + short + 0.5, Spot(name, x, y + BESIDE + HEIGHT / 2)))
            found.append((dislike + short + 4.0, Spot(name, x, y + BESIDE + HEIGHT)))
            found.append((dislike + short + 4.0, Spot(name, x, y - BESIDE - HEIGHT)))
    return found


def _cost(box: Box, taken: Sequence[Box], lines: Sequence[tuple[Point, Point]]) -> float:
    left, top, right, bottom = box
    cost = 0.0
    for other in taken:
        wide = min(right, other[2]) - max(left, other[0])
        high = min(bottom, other[3]) - max(top, other[1])
        if wide > 0 and high > 0:
            cost += 20.0 + 100.0 * wide * high
    for a, b in lines:
        inside = max(left, min(a[0], b[0])) < min(right, max(a[0], b[0])) if a[1] == b[1] else left < a[0] < right
        level = top < a[1] < bottom if a[1] == b[1] else max(top, min(a[1], b[1])) < min(bottom, max(a[1], b[1]))
        if inside and level:
            cost += 5.0
    return cost
