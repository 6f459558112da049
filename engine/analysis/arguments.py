"""What an analysis is asked for, checked before anything is computed."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any


def whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return ``value`` where it is a whole number from ``low`` to ``high``.

    Raises
    ------
    ValueError
        It is not; the message names the argument, the value and what is possible.
    """
    fits = isinstance(value, Integral) and not isinstance(value, bool)
    if not fits or value < low or (high is not None and value > high):
        allowed = f"{low} or more" if high is None else f"from {low} to {high}".replace("-", "−")
        raise ValueError(f"{name}={value!r} is not possible; it must be a whole number {allowed}")
    return int(value)


def share(name: str, value: Any) -> float:
    """Return ``value`` where it is a number of at least 0; ValueError says that it is not."""
    if not isinstance(value, Real) or not float(value) >= 0:
        raise ValueError(f"{name}={value!r} is not possible; it must be a number, 0 or more")
    return float(value)
