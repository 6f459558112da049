"""How much memory a run's full trace takes, and how much there is: asked before a run, not after it has failed."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from typing import NamedTuple, Protocol

import numpy as np

from engine import graph as graphs
from engine import layout
from engine.spec import ModelSpec

#: The part of the memory that a run may take without asking.
SHARE = 0.25
UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Sized(Protocol):
    """T input steps, B sequences, S output steps: a :class:`engine.inputs.Batch`, or a :class:`Size`."""

    @property
    def T(self) -> int: ...
    @property
    def B(self) -> int: ...
    @property
    def S(self) -> int: ...


class Size(NamedTuple):
    """T input steps, B sequences, S output steps."""

    T: int
    B: int
    S: int


def needed(spec: ModelSpec, size: Sized, backward: bool = True) -> int:
    """Estimate the bytes of a run's full trace: recorded values, their gradients, and what the engine works with.

    Parameters
    ----------
    spec : ModelSpec
    size : Batch or Size
        How many steps and sequences.
    backward : bool
        Whether there is a target.

    Returns
    -------
    int
        Bytes; an estimate from above for the NumPy engine, and about right for torch.
    """
    graph = graphs.build(spec.cell, spec.nonlinearity, spec.bias)
    recorded, operations = len(graph.recorded), len(graph.operations)
    numbers = 0
    for lane in layout.all_lanes(spec):
        steps = size.S if lane.part == "decoder" or spec.pattern == "one-to-many" else size.T
        # Values and what lies between them; the input; and the same again for the gradients.
        per_step = (recorded + operations) * spec.hidden_size + lane.input_size
        numbers += steps * size.B * per_step * (2 if backward else 1)
    numbers += size.S * size.B * (spec.output_size * 3 + 1) * (2 if backward else 1)
    numbers += sum(math.prod(shape) for shape in layout.shapes(spec).values()) * (3 if backward else 2)
    return numbers * np.dtype(spec.dtype).itemsize


def needed_to_start(spec: ModelSpec) -> int:
    """Bytes of drawing a spec's parameters: all of them, and the largest twice more while it is drawn in float64."""
    sizes = [math.prod(shape) for shape in layout.shapes(spec).values()]
    return sum(sizes) * np.dtype(spec.dtype).itemsize + 2 * max(sizes) * 8


def available() -> int | None:
    """Bytes of memory that programs can still have; None where the system does not say."""
    try:
        if sys.platform == "win32":
            return _windows()
        if sys.platform == "darwin":
            return _darwin()
        return _linux()
    except (OSError, ValueError, AttributeError):
        return None


def _linux() -> int | None:
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _darwin() -> int | None:
    """All of it: macOS gives back what it caches, and says only by much machinery how much that is."""
    size, length = ctypes.c_uint64(0), ctypes.c_size_t(8)
    system = ctypes.CDLL(None)
    failed = system.sysctlbyname(b"hw.memsize", ctypes.byref(size), ctypes.byref(length), None, ctypes.c_size_t(0))
    return None if failed else int(size.value)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("available", ctypes.c_uint64),
        ("others", ctypes.c_uint64 * 5),
    ]


def _windows() -> int | None:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    done = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.available) if done else None


def words(size: float) -> str:
    """Bytes as people write them: ``3.1 GB``."""
    unit = 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if unit == 0 or size >= 99.5 else f"{size:.2g} {UNITS[unit]}"


def too_large(spec: ModelSpec, size: Sized, backward: bool = True, free: int | None = None) -> str | None:
    """Say how much a run would need, as a question, where that is more than a quarter of the memory.

    Parameters
    ----------
    free : int, optional
        Bytes there are; :func:`available` by default.

    Returns
    -------
    str or None
        None where the run may simply start, and where the memory is unknown.
    """
    free = available() if free is None else free
    wanted = needed(spec, size, backward)
    if free is None or wanted <= SHARE * free:
        return None
    return f"This run needs about {words(wanted)} of memory; {words(free)} is available. Run it all the same?"


def too_large_to_start(spec: ModelSpec, free: int | None) -> str:
    """Say that a network's parameters find no memory, how much they take, and what would help."""
    name, shape = max(layout.shapes(spec).items(), key=lambda item: math.prod(item[1]))
    there = "" if free is None else f", and {words(free)} is free"
    return (
        f"the parameters of this network need about {words(needed_to_start(spec))} of memory{there}; "
        f"the largest is {name} with shape {shape}, so smaller sizes than hidden_size={spec.hidden_size} would help"
    )


def shortage(spec: ModelSpec, size: Sized, place: str, free: int | None) -> str:
    """Say that a run found no memory on ``place`` ("cpu", "cuda:0"), how much it needs, and what would help."""
    there = "" if free is None else f", where {words(free)} is free"
    elsewhere = "" if place == "cpu" else ", or device='cpu',"
    return (
        f"{place} ran out of memory: this run needs about {words(needed(spec, size))}{there}; "
        f"a shorter sequence, fewer sequences at once or a smaller hidden_size{elsewhere} would help"
    )
