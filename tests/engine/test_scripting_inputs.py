"""scripting.md, "Inputs and targets": every sentence of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import CELLS, ENGINES, assert_same_run, every_spec, make_spec, name, problem

from engine import Network, SpecError
from engine.recording import engines
from engine.spec import LOSSES, PATTERNS

RNG = np.random.default_rng(0)


def network(**facts):
    return Network(make_spec(**facts))


def refused(spec_or_network, match, *args, **kwargs):
    """The run is a ValueError (and no subclass that means something else) whose message says ``match``."""
    if not isinstance(spec_or_network, Network):
        spec_or_network = Network(spec_or_network)
    with pytest.raises(ValueError, match=match) as caught:
        spec_or_network.run(*args, **kwargs)
    assert not isinstance(caught.value, (SpecError, UnicodeError))
    return str(caught.value)


# x


def test_x_is_real_or_token_ids():
    assert network().run(RNG.standard_normal((5, 3, 2))).value("l0.h").shape == (5, 3, 4)
    assert network().run(np.ones((5, 3, 2), dtype=int)).value("l0.h").dtype == np.float64
    assert network(vocab_size=5).run(np.array([[0, 4], [3, 1]])).value("l0.h").shape == (2, 2, 4)
    assert network(vocab_size=5).run([0, 1, 4]).value("l0.x").shape == (3, 1, 3)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("vocab", [None, 5])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_one_sequence_may_leave_b_out_and_keeps_b_1(pattern, vocab, loss):
    spec = make_spec(pattern=pattern, vocab_size=vocab, loss=loss, cell="gru")
    arguments = problem(spec, B=1)
    x, target = arguments["x"], arguments["target"]
    whole = Network(spec).run(x, target)
    for left_out in (target, target[:, 0]):
        bare = Network(spec).run(x[:, 0], left_out)
        assert bare.batch.B == 1
        assert all(bare.value(key).shape[1] == 1 for key in bare.keys())  # noqa: SIM118
        assert_same_run(bare, whole, 0.0)
    assert_same_run(Network(spec).run(x, target[:, 0]), whole, 0.0)


@pytest.mark.parametrize("pattern", ["one-to-one", "one-to-many"])
def test_one_to_one_and_one_to_many_take_one_step(pattern):
    message = refused(
        make_spec(pattern=pattern), "x has 2 steps", np.zeros((2, 3, 2)), steps=2 if "many" in pattern else None
    )
    assert "T = 1" in message


def test_tensors_are_taken():
    torch = pytest.importorskip("torch")
    ours = network().run(torch.ones(5, 3, 2, requires_grad=True), torch.zeros(5, 3, dtype=torch.int64))
    assert_same_run(ours, network().run(np.ones((5, 3, 2)), np.zeros((5, 3), int)), 0.0)


# Targets


@pytest.mark.parametrize("spec", list(every_spec(cell_names=("rnn",))), ids=name)
def test_s_is_what_the_pattern_says(spec):
    arguments = problem(spec, T=5, S=4)
    trace = Network(spec).run(**arguments)
    wanted = {"one-to-one": 1, "many-to-one": 1, "many-to-many": 5}.get(spec.pattern, 4)
    assert wanted == trace.batch.S
    assert trace.value("output.logits").shape == trace.value("output.y").shape == (wanted, 3, 3)
    assert trace.value("loss").shape == (wanted, 3, 1)
    if spec.has_feedback:
        free = Network(spec).run(arguments["x"], steps=7)
        assert free.value("output.y").shape == (7, 3, 3)
        refused(spec, "steps=", arguments["x"])
        refused(spec, "4 output steps", steps=3, **arguments)
        assert_same_run(Network(spec).run(steps=4, **arguments), trace, 0.0)
    else:
        refused(spec, "steps=2", arguments["x"], steps=2)
        refused(spec, "output steps", arguments["x"], np.concatenate([arguments["target"]] * 2))


@pytest.mark.parametrize("pattern", ["one-to-one", "many-to-one"])
def test_class_ids_may_be_b_where_s_is_1(pattern):
    spec = make_spec(pattern=pattern)
    x = problem(spec)["x"]
    assert_same_run(Network(spec).run(x, [0, 2, 1]), Network(spec).run(x, [[0, 2, 1]]), 0.0)
    assert_same_run(Network(spec).run(x[:, 0], 2), Network(spec).run(x[:, :1], [[2]]), 0.0)


def test_wrong_targets_are_named():
    x = np.zeros((5, 3, 2))
    refused(make_spec(), "target holds 3; class ids go from 0 to 2", x, np.full((5, 3), 3))
    refused(make_spec(), "target holds -1", x, np.full((5, 3), -1))
    refused(make_spec(), r"target.*float64.*integer class ids", x, np.zeros((5, 3)))
    refused(make_spec(), r"target has shape \(5, 4\)", x, np.zeros((5, 4), int))
    refused(make_spec(), r"target has shape \(5,\)", x, np.zeros(5, int))
    refused(make_spec(), r"target has shape \(4, 3\), 4 output steps", x, np.zeros((4, 3), int))
    refused(make_spec(loss="mse"), r"target has shape \(5, 3\)", x, np.zeros((5, 3)))
    refused(make_spec(loss="mse"), "output_size=3", x, np.zeros((5, 3, 2)))
    refused(make_spec(loss="binary-cross-entropy"), "outside 0 to 1", x, np.full((5, 3, 3), 1.5))
    refused(make_spec(pattern="sequence-to-sequence"), "at least one", x, np.zeros((0, 3), int))


# Padding


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("both", [False, True])
def test_on_padding_states_are_held_and_all_else_is_0(cell, both, engine):
    spec = make_spec(cell=cell, bidirectional=both, num_layers=2)
    arguments = problem(spec, T=5, states=True)
    lengths = np.array([2, 5, 3])
    trace = Network(spec).run(engine=engine, lengths=lengths, **arguments)
    padding = np.arange(5)[:, None] >= lengths
    for key in trace.keys():  # noqa: SIM118
        lane, _, short = key.rpartition(".")
        value = trace.value(key)
        if short not in trace.graph.states:
            assert not value[padding].any(), key
            continue
        for b, length in enumerate(lengths):
            held = trace.starts_from(key)[b] if trace.lanes[lane].reverse else value[length - 1, b]
            assert (value[length:, b] == held).all(), key
    for lane in trace.lanes:
        for node in trace.graph.operations:
            assert node.named or not trace.value(f"{lane}.{node.name}")[padding].any()
        assert not trace.read_by(lane)[padding].any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e300])
def test_what_stands_on_padding_reaches_nothing(engine, junk):
    spec = make_spec(loss="mse", num_layers=2, bidirectional=True)
    arguments = problem(spec, T=5)
    lengths = np.array([2, 5, 3])
    clean = Network(spec).run(engine=engine, lengths=lengths, **arguments)
    padding = np.arange(5)[:, None] >= lengths
    arguments["x"][padding] = junk
    arguments["target"][padding] = junk
    assert_same_run(Network(spec).run(engine=engine, lengths=lengths, **arguments), clean, 0.0)


@pytest.mark.parametrize("engine", ENGINES)
def test_target_lengths_are_lengths_for_many_to_many_and_may_be_shorter(engine):
    spec, lengths = make_spec(), [4, 5, 3]
    arguments = problem(spec)
    one = Network(spec).run(engine=engine, lengths=lengths, **arguments)
    assert_same_run(one, Network(spec).run(engine=engine, lengths=lengths, target_lengths=lengths, **arguments), 0.0)
    fewer = Network(spec).run(engine=engine, lengths=lengths, target_lengths=[1, 2, 3], **arguments)
    assert (fewer.value("loss")[..., 0] != 0).sum(0).tolist() == [1, 2, 3]
    assert_same_run(
        Network(spec).run(engine=engine, lengths=[5, 5, 5], **arguments),
        Network(spec).run(engine=engine, **arguments),
        0.0,
    )
    for past in ([5, 5, 5], [4, 5, 4]):
        refused(spec, "target_lengths goes past lengths", lengths=lengths, target_lengths=past, **arguments)


def test_wrong_lengths_are_named():
    x = np.zeros((5, 3, 2))
    for wrong in ([0, 5, 5], [6, 5, 5]):
        refused(make_spec(), "lengths goes from .* each must be from 1 to 5", x, lengths=wrong)
    for wrong in ([5, 5], [[5, 5, 5]], [1.0, 2.0, 3.0], 5, [True, True, True]):
        refused(make_spec(), "lengths has shape .* it must be 3 whole numbers", x, lengths=wrong)
    refused(
        make_spec(pattern="sequence-to-sequence"),
        "target_lengths goes",
        x,
        np.zeros((4, 3), int),
        target_lengths=[5, 4, 4],
    )


# Initial states


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_initial_states_in_torchs_order_zeros_otherwise(pattern, engine):
    spec = make_spec(pattern=pattern, num_layers=2, bidirectional=pattern != "one-to-many")
    arguments = problem(spec, states=True)
    trace = Network(spec).run(engine=engine, **arguments)
    part = trace.timeline.parts[0]
    for row, lane in enumerate([lane for lane in trace.lanes.values() if lane.part == part]):
        for state in "hc":
            assert np.array_equal(trace.starts_from(lane.key(state)), arguments[f"{state}_0"][row])
    zeros = {name: np.zeros_like(arguments[name]) for name in ("h_0", "c_0")}
    assert_same_run(
        Network(spec).run(engine=engine, **{**arguments, **zeros}),
        Network(spec).run(arguments["x"], arguments["target"], engine=engine), 0.0,
    )  # fmt: skip


def test_wrong_states_are_named():
    x = np.zeros((5, 3, 2))
    refused(
        make_spec(),
        r"h_0 has shape \(3, 4\).*\(num_layers·directions, B, hidden_size\) = \(1, 3, 4\)",
        x,
        h_0=np.zeros((3, 4)),
    )
    refused(make_spec(cell="gru"), "c_0 is given, but cell='gru'", x, c_0=np.zeros((1, 3, 4)))
    refused(make_spec(bidirectional=True), r"\(2, 3, 4\)", x, c_0=np.zeros((1, 3, 4)))
    assert network().run(x[:, :1], h_0=np.ones((1, 4))).starts_from("l0.h").shape == (1, 4)


# Without a target


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_a_target_there_is_a_forward_pass_only(pattern, engine):
    spec = make_spec(pattern=pattern)
    x = problem(spec)["x"]
    trace = Network(spec).run(x, engine=engine, steps=4 if spec.has_feedback else None)
    assert trace.loss is None
    assert trace.parameter_grads == {}
    assert "loss" not in trace.keys()  # noqa: SIM118
    assert {event.phase for event in trace.events} == {"forward"}
    for call in (trace.grad, trace.travelled):
        with pytest.raises(ValueError, match="needs a target"):
            call(next(iter(trace.lanes)) + ".h")


# Arguments of every kind of wrongness

ARGUMENTS = ("x", "target", "lengths", "target_lengths", "h_0", "c_0")
JUNK = [
    object(), "abc", b"abc", ["a", "b"], [[1, 2], [3]], {1: 2}, {1, 2}, np.array([None, 1]), np.array(["x"]), 1j,
    np.zeros((2, 2), complex), np.array("2020-01-01", "datetime64[D]"), 10**400, [[], []], np.zeros((0, 0, 0)),
    np.zeros(()), np.zeros((1,) * 7), True, lambda: 1, np.full((5, 3), 2**64 - 1, np.uint64), -1, [np.inf],
    np.full((5, 3, 2), np.nan),
]  # fmt: skip


@pytest.mark.parametrize("junk", JUNK, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_junk_is_a_value_error_that_names_the_argument(argument, junk):
    spec = make_spec(pattern="sequence-to-sequence", vocab_size=5)
    refused(spec, rf"^{argument} ", **{**problem(spec), argument: junk})


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        *[("steps", wrong) for wrong in (0, -1, 1.5, "3", True, 10**9, np.zeros(2), [1])],
        *[("temperature", wrong) for wrong in (0, -1.0, np.nan, np.inf, "hot", None, True, [1.0], 1j)],
        *[("reduction", wrong) for wrong in ("max", None, 3, ["sum"], np.zeros(2))],
        *[("sample", wrong) for wrong in (-1, 1.5, "x", True, np.zeros(2))],
        *[("teacher_forcing", wrong) for wrong in (None, 1, "yes", np.zeros(2))],
        *[("engine", wrong) for wrong in ("jax", None, 3, ["numpy"])],
    ],
)
def test_wrong_options_are_named(argument, wrong):
    spec = make_spec(pattern="sequence-to-sequence")
    refused(spec, rf"^{argument}=", problem(spec)["x"], **{"steps": 4, argument: wrong})


def test_sampling_where_nothing_is_chosen_is_refused():
    spec = make_spec(pattern="sequence-to-sequence")
    refused(spec, "teacher forcing", sample=1, **problem(spec))
    refused(make_spec(), "chooses nothing", np.zeros((5, 3, 2)), sample=1)
    real = make_spec(pattern="sequence-to-sequence", loss="mse")
    refused(real, "chooses nothing", sample=1, teacher_forcing=False, **problem(real))


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.complex_numbers()
NESTED = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner), max_leaves=6)


@settings(max_examples=80)
@given(st.sampled_from(ARGUMENTS), NESTED)
def test_drawn_junk_is_a_value_error_or_runs(argument, junk):
    spec = make_spec()
    try:
        Network(spec).run(**{**problem(spec, T=2, B=1), argument: junk})
        message = argument
    except ValueError as error:
        message = str(error)
    assert argument.removesuffix("_0") in message


@pytest.mark.parametrize("engine", [e.name for e in engines if not e.missing()])
@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e308])
@pytest.mark.parametrize("spec", [s for s in every_spec(cell_names=("lstm",)) if not s.bidirectional], ids=name)
def test_numbers_that_are_none_run_without_a_warning(spec, junk, engine):
    """The app shows where they come from, so a run must not stop at them."""
    arguments = problem(spec, T=3, S=3)
    if spec.has_embedding:
        parameters = {
            n: np.full_like(v, junk) for n, v in Network(spec).parameters.items() if n.endswith("weight_hh_l0")
        }
    else:
        parameters, arguments["x"] = {}, np.full_like(arguments["x"], junk)
    trace = Network(spec, parameters).run(engine=engine, **arguments)
    trace = Network(spec.but(dtype="float32"), parameters).run(engine=engine, **arguments)
    for lane in trace.lanes:
        for node in trace.graph.operations:
            trace.value(f"{lane}.{node.name}")
            trace.grad(f"{lane}.{node.name}")
        trace.travelled(f"{lane}.h")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_one_broken_sequence_leaves_the_others_alone(cell, engine):
    spec = make_spec(cell=cell)
    arguments = problem(spec)
    clean = Network(spec).run(engine=engine, **arguments)
    arguments["x"][1, 0] = np.nan
    broken = Network(spec).run(engine=engine, **arguments)
    assert np.isnan(broken.value("l0.h")[1:, 0]).all()
    assert np.isnan(broken.loss)
    for key in ("l0.h", "output.y"):
        np.testing.assert_allclose(broken.value(key)[:, 1:], clean.value(key)[:, 1:], atol=1e-14)
