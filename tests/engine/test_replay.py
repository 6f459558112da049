"""What is replayed a stretch at a time is what is replayed at once, and the states before a step need no replay."""

import numpy as np
import pytest

from engine import ModelSpec, Network, replay
from engine.registry import cells


def run(cell, pattern="many-to-many", **more):
    spec = ModelSpec(
        pattern=pattern, cell=cell, input_size=3, hidden_size=4, output_size=3, num_layers=2, bidirectional=True, **more
    )
    rng = np.random.default_rng(1)
    lengths = {} if pattern != "many-to-many" else {"lengths": [9, 5]}
    return Network(spec).run(rng.standard_normal((9, 2, 3)), rng.integers(0, 3, (9, 2)), **lengths)


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("pattern", ["many-to-many", "sequence-to-sequence"])
def test_stretches_of_any_length_give_what_travelled(cell, pattern, monkeypatch):
    whole = run(cell, pattern)
    for length in (1, 2, 4, 100):
        monkeypatch.setattr(replay, "CHUNK", length * 8)
        trace = run(cell, pattern)
        for prefix in trace.lanes:
            for state in trace.graph.states:
                key = f"{prefix}.{state}"
                np.testing.assert_allclose(trace.travelled(key), whole.travelled(key), rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", cells.names())
def test_what_travelled_is_what_the_operations_send_back(cell):
    trace = run(cell)
    for prefix, lane in trace.lanes.items():
        sent = trace.replay(prefix).sent_back("h")
        came = trace.travelled(f"{prefix}.h")
        later, now = (slice(None, -1), slice(1, None)) if lane.reverse else (slice(1, None), slice(None, -1))
        np.testing.assert_allclose(came[now], sent[later], rtol=0, atol=1e-13)
        assert not came[0 if lane.reverse else -1].any()


def test_states_before_a_step_and_what_travelled_need_no_whole_replay(monkeypatch):
    trace = run("lstm")
    monkeypatch.setattr(type(trace), "replay", None)
    for prefix, lane in trace.lanes.items():
        for state in ("h", "c"):
            key = f"{prefix}.{state}"
            before, states = trace.value(f"{key}_prev"), trace.value(key)
            own, other = (slice(None, -1), slice(1, None)) if lane.reverse else (slice(1, None), slice(None, -1))
            assert np.array_equal(before[own], states[other])
            assert np.array_equal(before[-1 if lane.reverse else 0], trace.starts_from(key))
            assert not before.flags.writeable and not trace.travelled(key).flags.writeable
            assert trace.travelled(key) is trace.travelled(key)


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("both", [False, True])
def test_an_encoders_last_step_gets_what_left_the_decoders_first(cell, both):
    spec = ModelSpec(
        pattern="sequence-to-sequence", cell=cell, input_size=3, hidden_size=4, output_size=3, num_layers=2,
        bidirectional=both,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    trace = Network(spec).run(rng.standard_normal((5, 2, 3)), rng.integers(0, 3, (4, 2)), lengths=[5, 3])
    above = sum(trace.grad(f"{prefix}.x") for prefix in trace.lanes if prefix.startswith("encoder.l1"))
    for prefix, lane in trace.lanes.items():
        if lane.part != "encoder":
            assert not trace.travelled(f"{prefix}.h")[-1].any()
            continue
        rest = trace.grad(f"{prefix}.h") - trace.travelled(f"{prefix}.h")
        half = above[..., 4:] if lane.reverse else above[..., :4]
        np.testing.assert_allclose(rest, half if lane.layer == 0 else 0, rtol=0, atol=1e-13)
        last = 0 if lane.reverse else -1
        assert trace.travelled(f"{prefix}.h")[last].all()
        for state in trace.graph.states[1:]:  # nothing but the decoder's first step and h itself reach an LSTM's c
            within = trace.replay(prefix).pull(4 if last else 0, {"h": trace.grad(f"{prefix}.h")[last]})[state]
            came = trace.travelled(f"{prefix}.{state}")[last] + within
            np.testing.assert_allclose(trace.grad(f"{prefix}.{state}")[last], came, rtol=0, atol=1e-13)
