"""Record the recurrent layers of a PyTorch program while it runs, for Loopscope to open and step.

This file needs torch and NumPy alone: copy it next to a script, or import it as ``engine.interop.recorder``. ::

    from recorder import record

    with record(model, "run.loopscope"):
        loss = criterion(model(x), target)
        loss.backward()                     # without it: values, and no gradients

Every ``torch.nn.RNN``, ``LSTM``, ``GRU`` and their cells inside ``model`` are recorded: the last call of each
(``calls=3``: three; ``calls=None``: all). Calls of a cell that feed on each other are one sequence. Nothing that the
program computes is touched: hooks copy what goes in, what comes out and the gradients that arrive, those of several
passes added up. When the block ends, gates, states and their gradients are computed again from the copies, in float64
on the processor. A block that raises writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VERSION = 1
FACTS, ARRAYS, DIGESTS = "capture.json", "arrays.safetensors", "digests.json"
DATE = (1980, 1, 1, 0, 0, 0)  # the same content gives the same bytes
CELLS = {"RNN": "rnn", "GRU": "gru", "LSTM": "lstm", "RNNCell": "rnn", "GRUCell": "gru", "LSTMCell": "lstm"}
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
#: How far, in units of the largest value, the replay may lie from what the program computed.
TOLERANCES = {"float64": 1e-9, "float32": 1e-3, "float16": 5e-2, "bfloat16": 2e-1}


class RecordError(RuntimeError):
    """What was asked for cannot be recorded; the message names the layer or the file."""


class _Call:
    """One call of a layer, or one sequence of calls of a cell: copies of what went in, came out and came back."""

    def __init__(self, name: str, module: Any, number: int, x: Any) -> None:
        torchs = [base.__name__ for base in type(module).__mro__ if base.__module__.startswith("torch.nn.")]
        kind = next(name for name in torchs if name in CELLS)
        self.name, self.cell, self.of_cell = name, CELLS[kind], kind.endswith("Cell")
        self.both, self.batch_first = getattr(module, "bidirectional", False), getattr(module, "batch_first", False)
        self.num_layers, self.hidden_size = getattr(module, "num_layers", 1), module.hidden_size
        self.nonlinearity = getattr(module, "nonlinearity", "tanh")
        self.dropout = getattr(module, "dropout", 0) if module.training and self.num_layers > 1 else 0
        self.facts: dict[str, Any] = {
            "title": name.replace("_orig_mod.", "") or kind, "kind": kind, "cell": self.cell, "call": number,
            "input_size": module.input_size, "hidden_size": module.hidden_size, "bidirectional": self.both,
            "bias": bool(module.bias), "nonlinearity": self.nonlinearity, "training": module.training,
        }  # fmt: skip
        self.packing = (x.batch_sizes.tolist(), x.unsorted_indices) if hasattr(x, "batch_sizes") else None
        self.single = self.packing is None and x.dim() == (1 if self.of_cell else 2)
        self.x, self.first, self.tail, self.handles = (list[Any]() for _ in range(4))
        self.out, self.grads = dict[str, list[Any]](), dict[tuple[str, int], Any]()
        self.nbytes, self.kept, self.inside_c = 0, True, False  # inside_c: what c gets through its h is in its gradient
        given = [getattr(module, name) for name in PARAMETERS if self.of_cell] or module._flat_weights
        names = [f"{name}_l0" for name in PARAMETERS if self.of_cell] or module._flat_weights_names
        self.parameters = {n: self.copy(value) for n, value in zip(names, given, strict=True) if value is not None}

    def copy(self, tensor: Any) -> Any:
        """A tensor's numbers, at rest in main memory."""
        copied = tensor.detach().to("cpu", copy=True)
        self.nbytes += copied.numel() * copied.element_size()
        return copied

    def gave(self, key: str, tensor: Any) -> None:
        """Keep what came out, and the gradient that will arrive at it."""
        step = len(self.out.setdefault(key, []))
        self.out[key].append(self.copy(tensor))

        def arrived(grad: Any) -> None:
            if grad is not None:
                self.grads[key, step] = self.grads.get((key, step), 0) + self.copy(grad)

        if tensor.requires_grad:
            self.handles.append(tensor.register_hook(arrived))

    def let_go(self) -> _Call:
        """Take the hooks off the program's tensors and forget the copies; what goes on from its end stays its own."""
        for handle in self.handles:
            handle.remove()
        for copies in (self.handles, self.x, self.first, self.out, self.grads, self.parameters):
            copies.clear()
        self.kept = False
        return self


class Recorder:
    """Records the recurrent layers of ``model`` during a ``with`` block: ``record(model, "run.loopscope")``.

    Parameters
    ----------
    model : torch.nn.Module
    path : str or Path
        The file to write, ``.loopscope`` by custom.
    calls : int or None
        How many calls of each layer are kept, the last ones; None keeps all.
    limit : int
        Bytes of copies that are kept at most; beyond it the oldest calls go, whole.

    Raises
    ------
    RecordError
        No recurrent layer is there, or none was called; one has ``proj_size``; the file cannot be written.
    """

    def __init__(self, model: Any, path: str | Path, *, calls: int | None = 1, limit: int = 2**30) -> None:
        import torch

        kinds = tuple(getattr(torch.nn, kind) for kind in CELLS)
        self.names = {module: name for name, module in model.named_modules() if isinstance(module, kinds)}
        if calls is not None and (not isinstance(calls, int) or calls < 1):
            raise RecordError(f"calls={calls!r} is not possible; it must be a whole number from 1, or None for all")
        if not self.names:
            raise RecordError(f"{type(model).__name__} holds no recurrent layer of torch.nn ({', '.join(CELLS)})")
        for module, name in self.names.items():
            if getattr(module, "proj_size", 0):
                raise RecordError(f"{name or 'the LSTM'} has proj_size={module.proj_size}, which cannot be shown")
        self.torch, self.path, self.most, self.limit = torch, Path(path).absolute(), calls, limit
        if not self.path.parent.is_dir():
            raise RecordError(f"{path} cannot be written: there is no folder {self.path.parent}")
        self.calls, self.handles, self.counts = list[_Call](), list[Any](), dict.fromkeys(self.names.values(), 0)
        self.failures, self.growing = dict[str, str](), dict[tuple[Any, ...], _Call]()  # calls of cells by their tails

    def __enter__(self) -> Recorder:
        self.handles = [m.register_forward_hook(self._after, prepend=True, with_kwargs=True) for m in self.names]
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        for handle in [*self.handles, *(handle for call in self.calls for handle in call.handles)]:
            handle.remove()
        if kind is None:
            self._write()
        self.calls, self.handles, self.growing = [], [], {}

    def _after(self, module: Any, args: tuple[Any, ...], kwargs: Any, output: Any) -> None:
        try:
            x, *given = [*args, *(kwargs[key] for key in ("input", "hx") if key in kwargs)]
            with self.torch.no_grad():
                self._called(self.names[module], module, x, _flat(given), _flat(output))
        except Exception as error:  # what cannot be copied must not stop the program
            self._failed(self.names[module], error)

    def _failed(self, name: str, error: Exception) -> None:
        self.failures[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"

    def _called(self, name: str, module: Any, x: Any, given: list[Any], output: list[Any]) -> None:
        call = self.growing.pop((name, *map(id, given)), None)
        if call is None or any(ref() is not state for ref, state in zip(call.tail, given, strict=True)):
            self.counts[name] += 1
            call = _Call(name, module, self.counts[name], x)
            call.first = [call.copy(state) for state in given]
            self.calls.append(call)
            self.growing = {key: c for key, c in self.growing.items() if all(ref() is not None for ref in c.tail)}
        if call.of_cell:
            call.tail = [weakref.ref(state) for state in output]
            self.growing[(name, *map(id, output))] = call
            nodes = [output[0].grad_fn]
            for _ in range(4):  # as far back as a c of the same step can lie; a fused cell has none
                nodes += [before for node in nodes if node is not None for before, _ in node.next_functions]
            call.inside_c = output[-1].grad_fn in nodes[1:]
        if not call.kept:
            return
        call.x.append(call.copy(x.data if call.packing else x))
        dtype, device = output[0].dtype, output[0].device
        if dtype == self.torch.float32 and self.torch.is_autocast_enabled(device.type):  # whatever comes out
            dtype = self.torch.get_autocast_dtype(device.type)
        call.facts |= {"arithmetic": str(dtype).removeprefix("torch."), "device": str(device)}
        for key, tensor in zip(("h", "c") if call.of_cell else ("y", "h_n", "c_n"), output, strict=False):
            call.gave(key, tensor)
        mine = [call for call in self.calls if call.name == name]
        for old in mine[: len(mine) - (self.most or len(mine))]:
            self.calls.remove(old.let_go())
        while len(self.calls) > 1 and sum(call.nbytes for call in self.calls) > self.limit:
            self.calls.remove(self.calls[0].let_go())

    def _write(self) -> None:
        modules, arrays, torch = list[dict[str, Any]](), dict[str, Any](), self.torch
        for call in (call for call in self.calls if call.name not in self.failures):
            try:
                with torch.inference_mode(False), torch.enable_grad(), torch.autograd.set_detect_anomaly(False):
                    facts, found = _captured(torch, call)
            except Exception as error:
                self._failed(call.name, error)
                continue
            arrays |= {f"{len(modules)}/{key}": value for key, value in found.items()}
            modules.append(facts | {"calls": (count := self.counts[call.name])})
            if count > 1 and len(found["x"]) == 1 and not call.of_cell:
                facts["notes"].append(f"it is one of {count} calls, of one step each: calls=None keeps all of them")
        failed = [f"{name or 'the model'} could not be recorded ({why})" for name, why in self.failures.items()]
        if not modules:
            raise RecordError("; ".join(failed) or f"{self.path}: no recurrent layer was called inside the block")
        text = {"version": VERSION, "torch": str(torch.__version__), "notes": failed, "modules": modules}
        try:
            _write_whole(self.path, json.dumps(text, sort_keys=True, allow_nan=False).encode(), arrays)
        except OSError as error:
            raise RecordError(f"{self.path} cannot be written: {error.strerror or error}") from None


def _flat(value: Any) -> list[Any]:
    """The tensors of nested tuples; a PackedSequence's data stand for it, since hooks are put on them."""
    if isinstance(value, tuple | list) and not hasattr(value, "batch_sizes"):
        return [tensor for part in value for tensor in _flat(part)]
    return [] if value is None else [value.data if hasattr(value, "batch_sizes") else value]


class _Replay:
    """A call once more, by the equations of torch's documentation, every value a node for autograd.

    ``values`` are tensors a step by (lane, name), ``held`` the states carried on; ``last`` a list for h, one for c.
    """

    def __init__(self, torch: Any, call: _Call) -> None:
        self.torch, self.call, self.states = torch, call, ("h", "c") if call.cell == "lstm" else ("h",)
        self.parameters = {name: value.to(torch.float64, copy=True) for name, value in call.parameters.items()}
        x = self.laid(call.x) if call.of_cell else self.laid(call.x[0])
        (self.T, self.B), self.rows, self.mask = x.shape[:2], call.num_layers * (1 + call.both), None
        if call.packing is not None:
            real = torch.tensor(call.packing[0], device="cpu")[:, None] > torch.arange(self.B, device="cpu")
            self.mask = (real if call.packing[1] is None else real[:, call.packing[1].cpu()])[..., None]
        zeros = torch.zeros(self.rows, self.B, call.hidden_size, dtype=torch.float64, device="cpu")
        self.start = [self.state([value]) for value in call.first] or [zeros.clone() for _ in self.states]
        self.x, self.y, self.last = x, x, [list[Any]() for _ in self.states]
        self.values, self.held = (dict[tuple[str, str], list[Any]]() for _ in range(2))
        for leaf in (*self.parameters.values(), x, *self.start):
            leaf.requires_grad_()

    def laid(self, value: Any) -> Any:
        """What a module read or gave, in its layout, as (T, B, size), 0 on padding, in float64."""
        call = self.call
        value = (self.torch.stack(value) if call.of_cell else value).to(self.torch.float64, copy=True)
        if call.packing is None:
            return value[:, None] if call.single else value.transpose(0, 1) if call.batch_first else value
        sizes, order = call.packing
        found = self.torch.nn.utils.rnn.pad_sequence(list(value.split(sizes)), batch_first=True)
        return found if order is None else found[:, order.cpu()]

    def state(self, values: Sequence[Any]) -> Any:
        """The last of some states as (layers · directions, B, H)."""
        return values[-1].to(self.torch.float64, copy=True).reshape(self.rows, self.B, self.call.hidden_size)

    def run(self, depth: int) -> None:
        """Compute ``depth`` layers."""
        for layer in range(depth):
            lanes = [f"l{layer}{end}" for end in ("", "_reverse")[: 1 + self.call.both]]
            for lane in lanes:
                self._lane(lane, self.y, len(self.last[0]))
            self.y = self.torch.cat([self.torch.stack(self.held[lane, "h"]) for lane in lanes], -1)
            self.y = self.y if self.mask is None else self.y * self.mask

    def _lane(self, lane: str, x: Any, row: int) -> None:
        state, steps, given = [start[row] for start in self.start], range(self.T), self.parameters
        # Taken apart by unbind, since the gradient of an index is as large as the whole, at every step.
        self.read = self.torch.nn.functional.linear(x, given[f"weight_ih_{lane}"], given.get(f"bias_ih_{lane}"))
        read = self.read.unbind(0)
        for t in reversed(steps) if lane.endswith("reverse") else steps:
            nodes = self.step(lane, read[t], state)
            for name, value in nodes.items():
                self.values.setdefault((lane, name), [None] * self.T)[t] = value
            for i, name in enumerate(self.states):
                held = nodes[name] if self.mask is None else self.torch.where(self.mask[t], nodes[name], state[i])
                state[i] = self.held.setdefault((lane, name), [None] * self.T)[t] = held
        self.last = [[*kept, value] for kept, value in zip(self.last, state, strict=True)]

    def step(self, lane: str, read: Any, state: Sequence[Any]) -> dict[str, Any]:
        """Every value of one step, from W x + b of all gates and the states before."""
        torch, given = self.torch, self.parameters
        back = torch.nn.functional.linear(state[0], given[f"weight_hh_{lane}"], given.get(f"bias_hh_{lane}"))
        if self.call.cell == "rnn":
            a = read + back
            return {"a": a, "h": torch.relu(a) if self.call.nonlinearity == "relu" else torch.tanh(a)}
        if self.call.cell == "gru":
            (x_r, x_z, x_n), (h_r, h_z, h_n) = read.chunk(3, -1), back.chunk(3, -1)
            a_r, a_z = x_r + h_r, x_z + h_z
            r, z = torch.sigmoid(a_r), torch.sigmoid(a_z)
            n = torch.tanh(a_n := x_n + r * h_n)
            return {"a_r": a_r, "a_z": a_z, "r": r, "z": z, "a_n": a_n, "n": n, "h": (1 - z) * n + z * state[0]}
        a = dict(zip("ifgo", (read + back).chunk(4, -1), strict=True))
        v = {gate: torch.tanh(a[gate]) if gate == "g" else torch.sigmoid(a[gate]) for gate in "ifgo"}
        c = v["f"] * state[1] + v["i"] * v["g"]
        return {f"a_{gate}": value for gate, value in a.items()} | v | {"c": c, "h": v["o"] * torch.tanh(c)}

    def tracks(self, of: Any) -> dict[str, Any]:
        """Each value, or what ``of`` makes of it, at every step, (T, B, H), by key; on padding 0, or the held state."""
        found = {key: self.torch.stack([of(node) for node in nodes]) for key, nodes in self.values.items()}
        if self.mask is not None:
            held = {key: self.torch.stack([of(node) for node in nodes]) for key, nodes in self.held.items()}
            found = {key: self.torch.where(self.mask, value, held.get(key, 0)) for key, value in found.items()}
        return {f"{lane}.{name}": value for (lane, name), value in found.items()}

    def gradients(self, arriving: Any, at_last: Sequence[Any]) -> Any:
        """A function that gives the gradient of a node, for these at the outputs and at the last states."""
        total = (self.y * arriving).sum()
        for kept, given in zip(self.last, at_last, strict=True):
            total = total + (self.torch.stack(kept) * given).sum()
        steps = [node for nodes in (*self.values.values(), *self.held.values()) for node in nodes]
        wanted = {id(v): v for v in (*steps, self.x, *self.start, *self.parameters.values())}
        grads = self.torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
        found = dict(zip(wanted, grads, strict=True))
        return lambda node: self.torch.zeros_like(node) if found[id(node)] is None else found[id(node)]

    def outside(self) -> tuple[Any, list[Any], bool]:
        """What arrives at a cell's h, and at its last c, from elsewhere than its next step; and whether that is all.

        Autograd says the whole gradient of each state; what the next step adds to it is taken off.
        """
        torch, call, new = self.torch, self.call, ["h", "c"][: len(self.states)]
        blank = torch.zeros_like(call.out["h"][0])
        whole = [self.laid([call.grads.get((name, t), blank) for t in range(self.T)]) for name in new]
        before = [torch.stack([start[0], *self.held["l0", n][:-1]]) for n, start in zip(new, self.start, strict=True)]
        before = [state.detach().requires_grad_() for state in before]
        nodes = self.step("l0", self.read.detach(), before)
        if call.inside_c:
            whole[1] = whole[1] - whole[0] * nodes["o"].detach() * (1 - torch.tanh(nodes["c"].detach()) ** 2)
        back = torch.autograd.grad([nodes[name] for name in new], before, whole)
        rest = [w - torch.cat([b[1:], torch.zeros_like(b[:1])]) for w, b in zip(whole, back, strict=True)]
        at_last = [torch.zeros_like(rest[0][-1:]), *(r[-1:] for r in rest[1:])]
        scale = max(float(w.abs().max()) for w in whole) * TOLERANCES.get(call.facts["arithmetic"], 1e-3)
        return rest[0], at_last, all(float(r[:-1].abs().max()) <= scale for r in rest[1:] if self.T > 1)


def _distance(ours: Any, theirs: Any) -> float:
    """The largest absolute difference, 0 where both are the same infinity or no number."""
    same = (ours == theirs) | ours.isnan() & theirs.isnan()
    return float((ours - theirs).detach().abs().masked_fill(same, 0).nan_to_num(float("inf")).max())


def _captured(torch: Any, call: _Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the file holds of a call: facts and arrays."""
    replay, notes, depth = _Replay(torch, call), list[str](), 1 if call.dropout else call.num_layers
    y, rows = replay.laid(call.out["h"] if call.of_cell else call.out["y"][0]), depth * (1 + call.both)
    names = ("h", "c") if call.of_cell else ("h_n", "c_n")
    last = [replay.state(call.out[name])[:rows] for name in names[: len(replay.states)]]
    replay.run(depth)
    pairs = [(a, torch.stack(b)) for a, b in zip(last, replay.last, strict=True)]
    if call.dropout:
        notes.append(f"dropout={call.dropout} is random: first layer alone, no gradients; call eval() or set it to 0")
        call.grads, y = {}, replay.y.detach()
    agreement = max(_distance(a, b) for a, b in [(y, replay.y), *pairs])
    if not agreement <= TOLERANCES.get(call.facts["arithmetic"], 1e-3) * max(1.0, float(last[-1].abs().max())):
        notes.append("its output is not that of its parameters and its input: it computes something else as well")
    arriving, at_last = torch.zeros_like(y), [torch.zeros_like(state) for state in last]
    if call.grads and call.of_cell:
        arriving, at_last, all_of_it = replay.outside()
        if not all_of_it:
            notes.append("its c is read elsewhere before the last step: gradients cannot be given at h alone")
            call.grads = {}
    elif call.grads:
        arriving = replay.laid(call.grads["y", 0]) if ("y", 0) in call.grads else arriving
        at_last = [replay.state([call.grads.get((n, 0), zeros)]) for n, zeros in zip(names, at_last, strict=False)]
    parameters = {n: v for n, v in replay.parameters.items() if not call.dropout or "_l0" in n}
    arrays = {"x": replay.x, "y": y} | {f"parameter/{name}": value for name, value in parameters.items()}
    arrays |= {f"{s}_n": value for s, value in zip("hc", last, strict=False)}
    arrays |= {f"{s}_0": value[:rows] for s, value in zip("hc", replay.start, strict=False) if call.first}
    arrays |= {f"value/{key}": value for key, value in replay.tracks(lambda node: node).items()}
    if call.grads:
        of = replay.gradients(arriving, at_last)
        arrays |= {f"grad/{key}": value for key, value in replay.tracks(of).items()} | {"y_grad": arriving}
        arrays |= {"x_grad": of(replay.x)} | {f"{s}_n_grad": value for s, value in zip("hc", at_last, strict=False)}
        arrays |= {f"parameter_grad/{name}": of(value) for name, value in parameters.items()}
    dtype = torch.float64 if call.facts["arithmetic"] == "float64" else torch.float32
    facts = call.facts | {"num_layers": depth, "notes": notes, "gradients": bool(call.grads)}
    facts |= {"agreement": agreement if agreement < float("inf") else None, "dtype": str(dtype).removeprefix("torch.")}
    found = {name: value.detach().to(dtype).contiguous().numpy() for name, value in arrays.items()}
    return facts, found | ({} if replay.mask is None else {"lengths": replay.mask[..., 0].sum(0).numpy()})


def _write_whole(path: Path, facts: bytes, arrays: dict[str, Any]) -> None:
    """Replace the file by a new one, so that at every moment the old or the new one is there, whole."""
    names, header, at = {"float64": "F64", "float32": "F32", "int64": "I64"}, {}, 0
    for name, value in arrays.items():
        offsets = [at, at := at + value.nbytes]
        header[name] = {"dtype": names[value.dtype.name], "shape": value.shape, "data_offsets": offsets}
    first = json.dumps(header).encode()
    first += b" " * (-len(first) % 8)
    data = [len(first).to_bytes(8, "little"), first, *(value.tobytes() for value in arrays.values())]
    digests = {name: hashlib.sha256(b"".join(parts)).hexdigest() for name, parts in ((FACTS, [facts]), (ARRAYS, data))}
    part = path.with_name(f".{path.name}.{os.getpid()}.saving")
    try:
        with open(part, "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for member, parts in ((FACTS, [facts]), (ARRAYS, data), (DIGESTS, [json.dumps(digests).encode()])):
                    with archive.open(zipfile.ZipInfo(member, DATE), "w", force_zip64=True) as stream:
                        stream.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


record = Recorder
