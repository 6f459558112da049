"""Parameters into the plan's order, and their gradients back into torch's.

torch stacks the blocks of all gates in one parameter, gate after gate. The plan's rows have an order of their own,
some are halved, and a block may stand in none or several of them; so each stacked parameter moves by lists of rows
and blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.plan.compiled import INPUT, ONE, Compiled
from engine.plan.gather import Gather, gatherable
from engine.plan.moves import Given, Move, Transfer, moves
from engine.plan.tape import Tape
from engine.plan.values import Value

#: Columns of frames (steps × sequences) that are brought together for one product of weight gradients.
COLUMNS = 256


class Return:
    """A move the other way: from the product that holds rows' gradients into a stacked parameter's.

    ``whole``: every row of the product, as it is, is the stacked parameter's gradient.
    """

    def __init__(self, move: Move, where: slice | int, blocks: int, rows: int, dtype: str) -> None:
        self.place, self.stacked, self.first = (move.rows, slice(None), where), move.stacked, move.first
        self.factors = move.factors(2 if isinstance(where, int) else 3, dtype)
        order = list(range(blocks)[move.blocks]) if isinstance(move.blocks, slice) else move.blocks
        self.blocks = move.blocks
        #: Where every block is here: the order to take the rows in.
        self.inverse = np.argsort(order) if sorted(order) == list(range(blocks)) and move.first else None
        self.sorted = order == sorted(order)
        self.whole = self.inverse is not None and self.sorted and self.factors is None and rows == blocks

    def __call__(self, product: np.ndarray, found: dict[str, np.ndarray], given: Given) -> None:
        """Bring the blocks out of ``product`` (rows, H, columns), adding to what ``found`` has got already."""
        part = product[self.place]
        if self.factors is not None:
            part = part * self.factors
        shape = given[self.stacked].shape
        if self.inverse is not None:
            whole = np.array(part, order="C") if self.sorted else part.take(self.inverse, 0)
            found[self.stacked] = whole.reshape(shape)
            return
        if self.stacked not in found:
            found[self.stacked] = np.zeros(shape, part.dtype)
        blocks = found[self.stacked].reshape(-1, *part.shape[1:])
        if self.first:
            blocks[self.blocks] = part
        else:
            blocks[self.blocks] += part


def _transfers(target: np.ndarray, parts: Sequence[Move]) -> list[Transfer]:
    return [Transfer(target, move) for move in parts]


@dataclass(frozen=True)
class Piece:
    """Rows that follow each other in ``G``: one product with part of [h_prev; 1; x] gives their weights' gradients.

    ``returns`` bring them from there into the stacked parameters'.
    """

    names: tuple[str, ...]
    columns: slice
    returns: tuple[Return, ...]


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


def pieces(plan: Compiled, H: int, D: int, dtype: str) -> list[Piece]:
    """The products that all weight gradients take."""
    every, end = plan.rows_back, H + 1 + D
    recurrent, reading = (plan.having(every, kind) for kind in ("recurrent", "inputs"))
    if every == recurrent == reading:
        cut = [(every, 0, end)]
    else:
        neither = [name for name in every if name not in {*recurrent, *reading}]
        cut = [(run, H, end) for run in _runs(plan, reading)] + [(run, H, H + 1) for run in _runs(plan, neither)]
        cut += [(recurrent, 0, H + 1)] if recurrent else []
    found: list[Piece] = []
    written: set[tuple[str, int]] = set()
    biased: set[str] = set()
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
        blocks = plan.graph.cell.blocks
        returns = tuple(Return(move, where, blocks, len(names), dtype) for where, move in back)
        found.append(Piece(tuple(names), slice(start, stop), returns))
    return found


class Packing:
    """Moves a lane's parameters into a tape's matrices, and their gradients out of its frames."""

    def __init__(self, plan: Compiled, tape: Tape) -> None:
        self.plan, self.tape, size = plan, tape, tape.size
        self.H, values = size.H, plan.values
        self.reading = plan.having(plan.rows, "inputs")
        self.alone = tuple(name for name in plan.rows if name not in self.reading)
        self.matrices = {v.name: v.recurrent[0] for v in values.values() if v.kind == "matvec"}
        self.before = np.zeros((len(self.reading), self.H, 1 + size.D), size.dtype)
        self.biases = np.zeros((len(self.alone), self.H), size.dtype)
        self.loads = self._loads()
        self.gathers = size.fused and gatherable(tape.W, self._parts())
        self.gather: Gather | None = None
        back = tape.W_back
        rows = back.reshape(-1, self.H, self.H) if size.B == 1 else back.reshape(self.H, -1, self.H).transpose(1, 2, 0)
        self.back = _transfers(rows, moves([values[name] for name in tape.recurrent_back], "recurrent", False))
        tail = tape.at["F", f"{plan.states[0]}_prev"].start
        self.pieces = [
            (tape.region("G", piece.names), slice(tail + piece.columns.start, tail + piece.columns.stop), piece)
            for piece in pieces(plan, self.H, size.D, size.dtype)
        ]
        self._operands: tuple[int, list[Operands]] = 0, []
        self.runs = [
            (
                tape.region("G", run),
                np.zeros((len(run), self.H, size.D), size.dtype),
                moves([values[n] for n in run], "inputs", False),
            )
            for run in _runs(plan, plan.having(plan.rows_back, "inputs"))
        ]

    @property
    def nbytes(self) -> int:
        """Bytes of the matrices that it holds beside the tape's."""
        return self.before.nbytes + sum(blocks.nbytes for _, blocks, _ in self.runs)

    def _loads(self) -> list[Transfer]:
        """What goes where before a forward pass."""
        tape, H, plan = self.tape, self.H, self.plan

        def into(target: np.ndarray, rows: Sequence[str], kind: str) -> list[Transfer]:
            return _transfers(target, moves([plan.values[name] for name in rows], kind, True))

        matrix = tape.W.reshape(-1, H, tape.W.shape[1])
        if tape.size.fused:
            return [Transfer(matrix[:, :, columns], move) for columns, move in self._parts()]
        return [
            *into(matrix, tape.recurrent, "recurrent"),
            *into(self.before[:, :, 1:], self.reading, "inputs"),
            *into(self.before[:, :, 0], self.reading, "biases"),
            *into(self.biases, self.alone, "biases"),
        ]

    def _parts(self) -> list[tuple[slice, Move]]:
        """What the matrix of [h_prev; 1; x] has in which of its columns."""
        values, H, end = [self.plan.values[name] for name in self.plan.rows], self.H, self.tape.W.shape[1]
        kinds = {"recurrent": slice(0, H), "inputs": slice(H + 1, end), "biases": slice(H, H + 1)}
        return [(columns, move) for kind, columns in kinds.items() for move in moves(values, kind, True)]

    # Forward ---------------------------------------------------------------------------------------------

    def load(self, given: Given) -> None:
        """Take the stacked parameters ("weight_hh", …) of a lane."""
        if self.gathers and self.gather is None:
            self.gather = Gather(self.tape.W, self._parts(), self.H, given)
        if self.gather is not None:
            self.gather(given)
        else:
            for transfer in self.loads:
                transfer(given)
        for name, part in self.matrices.items():
            np.multiply(self._block(part[1], given), part[0], out=self.tape.matrices[name])

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

    def _cut(self, N: int, where: slice, columns: slice, piece: Piece) -> Operands:
        left, right = self.tape.G[1 : N + 1, where], self.tape.F[:N, columns]
        if self.tape.size.B > 1 or not all(bring.whole for bring in piece.returns):
            return Operands(left, right, [])
        firsts: dict[str, str] = {}  # by columns, whose gradient they give first: two biases have the same
        parts = []
        for bring in piece.returns:
            first = firsts.setdefault(str(bring.place[2]), bring.stacked)
            parts.append((bring.stacked, right[:, bring.place[2], 0], "" if first == bring.stacked else first))
        return Operands(left[..., 0].T, right, parts)

    def load_back(self, given: Given) -> None:
        """Take what the backward pass multiplies with."""
        for transfer in self.back:
            transfer(given)

    def input_gradient(self, first: int, last: int, given: Given) -> np.ndarray:
        """∂L/∂x of the steps first … last − 1, (steps, D, B)."""
        tape, D, B = self.tape, self.tape.size.D, self.tape.size.B
        total = np.zeros((0,))
        for where, blocks, parts in self.runs:
            for transfer in _transfers(blocks, parts):
                transfer(given)
            rows, matrix = tape.G[first + 1 : last + 1, where], blocks.reshape(-1, D)
            found = (rows[..., 0] @ matrix)[..., None] if B == 1 else np.matmul(np.ascontiguousarray(matrix.T), rows)
            total = total + found if total.size else found
        return total if total.size else np.zeros((last - first, D, B), tape.size.dtype)

    def gradients(self, N: int, given: Given) -> dict[str, np.ndarray]:
        """∂L/∂ the stacked parameters over N steps."""
        tape, H = self.tape, self.H
        found: dict[str, np.ndarray] = {}
        if self._operands[0] != N:
            self._operands = N, [self._cut(N, *piece) for piece in self.pieces]
        for operands, (_, _, piece) in zip(self._operands[1], self.pieces, strict=True):
            if operands.parts:
                for stacked, right, same in operands.parts:
                    found[stacked] = found[same].copy() if same else operands.left.dot(right)
                continue
            product = _outer(operands.left, operands.right).reshape(len(piece.names), H, -1)
            for bring in piece.returns:
                bring(product, found, given)
        if len(found) < len(given):
            found = {name: np.zeros(value.shape, value.dtype) for name, value in given.items()} | found
        for name, (coefficient, block) in self.matrices.items():
            vector = self.plan.program.place[self.plan.values[name].args[0]]
            read = tape.F[vector.shift : N + vector.shift, tape.at["F", vector.slot]]
            part = _outer(tape.G[1 : N + 1, tape.at["G", name]], read)
            self._block(block, found)[...] += coefficient * part
        return found


@dataclass(frozen=True)
class Operands:
    """What a piece's product is made of for so many steps.

    With one sequence, and where the rows are in the order of the stacked parameters, ``left`` is (rows · H, N) and
    ``parts`` has each parameter's name, its factor, (N, columns) or (N,), and the name of one with the same factor
    before it; else ``left`` and ``right`` are frames.
    """

    left: np.ndarray
    right: np.ndarray
    parts: list[tuple[str, np.ndarray, str]]


def _outer(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Σ over steps and sequences of left ⊗ right, for frames (steps, m, B) and (steps, n, B): (m, n)."""
    steps, _, B = left.shape
    if B == 1:
        return left[..., 0].T.dot(right[..., 0])
    total = None
    for start in range(0, steps, max(1, COLUMNS // B)):
        inside = slice(start, min(steps, start + max(1, COLUMNS // B)))
        sides = [np.ascontiguousarray(side[inside].transpose(1, 0, 2)) for side in (left, right)]
        part = sides[0].reshape(len(sides[0]), -1).dot(sides[1].reshape(len(sides[1]), -1).T)
        total = part if total is None else np.add(total, part, out=total)
    assert total is not None
    return total
