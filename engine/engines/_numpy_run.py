"""One run of a spec on a batch with NumPy: lane after lane, each by its cell's plan.

Between lanes arrays are feature-major, (steps, features, B); what comes from the batch and what the outputs are is
(steps, B, features), as everywhere else.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from engine import feedback, layout
from engine import graph as graphs
from engine.inputs import Batch
from engine.layout import Lane
from engine.losses import LOSSES
from engine.plan.compiled import Compiled, compile_cell
from engine.plan.lane import LaneRun, LaneTape
from engine.plan.pool import Pool
from engine.plan.record import Lease, Reading, Source
from engine.plan.tape import Size
from engine.plan.walked import WalkedRun
from engine.recording import Recording
from engine.spec import ModelSpec

AnyRun = LaneRun | WalkedRun


class Run:
    """One run; :meth:`forward`, then :meth:`backward` where there is a target, then :meth:`record`."""

    def __init__(
        self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, pool: Pool[LaneTape], walk: bool = False
    ) -> None:  # fmt: skip
        self.spec, self.parameters, self.batch, self.pool, self.walk = spec, parameters, batch, pool, walk
        self.timeline = batch.timeline
        self.differentiable = batch.target is not None
        self.loss = LOSSES[spec.loss]
        self.lease = Lease(pool)
        self.lanes: dict[str, list[AnyRun]] = {}
        self.states = graphs.build(spec.cell, spec.nonlinearity, spec.bias).states
        # What goes back in is known ahead under teacher forcing; otherwise the steps wait for each other.
        self.has_feedback = self.timeline.has_feedback
        self.stepwise = self.has_feedback and not (batch.forced and self.differentiable)
        ids = self.has_feedback and spec.loss == "cross-entropy"
        self.fed_back = np.full((batch.S, batch.B), -1) if ids else None
        self.through_feedback = self.stepwise and self.differentiable and not ids
        before = layout.output_before(spec)
        self.W_y, self.b_y = parameters[f"{before}output.weight"], parameters[f"{before}output.bias"]
        self.logits = np.zeros((0,))
        self.grads: dict[str, np.ndarray] = {}

    # Lanes -----------------------------------------------------------------------------------------------

    def _make(self, part: str) -> list[AnyRun]:
        """The part's lanes, in order of computation."""
        spec, batch, mask = self.spec, self.batch, self.batch.step_mask(part)
        N, runs = self.timeline.steps(part), []
        for lane in layout.lanes(spec, part):
            given = {name: self.parameters[lane.parameter(name)] for name in layout.stacked_names(spec)}
            plan = compile_cell(spec.cell, spec.nonlinearity, spec.bias, mask is not None)
            if self.walk or not isinstance(plan, Compiled):
                graph = graphs.build(spec.cell, spec.nonlinearity, spec.bias)
                runs.append(WalkedRun(graph, lane, N, batch.B, mask, given))
                continue
            size = Size.fitting(
                plan, spec.hidden_size, lane.input_size, batch.B, spec.dtype, masked=mask is not None,
                outside=self._outside(part, lane, N), stepwise=self._waits(part),
            )  # fmt: skip
            key = (spec.cell, spec.nonlinearity, spec.bias, size)
            tape = self.pool.take(key, N, partial(LaneTape, plan, size, N))
            runs.append(self.lease.add(key, LaneRun(plan, lane, tape, N, mask, given)))
        self.lanes[part] = runs
        return runs

    def _waits(self, part: str) -> bool:
        return self.stepwise and part == self.timeline.output_part

    def _outside(self, part: str, lane: Lane, N: int) -> bool:
        """Whether gradients come to the lane's h at every step, and not only after the last one."""
        if not self.differentiable or (self.through_feedback and part == self.timeline.output_part):
            return False
        if lane.layer < self.spec.num_layers - 1:
            return True
        if part != self.timeline.output_part:
            return False
        return self._emitting(lane.reverse).tolist() != [0 if lane.reverse else N - 1]

    def _emitting(self, reverse: bool) -> np.ndarray:
        """For each output, the step whose state it reads in one direction, (S,)."""
        return self.timeline.reverse_output_steps if reverse else self.timeline.output_steps

    def _layer(self, part: str, layer: int) -> list[AnyRun]:
        return [run for run in self.lanes[part] if run.lane.layer == layer]

    @property
    def _top(self) -> list[AnyRun]:
        """The lanes that the head reads."""
        return self._layer(self.timeline.output_part, self.spec.num_layers - 1)

    # Forward ---------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Compute every part, and the outputs."""
        for part in self.timeline.parts:
            for run in self._make(part):
                for state in self.states:
                    run.initial(state)[...] = self._initial(run.lane, state)
            if self._waits(part):
                self._forward_stepwise(part)
            else:
                self._forward_layers(part)
        self.y = _kept(self.loss.output(np, self.logits), self.batch.output_mask)

    def _initial(self, lane: Lane, state: str) -> np.ndarray | float:
        """A lane's state before its first step, (H, B)."""
        if lane.part == "decoder":
            last = self._encoded(state, lane.layer)
            return self.parameters[self._bridge(state)] @ last if self.spec.bidirectional else last
        given = self.batch.initial.get(f"{state}_0")
        return 0.0 if given is None else given[lane.row].T

    def _bridge(self, state: str) -> str:
        return "bridge.weight" if state == self.states[0] else f"bridge.weight_{state}"

    def _encoded(self, state: str, layer: int) -> np.ndarray:
        """A state after the encoder, of all its directions, (H or 2H, B)."""
        return np.concatenate([run.last(state) for run in self._layer("encoder", layer)])

    @property
    def _embedding(self) -> str:
        return "encoder.embedding.weight" if self.spec.pattern == "sequence-to-sequence" else "embedding.weight"

    def _read(self, part: str) -> np.ndarray | None:
        """What each step of a part reads of the input, (N, B, input_size), zeros where it reads nothing."""
        if part == "decoder":
            return None
        x = self.parameters[self._embedding][self.batch.x] if self.spec.has_embedding else self.batch.x
        rows = self._rows_read(part)
        if rows is None:
            return x
        found = np.zeros((len(rows), *x.shape[1:]), x.dtype)
        found[rows >= 0] = x[rows[rows >= 0]]
        return found

    def _rows_read(self, part: str) -> np.ndarray | None:
        """The input step that each step reads, -1 for none; None where that is simply its own."""
        steps = self.timeline.steps(part)
        if not self.has_feedback and steps == self.batch.T and self.timeline.output_columns[-1].reads is not None:
            reads = [column.reads for column in self.timeline.of(part)]
            if reads == list(range(steps)):
                return None
        reads = [column.reads for column in self.timeline.of(part)]
        return np.array([-1 if row is None else row for row in reads])

    def _forward_layers(self, part: str) -> None:
        mask = self.batch.step_mask(part)
        x = self._read(part)
        if self.has_feedback and part == self.timeline.output_part:
            forced = self._forced()
            x = forced if x is None else np.concatenate([x, forced], axis=-1)
        assert x is not None
        frames = x.transpose(0, 2, 1)
        for layer in range(self.spec.num_layers):
            runs = self._layer(part, layer)
            for run in runs:
                run.x[...] = frames
                if mask is not None:
                    np.copyto(run.x, 0, where=~mask[:, None, :])
                run.forward()
            frames = runs[0].hidden if len(runs) == 1 else np.concatenate([run.hidden for run in runs], axis=1)
        if part == self.timeline.output_part:
            steps = [run.hidden[self._emitting(run.lane.reverse)] for run in self._top]
            self.read_by_head = np.concatenate(steps, axis=1).transpose(0, 2, 1)
            self.logits = self._head(self.read_by_head, self.batch.output_mask)

    def _forward_stepwise(self, part: str) -> None:
        batch, mask, read, runs = self.batch, self.batch.step_mask(part), self._read(part), self.lanes[part]
        outputs = batch.output_mask
        self.logits = np.zeros((batch.S, batch.B, self.spec.output_size), self.spec.dtype)
        self.read_by_head = np.zeros((batch.S, batch.B, self.spec.hidden_size), self.spec.dtype)
        for s in range(batch.S):
            x = self._feedback(s)
            frame = (x if read is None else np.concatenate([read[s], x], axis=-1)).T
            for run in runs:
                run.x[s] = frame if mask is None else np.where(mask[s], frame, 0)
                run.step(s)
                frame = run.hidden[s]
            self.read_by_head[s] = frame.T
            self.logits[s] = self._head(self.read_by_head[s], None if outputs is None else outputs[s])

    def _head(self, h: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        return _kept(h @ self.W_y.T + self.b_y, mask)

    def _forced(self) -> np.ndarray:
        """What every step reads of the targets, (S, B, feedback_size)."""
        target = self.batch.target
        assert target is not None
        if self.fed_back is not None:
            self.fed_back[1:] = target[:-1]
            return self._fed(self.fed_back)
        return np.concatenate([np.zeros_like(target[:1]), target[:-1]])

    def _feedback(self, s: int) -> np.ndarray:
        """What step s reads of the network's own output before it, (B, feedback_size)."""
        if self.fed_back is None:
            return np.zeros_like(self.logits[0]) if s == 0 else self.loss.output(np, self.logits[s - 1])
        if s > 0:
            self.fed_back[s] = feedback.choose(self.batch, s - 1, self.logits[s - 1])
        return self._fed(self.fed_back[s])

    def _fed(self, ids: np.ndarray) -> np.ndarray:
        """Class ids as what is read of them, (..., feedback_size)."""
        if self.spec.feeds_embedding:
            return self.parameters[feedback.embedding_name(self.spec)][feedback.embedding_rows(self.spec, ids)]
        return feedback.one_hot(ids, self.spec.output_size, self.spec.dtype)

    # Backward --------------------------------------------------------------------------------------------

    def backward(self) -> None:
        """Take the loss, and every gradient."""
        batch = self.batch
        counted = batch.weights != 0
        self.losses = _kept(self.loss.value(np, self.logits, batch.target)[..., None], counted)
        weights = batch.weights[..., None]
        self.d_logits = _kept(self.loss.gradient(np, self.logits, batch.target) * weights, counted)
        self.d_y = np.zeros_like(self.logits)
        self.grads = {name: np.zeros_like(value) for name, value in self.parameters.items()}
        for part in reversed(self.timeline.parts):
            for run in self.lanes[part]:
                run.start_backward()
        for part in reversed(self.timeline.parts):
            if self.through_feedback and part == self.timeline.output_part:
                self._backward_stepwise(part)
            else:
                self._backward_layers(part)
            for run in self.lanes[part]:
                for name, grad in run.weight_gradients().items():
                    self.grads[run.lane.parameter(name)] = grad
                if part == "decoder":
                    self._bridge_back(run)
        self._head_weights()

    def _head_weights(self) -> None:
        before, O = layout.output_before(self.spec), self.spec.output_size
        d_logits = self.d_logits.reshape(-1, O)
        h = self.read_by_head.reshape(len(d_logits), -1)
        self.grads[f"{before}output.weight"] = d_logits.T @ h
        self.grads[f"{before}output.bias"] = d_logits.sum(0)

    def _backward_layers(self, part: str) -> None:
        H = self.spec.hidden_size
        if part == self.timeline.output_part:
            arriving = (self.d_logits @ self.W_y).transpose(0, 2, 1)
            for i, run in enumerate(self._top):
                gathering, emitting = arriving[:, i * H : (i + 1) * H], self._emitting(run.lane.reverse)
                if self._outside(part, run.lane, run.N):
                    run.outside[emitting] += gathering
                else:
                    run.last_gradient(self.states[0])[...] += gathering[0]
        for layer in reversed(range(self.spec.num_layers)):
            runs = self._layer(part, layer)
            for run in runs:
                run.backward()
            if layer == 0:
                if self.spec.has_embedding or (part == "decoder" and self.spec.feeds_embedding):
                    self._read_back(part, sum(run.input_gradient() for run in runs))
                continue
            arriving = sum(run.input_gradient() for run in runs)
            for i, below in enumerate(self._layer(part, layer - 1)):
                below.outside[...] += arriving[:, i * H : (i + 1) * H]

    def _read_back(self, part: str, dx: np.ndarray) -> None:
        """Bring ∂L/∂ what the first layer read, (N, D, B), to the embeddings; padding has none."""
        spec, D = self.spec, 0 if part == "decoder" else self.spec.input_size or 0
        rows = dx.transpose(0, 2, 1)
        if D and spec.has_embedding:
            reads = self._rows_read(part)
            kept = rows[..., :D] if reads is None else rows[reads >= 0][..., :D]
            ids = self.batch.x if reads is None else self.batch.x[reads[reads >= 0]]
            _scatter(self.grads[self._embedding], ids, kept)
        if spec.feeds_embedding and self.fed_back is not None and part == self.timeline.output_part:
            ids = feedback.embedding_rows(spec, self.fed_back)
            _scatter(self.grads[feedback.embedding_name(spec)], ids, rows[..., D:])

    def _backward_stepwise(self, part: str) -> None:
        """Back through steps that fed their own real outputs in."""
        runs, h, mask = self.lanes[part], self.states[0], self.batch.step_mask(part)
        D, frames = 0 if part == "decoder" else self.spec.input_size or 0, []
        for s in reversed(range(self.batch.S)):
            runs[-1].gradient_at(s)[...] += (self.d_logits[s] @ self.W_y).T
            for run in reversed(runs):
                dx = run.step_back(s)
                if mask is not None:
                    dx = np.where(mask[s], dx, 0)
                if run.lane.layer > 0:
                    runs[run.lane.layer - 1].gradient_at(s)[...] += dx
            frames.append(dx)
            if s > 0:
                self.d_y[s - 1] = dx[D:].T
                y = self.loss.output(np, self.logits[s - 1])
                self.d_logits[s - 1] += self.loss.output_pull(np, self.d_y[s - 1], y)
        if self.spec.has_embedding:
            self._read_back(part, np.stack(frames[::-1]))

    def _bridge_back(self, run: AnyRun) -> None:
        """From a decoder lane's initial states to the encoder's last ones."""
        H = self.spec.hidden_size
        for state in self.states:
            grad = run.first_gradient(state)
            if self.spec.bidirectional:
                name = self._bridge(state)
                self.grads[name] += grad @ self._encoded(state, run.lane.layer).T
                grad = self.parameters[name].T @ grad
            for i, encoder in enumerate(self._layer("encoder", run.lane.layer)):
                encoder.last_gradient(state)[...] += grad[i * H : (i + 1) * H]

    # Recording -------------------------------------------------------------------------------------------

    def record(self) -> Recording:
        """Everything by key; what the lanes hold is copied out when it is read."""
        runs = [run for runs in self.lanes.values() for run in runs]
        names = graphs.build(self.spec.cell, self.spec.nonlinearity, self.spec.bias).recorded
        values: dict[str, np.ndarray | Source] = {
            run.lane.key(name): partial(run.value, name) for run in runs for name in names
        }
        values |= {"output.logits": self.logits, "output.y": self.y}
        initial = {run.lane.key(state): partial(run.started, state) for run in runs for state in self.states}
        inputs = {part: runs[0].read for part, runs in self.lanes.items()}
        recording = Recording({}, {}, Reading(self.lease, inputs), Reading(self.lease, initial), self.fed_back)
        if self.differentiable:
            values["loss"] = self.losses
            recording.loss = float((self.losses[..., 0] * self.batch.weights).sum())
            grads: dict[str, np.ndarray | Source] = {
                run.lane.key(name): partial(run.grad, name) for run in runs for name in names
            }
            grads |= {
                "output.logits": self.d_logits,
                "output.y": self.d_y,
                "loss": self.batch.weights[..., None].copy(),
            }
            recording.grads, recording.parameter_grads = Reading(self.lease, grads), self.grads
        recording.values = Reading(self.lease, values)
        self.pool.hold(self.lease)
        return recording


def _kept(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """``values`` (..., size) where the mask says so, 0 elsewhere, whatever stands there."""
    return values if mask is None else np.where(mask[..., None], values, values.dtype.type(0))


def _scatter(target: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """target[id] += row for every id, adding up those that occur several times."""
    flat = ids.ravel()
    order = np.argsort(flat, kind="stable")
    sorted_ids = flat[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_ids[1:] != sorted_ids[:-1]]))
    target[sorted_ids[starts]] += np.add.reduceat(rows.reshape(len(flat), -1)[order], starts)
