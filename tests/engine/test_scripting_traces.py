"""scripting.md, "The trace", and product.md, "Stepping": loss, keys, values, gradients, events."""

import numpy as np
import pytest
from samples import CELLS, ENGINES, every_spec, make_spec, name, problem

from engine import Network
from engine.registry import cells
from engine.spec import PATTERNS

GATES = {"rnn": ("a",), "lstm": ("a_i", "a_f", "a_g", "a_o", "i", "f", "g", "o", "c"),
         "gru": ("a_r", "a_z", "r", "z", "a_n", "n")}  # fmt: skip
SPECS = list(every_spec(num_layers=2, losses=("cross-entropy",)))


def run(engine="numpy", B=3, **facts):
    spec = make_spec(**facts)
    return Network(spec).run(engine=engine, **problem(spec, B=B))


# Loss


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", list(every_spec(cell_names=("rnn",))), ids=name)
def test_the_loss_is_the_sum_of_the_parts_over_b(spec, engine):
    arguments = problem(spec, padded=True)
    network = Network(spec)
    trace = network.run(engine=engine, **arguments)
    parts = trace.value("loss")
    S, B = trace.batch.S, 3
    assert parts.shape == (S, B, 1)
    np.testing.assert_allclose(trace.loss, parts.sum() / B, rtol=1e-12)
    scored = np.ones((S, B), bool) if trace.batch.output_mask is None else trace.batch.output_mask
    assert not parts[~scored].any(), "padding counts 0"
    assert spec.loss == "linear" or (parts[scored] > 0).all()
    mean = network.run(engine=engine, reduction="mean", **arguments)
    np.testing.assert_allclose(mean.loss, trace.loss / S, rtol=1e-12)
    for parameter, grad in trace.parameter_grads.items():
        np.testing.assert_allclose(mean.parameter_grads[parameter], grad / S, atol=1e-12)
    np.testing.assert_array_equal(trace.grad("loss")[..., 0], scored / B)


# Keys


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_the_keys_are_those_of_the_contract(spec, engine):
    trace = Network(spec).run(engine=engine, **problem(spec))
    prefixes = [
        f"{part}l{layer}{suffix}"
        for part in (("encoder.", "decoder.") if spec.pattern == "sequence-to-sequence" else ("",))
        for layer in range(2)
        for suffix in ("", "_reverse")[: 1 if part == "decoder." else spec.num_directions]
    ]
    names = {*GATES.get(spec.cell, trace.graph.recorded), "h"}
    wanted = {f"{prefix}.{short}" for prefix in prefixes for short in names}
    assert set(trace.keys()) == wanted | {"output.logits", "output.y", "loss"}
    assert set(cells[spec.cell].states) <= names
    for key in trace.keys():  # noqa: SIM118
        value, grad = trace.value(key), trace.grad(key)
        assert value.shape == grad.shape
        assert value.dtype == grad.dtype == np.float64
        assert np.isfinite(value).all(), "no NaN as filler"
        assert np.isfinite(grad).all()
        lane = trace.lanes.get(key.rpartition(".")[0])
        steps = trace.timeline.steps(lane.part) if lane else trace.batch.S
        assert value.shape[:2] == (steps, 3)
        assert value.shape[2] == (spec.hidden_size if lane else 1 if key == "loss" else spec.output_size)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_output_steps_map_outputs_to_time(pattern):
    trace = run(pattern=pattern)
    wanted = {"one-to-one": [0], "many-to-one": [4], "many-to-many": list(range(5))}.get(pattern, list(range(4)))
    assert trace.output_steps.tolist() == wanted


@pytest.mark.parametrize("engine", ENGINES)
def test_the_reverse_direction_is_indexed_by_token_position(engine):
    spec = make_spec(cell="rnn", bidirectional=True)
    network, arguments = Network(spec), problem(spec)
    trace = network.run(engine=engine, **arguments)
    alone = Network(make_spec(cell="rnn"), {
        n.removesuffix("_reverse"): v for n, v in network.parameters.items() if n.endswith("_reverse")
    }).run(arguments["x"][::-1])  # fmt: skip
    np.testing.assert_allclose(trace.value("l0_reverse.h"), alone.value("l0.h")[::-1], atol=1e-14)


@pytest.mark.parametrize("engine", ENGINES)
def test_gates_are_what_they_say(engine):
    trace = run(engine, cell="lstm")
    for gate in "ifo":
        np.testing.assert_allclose(
            trace.value(f"l0.{gate}"), 1 / (1 + np.exp(-trace.value(f"l0.a_{gate}"))), atol=1e-15
        )
    np.testing.assert_allclose(trace.value("l0.g"), np.tanh(trace.value("l0.a_g")), atol=1e-15)
    c = trace.value("l0.c")
    before = np.concatenate([np.zeros((1, 3, 4)), c[:-1]])
    np.testing.assert_allclose(c, trace.value("l0.f*c") + trace.value("l0.i*g"), atol=1e-15)
    np.testing.assert_allclose(trace.value("l0.f*c"), trace.value("l0.f") * before, atol=1e-15)
    np.testing.assert_array_equal(trace.value("l0.c_prev"), before)
    np.testing.assert_allclose(trace.value("l0.h"), trace.value("l0.o") * np.tanh(c), atol=1e-15)


# Values


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_arrays_are_read_only_and_no_later_run_changes_them(cell, engine):
    spec = make_spec(cell=cell, num_layers=2)
    network, arguments = Network(spec), problem(spec)
    trace = network.run(engine=engine, **arguments)
    operations = [f"l0.{node.name}" for node in trace.graph.operations]
    keys = [*trace.keys(), *operations, "l0.x", "l0.h_prev"]
    values, grads = {k: trace.value(k).copy() for k in keys}, {k: trace.grad(k).copy() for k in keys}
    sums = {n: g.copy() for n, g in trace.parameter_grads.items()}
    for key in keys:
        for array in (trace.value(key), trace.grad(key)):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    with pytest.raises(ValueError, match="read-only"):
        trace.parameters["output.bias"][0] = 1
    arguments["x"][...] = 7
    arguments["target"][...] = 0
    network.run(engine=engine, **arguments)
    network.parameters["weight_hh_l0"][...] = 0
    network.run(engine=engine, **arguments)
    for key in keys:
        np.testing.assert_array_equal(trace.value(key), values[key])
        np.testing.assert_array_equal(trace.grad(key), grads[key])
    for parameter, grad in trace.parameter_grads.items():
        np.testing.assert_array_equal(grad, sums[parameter])
    assert trace.parameters["weight_hh_l0"].any()


@pytest.mark.parametrize("engine", ENGINES)
def test_replaying_later_sees_the_run_as_it_was(engine):
    spec = make_spec()
    network, arguments = Network(spec), problem(spec)
    trace, again = (network.run(engine=engine, **arguments) for _ in range(2))
    wanted = again.value("l0.W_hi h").copy()
    network.parameters["weight_hh_l0"][...] = 0
    network.run(engine=engine, **arguments)
    np.testing.assert_array_equal(trace.value("l0.W_hi h"), wanted)


@pytest.mark.parametrize(
    "key", ["l9.h", "h", "", "l0.", "l0.q", "output.h", "decoder.l0.h", "l0.W_hi", "l0.b_ii", "encoder"]
)
def test_a_key_that_is_not_there_says_which_are(key):
    trace = run()
    for call in (trace.value, trace.grad, trace.travelled):
        with pytest.raises(KeyError, match=r"l0\.h"):
            call(key)
    with pytest.raises(KeyError, match="not a state"):
        trace.travelled("l0.i")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_a_node_that_cannot_reach_the_loss_has_gradient_zero(spec, engine):
    trace = Network(spec).run(engine=engine, **problem(spec))
    assert not trace.grad("output.y").any()
    if spec.pattern == "many-to-one" and not spec.bidirectional:
        assert not trace.grad("output.y").any()
        assert trace.grad("l1.h").any((1, 2)).all()
    if spec.pattern == "many-to-one" and spec.bidirectional:
        assert not trace.travelled("l1_reverse.h")[0].any()
    fewer = dict(problem(spec), target_lengths=[1, 1, 1]) if trace.batch.S > 1 else None
    if fewer and spec.pattern == "many-to-many" and not spec.bidirectional:
        late = Network(spec).run(engine=engine, **fewer)
        assert not late.grad("l0.h")[1:].any()
        assert late.grad("l0.h")[0].any()


# Events


@pytest.mark.parametrize("target", [True, False], ids=["there-and-back", "forward"])
@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_events_are_complete_and_in_order(spec, target):
    arguments = problem(spec)
    if not target:
        del arguments["target"]
        arguments |= {"steps": 4} if spec.has_feedback else {}
    trace = Network(spec).run(**arguments)
    events = list(trace.events)
    assert len(events) == len(trace.events)
    assert [event.index for event in events] == list(range(len(events)))
    phases = [event.phase for event in events]
    order = ["forward", "loss", "backward"] if target else ["forward"]
    assert list(dict.fromkeys(phases)) == order
    assert phases == sorted(phases, key=order.index)

    tokens = [event for event in events if event.operation is None]
    assert trace.events.tokens.tolist() == [event.index for event in tokens]
    assert [event.token for event in tokens] == list(range(len(tokens)))
    assert events[-1].operation is None
    for event in events:
        assert event.equation
        assert event.token == np.searchsorted(trace.events.tokens, event.index), "it leads to the next token position"
        owner = tokens[event.token]
        assert (event.phase, event.part, event.step, event.column) == (
            owner.phase,
            owner.part,
            owner.step,
            owner.column,
        )
        assert event.column == trace.timeline.offset(event.part) + event.step
        column = trace.timeline.columns[event.column]
        assert (column.part, column.step) == (event.part, event.step)
        assert event.direction in ("forward", "reverse")
        assert event.layer is None or 0 <= event.layer < spec.num_layers

    graph = [node.name for node in trace.graph.operations]
    computed = {}
    for event in events:
        if event.phase == "forward" and event.operation not in (None, "logits", "y"):
            prefix = (
                f"{event.part}{'.' if event.part else ''}l{event.layer}{'_reverse' * (event.direction == 'reverse')}"
            )
            computed.setdefault((prefix, event.step), []).append(event.operation)
    assert set(computed) == {(p, t) for p, lane in trace.lanes.items() for t in range(trace.timeline.steps(lane.part))}
    assert all(operations == graph for operations in computed.values()), "each equation once, in their order"
    heads = [
        (event.step, event.operation)
        for event in events
        if event.phase == "forward" and event.operation in ("logits", "y")
    ]
    assert heads == [(step, word) for step in trace.output_steps for word in ("logits", "y")]
    if target:
        back = [event for event in events if event.phase == "backward"]
        walked = [
            (e.part, e.layer, e.direction, e.step, e.operation) for e in back if e.operation not in (None, "logits")
        ]
        there = [(e.part, e.layer, e.direction, e.step, e.operation) for e in events
                 if e.phase == "forward" and e.operation not in (None, "logits", "y")]  # fmt: skip
        assert walked == there[::-1], "one chain-rule factor for each operation, the other way round"
        assert [e.operation for e in events if e.phase == "loss"] == ["loss", None]


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_token_positions_go_as_the_design_says(spec):
    """One direction: all layers of a column together. Both: a layer's directions one after the other, outputs last."""
    trace = Network(spec).run(**problem(spec, T=5, S=4))
    found = [
        (e.phase, e.part, e.layer, e.direction, e.step)
        for e in map(trace.events.token, range(len(trace.events.tokens)))
    ]
    T = {"one-to-one": 1, "one-to-many": 4}.get(spec.pattern, 5)
    part = "encoder" if spec.pattern == "sequence-to-sequence" else ""
    lanes = [(layer, way) for layer in range(2) for way in ("forward", "reverse")]
    forward, backward = [], []
    if spec.bidirectional:
        for layer, way in lanes:
            steps = range(T - 1, -1, -1) if way == "reverse" else range(T)
            forward += [("forward", part, layer, way, t) for t in steps]
            backward = [("backward", part, layer, way, t) for t in reversed(steps)] + backward
        if part == "":
            forward += [("forward", part, None, "forward", t) for t in trace.output_steps]
    else:
        forward = [("forward", part, None, "forward", t) for t in range(T)]
        backward = [("backward", part, None, "forward", t) for t in reversed(range(T))]
    last = T - 1
    if part:
        last = 3
        forward += [("forward", "decoder", None, "forward", s) for s in range(4)]
        backward = [("backward", "decoder", None, "forward", s) for s in reversed(range(4))] + backward
    loss = ("loss", trace.timeline.output_part, None, "forward", last)
    assert found == [*forward, loss, *backward]


def test_one_layer_names_its_layer_and_events_are_a_sequence():
    trace = run(cell="rnn")
    events = trace.events
    assert {e.layer for e in events if e.phase != "loss" and e.operation not in ("logits", "y")} == {0}
    assert events[-1] == events[len(events) - 1]
    assert events[2:5] == [events[2], events[3], events[4]]
    for index in (len(events), -len(events) - 1):
        with pytest.raises(IndexError):
            events[index]
    assert trace.narrate(events[0])
    assert trace.narrate(events.token(-1))


def test_events_cost_nothing_until_they_are_asked_for():
    spec = make_spec(cell="lstm", pattern="many-to-one", input_size=1, hidden_size=1)
    trace = Network(spec).run(np.zeros((1000, 1)), 0)
    assert len(trace.events.tokens) == 2001
    assert len(trace.events) > 30_000
    assert trace.events.token(-1).step == 0


@pytest.mark.parametrize("cell", CELLS)
def test_every_position_of_every_cell_is_narrated(cell):
    trace = run(cell=cell, bidirectional=True, num_layers=2)
    assert all(trace.narrate(event) for event in trace.events)
