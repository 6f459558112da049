"""Checkpoints of torch as networks of ours: the same numbers in, the same numbers out, nothing executed."""

import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from engine import Network
from engine.interop import ImportFileError, files, load_torch, read

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class Tagger(nn.Module):
    """A network as people write them."""

    def __init__(self, cell="lstm", layers=2, both=True):
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.encoder = nn.ModuleDict({"rnn": CELLS[cell](6, 5, layers, bidirectional=both)})
        self.dropout = nn.Dropout(0.1)
        self.fc = nn.Linear(10 if both else 5, 4)

    def forward(self, ids):
        out, _ = self.encoder["rnn"](self.embed(ids))
        return self.fc(self.dropout(out))


@pytest.fixture(params=list(CELLS))
def net(request):
    torch.manual_seed(0)
    return Tagger(request.param).eval()


def check(net, path, **choices):
    loaded = load_torch(path, **choices)
    ids = torch.arange(7) % 11
    with torch.no_grad():
        expected = net(ids[:, None]).numpy()
    network = Network(loaded.spec, loaded.parameters)
    found = network.run(ids.numpy()[:, None]).value("output.logits")
    assert np.abs(found - expected).max() < 1e-6
    assert loaded.missing == ()
    return loaded


def test_state_dict_zip_and_legacy(net, tmp_path):
    for i, zipped in enumerate((True, False)):
        path = tmp_path / f"{i}.pt"
        torch.save(net.state_dict(), path, _use_new_zipfile_serialization=zipped)
        loaded = check(net, path)
        assert loaded.spec.dtype == "float32" and loaded.spec.num_layers == 2 and loaded.spec.bidirectional
        for name, value in loaded.parameters.items():
            assert value.dtype == np.float32, name


@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoint_with_optimizer_and_numpy_scalars(net, tmp_path, zipped):
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.zeros(3, 1, dtype=torch.long)).sum().backward()
    optimizer.step()
    state = {"epoch": np.float64(3.5), "model": {"inner": net.state_dict()}, "optimizer": optimizer.state_dict(),
             "best": np.int64(4), "rng": np.arange(5)}  # fmt: skip
    path = tmp_path / "checkpoint.pth"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    loaded = check(net, path)
    assert loaded.unused == ()


def test_whole_module(net, tmp_path):
    path = tmp_path / "module.pt"
    torch.save(net, path)
    check(net, path)


def test_safetensors_and_npz(net, tmp_path):
    arrays = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    save_file(arrays, tmp_path / "weights.safetensors")
    np.savez(tmp_path / "weights.npz", **arrays)
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    for name in ("weights.safetensors", "weights.npz", "packed.npz"):
        check(net, tmp_path / name)


def test_what_a_safetensors_file_holds_is_not_copied(tmp_path):
    path, big = tmp_path / "big.safetensors", np.zeros(8_000_000)
    save_file({"a": big, "b": big[:10].astype(np.float16)}, path)
    tracemalloc.start()
    found = read.entries(path)
    values = {name: entry.read() for name, entry in found.items()}
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1.01 * path.stat().st_size
    assert {name: (entry.dtype, entry.shape) for name, entry in found.items()} == {
        "a": ("float64", big.shape), "b": ("float16", (10,))
    } and not values["a"].any()  # fmt: skip


def test_types_of_a_safetensors_file_that_no_network_here_has_are_passed_over(tmp_path):
    from safetensors.torch import save_file as save_tensors

    state = nn.GRU(3, 4).state_dict()
    save_tensors(state | {"scale": torch.zeros(3, dtype=torch.float8_e5m2)}, tmp_path / "w.safetensors")
    assert load_torch(tmp_path / "w.safetensors").unused == ()


def test_double_half_and_bfloat16(tmp_path):
    layer = nn.GRU(3, 4)
    for dtype, own in ((torch.float64, "float64"), (torch.float16, "float32"), (torch.bfloat16, "float32")):
        path = tmp_path / "gru.pt"
        state = {name: value.to(dtype) for name, value in layer.state_dict().items()}
        torch.save(state, path)
        loaded = load_torch(path, pattern="many-to-one")
        assert loaded.spec.dtype == own and loaded.spec.pattern == "many-to-one"
        assert loaded.missing == ("output.weight", "output.bias")
        for name, value in state.items():
            np.testing.assert_array_equal(loaded.parameters[name], value.double().numpy().astype(own))


def test_cells_without_layers_views_and_no_bias(tmp_path):
    cell = nn.LSTMCell(3, 4, bias=False)
    state = cell.state_dict()
    state["weight_ih"] = state["weight_ih"].t().contiguous().t()  # the same numbers, strided
    torch.save(state, tmp_path / "cell.pt")
    loaded = load_torch(tmp_path / "cell.pt")
    assert loaded.spec.cell == "lstm" and not loaded.spec.bias
    np.testing.assert_array_equal(loaded.parameters["weight_ih_l0"], cell.weight_ih.detach().numpy())


def test_several_layers_are_a_choice(tmp_path):
    both = nn.ModuleDict({"a": nn.GRU(3, 4), "b": nn.LSTM(3, 5), "out": nn.Linear(5, 2)})
    torch.save(both.state_dict(), tmp_path / "two.pt")
    with pytest.raises(ImportFileError, match=r"^two\.pt: several recurrent layers were found: a, b"):
        load_torch(tmp_path / "two.pt")
    loaded = load_torch(tmp_path / "two.pt", layer="b")
    assert loaded.spec.cell == "lstm" and loaded.spec.output_size == 2 and "a.weight_ih_l0" in loaded.unused
    with pytest.raises(ImportFileError, match="there is no recurrent layer 'c'; there are a, b"):
        load_torch(tmp_path / "two.pt", layer="c")
    with pytest.raises(ValueError, match="hidden"):
        load_torch(tmp_path / "two.pt", hidden=3)


def test_our_own_sequence_to_sequence_comes_back(tmp_path):
    from engine import ModelSpec

    spec = ModelSpec(pattern="sequence-to-sequence", cell="lstm", vocab_size=9, embedding_size=3, hidden_size=4,
                     output_size=5, bidirectional=True, dtype="float32")  # fmt: skip
    network = Network(spec)
    save_file({k: np.ascontiguousarray(v) for k, v in network.parameters.items()}, tmp_path / "own.safetensors")
    loaded = load_torch(tmp_path / "own.safetensors", pattern="sequence-to-sequence")
    assert loaded.spec == spec and loaded.missing == loaded.unused == ()
    for name, value in network.parameters.items():
        np.testing.assert_array_equal(loaded.parameters[name], value)


class Evil:
    """Runs a command when it is unpickled by the usual reader."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return (exec, (f"open({self.marker!r}, 'w').write('ran')",))


@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_nothing_is_executed(tmp_path, kind):
    marker, path = tmp_path / "ran", tmp_path / "evil.pt"
    state = {"evil": Evil(marker), **nn.GRU(3, 4).state_dict()}
    torch.save(state, path, _use_new_zipfile_serialization=kind == "zip")
    loaded = load_torch(path)
    assert not marker.exists() and loaded.spec.cell == "gru"


def _npz_claiming(path: Path, shape):
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weight_ih_l0.npy", member.getvalue() + b"\0" * 100)


def test_every_bad_file_is_named_with_its_fault(tmp_path):
    good = io.BytesIO()
    torch.save(nn.GRU(3, 4).state_dict(), good)
    cases = {
        "missing.pt": None, "empty.pt": b"", "words.pt": b"hello there", "cut.pt": good.getvalue()[:-200],
        "half.pt": good.getvalue()[: len(good.getvalue()) // 2], "pickle.pt": pickle.dumps({"a": 1}),
        "huge.safetensors": struct.pack("<Q", 2**40) + b"{}", "none.safetensors": struct.pack("<Q", 2) + b"{}",
        "words.npz": b"PK\x03\x04 no", "sheet.xlsx": b"x",
    }  # fmt: skip
    for name, data in cases.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(ImportFileError) as caught:
            load_torch(tmp_path / name)
        said = str(caught.value)
        assert said.startswith(f"{name}: ") and len(said) < 400 and "\n" not in said and "Traceback" not in said
    _npz_claiming(tmp_path / "claims.npz", (10**9, 10))
    with pytest.raises(ImportFileError, match="needs"):
        load_torch(tmp_path / "claims.npz")
    bomb = tmp_path / "bomb.npz"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * 50_000_000)
    with pytest.raises(ImportFileError, match=r"^bomb\.npz: "):
        load_torch(bomb)


def test_shapes_that_are_no_network(tmp_path):
    np.savez(tmp_path / "odd.npz", weight_ih_l0=np.zeros((7, 2)), weight_hh_l0=np.zeros((7, 3)))
    with pytest.raises(ImportFileError, match="no whole number of gates"):
        load_torch(tmp_path / "odd.npz")
    np.savez(tmp_path / "gap.npz", weight_ih_l0=np.zeros((3, 2)), weight_hh_l0=np.zeros((3, 3)), bias_ih_l0=np.zeros(3))
    with pytest.raises(ImportFileError, match="bias_hh_l0 is missing"):
        load_torch(tmp_path / "gap.npz")
    torch.save(nn.LSTM(3, 6, proj_size=2).state_dict(), tmp_path / "projected.pt")
    with pytest.raises(ImportFileError, match="proj_size"):
        load_torch(tmp_path / "projected.pt")
    np.savez(tmp_path / "other.npz", kernel=np.zeros((7, 2)))
    with pytest.raises(ImportFileError, match="it holds kernel"):
        load_torch(tmp_path / "other.npz")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", ["model_best.pth.tar", "model.pkl", "model"])
def test_a_checkpoint_is_known_by_what_is_in_it(net, tmp_path, name, zipped):
    torch.save(net.state_dict(), tmp_path / name, _use_new_zipfile_serialization=zipped)
    assert read.holds(tmp_path / name)
    check(net, tmp_path / name)


def test_other_files_are_no_checkpoints_whatever_they_are_called(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    (tmp_path / "pickle.pkl").write_bytes(pickle.dumps({"weight_ih_l0": 1}))
    (tmp_path / "text").write_text("N.")
    (tmp_path / "folder").mkdir()
    for name in ("a.zip", "pickle.pkl", "text", "folder", "none"):
        assert not read.holds(tmp_path / name)
        with pytest.raises(ImportFileError, match=f"^{name}: is no file of weights known here"):
            load_torch(tmp_path / name)
    assert read.holds(tmp_path / "none.pt"), "a name that says so is believed"


def test_what_is_no_recurrent_network_is_called_what_it_is(tmp_path):
    def refused(state, said):
        torch.save(state, tmp_path / "a.pt")
        with pytest.raises(ImportFileError, match=said):
            load_torch(tmp_path / "a.pt")

    refused(nn.Linear(2, 3).state_dict(), r"no recurrent layer was found .*; it holds weight, bias$")
    refused({"epoch": 3}, "it holds no arrays$")
    refused(nn.LSTM(2, 4, proj_size=3).state_dict(), r"an LSTM with a projection \(proj_size\) cannot be shown")
    # torch is about to drop what made it, so it is written by hand.
    for called in (b"torch.ao.nn.quantized.dynamic.modules.rnn\nLSTM", b"torch._utils\n_rebuild_qtensor"):
        with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02c" + called + b"\n)R.")
        with pytest.raises(ImportFileError, match=r"a\.pt: holds a quantized network, whose weights cannot be shown"):
            load_torch(tmp_path / "a.pt")


def test_layers_beyond_reason_are_counted_and_refused(tmp_path):
    one = np.zeros((1, 1), np.float32)
    layers = {f"rnn.weight_{end}_l{n}": one for n in range(101) for end in ("ih", "hh")}
    save_file(layers, tmp_path / "deep.safetensors")
    with pytest.raises(ImportFileError, match=r"deep\.safetensors: rnn has 101 layers; at most 100 can be shown"):
        load_torch(tmp_path / "deep.safetensors")
    odd = {"weight_ih_l0": one, "weight_hh_l0": one, **{f"weight_ih_l{end}": one for end in ("9" * 5000, "\u0663")}}
    save_file(odd, tmp_path / "odd.safetensors")
    assert len(load_torch(tmp_path / "odd.safetensors").unused) == 2


def test_a_file_that_grows_while_it_is_read_is_said(tmp_path, monkeypatch):
    (tmp_path / "a.npz").write_bytes(b"PK\3\4 more")
    real = os.fstat
    monkeypatch.setattr(files.os, "fstat", lambda which: os.stat_result((*real(which)[:6], 5, *real(which)[7:])))
    with pytest.raises(ImportFileError, match=r"a\.npz: was changed while it was read"):
        files.read_bytes(tmp_path / "a.npz")
