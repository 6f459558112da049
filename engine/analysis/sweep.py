"""One backward pass for many losses at once: every output's own gradient, carried back as a leading axis.

Rows whose loss lies earlier than the step being passed are not there yet, so the block of active rows grows as it
walks back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine import layout
from engine.analysis.linearised import Grads, steps_of
from engine.layout import Lane
from engine.losses import LOSSES

#: ``visit(steps, rows, grads)``: the wanted state's gradients after some steps, (steps, rows, B, H), for the outputs
#: in ``rows``; for all others they are zero. Steps are visited from the last computed to the first.
Visit = Callable[[range, slice, np.ndarray], None]
#: Bidirectional layers are swept in chunks of rows whose dense arrays stay below this many bytes.
CHUNK = 2**27
#: Gradients of so many steps are kept before they are visited together, fewer where they take more bytes than a
#: processor keeps near.
MOST, FEWEST, NEAR = 32, 4, 2**19


def output_seeds(trace: Any) -> np.ndarray:
    """∂L_s/∂logits of every output s alone, (S, B, O), L_s the batch mean of output step s."""
    batch, loss = trace.batch, LOSSES[trace.spec.loss]
    if batch.target is None:
        raise ValueError("the gradient flow needs a target: this run was a forward pass only")
    gradient = loss.gradient(np, trace.value("output.logits"), batch.target) / batch.B
    return np.where(batch.weights[..., None] != 0, gradient, 0).astype(trace.spec.dtype)


class _Window:
    """The gradients of one lane's states after the last few steps passed: by state (depth + 1, rows, B, H).

    A step reads one place and writes the next. Rows that are not there yet, or no longer, are zero.
    """

    def __init__(self, states: tuple[str, ...], depth: int, rows: int, B: int, H: int, dtype: Any) -> None:
        self.depth = depth
        self.grads = {state: np.zeros((depth + 1, rows, B, H), dtype) for state in states}

    def at(self, place: int, rows: slice = slice(None)) -> Grads:
        """The gradients at one place, by state (rows, B, H): to be read and written."""
        return {state: grads[place, rows] for state, grads in self.grads.items()}

    def begin(self, start: Grads) -> None:
        """Take over what arrives at the last step from outside."""
        for state, grads in self.grads.items():
            grads[0] = start[state]

    def turn(self, passed: int, rows: slice) -> None:
        """Go on from the place reached after ``passed`` steps."""
        for grads in self.grads.values():
            grads[0, rows] = grads[passed, rows]

    def clear(self, rows: slice) -> None:
        """Forget some rows."""
        for grads in self.grads.values():
            grads[:, rows] = 0


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
        # What is fed back carries gradients where it is neither the target nor a drawn word.
        self.feeds = self.spec.differentiable_feedback and not self.batch.forced

    def run(self, outputs: slice | None = None) -> None:
        """Sweep from the end to the wanted lane, for all outputs or for some."""
        chosen = range(len(self.back))[outputs or slice(None)]
        both = any(lane.reverse for lane in self.trace.lanes.values())
        per_row = sum(self.timeline.steps(part) for part in self.timeline.parts) * self.back[0].nbytes
        size = min(max(1, len(chosen)), max(1, CHUNK // max(1, per_row))) if both else max(1, len(chosen))
        per_step = size * self.batch.B * self.spec.hidden_size * len(self.states) * self.back.itemsize
        self.depth = min(MOST, max(FEWEST, NEAR // per_step))
        with np.errstate(all="ignore"):  # gradients that over- or underflow are shown, not warned about
            parts = self.timeline.parts[self.timeline.parts.index(self.wanted.part) :]
            prefixes = [lane.prefix for part in parts for lane in self._lanes(part)]
            self.steps = {prefix: steps_of(self.trace.replay(prefix), size) for prefix in prefixes}
            for start in range(chosen.start, chosen.stop, size):
                self._parts(slice(start, min(chosen.stop, start + size)))

    def _lanes(self, part: str) -> list[Lane]:
        """A part's lanes that a gradient passes on its way to the wanted one, in order of computation."""
        lanes = layout.lanes(self.spec, part)
        if part != self.wanted.part or self.spec.differentiable_feedback:
            return list(lanes)
        return [lane for lane in lanes if lane.layer > self.wanted.layer or lane == self.wanted]

    def _parts(self, rows: slice) -> None:
        carried: list[Grads] | None = None
        for part in reversed(self.timeline.parts):
            if any(lane.reverse for lane in layout.lanes(self.spec, part)):
                self._layers(part, rows, carried)
            else:
                carried = self._columns(part, rows, carried)
            if part == self.wanted.part:
                return

    def _window(self, rows: slice, start: Grads | None) -> _Window:
        facts = (rows.stop - rows.start, self.batch.B, self.spec.hidden_size, self.back.dtype)
        window = _Window(self.states, self.depth, *facts)
        if start:
            window.begin(start)
        return window

    # One-directional parts: column by column, all layers together --------------------------------------------

    def _columns(self, part: str, rows: slice, carried: list[Grads] | None) -> list[Grads]:
        lanes, count = self._lanes(part), rows.stop - rows.start
        windows = [self._window(rows, carried[lane.layer] if carried else None) for lane in lanes]
        looked_at = windows[lanes.index(self.wanted)] if self.wanted in lanes else None
        seeded = part == self.timeline.output_part
        emits = {int(t): s for s, t in enumerate(self.timeline.output_steps)} if seeded else {}
        first, stop = count if seeded else 0, count
        for steps in self._stretches(self.timeline.steps(part), False):
            for place, t in enumerate(steps):
                s = emits.get(t, -1)
                if rows.start <= s < rows.stop:
                    first = s - rows.start
                    windows[-1].grads[self.hidden][place, first] += self.back[s]
                if first < stop:
                    self._step(lanes, windows, t, place, slice(first, stop))
            if first < stop:
                active = slice(first, stop)
                if looked_at is not None:
                    grads = looked_at.grads[self.state][: len(steps), active]
                    self.visit(steps, slice(rows.start + first, rows.start + stop), grads)
                for window in windows:
                    window.turn(len(steps), active)
                stop = self._forget(windows, first, stop, rows.start)
        return [self._across(part, window.at(0)) for window in windows]

    def _stretches(self, count: int, forward: bool) -> list[range]:
        """The steps in the order in which gradients pass them, in the stretches that are visited together."""
        order = range(count) if forward else range(count - 1, -1, -1)
        return [order[start : start + self.depth] for start in range(0, count, self.depth)]

    def _step(self, lanes: list[Lane], windows: list[_Window], t: int, place: int, active: slice) -> None:
        above: np.ndarray | None = None
        for lane, window in zip(reversed(lanes), reversed(windows), strict=True):
            here = window.at(place, active)
            if above is not None:
                here[self.hidden] += above
            feeds = self.feeds and lane.layer == 0 and t > 0 and lane.part != "encoder"
            x = lane is not lanes[0] or feeds
            above = self.steps[lane.prefix].back(t, here, window.at(place + 1, active), x)
            if feeds and above is not None:
                y = self.trace.value("output.y")[t - 1]
                pulled = LOSSES[self.spec.loss].output_pull(np, above[..., -self.spec.feedback_size :], y)
                windows[-1].grads[self.hidden][place + 1, active] += pulled @ self.W_y

    def _forget(self, windows: list[_Window], first: int, stop: int, offset: int) -> int:
        """Return the new end of the active rows: the latest losses, which have come farthest, are dropped first.

        A row of zeros stays one, so without ``drop`` nothing but those is left out and the flow is exact.
        """
        last, end = [grads[0] for window in windows for grads in window.grads.values()], stop
        while stop > first:
            row = stop - 1
            if self.drop:
                size = sum(float(np.linalg.norm(grad[row])) for grad in last)
                if not size <= self.drop * float(np.linalg.norm(self.back[offset + row].astype(np.float64))):
                    break
            elif any(grad[row].any() for grad in last):
                break
            stop = row
        if stop < end:
            for window in windows:
                window.clear(slice(stop, end))
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
            for lane in (lane for lane in self._lanes(part) if lane.layer == layer):
                half = slice(H, 2 * H) if lane.reverse else slice(H)
                start = None if carried is None else {state: g[..., half] for state, g in carried[layer].items()}
                dx.append(self._lane(lane, above[..., half], start, rows))
            if layer == self.wanted.layer:
                return
            above = sum(dx)  # type: ignore[assignment]

    def _lane(self, lane: Lane, above: np.ndarray, start: Grads | None, rows: slice) -> np.ndarray:
        window, goes_on = self._window(rows, start), lane.layer > self.wanted.layer
        dx = np.zeros((*above.shape[:3], lane.input_size if goes_on else 0), above.dtype)
        for steps in self._stretches(len(above), lane.reverse):
            for place, t in enumerate(steps):
                here = window.at(place)
                here[self.hidden] += above[t]
                x = self.steps[lane.prefix].back(t, here, window.at(place + 1), goes_on)
                if x is not None:
                    dx[t] = x
            if lane == self.wanted:
                self.visit(steps, rows, window.grads[self.state][: len(steps)])
            window.turn(len(steps), slice(None))
        return dx
