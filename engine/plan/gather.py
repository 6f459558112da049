"""A small lane's parameters brought into its matrix number by number, where that is fewer calls than block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.plan.moves import Move, Transfer

#: Numbers of a matrix up to which they are gathered one by one.
SMALL = 8192


class Gather:
    """All moves into one matrix at once: a flat copy of the parameters, an index into it, and a factor.

    Parameters
    ----------
    matrix : ndarray (rows, columns)
        What is written, contiguous.
    parts : sequence of (slice, Move)
        The columns that a move writes, and the move.
    H : int
    given : mapping
        The stacked parameters, for their shapes.
    """

    def __init__(
        self, matrix: np.ndarray, parts: Sequence[tuple[slice, Move]], H: int, given: Mapping[str, np.ndarray]
    ) -> None:
        self.matrix, self.added = matrix, list[tuple[np.ndarray, np.ndarray]]()
        self.flat = np.zeros(sum(value.size for value in given.values()) + 1, matrix.dtype)  # the last stays 0
        self.targets, places, start = [], {}, 0
        for name, value in given.items():
            self.targets.append(self.flat[start : start + value.size].reshape(value.shape))
            places[name] = np.arange(start, start + value.size).reshape(value.shape)
            start += value.size
        self.index, self.factors = np.full(matrix.shape, start), np.ones_like(matrix)
        for columns, move in parts:
            index = self.index if move.first else np.full(matrix.shape, start)
            plain = replace(move, coefficients=(1.0,) * len(move.coefficients), first=True)
            Transfer(_blocks(index, H, columns), plain)(places)
            factors = _blocks(self.factors, H, columns)[move.rows]
            factors[...] = np.reshape(move.coefficients, (-1, 1, 1))
            if not move.first:
                rows = slice(move.rows.start * H, move.rows.stop * H)
                self.added.append((matrix[rows, columns], index[rows, columns].copy()))

    def __call__(self, given: Mapping[str, np.ndarray]) -> None:
        """Write the matrix."""
        for target, value in zip(self.targets, given.values(), strict=True):
            target[...] = value
        self.flat.take(self.index, out=self.matrix, mode="clip")  # "clip" writes without a detour; nothing is outside
        for target, index in self.added:
            np.add(target, self.flat.take(index), target)
        np.multiply(self.matrix, self.factors, self.matrix)


def gatherable(matrix: np.ndarray, parts: Sequence[tuple[slice, Move]]) -> bool:
    """Whether it is worth while, and every number's summands have one factor in common."""
    if matrix.size > SMALL or all(isinstance(move.blocks, slice) for _, move in parts):
        return False
    factors: dict[tuple[int, int], float] = {}
    for columns, move in parts:
        for row, coefficient in enumerate(move.coefficients, move.rows.start):
            if factors.setdefault((row, columns.start), coefficient) != coefficient:
                return False
    return True


def _blocks(matrix: np.ndarray, H: int, columns: slice) -> np.ndarray:
    return matrix.reshape(-1, H, matrix.shape[1])[:, :, columns]
