"""One backward pass for many losses at once: every output's own gradient, carried back as a leading axis.

Rows whose loss lies earlier than the step being passed are not there yet, so the block of active rows grows as it
walks back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine import layout
from engine.analysis.linearised import linearise
from engine.layout import Lane
from engine.losses import LOSSES

#: ``visit(lane, step, rows, grads)``: the states' gradients after a step, (rows, B, H) each, for the outputs in
#: ``rows``; for all others they are zero.
Visit = Callable[[Lane, int, slice, dict[str, np.ndarray]], None]
#: Bidirectional layers are swept in chunks of rows whose dense arrays stay below this many bytes.
CHUNK = 2**27


def output_seeds(trace: Any) -> np.ndarray:
    """∂L_s/∂logits of every output s alone, (S, B, O), L_s the batch mean of output step s."""
    batch, loss = trace.batch, LOSSES[trace.spec.loss]
    if batch.target is None:
        raise ValueError("the gradient flow needs a target: this run was a forward pass only")
    gradient = loss.gradient(np, trace.value("output.logits"), batch.target) / batch.B
    return np.where(batch.weights[..., None] != 0, gradient, 0).astype(trace.spec.dtype)


class Sweep:
    """Carry every output's own gradient back through the whole network.

    Parameters
    ----------
    trace : engine.Trace
        A run with a target.
    visit : callable
        See ``Visit``.
    wanted : Lane
        The lane that is looked at; nothing below it is swept.
    drop : float
        Forget a row once its norm falls below this share of what it started with; 0: exact.
    """

    def __init__(self, trace: Any, visit: Visit, wanted: Lane, drop: float = 0.0) -> None:
        self.trace, self.visit, self.wanted, self.drop = trace, visit, wanted, drop
        self.spec, self.timeline, self.batch = trace.spec, trace.timeline, trace.batch
        self.states = trace.graph.states
        self.hidden = self.states[0]
        self.W_y = trace.parameters[f"{layout.output_before(self.spec)}output.weight"]
        self.back = output_seeds(trace) @ self.W_y  # ∂L_s/∂ what the head reads, (S, B, head size)
        self.maps = {prefix: linearise(trace.replay(prefix)) for prefix in trace.lanes}

    def run(self) -> None:
        """Sweep from the end to the wanted lane."""
        S, both = len(self.back), any(lane.reverse for lane in self.trace.lanes.values())
        per_row = sum(self.timeline.steps(part) for part in self.timeline.parts) * self.back[0].nbytes
        size = max(1, CHUNK // max(1, per_row)) if both else S
        for start in range(0, S, size):
            rows, carried = slice(start, min(S, start + size)), None
            for part in reversed(self.timeline.parts):
                if any(lane.reverse for lane in layout.lanes(self.spec, part)):
                    self._layers(part, rows, carried)
                else:
                    carried = self._columns(part, rows, carried)
                if part == self.wanted.part:
                    break

    def _zeros(self, rows: slice) -> dict[str, np.ndarray]:
        shape = (rows.stop - rows.start, self.batch.B, self.spec.hidden_size)
        return {state: np.zeros(shape, self.back.dtype) for state in self.states}

    # One-directional parts: column by column, all layers together --------------------------------------------

    def _columns(self, part: str, rows: slice, carried: list[dict[str, np.ndarray]] | None) -> list[Any]:
        seeded = part == self.timeline.output_part
        lanes = layout.lanes(self.spec, part)
        carry = carried or [self._zeros(rows) for _ in lanes]
        emits = {int(t): s for s, t in enumerate(self.timeline.output_steps)} if seeded else {}
        first, stop = (rows.stop - rows.start, rows.stop - rows.start) if seeded else (0, rows.stop - rows.start)
        starts = np.zeros(rows.stop - rows.start)
        for t in reversed(range(self.timeline.steps(part))):
            s = emits.get(t, -1)
            if rows.start <= s < rows.stop:
                first = s - rows.start
                carry[-1][self.hidden][first] += self.back[s]
                starts[first] = np.linalg.norm(self.back[s])
            if first < stop:
                self._step(lanes, t, slice(first, stop), rows.start, carry)
                stop = self._forget(carry, first, stop, starts)
        return [self._across(part, grads) for grads in carry]

    def _step(self, lanes: tuple[Lane, ...], t: int, active: slice, offset: int, carry: list[Any]) -> None:
        above: np.ndarray | None = None
        for lane, grads in zip(reversed(lanes), reversed(carry), strict=True):
            seeds = {state: grad[active] for state, grad in grads.items()}
            if above is not None:
                seeds[self.hidden] = seeds[self.hidden] + above
            steps, last = self.maps[lane.prefix], lane.part == self.wanted.part and lane.layer == self.wanted.layer
            if lane == self.wanted:
                self.visit(lane, t, slice(offset + active.start, offset + active.stop), steps.whole(t, seeds))
            found = {state: steps.pull(t, seeds, f"{state}_prev") for state in self.states}
            feeds = lane.layer == 0 and self.spec.differentiable_feedback and not self.batch.forced and t > 0
            above = steps.pull(t, seeds, "x") if lane.layer > 0 or (feeds and lane.part != "encoder") else None
            for state, grad in found.items():
                grads[state][active] = 0 if grad is None else grad
            if feeds and above is not None and lane.part != "encoder":
                y = self.trace.value("output.y")[t - 1]
                pulled = LOSSES[self.spec.loss].output_pull(np, above[..., -self.spec.feedback_size :], y)
                carry[-1][self.hidden][active] += pulled @ self.W_y
            if last and not self.spec.differentiable_feedback:
                break

    def _forget(self, carry: list[Any], first: int, stop: int, starts: np.ndarray) -> int:
        """Return the new end of the active rows: the latest losses, which have come farthest, are dropped first."""
        while self.drop and stop > first:
            size = sum(float(np.linalg.norm(grad[stop - 1])) for grads in carry for grad in grads.values())
            if size == 0 or size >= self.drop * starts[stop - 1]:
                break
            stop -= 1
        return stop

    def _across(self, part: str, grads: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Take a decoder layer's initial state's gradient to what the encoder's last states receive."""
        if part != "decoder" or not self.spec.bidirectional:
            return grads
        names = {state: "bridge.weight" if i == 0 else f"bridge.weight_{state}" for i, state in enumerate(self.states)}
        return {state: grad @ self.trace.parameters[names[state]] for state, grad in grads.items()}

    # Bidirectional parts: layer by layer ---------------------------------------------------------------------

    def _layers(self, part: str, rows: slice, carried: list[dict[str, np.ndarray]] | None) -> None:
        N, K, H = self.timeline.steps(part), rows.stop - rows.start, self.spec.hidden_size
        above = np.zeros((N, K, self.batch.B, 2 * H), self.back.dtype)
        if part == self.timeline.output_part:
            for s in range(rows.start, rows.stop):
                above[self.timeline.output_steps[s], s - rows.start, :, :H] += self.back[s][..., :H]
                above[self.timeline.reverse_output_steps[s], s - rows.start, :, H:] += self.back[s][..., H:]
        for layer in reversed(range(self.spec.num_layers)):
            dx = []
            for d, lane in enumerate(lane for lane in layout.lanes(self.spec, part) if lane.layer == layer):
                half = slice(d * H, (d + 1) * H)
                start = None if carried is None else {state: g[..., half] for state, g in carried[layer].items()}
                dx.append(self._lane(lane, above[..., half], start or self._zeros(rows), rows))
            if layer == self.wanted.layer:
                return
            above = sum(dx)  # type: ignore[assignment]

    def _lane(self, lane: Lane, above: np.ndarray, carry: dict[str, np.ndarray], rows: slice) -> np.ndarray:
        steps, N = self.maps[lane.prefix], above.shape[0]
        dx = np.zeros((*above.shape[:3], lane.input_size), above.dtype)
        for t in range(N) if lane.reverse else reversed(range(N)):
            seeds = {**carry, self.hidden: carry[self.hidden] + above[t]}
            if lane == self.wanted:
                self.visit(lane, t, rows, steps.whole(t, seeds))
            found = {state: steps.pull(t, seeds, f"{state}_prev") for state in self.states}
            carry = {s: np.zeros_like(seeds[s]) if grad is None else grad for s, grad in found.items()}
            if lane.layer > self.wanted.layer:
                dx[t] = steps.pull(t, seeds, "x")
        return dx
