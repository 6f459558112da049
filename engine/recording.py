"""What an engine is, and what it hands over after a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from engine.inputs import Batch
from engine.registry import Registry
from engine.spec import ModelSpec


@dataclass
class Recording:
    """Values and gradients by key, time first.

    Attributes
    ----------
    values, grads : dict of ndarray
        By key, (T or S, B, size). ``grads`` is empty without a target.
    inputs : dict of ndarray
        What each part's first layer read, by part, (T, B, size).
    initial : dict of ndarray
        Each lane's state before its first step, by ``{lane.prefix}.{state}``, (B, H).
    fed_back : ndarray or None
        Class ids that went back in, (S, B): entry s is what step s read; -1 for ``<bos>``.
    loss : float or None
    parameter_grads : dict of ndarray
    """

    values: Mapping[str, np.ndarray]
    grads: Mapping[str, np.ndarray] = field(default_factory=dict)
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    initial: Mapping[str, np.ndarray] = field(default_factory=dict)
    fed_back: np.ndarray | None = None
    loss: float | None = None
    parameter_grads: dict[str, np.ndarray] = field(default_factory=dict)


class Engine(Protocol):
    """What computes a run."""

    name: str
    title: str

    def devices(self) -> tuple[str, ...]:
        """Devices it can use now ("cpu", "cuda:0"); empty where it cannot run."""
        ...

    def missing(self) -> str:
        """Why it cannot run, and the command that helps; empty where it can."""
        ...

    def run(self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, device: str) -> Recording:
        """Compute forward and, where there is a target, backward; EngineError when the device cannot."""
        ...


engines: Registry[Engine] = Registry("engine.engines", "engine")
