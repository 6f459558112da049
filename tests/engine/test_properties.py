"""Hypothesis draws whole networks and runs: engines agree, gradients are differences, padding is invisible."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from samples import CELLS, assert_close, assert_same_run, make_spec
from test_gradients import assert_differences

from engine import Network
from engine.spec import INITS, LOSSES, NONLINEARITIES, PATTERNS


@st.composite
def networks(draw, dtype=("float64", "float32")):
    """A network of any spec, small."""
    vocab = draw(st.sampled_from([None, 4, 7]))
    spec = make_spec(
        pattern=draw(st.sampled_from(PATTERNS)), cell=draw(st.sampled_from(CELLS)),
        hidden_size=draw(st.integers(1, 5)), output_size=draw(st.integers(1, 4)), num_layers=draw(st.integers(1, 3)),
        bidirectional=draw(st.booleans()), bias=draw(st.booleans()), nonlinearity=draw(st.sampled_from(NONLINEARITIES)),
        vocab_size=vocab, **{"embedding_size" if vocab else "input_size": draw(st.integers(1, 3))},
        loss=draw(st.sampled_from(LOSSES)), init=draw(st.sampled_from(INITS)), dtype=draw(st.sampled_from(dtype)),
        seed=draw(st.integers(0, 99)),
    )  # fmt: skip
    assume(spec is not None)
    return Network(spec)


@st.composite
def runs(draw, **facts):
    """A network and arguments of ``run`` that it takes."""
    network = draw(networks(**facts))
    spec = network.spec
    T = 1 if spec.pattern in ("one-to-one", "one-to-many") else draw(st.integers(1, 6))
    B = draw(st.integers(1, 4))
    S = {"one-to-one": 1, "many-to-one": 1, "many-to-many": T}.get(spec.pattern) or draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.integers(0, spec.vocab_size, (T, B)) if spec.has_embedding else rng.standard_normal((T, B, spec.input_size))
    found = {"x": x, "reduction": draw(st.sampled_from(["sum", "mean"]))}
    if draw(st.booleans()):
        found["lengths"] = rng.integers(1, T + 1, B)
    if draw(st.booleans()):
        found["h_0"] = rng.standard_normal((spec.num_layers * spec.num_directions, B, spec.hidden_size))
    classes = spec.loss == "cross-entropy"
    if draw(st.integers(0, 4)):
        found["target"] = rng.integers(0, spec.output_size, (S, B)) if classes else rng.random((S, B, spec.output_size))
        found["teacher_forcing"] = draw(st.booleans())
    elif spec.has_feedback:
        found["steps"] = S
    if spec.has_feedback and draw(st.booleans()):
        found["target_lengths"] = rng.integers(1, S + 1, B)
    free = "target" not in found or not found["teacher_forcing"]
    if spec.has_feedback and classes and free and draw(st.booleans()):
        found |= {"sample": draw(st.integers(0, 9)), "temperature": draw(st.sampled_from([0.5, 1.0, 3.0]))}
    return network, found


@settings(max_examples=120)
@given(runs())
def test_engines_agree(drawn):
    pytest.importorskip("torch")
    network, arguments = drawn
    ours, theirs = (network.run(engine=engine, **arguments) for engine in ("numpy", "torch"))
    float32 = network.spec.dtype == "float32"
    if float32 and ours.fed_back is not None:  # the last digits may decide a choice
        assume(np.array_equal(ours.fed_back, theirs.fed_back))
    assert_same_run(ours, theirs, 1e-4 if float32 else 1e-10)


@settings(max_examples=15)
@given(runs(dtype=("float64",)))
def test_gradients_are_differences(drawn):
    network, arguments = drawn
    assume("target" in arguments)
    assume(network.spec.nonlinearity != "relu")  # its kink lies wherever hypothesis looks
    assert_differences(network, arguments)


@settings(max_examples=40)
@given(runs(dtype=("float64",)))
def test_a_padded_sequence_runs_as_it_does_alone(drawn):
    """Each sequence of the batch, cut to its length and run by itself, gives the same numbers."""
    network, arguments = drawn
    assume("target" in arguments and "sample" not in arguments)
    assume("lengths" in arguments or "target_lengths" in arguments)
    trace, spec = network.run(**arguments), network.spec
    total = 0.0
    for b in range(trace.batch.B):
        T = int(arguments["lengths"][b]) if "lengths" in arguments else len(arguments["x"])
        S = len(arguments["target"])
        if spec.pattern == "many-to-many":
            S = T
        elif "target_lengths" in arguments:
            S = int(arguments["target_lengths"][b])
        alone = network.run(
            arguments["x"][:T, b : b + 1], arguments["target"][:S, b : b + 1],
            teacher_forcing=arguments["teacher_forcing"],
            h_0=arguments["h_0"][:, b : b + 1] if "h_0" in arguments else None,
        )  # fmt: skip
        total += alone.loss
        for key in alone.keys():  # noqa: SIM118
            steps = len(alone.value(key))
            assert_close(trace.value(key)[:steps, b : b + 1], alone.value(key), 1e-12, key)
            if arguments["reduction"] == "sum":
                assert_close(trace.grad(key)[:steps, b : b + 1] * trace.batch.B, alone.grad(key), 1e-12, key)
            states = key.rpartition(".")[2] in trace.graph.states
            assert states or not trace.value(key)[steps:, b].any(), "everything but a state is 0 on padding"
    whole = trace.loss * trace.batch.B * (trace.batch.S if arguments["reduction"] == "mean" else 1)
    assert abs(total - whole) < 1e-9


@settings(max_examples=25)
@given(runs(dtype=("float64",)))
def test_the_same_run_twice_is_the_same(drawn):
    network, arguments = drawn
    one, two = network.run(**arguments), Network(network.spec).run(**arguments)
    assert_same_run(one, two, 0.0)
