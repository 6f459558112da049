"""Which arrays of a checkpoint belong together: layers, their embeddings and their output layers."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from engine import Network
from engine.interop import ImportFileError, load_torch, proof
from engine.interop.load import Weights


class Reader(nn.Module):
    """A network as people write them, with the names they give."""

    def __init__(self, embedding="embed", layer="rnn", head="fc", bias=True, words=11, size=5, hidden=6, outputs=3):
        super().__init__()
        self.parts = (embedding, layer, head)
        setattr(self, embedding, nn.Embedding(words, size))
        setattr(self, layer, nn.GRU(size, hidden))
        setattr(self, head, nn.Linear(hidden, outputs, bias=bias))

    def forward(self, ids):
        embedding, layer, head = (getattr(self, name) for name in self.parts)
        return head(layer(embedding(ids))[0])


IDS = np.array([3, 1, 4, 1, 5, 9, 2, 6])


def logits(path, **choices):
    loaded = load_torch(path, **choices)
    network = Network(loaded.spec.but(dtype="float64"), loaded.parameters)
    return network.run(IDS).value("output.logits")[:, 0], loaded


def theirs(model):
    with torch.no_grad():
        return model.double()(torch.from_numpy(IDS)).numpy()


@pytest.mark.parametrize(
    "names",
    [("embed", "rnn", "fc"), ("encoder", "rnn", "decoder"), ("lookup", "core", "readout"), ("words", "lstm", "proj")],
)
@pytest.mark.parametrize("bias", [True, False])
def test_layers_are_found_by_what_they_are_called_and_how_they_stand(tmp_path, names, bias):
    torch.manual_seed(0)
    model = Reader(*names, bias=bias)
    torch.save(model.state_dict(), tmp_path / "net.pt")
    found, loaded = logits(tmp_path / "net.pt")
    assert loaded.unused == () and loaded.missing == ()
    assert np.abs(found - theirs(model)).max() < 1e-12
    assert ("output.bias" in loaded.names) is bias  # made without one, it has none: zeros


def test_a_sequential_has_no_names_at_all(tmp_path):
    torch.manual_seed(0)
    torch.save(nn.Sequential(nn.Embedding(11, 5), nn.LSTM(5, 6)).state_dict(), tmp_path / "net.pt")
    loaded = load_torch(tmp_path / "net.pt")
    assert loaded.spec.vocab_size == 11 and loaded.names["embedding.weight"] == "0.weight"


def test_a_linear_layer_before_it_is_no_embedding(tmp_path):
    torch.save(nn.Sequential(nn.Linear(5, 5), nn.GRU(5, 6)).state_dict(), tmp_path / "net.pt")
    weights = Weights(tmp_path / "net.pt")
    assert weights.embedding("1") == "" and weights.embeddings("1") == ("0.weight",)
    assert load_torch(tmp_path / "net.pt").spec.vocab_size is None


@pytest.mark.parametrize("keys", [("model", "ema"), ("net", "best_net"), ("ema_model", "model")])
def test_two_networks_of_one_file_keep_their_parts_apart(tmp_path, keys):
    torch.manual_seed(0)
    models = {key: Reader() for key in keys}
    torch.save({key: model.state_dict() for key, model in models.items()}, tmp_path / "net.pt")
    for key, model in models.items():
        found, loaded = logits(tmp_path / "net.pt", layer=f"{key}.rnn")
        assert all(name.startswith(f"{key}.") for name in loaded.names.values())
        assert np.abs(found - theirs(model)).max() < 1e-12


def test_numbers_may_serve_as_embedding_and_as_output_layer(tmp_path):
    torch.manual_seed(0)
    model = Reader(embedding="tok_emb", size=6, outputs=11, bias=False)
    state = model.state_dict()
    state["fc.weight"].copy_(state["tok_emb.weight"])
    torch.save({name: value for name, value in state.items() if name != "fc.weight"}, tmp_path / "net.pt")
    weights = Weights(tmp_path / "net.pt")
    assert weights.heads("rnn") == ("tok_emb.weight",) and weights.head("rnn") == ""
    found, _ = logits(tmp_path / "net.pt", head="tok_emb.weight", embedding="tok_emb.weight")
    assert np.abs(found - theirs(model)).max() < 1e-12


@pytest.mark.parametrize("names", [("encoder", "decoder"), ("enc", "dec"), ("src_rnn", "tgt_rnn")])
def test_an_encoder_and_a_decoder_are_told_apart_by_their_names(tmp_path, names):
    parts = {names[0]: nn.GRU(4, 6), names[1]: nn.GRU(4, 6), "generator": nn.Linear(6, 8)}
    parts |= {"src_embed": nn.Embedding(9, 4), "tgt_embed": nn.Embedding(8, 4)}
    torch.save(nn.ModuleDict(parts).state_dict(), tmp_path / "net.pt")
    assert Weights(tmp_path / "net.pt").both_sides
    loaded = load_torch(tmp_path / "net.pt", pattern="sequence-to-sequence")
    assert loaded.names["encoder.embedding.weight"] == "src_embed.weight"
    assert loaded.names["decoder.embedding.weight"] == "tgt_embed.weight" and loaded.unused == loaded.missing == ()


def test_a_decoder_with_attention_is_refused_with_the_way_out(tmp_path):
    parts = {"encoder": nn.GRU(4, 6), "decoder": nn.GRU(5 + 6, 6), "out": nn.Linear(6, 8)}
    parts |= {"decoder_embedding": nn.Embedding(8, 5)}
    torch.save(nn.ModuleDict(parts).state_dict(), tmp_path / "net.pt")
    with pytest.raises(ImportFileError, match=r"decoder reads 11 numbers at each step.*attention.*by itself"):
        load_torch(tmp_path / "net.pt", pattern="sequence-to-sequence")
    assert load_torch(tmp_path / "net.pt", layer="decoder").spec.input_size == 11


@pytest.mark.parametrize("form", ["parametrizations", "hooks"])
@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm_is_undone(tmp_path, form, dim):
    torch.manual_seed(0)
    gru = nn.GRU(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older form is deprecated
        if form == "hooks":
            nn.utils.weight_norm(gru, "weight_hh_l0", dim)
            size = gru.weight_hh_l0_g
        else:
            nn.utils.parametrizations.weight_norm(gru, "weight_hh_l0", dim)
            size = gru.parametrizations.weight_hh_l0.original0
        with torch.no_grad():
            size.mul_(1.7)
            gru(torch.zeros(1, 1, 3))
    torch.save(gru.state_dict(), tmp_path / "net.pt")
    loaded = load_torch(tmp_path / "net.pt")
    assert np.abs(loaded.parameters["weight_hh_l0"] - gru.weight_hh_l0.detach().numpy()).max() < 1e-6
    assert loaded.unused == ()


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_named_and_the_proof_holds_for_the_rest(tmp_path, wrong):
    torch.manual_seed(0)
    model = Reader()
    with torch.no_grad():
        model.rnn.weight_hh_l0[7, 2] = wrong
    torch.save(model.state_dict(), tmp_path / "net.pt")
    loaded = load_torch(tmp_path / "net.pt")
    assert loaded.notes == (f"rnn.weight_hh_l0 holds a number that is not finite: {wrong} at [7, 2]",)
    found = proof.against_torch(Network(loaded.spec, loaded.parameters).run(IDS))
    assert found.difference < 1e-6 and np.isfinite(found.scale)


def test_numbers_that_are_finite_in_one_of_the_two_only_are_a_difference():
    whole, broken = np.zeros((2, 2)), np.array([[0.0, np.nan], [0.0, 0.0]])
    assert proof._difference(whole, broken) == np.inf and proof._difference(broken, broken) == 0.0
