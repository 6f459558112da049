"""Gradients that are given: at the outputs (the linear loss) and at the last states."""

import numpy as np
import pytest
import torch
from samples import CELLS, ENGINES, assert_close, make_spec

from engine import Network
from engine.analysis.check import checked

KINDS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
H, D, T, B = 4, 2, 5, 3


def made(cell, both=True, layers=2, **facts):
    spec = make_spec(
        cell=cell, bidirectional=both, num_layers=layers, loss="linear", output_size=H * (1 + both), **facts
    )
    head = {"output.weight": np.eye(spec.output_size), "output.bias": np.zeros(spec.output_size)}
    return Network(spec, head)


def arguments(network, padded):
    rng, spec = np.random.default_rng(1), network.spec
    rows = spec.num_layers * spec.num_directions
    found = {"x": rng.standard_normal((T, B, D)), "target": rng.standard_normal((T, B, spec.output_size))}
    for state in ("h", "c") if spec.cell == "lstm" else ("h",):
        found[f"{state}_0"] = rng.standard_normal((rows, B, H))
        found[f"{state}_n_grad"] = rng.standard_normal((rows, B, H))
    return found | ({"lengths": np.array([2, 5, 4])} if padded else {})


def by_torch(network, given):
    """L and its gradients for the parameters, by torch's own layer."""
    spec = network.spec
    layer = KINDS[spec.cell](D, H, spec.num_layers, bidirectional=spec.bidirectional, dtype=torch.float64)
    layer.load_state_dict({n: torch.tensor(v) for n, v in network.parameters.items() if not n.startswith("output")})
    tensors = {name: torch.tensor(value) for name, value in given.items()}
    x, states = tensors["x"], (tensors["h_0"], tensors["c_0"]) if spec.cell == "lstm" else tensors["h_0"]
    if "lengths" in given:
        x = torch.nn.utils.rnn.pack_padded_sequence(x, tensors["lengths"], enforce_sorted=False)
    y, last = layer(x, states)
    if "lengths" in given:
        y = torch.nn.utils.rnn.pad_packed_sequence(y, total_length=T)[0]
    loss = (y * tensors["target"]).sum() / B
    for name, state in zip(("h_n_grad", "c_n_grad"), last if spec.cell == "lstm" else (last,), strict=False):
        loss = loss + (state * tensors[name]).sum()
    loss.backward()
    return float(loss.detach()), {name: p.grad.numpy() for name, p in layer.named_parameters()}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_they_arrive_as_in_torch(cell, padded, engine):
    network = made(cell)
    given = arguments(network, padded)
    trace = network.run(engine=engine, **given)
    loss, grads = by_torch(network, given)
    assert trace.loss == pytest.approx(loss, rel=1e-12)
    for name, wanted in grads.items():
        assert_close(trace.parameter_grads[name], wanted, 1e-12, name)


@pytest.mark.parametrize("cell", CELLS)
def test_they_agree_with_finite_differences(cell):
    network = made(cell, both=False)
    trace = network.run(**arguments(network, padded=True))
    for key in ("l0.h", "l1.h", "weight_ih_l0"):
        found = checked(trace, key, (3, 1, 2) if "." in key else (1, 1))
        assert all(found.relative_error(engine) < 1e-6 for engine in found.values)


@pytest.mark.parametrize("cell", CELLS)
def test_a_last_state_of_one_step_takes_it(cell):
    network = made(cell, both=False, layers=1, pattern="many-to-one")
    given = arguments(network, padded=False)
    plain = network.run(given["x"], given["target"][-1])
    trace = network.run(given["x"], given["target"][-1], h_n_grad=given["h_n_grad"][:1])
    assert_close(trace.grad("l0.h")[-1], plain.grad("l0.h")[-1] + given["h_n_grad"][0], 1e-12)


def test_what_they_cannot_be_is_said():
    network, x = Network(make_spec(loss="linear")), np.zeros((T, D))
    with pytest.raises(ValueError, match="h_n_grad is given, but there is no target"):
        network.run(x, h_n_grad=np.zeros((1, 1, 4)))
    with pytest.raises(ValueError, match=r"h_n_grad has shape \(2, 1, 4\)"):
        network.run(x, np.zeros((T, 3)), h_n_grad=np.zeros((2, 1, 4)))
    with pytest.raises(ValueError, match="c_n_grad is given, but cell='gru'"):
        Network(make_spec(cell="gru", loss="linear")).run(x, np.zeros((T, 3)), c_n_grad=np.zeros((1, 1, 4)))
    feeding = Network(make_spec(pattern="one-to-many", loss="linear"))
    with pytest.raises(ValueError, match="one-to-many feeds back"):
        feeding.run(x[:1], np.zeros((2, 3)), h_n_grad=np.zeros((1, 1, 4)))
