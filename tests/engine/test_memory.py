"""How much memory a run needs, and when to ask."""

import ctypes
import sys
import tracemalloc
from types import SimpleNamespace

import pytest
from samples import CELLS, make_spec, problem

from engine import EngineError, Network, memory
from engine import network as network_module
from engine.inputs import prepare
from engine.memory import Size
from engine.recording import engines
from engine.spec import PATTERNS


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_estimate_holds_what_a_run_takes(cell, pattern):
    spec = make_spec(cell=cell, pattern=pattern, hidden_size=32)
    arguments = problem(spec, T=21, S=19, B=33)
    network = Network(spec)
    tracemalloc.start()
    trace = network.run(**arguments)
    kept = sum(trace.value(key).nbytes + trace.grad(key).nbytes for key in trace.keys())  # noqa: SIM118
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    estimate = memory.needed(spec, trace.batch)
    assert kept < estimate < 6 * kept + 10**6
    assert peak < 1.5 * estimate + 10**6


def test_it_grows_with_what_it_depends_on():
    spec = make_spec(pattern="many-to-one", hidden_size=64)
    one = memory.needed(spec, Size(100, 1, 1))
    assert memory.needed(spec, Size(200, 1, 1)) > 1.8 * one
    assert memory.needed(spec, Size(100, 4, 1)) > 3 * one
    assert memory.needed(spec.but(num_layers=2), Size(100, 1, 1)) > 1.9 * one
    assert memory.needed(spec.but(dtype="float32"), Size(100, 1, 1)) == one / 2
    assert memory.needed(spec, Size(100, 1, 1), backward=False) < 0.6 * one
    free = make_spec(pattern="one-to-many", hidden_size=64)
    assert memory.needed(free, Size(1, 1, 1000)) > 5 * memory.needed(free, Size(1, 1, 100))
    assert memory.needed(make_spec(bidirectional=True), Size(9, 1, 9)) > memory.needed(make_spec(), Size(9, 1, 9))


def test_a_size_and_a_batch_are_alike():
    spec = make_spec(pattern="sequence-to-sequence")
    arguments = problem(spec, T=5, S=4, B=3)
    batch = prepare(spec, arguments["x"], target=arguments["target"])
    assert memory.needed(spec, batch) == memory.needed(spec, Size(5, 3, 4))


def test_the_question_is_asked_above_a_quarter():
    spec, size = make_spec(hidden_size=512), Size(1000, 4, 1000)
    wanted = memory.needed(spec, size)
    assert memory.too_large(spec, size, free=4 * wanted) is None
    question = memory.too_large(spec, size, free=4 * wanted - 1)
    assert memory.words(wanted) in question
    assert memory.words(4 * wanted - 1) in question
    assert question.endswith("?")


def test_where_the_memory_is_unknown_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: None)
    assert memory.too_large(make_spec(), Size(10**6, 10**3, 1)) is None
    monkeypatch.setattr(memory, "available", lambda: 10**9)
    assert "1 GB" in memory.too_large(make_spec(), Size(10**6, 10**3, 1))


def test_this_machine_says_how_much_there_is():
    assert 2**20 < memory.available() < 2**50


def test_windows_and_macos_are_asked_in_their_own_way(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")

    def status(reference):
        reference._obj.available = 12345
        return reference._obj.length == ctypes.sizeof(memory._MemoryStatus) == 64

    kernel = SimpleNamespace(GlobalMemoryStatusEx=status)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert memory.available() == 12345
    kernel.GlobalMemoryStatusEx = lambda reference: 0
    assert memory.available() is None

    monkeypatch.setattr(sys, "platform", "darwin")

    def sysctl(name, value, length, new, new_length):
        assert name == b"hw.memsize"
        value._obj.value = 54321
        return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(sysctlbyname=sysctl))
    assert memory.available() == 54321
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(sysctlbyname=lambda *a: -1))
    assert memory.available() is None


def test_a_system_that_does_not_say_is_no_error(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("builtins.open", refuse)
    assert memory.available() is None


@pytest.mark.parametrize("engine", engines.names())
def test_a_run_that_finds_no_memory_is_a_sentence(monkeypatch, engine):
    def full(*args):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr(engines[engine], "run", full)
    spec = make_spec()
    with pytest.raises(EngineError, match=r"cpu ran out of memory: this run needs about .* free; a shorter sequence"):
        Network(spec).run(engine=engine, **problem(spec))


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (1500, "1.5 kB"), (99_400, "99 kB"), (123_456, "123 kB"),
     (999_600, "1 MB"), (3.14e9, "3.1 GB"), (2e12, "2 TB"), (5e15, "5000 TB")],
)  # fmt: skip
def test_bytes_in_words(size, words):
    assert memory.words(size) == words


@pytest.mark.parametrize("free", [10**9, None])
def test_parameters_that_find_no_memory_are_one_sentence(monkeypatch, free):
    monkeypatch.setattr(memory, "available", lambda: free)

    def fail(spec):
        raise MemoryError

    monkeypatch.setattr(network_module, "initialise", fail)
    with pytest.raises(ValueError, match=r"need about .* of memory.*weight_hh_l0.*hidden_size=1000000") as caught:
        Network(make_spec(hidden_size=10**6, pattern="many-to-one"))
    assert ("1 GB is free" in str(caught.value)) is (free is not None)


def test_the_largest_of_specs_is_refused():
    spec = make_spec(pattern="many-to-one", cell="lstm", hidden_size=10**6)
    assert memory.needed_to_start(spec) > 8 * 4 * 10**12
    with pytest.raises(ValueError, match="of memory"):
        Network(spec)
