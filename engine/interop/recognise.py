"""Finds the recurrent layers among named arrays, and what they are: cell, sizes, embedding, head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.interop.files import Entries, Entry
from engine.registry import cells

NAME = re.compile(r"(?P<module>.*?)(?P<stacked>(?:weight|bias)_(?:ih|hh))(?:_l(?P<layer>\d+))?(?P<reverse>_reverse)?$")
PROJECTED = re.compile(r".*?weight_hr_l\d+(_reverse)?$")
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
        return self.module.rstrip(".") or "the top level"

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
        """See that every layer and direction is there, with the right shapes."""
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


def heads(entries: Mapping[str, Entry], columns: int, taken: set[str]) -> tuple[str, ...]:
    """The matrices that could read the hidden state, (O, columns): those whose name says so last."""
    fitting = [
        name for name, entry in entries.items()
        if name not in taken and entry.floating and len(entry.shape) == 2 and entry.shape[1] == columns
        and name.endswith("weight") and "emb" not in name.lower()
    ]  # fmt: skip
    told = [name for name in fitting if any(word in name.lower().rsplit(".", 2)[-2:][0] for word in HEAD_WORDS)]
    return tuple(sorted(fitting, key=lambda name: name in told))


def embeddings(entries: Mapping[str, Entry], columns: int, taken: set[str]) -> tuple[str, ...]:
    """The matrices that embed tokens by their names, (V, columns)."""
    return tuple(
        name for name, entry in entries.items()
        if name not in taken and entry.floating and len(entry.shape) == 2 and entry.shape[1] == columns
        and any(word in name.lower() for word in ("emb", "token", "wte"))
    )  # fmt: skip
