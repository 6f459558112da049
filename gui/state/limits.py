"""How large a network, and how heavy a history, the window can hold."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from PySide6.QtCore import QCoreApplication

from engine import ModelSpec, SpecError, layout
from engine.format import count
from engine.interop.recognise import MOST_LAYERS
from engine.registry import cells
from gui.state.project import Project

MOST_PARAMETERS = 20_000_000
"""More takes minutes to draw and gigabytes to run, or is too much to list."""
SLOW_MS = 30.0
"""What takes longer to draw is drawn beside the window."""
MOST_BYTES = 512 * 2**20
"""What the arrays of all undo steps may take together."""


def size(spec: ModelSpec) -> int:
    """How many parameters a network has."""
    return sum(prod(shape) for shape in layout.shapes(spec).values())


def drawing_ms(spec: ModelSpec) -> float:
    """About how long a network's parameters take to be drawn, in milliseconds on an ordinary processor.

    A number takes 30 ns with its copies, a parameter 50 µs, an H × H block's orthogonal matrix 1.5 H³ ns and its
    eigenvalues 6 H³ ns.
    """
    cube = spec.hidden_size**3 * 1e-6
    block = 6 * cube * (spec.spectral_radius is not None) + 3 * cube * (spec.init == "orthogonal")
    blocks = cells[spec.cell].blocks * len(layout.all_lanes(spec))
    return size(spec) * 3e-5 + len(layout.shapes(spec)) * 0.05 + block * blocks


def refuse_too_large(spec: ModelSpec, field: str, value: object) -> None:
    """Refuse a network that is too large, before anything of it is drawn.

    Parameters
    ----------
    spec : ModelSpec
        What would be built.
    field : str
        The field whose change asked for it, and its new value.
    value : object

    Raises
    ------
    engine.SpecError
        With the field, the value and what would be possible.
    """
    if spec.num_layers > MOST_LAYERS:
        text = QCoreApplication.translate("limits", "such that there are at most {} layers")
        raise SpecError(field, value, text.format(MOST_LAYERS))
    total = size(spec)
    if total > MOST_PARAMETERS:
        text = QCoreApplication.translate("limits", "such that there are at most {} parameters; this would make {}")
        raise SpecError(field, value, text.format(count(MOST_PARAMETERS), count(total)))


def held(project: Project) -> dict[int, int]:
    """The bytes of a project's arrays, by the identity of what holds them: projects share most of theirs."""
    found: dict[int, int] = {}
    named = (project.parameters, project.reference, project.initial, project.arriving)
    sequences = [given for given in (*project.sources, *project.targets) if isinstance(given, np.ndarray)]
    for array in (*(array for arrays in named for array in arrays.values()), *sequences):
        while isinstance(array.base, np.ndarray):
            array = array.base
        found[id(array)] = array.nbytes
    return found


def kept_steps(steps: Sequence[tuple[Project, Project]], most: int) -> int:
    """How many of the newest undo steps, each (before, after), fit into so many bytes; at least one."""
    seen: dict[int, int] = {}
    total = 0
    for kept, step in enumerate(reversed(steps)):
        for project in step:
            for key, nbytes in held(project).items():
                if key not in seen:
                    seen[key] = nbytes
                    total += nbytes
        if total > most and kept:
            return kept
    return len(steps)
