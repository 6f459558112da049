"""Finds what the house is furnished with: every module of a folder registers what it defines."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

T = TypeVar("T")


@cache
def discover(package: str) -> tuple[str, ...]:
    """Import every module of ``package`` and return their names, sorted; adding a file is registering it."""
    found = importlib.import_module(package)
    names = sorted(info.name for info in pkgutil.iter_modules(found.__path__) if not info.name.startswith("_"))
    for name in names:
        importlib.import_module(f"{package}.{name}")
    return tuple(names)


class Registry(Generic[T]):
    """Things of one kind by name, filled by the modules of one package when it is first read.

    Parameters
    ----------
    package : str
        The package whose modules call :meth:`add`.
    kind : str
        What one entry is called in messages ("cell", "engine").
    """

    def __init__(self, package: str, kind: str) -> None:
        self.package, self.kind = package, kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        """Register ``entry`` under ``name``; a name taken twice is a ValueError."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered twice")
        self._entries[name] = entry
        return entry

    def names(self) -> tuple[str, ...]:
        """Every registered name, in the order of registration."""
        discover(self.package)
        return tuple(self._entries)

    def __getitem__(self, name: str) -> T:
        if name not in self._entries and name not in self.names():
            raise KeyError(f"there is no {self.kind} {name!r}; there are {', '.join(self.names())}")
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[T]:
        discover(self.package)
        return iter(self._entries.values())


@dataclass(frozen=True)
class Cell:
    """A recurrent cell as data.

    Attributes
    ----------
    name, title : str
        Its id, and what people call it.
    states : tuple of str
        What it carries from step to step; the first is the hidden state.
    equations : str
        One step, a line an equation (or several, separated by commas), in the vocabulary of ``engine.ops``.
        ``x_t`` is the input, ``*_prev`` a state of the step before, ``φ`` the spec's nonlinearity, ``W_i? W_h?
        b_i? b_h?`` the block of gate ``?`` in torch's stacked parameters (``W_ih``, … where there are no gates).
    gates : tuple of str
        The blocks of the stacked parameters, in torch's order; empty: one unnamed block.
    forget_gate : str
        The gate that ``forget_bias`` sets; empty where the cell has none.
    reference : str
        Where the equations come from.
    """

    name: str
    title: str
    states: tuple[str, ...]
    equations: str
    gates: tuple[str, ...] = ()
    forget_gate: str = ""
    reference: str = ""

    @property
    def blocks(self) -> int:
        """How many (hidden_size, ·) blocks are stacked in ``weight_ih`` and ``weight_hh``."""
        return max(1, len(self.gates))


cells: Registry[Cell] = Registry("engine.cells", "cell")
