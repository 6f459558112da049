"""A network: a spec and its parameters. Running it gives a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine import layout, memory
from engine.errors import EngineError
from engine.initialise import initialise
from engine.inputs import prepare
from engine.recording import engines
from engine.spec import ModelSpec
from engine.trace import Trace


class Network:
    """A spec and its parameters.

    Parameters
    ----------
    spec : ModelSpec
    parameters : mapping of str to array, optional
        Under torch's names, whole or in part; what is not given is initialised from ``spec.seed``.

    Attributes
    ----------
    parameters : dict of ndarray
        Under torch's names and shapes (``docs`` of :mod:`engine.layout`), of ``spec.dtype``.

    Raises
    ------
    ValueError
        A given parameter has a name or shape that the spec does not have, or the parameters that are to be
        initialised need more memory than there is.
    """

    def __init__(self, spec: ModelSpec, parameters: Mapping[str, Any] | None = None) -> None:
        self.spec = spec
        given = dict(parameters or {})
        shapes = layout.shapes(spec)
        for name in given:
            if name not in shapes:
                raise ValueError(f"there is no parameter {name!r}; this spec has {', '.join(shapes)}")
        self.parameters = {} if len(given) == len(shapes) else _initialised(spec)
        for name, shape in shapes.items():
            if name in given:
                self.parameters[name] = _parameter(name, given[name], shape, spec.dtype)

    def run(
        self, x: Any, target: Any = None, *, engine: str = "numpy", device: str = "cpu", lengths: Any = None,
        target_lengths: Any = None, h_0: Any = None, c_0: Any = None, teacher_forcing: bool = True,
        steps: int | None = None, reduction: str = "sum", sample: int | None = None, temperature: float = 1.0,
        h_n_grad: Any = None, c_n_grad: Any = None,
    ) -> Trace:  # fmt: skip
        """Run forward and, where there is a target, backward, recording everything.

        Parameters
        ----------
        x : array
            Real (T, B, input_size), or token ids (T, B); one sequence may leave B out.
        target : array, optional
            Class ids (S, B) for cross-entropy, real (S, B, O) otherwise; (S,) or (S, O) for one sequence, (B,) where
            S = 1. Without one there is a forward pass only.
        engine, device : str
            "numpy" on "cpu", or "torch" on "cpu", "cuda", "cuda:1", …
        lengths, target_lengths : array (B,), optional
            Real steps of each padded sequence, in any order.
        h_0, c_0 : array (num_layers · directions, B, H), optional
            Initial states; zeros otherwise.
        teacher_forcing : bool
            Feed back the target (where there is one) rather than the network's own output.
        steps : int, optional
            Outputs to produce where feedback makes their number free and there is no target.
        reduction : str
            "sum" over output steps, or "mean": divided by S too.
        sample : int, optional
            Seed: draw what is fed back from softmax(logits / temperature) rather than taking its largest.
        temperature : float
        h_n_grad, c_n_grad : array (num_layers · directions, B, H), optional
            The gradient that arrives at the last states from elsewhere: ⟨gradient, state⟩ is added to L. With a
            target, and where nothing feeds back.

        Returns
        -------
        Trace

        Raises
        ------
        ValueError
            Naming the argument that does not fit, or the parameter that was changed to what the spec does not have.
        engine.errors.EngineError
            The engine or the device is missing or failed (out of memory).
        """
        if engine not in engines:
            raise ValueError(f"engine={engine!r} is not possible; it must be one of {', '.join(engines.names())}")
        batch = prepare(
            self.spec, x, target=target, lengths=lengths, target_lengths=target_lengths, h_0=h_0, c_0=c_0,
            teacher_forcing=teacher_forcing, steps=steps, reduction=reduction, sample=sample, temperature=temperature,
            h_n_grad=h_n_grad, c_n_grad=c_n_grad,
        )  # fmt: skip
        parameters = self._copied()
        try:
            with np.errstate(all="ignore"):  # a run that overflows or meets a NaN is shown, not warned about
                recording = engines[engine].run(self.spec, parameters, batch, device)
        except MemoryError:
            raise EngineError(memory.shortage(self.spec, batch, "cpu", memory.available())) from None
        return Trace(self.spec, parameters, batch, recording, engine, device)

    def _copied(self) -> dict[str, np.ndarray]:
        """Copy the parameters, which anybody may have changed, for one run to keep."""
        shapes = layout.shapes(self.spec)
        if self.parameters.keys() != shapes.keys():
            for name in self.parameters.keys() - shapes.keys():
                raise ValueError(f"there is no parameter {name!r}; this spec has {', '.join(shapes)}")
            raise ValueError(f"parameter {min(shapes.keys() - self.parameters.keys())} is missing")
        dtype, found = np.dtype(self.spec.dtype), {}
        for name, shape in shapes.items():
            value = self.parameters[name]
            fits = type(value) is np.ndarray and value.dtype is dtype and value.shape == shape
            found[name] = value.copy() if fits else _parameter(name, value, shape, self.spec.dtype)
        return found


def _initialised(spec: ModelSpec) -> dict[str, np.ndarray]:
    free = memory.available()
    if free is not None and memory.needed_to_start(spec) > free:
        raise ValueError(memory.too_large_to_start(spec, free))
    try:
        return initialise(spec)
    except MemoryError:
        raise ValueError(memory.too_large_to_start(spec, free)) from None


def _parameter(name: str, value: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    try:
        array = np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)
    except Exception as error:  # whatever a foreign object's own conversion raises
        raise ValueError(f"parameter {name} is not an array of numbers: {error}") from None
    if array.dtype.kind not in "fiu":
        raise ValueError(f"parameter {name} holds values of type {array.dtype}; it must hold numbers")
    if array.shape != shape:
        raise ValueError(f"parameter {name} has shape {array.shape}; it must be {shape}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes ±inf, which a run shows
        return np.array(array, dtype=dtype)
