"""Weights out: torch loads them, and what came in goes out as it was."""

import numpy as np
import pytest
import safetensors.numpy
from samples import CELLS, make_spec

from engine import Network
from engine.interop import read, state_dict
from engine.interop.imported import Imported
from engine.interop.load import Weights
from engine.interop.numbers import ExportError
from engine.interop.state_dict import Origin

torch = pytest.importorskip("torch")
MODULES = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def reading(path):
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as found:
            return {name: torch.from_numpy(found[name]) for name in found}
    if path.suffix == ".safetensors":
        return {name: torch.from_numpy(value) for name, value in safetensors.numpy.load_file(path).items()}
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize("suffix", state_dict.SUFFIXES)
@pytest.mark.parametrize("cell", CELLS)
def test_torch_loads_the_recurrent_layers_bit_identical(cell, suffix, tmp_path):
    spec = make_spec(cell=cell, num_layers=2, bidirectional=True, dtype="float32")
    parameters = Network(spec).parameters
    path = tmp_path / f"net{suffix}"
    state_dict.save(path, state_dict.recurrent(parameters))
    module = MODULES[cell](spec.input_size, spec.hidden_size, 2, bidirectional=True)
    module.load_state_dict(reading(path), strict=True)
    for name, value in module.state_dict().items():
        assert value.numpy().tobytes() == parameters[name].tobytes()


@pytest.mark.parametrize("suffix", state_dict.SUFFIXES)
def test_every_parameter_comes_back(suffix, tmp_path):
    parameters = Network(make_spec(vocab_size=5)).parameters
    state_dict.save(tmp_path / f"net{suffix}", parameters)
    found = read.entries(tmp_path / f"net{suffix}")
    assert set(found) == set(parameters)
    assert all(np.array_equal(found[name].read(), parameters[name]) for name in parameters)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = torch.nn.Embedding(7, 4)
        self.body = torch.nn.LSTM(4, 5, 2)
        self.fc = torch.nn.Linear(5, 3)


def imported(path, model):
    torch.save(model.state_dict(), path)
    loaded = Weights(path).load()
    return Imported(path.name, loaded.spec, loaded.parameters, origin=Origin(loaded.names, loaded.dtypes))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_what_came_in_goes_out_under_its_own_names(dtype, tmp_path):
    torch.manual_seed(1)
    model = Model().to(dtype)
    task = imported(tmp_path / "in.pt", model)
    again = Imported.from_facts(task.facts(), task.spec(task.cell), task.weights(task.cell)[0])  # as a project keeps it
    for each in (task, again):
        state_dict.save(tmp_path / "out.pt", state_dict.as_in_file(each.weights(each.cell)[0], each.origin))
        found = torch.load(tmp_path / "out.pt", weights_only=True)
        fresh = Model().to(dtype)
        fresh.load_state_dict(found, strict=True)
        assert all(torch.equal(a, b) and a.dtype == b.dtype == dtype for a, b in zip(
            fresh.state_dict().values(), model.state_dict().values(), strict=True))  # fmt: skip


def test_weights_that_the_file_s_precision_would_round_keep_their_own(tmp_path):
    task = imported(tmp_path / "in.pt", Model().to(torch.float16))
    parameters = task.weights("lstm")[0]
    parameters["weight_ih_l0"] = parameters["weight_ih_l0"] + np.float32(1e-7)
    found = state_dict.as_in_file(parameters, task.origin)
    assert found["body.weight_ih_l0"].dtype == np.float32 and found["body.weight_hh_l0"].dtype == np.float16


def test_facts_of_older_projects_have_no_names(tmp_path):
    facts = imported(tmp_path / "in.pt", Model()).facts()
    del facts["names"], facts["dtypes"]
    loaded = Weights(tmp_path / "in.pt").load()
    assert Imported.from_facts(facts, loaded.spec, loaded.parameters).origin == Origin({}, {})
    with pytest.raises(ValueError, match="names must be"):
        Imported.from_facts({**facts, "names": [1]}, loaded.spec, loaded.parameters)


def test_errors_name_the_file_and_leave_nothing(tmp_path, monkeypatch):
    parameters, tmp_path = Network(make_spec()).parameters, tmp_path / "out"
    tmp_path.mkdir()
    with pytest.raises(ExportError, match=r"net\.onnx: ends in '\.onnx'"):
        state_dict.save(tmp_path / "net.onnx", parameters)
    with pytest.raises(ExportError, match="no parameters"):
        state_dict.save(tmp_path / "net.pt", {})
    with pytest.raises(ExportError, match="cannot be written"):
        state_dict.save(tmp_path / "none" / "net.pt", parameters)
    monkeypatch.setattr(state_dict, "missing", lambda: "PyTorch is not installed")
    with pytest.raises(ExportError, match="not installed"):
        state_dict.save(tmp_path / "net.pt", parameters)
    assert list(tmp_path.iterdir()) == []
