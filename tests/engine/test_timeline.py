"""A pattern on a sequence: any mask of inputs, outputs and losses, and the five that have names."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import ENGINES, make_spec, problem

from engine import Network, timeline
from engine.inputs import prepare
from engine.recording import engines
from engine.spec import PATTERNS
from engine.timeline import Column, masked

MASKS = st.integers(1, 12).flatmap(lambda n: st.tuples(*[st.lists(st.booleans(), min_size=n, max_size=n)] * 3))


@given(MASKS)
def test_any_masks(masks):
    reads, emits, wish = masks
    scored = [a and b for a, b in zip(emits, wish, strict=True)]
    laid = masked(reads, emits, scored)
    assert len(laid) == len(reads) == laid.steps("")
    assert laid.parts == ("",)
    assert laid.output_part == ""
    assert [column.step for column in laid.columns] == list(range(len(reads)))
    assert [column.reads is not None for column in laid.columns] == reads
    assert [column.emits is not None for column in laid.columns] == emits
    assert [c.reads for c in laid.columns if c.reads is not None] == list(range(sum(reads)))
    assert [c.emits for c in laid.output_columns] == list(range(sum(emits)))
    assert laid.output_steps.tolist() == np.flatnonzero(emits).tolist()
    assert laid.reverse_output_steps.tolist() == laid.output_steps.tolist()
    assert laid.scored.tolist() == [s for s, e in zip(scored, emits, strict=True) if e]
    assert not laid.has_feedback


def test_every_output_is_scored_unless_said_otherwise():
    assert masked([True] * 3, [False, True, True]).scored.tolist() == [True, True]


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3, 2 and 2 steps"):
        masked([True] * 3, [True] * 2)
    with pytest.raises(ValueError, match="step 1 is scored but emits nothing"):
        masked([True, True], [True, False], [True, True])


def columns(pattern, T, S):
    return [(c.part, c.reads, c.feedback, c.emits) for c in timeline.build(pattern, T, S).columns]


def test_the_five_patterns():
    assert columns("one-to-one", 1, 1) == [("", 0, None, 0)]
    assert columns("one-to-many", 1, 3) == [("", 0, -1, 0), ("", None, 0, 1), ("", None, 1, 2)]
    assert columns("many-to-one", 3, 1) == [("", 0, None, None), ("", 1, None, None), ("", 2, None, 0)]
    assert columns("many-to-many", 2, 2) == [("", 0, None, 0), ("", 1, None, 1)]
    both = timeline.build("sequence-to-sequence", 2, 3)
    assert both.parts == ("encoder", "decoder")
    assert (both.steps("encoder"), both.steps("decoder")) == (2, 3)
    assert (both.offset("encoder"), both.offset("decoder")) == (0, 2)
    assert both.of("encoder") == (Column("encoder", 0, 0), Column("encoder", 1, 1))
    assert both.of("decoder")[1] == Column("decoder", 1, None, 0, 1, True)
    assert both.has_feedback


@pytest.mark.parametrize("pattern", PATTERNS)
def test_bidirectional_many_to_one_reads_position_0_of_the_reverse_direction(pattern):
    laid = timeline.build(pattern, 1 if pattern.startswith("one") else 4, 3)
    wanted = [0] if pattern == "many-to-one" else laid.output_steps.tolist()
    assert laid.reverse_output_steps.tolist() == wanted


@settings(max_examples=20)
@given(MASKS, st.booleans())
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_take_any_mask_of_outputs_and_losses(engine, masks, both):
    """A custom pattern's outputs and losses are picked out of the aligned run's."""
    _, emits, wish = masks
    if not any(emits):
        return
    spec = make_spec(bidirectional=both)
    network, arguments = Network(spec), problem(spec, T=len(emits), B=2)
    batch = prepare(spec, arguments["x"], target=arguments["target"])
    scored = [a and b for a, b in zip(emits, wish, strict=True)]
    laid = masked([True] * len(emits), emits, scored)
    weights = np.broadcast_to(laid.scored[:, None] / 2, (sum(emits), 2))
    custom = replace(batch, timeline=laid, target=batch.target[np.array(emits)], weights=weights)
    found = engines[engine].run(spec, network.parameters, custom, "cpu")
    aligned = replace(batch, weights=np.broadcast_to(np.array(scored)[:, None] / 2, (len(emits), 2)))
    whole = engines[engine].run(spec, network.parameters, aligned, "cpu")
    assert abs(found.loss - whole.loss) < 1e-12
    np.testing.assert_allclose(
        found.values["output.logits"], whole.values["output.logits"][np.array(emits)], atol=1e-12
    )
    for parameter, grad in whole.parameter_grads.items():
        np.testing.assert_allclose(found.parameter_grads[parameter], grad, atol=1e-12)


def test_the_torch_engine_reads_zeros_where_nothing_is_read():
    pytest.importorskip("torch")
    spec = make_spec()
    network, arguments = Network(spec), problem(spec, T=3, B=2)
    x = np.zeros((5, 2, 2))
    x[[0, 2, 3]] = arguments["x"]
    reads = [True, False, True, True, False]
    whole = prepare(spec, x, target=problem(spec, T=5, B=2)["target"])
    custom = replace(whole, x=arguments["x"], timeline=masked(reads, [True] * 5))
    found, wanted = (engines["torch"].run(spec, network.parameters, batch, "cpu") for batch in (custom, whole))
    for key, value in wanted.values.items():
        np.testing.assert_allclose(found.values[key], value, atol=1e-12)
    for parameter, grad in wanted.parameter_grads.items():
        np.testing.assert_allclose(found.parameter_grads[parameter], grad, atol=1e-12)
