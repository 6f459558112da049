"""A file of weights as a network of ours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine import layout
from engine.interop import recognise, weight_norm
from engine.interop.converted import Converted, Told
from engine.interop.files import Entries, Entry, ImportFileError, limit
from engine.interop.read import entries as read_entries
from engine.interop.recognise import NotRecognised, Recurrent
from engine.spec import ModelSpec, SpecError

CHOICES = ("pattern", "nonlinearity", "layer", "head", "embedding", "start")
NONE = ""


@dataclass(frozen=True)
class Loaded:
    """What a file holds.

    Attributes
    ----------
    spec : ModelSpec
    parameters : dict of ndarray
        Under the names of this project, those that the file has.
    unused : tuple of str
        The file's arrays that are not in it, by the file's names.
    missing : tuple of str
        Parameters of the spec that the file does not have; a Network initialises them.
    names : mapping of str to str
        From each parameter's name here to the file's.
    dtypes : mapping of str to str
        The file's precision of each parameter, by its name here.
    notes : tuple of str
        What is otherwise here than in the program that wrote the file, in sentences.
    start : int or None
        The token that the decoder begins with, where its row stands in for that of ``<bos>``.
    container : str
        What the names begin with that is not of the program's own model: the keys of the dicts around its state dict.
    beside : mapping of str to Entry
        Of what is unused that which belongs to the same model, by the file's names; not read yet.
    """

    spec: ModelSpec
    parameters: dict[str, np.ndarray]
    unused: tuple[str, ...]
    missing: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    dtypes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    start: int | None = None
    container: str = ""
    beside: Mapping[str, Entry] = field(default_factory=dict)


def load_torch(path: str | Path, **choices: Any) -> Loaded:
    """Read a network from a checkpoint; nothing in it is executed, and torch is not needed.

    Parameters
    ----------
    path : str or Path
        ``.pt``, ``.pth`` (zip and legacy: a state dict, a checkpoint that holds one, a whole module; also where
        the name ends otherwise, or in nothing),
        ``.safetensors`` or ``.npz``; Keras's ``.keras``, ``.weights.h5`` and ``.h5`` with the
        package h5py; ``.onnx`` with the package onnx.
    **choices
        What weights cannot say: ``pattern`` (many-to-many by default), ``nonlinearity`` ("tanh"), and ``layer``:
        which of several recurrent modules, by its name in the file ("encoder.rnn"). ``head`` and ``embedding``: the
        file's matrices that read the hidden state and that embed tokens, "" for none; found by name and shape
        where they are not given. In sequence-to-sequence they are not asked for; there ``start`` is the token with
        which the decoder begins (0), where its embedding has a row for each output and none for ``<bos>``.

    Raises
    ------
    ImportFileError
        The file cannot be read or holds no recurrent network; the message says what was found.
    ValueError
        A choice there is not.
    """
    return Weights(path).load(**choices)


class Weights:
    """A file of weights that has been read, and what can be made of it.

    Parameters
    ----------
    path : str or Path
        As in :func:`load_torch`.

    Raises
    ------
    ImportFileError
        The file cannot be read, or holds no recurrent network.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        found = read_entries(self.path)
        self.entries = Converted(weight_norm.joined(found), found.told if isinstance(found, Converted) else {})
        try:
            self._modules = _found(self.entries)
        except NotRecognised as error:
            raise ImportFileError(self.path, str(error)) from None

    @property
    def layers(self) -> tuple[str, ...]:
        """The recurrent modules, by their names in the file."""
        return tuple(module.title for module in self._modules.values())

    @property
    def both_sides(self) -> bool:
        """Whether there is one recurrent encoder and one decoder."""
        sides = [recognise.side(module) for module in self._modules]
        return all(sides.count(side) == 1 for side in recognise.SIDES)

    def heads(self, layer: str) -> tuple[str, ...]:
        """The matrices that could read a module's hidden state, the likeliest last."""
        found = recognise.heads(self.entries, _chosen(self._modules, layer), self._modules.values())
        said = self.told(layer).head
        return (*(name for name in found if name != said), said) if said else found

    def head(self, layer: str) -> str:
        """The one that is taken where none is chosen; empty: none."""
        said = self.told(layer).head
        return recognise.likely_head(self.heads(layer)) if said is None else said

    def embeddings(self, layer: str) -> tuple[str, ...]:
        """The matrices that could embed what a module reads, the likeliest first."""
        module = _chosen(self._modules, layer)
        found = recognise.embeddings(self.entries, module, module.input_size, self._modules.values())
        said = self.told(layer).embedding
        return (said, *(name for name in found if name != said)) if said else found

    def embedding(self, layer: str) -> str:
        """The one that is taken where none is chosen; empty: none, it reads numbers."""
        module, found, said = _chosen(self._modules, layer), self.embeddings(layer), self.told(layer).embedding
        return recognise.likely_embedding(self.entries, module, found) if said is None else said

    def told(self, layer: str | None = None) -> Told:
        """What the file itself says of a module; torch's files say nothing."""
        return self.entries.told.get(_chosen(self._modules, layer).title, Told())

    def load(self, **choices: Any) -> Loaded:
        """Make a network of it; as :func:`load_torch`."""
        for name in choices:
            if name not in CHOICES:
                raise ValueError(f"{name}={choices[name]!r} is no choice; the choices are {', '.join(CHOICES)}")
        try:
            if choices.get("pattern") == "sequence-to-sequence":
                return _loaded(self.entries, self._modules, **choices)
            told = self.told(choices.get("layer"))
            said = told.choices
            if choices.get("pattern") == "one-to-many":  # what reads and feeds it is then another matter
                said = {name: value for name, value in said.items() if name == "nonlinearity"}
            loaded = _loaded(self.entries, self._modules, **{**said, **choices})
            own = told.loss and told.head and loaded.names.get("output.weight") == told.head
            spec = loaded.spec.but(loss=told.loss) if own else loaded.spec
            return replace(loaded, spec=spec, notes=(*told.notes, *loaded.notes))
        except (NotRecognised, SpecError) as error:
            raise ImportFileError(self.path, str(error)) from None
        except MemoryError:
            raise ImportFileError(self.path, "has more parameters than there is memory for") from None


def _found(entries: Entries) -> dict[str, Recurrent]:
    modules = recognise.recurrent(entries)
    if not modules:
        names = ", ".join(list(entries)[:6]) or "no arrays"
        raise NotRecognised(f"no recurrent layer was found (weight_ih_l0 and weight_hh_l0); it holds {names}")
    projection = recognise.projected(entries)
    if projection:
        raise NotRecognised(f"{projection}: an LSTM with a projection (proj_size) cannot be shown")
    return modules


def _loaded(
    entries: Entries, modules: dict[str, Recurrent], pattern: str = "many-to-many", nonlinearity: str = "tanh",
    layer: str | None = None, head: str | None = None, embedding: str | None = None, start: int = 0,
) -> Loaded:  # fmt: skip
    if pattern == "sequence-to-sequence":
        return _sequence_to_sequence(entries, modules, nonlinearity, start)
    module = _chosen(modules, layer)
    module.check()
    found = dict(module.names)
    if head is None:
        head = recognise.likely_head(recognise.heads(entries, module, modules.values()))
    elif head != NONE:
        _check_matrix(entries, "head", head, module.hidden_size * (2 if module.bidirectional else 1))
    output_size = entries[head].shape[0] if head else module.hidden_size
    _take_head(entries, head, "", found)
    input_size, embedding = _input(entries, module, pattern, output_size, modules, head, embedding)
    if embedding:
        found["embedding.weight"] = embedding
    spec = ModelSpec(
        pattern=pattern, cell=module.cell, input_size=input_size, hidden_size=module.hidden_size,
        output_size=output_size,
        num_layers=module.num_layers, bidirectional=module.bidirectional, bias=module.bias, nonlinearity=nonlinearity,
        vocab_size=entries[embedding].shape[0] if embedding else None, embedding_size=input_size if embedding else None,
        dtype=_dtype(entries, found),
    )  # fmt: skip
    return _filled(entries, spec, found)


def _check_matrix(entries: Entries, what: str, name: str, columns: int) -> None:
    if name not in entries:
        raise NotRecognised(f"{what}={name!r}: there is no such array in the file")
    shape = entries[name].shape
    if len(shape) != 2 or shape[1] != columns:
        raise NotRecognised(f"{what}={name!r} has the shape {shape}; it must have {columns} columns")


def _chosen(modules: dict[str, Recurrent], layer: str | None) -> Recurrent:
    titles = {module.title: module for module in modules.values()}
    if layer is not None:
        wanted = layer.rstrip(".") or recognise.TOP
        if wanted not in titles:
            raise NotRecognised(f"there is no recurrent layer {layer!r}; there are {', '.join(titles)}")
        return titles[wanted]
    if len(modules) > 1:
        raise NotRecognised(f"several recurrent layers were found: {', '.join(titles)}; choose one with layer=")
    return next(iter(modules.values()))


def _take_head(entries: Entries, head: str, before: str, found: dict[str, str]) -> None:
    if head:
        found[f"{before}output.weight"] = head
        bias = f"{head[: -len('weight')]}bias"
        if bias in entries and entries[bias].shape == entries[head].shape[:1]:
            found[f"{before}output.bias"] = bias


def _input(
    entries: Entries, module: Recurrent, pattern: str, output_size: int, modules: dict[str, Recurrent], head: str,
    embedding: str | None,
) -> tuple[int, str]:  # fmt: skip
    """The input's size and the embedding's name; one-to-many also reads what is fed back."""
    columns = module.input_size
    size = columns if pattern != "one-to-many" else columns // 2
    if embedding is None:
        fits = pattern != "one-to-many" or columns % 2 == 0
        names = recognise.embeddings(entries, module, size, modules.values()) if fits else ()
        others = tuple(name for name in names if name != head)
        embedding = recognise.likely_embedding(entries, module, others)
    elif embedding != NONE:
        _check_matrix(entries, "embedding", embedding, size)
    if embedding or pattern != "one-to-many":
        return size, embedding
    if columns <= output_size:
        raise NotRecognised(
            f"{module.title}: weight_ih has {columns} columns, too few for one-to-many, where the {output_size} "
            "outputs come in beside the input"
        )
    return columns - output_size, ""


def _sequence_to_sequence(entries: Entries, modules: dict[str, Recurrent], nonlinearity: str, start: int) -> Loaded:
    sides = {side: [m for m in modules.values() if recognise.side(m.module) == side] for side in recognise.SIDES}
    if any(len(found) != 1 for found in sides.values()):
        titles = ", ".join(module.title for module in modules.values())
        raise NotRecognised(f"sequence-to-sequence needs one recurrent encoder and one decoder; found were {titles}")
    encoder, decoder = sides["encoder"][0], sides["decoder"][0]
    for module in (encoder, decoder):
        module.check()
    found = {f"encoder.{n}": f for n, f in encoder.names.items()} | {
        f"decoder.{n}": f for n, f in decoder.names.items()
    }
    among = (encoder, decoder)
    head = recognise.likely_head(recognise.heads(entries, decoder, among))
    if not head:
        raise NotRecognised(f"no output layer with {decoder.hidden_size} columns was found beside the decoder")
    _take_head(entries, head, "decoder.", found)
    output_size = entries[head].shape[0]
    for name in ("bridge.weight", "bridge.weight_c"):
        if name in entries:
            found[name] = name
    reading, feeding = (
        recognise.likely_embedding(
            entries, module,
            tuple(n for n in recognise.embeddings(entries, module, module.input_size, among)
                  if n != head and recognise.side(n) in ("", recognise.side(module.module))),
        )
        for module in among
    )  # fmt: skip
    if reading:
        found["encoder.embedding.weight"] = reading
    if not feeding and decoder.input_size != output_size:
        raise NotRecognised(
            f"{decoder.title} reads {decoder.input_size} numbers at each step, but the {output_size} outputs that are "
            "fed back, or an embedding of them, are not as many: what else it reads, as with attention, cannot be "
            "shown; it can be opened by itself, with another pattern"
        )
    if reading and feeding and encoder.input_size != decoder.input_size:
        raise NotRecognised(
            f"{encoder.title} reads embeddings of {encoder.input_size} numbers and {decoder.title} of "
            f"{decoder.input_size}; here both are as long; each can be opened by itself, with another pattern"
        )
    begins = bool(feeding) and entries[feeding].shape[0] == output_size
    if begins:  # the token that the decoder begins with is one of the outputs
        if isinstance(start, bool) or not isinstance(start, int) or not 0 <= start < output_size:
            raise NotRecognised(f"start={start!r} is no token of the decoder; they are 0 to {output_size - 1}")
        own, rows = entries[feeding], (*range(output_size), start)
        longer = Entry((len(rows), *own.shape[1:]), own.dtype, lambda: own.read()[list(rows)])
        entries = {**entries, feeding: longer}
    if begins or (feeding and entries[feeding].shape[0] == output_size + 1):
        found["decoder.embedding.weight"] = feeding
    spec = ModelSpec(
        pattern="sequence-to-sequence", cell=encoder.cell, input_size=encoder.input_size,
        hidden_size=encoder.hidden_size,
        output_size=output_size, num_layers=encoder.num_layers, bidirectional=encoder.bidirectional, bias=encoder.bias,
        nonlinearity=nonlinearity, vocab_size=entries[reading].shape[0] if reading else None,
        embedding_size=encoder.input_size if reading else None, dtype=_dtype(entries, found),
    )  # fmt: skip
    return replace(_filled(entries, spec, found), start=start if begins else None)


def _dtype(entries: Entries, found: dict[str, str]) -> str:
    return "float64" if any(entries[name].dtype == "float64" for name in found.values()) else "float32"


def _filled(entries: Entries, spec: ModelSpec, found: dict[str, str]) -> Loaded:
    shapes = layout.shapes(spec)
    for name, in_file in found.items():
        if name not in shapes or entries[in_file].shape != shapes[name]:
            wanted = shapes.get(name, "no such parameter")
            raise NotRecognised(f"{in_file} has the shape {entries[in_file].shape}; {name} of this network is {wanted}")
    size, room = sum(math.prod(shapes[name]) for name in found) * np.dtype(spec.dtype).itemsize, limit()
    if size > room:  # of arrays that share their numbers a small file has many
        raise NotRecognised(f"its network has {size:,} bytes of parameters, more than the {room:,} there is room for")
    parameters = {name: _read(entries[in_file], spec.dtype) for name, in_file in found.items()}
    for name in [name for name in shapes if name.endswith("output.bias") and name not in parameters]:
        if name.replace("bias", "weight") in parameters:  # made with bias=False
            parameters[name] = np.zeros(shapes[name], spec.dtype)
    used = set(found.values())
    containers = {entries[name].container for name in used}
    return Loaded(
        spec, parameters, tuple(n for n in entries if n not in used), tuple(n for n in shapes if n not in parameters),
        found, {name: entries[in_file].dtype for name, in_file in found.items()},
        notes=_not_finite({in_file: parameters[name] for name, in_file in found.items()}),
        container=_common(containers),
        beside={n: entry for n, entry in entries.items() if n not in used and entry.container in containers},
    )  # fmt: skip


def _common(containers: set[str]) -> str:
    """What all of some dotted names begin with, in whole words."""
    common: list[str] = []
    for words in zip(*(container.split(".") for container in containers), strict=False):
        if len(set(words)) > 1:
            break
        common.append(words[0])
    return ".".join(common)


def _not_finite(arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Say which arrays hold numbers that are none, how many and where the first is."""
    notes = []
    for name, array in arrays.items():
        wrong = ~np.isfinite(array)
        count = int(np.count_nonzero(wrong))
        if count:
            first = tuple(int(axis[0]) for axis in np.nonzero(wrong))
            holds = f"{count:,} numbers that are not finite" if count > 1 else "a number that is not finite"
            notes.append(f"{name} holds {holds}: {array[first]} at {list(first)}")
    return tuple(notes)


def _read(entry: Entry, dtype: str) -> np.ndarray:
    return np.ascontiguousarray(entry.read(), dtype=dtype)
