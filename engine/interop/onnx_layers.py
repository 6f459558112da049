"""ONNX's recurrent nodes in torch's form.

There LSTM keeps its gates as i o f c and GRU as z r h, for each direction, and both biases lie in one array.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from engine.interop.converted import Converted, Layer, Told, assembled, blocks, changed
from engine.interop.files import Entry

#: Operator, cell of ours, which of ONNX's blocks stands at each place of torch's, and its activations.
KINDS = {
    "LSTM": ("lstm", (0, 2, 3, 1), ("sigmoid", "tanh", "tanh")),
    "GRU": ("gru", (1, 0, 2), ("sigmoid", "tanh")),
    "RNN": ("rnn", (0,), ("tanh",)),
}
#: Operators that leave the numbers alone, and those that take some of them.
SAME = ("Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast", "Reshape", "Flatten")
SOME = ("Gather", "Slice", "Split", "Concat", "GatherND")
SPREAD = (*SAME, "Expand", "Tile", "Slice", "Concat")
ACTIVATIONS = ("Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Relu")
#: How far what comes to a node and what reads it is followed, and how many of its readers are looked at.
FARTHEST, MOST_READERS = 200, 1000
#: A graph with more recurrent nodes is none of a program that steps through sequences by them.
MOST_NODES = 500


class Refused(ValueError):
    """A graph's recurrent nodes cannot be shown; the message says why."""


@dataclass
class Graph:
    """Who makes and who reads each value of a graph.

    Parameters
    ----------
    nodes : list
    arrays : mapping of str to Entry
        The constants by name.
    inputs : set of str
        What comes in from outside.
    """

    nodes: list[Any]
    arrays: Mapping[str, Entry]
    inputs: set[str]
    makers: dict[str, Any] = field(default_factory=dict)
    readers: dict[str, list[Any]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    starts: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, node in enumerate(self.nodes):
            self.names[id(node)] = str(node.name).lstrip("/")[:80] or f"{node.op_type}_{index}"
            for name in filter(None, node.output):
                self.makers[name] = node
            for name in dict.fromkeys(node.input):
                self.readers.setdefault(name, []).append(node)

    def named(self, node: Any) -> str:
        """What a node is called: by its own name, or by what it does and its place."""
        return self.names[id(node)]

    def starts_elsewhere(self, name: str) -> bool:
        """Whether a constant, which many nodes may start from, is anything but zeros."""
        if name not in self.starts:
            self.starts[name] = bool(np.any(self.arrays[name].read()))
        return self.starts[name]

    def constant(self, name: str) -> Entry | None:
        """A constant, past what only hands it on."""
        for _ in range(FARTHEST):
            if name in self.arrays:
                return self.arrays[name]
            node = self.makers.get(name)
            if node is None or node.op_type != "Identity":
                return None
            name = _input(node, 0)
        return None


#: Which of a node's states come to its output layer: of each step, of the last one, or where each direction ends.
EACH, LAST, FINAL = "each", "last", "final"


@dataclass(frozen=True)
class Head:
    """A matrix product that reads hidden states."""

    name: str
    weight: Entry
    bias: Entry | None
    takes: tuple[str, ...]
    output: str
    steps: str


def converted(graph: Any, arrays: Mapping[str, Entry]) -> tuple[Converted, set[str]]:
    """A graph's recurrent nodes in torch's form, and which of its constants are in them.

    Parameters
    ----------
    graph : onnx.GraphProto
    arrays : mapping of str to Entry
        Its constants.

    Raises
    ------
    Refused
        No recurrent node can be shown; the message says why.
    """
    known = Graph(list(graph.node), arrays, {value.name for value in graph.input})
    found: list[Layer] = []
    refused: list[str] = []
    others: dict[str, Entry] = {}
    taken: set[str] = set()
    nodes = [node for node in known.nodes if node.op_type in KINDS and node.domain in ("", "ai.onnx")]
    if len(nodes) > MOST_NODES:
        raise Refused(f"holds {len(nodes):,} recurrent nodes; at most {MOST_NODES} are read")
    for node in nodes:
        try:
            layer, more, used = _layer(known, node, known.named(node))
        except Refused as error:
            refused.append(str(error))
            continue
        found.append(layer)
        others |= more
        taken |= used
    if not found:
        kinds = ", ".join(sorted({node.op_type for node in known.nodes})[:8])
        hint = "torch's newer exporter writes a torch.nn.RNN out step by step; with dynamo=False it stays whole"
        raise Refused("; ".join(refused[:3]) or f"holds no LSTM, GRU or RNN node; it has {kinds}. {hint}")
    if refused:
        note = f"not shown: {'; '.join(refused[:3])}"
        found = [replace(layer, told=replace(layer.told, notes=(*layer.told.notes, note))) for layer in found]
    return assembled(found, others), taken


def _attributes(node: Any) -> dict[str, Any]:
    """The attributes of the kinds that are asked for: whole numbers, numbers, texts, lists of texts."""
    found: dict[str, Any] = {}
    for item in node.attribute:
        if item.type == 1:
            found[item.name] = item.f
        elif item.type == 2:
            found[item.name] = item.i
        elif item.type == 3:
            found[item.name] = item.s.decode()
        elif item.type == 8:
            found[item.name] = [text.decode() for text in item.strings]
    return found


def _input(node: Any, index: int) -> str:
    return str(node.input[index]) if len(node.input) > index else ""


# One node -----------------------------------------------------------------------------------------------


def _layer(graph: Graph, node: Any, name: str) -> tuple[Layer, dict[str, Entry], set[str]]:
    kind, facts = node.op_type, _attributes(node)
    direction = facts.get("direction", "forward")
    if direction not in ("forward", "reverse", "bidirectional"):
        raise Refused(f"{name} has the direction {direction[:40]!r}, which there is not")
    nonlinearity = _nonlinearity(name, kind, facts, 2 if direction == "bidirectional" else 1)
    if kind == "GRU" and facts.get("linear_before_reset", 0) != 1:
        raise Refused(
            f"{name} is a GRU with linear_before_reset=0, where r acts on h before the product; "
            "here it acts after it (linear_before_reset=1), as in torch"
        )
    if facts.get("input_forget") or facts.get("clip"):
        raise Refused(f"{name} has {'input_forget' if facts.get('input_forget') else 'clip'}, which no cell here has")
    if kind == "LSTM" and _input(node, 7):
        raise Refused(f"{name} has peepholes, which no cell here has")
    parts = dict(_parts(graph, node, name, 2 if direction == "bidirectional" else 1))
    notes = list(_outer(graph, node, name))
    if direction == "reverse":
        notes.append(f"{name} reads its sequence from the end: give it the last step first")
    source, embedding = _origin(graph, node)
    others: dict[str, Entry] = {}
    taken = {_input(node, index) for index in (1, 2, 3, 5, 6)}
    if embedding:
        others[_embedding(embedding)], taken = graph.arrays[embedding], taken | {embedding}
    width = parts["weight_hh"].shape[1] * (2 if direction == "bidirectional" else 1)
    head = _head(graph, node, width)
    told = Told(notes=(*notes,), embedding=_embedding(embedding), head="")
    if head is not None:
        others |= {f"{head.name}.weight": head.weight} | ({f"{head.name}.bias": head.bias} if head.bias else {})
        taken |= set(head.takes)
        told = _behind(graph, head, replace(told, head=f"{head.name}.weight"))
        if head.steps == LAST and direction == "bidirectional":
            told = replace(told, notes=(*told.notes, f"{head.name} reads the last step alone; here it reads each"))
    one = head is not None and (head.steps == FINAL or (head.steps == LAST and direction != "bidirectional"))
    told = replace(told, pattern="many-to-one" if one else "many-to-many")
    return Layer(name, KINDS[kind][0], parts, nonlinearity, told, source, direction == "reverse"), others, taken


def _embedding(name: str) -> str:
    return name if not name or "emb" in name.lower() else f"{name} (embedding)"


def _nonlinearity(name: str, kind: str, facts: Mapping[str, Any], directions: int) -> str:
    usual = KINDS[kind][2]
    own = tuple(text.lower() for text in facts.get("activations", usual * directions))
    if own == usual * directions:
        return "tanh"
    if kind == "RNN" and own == ("relu",) * directions:
        return "relu"
    raise Refused(f"{name} has the activations {', '.join(own)[:80]}; {kind} here has {', '.join(usual)}")


def _parts(graph: Graph, node: Any, name: str, directions: int) -> Iterator[tuple[str, Entry]]:
    order = KINDS[node.op_type][1]
    W, R = graph.constant(_input(node, 1)), graph.constant(_input(node, 2))
    B = graph.constant(_input(node, 3)) if _input(node, 3) else None
    if W is None or R is None or (B is None and _input(node, 3)):
        raise Refused(f"{name} has weights that the graph computes; only constants can be read")
    H = R.shape[-1] if R.shape else 0
    said = _attributes(node).get("hidden_size", H)
    if said != H:
        raise Refused(f"{name} says hidden_size={said} and has weights of {H}")
    rows = len(order) * H
    right = len(W.shape) == 3 and W.shape[:2] == R.shape[:2] == (directions, rows) and R.shape == (directions, rows, H)
    if not right or not rows or (B is not None and B.shape != (directions, 2 * rows)):
        shapes = ", ".join(str(entry.shape) for entry in (W, R, B) if entry is not None)
        raise Refused(f"{name} has weights of the shapes {shapes}, which are no {node.op_type}'s")
    for index, end in enumerate(("", "_reverse")[:directions]):
        yield f"weight_ih{end}", blocks(W, order, partial(_part, index, 0, rows), (rows, W.shape[2]))
        yield f"weight_hh{end}", blocks(R, order, partial(_part, index, 0, rows), (rows, H))
        if B is not None:
            yield f"bias_ih{end}", blocks(B, order, partial(_part, index, 0, rows), (rows,))
            yield f"bias_hh{end}", blocks(B, order, partial(_part, index, rows, 2 * rows), (rows,))


def _part(direction: int, start: int, stop: int, value: np.ndarray) -> np.ndarray:
    return value[direction, start:stop]


def _outer(graph: Graph, node: Any, name: str) -> Iterator[str]:
    """What comes to a node beside its sequence, in sentences."""
    if _input(node, 4):
        yield f"{name} is told how long each sequence is; here it reads the whole sequence that is given"
    for state in filter(None, (_input(node, 5), _input(node, 6))):
        start = _start(graph, state)
        if start is None:
            yield f"{name} starts from a state that it is given ({state[:60]}); here from zeros, or as you set it"
        elif start:
            yield f"{name} starts from a state of the file's own ({state[:60]}); here from zeros, or as you set it"


def _start(graph: Graph, name: str) -> bool | None:
    """Whether an initial state is anything but zeros, however spread over the batch; None where it is not constant."""
    for _ in range(FARTHEST):
        if name in graph.arrays:
            return graph.starts_elsewhere(name)
        node = graph.makers.get(name)
        if node is not None and node.op_type == "ConstantOfShape":
            given = [item.t for item in node.attribute if item.name == "value"]
            return None if any(any(tensor.raw_data) or any(tensor.float_data) for tensor in given) else False
        if node is None or node.op_type not in SPREAD or not node.input:
            return None
        name = node.input[0]
    return None


# What stands before and behind it ----------------------------------------------------------------------


def _origin(graph: Graph, node: Any) -> tuple[str, str]:
    """The recurrent node whose states one reads, and the constant that embeds what it reads; empty: another thing."""
    name = _input(node, 0)
    for _ in range(FARTHEST):
        maker = graph.makers.get(name)
        if maker is None:
            return "", ""
        if maker.op_type in KINDS:
            return (graph.named(maker), "") if maker.output[0] == name else ("", "")
        if maker.op_type == "Gather":
            data = _input(maker, 0)
            table = graph.arrays.get(data)
            fits = table is not None and len(table.shape) == 2 and not _attributes(maker).get("axis", 0)
            return "", data if fits and table is not None and table.floating else ""
        if maker.op_type not in SAME:
            return "", ""
        name = _input(maker, 0)
    return "", ""


def _head(graph: Graph, node: Any, width: int) -> Head | None:
    """The first matrix product behind a node's states, and which of them come to it."""
    waiting = deque((name, steps) for name, steps in zip(node.output, (EACH, FINAL), strict=False) if name)
    seen: set[str] = set()
    looked = 0
    while waiting and len(seen) < FARTHEST and looked < MOST_READERS:
        name, steps = waiting.popleft()
        if name in seen:
            continue
        seen.add(name)
        for reader in graph.readers.get(name, [])[: MOST_READERS - looked]:
            looked += 1
            if reader.op_type in ("Gemm", "MatMul") and _input(reader, 0) == name:
                found = _product(graph, reader, width, steps)
                if found is not None:
                    return found
            elif reader.op_type in (*SAME, *SOME) and (_input(reader, 0) == name or reader.op_type == "Concat"):
                further = LAST if steps == EACH and _takes_last(graph, reader) else steps
                waiting.extend((out, further) for out in islice(reader.output, FARTHEST))
    return None


def _takes_last(graph: Graph, node: Any) -> bool:
    """Whether an operator takes the last step of a sequence: by the index −1, along the first or second axis."""
    if node.op_type == "Gather":
        index = graph.constant(_input(node, 1))
        return index is not None and index.shape in ((), (1,)) and int(index.read().reshape(-1)[0]) == -1
    if node.op_type == "Slice":
        start = graph.constant(_input(node, 1))
        return start is not None and start.shape == (1,) and int(start.read()[0]) == -1
    return False


def _product(graph: Graph, node: Any, width: int, steps: str) -> Head | None:
    facts, weight = _attributes(node), graph.constant(_input(node, 1))
    takes, output = [_input(node, 1)], str(node.output[0])
    if weight is None or len(weight.shape) != 2 or not weight.floating:
        return None
    bias = ""
    if node.op_type == "Gemm":
        if facts.get("alpha", 1.0) != 1.0 or facts.get("beta", 1.0) != 1.0 or facts.get("transA", 0):
            return None
        bias = _input(node, 2)
    else:
        adds = [reader for reader in graph.readers.get(output, []) if reader.op_type == "Add"]
        if len(adds) == 1:
            bias = next((name for name in adds[0].input if name != output and name in graph.arrays), "")
            output = str(adds[0].output[0]) if bias else output
    if not facts.get("transB", 0):
        weight = changed(weight, np.transpose, (weight.shape[1], weight.shape[0]))
    offset = graph.constant(bias) if bias else None
    if weight.shape[1] != width or (offset is not None and offset.shape != weight.shape[:1]):
        return None
    stems = [name.removesuffix(end) for name, end in ((bias, ".bias"), (takes[0], ".weight")) if name.endswith(end)]
    name = stems[0] if stems else graph.named(node)
    return Head(name, weight, offset, (*takes, bias), output, steps)


def _behind(graph: Graph, head: Head, told: Told) -> Told:
    """What a file has behind its output layer."""
    reader = next((node for node in graph.readers.get(head.output, []) if node.op_type not in SAME), None)
    if reader is None or reader.op_type in ACTIVATIONS[:2]:
        return told
    note = f"{reader.op_type} follows {head.name}; shown are the numbers before it"
    return replace(told, loss="linear", notes=(*told.notes, note))
