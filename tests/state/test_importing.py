"""Networks, captures and sequences of files as projects."""

import numpy as np
import pytest
import torch

from engine.interop import ImportFileError, captures
from engine.interop.load import Weights
from engine.interop.recorder import record
from engine.interop.state_dict import as_in_file
from engine.interop.tokenizer import Tokenizer
from gui.state import importing, storing
from gui.state.document import opened
from gui.state.importing import Wishes, holds_weights, of_file, offer, with_sequence
from gui.state.session import compute

KINDS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Speaker(torch.nn.Module):
    """A language model as people write it."""

    def __init__(self, cell="lstm"):
        super().__init__()
        self.emb = torch.nn.Embedding(9, 4)
        self.rnn = KINDS[cell](4, 6, 2, batch_first=True)
        self.fc = torch.nn.Linear(6, 9)

    def forward(self, ids):
        return self.fc(self.rnn(self.emb(ids))[0])


@pytest.fixture
def speaker(tmp_path):
    torch.manual_seed(0)
    module = Speaker()
    torch.save(module.state_dict(), tmp_path / "speaker.pt")
    return module, tmp_path / "speaker.pt"


@pytest.mark.parametrize("cell", list(KINDS))
def test_a_whole_model_gives_torchs_numbers(tmp_path, cell):
    torch.manual_seed(1)
    module = Speaker(cell)
    torch.save({"epoch": 3, "model": module.state_dict()}, tmp_path / "checkpoint.pth")
    project = of_file(tmp_path / "checkpoint.pth")
    assert project.task.title == "checkpoint.pth" and project.task.next_token
    computed = compute(project.but(sources=("1 5 2 8",)))
    ids = torch.tensor([[1, 5, 2, 8]])
    logits = module(ids[:, :-1])[0]
    loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")
    loss.backward()
    np.testing.assert_allclose(computed.trace.value("output.logits")[:, 0], logits.detach(), atol=1e-6)
    assert computed.trace.loss == pytest.approx(float(loss.detach()), rel=1e-6)
    for name, value in module.rnn.named_parameters():
        np.testing.assert_allclose(computed.trace.parameter_grads[name], value.grad, atol=2e-6)


def test_an_offer_is_proven_and_names_what_it_took(speaker):
    found = offer(Weights(speaker[1]), Wishes())
    assert found.loaded.names["output.weight"] == "fc.weight"
    assert found.proof.layer == "torch.nn.LSTM" and found.proof.difference < 1e-6
    assert not found.loaded.missing and not found.loaded.unused


def test_wishes_are_followed(speaker):
    weights = Weights(speaker[1])
    assert (weights.layers, weights.heads("rnn"), weights.embeddings("rnn")) == (
        ("rnn",),
        ("fc.weight",),
        ("emb.weight",),
    )
    plain = offer(weights, Wishes({"head": "", "embedding": "", "pattern": "many-to-one"}))
    assert plain.project.spec.loss == "linear" and plain.project.spec.output_size == 6
    assert set(plain.loaded.unused) == {"fc.weight", "fc.bias", "emb.weight"}
    spoken = offer(weights, Wishes(tokenizer=Tokenizer("letters", tuple("abcdefghi")), source=np.array([0, 1, 2])))
    assert spoken.project.sources == ("abc",)
    numbers = Wishes(loss="mse", source="1 2", target=np.zeros((2, 9)))
    assert compute(offer(weights, numbers).project).trace.loss > 0


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (Wishes({"head": "emb.weight"}), r"head='emb.weight' has the shape \(9, 4\); it must have 6 columns"),
        (Wishes({"head": "no"}), "head='no': there is no such array"),
        (Wishes({"layer": "decoder"}), "there is no recurrent layer 'decoder'"),
        (Wishes(loss="mse"), "mse compares with numbers"),
        (Wishes(source="12"), "'12' is none of the 9 tokens"),
        (Wishes(source=np.array([1.5, 2])), "token ids are 0 to 8"),
        (Wishes(tokenizer=Tokenizer("letters", tuple("abcdefghijk"))), "has 11 tokens and the embedding 9 rows"),
    ],
)
def test_what_does_not_go_together_is_named(speaker, wishes, said):
    with pytest.raises(ImportFileError, match=rf"^speaker\.pt: .*{said}"):
        offer(Weights(speaker[1]), wishes)


@pytest.mark.parametrize("shape", [(5, 3), (5, 1, 3), (1, 5, 3)])
def test_a_sequence_of_a_file_becomes_the_input(tmp_path, shape):
    torch.save(torch.nn.GRU(3, 4).state_dict(), tmp_path / "gru.pt")
    x = np.random.default_rng(0).standard_normal(shape)
    np.save(tmp_path / "x.npy", x)
    project = with_sequence(of_file(tmp_path / "gru.pt"), tmp_path / "x.npy")
    np.testing.assert_array_equal(project.sources[0], x.reshape(5, 3))


def test_a_sequence_that_does_not_fit_says_which_axis(tmp_path):
    torch.save(torch.nn.GRU(3, 4).state_dict(), tmp_path / "gru.pt")
    project = of_file(tmp_path / "gru.pt")
    (tmp_path / "wide.csv").write_text("1,2\n3,4\n")
    (tmp_path / "words.txt").write_text("hello")
    with pytest.raises(
        ImportFileError, match=r"wide.csv: the input has the shape \(2, 2\); this network reads \(T, 3\)"
    ):
        with_sequence(project, tmp_path / "wide.csv")
    with pytest.raises(ImportFileError, match=r"words\.txt: it is a text"):
        with_sequence(project, tmp_path / "words.txt")
    with pytest.raises(ImportFileError, match=r"wide\.csv: it holds numbers; this scenario reads a text"):
        with_sequence(opened(), tmp_path / "wide.csv")
    assert with_sequence(opened(), tmp_path / "words.txt").sources == ("hello",)


@pytest.mark.parametrize("found", [np.array(3.0), np.zeros((2, 2, 2, 2)), np.full((1, 2), 2)])
def test_any_axes_of_a_file_are_taken_or_refused_in_words(tmp_path, found):
    torch.save(torch.nn.GRU(1, 4).state_dict(), tmp_path / "gru.pt")
    np.save(tmp_path / "x.npy", found)
    project = of_file(tmp_path / "gru.pt")
    if found.ndim == 2:
        assert with_sequence(project, tmp_path / "x.npy").sources[0].shape == (2, 1)
    else:
        with pytest.raises(ImportFileError, match=r"^x\.npy: .*\(T, 1\)"):
            with_sequence(project, tmp_path / "x.npy")


def test_ids_of_a_file_are_one_sequence_and_what_their_text_says(speaker, tmp_path):
    weights = Weights(speaker[1])
    assert offer(weights, Wishes(source=np.array([[1.0, 5.0]]))).project.sources == ("1 5",)
    two = Tokenizer("letters", ("a", "b", "ab", *"cdefgh"))
    project = offer(weights, Wishes(source=np.array([2, 0]), tokenizer=two)).project
    assert project.sources[0].tolist() == [2, 0]  # no text stands for them: they stay ids
    assert project.task.next_token and project.task.encode(project.sources[0]).tokens == ("ab",)
    storing.write(tmp_path / "kept.loopscope", project, storing.View())
    again = storing.read(tmp_path / "kept.loopscope").project
    assert again.sources[0].tolist() == [2, 0] and compute(again).trace.batch.x.ravel().tolist() == [2]
    (tmp_path / "v.json").write_text('["a","b","ab","c","d","e","f","g","h"]')
    named = importing.with_vocabulary(offer(weights, Wishes(source=np.array([2, 0]))).project, tmp_path / "v.json")
    assert named.sources == ("ab a",)
    for wishes, said in (
        (Wishes(source=np.ones((3, 2, 2))), r"has the shape \(3, 2, 2\); the token ids of one are \(T,\)"),
        (Wishes(source=np.array([1, np.nan])), "token ids are 0 to 8"),
        (Wishes(source=np.array(["a", "b"])), "token ids are whole numbers"),
    ):
        with pytest.raises(ImportFileError, match=said):
            offer(weights, wishes)


def test_a_batch_of_a_file_is_as_many_sequences(speaker, tmp_path):
    weights, ids = Weights(speaker[1]), np.array([[1, 2], [3, 4], [5, 6]])
    assert offer(weights, Wishes(source=ids)).project.sources == ("1 3 5", "2 4 6")
    torch.save(torch.nn.GRU(3, 4).state_dict(), tmp_path / "gru.pt")
    x = np.random.default_rng(0).standard_normal((6, 4, 3))
    np.save(tmp_path / "x.npy", x)
    project = with_sequence(of_file(tmp_path / "gru.pt"), tmp_path / "x.npy")
    assert len(project.sources) == len(project.targets) == 4
    trace = compute(project).trace
    with torch.no_grad():
        theirs = torch.load(tmp_path / "gru.pt")
        gru = torch.nn.GRU(3, 4)
        gru.load_state_dict(theirs)
        assert np.abs(trace.value("l0.h") - gru(torch.from_numpy(x).float())[0].numpy()).max() < 1e-6
    np.save(tmp_path / "x.npy", np.zeros((2, 257, 3)))
    with pytest.raises(ImportFileError, match=r"x\.npy: .*257 of them along axis 1.*at most 256"):
        with_sequence(project, tmp_path / "x.npy")


def test_an_archive_of_arrays_is_weights_or_a_sequence(tmp_path):
    layer = torch.nn.RNN(2, 3)
    np.savez(tmp_path / "w.npz", **{name: value.detach().numpy() for name, value in layer.named_parameters()})
    np.savez(tmp_path / "x.npz", x=np.zeros((4, 2)))
    assert holds_weights(tmp_path / "w.npz") and not holds_weights(tmp_path / "x.npz")


@pytest.mark.parametrize("cell", list(KINDS))
def test_a_capture_has_the_programs_own_gradients(tmp_path, cell):
    torch.manual_seed(2)
    module = Speaker(cell)
    with record(module, tmp_path / "run.loopscope"):
        logits = module(torch.randint(0, 9, (3, 5)))
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.randint(0, 9, (15,))).backward()
    found = captures.read(tmp_path / "run.loopscope").modules[0]
    project = of_file(tmp_path / "run.loopscope")
    assert len(project.sources) == 3 and project.spec.loss == "linear"
    trace = compute(project).trace
    assert found.difference(trace) < 1e-6
    scale = max(np.abs(value).max() for value in found.parameter_grads.values())
    for name, value in module.rnn.named_parameters():
        np.testing.assert_allclose(trace.parameter_grads[name], value.grad, atol=1e-5 * scale)


def test_a_network_of_one_output_has_a_gradient(tmp_path):
    torch.manual_seed(3)
    module = torch.nn.ModuleDict({"rnn": torch.nn.RNN(6, 5), "fc": torch.nn.Linear(5, 1)})
    torch.save(module.state_dict(), tmp_path / "sensor.pt")
    project = of_file(tmp_path / "sensor.pt")
    assert project.spec.loss == "linear"
    out, _ = module["rnn"](torch.tensor(project.sources[0], dtype=torch.float32)[:, None])
    module["fc"](out)[-1].sum().backward()
    trace = compute(project).trace
    np.testing.assert_allclose(trace.parameter_grads["weight_hh_l0"], module["rnn"].weight_hh_l0.grad, atol=1e-6)
    assert np.abs(trace.grad("l0.h")[0]).max() > 0


def test_an_encoder_and_a_decoder_are_one_network(tmp_path):
    torch.manual_seed(4)
    parts = {"encoder": torch.nn.GRU(3, 4), "decoder": torch.nn.GRU(5, 4), "out": torch.nn.Linear(4, 5)}
    torch.save(torch.nn.ModuleDict(parts).state_dict(), tmp_path / "pair.pt")
    assert of_file(tmp_path / "pair.pt").spec.pattern == "sequence-to-sequence"
    torch.save(
        torch.nn.ModuleDict({"a": torch.nn.GRU(3, 4), "b": torch.nn.GRU(3, 4)}).state_dict(), tmp_path / "two.pt"
    )
    with pytest.raises(ImportFileError, match="several recurrent layers were found: a, b; opened"):
        of_file(tmp_path / "two.pt")


def test_a_vocabulary_goes_to_the_network_that_is_open(speaker, tmp_path):
    project = of_file(speaker[1])
    (tmp_path / "v.json").write_text('["a","b","c","d","e","f","g","h"," "]')
    named = importing.with_vocabulary(project.but(sources=("0 8 2",)), tmp_path / "v.json")
    assert named.sources == ("a c",) and named.task.next_token and named.task.output_labels[8] == "␣"
    np.testing.assert_array_equal(named.task.encode("a c").x, [0, 8])
    with pytest.raises(ImportFileError, match=r"^v\.json: a vocabulary goes with a network of a file"):
        importing.with_vocabulary(opened(), tmp_path / "v.json")


def test_every_reading_is_one_error(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"nothing")
    with pytest.raises(ImportFileError, match=r"^a\.pt: "):
        importing.of_file(tmp_path / "a.pt")


def test_a_captured_sequence_alone_keeps_its_own_gradients(tmp_path):
    torch.manual_seed(3)
    module = torch.nn.LSTM(2, 4)
    x = torch.randn(5, 3, 2)
    with record(module, tmp_path / "run.loopscope"):
        y, (h, c) = module(x)
        ((y**2).sum() + h.sum() + c.sum()).backward()
    found = captures.read(tmp_path / "run.loopscope").modules[0]
    whole = of_file(tmp_path / "run.loopscope")
    alone = compute(whole.chosen([1])).trace
    scale = np.abs(found.grads["l0.h"]).max()
    np.testing.assert_allclose(alone.grad("l0.h")[:, 0], found.grads["l0.h"][:, 1], atol=1e-6 * scale)
    np.save(tmp_path / "x.npy", np.zeros((4, 2)))
    other = with_sequence(whole.chosen([1]), tmp_path / "x.npy")
    assert not other.arriving and other.targets == (None,)


def test_a_hidden_state_put_out_as_it_is_stays_so_in_another_cell(tmp_path):
    torch.save(torch.nn.GRU(3, 4).state_dict(), tmp_path / "gru.pt")
    task = of_file(tmp_path / "gru.pt").task
    np.testing.assert_array_equal(task.initial(task.spec("lstm")).parameters["output.weight"], np.eye(4))


class Translator(torch.nn.Module):
    """An encoder and a decoder as the tutorials write them: the first token is among the outputs."""

    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.ModuleDict({"embedding": torch.nn.Embedding(7, 4), "gru": torch.nn.GRU(4, 5)})
        self.decoder = torch.nn.ModuleDict({"embedding": torch.nn.Embedding(6, 4), "gru": torch.nn.GRU(4, 5)})
        self.decoder["out"] = torch.nn.Linear(5, 6)

    def forward(self, ids, target, start):
        h = self.encoder["gru"](self.encoder["embedding"](ids))[1]
        fed = torch.cat([torch.tensor([start]), target[:-1]])
        return self.decoder["out"](self.decoder["gru"](self.decoder["embedding"](fed), h)[0])


@pytest.mark.parametrize("start", [0, 2])
def test_a_decoder_begins_with_one_of_its_tokens(tmp_path, start):
    torch.manual_seed(4)
    module = Translator()
    torch.save(module.state_dict(), tmp_path / "translator.pt")
    found = offer(Weights(tmp_path / "translator.pt"), Wishes({"pattern": "sequence-to-sequence", "start": start}))
    assert not found.loaded.missing and not found.loaded.unused and found.loaded.start == start
    trace = compute(found.project.but(sources=("3 1 6",), targets=("4 2 5 1",))).trace
    ids, target = torch.tensor([3, 1, 6]), torch.tensor([4, 2, 5, 1])
    np.testing.assert_allclose(
        trace.value("output.logits")[:, 0], module(ids, target, start).detach().numpy(), atol=1e-6
    )
    again = as_in_file(found.project.parameters, found.project.task.origin)
    for name, value in module.state_dict().items():
        np.testing.assert_array_equal(again[name], value.numpy())
    with pytest.raises(ImportFileError, match="start=6 is no token of the decoder; they are 0 to 5"):
        offer(Weights(tmp_path / "translator.pt"), Wishes({"pattern": "sequence-to-sequence", "start": 6}))
