"""Keras's files: the layers of a model as its configuration lists them, each with its arrays. Nothing is executed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.interop import _hdf5, keras_layers
from engine.interop._hdf5 import Tree
from engine.interop.converted import Converted
from engine.interop.files import Entry, ImportFileError, check_members, check_shared, member
from engine.interop.keras_layers import KerasLayer

SUFFIXES = (".keras", ".h5", ".hdf5")
MODELS = ("Sequential", "Functional", "Model")
#: Where, below a layer, Keras 3 keeps its arrays: a cell's, a wrapped layer's, its own.
INSIDE = ("cell", "forward_layer/cell", "backward_layer/cell", "layer", "")
DEEPEST = 20
NUMBER = re.compile("[0-9]{1,9}")


def entries(path: Path, data: bytes) -> Converted:
    """List the arrays of a ``.keras`` file, of Keras 3's ``.weights.h5`` or of Keras 2's ``.h5``, by torch's names.

    Raises
    ------
    ImportFileError
        h5py is not installed, the file is damaged, or none of its recurrent layers can be shown.
    """
    config: Any = None
    stored = len(data)
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_members(path, archive)
            names = archive.namelist()
            if "model.weights.h5" not in names:
                raise ImportFileError(path, "is a zip archive without a model.weights.h5: not written by Keras")
            config = json.loads(member(archive, "config.json")) if "config.json" in names else None
            data = member(archive, "model.weights.h5")
    tree = _hdf5.read(path, data, stored)
    text = tree.attributes.get("", {}).get("model_config")
    config = json.loads(text) if config is None and isinstance(text, str) else config
    store = _store(tree)
    layers = list(store.unconfigured()) if config is None else _configured(path, config, store)
    try:
        found = keras_layers.converted(layers, told=config is not None)
    except keras_layers.Refused as error:
        raise ImportFileError(path, str(error)) from None
    check_shared(path, found, stored)
    return found


def _store(tree: Tree) -> Kept2 | Kept3:
    for place in ("model_weights", ""):
        if "layer_names" in tree.attributes.get(place, {}):
            return Kept2(tree, place)
    return Kept3(tree)


def _entry(value: np.ndarray) -> Entry:
    return Entry(tuple(value.shape), value.dtype.newbyteorder("=").name, partial(np.asarray, value))


# Where the arrays lie -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept2:
    """Keras 2's layout: a group for each layer by its name, and a list of its arrays' names."""

    tree: Tree
    place: str

    def arrays(self, name: str, kind: str, number: int) -> list[Entry]:
        """A layer's arrays in Keras's order: kernel, recurrent kernel, bias; the reverse direction's after them."""
        group = f"{self.place}/{name}".lstrip("/")
        found = (self.tree.arrays.get(f"{group}/{at}") for at in self._names(group))
        return [_entry(value) for value in found if value is not None]

    def _names(self, group: str) -> list[str]:
        names = self.tree.attributes.get(group, {}).get("weight_names", [])
        return names if isinstance(names, list) else [names]

    def unconfigured(self) -> Iterator[KerasLayer]:
        """The layers of a file without a configuration, in order."""
        names = self.tree.attributes[self.place]["layer_names"]
        for name in names if isinstance(names, list) else [names]:
            kept = [at.rpartition("/")[2].split(":")[0] for at in self._names(f"{self.place}/{name}".lstrip("/"))]
            yield keras_layers.guessed(name, self.arrays(name, "", 0), "recurrent_kernel" in kept, "embeddings" in kept)


@dataclass(frozen=True)
class Kept3:
    """Keras 3's layout: a path for each layer by its class and number, which may also tell its name."""

    tree: Tree
    owners: dict[str, dict[int, Entry]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for where, value in self.tree.arrays.items():
            owner, _, last = where.rpartition("/")
            if NUMBER.fullmatch(last) and owner.rpartition("/")[2] == "vars":
                self.owners.setdefault(_before(owner), {})[int(last)] = _entry(value)
        for place, attributes in self.tree.attributes.items():
            if place.rpartition("/")[2] == "vars" and isinstance(attributes.get("name"), str):
                self.named.setdefault(attributes["name"], _before(place))

    def arrays(self, name: str, kind: str, number: int) -> list[Entry]:
        """A layer's arrays, as :meth:`Kept2.arrays`; ``number`` counts the layers of its kind before it."""
        counted = f"{_snake(kind)}_{number}" if number else _snake(kind)
        places = [self.named[name]] if name in self.named else []
        places += [f"layers/{counted}", f"_layer_checkpoint_dependencies/{counted}"]
        for base in places:
            found = [entry for inside in INSIDE for entry in self._own(f"{base}/{inside}".rstrip("/"))]
            if found:
                return found
        return []

    def _own(self, owner: str) -> list[Entry]:
        return [entry for _, entry in sorted(self.owners.get(owner, {}).items())]

    def unconfigured(self) -> Iterator[KerasLayer]:
        """The layers of a file without a configuration, by the numbers in their paths."""
        bases = {re.sub(r"/((forward_layer|backward_layer)/)?(cell|layer)$", "", owner) for owner in self.owners}
        for base in sorted(bases, key=_by_number):
            parts = [(inside, self._own(f"{base}/{inside}".rstrip("/"))) for inside in INSIDE]
            found = [entry for _, own in parts for entry in own]
            told = next((name for name, place in self.named.items() if place == base), base.rpartition("/")[2])
            recurrent = any(inside.endswith("cell") and own for inside, own in parts)
            yield keras_layers.guessed(told, found, recurrent, "embedding" in base)


def _before(vars_path: str) -> str:
    return vars_path.rpartition("/")[0]


def _by_number(path: str) -> list[Any]:
    numbers = [(NUMBER.fullmatch(part) is not None, part) for part in re.split(f"({NUMBER.pattern})", path)]
    return [(number, int(part) if number else part) for number, part in numbers]


def _snake(kind: str) -> str:
    kind = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()


# What the configuration says ----------------------------------------------------------------------------


def _configured(path: Path, config: Any, store: Kept2 | Kept3) -> list[KerasLayer]:
    if not isinstance(config, dict) or config.get("class_name") not in MODELS:
        kind = config.get("class_name") if isinstance(config, dict) else config
        raise ImportFileError(
            path, f"its model is a {str(kind)[:60]!r}, whose layers only its own program knows; "
            "save its weights alone (model.save_weights), and they are found by their shapes",
        )  # fmt: skip
    layers: list[KerasLayer] = []
    _walk(path, config, "", layers, store, {}, 0)
    return layers


def _walk(
    path: Path, model: Mapping[str, Any], before: str, layers: list[KerasLayer], store: Kept2 | Kept3,
    counts: dict[str, int], depth: int,
) -> str:  # fmt: skip
    """Add a model's layers, those of the models inside it included; returns the name of the last."""
    inside = model.get("config")
    listed = inside.get("layers") if isinstance(inside, dict) else inside  # early Keras 2 lists a Sequential's directly
    if not isinstance(listed, list) or depth > DEEPEST:
        raise ImportFileError(path, "its configuration lists no layers")
    chained = model.get("class_name") == "Sequential"
    for item in listed:
        facts = item.get("config") if isinstance(item, dict) else None
        if not isinstance(facts, dict | list):
            raise ImportFileError(path, f"its configuration has a layer that is none: {str(item)[:60]}")
        kind = str(item.get("class_name", ""))
        if kind in MODELS:
            before = _walk(path, item, before, layers, store, {}, depth + 1)
            continue
        if not isinstance(facts, dict):
            raise ImportFileError(path, f"its configuration has a layer that is none: {str(item)[:60]}")
        name = str(facts.get("name") or item.get("name") or f"{kind} {len(layers)}")[:80]
        sources = ((before,) if before else ()) if chained else tuple(_sources(item.get("inbound_nodes")))
        arrays = store.arrays(name, kind, counts.get(kind, 0))
        counts[kind] = counts.get(kind, 0) + 1
        layers.append(KerasLayer(name, kind, facts, arrays, sources))
        before = name
    return before


def _sources(nodes: Any) -> Iterator[str]:
    """The layers that one reads, in the forms of Keras 3 ("keras_history") and Keras 2 ([name, 0, 0, {…}])."""
    if isinstance(nodes, dict):
        history = nodes.get("keras_history")
        if isinstance(history, list) and history and isinstance(history[0], str):
            yield history[0][:80]
            return
        for value in nodes.values():
            yield from _sources(value)
    elif isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and all(isinstance(n, int) for n in nodes[1:3]):
            yield nodes[0][:80]
            for rest in nodes[3:]:
                yield from _sources(rest)
            return
        for value in nodes:
            yield from _sources(value)
