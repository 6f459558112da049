"""The score's frames against what NumPy says of the same run."""

import numpy as np
import pytest

from engine import ModelSpec, Network, narration
from gui.frames.axis import parts
from gui.frames.heatmap import heatmap, peaks, scale_of
from gui.frames.norm import norms
from gui.frames.progress import NEVER, Progress, runs
from gui.frames.sheet import Sheet

TOKENS = ("<s>", "I", "do", "not", "like", "this", "movie")
LABELS = ("negative", "neutral", "positive")


def run(pattern="many-to-one", cell="rnn", layers=1, both=False, target=True, **more):
    outputs = 3 if pattern == "many-to-one" else 6
    spec = ModelSpec(
        pattern=pattern, cell=cell, hidden_size=5, output_size=outputs, vocab_size=9, embedding_size=4,
        num_layers=layers, bidirectional=both, **more,
    )  # fmt: skip
    given = {"many-to-one": np.array(2), "many-to-many": np.arange(7) % 6}.get(pattern, np.arange(4))
    x = np.array([3]) if pattern == "one-to-many" else np.arange(7)
    if not target:
        return Network(spec).run(x, **({"steps": 4} if spec.has_feedback else {}))
    return Network(spec).run(x, given)


def sheet(trace, sequence=0, tokens=TOKENS, labels=LABELS):
    return Sheet(trace, narration.words(trace, tokens, labels, sequence))


# Progress --------------------------------------------------------------------------------------------------


def test_a_run_in_one_direction_goes_right_and_comes_back():
    progress = Progress(run())
    assert progress.lane("l0").tolist() == list(range(7))
    assert progress.loss == 7
    assert progress.lane("l0", True).tolist() == [14, 13, 12, 11, 10, 9, 8]
    assert progress.outputs.tolist() == [6]
    assert progress.count == 15


@pytest.mark.parametrize("pattern", ["many-to-one", "many-to-many", "sequence-to-sequence", "one-to-many"])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_step_is_computed_when_its_event_is_played(pattern, layers):
    both = pattern in ("many-to-many", "sequence-to-sequence")
    trace = run(pattern, layers=layers, both=both)
    progress = Progress(trace)
    for prefix, lane in trace.lanes.items():
        for backward in (False, True):
            phase = "backward" if backward else "forward"
            for step, position in enumerate(progress.lane(prefix, backward).tolist()):
                event = trace.events.token(position)
                assert (event.phase, event.part, event.step) == (phase, lane.part, step)
                assert event.layer in (None, lane.layer)


def test_without_a_target_nothing_comes_back():
    progress = Progress(run(target=False))
    assert progress.loss == NEVER
    assert (progress.lane("l0", True) == NEVER).all()


def test_runs():
    assert runs(np.array([True, True, False, True])) == [(0, 2), (3, 4)]
    assert runs(np.zeros(3, dtype=bool)) == []


# Heatmaps --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradient", [False, True])
def test_a_heatmap_has_the_values_of_the_trace(gradient):
    trace = run("sequence-to-sequence", "lstm")
    frame = sheet(trace).heatmap(0, "forward", "c", gradient)
    ask = trace.grad if gradient else trace.value
    keys = ("encoder.l0.c", "decoder.l0.c")
    assert [block.prefix for block in frame.blocks] == ["encoder.l0", "decoder.l0"]
    assert [block.first for block in frame.blocks] == [0, 7]
    for block, key in zip(frame.blocks, keys, strict=True):
        np.testing.assert_array_equal(block.values, ask(key)[:, 0].T)
    assert frame.scale == max(np.abs(ask(key)).max() for key in keys)
    assert (frame.size, frame.steps) == (5, 11)


def test_what_is_reached():
    block = sheet(run()).heatmap(0, "forward", "h").blocks[0]
    assert block.reached(0).sum() == 0
    assert block.reached(3).tolist() == [True] * 3 + [False] * 4
    back = sheet(run()).heatmap(0, "forward", "h", True).blocks[0]
    assert not back.reached(8).any()
    assert back.reached(10).tolist() == [False] * 5 + [True] * 2


def test_the_reverse_direction_has_no_block_in_the_decoder():
    trace = run("sequence-to-sequence", both=True)
    assert [b.prefix for b in sheet(trace).heatmap(0, "reverse", "h").blocks] == ["encoder.l0_reverse"]


def test_the_chosen_sequence_and_its_padding():
    spec = ModelSpec(pattern="many-to-one", cell="gru", hidden_size=4, output_size=3, input_size=2)
    rng = np.random.default_rng(0)
    trace = Network(spec).run(rng.normal(size=(6, 2, 2)), np.array([0, 1]), lengths=np.array([6, 4]))
    block = sheet(trace, 1).heatmap(0, "forward", "h").blocks[0]
    np.testing.assert_array_equal(block.values, trace.value("l0.h")[:, 1].T)
    assert block.padding.tolist() == [False] * 4 + [True] * 2
    assert not sheet(trace, 0).heatmap(0, "forward", "h").blocks[0].padding.any()
    assert [token.padding for token in sheet(trace, 1).tokens] == [False] * 4 + [True] * 2


def test_numbers_that_are_none():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", hidden_size=4, output_size=3, input_size=2, nonlinearity="relu")
    x = np.ones((5, 2))
    x[2] = np.nan
    trace = Network(spec).run(x, 1)
    block = sheet(trace).heatmap(0, "forward", "h").blocks[0]
    assert block.broken == frozenset({2, 3, 4})
    assert block.lost.tolist() == [False, False, True, True, True]
    assert np.isfinite(sheet(trace).heatmap(0, "forward", "h").scale)


def test_scale():
    assert scale_of(np.array([1.0, -3.0, np.nan, -np.inf])) == 3.0
    assert scale_of(np.zeros(4)) == 1.0
    assert scale_of(np.array([np.nan])) == 1.0


def test_peaks_keep_what_is_furthest_from_zero():
    values = np.zeros((6, 9))
    values[1, 4], values[5, 8] = -2.0, 1.0
    small = peaks(values, 3, 3)
    assert small.shape == (3, 3)
    assert small[0, 1] == -2.0 and small[2, 2] == 1.0 and np.count_nonzero(small) == 2
    values[0, 0] = np.nan
    assert np.isnan(peaks(values, 3, 3)[0, 0])
    np.testing.assert_array_equal(peaks(values, 99, 99), values)


# The diagram -----------------------------------------------------------------------------------------------


def test_rows_of_cells_from_the_top_down():
    frame = sheet(run("many-to-many", layers=2, both=True)).diagram
    assert [(row.layer, row.reverse) for row in frame.rows] == [(1, True), (1, False), (0, True), (0, False)]
    assert frame.layers == 2
    assert frame.emitting == {i: i for i in range(7)}


def test_one_cell_reads_and_its_output_feeds_back():
    made = sheet(run("one-to-many"), tokens=("picture",))
    assert made.diagram.emitting == {0: 0, 1: 1, 2: 2, 3: 3}
    assert made.feedback == ((0, 1), (1, 2), (2, 3))
    assert [token.fed for token in made.tokens] == [False, True, True, True]


def test_an_encoder_reads_and_a_decoder_is_fed():
    trace = run("sequence-to-sequence")
    made = sheet(trace, labels=tuple("abcdef"))
    assert [token.text for token in made.tokens] == [*TOKENS, "<bos>", "a", "b", "c"]
    assert [token.fed for token in made.tokens] == [False] * 7 + [True] * 4
    assert made.feedback == ((7, 8), (8, 9), (9, 10))
    assert [p.name for p in parts(trace.timeline)] == ["encoder", "decoder"]


def test_steps_are_numbered_where_nothing_has_a_name():
    assert [token.text for token in sheet(run(), tokens=()).tokens] == list("1234567")


# Outputs ---------------------------------------------------------------------------------------------------


def test_one_output_lists_every_class_in_its_own_order():
    trace = run()
    frame = sheet(trace).outputs
    y = trace.value("output.y")[0, 0]
    assert frame.single and frame.all_listed
    assert [(c.label, c.share, c.target) for c in frame.best(0)] == [
        (label, float(share), label == "positive") for label, share in zip(LABELS, y, strict=True)
    ]
    assert frame.loss is not None and frame.loss[0] == trace.value("loss")[0, 0, 0]
    assert frame.total == pytest.approx(trace.loss)


def test_many_outputs_list_the_best_and_the_target():
    trace = run("many-to-many")
    frame = sheet(trace, labels=tuple("abcdef")).outputs
    for output in range(7):
        best, y = frame.best(output), trace.value("output.y")[output, 0]
        assert len(best) == 3
        target = int(trace.batch.target[output, 0])
        order = np.argsort(-y, kind="stable")[:3].tolist()
        expected = order if target in order else [*order[:2], target]
        assert [choice.index for choice in best] == expected
        assert [choice.target for choice in best] == [i == target for i in expected]


def test_an_output_is_known_when_it_is_computed_and_its_loss_after_the_last():
    frame = sheet(run("many-to-many")).outputs
    assert [frame.known(2, n) for n in (2, 3)] == [False, True]
    assert [frame.scored(n) for n in (7, 8)] == [False, True]
    assert frame.at(4) == 4 and frame.at(99) is None
    bare = sheet(run(target=False)).outputs
    assert bare.loss is None and not bare.scored(99)


# Norms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["many-to-one", "many-to-many"])
def test_norms_are_those_of_numpy_and_the_parts_add_up(pattern):
    trace = run(pattern)
    line = sheet(trace).norm.lines[0]
    whole, came = trace.grad("l0.h")[:, 0], trace.travelled("l0.h")[:, 0]
    np.testing.assert_allclose(line.total, np.linalg.norm(whole, axis=1), rtol=1e-12)
    np.testing.assert_allclose(line.travelled, np.linalg.norm(came, axis=1), rtol=1e-12)
    own = np.linalg.norm(whole - came, axis=1)
    np.testing.assert_allclose(line.own, np.where(own < 1e-13, 0, own), rtol=1e-9)
    np.testing.assert_allclose(line.kept[:-1], line.travelled[:-1] / line.total[1:])
    np.testing.assert_allclose(line.ratio[:-1], line.total[:-1] / line.total[1:])
    assert np.isnan(line.kept[-1])
    assert sheet(trace).norm.has_parts is (pattern == "many-to-many")


def test_the_error_crosses_from_the_decoder_into_the_encoder():
    trace = run("sequence-to-sequence")
    frame = sheet(trace).norm
    line = frame.line("encoder.l0")
    first = np.linalg.norm(trace.grad("decoder.l0.h")[0, 0])
    assert line.ratio[-1] == pytest.approx(line.total[-1] / first)
    assert line.kept[-1] == pytest.approx(np.linalg.norm(trace.travelled("encoder.l0.h")[-1, 0]) / first)
    assert line.own[-1] == 0


def test_decades_hold_every_norm():
    frame = sheet(run()).norm
    sizes = frame.lines[0].total
    assert (sizes <= 10.0**frame.high).all() and (sizes >= 10.0**frame.low).all()
    assert sheet(run(target=False)).norm.lines == ()


def test_norms_neither_overflow_nor_underflow():
    np.testing.assert_allclose(norms(np.array([[3e200, 4e200], [3e-200, 4e-200], [0, 0]])), [5e200, 5e-200, 0])
    found = norms(np.array([[1.0, np.nan], [np.inf, 1.0]]))
    assert np.isnan(found[0]) and np.isinf(found[1])


def test_a_frame_is_made_once_for_a_run():
    made = sheet(run())
    assert made.norm is made.norm and made.diagram is made.diagram
    assert made.heatmap(0, "forward", "h") is made.heatmap(0, "forward", "h")
    progress = made.progress
    again = heatmap(made.trace, progress, 0, "forward", "h", False, 0)
    np.testing.assert_array_equal(again.blocks[0].values, made.heatmap(0, "forward", "h").blocks[0].values)


def test_the_error_crosses_a_bridge_too():
    trace = run("sequence-to-sequence", both=True)
    line = sheet(trace).norm.line("encoder.l0")
    assert line.ratio[-1] == pytest.approx(line.total[-1] / np.linalg.norm(trace.grad("decoder.l0.h")[0, 0]))
    assert line.kept[-1] == pytest.approx(line.ratio[-1])  # one layer: nothing else comes there
    back = sheet(trace).norm.line("encoder.l0_reverse")
    assert back.own[0] == 0 and back.travelled[0] == pytest.approx(back.total[0])
