"""One backward pass for many seeds at once: every loss on its own, carried back together as a leading axis.

The steps' own graphs pull; rows whose loss lies earlier than the step being passed are not there yet, so the block
of active rows grows as it walks back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine import layout
from engine.layout import Lane
from engine.losses import LOSSES
from engine.replay import LaneReplay

Visit = Callable[[Lane, int, slice, dict[str, np.ndarray]], None]
#: Rows are swept in chunks whose dense arrays stay below this many bytes.
CHUNK = 2**27


def output_seeds(trace: Any) -> np.ndarray:
    """∂L_s/∂logits of every output s alone, (S, B, O), L_s the batch mean of output step s."""
    batch, loss = trace.batch, LOSSES[trace.spec.loss]
    if batch.target is None:
        raise ValueError("the gradient flow needs a target: this run was a forward pass only")
    gradient = loss.gradient(np, trace.value("output.logits"), batch.target) / batch.B
    return np.where(batch.weights[..., None] != 0, gradient, 0)


class Sweep:
    """Carry every output's own gradient back through the whole network.

    Parameters
    ----------
    trace : engine.Trace
        A run with a target.
    visit : callable
        ``visit(lane, step, rows, grads)``: the gradients of the states after a step, (rows, B, H) each, for the
        outputs in ``rows``; for all others they are zero. The arrays are reused afterwards.
    drop : float
        Forget a row once its norm falls below this share of what it started with; 0: exact.
    """

    def __init__(self, trace: Any, visit: Visit, drop: float = 0.0) -> None:
        self.trace, self.visit, self.drop = trace, visit, drop
        self.spec, self.timeline = trace.spec, trace.timeline
        self.states = trace.graph.states
        before = layout.output_before(self.spec)
        self.W_y = trace.parameters[f"{before}output.weight"]
        self.back = output_seeds(trace) @ self.W_y  # ∂L_s/∂(what the head reads), (S, B, head size)

    def run(self) -> None:
        """Sweep over all parts, from the end."""
        S = len(self.back)
        per_row = sum(len(self.timeline.of(part)) for part in self.timeline.parts) * self.back[0].nbytes
        size = max(1, CHUNK // max(1, per_row)) if self._has_reverse() else S
        for start in range(0, S, size):
            self._sweep(slice(start, min(S, start + size)))

    def _has_reverse(self) -> bool:
        return any(lane.reverse for lane in self.trace.lanes.values())

    def _sweep(self, rows: slice) -> None:
        last = self.timeline.output_part
        carried = None
        for part in reversed(self.timeline.parts):
            seeded = part == last
            if any(lane.reverse for lane in layout.lanes(self.spec, part)):
                self._layers(part, rows, carried, seeded)
            else:
                carried = self._columns(part, rows, carried, seeded)

    # One-directional parts: column by column, all layers together ------------------------------------------

    def _columns(self, part: str, rows: slice, carried: Any, seeded: bool) -> Any:
        lanes = [self.trace.replay(lane.prefix) for lane in layout.lanes(self.spec, part)]
        K, B, H = rows.stop - rows.start, self.trace.batch.B, self.spec.hidden_size
        carry = [{state: np.zeros((K, B, H), self.back.dtype) for state in self.states} for _ in lanes]
        if carried is not None:
            for lane, given in zip(carry, carried, strict=True):
                for state, grad in given.items():
                    lane[state] += grad
        emits = {int(t): s for s, t in enumerate(self.timeline.output_steps)} if seeded else {}
        fed = np.zeros((K, B, self.back.shape[2]), self.back.dtype)
        first, stop = (K, K) if seeded else (0, K)
        starts = np.zeros(K)
        for t in reversed(range(self.timeline.steps(part))):
            s = emits.get(t)
            if s is not None:
                if rows.start <= s < rows.stop:
                    first = s - rows.start
                    carry[-1]["h"][first] += self.back[s]
                    starts[first] = np.linalg.norm(self.back[s])
                carry[-1]["h"][first:stop] += fed[first:stop]
                fed[:] = 0
            active = slice(first, stop)
            if first < stop:
                self._step(lanes, t, active, rows, carry, fed if seeded else None)
                stop = self._forget(carry, active, starts)
        return [self._across(part, state_grads) for state_grads in carry]

    def _step(
        self, lanes: list[LaneReplay], t: int, active: slice, rows: slice, carry: list[dict[str, np.ndarray]], fed: Any
    ) -> None:
        above: np.ndarray | None = None
        shown = slice(rows.start + active.start, rows.start + active.stop)
        for replay, grads in zip(reversed(lanes), reversed(carry), strict=True):
            if above is not None:
                grads["h"][active] += above
            seeds = {state: grad[active] for state, grad in grads.items()}
            arrived = replay.pull(t, seeds)
            whole = {state: arrived.get(state, seeds[state]) for state in self.states}
            if replay.mask is not None:
                held = ~replay.mask[t][:, None]
                whole = {state: np.where(held, seeds[state], grad) for state, grad in whole.items()}
            self.visit(replay.lane, t, shown, whole)
            for state, grad in grads.items():
                grad[active] = arrived[f"{state}_prev"]
            above = arrived["x"] if replay.mask is None else arrived["x"] * replay.mask[t][:, None]
        if (
            above is not None
            and fed is not None
            and t > 0
            and self.spec.differentiable_feedback
            and not self.trace.batch.forced
        ):
            size = self.spec.feedback_size
            y = self.trace.value("output.y")[t - 1]
            back = LOSSES[self.spec.loss].output_pull(np, above[..., -size:], y)
            fed[active] = back @ self.W_y

    def _forget(self, carry: list[dict[str, np.ndarray]], active: slice, starts: np.ndarray) -> int:
        """Return the new end of the active rows: the latest losses, which have come farthest, are dropped first."""
        stop = active.stop
        while self.drop and stop > active.start:
            size = max(float(np.abs(grad[stop - 1]).max()) for lane in carry for grad in lane.values())
            if size == 0 or size * np.sqrt(carry[0]["h"][0].size) >= self.drop * starts[stop - 1]:
                break
            stop -= 1
        return stop

    def _across(self, part: str, grads: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Take a decoder layer's initial state's gradient to what the encoder's last states receive."""
        if part != "decoder" or not self.spec.bidirectional:
            return grads
        names = {state: "bridge.weight" if i == 0 else f"bridge.weight_{state}" for i, state in enumerate(self.states)}
        return {state: grad @ self.trace.parameters[names[state]] for state, grad in grads.items()}

    # Bidirectional parts: layer by layer -------------------------------------------------------------------

    def _layers(self, part: str, rows: slice, carried: Any, seeded: bool) -> None:
        N, K, H = self.timeline.steps(part), rows.stop - rows.start, self.spec.hidden_size
        shape = (N, K, self.trace.batch.B, 2 * H)
        above = np.zeros(shape, self.back.dtype)
        if seeded:
            for s in range(rows.start, rows.stop):
                above[self.timeline.output_steps[s], s - rows.start, :, :H] += self.back[s][..., :H]
                above[self.timeline.reverse_output_steps[s], s - rows.start, :, H:] += self.back[s][..., H:]
        for layer in reversed(range(self.spec.num_layers)):
            below: np.ndarray | None = None
            for d, lane in enumerate(lane for lane in layout.lanes(self.spec, part) if lane.layer == layer):
                half = slice(d * H, (d + 1) * H)
                start = None if carried is None else {state: g[..., half] for state, g in carried[layer].items()}
                dx = self._lane(lane, above[..., half], start, rows)
                below = dx if below is None else below + dx
            above = below  # type: ignore[assignment]

    def _lane(self, lane: Lane, above: np.ndarray, start: dict[str, np.ndarray] | None, rows: slice) -> np.ndarray:
        replay = self.trace.replay(lane.prefix)
        N, K, B, H = above.shape
        carry = start or {state: np.zeros((K, B, H), above.dtype) for state in self.states}
        dx = np.zeros((N, K, B, lane.input_size), above.dtype)
        for t in range(N) if lane.reverse else reversed(range(N)):
            seeds = {**carry, "h": carry["h"] + above[t]}
            arrived = replay.pull(t, seeds)
            whole = {state: arrived.get(state, seeds[state]) for state in self.states}
            mask = None if replay.mask is None else replay.mask[t][:, None]
            if mask is not None:
                whole = {state: np.where(mask, grad, seeds[state]) for state, grad in whole.items()}
            self.visit(lane, t, rows, whole)
            carry = {state: arrived[f"{state}_prev"] for state in self.states}
            dx[t] = arrived["x"] if mask is None else arrived["x"] * mask
        return dx
