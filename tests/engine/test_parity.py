"""Both engines give the same numbers: every pattern, cell, loss, input, direction; padded, forced, free, sampled."""

import pytest
from samples import CELLS, assert_same_run, every_spec, make_spec, name, problem

from engine import Network
from engine.recording import engines
from engine.registry import cells
from engine.spec import PATTERNS

pytest.importorskip("torch")
SPECS = list(every_spec(num_layers=2))
OTHERS = [engine.name for engine in engines if engine.name != "torch"]


def both(spec, tolerance=1e-10, engine="numpy", **kwargs):
    network = Network(spec)
    ours, theirs = network.run(engine=engine, **kwargs), network.run(engine="torch", **kwargs)
    assert (ours.engine, theirs.engine) == (engine, "torch")
    assert_same_run(ours, theirs, tolerance)
    return ours


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_padded_batches(spec, engine):
    both(spec, engine=engine, **problem(spec, padded=True, states=True))


@pytest.mark.parametrize("spec", [s for s in SPECS if s.has_feedback], ids=name)
def test_free_running(spec):
    both(spec, teacher_forcing=False, **problem(spec, padded=True))
    arguments = problem(spec)
    del arguments["target"]
    trace = both(spec, steps=6, **arguments)
    assert len(trace.value("output.y")) == 6


@pytest.mark.parametrize("spec", [s for s in SPECS if s.has_feedback and s.loss == "cross-entropy"], ids=name)
def test_sampling_draws_the_same(spec):
    arguments = problem(spec, B=8)
    one = both(spec, teacher_forcing=False, sample=1, temperature=2.0, **arguments)
    other = both(spec, teacher_forcing=False, sample=2, temperature=2.0, **arguments)
    assert (one.fed_back != other.fed_back).any()


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("pattern", PATTERNS)
def test_float32(pattern, cell):
    spec = make_spec(pattern=pattern, cell=cell, dtype="float32", hidden_size=16, num_layers=2)
    both(spec, 1e-4, **problem(spec, T=12, padded=True))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cell", CELLS)
def test_two_hundred_steps(cell, dtype):
    spec = make_spec(cell=cell, dtype=dtype, hidden_size=8)
    both(spec, 1e-10 if dtype == "float64" else 1e-4, **problem(spec, T=200, B=2))


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "identity"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_nonlinearities_and_biases(cell, bias, nonlinearity):
    spec = make_spec(cell=cell, bias=bias, nonlinearity=nonlinearity, num_layers=2, bidirectional=True)
    both(spec, **problem(spec, padded=True), reduction="mean")


@pytest.mark.parametrize("cell", CELLS)
def test_without_a_target(cell):
    spec = make_spec(cell=cell)
    both(spec, x=problem(spec)["x"])


@pytest.mark.parametrize("cell", CELLS)
def test_every_operation_replayed_is_the_same(cell):
    spec = make_spec(cell=cell, num_layers=2, bidirectional=True)
    arguments = problem(spec, padded=True)
    ours, theirs = (Network(spec).run(engine=engine, **arguments) for engine in ("numpy", "torch"))
    for lane in ours.lanes:
        for node in ours.graph.operations:
            key = f"{lane}.{node.name}"
            assert abs(ours.value(key) - theirs.value(key)).max() < 1e-10
            assert abs(ours.grad(key) - theirs.grad(key)).max() < 1e-10
        for state in ours.graph.states:
            key = f"{lane}.{state}"
            assert abs(ours.travelled(key) - theirs.travelled(key)).max() < 1e-10
