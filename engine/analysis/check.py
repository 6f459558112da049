"""Any number of the backward pass, checked where it stands: by finite differences and by the other engine.

The forward pass is walked here once more, plainly, straight from the cell's graph, so that one value in the middle of
it can be nudged. It shares nothing with the engines but the equations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import feedback, layout
from engine import graph as graphs
from engine.layout import Lane
from engine.losses import LOSSES
from engine.recording import engines
from engine.trace import Trace

STEP = 1e-5


@dataclass(frozen=True)
class Check:
    """One derivative, three ways.

    Attributes
    ----------
    difference : float
        (L(v + ε) − L(v − ε)) / 2ε in float64.
    values : dict of str to float
        By engine: what its backward pass says.
    missing : dict of str to str
        By engine: why it has nothing to say.
    """

    difference: float
    values: dict[str, float]
    missing: dict[str, str]

    def relative_error(self, engine: str) -> float:
        """|difference − value| over the larger of the two; 0 where both are 0."""
        larger = max(abs(self.difference), abs(self.values[engine]))
        return 0.0 if larger == 0 else abs(self.difference - self.values[engine]) / larger


@dataclass(frozen=True)
class Nudge:
    """Where the forward pass is changed, and by how much.

    Attributes
    ----------
    key : str
        A value of the trace, or a parameter's name.
    index : tuple of int
        (step, sequence, unit), or the parameter's index.
    delta : float
    """

    key: str
    index: tuple[int, ...]
    delta: float = 0.0


def checked(trace: Trace, key: str, index: tuple[int, ...], eps: float = STEP) -> Check:
    """Compare ∂L/∂ one number of a run: finite difference, and every engine that is there.

    Parameters
    ----------
    trace : engine.Trace
        A run with a target.
    key : str
        A value ("l0.h", "l0.f*c", "output.logits") or a parameter ("weight_hh_l0").
    index : tuple of int
        (step, sequence, unit) of a value, or the parameter's index.
    eps : float

    Raises
    ------
    ValueError
        The run had no target.
    KeyError, IndexError
        There is no such value.
    """
    if not trace.has_gradients:
        raise ValueError("a derivative needs a target: this run was a forward pass only")
    _of(trace, key)[index]
    up, down = (perturbed_loss(trace, Nudge(key, index, delta)) for delta in (eps, -eps))
    values, missing = {}, {}
    for name in engines.names():
        why = engines[name].missing()
        if why:
            missing[name] = why
        else:
            values[name] = float(_of(_again(trace, name), key)[index])
    return Check((up - down) / (2 * eps), values, missing)


def _of(trace: Trace, key: str) -> np.ndarray:
    return trace.parameter_grads[key] if key in trace.parameters else trace.grad(key)


def _again(trace: Trace, engine: str) -> Trace:
    if trace.engine == engine:
        return trace
    parameters = {name: np.array(value) for name, value in trace.parameters.items()}
    recording = engines[engine].run(trace.spec, parameters, trace.batch, "cpu")
    return Trace(trace.spec, parameters, trace.batch, recording, engine, "cpu")


def perturbed_loss(trace: Trace, nudge: Nudge) -> float:
    """Return L of the run with one value nudged, in float64; what was chosen and fed back stays as it was."""
    walk = _Walk(trace, nudge)
    with np.errstate(all="ignore"):
        return walk.loss()


class _Walk:
    """The forward pass, step by step through the graph."""

    def __init__(self, trace: Trace, nudge: Nudge) -> None:
        self.trace, self.nudge, self.spec, self.batch = trace, nudge, trace.spec, trace.batch
        self.graph = graphs.build(self.spec.cell, self.spec.nonlinearity, self.spec.bias)
        self.parameters = {name: value.astype(np.float64) for name, value in trace.parameters.items()}
        if nudge.key in self.parameters:
            self.parameters[nudge.key][nudge.index] += nudge.delta
        self.states: dict[str, dict[str, np.ndarray]] = {}
        self.hidden: dict[str, np.ndarray] = {}
        self.logits = np.zeros((self.batch.S, self.batch.B, self.spec.output_size))

    def loss(self) -> float:
        for part in self.batch.timeline.parts:
            lanes = layout.lanes(self.spec, part)
            for lane in lanes:
                self._start(lane)
            if part == "decoder" or self.spec.pattern == "one-to-many":
                for t in range(self.batch.timeline.steps(part)):
                    x = self._fed(t, part)
                    for lane in lanes:
                        x = self._step(lane, t, x)
                    self._head(t)
            else:
                self._layers(part)
        value = LOSSES[self.spec.loss].value(np, self.logits, self.batch.target)
        found = np.where(self.batch.weights != 0, value, 0)
        self._add("loss", slice(None), found[..., None])
        total = float((found * self.batch.weights.astype(np.float64)).sum())
        for name, arriving in self.batch.final.items():
            for lane in layout.lanes(self.spec, self.batch.timeline.output_part):
                total += float((self.states[lane.prefix][name.removesuffix("_n")] * arriving[lane.row]).sum())
        return total

    def _add(self, key: str, step: Any, value: np.ndarray) -> None:
        """Nudge a value (B, size) of one step, or (S, B, size) of all, in place where it is meant."""
        if self.nudge.key == key:
            if isinstance(step, slice):
                value[self.nudge.index] += self.nudge.delta
            elif step == self.nudge.index[0]:
                value[self.nudge.index[1:]] += self.nudge.delta

    def _start(self, lane: Lane) -> None:
        self.hidden[lane.prefix] = np.zeros((self.batch.timeline.steps(lane.part), self.batch.B, self.spec.hidden_size))
        found = {}
        for i, state in enumerate(self.graph.states):
            if lane.part == "decoder":
                below = [k for k, v in self.trace.lanes.items() if (v.part, v.layer) == ("encoder", lane.layer)]
                last = np.concatenate([self.states[k][state] for k in below], axis=-1)
                name = "bridge.weight" if i == 0 else f"bridge.weight_{state}"
                found[state] = last @ self.parameters[name].T if name in self.parameters else last
            else:
                found[state] = self.trace.starts_from(lane.key(state)).astype(np.float64)
        self.states[lane.prefix] = found

    def _step(self, lane: Lane, t: int, x: np.ndarray) -> np.ndarray:
        stacked = {n: self.parameters[lane.parameter(n)] for n in layout.stacked_names(self.spec)}
        given = self.graph.blocks(stacked, "", self.spec.hidden_size) | {"x": np.array(x, dtype=np.float64)}
        given |= {f"{state}_prev": value.copy() for state, value in self.states[lane.prefix].items()}
        for name in given:
            self._add(lane.key(name), t, given[name])
        values = self.graph.evaluate(np, given)
        if self.nudge.key.startswith(f"{lane.prefix}."):
            name = self.nudge.key.removeprefix(f"{lane.prefix}.")
            if name in self.graph.by_name and name not in given and t == self.nudge.index[0]:
                changed = np.array(values[self.graph.by_name[name]])
                self._add(self.nudge.key, t, changed)
                values = self.graph.evaluate(np, given | {name: changed})
        mask = self.batch.step_mask(lane.part)
        for state in self.graph.states:
            new = values[self.graph.named[state]]
            if mask is not None:
                held = np.array(self.states[lane.prefix][state])
                if not mask[t].all():
                    self._add_held(lane.key(state), t, held, mask[t])
                new = np.where(mask[t][:, None], new, held)
            self.states[lane.prefix][state] = new
        self.hidden[lane.prefix][t] = self.states[lane.prefix][self.graph.states[0]]
        return self.hidden[lane.prefix][t]

    def _add_held(self, key: str, t: int, held: np.ndarray, real: np.ndarray) -> None:
        if self.nudge.key == key and self.nudge.index[0] == t and not real[self.nudge.index[1]]:
            held[self.nudge.index[1:]] += self.nudge.delta

    def _layers(self, part: str) -> None:
        x, mask = self._read(), self.batch.step_mask(part)
        for layer in range(self.spec.num_layers):
            x = x if mask is None else x * mask[..., None]
            found = []
            for lane in layout.lanes(self.spec, part):
                if lane.layer == layer:
                    N = len(x)
                    for t in reversed(range(N)) if lane.reverse else range(N):
                        self._step(lane, t, x[t])
                    found.append(self.hidden[lane.prefix])
            x = np.concatenate(found, axis=-1)
        if part == self.batch.timeline.output_part:
            for s in range(self.batch.S):
                self._head(s)

    def _read(self) -> np.ndarray:
        if not self.spec.has_embedding:
            return self.batch.x.astype(np.float64)
        before = "encoder." if self.spec.pattern == "sequence-to-sequence" else ""
        return self.parameters[f"{before}embedding.weight"][self.batch.x]

    def _fed(self, s: int, part: str) -> np.ndarray:
        spec, fed = self.spec, self.trace.fed_back
        if fed is None:
            y = np.zeros((self.batch.B, spec.output_size))
            if s > 0:
                y = self.batch.target[s - 1] if self.batch.forced and self.batch.target is not None else self.y(s - 1)
        elif spec.feeds_embedding:
            y = self.parameters[feedback.embedding_name(spec)][feedback.embedding_rows(spec, fed[s])]
        else:
            y = feedback.one_hot(fed[s], spec.output_size, "float64")
        if part == "":
            read = self._read()[0]
            y = np.concatenate([read if s == 0 else np.zeros_like(read), y], axis=-1)
        mask = self.batch.step_mask(part)
        return y if mask is None else y * mask[s][:, None]

    def y(self, s: int) -> np.ndarray:
        found = np.array(LOSSES[self.spec.loss].output(np, self.logits[s]))
        self._add("output.y", s, found)
        return found

    def _head(self, s: int) -> None:
        timeline, before = self.batch.timeline, layout.output_before(self.spec)
        steps = {False: timeline.output_steps, True: timeline.reverse_output_steps}
        top = [x for x in layout.lanes(self.spec, timeline.output_part) if x.layer == self.spec.num_layers - 1]
        h = np.concatenate([self.hidden[lane.prefix][steps[lane.reverse][s]] for lane in top], axis=-1)
        logits = h @ self.parameters[f"{before}output.weight"].T + self.parameters[f"{before}output.bias"]
        mask = self.batch.output_mask
        logits = logits if mask is None else logits * mask[s][:, None]
        self._add("output.logits", s, logits)
        self.logits[s] = logits
