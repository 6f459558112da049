"""Recurrent layers of other libraries in torch's form: named arrays, and what else their files tell of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from engine.interop.files import Entry

#: How many layers' names the title of a stack consists of at most; each of its arrays bears it.
MOST_NAMES = 8
Transform = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Told:
    """What a file says of a recurrent module that its arrays cannot.

    Attributes
    ----------
    pattern, nonlinearity : str
        Empty where the file does not say.
    head, embedding : str or None
        The arrays that read its hidden state and that embed what it reads; "": there is none; None: not said.
    loss : str
        The loss whose outputs are the file's; empty: cross-entropy's, or not said.
    notes : tuple of str
        What is otherwise here than there, in sentences.
    """

    pattern: str = ""
    nonlinearity: str = ""
    head: str | None = None
    embedding: str | None = None
    loss: str = ""
    notes: tuple[str, ...] = ()

    @property
    def choices(self) -> dict[str, Any]:
        """What is said of :data:`engine.interop.load.CHOICES`."""
        said = {"pattern": self.pattern or None, "nonlinearity": self.nonlinearity or None}
        said |= {"head": self.head, "embedding": self.embedding}
        return {name: value for name, value in said.items() if value is not None}


class Converted(dict[str, Entry]):
    """Arrays by torch's names, with what the file tells of each recurrent module by its title."""

    told: dict[str, Told]

    def __init__(self, entries: Mapping[str, Entry], told: Mapping[str, Told]) -> None:
        super().__init__(entries)
        self.told = dict(told)


@dataclass(frozen=True)
class Layer:
    """One recurrent layer of a file, in torch's form.

    Attributes
    ----------
    name : str
        The file's.
    cell : str
        Of this project.
    arrays : mapping of str to Entry
        "weight_ih", "weight_hh", "bias_ih", "bias_hh", each with "_reverse" for the other direction.
    nonlinearity : str
    told : Told
        As if it stood alone.
    reads : str
        The name of the layer whose states it reads directly, step by step; empty: something else.
    turned : bool
        Whether it reads its sequence from the end.
    """

    name: str
    cell: str
    arrays: Mapping[str, Entry]
    nonlinearity: str = "tanh"
    told: Told = Told()
    reads: str = ""
    turned: bool = False

    @property
    def form(self) -> tuple[Any, ...]:
        """What two layers must share to be layers of one module."""
        return self.cell, self.hidden_size, self.nonlinearity, self.turned, tuple(sorted(self.arrays))

    @property
    def hidden_size(self) -> int:
        """H."""
        return self.arrays["weight_hh"].shape[1]

    @property
    def width(self) -> int:
        """How many numbers a step puts out."""
        return self.hidden_size * (2 if "weight_hh_reverse" in self.arrays else 1)


def blocks(entry: Entry, order: Sequence[int], prepare: Transform, shape: tuple[int, ...]) -> Entry:
    """An array whose rows come in blocks, one a gate, with the blocks in another order.

    Parameters
    ----------
    entry : Entry
    order : sequence of int
        Which block of the file's stands at each place.
    prepare : callable
        Brings the file's array into (rows, …), as ``shape`` says it.
    shape : tuple of int
    """
    return Entry(shape, entry.dtype, partial(_reordered, entry, tuple(order), prepare, shape))


def changed(entry: Entry, prepare: Transform, shape: tuple[int, ...]) -> Entry:
    """An array in another form."""
    return Entry(shape, entry.dtype, partial(_changed, entry, prepare, shape))


def zeros(size: int, dtype: str) -> Entry:
    """A bias of zeros, where torch has two and the file one."""
    return Entry((size,), dtype, partial(np.zeros, size, np.float32 if dtype == "bfloat16" else dtype))


def _changed(entry: Entry, prepare: Transform, shape: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(prepare(entry.read())).reshape(shape)


def _reordered(entry: Entry, order: tuple[int, ...], prepare: Transform, shape: tuple[int, ...]) -> np.ndarray:
    rows = _changed(entry, prepare, shape)
    parts = rows.reshape(len(order), -1, *shape[1:])
    return np.ascontiguousarray(parts[list(order)]).reshape(shape)


def assembled(layers: Iterable[Layer], others: Mapping[str, Entry]) -> Converted:
    """Layers that read one another directly as one stacked module, and the file's other arrays beside them."""
    entries: dict[str, Entry] = {}
    told: dict[str, Told] = {}
    numbers: dict[str, int] = {}
    for group in _stacks(list(layers)):
        names = [layer.name for layer in group]
        names = names if len(names) <= MOST_NAMES else [*names[: MOST_NAMES - 2], "…", names[-1]]
        title = _unused(" + ".join(names), told, numbers)
        renamed: dict[str, Entry] = {}
        for index, layer in enumerate(group):
            for name, entry in layer.arrays.items():
                stacked = name.removesuffix("_reverse")
                renamed[f"{title}.{stacked}_l{index}{name[len(stacked) :]}"] = entry
        entries |= renamed
        first, last = group[0], group[-1]
        notes = tuple(dict.fromkeys(note for layer in group for note in layer.told.notes))
        told[title] = replace(
            last.told, nonlinearity=first.nonlinearity, embedding=first.told.embedding, notes=notes
        )  # fmt: skip
    return Converted({**entries, **{name: entry for name, entry in others.items() if name not in entries}}, told)


def _stacks(layers: list[Layer]) -> list[list[Layer]]:
    """The layers in groups: each reads the one before it and has its form, and nobody else reads that one."""
    by_name = {layer.name: layer for layer in layers}
    readers: dict[str, list[Layer]] = {}
    for layer in layers:
        if layer.reads in by_name:
            readers.setdefault(layer.reads, []).append(layer)
    follows: dict[str, Layer] = {}
    for name, found in readers.items():
        before = by_name[name]
        fits = [
            layer for layer in found
            if layer.form == before.form and layer.arrays["weight_ih"].shape[1] == before.width
        ]  # fmt: skip
        if len(found) == 1 and fits:
            follows[name] = fits[0]
    inside = {layer.name for layer in follows.values()}
    groups = []
    for layer in layers:
        if layer.name in inside:
            continue
        group = [layer]
        while group[-1].name in follows and len(group) <= len(layers):
            group.append(follows[group[-1].name])
        groups.append(group)
    return groups


def _unused(wanted: str, taken: Mapping[str, Any], numbers: dict[str, int]) -> str:
    """A title, with a number after it where it is taken; ``numbers`` holds the last one that each title was given."""
    title = wanted
    while title in taken:
        numbers[wanted] = numbers.get(wanted, 1) + 1
        title = f"{wanted} ({numbers[wanted]})"
    return title
