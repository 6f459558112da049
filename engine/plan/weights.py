"""Parameters into the plan's order, and their gradients back into torch's.

torch stacks the blocks of all gates in one parameter, gate after gate. The plan's rows have an order of their own, some are
halved, and a block may stand in none or several of them; so each stacked parameter moves by lists of rows and blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.plan.compiled import INPUT, ONE, Compiled
from engine.plan.tape import Tape
from engine.plan.values import Value

#: Columns of frames (steps × sequences) that are brought together for one product of weight gradients.
COLUMNS = 1024
Given = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Move:
    """Blocks of one stacked parameter that stand in rows: row ``rows[i]`` has coefficients[i] · block ``blocks[i]``.

    No row and no block stands in it twice. ``first`` where nothing was written to these rows, or blocks, before.
    """

    stacked: str
    rows: slice | list[int]
    blocks: slice | list[int]
    coefficients: tuple[float, ...]
    first: bool

    def scaled(self, blocks: np.ndarray) -> np.ndarray:
        """Each of the blocks (n, H, …) times its coefficient."""
        if all(value == 1.0 for value in self.coefficients):
            return blocks
        factors = np.array(self.coefficients, blocks.dtype)
        return blocks * factors.reshape(-1, *(1,) * (blocks.ndim - 1))


def _index(places: Sequence[int]) -> slice | list[int]:
    """Places as a slice where they follow each other, since a slice is a view."""
    run = list(range(places[0], places[0] + len(places)))
    return slice(run[0], run[-1] + 1) if list(places) == run else list(places)


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
        for first in (True, False):
            rows = [row for row in taken if (row not in seen) is first]
            if rows:
                blocks = [taken[row][0] for row in rows]
                scales = tuple(taken[row][1] for row in rows)
                found.append(Move(stacked, _index(rows), _index(blocks), scales, first))
        filled |= set(taken)
        if written is not None:
            written |= {(stacked, block) for block, _ in taken.values()}
    return found


def _into(target: np.ndarray, parts: Sequence[Move], given: Given) -> None:
    """Write stacked parameters into rows, ``target`` (rows, H, …)."""
    for move in parts:
        stacked = given[move.stacked]
        blocks = move.scaled(stacked.reshape(-1, target.shape[1], *stacked.shape[1:])[move.blocks])
        if move.first:
            target[move.rows] = blocks
        else:
            target[move.rows] += blocks


@dataclass(frozen=True)
class Piece:
    """Rows that follow each other in ``G``, whose weights have their gradient in one product with part of [h_prev; 1; x].

    ``moves`` holds, with the columns of the product they are about, the moves back into the stacked parameters.
    """

    names: tuple[str, ...]
    columns: slice
    moves: tuple[tuple[slice | int, Move], ...]


def _runs(plan: Compiled, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows in groups that follow each other in ``G``."""
    at = {name: place for place, name in enumerate(plan.slots["G"])}
    found: list[tuple[str, ...]] = []
    for name in names:
        if found and at[found[-1][-1]] + 1 == at[name]:
            found[-1] = (*found[-1], name)
        else:
            found.append((name,))
    return found


def pieces(plan: Compiled, H: int, D: int) -> list[Piece]:
    """The products that all weight gradients take."""
    every, end = plan.rows_back, H + 1 + D
    recurrent, reading = (plan.having(every, kind) for kind in ("recurrent", "inputs"))
    if every == recurrent == reading:
        cut = [(every, 0, end)]
    else:
        neither = [name for name in every if name not in {*recurrent, *reading}]
        cut = [(run, H, end) for run in _runs(plan, reading)] + [(run, H, H + 1) for run in _runs(plan, neither)]
        cut += [(recurrent, 0, H + 1)] if recurrent else []
    found, written, biased = [], set(), set()
    for names, start, stop in cut:
        values = [plan.values[name] for name in names]
        back: list[tuple[slice | int, Move]] = []
        if start == 0:
            back += [(slice(0, H), move) for move in moves(values, "recurrent", False, written)]
        if stop == end:
            back += [(slice(H + 1 - start, end - start), move) for move in moves(values, "inputs", False, written)]
        fresh = [Value("", "") if name in biased else plan.values[name] for name in names]
        back += [(H - start, move) for move in moves(fresh, "biases", False, written)]
        biased |= set(names)
        found.append(Piece(tuple(names), slice(start, stop), tuple(back)))
    return found


class Packing:
    """Moves a lane's parameters into a tape's matrices, and their gradients out of its frames."""

    def __init__(self, plan: Compiled, tape: Tape) -> None:
        self.plan, self.tape, size = plan, tape, tape.size
        self.H, values = size.H, plan.values
        self.reading = plan.having(plan.rows, "inputs")
        self.alone = tuple(name for name in plan.rows if name not in self.reading)
        chosen = {"all": plan.rows, "recurrent": tape.recurrent, "reading": self.reading, "alone": self.alone}
        self.moves = {
            (group, kind): moves([values[name] for name in names], kind, True)
            for group, names in chosen.items() for kind in ("recurrent", "inputs", "biases")
        }  # fmt: skip
        self.back = moves([values[name] for name in tape.recurrent_back], "recurrent", False)
        self.matrices = {v.name: v.recurrent[0] for v in values.values() if v.kind == "matvec"}
        self.before = np.zeros((len(self.reading), self.H, 1 + size.D), size.dtype)
        self.biases = np.zeros((len(self.alone), self.H), size.dtype)
        self.pieces = pieces(plan, self.H, size.D)
        self.runs = [(run, moves([values[name] for name in run], "inputs", False))
                     for run in _runs(plan, plan.having(plan.rows_back, "inputs"))]  # fmt: skip
        main = f"{plan.states[0]}_prev"
        self.tail = slice(tape.at["F", main].start, tape.at["F", INPUT].stop)

    # Forward ---------------------------------------------------------------------------------------------

    def load(self, given: Given) -> None:
        """Take the stacked parameters ("weight_hh", …) of a lane."""
        tape, H = self.tape, self.H
        matrix = tape.W.reshape(-1, H, tape.W.shape[1])
        if tape.size.fused:
            _into(matrix[:, :, :H], self.moves["all", "recurrent"], given)
            _into(matrix[:, :, H + 1 :], self.moves["all", "inputs"], given)
            _into(matrix[:, :, H], self.moves["all", "biases"], given)
        else:
            _into(matrix, self.moves["recurrent", "recurrent"], given)
            _into(self.before[:, :, 1:], self.moves["reading", "inputs"], given)
            _into(self.before[:, :, 0], self.moves["reading", "biases"], given)
            _into(self.biases, self.moves["alone", "biases"], given)
        for name, part in self.matrices.items():
            np.multiply(self._block(part[1], given), part[0], out=tape.matrices[name])

    def _block(self, block: tuple[str, int], given: Given) -> np.ndarray:
        return given[block[0]][block[1] * self.H : (block[1] + 1) * self.H]

    def read_before(self, N: int) -> None:
        """What N steps' rows have of the input and the biases, for all of them at once."""
        tape = self.tape
        for name, bias in zip(self.alone, self.biases, strict=True):
            tape.F[:N, tape.at["F", name]] = bias[:, None]
        if self.reading:
            given = tape.F[:N, slice(tape.at["F", ONE].start, tape.at["F", INPUT].stop)]
            rows, matrix = tape.F[:N, tape.region("F", self.reading)], self.before.reshape(-1, given.shape[1])
            if tape.size.B == 1:
                np.matmul(given[..., 0], matrix.T, out=rows[..., 0])
            else:
                np.matmul(matrix, given, out=rows)

    # Backward --------------------------------------------------------------------------------------------

    def load_back(self, given: Given) -> None:
        """Take what the backward pass multiplies with."""
        back, H = self.tape.W_back, self.H
        rows = back.reshape(-1, H, H) if self.tape.size.B == 1 else back.reshape(H, -1, H).transpose(1, 2, 0)
        _into(rows, self.back, given)

    def input_gradient(self, first: int, last: int, given: Given) -> np.ndarray:
        """∂L/∂x of the steps first … last − 1, (steps, D, B)."""
        tape, D, B = self.tape, self.tape.size.D, self.tape.size.B
        total = None
        for run, parts in self.runs:
            matrix = np.empty((len(run), self.H, D), tape.size.dtype)
            _into(matrix, parts, given)
            rows, matrix = tape.G[first + 1 : last + 1, tape.region("G", run)], matrix.reshape(-1, D)
            found = (rows[..., 0] @ matrix)[..., None] if B == 1 else np.matmul(np.ascontiguousarray(matrix.T), rows)
            total = found if total is None else total + found
        return np.zeros((last - first, D, B), tape.size.dtype) if total is None else total

    def gradients(self, N: int, found: dict[str, np.ndarray]) -> None:
        """Add up the gradients of the stacked parameters over N steps into ``found``, which holds zeros."""
        tape, H = self.tape, self.H
        for piece in self.pieces:
            rows = tape.G[1 : N + 1, tape.region("G", piece.names)]
            columns = slice(self.tail.start + piece.columns.start, self.tail.start + piece.columns.stop)
            product = _outer(rows, tape.F[:N, columns]).reshape(len(piece.names), H, -1)
            for where, move in piece.moves:
                stacked = found[move.stacked]
                blocks = stacked.reshape(-1, H, *stacked.shape[1:])
                part = move.scaled(product[move.rows][:, :, where])
                if move.first:
                    blocks[move.blocks] = part
                else:
                    blocks[move.blocks] += part
        for name, (coefficient, block) in self.matrices.items():
            vector = self.plan.program.place[self.plan.values[name].args[0]]
            given = tape.F[vector.shift : N + vector.shift, tape.at["F", vector.slot]]
            part = _outer(tape.G[1 : N + 1, tape.at["G", name]], given)
            self._block(block, found)[...] += coefficient * part


def _outer(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Σ over steps and sequences of left ⊗ right, for frames (steps, m, B) and (steps, n, B): (m, n)."""
    steps, _, B = left.shape
    if B == 1:
        return np.dot(left[..., 0].T, right[..., 0])
    total = None
    for start in range(0, steps, max(1, COLUMNS // B)):
        inside = slice(start, min(steps, start + max(1, COLUMNS // B)))
        sides = [np.ascontiguousarray(side[inside].transpose(1, 0, 2)) for side in (left, right)]
        part = np.dot(sides[0].reshape(len(sides[0]), -1), sides[1].reshape(len(sides[1]), -1).T)
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    return total
