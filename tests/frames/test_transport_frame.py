"""The timeline's arrays and what the playhead has reached, against the events one by one."""

from __future__ import annotations

import numpy as np
import pytest

from engine import ModelSpec, Network
from engine.narration import Words, words
from engine.spec import PATTERNS
from gui.frames import transport
from gui.frames.reach import Reach


def trace_of(pattern, **changes):
    spec = ModelSpec(pattern=pattern, cell="gru", input_size=2, hidden_size=3, output_size=2, **changes)
    steps = 1 if pattern in ("one-to-one", "one-to-many") else 4
    S = {"many-to-one": 1, "one-to-one": 1, "many-to-many": 4}.get(pattern, 3)
    return Network(spec).run(np.ones((steps, 1, 2)), np.zeros((S, 1), int))


CASES = [(pattern, {}) for pattern in PATTERNS] + [
    ("many-to-many", {"bidirectional": True, "num_layers": 2}),
    ("sequence-to-sequence", {"bidirectional": True}),
    ("many-to-one", {"num_layers": 2}),
]


@pytest.mark.parametrize(("pattern", "changes"), CASES)
def test_timeline_says_what_the_events_say(pattern, changes):
    trace = trace_of(pattern, **changes)
    frame = transport.timeline(trace, Words())
    assert len(frame) == len(trace.events.tokens)
    for at in range(len(frame)):
        event = trace.events.token(at)
        assert transport.PHASES[frame.phases[at]] == event.phase
        assert (frame.columns[at], frame.steps[at], frame.parts[at]) == (event.column, event.step, event.part)
        assert frame.totals[at] == trace.timeline.steps(event.part)
        assert bool(frame.labels[at]) == (event.phase != "loss")


@pytest.mark.parametrize(("pattern", "changes"), CASES)
def test_reach_agrees_with_the_events(pattern, changes):
    trace = trace_of(pattern, **changes)
    reach, events = Reach(trace.events), trace.events
    assert reach.count == len(events.tokens)
    assert events.token(reach.loss).phase == "loss"
    for prefix, lane in trace.lanes.items():
        for step in range(trace.timeline.steps(lane.part)):
            for phase, find in (("forward", reach.forward), ("backward", reach.backward)):
                event = events.token(find(prefix, step))
                assert (event.phase, event.part, event.step) == (phase, lane.part, step)
                if event.layer is not None:
                    assert (event.layer, event.direction) == (lane.layer, lane.direction)
        assert reach.forward(prefix, 99) is None
    for step in trace.output_steps:
        assert events.token(reach.output(int(step))).step == step
    assert reach.forward("l7", 0) is None


def test_labels_are_the_words_of_the_columns():
    trace = trace_of("many-to-one")
    frame = transport.timeline(trace, words(trace, ["a", "b", "c", "d"]))
    assert frame.labels == ("a", "b", "c", "d", "", "d", "c", "b", "a")
    assert len(transport.EMPTY) == 0
