"""scripting.md: the spec, feedback, directions and parameters; every sentence of them."""

import json
import math
from dataclasses import MISSING, FrozenInstanceError, fields
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import CELLS, ENGINES, assert_same_run, every_spec, make_spec, name, problem

import engine
from engine import ModelSpec, Network, SpecError, layout
from engine.registry import cells
from engine.spec import PATTERNS

FIELDS = {entry.name: entry for entry in fields(ModelSpec)}
NEEDED = {"pattern": "many-to-one", "cell": "lstm", "input_size": 4, "hidden_size": 8, "output_size": 3}


# The spec


def test_the_example_of_the_contract():
    spec = ModelSpec(
        pattern="many-to-one", cell="lstm", input_size=4, hidden_size=8, output_size=3, num_layers=1,
        bidirectional=False, bias=True, nonlinearity="tanh", vocab_size=None, embedding_size=None, loss="cross-entropy",
        init="torch", dtype="float64", seed=0,
    )  # fmt: skip
    assert spec == ModelSpec(**NEEDED)
    assert (spec.forget_bias, spec.spectral_radius) == (None, None)
    x, y = np.zeros((5, 2, 4)), [0, 1]
    trace = Network(spec).run(x, target=y, engine="numpy")
    assert trace.loss is not None
    assert (trace.engine, trace.device) == ("numpy", "cpu")
    assert Network(spec).run(x).engine == "numpy"
    assert {"ModelSpec", "Network", "SpecError", "Trace", "analysis"} <= set(engine.__all__)


def test_it_is_frozen_and_a_dictionary_key():
    spec = ModelSpec(**NEEDED)
    with pytest.raises(FrozenInstanceError):
        spec.hidden_size = 9
    assert {spec: 1}[ModelSpec(**NEEDED)] == 1


def test_token_input_makes_input_size_the_embeddings():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", hidden_size=2, output_size=2, vocab_size=9, embedding_size=5)
    assert spec.input_size == 5
    with pytest.raises(SpecError, match="embedding_size, 5"):
        ModelSpec(**{**NEEDED, "vocab_size": 9, "embedding_size": 5})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"pattern": "some-to-some"}, "pattern"), ({"cell": "gated"}, "cell"), ({"loss": "hinge"}, "loss"),
        ({"nonlinearity": "elu"}, "nonlinearity"), ({"init": "zeros"}, "init"), ({"dtype": "float16"}, "dtype"),
        ({"input_size": None}, "input_size"), ({"input_size": 0}, "input_size"), ({"hidden_size": 2.5}, "hidden_size"),
        ({"output_size": -1}, "output_size"), ({"num_layers": True}, "num_layers"), ({"seed": 2.0}, "seed"),
        ({"hidden_size": 10**7}, "hidden_size"),
        ({"bidirectional": 1}, "bidirectional"), ({"bias": None}, "bias"), ({"seed": -1}, "seed"),
        ({"vocab_size": 5}, "embedding_size"), ({"embedding_size": 5}, "vocab_size"),
        ({"embedding_size": "x", "vocab_size": 3, "input_size": None}, "embedding_size"),
        ({"forget_bias": math.nan}, "forget_bias"), ({"forget_bias": True}, "forget_bias"),
        ({"cell": "gru", "forget_bias": 1.0}, "forget_bias"), ({"bias": False, "forget_bias": 1.0}, "forget_bias"),
        ({"spectral_radius": 0}, "spectral_radius"), ({"spectral_radius": 10**400}, "spectral_radius"),
        ({"pattern": "one-to-many", "bidirectional": True}, "bidirectional"),
    ],
)  # fmt: skip
def test_a_wrong_value_names_the_field_the_value_and_what_is_allowed(changes, field):
    with pytest.raises(SpecError) as caught:
        ModelSpec(**{**NEEDED, **changes})
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.field == field
    assert error.allowed
    if field in changes:
        assert error.value == changes[field] or error.value != error.value  # NaN
    assert str(error).startswith(f"{field}=")
    assert error.allowed in str(error)


def test_a_message_stays_short_whatever_the_value():
    class Rude:
        def __repr__(self):
            raise RuntimeError

    for value in ("x" * 10**5, Rude(), 10**5000):
        with pytest.raises(SpecError) as caught:
            ModelSpec(**{**NEEDED, "seed": value})
        assert len(str(caught.value)) < 250


class Odd:
    """Equal to nothing, ordered by nothing, and true of nothing."""

    __hash__ = None

    def __eq__(self, other):
        raise TypeError

    def __bool__(self):
        raise TypeError


JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
    | st.lists(st.integers()) | st.dictionaries(st.text(), st.integers()) | st.just(object()) | st.just(Odd())
    | st.just(np.zeros(3)) | st.just(np.float32(2)) | st.just(np.int64(3)) | st.just(Fraction(1, 2)) | st.just(10**400)
    | st.just(np.array(["tanh", "relu"])) | st.just(np.nan) | st.just(ModelSpec) | st.just(np.bool_(True))
)  # fmt: skip


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), JUNK, max_size=3))
def test_junk_is_a_spec_error_or_a_spec(changes):
    """Never a TypeError, KeyError, OverflowError; what is taken is taken as a plain value of JSON."""
    for make in (lambda: ModelSpec(**{**NEEDED, **changes}), lambda: ModelSpec.from_dict({**NEEDED, **changes})):
        try:
            spec = make()
        except SpecError as error:
            assert error.field in FIELDS  # noqa: PT017
        else:
            assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
            assert layout.shapes(spec) if spec.num_layers < 10 else True


@given(JUNK)
def test_junk_is_no_spec(junk):
    with pytest.raises(SpecError):
        ModelSpec.from_dict(junk)


def test_from_dict_names_unknown_and_missing_fields():
    with pytest.raises(SpecError, match="colour"):
        ModelSpec.from_dict({**NEEDED, "colour": "red"})
    with pytest.raises(SpecError, match="3="):
        ModelSpec.from_dict({**NEEDED, 3: "red"})
    for missing in ("pattern", "cell", "hidden_size", "output_size"):
        assert FIELDS[missing].default is MISSING
        with pytest.raises(SpecError, match=missing):
            ModelSpec.from_dict({n: v for n, v in NEEDED.items() if n != missing})


def test_but_changes_and_checks():
    spec = make_spec(vocab_size=5)
    assert spec.but(embedding_size=7).input_size == 7
    assert spec.but(hidden_size=9).hidden_size == 9
    with pytest.raises(SpecError):
        spec.but(hidden_size=0)


# Parameters


def expected_shapes(spec):
    """Written from scripting.md and torch.nn's documentation, not from the layout."""
    H, O, G = spec.hidden_size, spec.output_size, max(1, len(cells[spec.cell].gates))
    D = 2 if spec.bidirectional else 1
    pair = spec.pattern == "sequence-to-sequence"
    one_hot = O if spec.loss != "cross-entropy" or not spec.has_embedding else spec.embedding_size
    found = {}

    def recurrent(before, first, directions):
        for layer in range(spec.num_layers):
            for suffix in ("", "_reverse")[:directions]:
                size = first if layer == 0 else H * directions
                found[f"{before}weight_ih_l{layer}{suffix}"] = (G * H, size)
                found[f"{before}weight_hh_l{layer}{suffix}"] = (G * H, H)
                if spec.bias:
                    found[f"{before}bias_ih_l{layer}{suffix}"] = found[f"{before}bias_hh_l{layer}{suffix}"] = (G * H,)

    if spec.has_embedding:
        found["encoder.embedding.weight" if pair else "embedding.weight"] = (spec.vocab_size, spec.embedding_size)
    first = spec.input_size + (one_hot if spec.pattern == "one-to-many" else 0)
    recurrent("encoder." if pair else "", first, D)
    if pair:
        recurrent("decoder.", one_hot, 1)
        if spec.has_embedding and spec.loss == "cross-entropy":
            found["decoder.embedding.weight"] = (O + 1, spec.embedding_size)
        if D == 2:
            found["bridge.weight"] = (H, 2 * H)
            if spec.cell == "lstm":
                found["bridge.weight_c"] = (H, 2 * H)
    head = "decoder.output" if pair else "output"
    found |= {f"{head}.weight": (O, H if pair else H * D), f"{head}.bias": (O,)}
    return found


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("spec", list(every_spec(num_layers=2)), ids=name)
def test_names_and_shapes_are_torchs(spec, bias):
    network = Network(spec.but(bias=bias))
    assert {n: v.shape for n, v in network.parameters.items()} == expected_shapes(spec.but(bias=bias))
    assert all(value.dtype == np.float64 for value in network.parameters.values())
    trace = network.run(**problem(spec))
    assert {n: v.shape for n, v in trace.parameter_grads.items()} == expected_shapes(network.spec)


def test_parameters_are_taken_whole_or_in_part_and_copied():
    spec = make_spec()
    network = Network(spec)
    whole = Network(spec.but(seed=9), network.parameters)
    assert all(np.array_equal(whole.parameters[n], v) for n, v in network.parameters.items())
    given_bias = np.arange(3.0)
    part = Network(spec, {"output.bias": given_bias})
    given_bias[:] = 9
    assert part.parameters["output.bias"].tolist() == [0, 1, 2]
    assert np.array_equal(part.parameters["weight_hh_l0"], network.parameters["weight_hh_l0"])
    assert list(part.parameters) == list(network.parameters), "in torch's order, however they were given"
    assert Network(spec.but(dtype="float32"), network.parameters).parameters["output.weight"].dtype == np.float32


@pytest.mark.parametrize(
    "wrong", [np.zeros(4), np.zeros((3, 1)), "abc", ["a", "b", "c"], object(), None, [1j, 1, 1], [[1], [1, 2]]]
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ValueError, match=r"output\.bias"):
        Network(make_spec(), {"output.bias": wrong})
    with pytest.raises(ValueError, match=r"no parameter 'bias'.*output\.bias"):
        Network(make_spec(), {"bias": np.zeros(3)})


@pytest.mark.parametrize("cell", CELLS)
def test_the_same_seed_gives_the_same_network_and_another_another(cell):
    spec = make_spec(cell=cell)
    one, two, other = (Network(spec.but(seed=seed)).parameters for seed in (3, 3, 4))
    assert all(np.array_equal(one[n], two[n]) for n in one)
    assert all(not np.array_equal(one[n], other[n]) for n in one)


# Feedback


def fed(trace):
    """What the part with feedback read, without what came from outside."""
    part = trace.timeline.output_part
    read = trace.read_by(f"{part}{'.' if part else ''}l0")
    return read[..., trace.spec.input_size :] if part == "" else read


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", [s for s in every_spec(cell_names=("gru",)) if s.has_feedback], ids=name)
def test_what_is_fed_back(spec, engine):
    network, arguments = Network(spec), problem(spec)
    forced = network.run(engine=engine, **arguments)
    free = network.run(engine=engine, teacher_forcing=False, **arguments)
    for trace in (forced, free):
        y, target = trace.value("output.y"), arguments["target"]
        read = fed(trace)
        if spec.loss != "cross-entropy":
            assert trace.fed_back is None
            back = target if trace is forced else y
            wanted = np.concatenate([np.zeros((1, 3, 3)), back[:-1]])
        else:
            ids = target if trace is forced else y.argmax(-1)
            assert np.array_equal(trace.fed_back, np.concatenate([np.full((1, 3), -1), ids[:-1]]))
            assert not trace.fed_back.flags.writeable
            if not spec.has_embedding:
                wanted = np.concatenate([np.zeros((1, 3, 3)), np.eye(3)[ids[:-1]]])
            elif spec.pattern == "sequence-to-sequence":
                table = network.parameters["decoder.embedding.weight"]
                assert table.shape == (4, 3), "output_size + 1 rows"
                wanted = table[np.concatenate([np.full((1, 3), 3), ids[:-1]])]
            else:
                wanted = network.parameters["embedding.weight"][np.concatenate([np.zeros((1, 3), int), ids[:-1]])]
        np.testing.assert_array_equal(read, wanted)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("vocab", [None, 5])
def test_one_to_many_reads_x_at_the_first_step_only(vocab, engine):
    spec = make_spec(pattern="one-to-many", vocab_size=vocab)
    network, arguments = Network(spec), problem(spec)
    read = network.run(engine=engine, **arguments).read_by("l0")[..., : spec.input_size]
    x = arguments["x"][0]
    assert np.array_equal(read[0], network.parameters["embedding.weight"][x] if vocab else x)
    assert not read[1:].any()
    assert network.parameters["weight_ih_l0"].shape[1] == spec.input_size + (
        3 if vocab is None else spec.embedding_size
    )


def test_teacher_forcing_is_the_default_with_a_target():
    spec = make_spec(pattern="sequence-to-sequence")
    arguments = problem(spec)
    default, forced = Network(spec).run(**arguments), Network(spec).run(teacher_forcing=True, **arguments)
    assert_same_run(default, forced, 0.0)
    assert default.batch.forced
    assert not Network(spec).run(arguments["x"], steps=3).batch.forced


@pytest.mark.parametrize("engine", ENGINES)
def test_sampling_follows_the_seed_and_the_temperature(engine):
    spec = make_spec(pattern="sequence-to-sequence", hidden_size=8)
    network, x = Network(spec), np.random.default_rng(0).standard_normal((3, 50, 2))

    def ids(**kwargs):
        return network.run(x, steps=20, engine=engine, **kwargs).fed_back

    assert np.array_equal(ids(sample=1), ids(sample=1))
    assert not np.array_equal(ids(sample=1), ids(sample=2))
    assert np.array_equal(ids(sample=1, temperature=1e-9), ids()), "a cold draw is the argmax"
    hot = ids(sample=1, temperature=1e9)[1:]
    assert abs(np.bincount(hot.ravel()) / hot.size - 1 / 3).max() < 0.05


@pytest.mark.parametrize("engine", ENGINES)
def test_a_choice_is_a_constant_and_a_real_feedback_is_differentiated(engine):
    for loss, passes in (("cross-entropy", False), ("mse", True), ("binary-cross-entropy", True)):
        spec = make_spec(pattern="sequence-to-sequence", loss=loss)
        trace = Network(spec).run(engine=engine, teacher_forcing=False, **problem(spec))
        assert trace.grad("output.y")[:-1].any() == passes
        assert not trace.grad("output.y")[-1].any()
        assert not Network(spec).run(engine=engine, **problem(spec)).grad("output.y").any(), "a side branch when forced"


def test_one_to_many_with_a_vocabulary_needs_a_row_for_every_output():
    with pytest.raises(SpecError, match="at most vocab_size, 5") as caught:
        ModelSpec(pattern="one-to-many", cell="rnn", hidden_size=2, output_size=6, vocab_size=5, embedding_size=2)
    assert caught.value.field == "output_size"
    assert make_spec(pattern="one-to-many", vocab_size=5, output_size=5)
    assert make_spec(pattern="one-to-many", vocab_size=5, output_size=6, loss="mse"), "never embedded"


# Directions


def test_bidirectional_needs_the_whole_input():
    for pattern in PATTERNS:
        assert (make_spec(pattern=pattern, bidirectional=True) is None) == (pattern == "one-to-many")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_the_encoders_final_states_cross_the_bridge(cell, engine):
    for both in (False, True):
        spec = make_spec(pattern="sequence-to-sequence", cell=cell, num_layers=2, bidirectional=both)
        trace = Network(spec).run(engine=engine, **problem(spec, padded=True))
        for layer in range(2):
            for state in trace.graph.states:
                last = trace.value(f"encoder.l{layer}.{state}")[-1]
                if both:
                    last = np.concatenate([last, trace.value(f"encoder.l{layer}_reverse.{state}")[0]], -1)
                    weight = "bridge.weight" if state == "h" else f"bridge.weight_{state}"
                    last = last @ trace.parameters[weight].T
                np.testing.assert_allclose(trace.starts_from(f"decoder.l{layer}.{state}"), last, atol=1e-14)
        assert not any("decoder" in lane and "reverse" in lane for lane in trace.lanes)


@pytest.mark.parametrize("engine", ENGINES)
def test_bidirectional_many_to_one_reads_the_last_forward_and_the_first_reverse(engine):
    spec = make_spec(pattern="many-to-one", bidirectional=True)
    trace = Network(spec).run(engine=engine, **problem(spec))
    h = np.concatenate([trace.value("l0.h")[-1], trace.value("l0_reverse.h")[0]], -1)
    logits = h @ trace.parameters["output.weight"].T + trace.parameters["output.bias"]
    np.testing.assert_allclose(trace.value("output.logits")[0], logits, atol=1e-14)


def test_a_run_names_the_parameter_that_was_changed_to_what_cannot_be():
    spec = make_spec(pattern="many-to-one")
    arguments = problem(spec)
    for changed, value, words in [
        ("output.bias", np.zeros(99), r"output\.bias has shape \(99,\); it must be \("),
        ("output.bias", np.full(spec.output_size, "a"), r"output\.bias holds values of type"),
        ("colour", np.zeros(3), "no parameter 'colour'"),
    ]:
        network = Network(spec)
        network.parameters[changed] = value
        with pytest.raises(ValueError, match=words):
            network.run(**arguments)
    network = Network(spec)
    del network.parameters["weight_hh_l0"]
    with pytest.raises(ValueError, match="parameter weight_hh_l0 is missing"):
        network.run(**arguments)


def test_a_run_keeps_its_own_copy_of_the_parameters():
    network = Network(make_spec(pattern="many-to-one"))
    trace = network.run(**problem(network.spec))
    network.parameters["output.bias"] += 1
    assert (trace.parameters["output.bias"] != network.parameters["output.bias"]).all()
