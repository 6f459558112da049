"""A network of a file as a scenario."""

import numpy as np
import pytest
import torch
from samples import CELLS, make_spec

from engine import Network
from engine.interop.imported import Imported
from engine.interop.state_dict import Origin, as_in_file
from engine.interop.tokenizer import Tokenizer


def tokens(**facts):
    return make_spec(pattern="many-to-many", vocab_size=5, embedding_size=3, input_size=None, output_size=5, **facts)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("both", [False, True])
def test_without_an_output_layer_the_hidden_state_is_put_out(cell, both):
    spec = make_spec(cell=cell, bidirectional=both, pattern="many-to-many", hidden_size=4, input_size=2)
    layer = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell](
        2, 4, spec.num_layers, bidirectional=both, dtype=torch.float64
    )
    weights = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    task = Imported("net.pt", spec, weights)
    assert (task.spec(cell).output_size, task.spec(cell).loss) == (4 * (1 + both), "linear")
    sample = task.encode(np.random.default_rng(0).standard_normal((6, 2)))
    trace = Network(task.spec(cell), task.weights(cell)[0]).run(**task.collate([sample]))
    x = torch.tensor(sample.x, requires_grad=True)
    y = layer(x)[0]
    y[-1].sum().backward()
    np.testing.assert_allclose(trace.value("output.y")[:, 0], y.detach().numpy(), atol=1e-12)
    assert trace.loss == pytest.approx(float(y[-1].sum().detach()), abs=1e-12)
    for name, value in layer.named_parameters():
        np.testing.assert_allclose(trace.parameter_grads[name], value.grad.numpy(), atol=1e-12)


def test_the_next_token_is_the_target_of_a_language_model():
    spec = tokens()
    task = Imported("lm.pt", spec, dict(Network(spec).parameters), tokenizer=Tokenizer("letters", tuple("abcde")))
    sample = task.encode("badge"[:3] + "e")
    assert (list(sample.x), list(sample.target)) == ([1, 0, 3], [0, 3, 4])
    assert (sample.tokens, sample.target_tokens) == (("b", "a", "d"), ("a", "d", "e"))
    with pytest.raises(ValueError, match="at least two"):
        task.encode("a")


def test_blank_tokens_are_seen():
    spec = tokens()
    task = Imported("lm.pt", spec, dict(Network(spec).parameters), tokenizer=Tokenizer("letters", tuple("ab \nc")))
    sample = task.encode("a b\na")
    assert sample.tokens == ("a", "␣", "b", "↵") and sample.target_tokens == ("␣", "b", "↵", "a")
    assert task.output_labels == ("a", "b", "␣", "↵", "c")
    assert list(task.encode("ab", "␣ ↵").target) == [2, 3]


def test_ids_stand_for_tokens_whose_words_are_not_known():
    spec = tokens().but(output_size=3)
    task = Imported("ids.pt", spec, dict(Network(spec).parameters), labels=("low", "mid", "high"))
    assert len(task.encode(task.example).x) == 12
    assert list(task.encode("4 0, 2", "low mid high").target) == [0, 1, 2]
    with pytest.raises(ValueError, match=r"'7' is none of the 5 tokens of this network \(0 to 4\)"):
        task.encode("4 7")
    with pytest.raises(ValueError, match="'top' is none of the outputs: low, mid, high"):
        task.encode("4 0", "low top")
    with pytest.raises(ValueError, match="the target has 1 outputs and the input 2 steps"):
        task.encode("4 0", "low")
    assert task.unknown_words("4 9") == ["9"]


@pytest.mark.parametrize(
    ("shape", "found"), [((3, 5), r"\(T, 2\)"), ((0, 2), r"\(T, 2\)"), ((3,), r"\(T, 2\)")]
)  # fmt: skip
def test_a_wrong_axis_is_named(shape, found):
    spec = make_spec(pattern="many-to-many", input_size=2)
    task = Imported("net.pt", spec, dict(Network(spec).parameters))
    with pytest.raises(ValueError, match=found):
        task.encode(np.zeros(shape))


def test_a_target_of_numbers_is_checked():
    spec = make_spec(pattern="many-to-many", input_size=2, output_size=3, loss="mse")
    task = Imported("net.pt", spec, dict(Network(spec).parameters))
    assert task.numeric_target
    with pytest.raises(ValueError, match=r"mse compares with numbers: it needs a target \(4, 3\)"):
        task.encode(np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"the target has the shape \(3, 3\); it must be \(4, 3\)"):
        task.encode(np.zeros((4, 2)), np.zeros((3, 3)))
    assert task.encode(np.zeros((4, 2)), np.ones((4, 3))).target.shape == (4, 3)


def test_its_facts_make_it_again():
    spec = tokens()
    words = Tokenizer("words", ("the", "cat", "sat"), unknown=0, lower=True)
    task = Imported("lm.pt", spec, dict(Network(spec).parameters), tokenizer=words, source="from lm.pt")
    again = Imported.from_facts(task.facts(), spec, task.weights(task.cell)[0])
    assert again.facts() == task.facts()
    assert again.output_labels == ("the", "cat", "sat", "<3>", "<4>")
    assert list(again.encode("Cat dog cat").x) == list(task.encode("Cat dog cat").x) == [1, 0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": 3}, "title=3"), ({"labels": [1]}, "labels must be"), ({"next_token": "yes"}, "next_token='yes'"),
        ({"tokenizer": {"kind": "ids", "size": True}}, "size=True"),
        ({"tokenizer": {"kind": "ids", "size": 5_000_000}}, "size=5000000 .* must be from 1 to 5$"),
        ({"title": "T" * 2000}, "title of 2,000 letters is not possible; at most 400 are shown"),
        ({"source": "T" * 9000}, "source of 9,000 letters"), ({"labels": ["L" * 2000]}, "labels of 2,000 letters"),
        ({"tokenizer": {"kind": "words", "words": ["w" * 2000], "unknown": 0}}, "a token of 2,000 letters"),
        ({"names": {"weight_ih_l0": "../../x"}}, "'../../x' is no name of an array"),
        ({"names": {"weight_ih_l0": "a\0"}}, "is no name of an array"),
        ({"names": {"weight_ih_l0": "x" * 401}}, "is no name of an array"),
        ({"dtypes": {"weight_ih_l0": "S100000000"}}, "'S100000000' is no type of numbers known here"),
        ({"tokenizer": {"kind": "no", "words": []}}, "kind"),
        ({"tokenizer": {"kind": "words", "words": ["a"] * 9, "unknown": None}}, "9 tokens and the embedding 5 rows"),
    ],
)  # fmt: skip
def test_wrong_facts_are_named(changed, said):
    spec = tokens()
    task = Imported("lm.pt", spec, dict(Network(spec).parameters))
    with pytest.raises(ValueError, match=said):
        Imported.from_facts({**task.facts(), **changed}, spec, {})


def test_names_that_lead_out_of_a_file_are_not_taken_over():
    """A checkpoint may call its arrays as it likes; what is written of it has our own names then."""
    spec = tokens()
    parameters = dict(Network(spec).parameters)
    names = {"output.weight": "../../out", "output.bias": "fc.bias"}
    outside = Origin(names, {"output.weight": "V9", "x": "float16"}, beside={"/etc/x": np.zeros(1), "x": np.ones(1)})
    task = Imported("lm.pt", spec, parameters, origin=outside)
    assert task.origin.names == {"output.weight": "output.weight", "output.bias": "fc.bias"}
    assert (task.origin.dtypes, list(task.origin.beside)) == ({"x": "float16"}, ["x"])
    assert Imported.from_facts(task.facts(), spec, parameters).origin.names == task.origin.names
    assert sorted(as_in_file(parameters, outside)) == ["fc.bias", "output.weight", "x"]
