"""The compiled plan: the same numbers as walking the graph, for any cell; few calls; traces that own their numbers."""

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest
from samples import CELLS, assert_same_run, every_spec, make_spec, name, problem

from engine import Network
from engine import graph as graphs
from engine.engines import _numpy_scheme
from engine.engines._numpy_run import Run
from engine.inputs import prepare
from engine.plan import tape as tapes
from engine.plan import values
from engine.plan.compiled import Compiled, compile_cell
from engine.plan.lane import LaneTape
from engine.plan.merging import Neighbours
from engine.plan.pool import HOLDERS, Pool
from engine.recording import engines
from engine.registry import Cell, cells
from engine.spec import PATTERNS
from engine.trace import Trace

MADE_UP = {
    # A matrix within the step: W_hn multiplies what a gate has let through.
    "mgu": Cell("mgu", "MGU", ("h",), """
        f = σ(W_if x_t + b_if + W_hf h_prev + b_hf)
        p = f ⊙ h_prev
        n = tanh(W_in x_t + b_in + W_hn p + b_hn)
        h_t = (1 − f) ⊙ h_prev + f ⊙ n
    """, ("f", "n")),
    # Gates that see the other state, element by element and by a matrix, before the step and after it.
    "peephole": Cell("peephole", "Peephole", ("h", "c"), """
        a_i = W_ii x_t + b_ii + W_hi h_prev + b_hi ⊙ c_prev
        a_f = W_if x_t + W_hf c_prev + b_if
        a_o = W_io x_t + W_ho h_prev + b_io + b_ho ⊙ c_prev
        i, f = σ(a_i), σ(a_f)
        c_t = f ⊙ c_prev + i ⊙ tanh(a_o)
        h_t = σ(a_o) ⊙ tanh(c_t) + W_ho c_t
    """, ("i", "f", "o")),
    # Numbers, signs, a state nobody reads, a state that is a row, and values in which many ways cross.
    "odd": Cell("odd", "Odd", ("h", "s", "m"), """
        a = 2 ⊙ (W_ih x_t) − W_hh h_prev − b_ih
        u = relu(a) + tanh(a)
        v = u ⊙ u − s_prev ⊙ u
        w = 1 − v + 3
        m_t = a − 1 − u
        s_t = W_hh h_prev + b_hh
        h_t = tanh(v) ⊙ tanh(w) − u
    """),
}  # fmt: skip
#: x read element by element, which no plan knows.
UNKNOWN = Cell(
    "unknown", "Unknown", ("h",), "g = σ(W_ih x_t + W_hh h_prev + b_ih + b_hh)\nh_t = g ⊙ x_t + (1 − g) ⊙ h_prev"
)


def forget():
    """Drop what was compiled, where something it depends on changes."""
    compile_cell.cache_clear()
    graphs.build.cache_clear()
    _numpy_scheme._kept.cache_clear()


@pytest.fixture
def made_up():
    """Register the made-up cells for one test."""
    for cell in (*MADE_UP.values(), UNKNOWN):
        cells.add(cell.name, cell)
    yield
    for cell in (*MADE_UP.values(), UNKNOWN):
        del cells._entries[cell.name]
    forget()


@pytest.fixture(params=["fused", "before"])
def input_way(request, monkeypatch):
    """Force where the input is multiplied: in every step's product, or before all steps."""
    monkeypatch.setattr(tapes.Size, "better_fused", lambda size, plan: request.param == "fused")
    forget()
    yield request.param
    forget()


def walked(network, **arguments):
    """The same run by walking the graph."""
    batch = prepare(network.spec, **arguments)
    run = Run(network.spec, network.parameters, batch, Pool(), walk=True)
    with np.errstate(all="ignore"):
        run.forward()
        if batch.target is not None:
            run.backward()
        return Trace(network.spec, network.parameters, batch, run.record(), "walked", "cpu")


def assert_plan_is_right(spec, tolerance=1e-11, **arguments):
    network = Network(spec)
    trace = network.run(**arguments)
    assert_same_run(trace, walked(network, **arguments), tolerance)
    return trace


# The same numbers as the graph's ------------------------------------------------------------------------


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("spec", list(every_spec(num_layers=2)), ids=name)
def test_every_pattern(spec, B):
    assert_plan_is_right(spec, **problem(spec, B=B, padded=True, states=True))
    if spec.has_feedback:
        assert_plan_is_right(spec, **problem(spec, B=B), teacher_forcing=False)


@pytest.mark.parametrize("B", [1, 3])
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("cell", [*CELLS, *MADE_UP, "unknown"])
def test_any_cell_either_way(cell, pattern, B, made_up, input_way):
    for bias, padded, both in ((True, True, False), (True, False, True), (False, True, True)):
        if not bias and cell in ("peephole", "odd"):
            continue  # their biases are not only added, so that they cannot be left out
        facts = {"input_size": 4, "output_size": 4} if cell == "unknown" else {}
        spec = make_spec(cell=cell, pattern=pattern, bias=bias, bidirectional=both, num_layers=1, **facts)
        if spec is None or (cell == "unknown" and (pattern == "one-to-many" or both)):
            continue
        assert_plan_is_right(spec, **problem(spec, B=B, padded=padded))


@pytest.mark.parametrize("cell", MADE_UP)
def test_made_up_cells_are_compiled(cell, made_up):
    assert isinstance(compile_cell(cell, "tanh", True, False), Compiled)
    assert isinstance(compile_cell("unknown", "tanh", True, False), values.NotCompilable)


@pytest.mark.parametrize("cell", [*MADE_UP, "unknown"])
def test_made_up_cells_agree_with_autograd(cell, made_up):
    pytest.importorskip("torch")
    spec = make_spec(cell=cell, input_size=4, num_layers=2)
    network, arguments = Network(spec), problem(spec, padded=True)
    assert_same_run(network.run(**arguments), network.run(engine="torch", **arguments), 1e-10)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "identity"])
def test_nonlinearities(cell, nonlinearity):
    spec = make_spec(cell=cell, nonlinearity=nonlinearity)
    assert_plan_is_right(spec, **problem(spec, padded=True))


@pytest.mark.parametrize("B", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_chunks_panels_and_columns(cell, B, monkeypatch):
    """Small limits make many chunks of derivatives, panels of a product and groups of weight gradients."""
    monkeypatch.setattr(tapes, "CHUNK_BYTES", 0)
    monkeypatch.setattr(tapes, "SMALL_PRODUCT", 1000)
    monkeypatch.setattr("engine.plan.weights.COLUMNS", 8)
    engine = engines["numpy"]
    monkeypatch.setattr(engine, "pool", Pool())
    for T in (50, 49, 16, 17, 1):
        for pattern in ("many-to-one", "many-to-many"):
            spec = make_spec(cell=cell, hidden_size=32, pattern=pattern)
            assert_plan_is_right(spec, **problem(spec, T=T, B=B, padded=T == 49))


@pytest.mark.parametrize("cell", CELLS)
def test_values_that_overflow(cell):
    spec = make_spec(cell=cell, nonlinearity="relu", dtype="float32")
    network = Network(spec)
    for value in network.parameters.values():
        value *= 1e30
    trace = network.run(**problem(spec, T=20))
    for key in trace.keys():  # noqa: SIM118
        trace.grad(key)  # no warning


# Few calls ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "forward", "backward"), [("rnn", 2, 2), ("gru", 10, 5), ("lstm", 8, 7)])
def test_calls_a_step(cell, forward, backward):
    """With the input in the product, and gradients coming from the last step alone."""
    plan = compile_cell(cell, "tanh", True, False)
    assert len(plan.forward) + 1 == forward
    assert len(plan.backward) == backward
    tape = LaneTape(plan, tapes.Size(4, 3, 2, "float64", True, False, False), 7)
    tape.prepare_backward()
    assert len(tape._forward) == 7 * forward
    assert len(tape._backward) == 7 * backward


def test_neighbours_are_granted_only_where_they_can_be():
    neighbours = Neighbours()
    a, b, c, d = (("F", name) for name in "abcd")
    assert neighbours.link([(a, b), (b, c)])
    assert neighbours.link([(a, b)])  # again
    assert not neighbours.link([(c, a)])  # a ring
    assert not neighbours.link([(c, d), (a, d)])  # nothing is left of it
    assert neighbours.order("F", "dcba") == ("d", "a", "b", "c")
    closed = Neighbours(neighbours.after, neighbours.before, frozenset("F"))
    assert closed.link([(a, b)])
    assert not closed.link([(c, d)])


# Traces own their numbers -------------------------------------------------------------------------------


@pytest.fixture
def pool(monkeypatch):
    """The engine with nothing kept from other tests."""
    fresh = Pool()
    monkeypatch.setattr(engines["numpy"], "pool", fresh)
    return fresh


@pytest.mark.parametrize("cell", CELLS)
def test_later_runs_change_nothing(cell, pool):
    spec = make_spec(cell=cell, num_layers=2)
    arguments, others = problem(spec), problem(spec, seed=1)
    network = Network(spec)
    witness = walked(network, **arguments)
    trace = network.run(**arguments)
    before = {
        key: (trace.value(key), trace.value(key).copy(), trace.grad(key).copy()) for key in list(trace.keys())[::2]
    }
    later = []
    for _ in range(HOLDERS + 2):
        for value in network.parameters.values():
            value += 0.1
        later.append(network.run(**others))
        network.run(**others)
    for key, (held, value, grad) in before.items():
        np.testing.assert_array_equal(held, value)
        np.testing.assert_array_equal(trace.value(key), value)
        np.testing.assert_array_equal(trace.grad(key), grad)
    assert_same_run(trace, witness, 1e-11)
    assert not np.allclose(later[0].value("l0.h"), later[-1].value("l0.h"))


def test_arrays_are_read_only_and_contiguous(pool):
    spec = make_spec(bidirectional=True)
    trace = Network(spec).run(**problem(spec, padded=True))
    for key in trace.keys():  # noqa: SIM118
        for array in (trace.value(key), trace.grad(key)):
            assert array.flags.c_contiguous
            assert not array.flags.writeable
            assert not np.shares_memory(array, trace._recording.values._lease.runs[0].F)
    assert all(grad.flags.writeable and grad.flags.c_contiguous for grad in trace.parameter_grads.values())
    assert trace.value("l0.h") is not None
    assert np.shares_memory(trace.value("l0.h"), trace.value("l0.h"))


def test_reading_from_one_thread_while_another_runs(pool):
    spec = make_spec(hidden_size=16)
    network, arguments = Network(spec), problem(spec, T=40)
    witness = network.run(engine="numpy", **arguments)
    expected = {key: (witness.value(key), witness.grad(key)) for key in tuple(witness.keys())}
    failures = []

    def run_and_read():
        for _ in range(10):
            traces = [network.run(**arguments) for _ in range(HOLDERS + 1)]
            for trace in traces:
                for key, (value, grad) in expected.items():
                    if not (np.array_equal(trace.value(key), value) and np.array_equal(trace.grad(key), grad)):
                        failures.append(key)

    threads = [threading.Thread(target=run_and_read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# Memory is used again -----------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch):
    """Every tape that is made, weakly."""
    found = []
    original = LaneTape.__init__

    def counted(tape, plan, size, capacity):
        original(tape, plan, size, capacity)
        found.append(weakref.ref(tape))

    monkeypatch.setattr(LaneTape, "__init__", counted)
    return found


def test_a_loop_of_runs_needs_two_tapes(pool, made):
    spec = make_spec(pattern="many-to-one")
    network, arguments = Network(spec), problem(spec)
    for _ in range(5):
        trace = network.run(**arguments)
    assert len(made) == 2
    del trace
    assert pool.waiting == 2


def test_shorter_sequences_use_a_longer_ones_tape(pool, made):
    spec = make_spec(pattern="many-to-one")
    network = Network(spec)
    for T in (9, 3, 7, 1, 9):
        network.run(**problem(spec, T=T))
    assert len(made) == 1


def test_many_living_traces_keep_few_tapes(pool, made):
    spec = make_spec(pattern="many-to-one")
    network, arguments = Network(spec), problem(spec)
    traces = [network.run(**arguments) for _ in range(10)]
    assert len(made) <= HOLDERS + 2
    first = traces[0].value("l0.a_i")
    assert all(np.array_equal(first, trace.value("l0.a_i")) for trace in traces)
    del traces
    gc.collect()
    assert pool.waiting == len(made)


def test_what_waits_is_bounded(monkeypatch, made):
    pool = Pool(kept_bytes=1_500_000)
    monkeypatch.setattr(engines["numpy"], "pool", pool)
    for H in (8, 16, 24, 32, 40, 48):
        spec = make_spec(hidden_size=H)
        Network(spec).run(**problem(spec, T=20))
    assert pool.waiting >= 1
    assert pool.nbytes <= 1_500_000
    gc.collect()
    assert sum(ref() is not None for ref in made) == pool.waiting < len(made)


class Weighed:
    """A tape that is nothing but its size."""

    def __init__(self, nbytes):
        self.capacity, self.nbytes = 1, nbytes


def test_tapes_of_a_kind_that_are_all_out_are_not_looked_for():
    pool = Pool(kept_bytes=10)
    pool.give_back("a", pool.take("a", 1, lambda: Weighed(8)))
    out = pool.take("a", 1, lambda: Weighed(0))
    assert out.nbytes == 8
    pool.give_back("b", pool.take("b", 1, lambda: Weighed(20)))
    assert (pool.waiting, pool.nbytes) == (0, 0)
    pool.give_back("a", out)
    assert (pool.waiting, pool.nbytes) == (1, 8)


def test_a_large_tape_goes_also_where_no_new_one_is_made():
    pool = Pool(kept_bytes=10)
    large, small = (pool.take(key, 1, lambda n=n: Weighed(n)) for key, n in (("large", 100), ("small", 1)))
    pool.give_back("small", small)
    assert pool.take("small", 1, lambda: Weighed(0)) is small
    pool.give_back("large", large)
    pool.give_back("small", small)
    assert pool.nbytes == 1


def test_a_tape_weighs_what_it_takes(pool):
    spec = make_spec(pattern="many-to-one", cell="lstm", hidden_size=200, num_layers=1)
    network, arguments = Network(spec), problem(spec, T=4)
    network.run(**problem(spec, T=2))
    pool.kept_bytes = 0
    assert pool.waiting == 0
    pool.kept_bytes = 2**30
    tracemalloc.start()
    network.run(**arguments)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert pool.waiting == 1
    assert 0.8 * taken < pool.nbytes < 1.2 * taken


def test_a_run_without_a_target_makes_no_room_for_gradients(pool):
    spec = make_spec()
    trace = Network(spec).run(problem(spec)["x"])
    assert trace._recording.values._lease.runs[0].G.size == 0
    assert trace.value("l0.h").shape == (5, 3, 4)
