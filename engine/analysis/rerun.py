"""The same batch again, with other parameters: what a change of a weight did."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.recording import engines
from engine.trace import Trace


def rerun(trace: Trace, parameters: Mapping[str, np.ndarray]) -> Trace:
    """Run what a trace ran, on its engine and device, with these parameters.

    Parameters
    ----------
    trace : engine.Trace
    parameters : mapping of str to ndarray
        All of them, in the shapes of the trace's.

    Raises
    ------
    ValueError
        A parameter is missing, or has another shape.
    """
    for name, value in trace.parameters.items():
        if name not in parameters or parameters[name].shape != value.shape:
            have = parameters[name].shape if name in parameters else "nothing"
            raise ValueError(f"{name}: shape {value.shape} is wanted, there is {have}")
    given = {name: np.array(parameters[name]) for name in trace.parameters}
    recording = engines[trace.engine].run(trace.spec, given, trace.batch, trace.device)
    return Trace(trace.spec, given, trace.batch, recording, trace.engine, trace.device)
