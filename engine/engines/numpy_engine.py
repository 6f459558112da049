"""The NumPy engine: each lane runs by its cell's compiled plan (:mod:`engine.plan`)."""

from __future__ import annotations

import numpy as np

from engine.engines._numpy_run import Run
from engine.errors import EngineError
from engine.inputs import Batch
from engine.plan.lane import LaneTape
from engine.plan.pool import Pool
from engine.recording import Recording, engines
from engine.spec import ModelSpec


class NumpyEngine:
    """Computes with NumPy, on the processor.

    Attributes
    ----------
    pool : Pool
        Memory of earlier runs, to be used again by runs of the same sizes.
    """

    name, title = "numpy", "NumPy"

    def __init__(self) -> None:
        self.pool: Pool[LaneTape] = Pool()

    def devices(self) -> tuple[str, ...]:
        """The processor."""
        return ("cpu",)

    def missing(self) -> str:
        """Nothing: NumPy is always there."""
        return ""

    def run(self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, device: str) -> Recording:
        """Compute forward and, where there is a target, backward."""
        if device != "cpu":
            raise EngineError(f"device={device!r} is not possible: the NumPy engine computes on the cpu")
        run = Run(spec, parameters, batch, self.pool)
        run.forward()
        if batch.target is not None:
            run.backward()
        return run.record()


engines.add("numpy", NumpyEngine())
