"""What is on the bench: one immutable value that the whole window follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from engine import ModelSpec
from engine.tasks import Task

Source = str | np.ndarray
Target = str | np.ndarray | None
TRAINED, FRESH, EDITED, GIVEN = "trained", "fresh", "edited", "given"


@dataclass(frozen=True, eq=False)
class Project:
    """A network on a batch of sequences, and how it is run.

    Attributes
    ----------
    task : Task
        The scenario: what is read, what the outputs are called, and what there is to train on.
    spec : ModelSpec
    parameters : mapping of str to ndarray
        Under torch's names; read-only arrays.
    weights : str
        "trained", "fresh" (just initialised), "edited" (changed by hand) or "given" (an experiment's own).
    score : str
        Of trained weights, in words ("pairs both right: 93 %"); empty otherwise.
    sources : tuple of (str or ndarray)
        The sequences of the batch as typed or drawn; the first is the user's own.
    targets : tuple of (str, ndarray or None)
        One for each source: a label, words or numbers; None: the network's own answer is taken as the target.
    sequence : int
        Which sequence of the batch is looked at.
    engine, device : str
    teacher_forcing : bool
    initial : mapping of str to ndarray
        ``h_0``, ``c_0`` where they are set, (num_layers · directions, H) or (…, B, H).
    reference : mapping of str to ndarray
        The parameters that edits by hand are measured against: as they were shipped, drawn or trained.
    arriving : mapping of str to ndarray
        ``h_n_grad``, ``c_n_grad`` of a captured network: the gradient that came to its last states from the rest of
        its program, as ``initial``.
    notes : str
        What the user has written down about it.
    """

    task: Task
    spec: ModelSpec
    parameters: Mapping[str, np.ndarray]
    weights: str
    score: str
    sources: tuple[Source, ...]
    targets: tuple[Target, ...]
    sequence: int
    engine: str
    device: str
    teacher_forcing: bool = True
    initial: Mapping[str, np.ndarray] = field(default_factory=dict)
    reference: Mapping[str, np.ndarray] = field(default_factory=dict)
    arriving: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: str = ""

    def __post_init__(self) -> None:
        for name in ("parameters", "reference", "initial", "arriving"):
            given = getattr(self, name)
            if not isinstance(given, MappingProxyType):
                object.__setattr__(self, name, MappingProxyType({k: _frozen(v) for k, v in given.items()}))
        if self.weights != EDITED or not self.reference:
            object.__setattr__(self, "reference", self.parameters)
        if self.weights not in (TRAINED, FRESH, EDITED, GIVEN):
            raise ValueError(f"weights={self.weights!r} is not possible; it must be trained, fresh, edited or given")
        if not self.sources or len(self.targets) != len(self.sources):
            raise ValueError(
                f"there are {len(self.sources)} sources and {len(self.targets)} targets; each source needs one target"
            )
        if not 0 <= self.sequence < len(self.sources):
            raise ValueError(f"sequence={self.sequence} is not possible; it must be from 0 to {len(self.sources) - 1}")

    @property
    def scenario(self) -> str:
        """The task's id."""
        return self.task.id

    @property
    def start(self) -> dict[str, np.ndarray]:
        """``initial`` for the sequence that is looked at, (num_layers · directions, H)."""
        return {name: value[:, self.sequence] if _each(value) else _all(value) for name, value in self.initial.items()}

    def starting(self, start: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """``initial`` with another :attr:`start`; what is one state for all sequences stays one for all."""
        own = [name for name, value in self.initial.items() if _each(value)]
        if not own:
            return dict(start)
        found = {name: np.array(self.initial[name]) for name in own}
        for name in start.keys() - found.keys():
            alike = self.initial.get(name, np.zeros_like(start[name]))
            found[name] = np.repeat(_all(alike)[:, None], len(self.sources), axis=1)
        for name, value in found.items():
            value[:, self.sequence] = start.get(name, 0)
        return found

    def chosen(self, places: Sequence[int]) -> Project:
        """Return the project with the sequences at these places alone; the first of them is looked at."""

        def kept(states: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: value[:, list(places)] if _each(value) else value for name, value in states.items()}

        return self.but(
            sources=tuple(self.sources[place] for place in places),
            targets=tuple(self._rescaled(self.targets[place], len(places)) for place in places),
            initial=kept(self.initial), arriving=kept(self.arriving), sequence=0,
        )  # fmt: skip

    def _rescaled(self, target: Target, B: int) -> Target:
        """A target among B sequences: a given gradient is B times what arrived at them, since a loss is a mean."""
        if self.spec.loss == "linear" and isinstance(target, np.ndarray):
            return target * target.dtype.type(B / len(self.sources))
        return target

    def but(self, **changes: Any) -> Project:
        """Return the same project with some fields changed."""
        return replace(self, **changes)


def _each(states: np.ndarray) -> bool:
    """Whether they are one state for each sequence rather than one for all."""
    return states.ndim == 3 and states.shape[1] > 1


def _all(state: np.ndarray) -> np.ndarray:
    """One state for all, without an axis of sequences."""
    return state[:, 0] if state.ndim == 3 else state


def frozen(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Arrays that nobody else holds, from now on read-only; nothing is copied."""
    for array in arrays.values():
        array.flags.writeable = False
    return MappingProxyType(dict(arrays))


def _frozen(value: Any) -> np.ndarray:
    array = np.array(value) if not isinstance(value, np.ndarray) or value.flags.writeable else value
    array.flags.writeable = False
    return array
