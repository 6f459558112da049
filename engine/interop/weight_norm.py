"""Weights that a file keeps as a size and a direction each: W = g · v / ‖v‖.

After Salimans and Kingma, Weight Normalization, 2016, as ``torch.nn.utils.weight_norm`` and
``torch.nn.utils.parametrizations.weight_norm`` name the two.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from engine.interop.files import Entries, Entry

#: What the size is called, with what the weight and its direction are called in the same words.
FORMS = (
    (re.compile(r"(?P<name>.+)_g"), "{name}", "{name}_v"),
    (
        re.compile(r"(?P<module>.*?)parametrizations\.(?P<name>[^.]+)\.original0"),
        "{module}{name}",
        "{module}parametrizations.{name}.original1",
    ),
)


def joined(entries: Entries) -> Entries:
    """Every pair of a size and a direction as the weight that they are; the other arrays as they stand."""
    found = dict(entries)
    for size, g in entries.items():
        for form, weight, direction in FORMS:
            match = form.fullmatch(size)
            if match is None:
                continue
            words = match.groupdict()
            name, other = weight.format(**words), direction.format(**words)
            v = entries.get(other)
            if v is not None and name not in entries and g.floating and v.floating and _fits(g.shape, v.shape):
                del found[size], found[other]
                found[name] = Entry(v.shape, v.dtype, partial(_weight, g, v), v.container)
    return found


def _fits(size: tuple[int, ...], direction: tuple[int, ...]) -> bool:
    return size == () or (
        len(size) == len(direction) and all(n in (1, m) for n, m in zip(size, direction, strict=True))
    )


def _weight(size: Entry, direction: Entry) -> np.ndarray:
    g, v = (entry.read().astype(np.float64) for entry in (size, direction))
    over = tuple(axis for axis, n in enumerate(g.shape) if n == 1) if g.ndim else None
    with np.errstate(invalid="ignore", divide="ignore"):  # a direction of zeros is none, in torch as well
        weight: np.ndarray = g * v / np.sqrt(np.sum(v * v, axis=over, keepdims=True))
    return weight.astype(np.float32 if direction.dtype == "bfloat16" else direction.dtype)
