"""One run on tensors: a lane's steps by the cell's graph, and every gradient by autograd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine import feedback, layout, ops
from engine import graph as graphs
from engine.graph import Graph
from engine.inputs import Batch
from engine.layout import Lane
from engine.losses import LOSSES
from engine.recording import Recording
from engine.spec import ModelSpec

Tensor = Any


def products(graph: Graph) -> dict[tuple[str, str], list[tuple[str, int]]]:
    """Matrix–vector products that share a stacked weight and a given vector: (weight, vector) -> [(node, block)].

    Each group is one product with the whole stack, where the equations write one for each gate.
    """
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for node in graph.nodes:
        if node.op is ops.MATVEC:
            weight, vector = (graph.nodes[arg] for arg in node.args)
            if vector.op in ops.LEAVES:
                found.setdefault((weight.block[0], vector.name), []).append((node.name, weight.block[1]))
    return found


def beside_input(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Biases that stand in one sum with a product of the input: product -> biases.

    They are added to the products of all steps at once, and their gradients are summed once rather than at each step.
    """
    found = {}
    for node in graph.nodes:
        if node.op is ops.SUM:
            terms = [graph.nodes[arg] for arg in node.args]
            inputs = [t for t in terms if t.op is ops.MATVEC and not t.named and graph.nodes[t.args[1]].op is ops.INPUT]
            biases = [t for t in terms if t.op is ops.BIAS and sum(t.index in other.args for other in graph.nodes) == 1]
            if inputs and sum(inputs[0].index in other.args for other in graph.nodes) == 1:
                found[inputs[0].name] = tuple(bias.name for bias in biases)
    return found


class LaneRun:
    """One lane's tensors at every step.

    ``nodes`` are what the equations computed; ``states`` what is carried on, which differs on padding, where a state
    is held.
    """

    def __init__(self, run: Run, lane: Lane) -> None:
        self.run, self.lane, self.graph = run, lane, run.graph
        self.N = run.batch.timeline.steps(lane.part)
        self.mask = run.mask(run.batch.step_mask(lane.part))
        self.stacked = {name: run.parameters[lane.parameter(name)] for name in layout.stacked_names(run.spec)}
        self.given = self.graph.blocks(self.stacked, "", run.spec.hidden_size)
        self.initial: dict[str, Tensor] = {}
        self.nodes: dict[str, list[Tensor]] = {name: [None] * self.N for name in self.graph.recorded}
        self.states = {s: self.nodes[s] if self.mask is None else [None] * self.N for s in self.graph.states}

    def order(self) -> range:
        """Steps in order of computation."""
        return range(self.N - 1, -1, -1) if self.lane.reverse else range(self.N)

    def last(self, state: str) -> Tensor:
        """A state after the last step computed."""
        return self.states[state][0 if self.lane.reverse else self.N - 1]

    def forward(self, x: Tensor) -> None:
        """Compute all steps from their inputs (N, B, D), whose products are taken at once."""
        steps: dict[str, Sequence[Tensor]] = {}
        for (weight, vector), members in self.run.products.items():
            if vector == "x":
                stacks = self._stack(x, weight) + self._offsets(members, len(self.stacked[weight]))
                blocks = list(zip(*(stack.unbind(-2) for stack in stacks.unbind(0)), strict=True))
                steps |= {name: blocks[block] for name, block in members}
        added = {bias: None for name in steps for bias in self.run.beside_input.get(name, ())}  # a sum leaves None out
        rows = x.unbind(0)
        for t in self.order():
            self.step(t, rows[t], added | {name: column[t] for name, column in steps.items()})

    def _offsets(self, members: Sequence[tuple[str, int]], rows: int) -> Tensor:
        """For each block of a stacked product, the biases that stand beside it, (blocks, H)."""
        found = [self.run.zeros(self.run.spec.hidden_size)] * (rows // self.run.spec.hidden_size)
        for name, block in members:
            for bias in self.run.beside_input.get(name, ()):
                found[block] = found[block] + self.given[bias]
        return self.run.torch.stack(found)

    def step(self, t: int, x: Tensor, given: dict[str, Tensor | None] | None = None) -> None:
        """Compute step t from its input (B, D); ``given`` are values of nodes that are known already."""
        before = t + 1 if self.lane.reverse else t - 1
        carried = {s: self.states[s][before] if 0 <= before < self.N else self.initial[s] for s in self.graph.states}
        leaves = {"x": x} | {f"{s}_prev": value for s, value in carried.items()}
        known = {**self.given, **leaves, **(given or {})}
        for (weight, vector), members in self.run.products.items():
            if members[0][0] not in known and vector in leaves:
                blocks = self._stack(leaves[vector], weight).unbind(-2)
                known |= {name: blocks[block] for name, block in members}
        values = self.graph.evaluate(self.run.torch, known)
        for name, index in self.graph.named.items():
            self.nodes[name][t] = values[index]
        if self.mask is not None:
            for s, held in carried.items():
                self.states[s][t] = self.run.torch.where(self.mask[t], self.nodes[s][t], held)

    def _stack(self, vector: Tensor, weight: str) -> Tensor:
        """A stacked weight times a vector, (..., blocks, H)."""
        return (vector @ self.stacked[weight].T).unflatten(-1, (-1, self.run.spec.hidden_size))

    def values(self) -> dict[str, Tensor]:
        """What is recorded, by key, (N, B, H)."""
        run = self.run
        found = {name: run.kept(run.torch.stack(steps), self.mask) for name, steps in self.nodes.items()}
        found |= {state: run.torch.stack(steps) for state, steps in self.states.items()}
        return {self.lane.key(name): value for name, value in found.items()}

    def wanted(self) -> list[Tensor]:
        """The tensors whose gradients are recorded."""
        lists = list(self.nodes.values()) + (list(self.states.values()) if self.mask is not None else [])
        return [tensor for steps in lists for tensor in steps]

    def grads(self, found: Sequence[Tensor | None]) -> dict[str, Tensor]:
        """Gradients by key, (N, B, H), from those of :meth:`wanted`.

        A state's is what the equations' node got, and on padding what the held value got.
        """
        run, zero = self.run, self.run.zeros(self.run.batch.B, self.run.spec.hidden_size)
        stacks = [
            run.torch.stack([zero if grad is None else grad for grad in found[i : i + self.N]])
            for i in range(0, len(found), self.N)
        ]
        named = dict(zip(self.nodes, stacks, strict=False))
        if self.mask is not None:
            named = {name: run.kept(grad, self.mask) for name, grad in named.items()}
            for state, held in zip(self.states, stacks[len(self.nodes) :], strict=True):
                named[state] = run.torch.where(self.mask, named[state], held)
        return {self.lane.key(name): grad for name, grad in named.items()}


class Run:
    """One run of a spec on a batch, on a device."""

    def __init__(
        self, torch: Any, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, device: str
    ) -> None:  # fmt: skip
        self.torch, self.spec, self.batch, self.device = torch, spec, batch, device
        self.backward = batch.target is not None
        self.graph = graphs.build(spec.cell, spec.nonlinearity, spec.bias)
        self.products, self.beside_input = products(self.graph), beside_input(self.graph)
        self.loss = LOSSES[spec.loss]
        self.parameters = {name: self.tensor(value, self.backward) for name, value in parameters.items()}
        self.target = None if batch.target is None else self.tensor(batch.target)
        self.output_mask = self.mask(batch.output_mask)
        self.lanes = {part: [LaneRun(self, lane) for lane in layout.lanes(spec, part)] for part in batch.timeline.parts}
        self.inputs: dict[str, Tensor] = {}
        self.logits: list[Tensor] = []
        self.y: list[Tensor] = []
        self.fed_back = np.full((batch.S, batch.B), -1) if spec.has_feedback and spec.loss == "cross-entropy" else None

    def tensor(self, value: np.ndarray, requires_grad: bool = False) -> Tensor:
        """An array as a tensor of its own on the device."""
        return self.torch.tensor(value, device=self.device, requires_grad=requires_grad)

    def zeros(self, *shape: int) -> Tensor:
        """Zeros of the spec's arithmetic on the device."""
        return self.torch.zeros(shape, dtype=getattr(self.torch, self.spec.dtype), device=self.device)

    def mask(self, mask: np.ndarray | None) -> Tensor | None:
        """A mask (steps, B) as (steps, B, 1) on the device."""
        return None if mask is None else self.tensor(mask[..., None])

    def kept(self, value: Tensor, mask: Tensor | None) -> Tensor:
        """``value`` where the mask says so, 0 elsewhere, whatever stands there (a product would keep a NaN)."""
        return value if mask is None else self.torch.where(mask, value, 0)

    # Forward -------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Compute every part, and the outputs."""
        for part in self.batch.timeline.parts:
            for run in self.lanes[part]:
                run.initial = {state: self._initial(run.lane, state) for state in self.graph.states}
            if any(column.feedback is not None for column in self.batch.timeline.of(part)):
                self._stepwise(part)
            else:
                self._layers(part)

    def _initial(self, lane: Lane, state: str) -> Tensor:
        given = self.batch.initial.get(f"{state}_0")
        if lane.part == "decoder":
            last = self.torch.cat(
                [run.last(state) for run in self.lanes["encoder"] if run.lane.layer == lane.layer], -1
            )
            name = "bridge.weight" if state == self.graph.states[0] else f"bridge.weight_{state}"
            return last @ self.parameters[name].T if self.spec.bidirectional else last
        if given is None:
            return self.zeros(self.batch.B, self.spec.hidden_size).requires_grad_(self.backward)
        return self.tensor(given[lane.row], self.backward)

    def _read(self, part: str) -> Tensor:
        """What each step of a part reads from outside, (N, B, input_size); zeros where it reads nothing."""
        if self.spec.has_embedding:
            before = "encoder." if self.spec.pattern == "sequence-to-sequence" else ""
            x = self.parameters[f"{before}embedding.weight"][self.tensor(self.batch.x)]
        else:
            x = self.tensor(self.batch.x, self.backward)
        rows = [column.reads for column in self.batch.timeline.of(part)]
        if rows == list(range(self.batch.T)):
            return x
        padded = self.torch.cat([x, self.zeros(1, *x.shape[1:])])
        return padded[[self.batch.T if row is None else row for row in rows]]

    def _layers(self, part: str) -> None:
        mask = self.lanes[part][0].mask
        x = self.inputs[part] = self.kept(self._read(part), mask)
        for layer in range(self.spec.num_layers):
            runs = [run for run in self.lanes[part] if run.lane.layer == layer]
            for run in runs:
                run.forward(x)
            hidden = self.torch.cat([self.torch.stack(run.states[self.graph.states[0]]) for run in runs], -1)
            x = self.kept(hidden, mask)
        if part == self.batch.timeline.output_part:
            self.logits = [self._head(self.torch.stack([self._top(s) for s in range(self.batch.S)]))]

    def _stepwise(self, part: str) -> None:
        read = None if part == "decoder" else self._read(part)
        inputs = []
        for column in self.batch.timeline.of(part):
            s, x = column.step, self._feedback(column.step)
            x = x if read is None else self.torch.cat([read[s], x], -1)
            mask = self.lanes[part][0].mask
            x = x if mask is None else self.kept(x, mask[s])
            inputs.append(x)
            for run in self.lanes[part]:
                run.step(s, x)
                x = run.states[self.graph.states[0]][s]
            self.logits.append(self._head(self._top(s)))
            # A copy, since the head of mse is the identity: y is a node of its own.
            self.y.append(self.loss.output(self.torch, self.logits[s]).clone())
        self.inputs[part] = self.torch.stack(inputs)

    def _feedback(self, s: int) -> Tensor:
        """What step s reads of the output before it, (B, feedback_size)."""
        spec, forced = self.spec, self.batch.forced and self.batch.target is not None
        if self.fed_back is None:
            if s == 0:
                return self.zeros(self.batch.B, spec.output_size)
            return self.target[s - 1] if forced and self.target is not None else self.y[s - 1]
        if s > 0 and forced:
            self.fed_back[s] = self.batch.target[s - 1]  # type: ignore[index]
        elif s > 0:
            # The choice is made where every engine makes it, in NumPy.
            mask = None if self.output_mask is None else self.output_mask[s - 1]
            logits = self.kept(self.logits[s - 1].detach(), mask)
            self.fed_back[s] = feedback.choose(self.batch, s - 1, logits.cpu().numpy())
        if spec.feeds_embedding:
            rows = feedback.embedding_rows(spec, self.fed_back[s])
            return self.parameters[feedback.embedding_name(spec)][self.tensor(rows)]
        return self.tensor(feedback.one_hot(self.fed_back[s], spec.output_size, spec.dtype))

    def _top(self, s: int) -> Tensor:
        """What output s reads: the top layer's h, of both directions where there are two, (B, H or 2H)."""
        timeline = self.batch.timeline
        steps = {False: timeline.output_steps, True: timeline.reverse_output_steps}
        runs = [run for run in self.lanes[timeline.output_part] if run.lane.layer == self.spec.num_layers - 1]
        return self.torch.cat([run.states[self.graph.states[0]][steps[run.lane.reverse][s]] for run in runs], -1)

    def _head(self, h: Tensor) -> Tensor:
        before = layout.output_before(self.spec)
        return h @ self.parameters[f"{before}output.weight"].T + self.parameters[f"{before}output.bias"]

    # Recording -----------------------------------------------------------------------------------------

    def record(self) -> Recording:
        """Take gradients, if there is a target, and bring everything over at once."""
        lanes = [run for runs in self.lanes.values() for run in runs]
        stacked = self.torch.stack(self.logits) if self.y else self.logits[0]
        logits = self.kept(stacked, self.output_mask)
        values = {key: value for run in lanes for key, value in run.values().items()}
        y = self.torch.stack(self.y) if self.y else self.loss.output(self.torch, logits)
        values |= {"output.logits": logits, "output.y": self.kept(y, self.output_mask)}
        recording = Recording(values, fed_back=self.fed_back)
        grads: dict[str, Tensor] = {}
        parameter_grads: dict[str, Tensor] = {}
        if self.target is not None:
            weights = self.tensor(self.batch.weights)
            losses = self.loss.value(self.torch, logits, self.target)
            losses = self.torch.where(weights != 0, losses, 0)
            values["loss"] = losses[..., None]
            total = (losses * weights).sum()
            for name, arriving in self.batch.final.items():
                last = [run.last(name.removesuffix("_n")) for run in lanes]
                total = total + (self.torch.stack(last) * self.tensor(arriving)).sum()
            grads, parameter_grads = self._differentiate(total, lanes)
            grads |= {"loss": weights[..., None]}
            recording.loss = float(total.detach())
        initial = {run.lane.key(state): value for run in lanes for state, value in run.initial.items()}
        found = _arrays(self.torch, [values, grads, self.inputs, initial, parameter_grads])
        recording.values, recording.grads, recording.inputs, recording.initial, recording.parameter_grads = found
        return recording

    def _differentiate(self, total: Tensor, lanes: list[LaneRun]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """∂L/∂ every recorded node, by key, and ∂L/∂ every parameter."""
        groups = [list(self.parameters.values()), self.logits, self.y, *(run.wanted() for run in lanes)]
        flat = [tensor for group in groups for tensor in group]
        found = iter(self.torch.autograd.grad(total, flat, allow_unused=True))
        parameters, logits, y, *steps = [[next(found) for _ in group] for group in groups]
        blank = self.zeros(self.batch.B, self.spec.output_size)
        d_logits = self.torch.stack(logits) if self.y else logits[0]
        d_y = self.torch.stack([blank if grad is None else grad for grad in y] or [blank] * self.batch.S)
        grads = {key: grad for run, part in zip(lanes, steps, strict=True) for key, grad in run.grads(part).items()}
        grads |= {"output.logits": self.kept(d_logits, self.output_mask), "output.y": self.kept(d_y, self.output_mask)}
        pairs = zip(self.parameters.items(), parameters, strict=True)
        # Clones, since autograd may hand the same tensor to two parameters, and these dictionaries may be written to.
        return grads, {n: self.torch.zeros_like(p) if grad is None else grad.clone() for (n, p), grad in pairs}


def _arrays(torch: Any, groups: Sequence[dict[str, Tensor]]) -> list[dict[str, np.ndarray]]:
    """Dictionaries of tensors as dictionaries of arrays of their own; a device is waited for once."""
    host = [{n: v.detach().contiguous().to("cpu", non_blocking=True) for n, v in group.items()} for group in groups]
    for device in {value.device for group in groups for value in group.values() if value.is_cuda}:
        torch.cuda.synchronize(device)
    return [{n: v.numpy() for n, v in group.items()} for group in host]
