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
    came = np.linalg.norm(trace.travelled("encoder.l0.h")[-1, 0])
    first = np.linalg.norm(trace.grad("decoder.l0.h")[0, 0])
    assert f"through the decoder’s initial state comes ‖∂L/∂h‖ = {number(size)}, {percent(came / first)} of" in said
    assert "adds" not in said


def test_crossing_into_a_lower_layer_tells_what_the_layer_above_adds():
    spec = ModelSpec(pattern="sequence-to-sequence", cell="gru", input_size=2, hidden_size=4, output_size=3,
                     num_layers=2, bidirectional=True)  # fmt: skip
    rng = np.random.default_rng(2)
    trace = Network(spec).run(rng.standard_normal((3, 1, 2)), rng.integers(0, 3, (2, 1)))
    told = [(event, trace.narrate(event)) for event in map(trace.events.token, range(len(trace.events.tokens)))]
    crossings = [(event, said) for event, said in told if "crosses" in said]
    assert [(e.layer, e.direction) for e, _ in crossings] == [
        (1, "reverse"), (1, "forward"), (0, "reverse"), (0, "forward")
    ]  # fmt: skip
    for event, said in crossings:
        lane = next(n for n in trace.lanes.values() if (n.part, n.layer, n.direction) == (
            "encoder", event.layer, event.direction))  # fmt: skip
        whole, came = (source(lane.key("h"))[event.step, 0] for source in (trace.grad, trace.travelled))
        assert f"‖∂L/∂h‖ = {number(np.linalg.norm(whole))}" in said
        first = np.linalg.norm(trace.grad(f"decoder.l{lane.layer}.h")[0, 0])
        assert f"{percent(np.linalg.norm(came) / first)} of what it was at the decoder’s first step" in said
        own = f"; the layer above adds {number(np.linalg.norm(whole - came))}"
        assert (own in said) == ("adds" in said) == (lane.layer == 0)


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


def test_an_answer_of_its_own_is_not_called_right():
    trace, words = make()
    own = narration.words(trace, TOKENS, LABELS, own_answer=True)
    assert "its own answer, “" in sentence(trace, own, 4) and "right answer" not in sentence(trace, own, 4)
    assert "the right answer, “" in sentence(trace, words, 4)


def linear(weight, cell="rnn", T=6, **parameters):
    H = 4
    spec = ModelSpec(
        pattern="many-to-one", cell=cell, input_size=2, hidden_size=H, output_size=3, nonlinearity="identity"
    )
    given = {"weight_hh_l0": weight, "bias_ih_l0": np.zeros(len(weight)), "bias_hh_l0": np.zeros(len(weight))}
    return Network(spec, given | parameters).run(np.zeros((T, 2)), [1])


def test_what_grows_has_not_vanished_and_what_stays_stays():
    growing = linear(1.1 * np.eye(4))
    for index in range(8, 13):
        said = growing.narrate(growing.events.token(index))
        assert "grows to 1.10 times its size" in said and "vanished" not in said
    staying = linear(np.eye(4))
    for index in range(8, 13):
        assert "it keeps its size" in staying.narrate(staying.events.token(index))
    assert "stays empty" in staying.narrate(staying.events.token(2))


def test_an_error_that_only_c_carries_is_told():
    spec = ModelSpec(pattern="many-to-one", cell="lstm", input_size=2, hidden_size=4, output_size=3)
    x = np.random.default_rng(0).standard_normal((5, 2))
    trace = Network(spec, {"weight_hh_l0": np.zeros((16, 4))}).run(x, [1])
    for token, step in ((7, 3), (8, 2), (9, 1), (10, 0)):
        said = trace.narrate(trace.events.token(token))
        assert f"through c alone: ‖∂L/∂c‖ = {number(np.linalg.norm(trace.grad('l0.c')[step, 0]))}" in said


def test_a_scored_output_that_passes_nothing_on_is_not_called_unscored():
    trace = linear(np.eye(4), **{"output.weight": np.zeros((3, 4))})
    assert "scored, but passes no gradient on" in trace.narrate(trace.events.token(7))


def test_a_cell_state_that_is_set_is_no_empty_memory():
    spec = ModelSpec(pattern="many-to-one", cell="lstm", input_size=2, hidden_size=4, output_size=3)
    trace = Network(spec).run(np.ones((3, 2)), [1], c_0=2 * np.ones((1, 1, 4)))
    said = trace.narrate(trace.events.token(0))
    assert "empty" not in said and f"rises from 0 to {number(np.linalg.norm(trace.value('l0.h')[0, 0]))}" in said


def test_outputs_on_padding_are_not_told_as_answers():
    spec = ModelSpec(pattern="many-to-many", cell="gru", input_size=2, hidden_size=4, output_size=3)
    trace = Network(spec).run(np.ones((3, 2, 2)), np.zeros((3, 2), int), lengths=[3, 3], target_lengths=[3, 1])
    words = narration.Words(sequence=1)
    assert "output says" not in trace.narrate(trace.events.token(2), words)
    heads = [e for e in trace.events if e.operation in ("logits", "y") and e.step == 2]
    assert heads and all("has no output" in trace.narrate(event, words) for event in heads)


def test_a_product_with_zero_weights_does_not_blame_the_input():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=4, output_size=3)
    trace = Network(spec, {"weight_ih_l0": np.zeros((4, 2))}).run(np.ones((3, 2)), [1])
    event = next(e for e in trace.events if e.operation == "W_ih x")
    said = trace.narrate(event)
    assert "is zero in every unit" in said and "all zeros" not in said
