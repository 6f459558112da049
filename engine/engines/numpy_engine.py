"""The NumPy engine: walks the cells' graphs forward, and back by their pulls."""

from __future__ import annotations

import numpy as np

from engine import feedback, layout
from engine import graph as graphs
from engine.errors import EngineError
from engine.inputs import Batch
from engine.layout import Lane
from engine.losses import LOSSES
from engine.recording import Recording, engines
from engine.spec import ModelSpec


class LaneRun:
    """One lane over all its steps: forward and backward, a step at a time."""

    def __init__(self, run: Run, lane: Lane, mask: np.ndarray | None, N: int) -> None:
        self.lane, self.mask, self.graph = lane, mask, run.graph
        spec, B = run.spec, run.batch.B
        H, dtype = spec.hidden_size, spec.dtype
        self.stacked = {name: run.parameters[lane.parameter(name)] for name in layout.stacked_names(spec)}
        self.weights = self.graph.blocks(self.stacked, "", H)
        self.values = {name: np.zeros((N, B, H), dtype) for name in self.graph.recorded}
        self.grads = {name: np.zeros((N, B, H), dtype) for name in self.graph.recorded}
        self.weight_grads = {name: np.zeros_like(value) for name, value in self.stacked.items()}
        self.x = np.zeros((N, B, lane.input_size), dtype)
        self.dx = np.zeros_like(self.x)
        self.initial = {state: np.zeros((B, H), dtype) for state in self.graph.states}
        self.initial_grads = {state: np.zeros((B, H), dtype) for state in self.graph.states}
        self.nodes: list[list[np.ndarray]] = [[] for _ in range(N)]
        self.N = N

    def order(self) -> range:
        """Steps in order of computation."""
        return range(self.N - 1, -1, -1) if self.lane.reverse else range(self.N)

    def _before(self, t: int) -> int | None:
        before = t + 1 if self.lane.reverse else t - 1
        return before if 0 <= before < self.N else None

    def state(self, name: str, t: int | None) -> np.ndarray:
        """A state after step t, or the initial one."""
        return self.initial[name] if t is None else self.values[name][t]

    def last(self, name: str) -> np.ndarray:
        """A state after the last step computed."""
        return self.values[name][0 if self.lane.reverse else self.N - 1]

    def forward(self, t: int, x: np.ndarray) -> None:
        """Compute one step from its input (B, D)."""
        self.x[t] = x
        before = self._before(t)
        given = {**self.weights, "x": x} | {f"{s}_prev": self.state(s, before) for s in self.graph.states}
        self.nodes[t] = nodes = self.graph.evaluate(np, given)
        mask = None if self.mask is None else self.mask[t][:, None]
        for name, index in self.graph.named.items():
            value = nodes[index]
            if mask is not None:
                held = given[f"{name}_prev"] if name in self.graph.states else 0
                value = np.where(mask, value, held)
            self.values[name][t] = value

    def backward(self, t: int) -> None:
        """Carry one step's gradients back: ``grads`` of its states are whole when this is called."""
        before = self._before(t)
        seeds = {s: self.grads[s][t] for s in self.graph.states}
        held = {}
        if self.mask is not None:
            mask = self.mask[t][:, None]
            held = {s: np.where(mask, 0, seed) for s, seed in seeds.items()}
            seeds = {s: np.where(mask, seed, 0) for s, seed in seeds.items()}
        grads = self.graph.pull(np, self.nodes[t], seeds)
        for node in self.graph.nodes:
            grad = grads[node.index]
            if grad is None:
                continue
            if node.named:
                self.grads[node.name][t] = grad + held.get(node.name, 0)
            elif node.name == "x":
                self.dx[t] = grad
            elif node.name.endswith("_prev"):
                self.carry(node.name.removesuffix("_prev"), before)[...] += grad
            elif node.block[0].startswith("bias"):
                self._rows(node.block)[...] += grad.sum(0)
            elif node.op.name == "W·":
                weight, vector = node.args
                self._rows(self.graph.nodes[weight].block)[...] += grad.T @ self.nodes[t][vector]
        for state, grad in held.items():
            self.carry(state, before)[...] += grad

    def carry(self, state: str, t: int | None) -> np.ndarray:
        """Where the gradient of a state after step t gathers (the initial state for None)."""
        return self.initial_grads[state] if t is None else self.grads[state][t]

    def _rows(self, block: tuple[str, int]) -> np.ndarray:
        H = self.values["h"].shape[2]
        return self.weight_grads[block[0]][block[1] * H : (block[1] + 1) * H]


class Run:
    """One run of a spec on a batch."""

    def __init__(self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch) -> None:
        self.spec, self.parameters, self.batch = spec, parameters, batch
        self.graph = graphs.build(spec.cell, spec.nonlinearity, spec.bias)
        self.loss = LOSSES[spec.loss]
        self.lanes = {
            part: [LaneRun(self, lane, batch.step_mask(part), batch.timeline.steps(part)) for lane in layout.lanes(spec, part)]
            for part in batch.timeline.parts
        }
        O = spec.output_size
        self.logits = np.zeros((batch.S, batch.B, O), spec.dtype)
        self.y = np.zeros_like(self.logits)
        self.d_logits = np.zeros_like(self.logits)
        self.d_y = np.zeros_like(self.logits)
        self.fed_back = np.full((batch.S, batch.B), -1) if spec.has_feedback and spec.loss == "cross-entropy" else None
        before = layout.output_before(spec)
        self.W_y, self.b_y = parameters[f"{before}output.weight"], parameters[f"{before}output.bias"]
        self.grads = {name: np.zeros_like(value) for name, value in parameters.items()}

    # Forward -------------------------------------------------------------------------------------------

    def forward(self) -> None:
        for part in self.batch.timeline.parts:
            self._start(part)
            if part == "decoder" or self.spec.pattern == "one-to-many":
                self._forward_stepwise(part)
            else:
                self._forward_layers(part)
        self.y = self.loss.output(np, self.logits)
        if self.batch.output_mask is not None:
            self.y = self.y * self.batch.output_mask[..., None]

    def _start(self, part: str) -> None:
        for run in self.lanes[part]:
            for state in self.graph.states:
                if part == "decoder":
                    run.initial[state] = self._bridge(state, run.lane.layer)
                elif f"{state}_0" in self.batch.initial:
                    run.initial[state] = self.batch.initial[f"{state}_0"][run.lane.row]

    def _bridge_name(self, state: str) -> str:
        return "bridge.weight" if state == self.graph.states[0] else f"bridge.weight_{state}"

    def _encoder(self, layer: int) -> list[LaneRun]:
        return [run for run in self.lanes["encoder"] if run.lane.layer == layer]

    def _bridge(self, state: str, layer: int) -> np.ndarray:
        last = np.concatenate([run.last(state) for run in self._encoder(layer)], axis=-1)
        return last @ self.parameters[self._bridge_name(state)].T if self.spec.bidirectional else last

    def _read(self) -> np.ndarray:
        """What the input is to the first layer, (T, B, D)."""
        if not self.spec.has_embedding:
            return self.batch.x
        return self.parameters[self._embedding()][self.batch.x]

    def _embedding(self) -> str:
        return "encoder.embedding.weight" if self.spec.pattern == "sequence-to-sequence" else "embedding.weight"

    def _forward_layers(self, part: str) -> None:
        x, mask = self._read(), self.batch.step_mask(part)
        if mask is not None:
            x = x * mask[..., None]
        for layer in range(self.spec.num_layers):
            runs = [run for run in self.lanes[part] if run.lane.layer == layer]
            for run in runs:
                for t in run.order():
                    run.forward(t, x[t])
            x = np.concatenate([run.values["h"] for run in runs], axis=-1)
            if mask is not None:
                x = x * mask[..., None]
        if part == self.batch.timeline.output_part:
            for s in range(self.batch.S):
                self._head(s)

    def _forward_stepwise(self, part: str) -> None:
        mask = self.batch.step_mask(part)
        for s in range(self.batch.S):
            x = self._feedback(s)
            if part == "":
                read = self._read()[0]
                x = np.concatenate([read if s == 0 else np.zeros_like(read), x], axis=-1)
            for run in self.lanes[part]:
                run.forward(s, x if mask is None else x * mask[s][:, None])
                x = run.values["h"][s]
            self._head(s)

    def _feedback(self, s: int) -> np.ndarray:
        """What step s reads of the output before it, (B, feedback_size)."""
        spec, batch = self.spec, self.batch
        if self.fed_back is None:
            if s == 0:
                return np.zeros((batch.B, spec.output_size), spec.dtype)
            if batch.forced and batch.target is not None:
                return batch.target[s - 1]
            return self.loss.output(np, self.logits[s - 1])
        if s > 0:
            forced = batch.target is not None and batch.forced
            self.fed_back[s] = batch.target[s - 1] if forced else feedback.choose(batch, s - 1, self.logits[s - 1])
        if spec.feeds_embedding:
            return self.parameters[feedback.embedding_name(spec)][feedback.embedding_rows(spec, self.fed_back[s])]
        return feedback.one_hot(self.fed_back[s], spec.output_size, spec.dtype)

    def _read_by_head(self, s: int) -> list[tuple[LaneRun, int]]:
        """The top lanes and the step of each that output s reads."""
        timeline = self.batch.timeline
        top = [run for run in self.lanes[timeline.output_part] if run.lane.layer == self.spec.num_layers - 1]
        steps = {False: timeline.output_steps, True: timeline.reverse_output_steps}
        return [(run, int(steps[run.lane.reverse][s])) for run in top]

    def _head(self, s: int) -> None:
        h = np.concatenate([run.values["h"][t] for run, t in self._read_by_head(s)], axis=-1)
        logits = h @ self.W_y.T + self.b_y
        mask = self.batch.output_mask
        self.logits[s] = logits if mask is None else logits * mask[s][:, None]

    # Backward ------------------------------------------------------------------------------------------

    def losses(self) -> np.ndarray:
        """ℓ as (S, B), 0 where nothing is scored."""
        value = self.loss.value(np, self.logits, self.batch.target)
        return value * (self.batch.weights != 0)

    def backward(self) -> None:
        weights = self.batch.weights[..., None]
        self.d_logits[...] = np.where(weights != 0, self.loss.gradient(np, self.logits, self.batch.target) * weights, 0)
        for part in reversed(self.batch.timeline.parts):
            if part == "decoder" or self.spec.pattern == "one-to-many":
                self._backward_stepwise(part)
            else:
                self._backward_layers(part)
        for runs in self.lanes.values():
            for run in runs:
                for name, grad in run.weight_grads.items():
                    self.grads[run.lane.parameter(name)] += grad

    def _head_back(self, s: int) -> None:
        grad = self.d_logits[s]
        reads = self._read_by_head(s)
        h = np.concatenate([run.values["h"][t] for run, t in reads], axis=-1)
        before = layout.output_before(self.spec)
        self.grads[f"{before}output.weight"] += grad.T @ h
        self.grads[f"{before}output.bias"] += grad.sum(0)
        back, H = grad @ self.W_y, self.spec.hidden_size
        for i, (run, t) in enumerate(reads):
            run.grads["h"][t] += back[:, i * H : (i + 1) * H]

    def _backward_layers(self, part: str) -> None:
        mask = self.batch.step_mask(part)
        if part == self.batch.timeline.output_part:
            for s in range(self.batch.S):
                self._head_back(s)
        for layer in reversed(range(self.spec.num_layers)):
            runs = [run for run in self.lanes[part] if run.lane.layer == layer]
            for run in runs:
                for t in reversed(run.order()):
                    run.backward(t)
            dx = sum(run.dx for run in runs)
            if mask is not None:
                dx = dx * mask[..., None]
            if layer == 0:
                self._read_back(dx)
            else:
                H = self.spec.hidden_size
                below = [run for run in self.lanes[part] if run.lane.layer == layer - 1]
                for i, run in enumerate(below):
                    run.grads["h"] += dx[..., i * H : (i + 1) * H]

    def _read_back(self, dx: np.ndarray) -> None:
        if self.spec.has_embedding:
            np.add.at(self.grads[self._embedding()], self.batch.x, dx)

    def _backward_stepwise(self, part: str) -> None:
        runs, mask = self.lanes[part], self.batch.step_mask(part)
        D = self.spec.input_size if part == "" else 0
        for s in reversed(range(self.batch.S)):
            self._head_back(s)
            for run in reversed(runs):
                run.backward(s)
                dx = run.dx[s] if mask is None else run.dx[s] * mask[s][:, None]
                if run.lane.layer > 0:
                    runs[run.lane.layer - 1].grads["h"][s] += dx
            if part == "" and s == 0:
                self._read_back(dx[None, :, :D])
            self._feedback_back(s, dx[:, D:])
        if part == "decoder":
            for run in runs:
                self._bridge_back(run)

    def _feedback_back(self, s: int, dx: np.ndarray) -> None:
        if self.spec.feeds_embedding and self.fed_back is not None:
            np.add.at(self.grads[feedback.embedding_name(self.spec)], feedback.embedding_rows(self.spec, self.fed_back[s]), dx)
        elif self.fed_back is None and s > 0 and not self.batch.forced:
            self.d_y[s - 1] = dx
            self.d_logits[s - 1] += self.loss.output_pull(np, dx, self.loss.output(np, self.logits[s - 1]))

    def _bridge_back(self, run: LaneRun) -> None:
        H = self.spec.hidden_size
        for state, grad in run.initial_grads.items():
            encoders = self._encoder(run.lane.layer)
            if self.spec.bidirectional:
                name = self._bridge_name(state)
                last = np.concatenate([encoder.last(state) for encoder in encoders], axis=-1)
                self.grads[name] += grad.T @ last
                grad = grad @ self.parameters[name]
            for i, encoder in enumerate(encoders):
                t = 0 if encoder.lane.reverse else encoder.N - 1
                encoder.grads[state][t] += grad[:, i * H : (i + 1) * H]


class NumpyEngine:
    """Computes with NumPy, on the processor."""

    name, title = "numpy", "NumPy"

    def devices(self) -> tuple[str, ...]:
        """The processor."""
        return ("cpu",)

    def missing(self) -> str:
        """Nothing: NumPy is always there."""
        return ""

    def run(self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, device: str) -> Recording:
        """Compute forward and, where there is a target, backward."""
        if device != "cpu":
            raise EngineError(f"device={device!r} is not possible: the NumPy engine computes on the cpu")
        run = Run(spec, parameters, batch)
        run.forward()
        lanes = [lane for runs in run.lanes.values() for lane in runs]
        values = {lane.lane.key(n): v for lane in lanes for n, v in lane.values.items()}
        values |= {"output.logits": run.logits, "output.y": run.y}
        initial = {lane.lane.key(s): v for lane in lanes for s, v in lane.initial.items()}
        recording = Recording(values, {}, {p: runs[0].x for p, runs in run.lanes.items()}, initial, run.fed_back)
        if batch.target is None:
            return recording
        losses = run.losses()
        values["loss"] = losses[..., None]
        recording.loss = float((losses * batch.weights).sum())
        run.backward()
        recording.grads = {lane.lane.key(n): g for lane in lanes for n, g in lane.grads.items()}
        recording.grads |= {"output.logits": run.d_logits, "output.y": run.d_y, "loss": batch.weights[..., None].copy()}
        recording.parameter_grads = run.grads
        return recording


engines.add("numpy", NumpyEngine())
