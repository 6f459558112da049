"""Sentences of single operations: every number is the run's own, forward and backward."""

import re

import numpy as np
import pytest

from engine import ModelSpec, Network, narration, ops
from engine.format import number, percent
from engine.registry import cells

TOKENS = ("I", "do", "not", "like")


def make(cell="lstm", **facts):
    spec = ModelSpec(
        pattern="many-to-one", cell=cell, vocab_size=9, embedding_size=3, hidden_size=5, output_size=3, **facts
    )
    trace = Network(spec).run(np.array([1, 2, 3, 4]), [1])
    return trace, narration.words(trace, TOKENS, ("negative", "neutral", "positive"))


def said(trace, words, phase, step, operation, prefix="l0"):
    lane = trace.lanes[prefix]
    found = trace.events.find(phase, lane, step, operation)
    assert trace.events[found].operation == operation
    return trace.narrate(trace.events[found], words)


def norm(vector):
    return number(np.linalg.norm(vector))


def test_the_forget_gate_says_what_it_keeps():
    trace, words = make()
    kept, before = trace.value("l0.f*c")[3, 0], trace.value("l0.c")[2, 0]
    share = percent(np.linalg.norm(kept) / np.linalg.norm(before))
    assert said(trace, words, "forward", 3, "f*c") == f"At “like”, the forget gate f₄ keeps {share} of the size of c₃."


def test_a_matrix_product_names_its_largest_product():
    trace, words = make()
    value, read = trace.value("l0.W_ii x")[1, 0], trace.read_by("l0")[1, 0]
    unit = int(np.abs(value).argmax())
    products = trace.parameters["weight_ih_l0"][unit] * read
    largest = int(np.abs(products).argmax())
    sentence = said(trace, words, "forward", 1, "W_ii x")
    assert f"unit {unit + 1} gets most, {number(value[unit])}" in sentence
    assert f"its largest product, {number(products[largest])}, is with x₂[{largest + 1}]" in sentence


def test_a_sum_says_how_large_its_parts_are():
    trace, words = make("gru")
    fresh, kept, whole = (trace.value(f"l0.{name}")[2, 0] for name in ("(1-z)*n", "z*h", "h"))
    sentence = said(trace, words, "forward", 2, "h")
    assert f"(1 − z₃) ⊙ n₃ ({norm(fresh)}) and z₃ ⊙ h₂ ({norm(kept)}): its size is {norm(whole)}" in sentence
    biases = trace.parameters["bias_ih_l0"][:5] + trace.parameters["bias_hh_l0"][:5]
    assert f"the biases ({norm(biases)})" in said(trace, words, "forward", 2, "a_r")


def test_a_gate_says_how_open_it_stands():
    trace, words = make()
    gate = trace.value("l0.i")[2, 0]
    sentence = said(trace, words, "forward", 2, "i")
    assert f"opens to {number(gate.mean())} on average, from {number(gate.min())} to {number(gate.max())}" in sentence
    assert f"mean slope is {number((gate * (1 - gate)).mean())} (at most 0.25)" in sentence


@pytest.mark.parametrize(("nonlinearity", "expected"), [("relu", "units are on"), ("identity", "unchanged")])
def test_the_other_nonlinearities(nonlinearity, expected):
    trace, words = make("rnn", nonlinearity=nonlinearity)
    assert expected in said(trace, words, "forward", 2, "h")
    if nonlinearity == "relu":
        on = int((trace.value("l0.h")[2, 0] > 0).sum())
        assert f"{on} of 5 units" in said(trace, words, "forward", 2, "h")


def test_the_head_says_what_is_highest():
    trace, words = make()
    at = [e for e in trace.events if e.operation in ("logits", "y") and e.phase == "forward"]
    best = int(trace.value("output.y")[0, 0].argmax())
    label = words.labels[best]
    assert f"“{label}” highest: {number(trace.value('output.logits')[0, 0, best])}" in trace.narrate(at[0], words)
    assert f"“{label}” {percent(trace.value('output.y')[0, 0, best])}" in trace.narrate(at[1], words)


@pytest.mark.parametrize("cell", cells.names())
def test_backward_says_what_arrives_and_what_leaves(cell):
    torch = pytest.importorskip("torch")
    trace, words = make(cell)
    graph, lane, t = trace.graph, trace.lanes["l0"], 2
    values = trace.replay("l0").nodes
    for node in graph.operations:
        arrives = trace.grad(lane.key(node.name))[t, 0]
        sentence = said(trace, words, "backward", t, node.name)
        assert f"{norm(arrives)} of gradient arrives at" in sentence
        # What torch's autograd passes through this one operation.
        args = [np.asarray(values[arg]) for arg in node.args]
        args = [arg[t, 0] if arg.ndim == 3 else arg for arg in args]
        inputs = [torch.tensor(arg, requires_grad=True) for arg in args]
        node.op.value(torch, *inputs).backward(torch.tensor(arrives))
        leaves = [
            norm(each.grad.numpy())
            for each, arg in zip(inputs, node.args, strict=True)
            if graph.nodes[arg].op not in (ops.WEIGHT, ops.BIAS, ops.CONSTANT)
        ]
        if node.op in (ops.SUM, ops.IDENTITY):
            assert "passes unchanged" in sentence
            assert set(leaves) == {norm(arrives)}
        else:
            assert re.findall(r"it leaves (\S+(?: × \S+)?) to", sentence) == leaves


def test_the_loss_pulls_at_the_scores():
    trace, words = make()
    event = next(e for e in trace.events if e.phase == "backward" and e.operation == "logits")
    pull = trace.grad("output.logits")[0, 0]
    assert f"pulls at the scores with {norm(pull)}, most at “{words.labels[np.abs(pull).argmax()]}”" in trace.narrate(
        event, words
    )


def test_padding_computes_nothing():
    spec = ModelSpec(pattern="many-to-one", cell="gru", input_size=2, hidden_size=4, output_size=3)
    trace = Network(spec).run(np.ones((4, 2, 2)), [1, 0], lengths=[4, 2])
    words = narration.Words(sequence=1)
    assert "padding" in said(trace, words, "forward", 3, "z")
    assert "padding" in said(trace, words, "backward", 3, "z")


def test_not_a_number_is_named():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=4, output_size=3)
    x = np.zeros((3, 2))
    x[1, 0] = np.nan
    trace = Network(spec).run(x, [1])
    assert "W_ih x₂ is not a number at unit 1" in said(trace, narration.Words(), "forward", 1, "W_ih x")
    assert "not a number" in said(trace, narration.Words(), "backward", 1, "h")


@pytest.mark.parametrize("pattern", ["one-to-many", "many-to-many", "sequence-to-sequence"])
@pytest.mark.parametrize("cell", cells.names())
def test_every_event_is_found_where_it_stands(cell, pattern):
    facts = {"pattern": pattern, "cell": cell, "input_size": 2, "hidden_size": 3, "output_size": 3}
    for both in (False, True) if pattern != "one-to-many" else (False,):
        trace = Network(ModelSpec(num_layers=2, bidirectional=both, **facts)).run(
            np.ones((1 if pattern == "one-to-many" else 3, 2)), [0, 1, 2]
        )
        lanes = {(lane.part, lane.layer, lane.direction): lane for lane in trace.lanes.values()}
        for event in trace.events:
            lane = lanes.get((event.part, event.layer, event.direction))
            if event.operation is not None:
                assert trace.events.find(event.phase, lane, event.step, event.operation) == event.index
    assert trace.events.find("forward", next(iter(lanes.values())), 99, "h") is None
