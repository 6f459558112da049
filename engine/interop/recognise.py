"""Finds the recurrent layers among named arrays, and what they are: cell, sizes, embedding, head."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.interop.files import Entries, Entry
from engine.registry import cells

NAME = re.compile(
    r"(?P<module>.*?)(?P<stacked>(?:weight|bias)_(?:ih|hh))(?:_l(?P<layer>[0-9]{1,6}))?(?P<reverse>_reverse)?\Z"
)
PROJECTED = re.compile(r".*?weight_hr_l[0-9]{1,6}(_reverse)?\Z")
#: More layers are too many to list and to look at.
MOST_LAYERS = 100
#: What a module without a name is called.
TOP = "the top level"
#: What the two sides of a sequence-to-sequence network, and what belongs to them, are called.
SIDES = {
    "encoder": ("encoder", "enc", "src", "source"), "decoder": ("decoder", "dec", "tgt", "trg", "target"),
}  # fmt: skip
HEAD_WORDS = ("output", "head", "fc", "classifier", "linear", "decoder", "proj", "out", "dense")


class NotRecognised(ValueError):
    """The arrays are no recurrent network that can be shown; the message says what was found."""


@dataclass
class Recurrent:
    """One recurrent module: torch.nn.RNN, GRU or LSTM, or one of their cells.

    Attributes
    ----------
    module : str
        What its names begin with ("encoder.rnn."; empty at the top).
    names : dict of str to str
        From torch's name within the module ("weight_ih_l0") to the file's.
    shapes : dict of str to tuple
        By torch's name.
    """

    module: str
    names: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.module.rstrip(".") or TOP

    @property
    def num_layers(self) -> int:
        """How many layers are stacked."""
        return 1 + max(int(name.split("_l")[1].split("_")[0]) for name in self.names)

    @property
    def bidirectional(self) -> bool:
        """Whether it reads both ways."""
        return any(name.endswith("_reverse") for name in self.names)

    @property
    def bias(self) -> bool:
        """Whether it has biases."""
        return any(name.startswith("bias") for name in self.names)

    @property
    def hidden_size(self) -> int:
        """H: columns of weight_hh."""
        return self.shapes["weight_hh_l0"][1]

    @property
    def input_size(self) -> int:
        """D: columns of weight_ih of the first layer."""
        return self.shapes["weight_ih_l0"][1]

    @property
    def cell(self) -> str:
        """Which cell, by the number of gate blocks that are stacked.

        Raises
        ------
        NotRecognised
            The shapes belong to no cell, or do not fit one another.
        """
        rows, H = self.shapes["weight_hh_l0"]
        found = [cell.name for cell in cells if cell.blocks * H == rows]
        if not found:
            raise NotRecognised(f"{self.title}: weight_hh has the shape {(rows, H)}, which is no whole number of gates")
        return found[0]

    def check(self) -> None:
        """See that every layer and direction is there, with the right shapes, and that they are not too many."""
        if self.num_layers > MOST_LAYERS:
            raise NotRecognised(f"{self.title:.80} has {self.num_layers:,} layers; at most {MOST_LAYERS} can be shown")
        rows = self.shapes["weight_hh_l0"][0]
        directions = ("", "_reverse") if self.bidirectional else ("",)
        stacked = ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if self.bias else ("weight_ih", "weight_hh")
        for layer in range(self.num_layers):
            size = self.input_size if layer == 0 else self.hidden_size * len(directions)
            wanted = {"weight_ih": (rows, size), "weight_hh": (rows, self.hidden_size)}
            for end in directions:
                for name in stacked:
                    full = f"{name}_l{layer}{end}"
                    shape, right = self.shapes.get(full), wanted.get(name, (rows,))
                    if shape != right:
                        was = "is missing" if shape is None else f"has the shape {shape}"
                        raise NotRecognised(f"{self.title}: {full} {was}; it must be {right}")


def recurrent(entries: Entries) -> dict[str, Recurrent]:
    """Every recurrent module among the arrays, by what its names begin with."""
    found: dict[str, Recurrent] = {}
    for name, entry in entries.items():
        match = NAME.match(name)
        if match is None or not entry.floating or len(entry.shape) != (2 if "weight" in match["stacked"] else 1):
            continue
        # Modules of torch.nn.LSTMCell and its like have no layers in their names.
        torch_name = f"{match['stacked']}_l{match['layer'] or 0}{match['reverse'] or ''}"
        module = found.setdefault(match["module"], Recurrent(match["module"]))
        module.names[torch_name], module.shapes[torch_name] = name, entry.shape
    return {key: module for key, module in found.items() if {"weight_ih_l0", "weight_hh_l0"} <= set(module.names)}


def projected(entries: Entries) -> str:
    """The name of an LSTM's projection, which no cell here has; empty where there is none."""
    return next((name for name in entries if PROJECTED.match(name)), "")


def side(name: str) -> str:
    """Which side of an encoder and a decoder a name is on: "encoder", "decoder", or empty where it does not say."""
    words = re.split(r"[._\W\d]+", name.lower())
    found = {side for side, said in SIDES.items() if any(word in said for word in words)}
    return found.pop() if len(found) == 1 else ""


def heads(entries: Mapping[str, Entry], module: Recurrent, among: Iterable[Recurrent]) -> tuple[str, ...]:
    """The matrices that could read a module's hidden state, (O, H or 2H): the likeliest last.

    Those of the embeddings come first: their numbers may serve as both.
    """
    columns, rivals = module.hidden_size * (2 if module.bidirectional else 1), tuple(among)

    def likeliness(name: str) -> tuple[bool, int, bool]:
        said = any(word in name.lower().rsplit(".", 2)[-2:][0] for word in HEAD_WORDS)
        return not _embeds(name), _nearness(name, module, rivals), said

    return tuple(sorted(_matrices(entries, columns, rivals), key=likeliness))


def likely_head(names: tuple[str, ...]) -> str:
    """The one of :func:`heads` that is meant where nothing else is said; empty where none is."""
    return names[-1] if names and not _embeds(names[-1]) else ""


def embeddings(
    entries: Mapping[str, Entry], module: Recurrent, size: int, among: Iterable[Recurrent]
) -> tuple[str, ...]:
    """The matrices that could embed the tokens that a module reads, (V, size): the likeliest first."""
    rivals = tuple(among)

    def likeliness(name: str) -> tuple[bool, int, bool]:
        return _embeds(name), _nearness(name, module, rivals), _bare(entries, name)

    return tuple(sorted(_matrices(entries, size, rivals), key=likeliness, reverse=True))


def likely_embedding(entries: Mapping[str, Entry], module: Recurrent, names: tuple[str, ...]) -> str:
    """The one of :func:`embeddings` that is meant where nothing else is said; empty where none is.

    It is called so; or it has no bias and stands before the module, as an embedding does and hardly anything else.
    """
    order, first = list(entries), names[0] if names else ""
    if not first or _embeds(first):
        return first
    before = order.index(first) < min(map(order.index, module.names.values()))
    return first if before and _bare(entries, first) else ""


def _matrices(entries: Mapping[str, Entry], columns: int, rivals: tuple[Recurrent, ...]) -> list[str]:
    taken = {name for rival in rivals for name in rival.names.values()}
    return [
        name for name, entry in entries.items()
        if name not in taken and entry.floating and len(entry.shape) == 2 and entry.shape[1] == columns
        and name.endswith("weight")
    ]  # fmt: skip


def _embeds(name: str) -> bool:
    return any(word in name.lower() for word in ("emb", "token", "wte"))


def _bare(entries: Mapping[str, Entry], name: str) -> bool:
    return f"{name[: -len('weight')]}bias" not in entries


def _nearness(name: str, module: Recurrent, rivals: tuple[Recurrent, ...]) -> int:
    """Whether an array belongs to this module rather than to another one: 1, 0 where nothing says so, or -1.

    Of ``model.rnn`` and ``ema.rnn`` each has what begins like it; of an encoder and a decoder what is named so.
    """
    for rival in rivals:
        own, other = _apart(module.module, rival.module)
        if own != other and name.startswith(other) and other and not (own and name.startswith(own)):
            return -1
        if own != other and own and name.startswith(own):
            return 1
    mine, its = side(module.module), side(name)
    return 0 if not mine or not its else 1 if mine == its else -1


def _apart(one: str, other: str) -> tuple[str, str]:
    """The beginnings of two names, without what both end in."""
    ones, others = one.rstrip(".").split("."), other.rstrip(".").split(".")
    while ones and others and ones[-1] == others[-1]:
        ones.pop()
        others.pop()
    return "".join(f"{word}." for word in ones if word), "".join(f"{word}." for word in others if word)
