"""The JSON of a file read with suspicion: every value is of the kind it must be, or the error says what it is."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.projects import ProjectError

LONGEST = 60
"""A wrong value is quoted up to so many letters."""


class Facts:
    """An object of a file's JSON.

    Every method returns the value of a field; ProjectError names the file, the field, its value and what would be
    right.

    Parameters
    ----------
    path : Path
        The file.
    values : object
        What was read; it must be an object.
    place : str
        What the object is called within the file; empty: it is the outermost.
    """

    def __init__(self, path: Path, values: Any, place: str = "") -> None:
        self.path, self._place = path, place
        if not isinstance(values, Mapping):
            raise ProjectError(path, f"{place or 'its content'} is {quoted(values)}; it must be an object")
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def only(self, names: Collection[str]) -> None:
        """Refuse fields that there are not."""
        for name in self._values:
            if name not in names:
                raise ProjectError(self.path, f"{self._called(name)} is no field; there are {', '.join(names)}")

    def wrong(self, name: str, allowed: str) -> ProjectError:
        """The error of a field that is not what it must be."""
        said = f"is {quoted(self._values[name])}" if name in self._values else "is missing"
        return ProjectError(self.path, f"{self._called(name)} {said}; it must be {allowed}")

    def text(self, name: str, most: int | None = None) -> str:
        """A text, perhaps of so many letters at most."""
        value = self._values.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        if most is not None and len(value) > most:
            raise self.wrong(name, f"a text of at most {most:,} letters")
        return value

    def word(self, name: str, allowed: Sequence[str]) -> str:
        """One of some words."""
        value = self._values.get(name)
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(name, f"one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def integer(self, name: str, low: int, high: int = 2**53) -> int:
        """A whole number within limits."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.wrong(name, f"a whole number from {low}" + (f" to {high}" if high < 2**53 else ""))
        return value

    def entries(self, name: str) -> list[Any]:
        """A list."""
        value = self._values.get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._values.get(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(name, "a list of texts")
        return tuple(value)

    def flags(self, name: str) -> dict[str, bool]:
        """An object of true and false."""
        value = self._values.get(name)
        if not isinstance(value, dict) or not all(isinstance(each, bool) for each in value.values()):
            raise self.wrong(name, "an object of true and false")
        return value

    def numbers(self, name: str) -> dict[str, float]:
        """An object of numbers above zero."""
        value = self._values.get(name)
        if not isinstance(value, dict) or not all(_positive(each) for each in value.values()):
            raise self.wrong(name, "an object of numbers above 0")
        return {key: float(each) for key, each in value.items()}

    def object(self, name: str) -> Facts:
        """An object."""
        if not isinstance(self._values.get(name), Mapping):
            raise self.wrong(name, "an object")
        return Facts(self.path, self._values[name], self._called(name))

    def raw(self, name: str) -> Any:
        """Whatever it is; None where it is missing."""
        return self._values.get(name)

    def _called(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else str(name)


def quoted(value: Any) -> str:
    """A value as an error quotes it: on one line, and not endless."""
    said = "null" if value is None else repr(value)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def _positive(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < 1e9 and math.isfinite(value)
