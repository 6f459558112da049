"""What a lane's run left in its frames, by name: states, gates, pre-activations and their gradients."""

from __future__ import annotations

import numpy as np

from engine.layout import Lane
from engine.plan.compiled import INPUT, Compiled
from engine.plan.program import Factor
from engine.plan.tape import Size


class Recorded:
    """Reads the frames ``F`` and ``G`` of a lane that has run N steps; every array is a copy, (N, B, size).

    Attributes
    ----------
    at : dict
        Where each slot lies, by its place and name.
    order : slice
        From the order of computation to the order of time.
    mask : ndarray (N, B) or None
        Which steps are real, in the order of time.
    """

    plan: Compiled
    lane: Lane
    size: Size
    at: dict[tuple[str, str], slice]
    N: int
    F: np.ndarray
    G: np.ndarray
    order: slice
    mask: np.ndarray | None

    def _view(self, slot: str, shift: int = 0) -> np.ndarray:
        """A slot of ``F`` at every step, (N, size, B), in the order of time."""
        return self.F[shift : self.N + shift, self.at["F", slot]][self.order]

    def _gradient(self, slot: str) -> np.ndarray:
        return self.G[1 : self.N + 1, self.at["G", slot]][self.order]

    def read(self, name: str = "") -> np.ndarray:
        """What it read, (N, B, D)."""
        return _rows(self._view(INPUT))

    def started(self, state: str) -> np.ndarray:
        """A state before the first step, (B, H)."""
        return np.array(self.F[0, self.at["F", f"{state}_prev"]].T, order="C")

    def value(self, name: str) -> np.ndarray:
        """A left-hand side at every step, (N, B, H)."""
        found = _rows(self._value(name))
        value = self.plan.values[name]
        if value.halved:
            with np.errstate(over="ignore"):  # a run that overflowed is shown, not warned about
                found *= 2
        return found if value.state else self._kept(found)

    def grad(self, name: str) -> np.ndarray:
        """∂L/∂ a left-hand side at every step, (N, B, H)."""
        program = self.plan.program
        if name in program.gradients:
            found = _rows(self._gradient(program.gradients[name].slot))
            return found if self.plan.values[name].state else self._kept(found)
        total = np.zeros((self.N, self.size.H, self.size.B), self.F.dtype)
        with np.errstate(all="ignore"):
            for hub, factor in program.eliminated[name].items():
                total += self._gradient(program.gradients[hub].slot) * self._factor(factor)
        return self._kept(_rows(total))

    def _value(self, name: str) -> np.ndarray:
        ref = self.plan.program.place[name]
        return self._view(ref.slot, ref.shift)

    def _factor(self, factor: Factor) -> np.ndarray:
        """A product of local derivatives at every step, (N, H, B)."""
        kind = factor[0]
        if kind == "number":
            return np.asarray(factor[1], self.F.dtype)
        if kind == "value":
            return self._value(factor[1])
        if kind == "slope":
            y = self._value(factor[1])
            function = self.plan.values[factor[1]].function
            return {"tanh": lambda: 1 - y * y, "σ": lambda: y - y * y, "relu": lambda: np.sign(y)}[function]()
        one, other = self._factor(factor[1]), self._factor(factor[2])
        return one * other if kind == "times" else one + other

    def _kept(self, found: np.ndarray) -> np.ndarray:
        """0 on padding, whatever stands there."""
        return found if self.mask is None else np.where(self.mask[..., None], found, found.dtype.type(0))


def _rows(frames: np.ndarray) -> np.ndarray:
    """(steps, features, B) as (steps, B, features), a copy in its own memory."""
    return np.array(frames.transpose(0, 2, 1), order="C")
