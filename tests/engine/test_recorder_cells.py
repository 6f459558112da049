"""The recorder on cells that a program calls in loops of its own, and as a file that stands alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from recorded_programs import CELLS, B, D, H, T, unrolled
from samples import assert_close

from engine.interop import captures, recorder
from engine.interop.recorder import record

EVERY = pytest.mark.parametrize("cell", CELLS)


def made(cell, **facts):
    torch.manual_seed(4)
    return CELLS[cell](D, H, dtype=torch.float64, **facts), torch.randn(T, B, D, dtype=torch.float64)


def hidden(state):
    return state[0] if isinstance(state, tuple) else state


def loop(step, x, state=None):
    states = []
    for row in x:
        state = step(row, state)
        states.append(state)
    return states


def as_layer(step, cell):
    """A layer with a cell's parameters, as the unrolled reference wants it."""
    layer = getattr(torch.nn, cell.upper())(D, H, bias=step.bias, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": value for name, value in step.state_dict().items()})
    return layer


@EVERY
@pytest.mark.parametrize("given", [False, True])
def test_a_loop_is_one_sequence(cell, given, tmp_path):
    step, x = made(cell, bias=not given)
    start = torch.randn(2, 1, B, H, dtype=torch.float64) * given
    state = (start[0, 0], start[1, 0]) if cell == "lstm" else start[0, 0]
    with record(step, tmp_path / "run.loopscope"):
        states = loop(step, x, state if given else None)
        y = torch.stack([hidden(state) for state in states])
        (y.sin() * y).sum().backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert (found.calls, found.x.shape, found.notes) == (1, (T, B, D), ())
    reference, _, values = unrolled(as_layer(step, cell), cell, x, start)
    y = torch.cat([torch.stack(sequence) for sequence in reference])
    (y.sin() * y).sum().backward()
    for (key, t, b), value in values.items():
        assert_close(found.recorded[key][t, b], value.detach().numpy(), 1e-13, key)
        assert_close(found.grads[key][t, b], 0 if value.grad is None else value.grad.numpy(), 1e-12, f"∂ {key}")
    trace = found.run()
    assert found.difference(trace) < 1e-14
    for name, parameter in step.named_parameters():
        assert_close(found.parameter_grads[f"{name}_l0"], parameter.grad.numpy(), 1e-12, name)
        assert_close(trace.parameter_grads[f"{name}_l0"], parameter.grad.numpy(), 1e-12, name)


@EVERY
def test_what_comes_in_may_depend_on_the_state(cell, tmp_path):
    step, x = made(cell)
    look = torch.nn.Linear(H, D, dtype=torch.float64)
    with record(step, tmp_path / "run.loopscope"):
        state, total = step(x[0]), 0.0
        for row in x[1:]:
            state = step(row * look(hidden(state)).softmax(-1), state)
            total = total + hidden(state).pow(2).sum()
        (total + sum(state)[0].sum() if cell == "lstm" else total).backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert found.notes == () and len(found.x) == T
    trace = found.run()
    for name, parameter in step.named_parameters():
        assert_close(trace.parameter_grads[f"{name}_l0"], parameter.grad.numpy(), 1e-12, name)


@EVERY
@pytest.mark.parametrize("choices", [{}, {"limit": 1}, {"calls": 2}])
def test_sequences_by_turns_are_whole(cell, choices, tmp_path):
    step, x = made(cell)
    states = [None, None]
    with record(step, tmp_path / "run.loopscope", **choices):
        for row in x:
            states = [step(row * (n + 1), state) for n, state in enumerate(states)]
        hidden(states[1]).sum().backward()
    found = captures.read(tmp_path / "run.loopscope").modules
    assert [(one.call, one.calls) for one in found] == ([(1, 2), (2, 2)] if choices == {"calls": 2} else [(2, 2)])
    for one in found:
        assert_close(one.x, (x * one.call).numpy(), 0)
        assert_close(one.outputs[-1], hidden(states[one.call - 1]).detach().numpy(), 1e-14)
    assert_close(found[-1].run().parameter_grads["weight_hh_l0"], step.weight_hh.grad.numpy(), 1e-12)


def test_sequences_that_go_take_no_memory(tmp_path):
    """Nor where the program keeps every state, so that any of them might go on."""
    step, x = made("lstm")
    with record(step, tmp_path / "run.loopscope") as recorder:
        kept = [loop(step, x) for _ in range(20)]
        assert len(recorder.calls) == 1
        dropped = [call for call in recorder.growing.values() if not call.kept]
        assert len(dropped) == 19 and not any(call.x or call.out or call.parameters for call in dropped)
        del kept
        loop(step, x)
        assert len(recorder.growing) == 1, "what cannot go on is not followed"


@EVERY
def test_a_detached_state_begins_a_new_sequence(cell, tmp_path):
    step, x = made(cell)
    with record(step, tmp_path / "run.loopscope", calls=None):
        first = loop(step, x[:2])[-1]
        cut = tuple(part.detach() for part in first) if cell == "lstm" else first.detach()
        hidden(loop(step, x[2:], cut)[-1]).sum().backward()
    short, long = captures.read(tmp_path / "run.loopscope").modules
    assert (len(short.x), len(long.x)) == (2, T - 2)
    assert not short.grads and long.grads
    assert_close(long.initial["h_0"][0], hidden(first).detach().numpy(), 0)
    assert_close(long.run().parameter_grads["weight_hh_l0"], step.weight_hh.grad.numpy(), 1e-12)


def test_a_gradient_that_c_gets_on_the_way_is_said(tmp_path):
    step, x = made("lstm")
    with record(step, tmp_path / "run.loopscope"):
        sum(state[1].sum() for state in loop(step, x)).backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert "its c is read elsewhere" in found.notes[0]
    assert found.output_grads is None


@EVERY
def test_one_sequence_without_a_batch(cell, tmp_path):
    step, x = made(cell)
    with record(step, tmp_path / "run.loopscope"):
        hidden(loop(step, x[:, 0])[-1]).sum().backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert found.x.shape == (T, 1, D)
    assert_close(found.run().parameter_grads["weight_ih_l0"], step.weight_ih.grad.numpy(), 1e-12)


@EVERY
def test_nothing_changes_by_a_bit(cell, tmp_path):
    step, x = made(cell)
    step, x = step.float(), x.float().requires_grad_()

    def once():
        step.zero_grad()
        x.grad = None
        torch.manual_seed(2)
        y = torch.stack([hidden(state) for state in loop(step, x)])
        torch.nn.functional.dropout(y).exp().sum().backward()
        return [y, x.grad, *(parameter.grad for parameter in step.parameters()), torch.get_rng_state()]

    without = once()
    with record(step, tmp_path / "run.loopscope"):
        within = once()
    assert all(torch.equal(a, b) for a, b in zip(without, within, strict=True))
    assert not step._forward_hooks


ALONE = """
import sys
sys.modules["engine"] = sys.modules["safetensors"] = None
import torch
from recorder import record
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.LSTM(3, 4, 2, bidirectional=True))
with record(model, "run.loopscope"):
    model(torch.randn(5, 2, 3))[0].pow(2).sum().backward()
print(repr(model[0].weight_hh_l1_reverse.grad.double().sum().item()))
"""


def test_the_file_stands_alone(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(recorder.__file__, folder)
    (folder / "train.py").write_text(ALONE, encoding="utf-8")
    command = [sys.executable, "-W", "error", "train.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, env={"PATH": "/usr/bin"})
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = captures.read(folder / "run.loopscope").modules
    assert found.title == "0"
    total = float(found.run().parameter_grads["weight_hh_l1_reverse"].astype(np.float64).sum())
    assert total == pytest.approx(float(done.stdout), rel=1e-5)
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "recorder.py",
        "run.loopscope",
        "train.py",
    ]


def test_it_imports_nothing_of_the_project():
    lines = Path(recorder.__file__).read_text(encoding="utf-8").splitlines()
    assert not [
        line for line in lines if line.lstrip().startswith(("import engine", "from engine", "import safetensors"))
    ]
