"""The recorder: what it records of torch's layers, and that it leaves a program as it was."""

import numpy as np
import pytest
import torch
from recorded_programs import KINDS, B, D, H, Program, T, loss_of, once, unrolled
from samples import ENGINES, assert_close

from engine.interop import captures
from engine.interop.recorder import RecordError, record

LENGTHS, FALLING = torch.tensor([2, 6, 1, 4, 6]), torch.tensor([6, 5, 3, 3, 1])
VARIANTS = {
    "plain": {},
    "both ways, two layers": {"bidirectional": True, "num_layers": 2},
    "batch first, no bias": {"batch_first": True, "bias": False},
    "states": {"states": True, "num_layers": 2},
    "packed": {"packed": (LENGTHS, False), "bidirectional": True, "num_layers": 2, "states": True},
    "packed in order": {"packed": (FALLING, True), "batch_first": True},
    "one sequence": {"single": True, "states": True, "bidirectional": True},
}
EVERY = pytest.mark.parametrize("variant", VARIANTS)
CELLS = pytest.mark.parametrize("cell", KINDS)


def made(cell, variant, dtype=torch.float64, **more):
    facts = VARIANTS[variant] | more
    single = facts.pop("single", False)
    program = Program(cell, **facts).to(dtype)
    shape = (T, D) if single else (B, T, D) if facts.get("batch_first") else (T, B, D)
    return program, torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(5))


def recorded(program, x, path, **choices):
    with record(program, path, **choices):
        loss_of(*program(x)).backward()
    return captures.read(path)


# A program stays as it was


@EVERY
@CELLS
@pytest.mark.parametrize("training", [True, False])
def test_nothing_changes_by_a_bit(cell, variant, training, tmp_path):
    program, x = made(cell, variant, torch.float32, dropout=0.5 if "num_layers" in VARIANTS[variant] else 0.0)
    program.train(training)
    without, within = once(program, x), once(program, x, record(program, tmp_path / "run.loopscope"))
    assert all(torch.equal(a, b) for a, b in zip(without, within, strict=True))
    after = once(program, x)
    assert all(torch.equal(a, b) for a, b in zip(without, after, strict=True))


def files_in(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith((".run", "run"))]


def hooks_of(program):
    return [hook for module in program.modules() for hook in (*module._forward_hooks, *module._forward_pre_hooks)]


def test_the_hooks_go_at_the_end(tmp_path):
    program, x = made("lstm", "plain")
    with record(program, tmp_path / "run.loopscope") as recorder:
        assert hooks_of(program)
        y, last = program(x)
        call = recorder.calls[0]
    assert not hooks_of(program)
    loss_of(y, last).backward()
    assert not call.grads, "a backward pass after the block is not recorded"
    assert not captures.read(tmp_path / "run.loopscope").modules[0].grads


def test_the_hooks_go_when_the_program_fails(tmp_path):
    program, x = made("gru", "plain")
    recorder = record(program, tmp_path / "run.loopscope")

    def failing():
        with recorder:
            program(x)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert not hooks_of(program)
    assert not files_in(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(once(program, x), once(program, x), strict=True))


# What it records


@EVERY
@CELLS
def test_values_and_gradients_are_those_of_the_unrolled_layer(cell, variant, tmp_path):
    program, x = made(cell, variant)
    x.requires_grad_()
    (found,) = recorded(program, x, tmp_path / "run.loopscope").modules
    assert found.title == "rnn"
    assert found.notes == ()
    assert found.agreement < 1e-14
    for name, parameter in program.rnn.named_parameters():
        assert np.array_equal(found.parameters[name], parameter.detach().numpy())
        assert_close(found.parameter_grads[name], parameter.grad.numpy(), 1e-12, name)

    steps = x.detach() * program.scale.detach()
    steps = steps[:, None] if x.dim() == 2 else steps.transpose(0, 1) if program.rnn.batch_first else steps
    lengths = None if program.packed is None else program.packed[0].tolist()
    rows = program.rnn.num_layers * (1 + program.rnn.bidirectional)
    start = torch.zeros(2, rows, steps.shape[1], H, dtype=torch.float64)
    start = start if program.start is None else program.start.detach().expand_as(start)
    hidden, last, values = unrolled(program.rnn, cell, steps, start, lengths)
    loss_of(torch.cat([torch.stack(sequence) for sequence in hidden]), last).backward()
    assert {key for key, _, _ in values} == set(found.recorded) == set(found.grads)
    for (key, t, b), value in values.items():
        assert_close(found.recorded[key][t, b], value.detach().numpy(), 1e-13, key)
        assert_close(found.grads[key][t, b], value.grad.numpy(), 1e-12, f"gradient of {key}")
    for name, state in zip(("h_n", "c_n"), last, strict=False):
        assert_close(found.last[name], state.detach().numpy(), 1e-13, name)


@EVERY
@CELLS
@pytest.mark.parametrize("engine", ENGINES)
def test_the_engines_run_it_again_with_the_same_numbers(cell, variant, engine, tmp_path):
    program, x = made(cell, variant)
    (found,) = recorded(program, x, tmp_path / "run.loopscope").modules
    trace = found.run(engine)
    assert found.difference(trace) < 1e-14
    for key, value in found.recorded.items():
        assert_close(trace.value(key), value, 1e-13, key)
        assert_close(trace.grad(key), found.grads[key], 1e-12, f"gradient of {key}")
    for name, grad in found.parameter_grads.items():
        assert_close(trace.parameter_grads[name], grad, 1e-12, name)


@CELLS
def test_float32_agrees_to_its_rounding(cell, tmp_path):
    program, x = made(cell, "packed", torch.float32)
    (found,) = recorded(program, x, tmp_path / "run.loopscope").modules
    assert found.spec.dtype == "float32"
    assert found.difference(found.run()) < 1e-6


def test_relu(tmp_path):
    program, x = made("rnn", "plain", nonlinearity="relu")
    (found,) = recorded(program, x, tmp_path / "run.loopscope").modules
    assert found.spec.nonlinearity == "relu"
    assert found.difference(found.run()) < 1e-13


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_half_precision_is_kept_in_float32(cell, tmp_path):
    program, x = made(cell, "plain", torch.bfloat16)
    (found,) = recorded(program, x, tmp_path / "run.loopscope").modules
    assert (found.spec.dtype, found.arithmetic, found.x.dtype) == ("float32", "bfloat16", np.float32)
    assert found.notes == ()
    assert 0 < found.agreement < 0.05


@pytest.mark.parametrize("kind", ["GRU", "LSTM", "GRUCell", "LSTMCell"])
def test_under_autocast_the_arithmetic_is_what_it_computes_in(kind, tmp_path):
    """What comes out may be float32 all the same, and its gradients."""
    torch.manual_seed(0)
    layer, x = getattr(torch.nn, kind)(16, 32), 3 * torch.randn(20, 4, 16)
    with record(layer, tmp_path / "run.loopscope"), torch.autocast("cpu", torch.bfloat16):
        state, ys = None, []
        for row in x if kind.endswith("Cell") else [x]:
            out = layer(row, state)
            state = out if kind.endswith("Cell") else None
            ys.append(out[0] if isinstance(out, tuple) else out)
        sum(y.float().pow(2).sum() for y in ys).backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert (found.arithmetic, found.spec.dtype, found.notes) == ("bfloat16", "float32", ())
    assert found.grads and 1e-3 < found.agreement < 0.1
    double = layer.double()
    with record(double, tmp_path / "run.loopscope"), torch.autocast("cpu", torch.bfloat16):
        double(x[0].double() if kind.endswith("Cell") else x.double())
    assert captures.read(tmp_path / "run.loopscope").modules[0].arithmetic == "float64"


def test_calls_of_one_step_are_counted_where_most_of_them_go(tmp_path):
    """A program that decodes one step at a time, with a layer and not a cell."""
    layer, state = torch.nn.GRU(D, H), None
    with record(layer, tmp_path / "run.loopscope"):
        for _ in range(7):
            _, state = layer(torch.ones(1, B, D), state)
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert found.notes == ("it is one of 7 calls, of one step each: calls=None keeps all of them",)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_without_a_backward_pass_there_are_values_alone(mode, tmp_path):
    program, x = made("lstm", "both ways, two layers")
    with mode(), record(program.eval(), tmp_path / "run.loopscope"):
        y, _ = program(x)
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert found.output_grads is None
    assert not found.grads
    trace = found.run()
    assert not trace.has_gradients
    assert_close(found.outputs, y.numpy(), 0)
    assert found.difference(trace) < 1e-14


def test_only_the_last_state_may_be_read(tmp_path):
    program, x = made("lstm", "both ways, two layers")
    with record(program, tmp_path / "run.loopscope"):
        program(x)[1][1].sin().sum().backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert not found.output_grads.any() and not found.h_n_grad.any() and found.c_n_grad.all()
    trace = found.run()
    for name, parameter in program.rnn.named_parameters():
        assert_close(trace.parameter_grads[name], parameter.grad.numpy(), 1e-12, name)


def test_dropout_between_layers_leaves_the_first(tmp_path):
    program, x = made("gru", "both ways, two layers", dropout=0.5)
    (found,) = recorded(program, x, tmp_path / "run.loopscope").modules
    assert found.spec.num_layers == 1
    assert not found.grads
    assert "dropout=0.5" in found.notes[0] and "call eval() or set it to 0" in found.notes[0]
    assert found.agreement < 1e-14 and found.difference(found.run()) < 1e-14
    (found,) = recorded(program.eval(), x, tmp_path / "run.loopscope").modules
    assert found.spec.num_layers == 2 and found.grads and not found.notes


def test_what_the_program_does_with_the_output_does_not_matter(tmp_path):
    program, x = made("lstm", "plain")
    program.rnn.register_forward_hook(lambda module, args, output: (output[0] * 3, output[1]))
    optimiser = torch.optim.SGD(program.parameters(), lr=0.5)
    before = program.rnn.weight_hh_l0.detach().clone()
    with record(program, tmp_path / "run.loopscope"):
        y, _ = program(x)
        y.mul_(2).add_(1)
        y.pow(2).sum().backward()
        optimiser.step()
        x.zero_()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert torch.equal(before, torch.tensor(found.parameters["weight_hh_l0"]))
    assert found.x.any()
    assert found.difference(found.run()) < 1e-14
    assert_close(found.run().parameter_grads["weight_hh_l0"], program.rnn.weight_hh_l0.grad.numpy(), 1e-12)


def test_a_layer_that_computes_something_else_is_said(tmp_path):
    class Doubled(torch.nn.GRU):
        def forward(self, x, hx=None):
            y, last = super().forward(x, hx)
            return y * 2, last

    layer = Doubled(D, H)
    with record(layer, tmp_path / "run.loopscope"):
        layer(torch.ones(T, B, D))
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert found.title == "GRU"
    assert "something else" in found.notes[0]


# Several calls, several layers


def test_the_last_calls_are_kept(tmp_path):
    layer, path = torch.nn.LSTM(D, H), tmp_path / "run.loopscope"
    xs = torch.randn(5, T, B, D, generator=torch.Generator().manual_seed(1))

    def calls(**choices):
        with record(layer, path, **choices):
            for x in xs:
                layer(x)[0].sum().backward()
        return captures.read(path).modules

    assert [(m.call, m.calls) for m in calls()] == [(5, 5)]
    assert [m.call for m in calls(calls=2)] == [4, 5]
    every = calls(calls=None)
    assert [m.call for m in every] == [1, 2, 3, 4, 5]
    assert all(np.array_equal(m.x, x.numpy()) for m, x in zip(every, xs, strict=True))
    assert [m.call for m in calls(calls=None, limit=2500)] == [5]


def test_every_layer_of_a_model_by_its_path(tmp_path):
    parts = {"encoder": torch.nn.ModuleDict({"rnn": torch.nn.GRU(D, H)}), "decoder": torch.nn.LSTM(H, H)}
    program = torch.nn.ModuleDict(parts)
    with record(program, tmp_path / "run.loopscope"):
        y, _ = program["encoder"]["rnn"](input=torch.ones(T, B, D))
        program["decoder"](y)[0].sum().backward()
    found = captures.read(tmp_path / "run.loopscope").modules
    assert [(m.title, m.kind, m.spec.cell) for m in found] == [
        ("encoder.rnn", "GRU", "gru"),
        ("decoder", "LSTM", "lstm"),
    ]
    assert found[0].output_grads.any()


def test_gradients_of_several_passes_add_up(tmp_path):
    program, x = made("lstm", "plain")
    with record(program, tmp_path / "run.loopscope"):
        y, last = program(x)
        loss_of(y, last).backward(retain_graph=True)
        y.sum().backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert_close(found.parameter_grads["weight_ih_l0"], program.rnn.weight_ih_l0.grad.numpy(), 1e-12)


def test_a_checkpointed_layer(tmp_path):
    program, x = made("gru", "plain")
    with record(program, tmp_path / "run.loopscope"):
        y, last = torch.utils.checkpoint.checkpoint(program, x.requires_grad_(), use_reentrant=False)
        loss_of(y, last).backward()
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert_close(found.parameter_grads["weight_hh_l0"], program.rnn.weight_hh_l0.grad.numpy(), 1e-12)


# What cannot be


def test_what_cannot_be_recorded_is_said(tmp_path):
    path = tmp_path / "run.loopscope"
    with pytest.raises(RecordError, match="Linear holds no recurrent layer"):
        record(torch.nn.Linear(2, 2), path)
    with pytest.raises(RecordError, match="rnn has proj_size=2"):
        record(torch.nn.ModuleDict({"rnn": torch.nn.LSTM(D, H, proj_size=2)}), path)
    with pytest.raises(RecordError, match="there is no folder"):
        record(torch.nn.GRU(D, H), tmp_path / "nowhere" / "run.loopscope")
    with pytest.raises(RecordError, match="calls=0"):
        record(torch.nn.GRU(D, H), path, calls=0)
    with pytest.raises(RecordError, match="no recurrent layer was called"), record(torch.nn.GRU(D, H), path):
        pass
    path.mkdir()
    layer = torch.nn.GRU(D, H)
    with pytest.raises(RecordError, match="cannot be written"), record(layer, path):
        layer(torch.ones(T, D))
    assert files_in(tmp_path) == [path.name], "nothing is left behind"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@CELLS
def test_cuda(cell, tmp_path):
    program, x = made(cell, "both ways, two layers", torch.float32)
    program, x = program.cuda(), x.cuda()
    without, within = once(program, x), once(program, x, record(program, tmp_path / "run.loopscope"))
    assert all(torch.equal(a, b) for a, b in zip(without, within, strict=True))
    (found,) = captures.read(tmp_path / "run.loopscope").modules
    assert found.device.startswith("cuda")
    assert found.difference(found.run()) < 1e-4
