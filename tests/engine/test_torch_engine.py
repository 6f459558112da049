"""The Torch engine beside its numbers: devices, what is missing, threads, memory that runs out."""

import gc
import importlib
import importlib.util
import subprocess
import sys
import textwrap
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from samples import make_spec, problem

from engine import EngineError, Network, memory
from engine.engines import torch_engine
from engine.recording import engines
from engine.registry import discover

ENGINE = engines["torch"]


def run(device="cpu", engine="torch", **facts):
    spec = make_spec(**facts)
    return Network(spec).run(engine=engine, device=device, **problem(spec))


# Every engine


def test_every_file_is_an_engine():
    assert len(discover("engine.engines")) == len(engines.names())


@pytest.mark.parametrize("engine", list(engines), ids=lambda engine: engine.name)
def test_every_engine_says_what_it_is(engine):
    assert engines[engine.name] is engine
    assert engine.title
    assert bool(engine.missing()) != bool(engine.devices())
    assert engine.missing() or engine.devices()[0] == "cpu"


@pytest.mark.parametrize("engine", [e.name for e in engines if not e.missing()])
@pytest.mark.parametrize("device", ["cuda:97", "gpu", "", "cpu:0"])
def test_a_device_that_is_not_there_is_a_sentence(engine, device):
    with pytest.raises((EngineError, ValueError), match=f"device='{device}'"):
        run(device, engine)


# Missing


def test_without_torch_it_says_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "make run" in ENGINE.missing()
    assert "pip install torch" in ENGINE.missing()
    assert ENGINE.devices() == ()
    with pytest.raises(EngineError, match="pip install torch"):
        run()


def test_a_torch_that_does_not_load_is_a_sentence(monkeypatch):
    pytest.importorskip("torch")

    def broken(name):
        raise OSError("libtorch_cpu.so: cannot open shared object file\nand much more")

    monkeypatch.setattr(importlib, "import_module", broken)
    assert ENGINE.devices() == ()
    with pytest.raises(EngineError, match=r"cannot be loaded \(libtorch_cpu.so: cannot open shared object file\)"):
        run()


def fresh(code, **environment):
    """What a program of its own prints."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=100,
        env={"PATH": "", "PYTHONPATH": ".", **environment},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout.split()


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_asking_what_is_missing_does_not_import_torch_and_a_run_takes_one_thread():
    found = fresh("""
        import sys
        from engine import ModelSpec, Network
        from engine.recording import engines
        print([e.missing() for e in engines] == ["", ""], "torch" in sys.modules)
        spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=1, hidden_size=2, output_size=2)
        Network(spec).run([[1.0]], 0, engine="torch")
        import torch
        print(torch.get_num_threads())
    """)
    assert found == ["True", "False", "1"]


@pytest.mark.parametrize(
    ("loaded", "environment", "chosen"),
    [(False, {}, [1]), (True, {}, []), (False, {"OMP_NUM_THREADS": "4"}, []), (False, {"MKL_NUM_THREADS": "4"}, [])],
)
def test_threads_that_somebody_chose_are_left(monkeypatch, loaded, environment, chosen):
    for variable in torch_engine.THREADS:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    asked = []
    stand_in = SimpleNamespace(set_num_threads=asked.append)
    modules = {name: module for name, module in sys.modules.items() if name != "torch"}
    monkeypatch.setattr(sys, "modules", {**modules, "torch": stand_in} if loaded else modules)
    monkeypatch.setattr(importlib, "import_module", lambda name: stand_in)
    assert torch_engine.load() is stand_in
    assert asked == chosen


# Devices


def test_cuda_devices_are_listed_and_a_wrong_index_names_them(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    assert ENGINE.devices() == ("cpu", "cuda:0", "cuda:1")
    with pytest.raises(EngineError, match=r"device='cuda:5' is not available.*cpu, cuda:0, cuda:1"):
        run("cuda:5")
    assert ENGINE._device(torch, "cuda") == "cuda:1"
    assert ENGINE._device(torch, "cuda:0") == "cuda:0"


def test_without_cuda_the_sentence_names_what_there_is(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda", "cuda:0"):
        with pytest.raises(EngineError, match=f"device='{device}' is not available: .*no CUDA device.*there is cpu"):
            run(device)


def test_a_device_that_is_no_device_is_a_wrong_argument():
    pytest.importorskip("torch")
    for device in ("banana", "cuda:", "cuda:-1", None, 0, ["cpu"]):
        with pytest.raises(ValueError, match=r"device=.* it must be 'cpu', 'cuda'"):
            run(device)


@pytest.mark.skipif("cuda:0" not in ENGINE.devices(), reason="needs a CUDA device")
@pytest.mark.parametrize("device", ["cuda", "cuda:0"])
def test_cuda_gives_the_same_numbers(device):
    for pattern in ("many-to-many", "sequence-to-sequence"):
        spec = make_spec(pattern=pattern, num_layers=2, bidirectional=True)
        arguments = problem(spec, padded=True)
        ours, theirs = Network(spec).run(**arguments), Network(spec).run(engine="torch", device=device, **arguments)
        for key in ours.keys():  # noqa: SIM118
            np.testing.assert_allclose(theirs.value(key), ours.value(key), atol=1e-10)
            np.testing.assert_allclose(theirs.grad(key), ours.grad(key), atol=1e-10)


# Memory


class Graphics:
    """Stands in for ``torch.cuda`` where there is no device: it counts what is freed."""

    def __init__(self, monkeypatch, torch, fault):
        self.freed = 0
        monkeypatch.setattr(torch.cuda, "empty_cache", self.empty_cache)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1_500_000_000, 8_000_000_000))
        monkeypatch.setattr(ENGINE, "_device", lambda torch, device: device)
        monkeypatch.setattr(torch_engine, "Run", lambda *given: self.fail(fault))

    def empty_cache(self):
        self.freed += 1

    @staticmethod
    def fail(fault):
        raise fault


def test_out_of_memory_on_the_graphics_card(monkeypatch):
    torch = pytest.importorskip("torch")
    graphics = Graphics(monkeypatch, torch, torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"))
    network, arguments = Network(make_spec()), problem(make_spec())
    before = {name: value.copy() for name, value in network.parameters.items()}
    with pytest.raises(EngineError) as caught:
        network.run(engine="torch", device="cuda:0", **arguments)
    message = str(caught.value)
    assert message.startswith("cuda:0 ran out of memory: this run needs about ")
    for part in ("where 1.5 GB is free", "hidden_size", "device='cpu'"):
        assert part in message
    assert graphics.freed == 1
    assert caught.value.__context__ is None, "the frames that held the tensors are gone"
    assert all(np.array_equal(before[name], value) for name, value in network.parameters.items())
    monkeypatch.undo()
    assert network.run(engine="torch", **arguments).loss == pytest.approx(network.run(**arguments).loss)


def test_out_of_memory_in_the_middle_of_the_backward_pass_frees_every_tensor(monkeypatch):
    torch = pytest.importorskip("torch")
    held = []

    def full(total, inputs, **kwargs):
        held.extend(weakref.ref(tensor) for tensor in inputs)
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(torch.autograd, "grad", full)
    with pytest.raises(EngineError, match="cpu ran out of memory"):
        run()
    gc.collect()
    assert held
    assert not any(ref() is not None for ref in held)


@pytest.mark.parametrize("free", [10**9, None])
@pytest.mark.parametrize(
    "fault", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")]
)
def test_out_of_memory_on_the_processor(monkeypatch, fault, free):
    pytest.importorskip("torch")
    monkeypatch.setattr(memory, "available", lambda: free)
    monkeypatch.setattr(torch_engine, "Run", lambda *given: Graphics.fail(fault))
    with pytest.raises(EngineError, match="cpu ran out of memory") as caught:
        run()
    assert ("1 GB is free" in str(caught.value)) == (free is not None)
    assert "device='cpu'" not in str(caught.value), "it is there already"


def test_a_graphics_card_that_fails_is_a_sentence(monkeypatch):
    torch = pytest.importorskip("torch")
    graphics = Graphics(monkeypatch, torch, RuntimeError("CUDA error: no kernel image is available\nCompile with …"))
    with pytest.raises(EngineError, match=r"^cuda:0 failed: CUDA error: no kernel image is available; device='cpu'"):
        run("cuda:0")
    assert graphics.freed == 1
    Graphics(monkeypatch, torch, RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"))
    with pytest.raises(EngineError, match="ran out of memory"):
        run("cuda:0")


# Settings of the program around it


def test_what_the_program_around_it_has_set_changes_nothing():
    torch = pytest.importorskip("torch")
    wanted = run()
    with torch.no_grad():
        assert np.array_equal(run().grad("l0.h"), wanted.grad("l0.h"))
    with torch.inference_mode():
        assert np.array_equal(run().grad("l0.h"), wanted.grad("l0.h"))
    torch.set_default_dtype(torch.float16)
    try:
        assert np.array_equal(run().grad("l0.h"), wanted.grad("l0.h"))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.is_grad_enabled()
