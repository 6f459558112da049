"""One run of a spec on a batch with NumPy: lane after lane, each by its cell's plan.

Between lanes arrays are feature-major, (steps, features, B); what comes from the batch and what the outputs are is
(steps, B, features), as everywhere else.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from engine import feedback
from engine.engines._numpy_scheme import scheme_of
from engine.inputs import Batch
from engine.layout import Lane
from engine.losses import LOSSES
from engine.plan.lane import LaneRun, LaneTape
from engine.plan.pool import Pool
from engine.plan.record import Lease, Reading
from engine.plan.walked import WalkedRun
from engine.recording import Recording
from engine.spec import ModelSpec

AnyRun = LaneRun | WalkedRun


class Run:
    """One run; :meth:`forward`, then :meth:`backward` where there is a target, then :meth:`record`.

    ``walk``: walk the cells' graphs even where there is a plan.
    """

    def __init__(
        self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, pool: Pool[LaneTape], walk: bool = False
    ) -> None:  # fmt: skip
        self.spec, self.parameters, self.batch, self.pool, self.walk = spec, parameters, batch, pool, walk
        self.masks = {part: batch.step_mask(part) for part in batch.timeline.parts}
        self.scheme = scheme_of(spec, batch, self.masks.values())
        self.output_mask = batch.output_mask
        self.states, self.output_part = self.scheme.states, self.scheme.output_part
        self.loss = LOSSES[spec.loss]
        self.lease = Lease(pool)
        self.lanes: dict[str, list[AnyRun]] = {}
        self.layers: dict[str, list[list[AnyRun]]] = {}
        self.fed_back = np.full((batch.S, batch.B), -1) if self.scheme.ids else None
        self.W_y, self.b_y = (parameters[name] for name in self.scheme.head)
        self.logits = np.zeros((0,))
        self.found: dict[str, np.ndarray] = {}

    # Lanes -----------------------------------------------------------------------------------------------

    def _make(self, part: str) -> list[AnyRun]:
        """The part's lanes, in order of computation."""
        N, mask, runs = self.scheme.steps[part], self.masks[part], []
        layers: list[list[AnyRun]] = [[] for _ in range(self.spec.num_layers)]
        for made in self.scheme.lanes[part]:
            given = {name: self.parameters[full] for name, full in made.names}
            run: AnyRun
            if self.walk or made.plan is None:
                run = WalkedRun(self.scheme.graph, made.lane, N, self.batch.B, mask, given)
            else:
                tape = self.pool.take(made.key, N, partial(LaneTape, made.plan, made.size, N))
                run = LaneRun(made.plan, made.lane, tape, N, mask, given)
            runs.append(run)
            layers[made.lane.layer].append(run)
            self.lease.add(made.key, run)
        self.lanes[part], self.layers[part] = runs, layers
        return runs

    def _layer(self, part: str, layer: int) -> list[AnyRun]:
        return self.layers[part][layer]

    @property
    def _top(self) -> list[AnyRun]:
        """The lanes that the head reads."""
        return self.layers[self.output_part][-1]

    # Forward ---------------------------------------------------------------------------------------------

    def forward(self) -> None:
        """Compute every part, and the outputs."""
        for part in self.scheme.lanes:
            for run in self._make(part):
                for state in self.states:
                    run.initial(state)[...] = self._initial(run.lane, state)
            if self.scheme.waits(part):
                self._forward_stepwise(part)
            else:
                self._forward_layers(part)
        target, mask = self.batch.target, self.output_mask
        if target is None:
            self.y = _kept(self.loss.output(np, self.logits), mask)
        else:
            y, self.losses = self.loss.output_and_value(np, self.logits, target)
            self.y = _kept(y, mask)

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
        rows = self.scheme.reads[part]
        if rows is None:
            return x
        found = np.zeros((len(rows), *x.shape[1:]), x.dtype)
        found[rows >= 0] = x[rows[rows >= 0]]
        return found

    def _forward_layers(self, part: str) -> None:
        mask, x = self.masks[part], self._read(part)
        if self.spec.has_feedback and part == self.output_part:
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
        if part == self.output_part:
            tops = [run.hidden[self.scheme.emitting[run.lane.reverse]] for run in self._top]
            self.read_by_head = (tops[0] if len(tops) == 1 else np.concatenate(tops, axis=1)).transpose(0, 2, 1)
            self.logits = self._head(self.read_by_head, self.output_mask)

    def _forward_stepwise(self, part: str) -> None:
        batch, mask, read, runs = self.batch, self.masks[part], self._read(part), self.lanes[part]
        outputs = self.output_mask
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
        # Flat, since NumPy multiplies stacks of small matrices slowly.
        logits = h.reshape(-1, h.shape[-1]).dot(self.W_y.T).reshape(*h.shape[:-1], -1)
        logits += self.b_y
        return _kept(logits, mask)

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
        """Take every gradient."""
        batch = self.batch
        counted = None if batch.timeline.all_scored and batch.target_lengths is None else batch.weights != 0
        self.losses = _kept(self.losses[..., None], counted)
        weights = batch.weights[..., None]
        self.d_logits = _kept(self.loss.slope(np, self.y, batch.target) * weights, counted)
        self.d_y = np.zeros(self.logits.shape, self.logits.dtype)
        for runs in self.lanes.values():
            for run in runs:
                run.start_backward()
        self.from_states = self._begin_at_last_states()
        for part in reversed(self.lanes):
            if self.scheme.through and part == self.output_part:
                self._backward_stepwise(part)
            else:
                self._backward_layers(part)
            for made, run in zip(self.scheme.lanes[part], self.lanes[part], strict=True):
                gradients = run.weight_gradients()
                self.found |= {full: gradients[name] for name, full in made.names}
                if part == "decoder":
                    self._bridge_back(run)
        weight, bias = self.scheme.head
        d_logits = self.d_logits.reshape(-1, self.spec.output_size)
        self.found[weight] = d_logits.T.dot(self.read_by_head.reshape(len(d_logits), -1))
        self.found[bias] = np.add.reduce(d_logits, 0) if len(d_logits) > 1 else d_logits[0].copy()

    def _begin_at_last_states(self) -> float:
        """Put the gradients given for the last states there; what these states add to the loss."""
        total = 0.0
        for name, grads in self.batch.final.items():
            state = name.removesuffix("_n")
            for run in self.lanes[self.output_part]:
                run.last_gradient(state)[...] += grads[run.lane.row].T
                total += float(np.vdot(grads[run.lane.row].T, run.last(state)))
        return total

    def _backward_layers(self, part: str) -> None:
        H, batch = self.spec.hidden_size, self.batch
        if part == self.output_part:
            d_logits = self.d_logits.reshape(-1, self.spec.output_size)
            arriving = d_logits.dot(self.W_y).reshape(batch.S, batch.B, -1).transpose(0, 2, 1)
            for i, run in enumerate(self._top):
                gathering = arriving[:, i * H : (i + 1) * H]
                if self.scheme.lanes[part][run.lane.row].outside:
                    run.outside[self.scheme.emitting[run.lane.reverse]] += gathering
                else:
                    last = run.last_gradient(self.states[0])
                    np.add(last, gathering[0], last)
        for layer in reversed(range(self.spec.num_layers)):
            runs = self._layer(part, layer)
            for run in runs:
                run.backward()
            if layer > 0:
                arriving = _total([run.input_gradient() for run in runs])
                for i, below in enumerate(self._layer(part, layer - 1)):
                    below.outside[...] += arriving[:, i * H : (i + 1) * H]
            elif self.spec.has_embedding or (part == "decoder" and self.spec.feeds_embedding):
                self._read_back(part, _total([run.input_gradient() for run in runs]))

    def _gathered(self, name: str) -> np.ndarray:
        """Where the gradient of an embedding or a bridge gathers."""
        if name not in self.found:
            self.found[name] = np.zeros_like(self.parameters[name])
        return self.found[name]

    def _read_back(self, part: str, dx: np.ndarray) -> None:
        """Bring ∂L/∂ what the first layer read, (N, D, B), to the embeddings; padding has none."""
        spec, D = self.spec, 0 if part == "decoder" else self.spec.input_size or 0
        rows = dx.transpose(0, 2, 1)
        if D and spec.has_embedding:
            reads = self.scheme.reads[part]
            kept = rows[..., :D] if reads is None else rows[reads >= 0][..., :D]
            ids = self.batch.x if reads is None else self.batch.x[reads[reads >= 0]]
            _scatter(self._gathered(self._embedding), ids, kept)
        if spec.feeds_embedding and self.fed_back is not None and part == self.output_part:
            ids = feedback.embedding_rows(spec, self.fed_back)
            _scatter(self._gathered(feedback.embedding_name(spec)), ids, rows[..., D:])

    def _backward_stepwise(self, part: str) -> None:
        """Back through steps that fed their own real outputs in."""
        runs, mask = self.lanes[part], self.masks[part]
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
                self._gathered(name)[...] += grad @ self._encoded(state, run.lane.layer).T
                grad = self.parameters[name].T @ grad
            for i, encoder in enumerate(self._layer("encoder", run.lane.layer)):
                encoder.last_gradient(state)[...] += grad[i * H : (i + 1) * H]

    # Recording -------------------------------------------------------------------------------------------

    def record(self) -> Recording:
        """Everything by key; what the lanes hold is copied out when it is read."""
        scheme, lease = self.scheme, self.lease
        values = {"output.logits": self.logits, "output.y": self.y}
        recording = Recording(
            Reading(lease, "value", scheme.sources, values), {}, Reading(lease, "read", scheme.input_sources),
            Reading(lease, "started", scheme.initial_sources), self.fed_back,
        )  # fmt: skip
        if self.batch.target is not None:
            values["loss"] = self.losses
            recording.loss = float(np.vdot(self.losses, self.batch.weights)) + self.from_states
            weights = self.batch.weights[..., None]
            own = {"output.logits": self.d_logits, "output.y": self.d_y, "loss": weights}
            recording.grads = Reading(lease, "grad", scheme.sources, own)
            recording.parameter_grads = {name: self._gathered(name) for name in self.parameters}
        self.pool.hold(lease)
        return recording


def _total(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


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
