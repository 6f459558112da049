"""Keras's recurrent layers in torch's form: gate order, kernels on their side, one bias or two.

LSTM keeps its gates as i f c o, as torch does; GRU as z r h, where torch has r z n. Kernels are (inputs, gates · H).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engine.interop.converted import Converted, Layer, Told, assembled, blocks, changed, zeros
from engine.interop.files import Entry

#: Class, cell of ours, and which of Keras's blocks stands at each place of torch's.
KINDS = {"LSTM": ("lstm", (0, 1, 2, 3)), "GRU": ("gru", (1, 0, 2)), "SimpleRNN": ("rnn", (0,))}
BY_BLOCKS = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
ACTIVATIONS = {"tanh": "tanh", "relu": "relu", "linear": "identity"}
#: What leaves the numbers alone once a network is trained.
TRANSPARENT = ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "Masking",
               "ActivityRegularization", "InputLayer")  # fmt: skip
#: How far what a layer reads and what reads it is followed, and how many recurrent layers are read.
FARTHEST, MOST_LAYERS = 200, 500
RECURRENT = ("RNN", "CuDNN", "LSTM", "GRU")


class Refused(ValueError):
    """A file's recurrent layers cannot be shown; the message says why."""


@dataclass(frozen=True)
class KerasLayer:
    """One layer of a model.

    Attributes
    ----------
    name, kind : str
        Kind is Keras's class; "" where the file does not say and the shapes do not either.
    config : mapping
    arrays : sequence of Entry
        Kernel, recurrent kernel, bias; those of the reverse direction after them.
    sources : tuple of str
        The names of the layers it reads.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    arrays: Sequence[Entry]
    sources: tuple[str, ...] = ()

    @property
    def dense(self) -> KerasLayer | None:
        """The Dense layer that it is, or that it applies at every step."""
        wrapped = self.config.get("layer")
        if self.kind == "TimeDistributed" and isinstance(wrapped, dict) and wrapped.get("class_name") == "Dense":
            facts = wrapped.get("config")
            return replace(self, kind="Dense", config=facts if isinstance(facts, dict) else {})
        return self if self.kind == "Dense" else None


@dataclass(frozen=True)
class Model:
    """A model's layers by name, and which of them read each."""

    layers: Mapping[str, KerasLayer]
    readers: dict[str, list[KerasLayer]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for layer in self.layers.values():
            for name in layer.sources[:1]:
                if name != layer.name:
                    self.readers.setdefault(name, []).append(layer)


def guessed(name: str, arrays: Sequence[Entry], recurrent: bool, embedding: bool) -> KerasLayer:
    """A layer of a file that has no configuration, by the shapes of its arrays."""
    shapes = [entry.shape for entry in arrays]
    if recurrent and len(shapes) >= 2 and all(len(shape) == 2 for shape in shapes[:2]):
        kind = BY_BLOCKS.get(shapes[1][1] // max(shapes[1][0], 1), "")
        twice = sum(len(shape) == 2 and shape == shapes[1] for shape in shapes[1:]) > 1 and len(shapes) % 2 == 0
        inner = {"class_name": kind, "config": {}}
        return KerasLayer(name, "Bidirectional" if twice else kind, {"layer": inner} if twice else {}, arrays)
    kind = "Embedding" if embedding else "Dense" if shapes and len(shapes[0]) == 2 else ""
    return KerasLayer(name, kind, {}, arrays)


def converted(layers: Sequence[KerasLayer], told: bool) -> Converted:
    """All of a model's arrays, with its recurrent layers in torch's form.

    Parameters
    ----------
    layers : sequence of KerasLayer
    told : bool
        Whether there was a configuration; without one, layers of one form that follow one another are a stack.

    Raises
    ------
    Refused
        There are recurrent layers, and none can be shown.
    """
    model = Model({layer.name: layer for layer in layers})
    found: list[Layer] = []
    refused: list[str] = []
    others: dict[str, Entry] = {}
    for layer in layers:
        try:
            made = _recurrent(layer)
        except Refused as error:
            refused.append(str(error))
            continue
        if made is None:
            others.update(_other(layer))
        else:
            if len(found) == MOST_LAYERS:
                raise Refused(f"holds more than {MOST_LAYERS} recurrent layers, which are not read")
            found.append(_placed(made, layer, model) if told else _following(made, found))
    if not found:
        kinds = ", ".join(dict.fromkeys(layer.kind or layer.name for layer in layers)) or "nothing"
        raise Refused("; ".join(refused[:3]) or f"holds no LSTM, GRU or SimpleRNN layer; it holds {kinds}")
    note = (f"not shown: {'; '.join(refused[:3])}",) if refused else ()
    found = [replace(layer, told=replace(layer.told, notes=(*layer.told.notes, *note))) for layer in found]
    return assembled(found, others)


# One layer ----------------------------------------------------------------------------------------------


def _recurrent(layer: KerasLayer) -> Layer | None:
    """A recurrent layer in torch's form; None where it is none."""
    kind, config, both = layer.kind, layer.config, False
    if kind == "Bidirectional":
        both, (kind, config) = True, _wrapped(layer)
    if kind == "RNN":
        cell = config.get("cell")
        facts = cell.get("config") if isinstance(cell, dict) else None
        cell_kind = str(cell.get("class_name", "")) if isinstance(cell, dict) else ""
        if not isinstance(facts, dict) or cell_kind.removesuffix("Cell") not in KINDS:
            raise Refused(f"{layer.name} is an RNN of {cell_kind or 'several cells'}, which is none of the cells here")
        kind, config = cell_kind.removesuffix("Cell"), {**facts, **config}
    if kind not in KINDS:
        if both or any(word in kind for word in RECURRENT):
            raise Refused(f"{layer.name} is a {kind[:60]} layer, which cannot be shown")
        return None
    arrays = list(layer.arrays)
    half = len(arrays) // 2 if both else len(arrays)
    if half not in (2, 3) or len(arrays) != half * (2 if both else 1):
        raise Refused(f"{layer.name} has {len(arrays)} arrays; a {kind} has 2 or 3 in each direction")
    nonlinearity = _activations(layer.name, kind, config)
    ends = {"": arrays[:half]} | ({"_reverse": arrays[half:]} if both else {})
    parts = {name + end: entry for end, own in ends.items() for name, entry in _direction(layer, kind, config, own)}
    sequences, notes = config.get("return_sequences"), []
    if config.get("go_backwards"):
        notes.append(f"{layer.name} reads its sequence from the end (go_backwards): give it the last step first")
    if config.get("stateful"):
        notes.append(f"{layer.name} is stateful: there it goes on from the batch before, here from zeros")
    pattern = "" if sequences is None else "many-to-many" if sequences else "many-to-one"
    turned = bool(config.get("go_backwards"))
    return Layer(layer.name, KINDS[kind][0], parts, nonlinearity, Told(pattern, notes=tuple(notes)), turned=turned)


def _wrapped(layer: KerasLayer) -> tuple[str, Mapping[str, Any]]:
    """What a Bidirectional layer runs both ways."""
    sides = []
    for name in ("layer", "backward_layer"):
        inner = layer.config.get(name)
        facts = inner.get("config") if isinstance(inner, dict) else None
        sides.append((str(inner.get("class_name")), facts) if isinstance(inner, dict) and facts is not None else None)
    forward, backward = sides
    if forward is None or not isinstance(forward[1], dict):
        raise Refused(f"{layer.name} is Bidirectional around nothing that is known here")
    merge = layer.config.get("merge_mode", "concat")
    if merge != "concat":
        raise Refused(
            f"{layer.name} merges its directions by {str(merge)[:40]!r}; here they stand side by side (concat)"
        )
    if forward[1].get("go_backwards"):
        raise Refused(f"{layer.name} has a forward layer that goes backwards")
    same = ("units", "activation", "recurrent_activation", "use_bias", "reset_after", "return_sequences")
    if backward is not None and any((backward[1] or {}).get(name) != forward[1].get(name) for name in same):
        raise Refused(f"{layer.name} has two directions that are not of one form")
    return forward


def _activations(name: str, kind: str, config: Mapping[str, Any]) -> str:
    """The nonlinearity of a vanilla cell; gated cells have only theirs."""
    activation, gates = config.get("activation", "tanh"), config.get("recurrent_activation", "sigmoid")
    if kind == "SimpleRNN":
        if not isinstance(activation, str) or activation not in ACTIVATIONS:
            raise Refused(f"{name} has activation={_short(activation)}; it can be {', '.join(ACTIVATIONS)}")
        return ACTIVATIONS[activation]
    if activation != "tanh":
        raise Refused(f"{name} has activation={_short(activation)}; a {kind} here has tanh")
    if gates != "sigmoid":
        raise Refused(f"{name} has recurrent_activation={_short(gates)}; a {kind} here has sigmoid")
    return "tanh"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _direction(
    layer: KerasLayer, kind: str, config: Mapping[str, Any], arrays: Sequence[Entry]
) -> Iterator[tuple[str, Entry]]:
    order = KINDS[kind][1]
    kernel, recurrent = arrays[0].shape, arrays[1].shape
    H = recurrent[0] if recurrent else 0
    rows = len(order) * H
    if len(kernel) != 2 or len(recurrent) != 2 or recurrent[1] != rows or kernel[1] != rows or not rows:
        raise Refused(f"{layer.name} has kernels of the shapes {kernel} and {recurrent}, which are no {kind}'s")
    bias = arrays[2] if len(arrays) == 3 else None
    if kind == "GRU" and not config.get("reset_after", bias is None or len(bias.shape) == 2):
        raise Refused(
            f"{layer.name} is a GRU with reset_after=False, where r acts on h before the product; "
            "here it acts after it, as in torch and as Keras's default does"
        )
    yield "weight_ih", blocks(arrays[0], order, np.transpose, (rows, kernel[0]))
    yield "weight_hh", blocks(arrays[1], order, np.transpose, (rows, H))
    if bias is None:
        return
    if bias.shape not in (((2, rows),) if kind == "GRU" else ((rows,),)):
        raise Refused(f"{layer.name} has a bias of the shape {bias.shape}; a {kind} of {H} units has another")
    if kind == "GRU":
        yield "bias_ih", blocks(bias, order, _first, (rows,))
        yield "bias_hh", blocks(bias, order, _second, (rows,))
    else:
        yield "bias_ih", blocks(bias, order, np.asarray, (rows,))
        yield "bias_hh", zeros(rows, bias.dtype)


def _first(bias: np.ndarray) -> np.ndarray:
    return bias[0]


def _second(bias: np.ndarray) -> np.ndarray:
    return bias[1]


def _other(layer: KerasLayer) -> dict[str, Entry]:
    """The arrays of a layer that is not recurrent, under names that say what they are."""
    arrays = layer.arrays
    if layer.kind == "Embedding" and len(arrays) == 1:
        return {_embedding(layer): arrays[0]}
    if (layer.dense or not layer.kind) and arrays and len(arrays[0].shape) == 2:
        kernel = arrays[0]
        found = {_head(layer): changed(kernel, np.transpose, (kernel.shape[1], kernel.shape[0]))}
        return found | ({f"{layer.name}.bias": arrays[1]} if len(arrays) == 2 else {})
    return {f"{layer.name}.{index}": entry for index, entry in enumerate(arrays)}


def _embedding(layer: KerasLayer) -> str:
    return f"{layer.name}.embeddings"


def _head(layer: KerasLayer) -> str:
    return f"{layer.name}.weight"


# What stands before and behind it ----------------------------------------------------------------------


def _following(made: Layer, before: Sequence[Layer]) -> Layer:
    """A layer of a file without a configuration: what has its form and fits is taken to stand below it."""
    last = before[-1] if before else None
    notes = ("the file does not say which activations it has, nor what reads what: taken as Keras's defaults",)
    reads = last.name if last and last.form == made.form and made.arrays["weight_ih"].shape[1] == last.width else ""
    return replace(made, told=replace(made.told, notes=(*made.told.notes, *notes)), reads=reads)


def _placed(made: Layer, layer: KerasLayer, model: Model) -> Layer:
    """A layer with what the model has before and behind it."""
    notes = list(made.told.notes)
    source, passed = _origin(layer, model)
    reads, embedding = "", ""
    if source is not None and source.kind == "Embedding" and len(source.arrays) == 1:
        embedding = _embedding(source)
        if source.config.get("mask_zero"):
            passed.append(source.name)
    elif source is not None and source.kind != "InputLayer" and not layer.config.get("go_backwards"):
        reads = source.name
    if passed:
        notes.append(f"{passed[-1]} masks steps: there they are passed over; leave them out of the sequence here")
    if len(layer.sources) > 1:
        notes.append(f"{layer.name} starts from a state that another layer gives; here from zeros, or as you set it")
    head, loss, more = _reader(layer, model)
    told = replace(made.told, head=head, embedding=embedding, loss=loss, notes=(*notes, *more))
    return replace(made, told=told, reads=reads)


def _origin(layer: KerasLayer, model: Model) -> tuple[KerasLayer | None, list[str]]:
    """What a layer reads, past those that leave the numbers alone, and which of these mask."""
    masks: list[str] = []
    for _ in range(FARTHEST):
        source = model.layers.get(layer.sources[0]) if layer.sources else None
        if source is None or not _transparent(source) or source.kind == "InputLayer":
            return source, masks
        masks += [source.name] if source.kind == "Masking" else []
        layer = source
    return None, masks


def _transparent(layer: KerasLayer) -> bool:
    return layer.kind in TRANSPARENT or (layer.kind == "Activation" and layer.config.get("activation") == "linear")


def _readers(layer: KerasLayer, model: Model) -> list[KerasLayer]:
    """The layers that read one directly, past those that leave the numbers alone."""
    found, waiting = [], [layer.name]
    for _ in range(FARTHEST):
        if not waiting:
            break
        for other in model.readers.get(waiting.pop(), [])[:FARTHEST]:
            (waiting.append(other.name) if _transparent(other) else found.append(other))
    return found


def _reader(layer: KerasLayer, model: Model) -> tuple[str, str, list[str]]:
    """The output layer's matrix, the loss whose outputs are its, and notes."""
    readers = _readers(layer, model)
    head = next((found for found in readers if found.dense and found.arrays), None)
    if head is None or head.dense is None:
        named = [found.name for found in readers if found.kind not in (*KINDS, "Bidirectional", "RNN")]
        return "", "", [f"what reads it, {', '.join(named[:3])}, is not shown"] if named else []
    activation, behind = head.dense.config.get("activation") or "linear", _readers(head, model)
    if activation == "linear" and len(behind) == 1 and behind[0].kind in ("Activation", "Softmax"):
        activation = behind[0].config.get("activation", "softmax") if behind[0].kind == "Activation" else "softmax"
        behind = _readers(behind[0], model)
    notes = [f"{', '.join(other.name for other in behind[:3])} follows {head.name}, and is not shown"] if behind else []
    if activation not in ("softmax", "linear"):
        notes.append(f"{head.name} ends in {_short(activation)}; shown are the numbers before it")
    return _head(head), "" if activation == "softmax" else "linear", notes
