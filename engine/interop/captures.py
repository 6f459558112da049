"""Captures: what :mod:`engine.interop.recorder` wrote about a running program, as networks and their runs.

The gradient G_t that arrived at a module's outputs, and at its last states, makes L = Σ_t ⟨G_t, h_t⟩ + ⟨G_n, h_n⟩ a
stand-in for whatever loss the program had: every gradient inside the module is the same. So a module becomes a
many-to-many network with the linear loss, whose head hands h through.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine import graph as graphs
from engine import layout
from engine.interop import tensors
from engine.interop.files import ImportFileError, check_members, opened, read_bytes, reason, shown, unpacked
from engine.interop.recognise import MOST_LAYERS
from engine.interop.recorder import ARRAYS, DIGESTS, FACTS, VERSION
from engine.network import Network
from engine.registry import cells
from engine.spec import ModelSpec, SpecError
from engine.trace import Trace

#: How many letters are shown of a module's title, of a note and of a name, and how many notes.
LONGEST_TITLE, LONGEST_NOTE, LONGEST_WORD, MOST_NOTES = 400, 1000, 60, 100


@dataclass(frozen=True, eq=False)
class Captured:
    """One call of one recurrent module (of a cell: one sequence of calls).

    Attributes
    ----------
    title : str
        The module's path in the program's model ("encoder.rnn"), or its kind.
    kind : str
        torch's name of it: "LSTM", "GRUCell", ….
    call, calls : int
        Which call of the module it is, counted from 1, of how many there were.
    spec : ModelSpec
        Many-to-many with the linear loss; its head is the identity.
    parameters : dict of ndarray
        Under torch's names, with the head's.
    x : ndarray (T, B, input_size)
    lengths : ndarray (B,) or None
    initial : dict of ndarray
        ``h_0``, ``c_0`` where the program gave them, (num_layers · directions, B, H).
    output_grads : ndarray (T, B, H or 2H) or None
        The gradient that arrived at the outputs; None where no gradient arrived, or none can be given.
    h_n_grad, c_n_grad : ndarray (num_layers · directions, B, H) or None
        The same at the last states.
    outputs : ndarray (T, B, H or 2H)
        What the program computed, 0 on padding.
    last : dict of ndarray
        ``h_n``, ``c_n`` as the program computed them.
    recorded, grads : dict of ndarray
        States, gates, pre-activations by the keys of a trace, and their gradients, as the recorder computed them.
    parameter_grads : dict of ndarray
        The recurrent parameters' gradients, of this call alone.
    agreement : float or None
        The largest absolute difference between what the program computed and the recorder's replay; None where there
        is no such number.
    arithmetic, device : str
        What the program computed in ("bfloat16"), and where ("cuda:0").
    training : bool
    notes : tuple of str
        What could not be recorded, in words.
    """

    title: str
    kind: str
    call: int
    calls: int
    spec: ModelSpec
    parameters: dict[str, np.ndarray]
    x: np.ndarray
    lengths: np.ndarray | None
    initial: dict[str, np.ndarray]
    output_grads: np.ndarray | None
    h_n_grad: np.ndarray | None
    c_n_grad: np.ndarray | None
    outputs: np.ndarray
    last: dict[str, np.ndarray]
    recorded: dict[str, np.ndarray]
    grads: dict[str, np.ndarray]
    parameter_grads: dict[str, np.ndarray]
    agreement: float | None
    arithmetic: str
    device: str
    training: bool
    notes: tuple[str, ...]

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of ``Network.run`` that run this call once more, with its gradients where there are any.

        The target is B times the gradients, since a loss is a mean over the batch.
        """
        found: dict[str, Any] = {"x": self.x, "lengths": self.lengths, **self.initial}
        if self.output_grads is not None:
            found["target"] = self.output_grads * self.x.dtype.type(self.x.shape[1])
            found |= {"h_n_grad": self.h_n_grad}
            if "c" in cells[self.spec.cell].states:
                found |= {"c_n_grad": self.c_n_grad}
        return found

    def network(self) -> Network:
        """The module as a network."""
        return Network(self.spec, self.parameters)

    def run(self, engine: str = "numpy", device: str = "cpu") -> Trace:
        """Run the call once more."""
        return self.network().run(engine=engine, device=device, **self.arguments())

    def difference(self, trace: Trace) -> float:
        """The largest absolute difference of a run to what the program itself computed: outputs and last states."""
        top = [lane for lane in trace.lanes.values() if lane.layer == self.spec.num_layers - 1]
        y = np.concatenate([trace.value(lane.key("h")) for lane in top], axis=-1)
        if self.lengths is not None:
            y = np.where((np.arange(len(y))[:, None] < self.lengths)[..., None], y, 0)
        pairs = [(y, self.outputs)]
        for name, value in self.last.items():
            state = name.removesuffix("_n")
            ends = [trace.value(lane.key(state))[0 if lane.reverse else -1] for lane in trace.lanes.values()]
            pairs.append((np.stack(ends), value))
        return max(_distance(ours, theirs) for ours, theirs in pairs)


@dataclass(frozen=True, eq=False)
class Capture:
    """What a capture file holds.

    Attributes
    ----------
    modules : tuple of Captured
        In the order of their calls.
    torch : str
        The version of torch that the program ran on.
    notes : tuple of str
        What could not be recorded at all, in words.
    """

    modules: tuple[Captured, ...]
    torch: str
    notes: tuple[str, ...]


def _distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        apart = np.abs(ours.astype(np.float64) - theirs)
    apart[(ours == theirs) | (np.isnan(ours) & np.isnan(theirs))] = 0
    return float(apart.max(initial=0.0)) if not np.isnan(apart).any() else math.inf


def is_capture(path: str | Path) -> bool:
    """Whether a file says that it is a capture; False too where it cannot be read."""
    try:
        with opened(Path(path)) as file, zipfile.ZipFile(file) as archive:
            return FACTS in archive.namelist()
    except Exception:  # of damaged archives every kind
        return False


def read(path: str | Path) -> Capture:
    """Read a capture; torch is not needed, and nothing in the file is executed.

    Raises
    ------
    ImportFileError
        The file is not there, no capture, damaged, or of a newer version; the message says which.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        return _read(path, data)
    except ImportFileError:
        raise
    except SpecError as error:
        raise ImportFileError(path, f"holds a network that cannot be: {error}") from None
    except Exception as error:  # the readers of damaged files raise every kind
        raise ImportFileError(path, f"is damaged or no capture: {reason(error)}") from None


def _read(path: Path, data: bytes) -> Capture:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise ImportFileError(path, "is no capture")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        check_members(path, archive)
        names = archive.namelist()
        if sorted(names) != sorted((FACTS, ARRAYS, DIGESTS)):
            raise ImportFileError(path, f"is no capture: it holds {', '.join(names[:5]) or 'nothing'}")
        for info in archive.infolist():
            if info.compress_type != zipfile.ZIP_STORED:
                raise ImportFileError(path, f"its member {info.filename} is compressed, which no capture's is")
        members = {name: unpacked(archive, name) for name in names}
    digests = json.loads(bytes(members[DIGESTS]))
    for name in (FACTS, ARRAYS):
        if hashlib.sha256(members[name]).hexdigest() != digests.get(name):
            raise ImportFileError(path, f"is damaged: its {name} is not what was recorded")
    facts = json.loads(bytes(members[FACTS]))
    if type(facts["version"]) is not int or facts["version"] != VERSION:
        raise ImportFileError(path, f"is a capture of version {facts['version']!r}; this Loopscope reads {VERSION}")
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for where, value in tensors.arrays(members[ARRAYS]).items():
        index, _, name = where.partition("/")
        arrays.setdefault(index, {})[name] = value
    if not isinstance(facts["modules"], list):
        raise ImportFileError(path, "is damaged or no capture: it lists no modules")
    modules = tuple(_module(path, module, arrays.get(str(n), {})) for n, module in enumerate(facts["modules"]))
    return Capture(modules, shown(facts["torch"], LONGEST_WORD), _notes(path, facts))


def _notes(path: Path, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What is said of a capture or of a module of it: not more than people read."""
    if not isinstance(facts["notes"], list):
        raise ImportFileError(path, "is damaged or no capture: its notes are no list")
    return tuple(shown(note, LONGEST_NOTE) for note in facts["notes"][:MOST_NOTES])


def _count(path: Path, facts: Mapping[str, Any], name: str) -> int:
    found = facts[name]
    if type(found) is not int or not 1 <= found < 2**53:
        raise ImportFileError(path, f"{name}={found!r:.40} of a module is no number of calls")
    return found


def _module(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Captured:
    title, outputs = shown(facts["title"], LONGEST_TITLE), facts["hidden_size"] * (1 + bool(facts["bidirectional"]))
    spec = ModelSpec(
        pattern="many-to-many", cell=facts["cell"], input_size=facts["input_size"], hidden_size=facts["hidden_size"],
        output_size=outputs, num_layers=facts["num_layers"], bidirectional=facts["bidirectional"], bias=facts["bias"],
        nonlinearity=facts["nonlinearity"], loss="linear", dtype=facts["dtype"],
    )  # fmt: skip
    T, B, _ = arrays["x"].shape
    rows, states = (spec.num_layers * spec.num_directions, B, spec.hidden_size), cells[spec.cell].states
    if spec.num_layers > MOST_LAYERS:
        raise ImportFileError(path, f"{title} has {spec.num_layers:,} layers; at most {MOST_LAYERS} can be shown")
    shapes = {name: shape for name, shape in layout.shapes(spec).items() if not name.startswith("output.")}
    names = graphs.build(spec.cell, spec.nonlinearity, spec.bias).recorded
    keys = {lane.key(name): (T, B, spec.hidden_size) for lane in layout.all_lanes(spec) for name in names}
    wanted: dict[str, tuple[int, ...]] = {"x": (T, B, facts["input_size"]), "y": (T, B, outputs)}
    wanted |= {f"{state}_n": rows for state in states}
    wanted |= {f"parameter/{name}": shape for name, shape in shapes.items()}
    wanted |= {f"value/{key}": shape for key, shape in keys.items()}
    if facts["gradients"]:
        wanted |= {"y_grad": wanted["y"], "x_grad": wanted["x"]} | {f"{state}_n_grad": rows for state in states}
        wanted |= {f"parameter_grad/{name}": shape for name, shape in shapes.items()}
        wanted |= {f"grad/{key}": shape for key, shape in keys.items()}
    wanted |= {name: rows for name in (f"{state}_0" for state in states) if name in arrays}
    wanted |= {"lengths": (B,)} if "lengths" in arrays else {}
    for name, shape in wanted.items():
        if name not in arrays or arrays[name].shape != shape:
            was = f"has the shape {arrays[name].shape}" if name in arrays else "is missing"
            raise ImportFileError(path, f"{title}: {name} {was}; it must be {shape}")
        if arrays[name].dtype != ("int64" if name == "lengths" else spec.dtype):
            raise ImportFileError(path, f"{title}: {name} holds numbers of type {arrays[name].dtype}")
    if not T or not B:
        raise ImportFileError(path, f"{title}: x has the shape {arrays['x'].shape}, which has no step")
    lengths = arrays.get("lengths")
    if lengths is not None and not ((lengths >= 1) & (lengths <= T)).all():
        said = f"lengths are {lengths.min()} to {lengths.max()}; they must be from 1 to {T}"
        raise ImportFileError(path, f"{title}: {said}")

    def under(before: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(before): value for name, value in arrays.items() if name.startswith(before)}

    head = {"output.weight": np.eye(outputs, dtype=spec.dtype), "output.bias": np.zeros(outputs, spec.dtype)}
    agreement = facts["agreement"]
    if agreement is not None and not (type(agreement) in (int, float) and math.isfinite(agreement)):
        raise ImportFileError(path, f"{title}: agreement={agreement!r:.40} is no number")
    return Captured(
        title, shown(facts["kind"], LONGEST_WORD), _count(path, facts, "call"), _count(path, facts, "calls"), spec,
        under("parameter/") | head,
        arrays["x"], arrays.get("lengths"), {name: arrays[name] for name in ("h_0", "c_0") if name in arrays},
        arrays.get("y_grad"), arrays.get("h_n_grad"), arrays.get("c_n_grad"), arrays["y"],
        {f"{state}_n": arrays[f"{state}_n"] for state in states}, under("value/"), under("grad/"),
        under("parameter_grad/"), None if agreement is None else float(agreement),
        shown(facts["arithmetic"], LONGEST_WORD), shown(facts["device"], LONGEST_WORD), bool(facts["training"]),
        _notes(path, facts),
    )  # fmt: skip
