"""A plan on memory: frames for so many steps, and the flat list of NumPy calls over views of them.

All views are cut once; running a step is calling what stands in the list, one after the other. Frames are feature-
major, (steps, features, B), so that a slot is one contiguous piece of memory and neighbouring slots are one; with one
sequence a slot is a vector and the rows' product a matrix times a vector.

``F[k]`` is step k's frame forward, and ``G[k + 1]`` backward, k counting the steps in the order of computation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from engine.plan.compiled import INPUT, ONE, OUTSIDE, Compiled
from engine.plan.program import Call, Ref

#: Bytes of local derivatives that are taken at once: they are to stay in the second-level cache.
CHUNK_BYTES = 256 * 1024
#: OpenBLAS multiplies small matrices faster, without packing them: a product is cut into panels of this many.
SMALL_PRODUCT = 1_000_000
#: NumPy's functions by the names that calls use.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(np, name) for name in ("add", "subtract", "multiply", "tanh", "positive", "sign")
}
# The one binary function that NumPy does not want to be given its output by position.
FUNCTIONS["maximum"] = lambda one, other, out: np.maximum(one, other, out=out)
CONSTANTS = {(value, kind): np.array(value, kind) for value in (0.0, 0.5, 1.0) for kind in ("float32", "float64")}


class Size(NamedTuple):
    """What a tape is made for.

    ``D`` is the input's length. ``fused``: the input goes into every step's product rather than before all steps.
    ``masked``: some steps hold the states of some sequences. ``outside``: gradients come to h from outside at every
    step.
    """

    H: int
    D: int
    B: int
    dtype: str
    fused: bool
    masked: bool
    outside: bool

    def better_fused(self, plan: Compiled) -> bool:
        """Whether the input should go into every step's product, by what either way is likely to cost.

        The rates are rough and the same everywhere, so that a run's rounding depends on nothing but the sizes.
        """
        H, D, B, slow = self.H, self.D, self.B, 2.0 if self.dtype == "float64" else 1.0
        # Picoseconds a multiply-add: a matrix times a vector waits for memory, a product of matrices does not.
        gemv, gemm = (70 * slow if B == 1 else 30 * slow), 30 * slow
        recurrent, reading = (H * len(plan.having(plan.rows, kind)) for kind in ("recurrent", "inputs"))
        within = gemv * H * len(plan.rows) * (H + 1 + D) * B
        apart = gemv * recurrent * H * B + gemm * reading * (1 + D) * B + 300_000 + 100 * slow * recurrent * B
        return within < apart


def _aligned(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """An uninitialised array that starts where a cache line does."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(count + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count].view(dtype).reshape(shape)


class Calls:
    """Functions and their arguments, to be called one after the other; apart, since that is less to go through."""

    def __init__(self, calls: Iterable[tuple[Any, tuple]]) -> None:
        found = list(calls)
        self.functions = [function for function, _ in found]
        self.arguments = [arguments for _, arguments in found]

    def __len__(self) -> int:
        return len(self.functions)

    def run(self, first: int, last: int) -> None:
        """Call those from ``first`` up to ``last``."""
        for function, arguments in zip(self.functions[first:last], self.arguments[first:last], strict=True):
            function(*arguments)


class Tape:
    """Frames and calls for up to ``capacity`` steps of one lane.

    Attributes
    ----------
    F, G : ndarray (capacity + 1, features, B)
        ``G`` is made when a backward pass first asks for it.
    C : ndarray (chunk, features, B)
    W : ndarray
        All rows' matrix, to be multiplied with [h_prev; 1; x] (fused), or with h_prev alone.
    W_back : ndarray
        The transposed matrix, or for one sequence the matrix, of the rows that read h_prev, in ``G``'s order.
    matrices : dict
        The further matrices of a step by their value's name.
    mask : ndarray (capacity, 1, B)
        True where a state is held.
    """

    def __init__(self, plan: Compiled, size: Size, capacity: int) -> None:
        self.plan, self.size, self.capacity = plan, size, capacity
        H, B, dtype = size.H, size.B, size.dtype
        special = {("F", ONE): 1, ("F", INPUT): size.D, ("G", OUTSIDE): H if size.outside else 0}
        self.at: dict[tuple[str, str], slice] = {}
        self.width: dict[str, int] = {}
        for place, names in plan.slots.items():
            at = 0
            for name in names:
                wide = special.get((place, name), H)
                self.at[place, name] = slice(at, at + wide)
                at += wide
            self.width[place] = at
        step = max(1, self.width["C"] * B * np.dtype(dtype).itemsize)
        self.chunk = min(capacity, max(16, CHUNK_BYTES // step))
        self.F = self._frames("F", capacity + 1)
        self.F[:, self.at["F", ONE]] = 1
        self.scratch = _aligned((self.width["S"], B), dtype)
        self.mask = np.zeros((capacity if size.masked else 0, 1, B), bool)
        self.recurrent = plan.having(plan.rows, "recurrent")
        self.recurrent_back = plan.having(plan.rows_back, "recurrent")
        self._allocate_weights()
        self.G = self.C = np.empty((0, 0, B), dtype)
        self._cut: dict[tuple[str, int, int], list[np.ndarray]] = {}
        self._forward, self._per_forward = self._lay_forward()
        self._backward = Calls([])
        self._per_backward = 0
        self._derivatives: dict[tuple[int, int], list[tuple[Any, tuple]]] = {}

    def _frames(self, place: str, count: int) -> np.ndarray:
        # Frames start at whole cache lines, where that costs little.
        width, step = self.width[place], max(1, 64 // (np.dtype(self.size.dtype).itemsize * self.size.B))
        return _aligned((count, -(-width // step) * step, self.size.B), self.size.dtype)

    def _allocate_weights(self) -> None:
        H, D, dtype = self.size.H, self.size.D, self.size.dtype
        rows, recurrent = len(self.plan.rows) * H, len(self.recurrent) * H
        self.W = np.zeros((rows, H + 1 + D) if self.size.fused else (recurrent, H), dtype)
        self.product = np.empty((recurrent, self.size.B), dtype)
        self.W_back = np.empty((recurrent, H) if self.size.B == 1 else (H, recurrent), dtype)
        self.matrices = {
            value.name: np.empty((H, H), dtype) for value in self.plan.values.values() if value.kind == "matvec"
        }
        self._weighing = sum(matrix.nbytes for matrix in (self.W, self.W_back, *self.matrices.values()))

    @property
    def nbytes(self) -> int:
        """Bytes of its frames, matrices and calls, about."""
        frames = self.F.nbytes + self.G.nbytes + self.C.nbytes
        return self._weighing + frames + 200 * (len(self._forward) + len(self._backward))

    def region(self, place: str, names: Sequence[str]) -> slice:
        """Where slots lie that follow each other."""
        if not names:
            return slice(0, 0)
        return slice(self.at[place, names[0]].start, self.at[place, names[-1]].stop)

    # Laying out ------------------------------------------------------------------------------------------

    def _flat(self, array: np.ndarray) -> np.ndarray:
        """Without the axis of sequences where there is one: a slot is then a vector."""
        return array[..., 0] if self.size.B == 1 else array

    def _steps(self, place: str, where: slice, shift: int = 0) -> Iterable[np.ndarray]:
        """A view of each step's frame, step after step; the same one wherever it is asked for, to stay in the cache."""
        key = place, where.start, where.stop
        if key not in self._cut:
            flat = self._flat({"F": self.F, "G": self.G, "C": self.C, "S": self.scratch[None]}[place])
            self._cut[key] = list(flat[:, where])
        views = self._cut[key]
        if place in "SC":
            return (views[k % len(views)] for k in range(self.capacity))
        first = shift + (place == "G")
        return views[first : first + self.capacity]

    def _operand(self, refs: Sequence[Ref | float]) -> Iterable[Any]:
        """A merged call's operand at every step: neighbouring slots as one view, or a number."""
        first, last = refs[0], refs[-1]
        if isinstance(first, Ref) and isinstance(last, Ref):
            where = slice(self.at[first.place, first.slot].start, self.at[last.place, last.slot].stop)
            return self._steps(first.place, where, first.shift)
        return repeat(self._number(first), self.capacity)

    def _number(self, value: Any) -> np.ndarray:
        return CONSTANTS.get((value, self.size.dtype), np.array(value, self.size.dtype))

    def _column(self, cluster: list[Call]) -> Iterable[tuple[Any, tuple]]:
        """One merged call at every step: (function, arguments)."""
        call = cluster[0]
        operands = [self._operand(refs) for refs in zip(*(c.args for c in cluster), strict=True)]
        outs = self._operand([c.out for c in cluster])
        if call.function == "rows back":
            given = self._steps("G", self.region("G", self.recurrent_back))
            return self._product(self.W_back, given, outs, back=True)
        if call.function == "matvec":
            return self._product(self.matrices[call.weight], operands[0], outs, back=False)
        if call.function == "matvec back":
            matrix = self.matrices[call.weight]
            return self._product(matrix if self.size.B == 1 else matrix.T, operands[0], outs, back=True)
        return zip(repeat(FUNCTIONS[call.function]), zip(*operands, outs, strict=True))

    def _product(
        self, matrix: np.ndarray, given: Iterable[np.ndarray], outs: Iterable[np.ndarray], back: bool
    ) -> Iterable[tuple[Any, tuple]]:
        """matrix · given; with one sequence ``back`` multiplies from the left."""
        # The arrays' own ``dot`` takes half the time of ``np.dot``, which first looks whom it is called for.
        if back and self.size.B == 1:
            return ((vector.dot, (matrix, out)) for vector, out in zip(given, outs, strict=False))
        panels = self._panels(*matrix.shape)
        if panels == 1:
            return zip(repeat(matrix.dot), zip(given, outs, strict=False))
        cut = matrix.reshape(panels, -1, matrix.shape[1])
        return zip(repeat(np.matmul), zip(repeat(cut), given, (out.reshape(panels, -1, self.size.B) for out in outs)))

    def _panels(self, rows: int, columns: int) -> int:
        if self.size.B == 1 or rows * columns * self.size.B <= SMALL_PRODUCT:
            return 1
        wanted = rows * columns * self.size.B / SMALL_PRODUCT
        fitting = [n for n in range(2, rows // 16 + 1) if rows % n == 0 and n >= wanted]
        return fitting[0] if fitting else 1

    def _lay_forward(self) -> tuple[Calls, int]:
        plan, columns = self.plan, []
        main = f"{plan.states[0]}_prev"
        if self.size.fused:
            given = self._steps("F", slice(self.at["F", main].start, self.at["F", INPUT].stop))
            columns.append(self._product(self.W, given, self._steps("F", self.region("F", plan.rows)), back=False))
        elif self.recurrent:
            where, product = self.region("F", self.recurrent), self._flat(self.product)
            columns.append(
                self._product(self.W, self._steps("F", self.at["F", main]), repeat(product, self.capacity), back=False)
            )
            rows = list(self._steps("F", where))
            columns.append(zip(repeat(np.add), zip(rows, repeat(product), rows)))
        columns += [self._column(cluster) for cluster in plan.forward]
        if self.size.masked:
            columns += [self._hold("F", f"{state}_prev", 1, 0) for state in plan.states]
        return Calls(call for step in zip(*columns, strict=False) for call in step), len(columns)

    def _hold(self, place: str, slot: str, to: int, source: int) -> Iterable[tuple[Any, tuple]]:
        """Where the mask says so, a state is what it was, and so is its gradient."""
        pairs = (self._steps(place, self.at[place, slot], shift) for shift in (to, source))
        return zip(repeat(np.copyto), zip(*pairs, repeat("same_kind"), list(self._flat(self.mask))))

    def prepare_backward(self) -> None:
        """Make the frames and calls of the backward pass, if they are not there."""
        if self._per_backward:
            return
        self.G = self._frames("G", self.capacity + 1)
        self.C = _aligned((self.chunk, self.width["C"], self.size.B), self.size.dtype)
        columns = [self._column(cluster) for cluster in self.plan.backward]
        if self.size.masked:
            columns += [self._hold("G", state, -1, 0) for state in self.plan.states]
        if self.size.outside:
            hidden, outside = (
                list(self._steps("G", self.at["G", slot], -1)) for slot in (self.plan.states[0], OUTSIDE)
            )
            columns.append(zip(repeat(np.add), zip(hidden, outside, hidden, strict=True)))
        steps = list(zip(*columns, strict=False))
        self._backward, self._per_backward = Calls(call for step in reversed(steps) for call in step), len(columns)
        self._cut = {}

    # Running ---------------------------------------------------------------------------------------------

    def forward(self, first: int, last: int) -> None:
        """Compute steps first … last − 1, whose rows are there already where the input is not in the step's product."""
        per = self._per_forward
        self._forward.run(first * per, last * per)

    def backward(self, first: int, last: int) -> None:
        """Carry the gradients back through steps last − 1 … first, which are of one chunk or begin and end with one."""
        per = self._per_backward
        while last > first:
            start = max(first, (last - 1) // self.chunk * self.chunk)
            self._differentiate(start, last)
            self._backward.run((self.capacity - last) * per, (self.capacity - start) * per)
            last = start

    def _differentiate(self, first: int, last: int) -> None:
        """Take the local derivatives of the steps first … last − 1, all of one chunk, for all of them at once."""
        if (first, last) not in self._derivatives:
            if len(self._derivatives) > 2 + self.capacity // self.chunk:
                self._derivatives.clear()
            self._derivatives[first, last] = [self._at_once(cluster, first, last) for cluster in self.plan.derivatives]
        for function, args in self._derivatives[first, last]:
            function(*args)
        if self.size.masked:
            inside = slice(first % self.chunk, first % self.chunk + last - first)
            np.copyto(self.C[inside], 0, where=self.mask[first:last])

    def _at_once(self, cluster: list[Call], first: int, last: int) -> tuple[Any, tuple]:
        found: list[Any] = []
        for refs in zip(*((*call.args, call.out) for call in cluster), strict=True):
            begin, end = refs[0], refs[-1]
            if isinstance(begin, Ref) and isinstance(end, Ref):
                where = slice(self.at[begin.place, begin.slot].start, self.at[end.place, end.slot].stop)
                frames, at = (self.F, first + begin.shift) if begin.place == "F" else (self.C, first % self.chunk)
                found.append(self._flat(frames)[at : at + last - first, where])
            else:
                found.append(self._number(begin))
        return FUNCTIONS[cluster[0].function], tuple(found)
