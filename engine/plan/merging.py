"""Fewer calls: those of one kind whose operands lie next to each other become one.

A call costs 0.3 µs and an element of a small network next to nothing, so that two calls made one take half the time.
Slots are free to lie in any order, and each merge is a wish: "these two next to each other, in each operand". Wishes
are granted one after the other where they can be; every order of the rows is tried, and the one that leaves the
fewest calls is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise, permutations

from engine.plan.program import Call, Ref

COMMUTATIVE = ("add", "multiply")
#: Functions over whole slots; the others (matrix products) stay alone.
ALONE = ("matvec", "matvec back", "rows back")
#: Orders of the rows that are tried at most (all of them up to six rows).
ORDERS = 720

Slot = tuple[str, str]


@dataclass
class Neighbours:
    """Which slot lies directly behind which."""

    after: dict[Slot, Slot] = field(default_factory=dict)
    before: dict[Slot, Slot] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()

    def copy(self) -> Neighbours:
        """The same relation, to go on from."""
        return Neighbours(dict(self.after), dict(self.before), self.closed)

    def link(self, pairs: Iterable[tuple[Slot, Slot]]) -> bool:
        """Make each pair neighbours; False, with nothing changed, where that cannot be."""
        made: list[tuple[Slot, Slot]] = []
        for one, other in pairs:
            if self.after.get(one) == other:
                continue
            if one in self.after or other in self.before or one[0] in self.closed or self._last(other) == one:
                for first, second in made:
                    del self.after[first], self.before[second]
                return False
            self.after[one], self.before[other] = other, one
            made.append((one, other))
        return True

    def _last(self, slot: Slot) -> Slot:
        while slot in self.after:
            slot = self.after[slot]
        return slot

    def chain(self, slots: Sequence[Slot]) -> None:
        """Put slots one behind the other; they must be free."""
        if not self.link(pairwise(slots)):
            raise ValueError(f"{slots} cannot follow each other")

    def order(self, place: str, slots: Iterable[str]) -> tuple[str, ...]:
        """All slots of a place in an order that keeps neighbours together."""
        found: list[str] = []
        for name in slots:
            slot: Slot = (place, name)
            if name in found:
                continue
            while slot in self.before:
                slot = self.before[slot]
            found.append(slot[1])
            while slot in self.after:
                slot = self.after[slot]
                found.append(slot[1])
        return tuple(found)


def _operands(call: Call) -> tuple[Ref | float, ...]:
    return (*call.args, call.out)


def _swapped(cluster: list[Call]) -> list[Call]:
    return [Call(call.function, call.args[::-1], call.out) for call in cluster]


def _boundary(one: Call, other: Call) -> list[tuple[Slot, Slot]] | None:
    """What must be neighbours for ``other`` to follow ``one`` in the same call; None where it cannot."""
    pairs = []
    for a, b in zip(_operands(one), _operands(other), strict=True):
        if isinstance(a, Ref) and isinstance(b, Ref):
            if (a.place, a.shift) != (b.place, b.shift) or a.slot == b.slot:
                return None
            pairs.append(((a.place, a.slot), (b.place, b.slot)))
        elif isinstance(a, Ref) or isinstance(b, Ref) or a != b:
            return None
    return pairs


class Clusters:
    """Calls gathered into clusters, each one NumPy call, in an order that respects what depends on what."""

    def __init__(self, calls: Sequence[Call], neighbours: Neighbours) -> None:
        self.neighbours = neighbours
        self.clusters = [[call] for call in calls]
        self.needs: list[set[int]] = []
        for at, call in enumerate(calls):
            reads = {arg for arg in call.args if isinstance(arg, Ref)}
            # What must come before: whoever writes what is read, and whoever reads or writes what is written.
            self.needs.append({
                i for i, other in enumerate(calls[:at])
                if other.out in reads or other.out == call.out or call.out in other.args
            })  # fmt: skip

    def merge(self) -> None:
        """Merge until no two clusters can be."""
        again = True
        while again:
            again = any(self._try(i, j) for i in range(len(self.clusters)) for j in range(i + 1, len(self.clusters)))

    def _try(self, i: int, j: int) -> bool:
        one, other = self.clusters[i], self.clusters[j]
        if one[0].function != other[0].function or one[0].function in ALONE or self._between(i, j):
            return False
        turned = [other, _swapped(other)] if one[0].function in COMMUTATIVE else [other]
        for candidate in turned:
            for first, second in ((one, candidate), (candidate, one)):
                pairs = _boundary(first[-1], second[0])
                if pairs is not None and self.neighbours.link(pairs):
                    self._join(i, j, first + second)
                    return True
        return False

    def _between(self, i: int, j: int) -> bool:
        """Whether one needs the other, directly or through others."""
        return self._reaches(i, j) or self._reaches(j, i)

    def _reaches(self, start: int, goal: int) -> bool:
        seen, todo = set(), [start]
        while todo:
            at = todo.pop()
            if at == goal:
                return True
            if at not in seen:
                seen.add(at)
                todo.extend(self.needs[at])
        return False

    def _join(self, i: int, j: int, calls: list[Call]) -> None:
        self.clusters[i] = calls
        self.needs[i] |= self.needs[j]
        del self.clusters[j], self.needs[j]
        shifted = [{i if n == j else n - (n > j) for n in need} for need in self.needs]
        self.needs = shifted

    def sorted(self) -> list[list[Call]]:
        """The clusters, each after what it needs."""
        found: list[int] = []
        while len(found) < len(self.clusters):
            found += [i for i, need in enumerate(self.needs) if i not in found and need <= set(found)][:1]
        return [self.clusters[i] for i in found]


def arrange(
    calls: Sequence[Call], rows: Sequence[Sequence[Slot]], start: Neighbours, tail: Sequence[Slot] = ()
) -> tuple[list[list[Call]], Neighbours, tuple[Slot, ...]]:
    """Find the order of the rows that leaves the fewest calls.

    Parameters
    ----------
    calls : sequence of Call
    rows : sequence of sequences of slot
        Rows that must lie together, since one matrix product writes or reads them all; their order is free within
        each inner sequence.
    start : Neighbours
        What is decided already.
    tail : sequence of slot
        Slots that must follow each other in this order ([h_prev; 1; x]).

    Returns
    -------
    clusters, neighbours, order of the rows
    """
    best = None
    for order in islice(_orders(rows), ORDERS):
        neighbours = start.copy()
        neighbours.chain(tail)
        neighbours.chain(order)
        clusters = Clusters(calls, neighbours)
        clusters.merge()
        if best is None or len(clusters.clusters) < len(best[0].clusters):
            best = clusters, neighbours, order
    assert best is not None
    return best[0].sorted(), best[1], best[2]


def _orders(groups: Sequence[Sequence[Slot]]) -> Iterable[tuple[Slot, ...]]:
    if not groups:
        yield ()
        return
    for first in permutations(groups[0]):
        for rest in _orders(groups[1:]):
            yield (*first, *rest)
