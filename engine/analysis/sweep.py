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

#: ``visit(step, rows, grad)``: the wanted state's gradient after a step, (rows, B, H), for the outputs in ``rows``;
#: for all others it is zero.
Visit = Callable[[int, slice, np.ndarray], None]
Grads = dict[str, np.ndarray]
#: Bidirectional layers are swept in chunks of rows whose dense arrays stay below this many bytes.
CHUNK = 2**27
#: Rows that have become zero are looked for every so many steps.
FORGET = 8


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
    state : str
        Which of its states.
    drop : float
        Forget a row once its norm falls below this share of what it started with; 0: exact.
    """

    def __init__(self, trace: Any, visit: Visit, wanted: Lane, state: str, drop: float = 0.0) -> None:
        self.trace, self.visit, self.wanted, self.state, self.drop = trace, visit, wanted, state, drop
        self.spec, self.timeline, self.batch = trace.spec, trace.timeline, trace.batch
        self.states = trace.graph.states
        self.hidden = self.states[0]
        self.W_y = trace.parameters[f"{layout.output_before(self.spec)}output.weight"]
        self.back = output_seeds(trace) @ self.W_y  # ∂L_s/∂ what the head reads, (S, B, head size)
        self.limits = drop * np.sqrt(np.einsum("sbh,sbh->s", self.back, self.back, dtype=np.float64))
        self.maps = {prefix: linearise(trace.replay(prefix)) for prefix in trace.lanes}
        # What is fed back carries gradients where it is neither the target nor a drawn word.
        self.feeds = self.spec.differentiable_feedback and not self.batch.forced

    def run(self, outputs: slice | None = None) -> None:
        """Sweep from the end to the wanted lane, for all outputs or for some."""
        chosen = range(len(self.back))[outputs or slice(None)]
        both = any(lane.reverse for lane in self.trace.lanes.values())
        per_row = sum(self.timeline.steps(part) for part in self.timeline.parts) * self.back[0].nbytes
        size = max(1, CHUNK // max(1, per_row)) if both else max(1, len(chosen))
        with np.errstate(all="ignore"):  # gradients that over- or underflow are shown, not warned about
            for start in range(chosen.start, chosen.stop, size):
                self._parts(slice(start, min(chosen.stop, start + size)))

    def _parts(self, rows: slice) -> None:
        carried: list[Grads] | None = None
        for part in reversed(self.timeline.parts):
            if any(lane.reverse for lane in layout.lanes(self.spec, part)):
                self._layers(part, rows, carried)
            else:
                carried = self._columns(part, rows, carried)
            if part == self.wanted.part:
                return

    def _zeros(self, rows: slice) -> Grads:
        shape = (rows.stop - rows.start, self.batch.B, self.spec.hidden_size)
        return {state: np.zeros(shape, self.back.dtype) for state in self.states}

    # One-directional parts: column by column, all layers together --------------------------------------------

    def _columns(self, part: str, rows: slice, carried: list[Grads] | None) -> list[Grads]:
        lanes, count = layout.lanes(self.spec, part), rows.stop - rows.start
        # A step reads one set of gradients and writes the other.
        here, there = carried or [self._zeros(rows) for _ in lanes], [self._zeros(rows) for _ in lanes]
        seeded = part == self.timeline.output_part
        emits = {int(t): s for s, t in enumerate(self.timeline.output_steps)} if seeded else {}
        first, stop = count if seeded else 0, count
        for t in reversed(range(self.timeline.steps(part))):
            s = emits.get(t, -1)
            if rows.start <= s < rows.stop:
                first = s - rows.start
                here[-1][self.hidden][first] += self.back[s]
            if first < stop:
                self._step(lanes, t, slice(first, stop), rows.start, here, there)
                here, there = there, here
                if self.drop or t % FORGET == 0:
                    stop = self._forget(here, there, first, stop, rows.start)
        return [self._across(part, grads) for grads in here]

    def _step(
        self, lanes: tuple[Lane, ...], t: int, active: slice, offset: int, here: list[Grads], there: list[Grads]
    ) -> None:
        above: np.ndarray | None = None
        for lane, read, written in zip(reversed(lanes), reversed(here), reversed(there), strict=True):
            seeds = {state: grad[active] for state, grad in read.items()}
            if above is not None:
                seeds[self.hidden] += above
            steps = self.maps[lane.prefix]
            if lane is self.wanted:
                rows = slice(offset + active.start, offset + active.stop)
                self.visit(t, rows, steps.whole(t, seeds, self.state))
            for state in self.states:
                steps.pull(t, seeds, f"{state}_prev", written[state][active])
            feeds = self.feeds and lane.layer == 0 and t > 0 and lane.part != "encoder"
            above = steps.pull(t, seeds, "x") if lane.layer > 0 or feeds else None
            if feeds and above is not None:
                y = self.trace.value("output.y")[t - 1]
                pulled = LOSSES[self.spec.loss].output_pull(np, above[..., -self.spec.feedback_size :], y)
                there[-1][self.hidden][active] += pulled @ self.W_y
            if lane is self.wanted and not self.spec.differentiable_feedback:
                return

    def _forget(self, here: list[Grads], there: list[Grads], first: int, stop: int, offset: int) -> int:
        """Return the new end of the active rows: the latest losses, which have come farthest, are dropped first.

        A row of zeros stays one, so without ``drop`` nothing but those is left out and the flow is exact.
        """
        while stop > first:
            row, limit = stop - 1, self.limits[offset + stop - 1]
            if self.drop:
                size = sum(float(np.linalg.norm(grad[row])) for grads in here for grad in grads.values())
                if not size <= limit:
                    break
            elif any(grad[row].any() for grads in here for grad in grads.values()):
                break
            for grads in (*here, *there):
                for grad in grads.values():
                    grad[row] = 0
            stop = row
        return stop

    def _across(self, part: str, grads: Grads) -> Grads:
        """Take a decoder layer's initial state's gradient to what the encoder's last states receive."""
        if part != "decoder" or not self.spec.bidirectional:
            return grads
        names = {state: "bridge.weight" if i == 0 else f"bridge.weight_{state}" for i, state in enumerate(self.states)}
        return {state: grad @ self.trace.parameters[names[state]] for state, grad in grads.items()}

    # Bidirectional parts: layer by layer ---------------------------------------------------------------------

    def _layers(self, part: str, rows: slice, carried: list[Grads] | None) -> None:
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

    def _lane(self, lane: Lane, above: np.ndarray, carry: Grads, rows: slice) -> np.ndarray:
        steps, N = self.maps[lane.prefix], above.shape[0]
        dx = np.zeros((*above.shape[:3], lane.input_size), above.dtype)
        for t in range(N) if lane.reverse else reversed(range(N)):
            seeds = {**carry, self.hidden: carry[self.hidden] + above[t]}
            if lane is self.wanted:
                self.visit(t, rows, steps.whole(t, seeds, self.state))
            carry = {state: steps.pull(t, seeds, f"{state}_prev") for state in self.states}
            if lane.layer > self.wanted.layer:
                dx[t] = steps.pull(t, seeds, "x")
        return dx
