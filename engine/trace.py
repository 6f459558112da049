"""What a run did, as read-only arrays: values, gradients, events."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from engine import graph as graphs
from engine import layout, narration, ops
from engine.events import Event, Events
from engine.inputs import Batch
from engine.layout import Lane
from engine.recording import Recording
from engine.replay import LaneReplay, previous, sent_back
from engine.spec import ModelSpec
from engine.timeline import Timeline


class Trace:
    """One run, forward and (where there was a target) backward.

    Attributes
    ----------
    spec : ModelSpec
    batch : engine.inputs.Batch
    loss : float or None
        Σ_s Σ_b ℓ[s, b] / B (``reduction="mean"``: divided by S too); None without a target.
    parameter_grads : dict of ndarray
        ∂L/∂ each parameter; empty without a target.
    engine, device : str
        What computed it.
    """

    def __init__(
        self, spec: ModelSpec, parameters: dict[str, np.ndarray], batch: Batch, recording: Recording,
        engine: str, device: str,
    ) -> None:  # fmt: skip
        self.spec, self.batch = spec, batch
        self.engine, self.device = engine, device
        self.loss = recording.loss
        self.parameter_grads = recording.parameter_grads
        self._recording, self._parameters = recording, parameters
        self._replays: dict[str, LaneReplay] = {}
        self._travelled: dict[str, np.ndarray] = {}
        self._left: dict[str, np.ndarray] = {}
        self._before: dict[str, np.ndarray] = {}

    @cached_property
    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters as they were during the run, read-only."""
        return {name: _frozen(value) for name, value in self._parameters.items()}

    @property
    def timeline(self) -> Timeline:
        """What each step reads, feeds back, emits and is scored on."""
        return self.batch.timeline

    @property
    def output_steps(self) -> np.ndarray:
        """For each output s, the step of the emitting part that emits it, (S,)."""
        return self.timeline.output_steps

    @cached_property
    def graph(self) -> graphs.Graph:
        """The cell's equations."""
        return graphs.build(self.spec.cell, self.spec.nonlinearity, self.spec.bias)

    @cached_property
    def lanes(self) -> dict[str, Lane]:
        """Every lane (part × layer × direction) by its keys' prefix, in order of computation."""
        return {lane.prefix: lane for lane in layout.all_lanes(self.spec)}

    @property
    def has_gradients(self) -> bool:
        """True where there was a target, and so a backward pass."""
        return self.loss is not None

    def keys(self) -> tuple[str, ...]:
        """What was recorded; values of single operations are there besides, on demand."""
        return tuple(self._recording.values)

    def value(self, key: str) -> np.ndarray:
        """Return a recorded value, or replay a single operation's.

        Parameters
        ----------
        key : str
            One of :meth:`keys`, or an operation inside the cell ("l0.f*c", "l0.W_hh h", "l0.x", "l0.h_prev").

        Returns
        -------
        ndarray (T or S, B, size)
            Read-only; no later run changes it.

        Raises
        ------
        KeyError
            There is no such key.
        """
        if key in self._recording.values:
            return _frozen(self._recording.values[key])
        if key.endswith("_prev") and key.removesuffix("_prev") in self._recording.initial:
            return self._before_each(key.removesuffix("_prev"))
        replay, name = self._replay(key)
        return _frozen(np.asarray(replay.value(name)))

    def grad(self, key: str) -> np.ndarray:
        """Return ∂L/∂ the value of ``key``, as a node of the graph; same shape. ValueError without a target."""
        if not self.has_gradients:
            raise ValueError(f"grad({key!r}) needs a target: this run was a forward pass only")
        grads = self._recording.grads
        if key in grads:
            return _frozen(grads[key])
        replay, name = self._replay(key)
        return _frozen(np.asarray(replay.grad(name)))

    def travelled(self, key: str) -> np.ndarray:
        """Return the part of ∂L/∂ a state (``l0.h``) that came through time, J_{t+1}ᵀ ∂L/∂h_{t+1}, (T, B, H).

        An encoder's last step gets it through the decoder's initial state. The rest of ``grad(key)`` is what the
        step's own outputs, or the layer above, add.
        """
        if not self.has_gradients:
            raise ValueError(f"travelled({key!r}) needs a target: this run was a forward pass only")
        lane, name = self._find(key)
        if name not in self.graph.states:
            raise KeyError(f"{key!r} is not a state; the states are {', '.join(self.graph.states)}")
        if key not in self._travelled:
            self._measure(lane)
        return self._travelled[key]

    @property
    def fed_back(self) -> np.ndarray | None:
        """Class ids that went back in, (S, B): entry s is what step s read, -1 for the start; None where none do."""
        found = self._recording.fed_back
        return None if found is None else _frozen(found)

    def read_by(self, prefix: str) -> np.ndarray:
        """What a lane reads at every step: the embedded tokens, the layer below, …; (T, B, D)."""
        return _frozen(self._input_of(self.lanes[prefix]))

    def starts_from(self, key: str) -> np.ndarray:
        """A state (``l0.h``) before its first step, (B, H)."""
        return _frozen(self._recording.initial[key])

    @cached_property
    def events(self) -> Events:
        """The playhead's positions, in playing order, made when they are asked for."""
        return Events(self.spec, self.timeline, self.graph, self.has_gradients)

    def narrate(self, event: Event, words: narration.Words | None = None) -> str:
        """Say in one plain sentence what happened at ``event``, with this run's numbers.

        Parameters
        ----------
        event : Event
        words : narration.Words, optional
            What the steps and outputs are called ("like", "positive") and which sequence of the batch is meant.
        """
        return narration.plain(narration.narrate(self, event, words or narration.Words()))

    def _measure(self, lane: Lane) -> None:
        """Keep what travelled to a lane's states, and what left its first step."""
        for state, sent in sent_back(self.graph, lane, *self._given(lane)).items():
            came = previous(sent, self._crossing(lane, state, sent), not lane.reverse)
            self._travelled[lane.key(state)] = _frozen(came)
            self._left[lane.key(state)] = sent[-1 if lane.reverse else 0].copy()

    def _crossing(self, lane: Lane, state: str, like: np.ndarray) -> np.ndarray:
        """What comes to a lane's last step from the other part: to an encoder's from the decoder's first, (B, H)."""
        if lane.part != "encoder":
            return np.zeros_like(like[0])
        decoder = layout.find(self.spec, lane.layer, part="decoder")
        if decoder.key(state) not in self._left:
            self._measure(decoder)
        sent = self._left[decoder.key(state)]
        if not self.spec.bidirectional:
            return sent
        H, hidden = self.spec.hidden_size, self.graph.states[0]
        bridge = self.parameters["bridge.weight" if state == hidden else f"bridge.weight_{state}"]
        return sent @ bridge[:, H * lane.reverse : H * (1 + lane.reverse)]

    def _before_each(self, key: str) -> np.ndarray:
        """A state before each step, (T, B, H)."""
        if key not in self._before:
            lane = self._find(key)[0]
            states, start = self._recording.values[key], self._recording.initial[key]
            self._before[key] = _frozen(previous(states, start, lane.reverse))
        return self._before[key]

    def _replay(self, key: str) -> tuple[LaneReplay, str]:
        lane, name = self._find(key)
        return self.replay(lane.prefix), name

    def _find(self, key: str) -> tuple[Lane, str]:
        """The lane and the name in the graph that a key means."""
        parts = key.split(".")
        split = 2 if key.startswith(("encoder.", "decoder.")) else 1
        prefix, name = ".".join(parts[:split]), ".".join(parts[split:])
        given = (ops.WEIGHT, ops.BIAS, ops.CONSTANT)  # nodes of the graph, but not values of a step
        if prefix not in self.lanes or name not in self.graph.by_name or self.graph.node(name).op in given:
            raise KeyError(f"there is no {key!r}; recorded are {', '.join(self.keys())}")
        return self.lanes[prefix], name

    def replay(self, prefix: str) -> LaneReplay:
        """Every operation of one lane at every step, recomputed once from what was recorded."""
        if prefix not in self._replays:
            lane = self.lanes[prefix]
            self._replays[prefix] = LaneReplay(self.graph, lane, *self._given(lane))
        return self._replays[prefix]

    def _given(self, lane: Lane) -> tuple[Any, ...]:
        """What a replay of a lane is given."""
        recording = self._recording
        return (
            self.parameters, recording.values, recording.grads, self._input_of(lane), recording.initial,
            self.batch.step_mask(lane.part),
        )  # fmt: skip

    def _input_of(self, lane: Lane) -> np.ndarray:
        if lane.layer == 0:
            return self._recording.inputs[lane.part]
        below = [other for other in self.lanes.values() if other.part == lane.part and other.layer == lane.layer - 1]
        outputs = [self._recording.values[other.key(self.graph.states[0])] for other in below]
        mask = self.batch.step_mask(lane.part)
        x = np.concatenate(outputs, axis=-1) if len(outputs) > 1 else outputs[0]
        return x if mask is None else np.where(mask[..., None], x, 0)


def _frozen(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.setflags(write=False)
    return view
