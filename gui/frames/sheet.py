"""Everything about a run that does not depend on the playhead, computed when first asked for and kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from engine import Trace
from engine.layout import Lane
from engine.narration import Words
from gui.frames.diagram import DiagramFrame, diagram
from gui.frames.heatmap import Heatmap, alone, heatmap
from gui.frames.norm import NormFrame, norm
from gui.frames.outputs import OutputsFrame, outputs
from gui.frames.progress import Progress
from gui.frames.tokens import Token, feedback, tokens

T = TypeVar("T")


class Sheet:
    """The frames of one run, for one sequence of its batch.

    Parameters
    ----------
    trace : engine.Trace
    words : engine.narration.Words
        What columns and classes are called, and which sequence is meant.
    """

    def __init__(self, trace: Trace, words: Words) -> None:
        self.trace, self.words = trace, words
        self.progress = Progress(trace)
        self._kept: dict[Hashable, Any] = {}
        self._alone: tuple[int, str, Mapping[str, np.ndarray]] | None = None

    def kept(self, key: Hashable, build: Callable[[], T]) -> T:
        """What ``build`` gives, built once; for what tracks derive from the frames, such as their pictures."""
        if key not in self._kept:
            self._kept[key] = build()
        found: T = self._kept[key]
        return found

    def heatmap(self, layer: int, direction: str, name: str, gradient: bool = False) -> Heatmap:
        """Values or gradients of a layer in a direction."""
        key = ("heatmap", layer, direction, name, gradient)
        whole = self.kept(
            key,
            lambda: heatmap(self.trace, self.progress, layer, direction, name, gradient, self.words.sequence),
        )
        if not gradient or self._alone is None or self._alone[1] != name:
            return whole
        output, _, values = self._alone
        shown = self._kept.get((*key, "alone"))
        if shown is None or shown.output != output:
            shown = self._kept[(*key, "alone")] = alone(whole, output, values, self.words.sequence)
        return shown

    def show_alone(self, output: int, name: str, values: Mapping[str, np.ndarray]) -> None:
        """Let the gradients of a state be those of one output's loss alone, (T, B, H) by lane."""
        self._alone = (output, name, values)

    def show_all(self) -> None:
        """Let gradients be those of all losses again."""
        self._alone = None

    @property
    def diagram(self) -> DiagramFrame:
        """The unrolled diagram."""
        return self.kept("diagram", lambda: diagram(self.trace, self.progress, self.words.sequence))

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The inputs."""
        return self.kept("tokens", lambda: tokens(self.trace, self.words))

    @property
    def feedback(self) -> tuple[tuple[int, int], ...]:
        """The edges from an output to the input it becomes."""
        return self.kept("feedback", lambda: feedback(self.trace))

    @property
    def outputs(self) -> OutputsFrame:
        """The outputs."""
        return self.kept("outputs", lambda: outputs(self.trace, self.progress, self.words))

    @property
    def norm(self) -> NormFrame:
        """The gradient norms."""
        return self.kept("norm", lambda: norm(self.trace, self.progress, self.words.sequence))

    @cached_property
    def directions(self) -> tuple[tuple[int, str], ...]:
        """Every (layer, direction) of the network, in order of computation."""
        return tuple(self.lanes)

    @cached_property
    def lanes(self) -> dict[tuple[int, str], list[Lane]]:
        """The lanes of each (layer, direction), one a part."""
        found: dict[tuple[int, str], list[Lane]] = {}
        for lane in self.trace.lanes.values():
            found.setdefault((lane.layer, lane.direction), []).append(lane)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The recorded names of a lane, in the order of the cell's equations."""
        return tuple(self.trace.graph.recorded)
