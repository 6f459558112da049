"""Narration: every number in a sentence is the run's own."""

import numpy as np
import pytest

from engine import ModelSpec, Network, narration
from engine.format import number, percent
from engine.registry import cells

TOKENS = ("I", "do", "not", "like")
LABELS = ("negative", "neutral", "positive")


def make(cell="rnn", pattern="many-to-one", T=4, **facts):
    spec = ModelSpec(pattern=pattern, cell=cell, vocab_size=9, embedding_size=3, hidden_size=5, output_size=3, **facts)
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, {"many-to-one": 1, "many-to-many": T}.get(pattern, 3))
    trace = Network(spec).run(rng.integers(0, 9, 1 if pattern == "one-to-many" else T), target)
    return trace, narration.words(trace, TOKENS, LABELS)


def sentence(trace, words, index):
    return trace.narrate(trace.events.token(index), words)


def test_forward_says_what_changed_and_what_came_out():
    trace, words = make()
    h, y = trace.value("l0.h")[:, 0], trace.value("output.y")[0, 0]
    second, last = sentence(trace, words, 1), sentence(trace, words, 3)
    assert percent(np.linalg.norm(h[1] - h[0]) / np.linalg.norm(h[0])) in second
    unit = int(np.abs(h[1] - h[0]).argmax())
    assert f"unit {unit + 1} moves most, from {number(h[0, unit])} to {number(h[1, unit])}" in second
    assert "output" not in second
    assert f"“{LABELS[y.argmax()]}” with {percent(y.max())}" in last
    assert "empty memory" in sentence(trace, words, 0)


def test_loss_names_the_answer_and_what_it_was_given():
    trace, words = make()
    target = int(trace.batch.target[0, 0])
    said = sentence(trace, words, 4)
    assert number(trace.loss) in said
    assert f"“{LABELS[target]}”, was given {percent(trace.value('output.y')[0, 0, target])}" in said


@pytest.mark.parametrize("cell", cells.names())
def test_backward_says_the_part_that_travelled(cell):
    trace, words = make(cell)
    grad, travelled = trace.grad("l0.h")[:, 0], trace.travelled("l0.h")[:, 0]
    ratio = np.linalg.norm(travelled[2]) / np.linalg.norm(grad[3])
    said = sentence(trace, words, 6)
    assert said.startswith("The error leaves “like” and reaches “not”")
    assert (percent(ratio) if ratio <= 1 else number(ratio)) in said
    assert "adds" not in said
    assert number(np.linalg.norm(grad[3])) in sentence(trace, words, 5)


def test_the_steps_own_loss_is_told_apart():
    trace, words = make("gru", "many-to-many")
    own = np.linalg.norm(trace.grad("l0.h")[1, 0] - trace.travelled("l0.h")[1, 0])
    assert f"the step’s own loss adds {number(own)}." in sentence(trace, words, -2)


def test_vanished_error_says_so():
    spec = ModelSpec(
        pattern="many-to-one", cell="rnn", input_size=2, hidden_size=4, output_size=3, spectral_radius=0.02
    )
    trace = Network(spec).run(np.zeros((8, 2)), [1])
    words = narration.words(trace, [str(t) for t in range(8)])
    assert "has vanished" in sentence(trace, words, -1)
    assert "has vanished" not in sentence(trace, words, -8)


def test_not_a_number_is_named():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=4, output_size=3)
    x = np.zeros((3, 2))
    x[1, 0] = np.nan
    trace = Network(spec).run(x, [1])
    segments = narration.narrate(trace, trace.events.token(1), narration.Words())
    assert "unit 1 of h is not a number" in narration.plain(segments)
    assert "warning" in {role for _, role in segments}
    assert "not a number" in trace.narrate(trace.events.token(3)) and "not a number" in trace.narrate(
        trace.events.token(-1)
    )


def test_crossing_into_the_encoder():
    trace, words = make("lstm", "sequence-to-sequence")
    size = np.linalg.norm(trace.grad("encoder.l0.h")[-1, 0])
    said = sentence(trace, words, -4)
    assert "from the decoder into the encoder at “like”" in said and number(size) in said
    assert words.columns[4] == "<bos>"


def test_padding_is_said():
    spec = ModelSpec(pattern="many-to-one", cell="gru", input_size=2, hidden_size=4, output_size=3)
    trace = Network(spec).run(np.ones((4, 2, 2)), [1, 0], lengths=[4, 2])
    words = narration.Words(sequence=1)
    assert "padding" in sentence(trace, words, 3)
    assert "Across padding" in sentence(trace, words, -3)


@pytest.mark.parametrize("pattern", ["one-to-many", "many-to-one", "many-to-many", "sequence-to-sequence"])
@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("layers", [1, 2])
def test_every_position_of_every_pattern_has_a_sentence_and_an_equation(pattern, cell, layers):
    for both in (False, True) if pattern != "one-to-many" else (False,):
        trace, words = make(cell, pattern, num_layers=layers, bidirectional=both)
        for event in trace.events:
            said = trace.narrate(event, words)
            assert said.endswith(".") and "None" not in said and event.equation
