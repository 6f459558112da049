"""Where the blocks of stacked parameters stand in the plan's rows, and how they get there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.plan.values import Value

Given = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Move:
    """Blocks of one stacked parameter that stand in rows: row ``rows[i]`` has coefficients[i] · block ``blocks[i]``.

    No block stands in it twice, and the rows follow each other. ``first`` where nothing was written there before: to
    the rows, or on the way back to the blocks.
    """

    stacked: str
    rows: slice
    blocks: slice | list[int]
    coefficients: tuple[float, ...]
    first: bool

    def factors(self, dims: int, dtype: str) -> np.ndarray | None:
        """The coefficients, to multiply blocks of so many dimensions with; None where all are 1."""
        if all(value == 1.0 for value in self.coefficients):
            return None
        return np.array(self.coefficients, dtype).reshape(-1, *(1,) * (dims - 1))


def moves(values: Sequence[Value], kind: str, halve: bool, written: set[tuple[str, int]] | None = None) -> list[Move]:
    """How the parts of a kind ("recurrent", "inputs", "biases") of some values stand in the stacked parameters.

    ``written`` tells, and is told, which blocks have got a gradient; without it ``first`` speaks of the rows.
    """
    left = [[(value, *part) for part in getattr(value, kind)] for value in values]
    found: list[Move] = []
    filled: set[int] = set()
    while any(left):
        stacked = next(parts[0][2][0] for parts in left if parts)
        taken: dict[int, tuple[int, float]] = {}  # by row: block, coefficient
        for row, parts in enumerate(left):
            for value, coefficient, (name, block) in parts:
                if name == stacked and block not in {b for b, _ in taken.values()}:
                    parts.remove((value, coefficient, (name, block)))
                    taken[row] = block, coefficient * (0.5 if halve and value.halved else 1.0)
                    break
        seen = filled if written is None else {row for row, (b, _) in taken.items() if (stacked, b) in written}
        found += [_move(stacked, rows, taken, rows[0] not in seen) for rows in _following(taken, seen)]
        filled |= set(taken)
        if written is not None:
            written |= {(stacked, block) for block, _ in taken.values()}
    return found


def _following(rows: Iterable[int], seen: set[int]) -> list[list[int]]:
    """Rows in groups that follow each other and are alike in having been seen."""
    found: list[list[int]] = []
    for row in rows:
        if found and found[-1][-1] + 1 == row and (found[-1][-1] in seen) == (row in seen):
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _move(stacked: str, rows: list[int], taken: dict[int, tuple[int, float]], first: bool) -> Move:
    blocks = [taken[row][0] for row in rows]
    run = blocks == list(range(blocks[0], blocks[0] + len(blocks)))  # a slice is a view, a list a copy
    where = slice(blocks[0], blocks[-1] + 1) if run else blocks
    return Move(stacked, slice(rows[0], rows[-1] + 1), where, tuple(taken[row][1] for row in rows), first)


class Transfer:
    """A move with its views cut: from a stacked parameter into rows, ``target`` (rows, H, …)."""

    def __init__(self, target: np.ndarray, move: Move) -> None:
        self.target, self.stacked, self.first = target[move.rows], move.stacked, move.first
        self.shape = (-1, *target.shape[1:])
        self.blocks = move.blocks if isinstance(move.blocks, slice) else np.array(move.blocks)
        self.factors = move.factors(target.ndim, target.dtype.name)

    def __call__(self, given: Given) -> None:
        """Write the blocks."""
        blocks = given[self.stacked].reshape(self.shape)
        blocks = blocks[self.blocks] if isinstance(self.blocks, slice) else blocks.take(self.blocks, 0)
        if not self.first:
            self.target += blocks if self.factors is None else blocks * self.factors
        elif self.factors is None:
            self.target[...] = blocks
        else:
            np.multiply(blocks, self.factors, self.target)
