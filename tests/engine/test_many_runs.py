"""Many runs of many sizes, one after the other and at once: every trace keeps its own numbers."""

import sys
import threading

import numpy as np
import pytest
from samples import CELLS, make_spec, problem

from engine import Network
from engine.plan.pool import Pool
from engine.recording import engines

SIZES = ((9, 2), (5, 1), (12, 3), (9, 1), (2, 2))
PATTERNS = ("many-to-many", "many-to-one", "one-to-many", "sequence-to-sequence")


@pytest.fixture(autouse=True)
def pool(monkeypatch):
    """Little memory, so that tapes also go."""
    fresh = Pool(kept_bytes=300_000)
    monkeypatch.setattr(engines["numpy"], "pool", fresh)
    return fresh


@pytest.fixture
def switching():
    """Threads that take turns often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def everything(trace):
    """Every array that a trace gives, by a name."""
    found = {f"grad of {name}": value for name, value in trace.parameter_grads.items()}
    for key in trace.keys():  # noqa: SIM118
        found |= {key: trace.value(key), f"grad {key}": trace.grad(key)}
    for prefix, lane in trace.lanes.items():
        found[f"{prefix} reads"] = trace.read_by(prefix)
        for state in trace.graph.states:
            key = lane.key(state)
            found |= {f"{key} before": trace.value(f"{key}_prev"), f"{key} travelled": trace.travelled(key)}
            found[f"{key} start"] = trace.starts_from(key)
    return found


def kept(trace):
    return {name: value.copy() for name, value in everything(trace).items()}


def unlike(trace, expected):
    """The names of what is not as it was."""
    found = everything(trace)
    assert found.keys() == expected.keys()
    return [name for name, value in found.items() if not np.array_equal(value, expected[name])]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_three_traces_keep_their_numbers_through_runs_of_other_sizes(cell, pattern):
    spec = make_spec(cell=cell, pattern=pattern, num_layers=2)
    network = Network(spec)
    traces = [network.run(**problem(spec, T=T, B=B)) for T, B in SIZES[:3]]
    held = [everything(trace) for trace in traces]
    alone = [kept(network.run(**problem(spec, T=T, B=B))) for T, B in SIZES[:3]]
    for value in network.parameters.values():
        value += 0.25
    for seed in range(4):
        for T, B in SIZES:
            assert np.isfinite(network.run(**problem(spec, T=T, B=B, seed=seed)).loss)
    for trace, arrays, expected in zip(traces, held, alone, strict=True):
        assert unlike(trace, expected) == []
        assert all(np.array_equal(value, expected[name]) for name, value in arrays.items())


def test_four_threads_compute_as_one(switching):
    jobs = []
    for pattern in PATTERNS:
        for cell in ("lstm", "gru"):
            spec = make_spec(cell=cell, pattern=pattern)
            network = Network(spec)
            for T, B in SIZES[:3]:
                arguments = problem(spec, T=T, B=B)
                jobs.append((network, arguments, kept(network.run(**arguments))))
    failures = []

    def run(seed):
        chosen, living = np.random.default_rng(seed), []
        try:
            for _ in range(25):
                living = [*living[-2:], jobs[chosen.integers(len(jobs))]]
                network, arguments, expected = living[-1]
                living[-1] = (network.run(**arguments), expected)
                failures.extend(name for trace, right in living for name in unlike(trace, right))
        except Exception as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
