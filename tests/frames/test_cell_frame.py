"""The inside of a step: every number is the trace's, every gradient torch's."""

import numpy as np
import pytest

from engine import ModelSpec, Network, narration, ops
from engine.format import addend, number
from engine.registry import cells
from gui.frames import cell
from gui.frames.cell_layout import OUT
from gui.frames.cell_words import plain
from gui.frames.inspector import Inspection
from gui.frames.progress import Progress
from gui.state.cursor import Cursor

T, UNIT = 4, 2


def make(name="lstm", pattern="many-to-many", **facts):
    spec = ModelSpec(pattern=pattern, cell=name, input_size=3, hidden_size=5, output_size=2, **facts)
    x = np.random.default_rng(1).standard_normal((T, 3))
    target = [1] if pattern == "many-to-one" else [1, 0, 1, 0]
    trace = Network(spec).run(x, target)
    return Inspection(trace, narration.words(trace, ["a", "b", "c", "d"]))


def at(inspection, phase, operation, step=2, prefix="l0", unit=UNIT, wanted=""):
    lane = inspection.trace.lanes[prefix]
    index = inspection.trace.events.find(phase, lane, step, operation) + 1
    return cell.frame(inspection, inspection.place(prefix, step), index, unit, wanted)


def text(lines):
    return ["".join(part for part, _ in line) for line in lines]


@pytest.mark.parametrize("name", cells.names())
def test_operations_appear_one_by_one_with_the_traces_values(name):
    inspection = make(name)
    trace = inspection.trace
    names = [node.name for node in trace.graph.operations]
    for k, operation in enumerate(names):
        frame = at(inspection, "forward", operation)
        assert (frame.lit, frame.shown, frame.number, frame.count) == (operation, operation, k + 1, len(names))
        assert not frame.backward
        for each in names:
            value = frame.vectors[each].value
            assert (value is not None) == (each in names[: k + 1])
            if value is not None:
                np.testing.assert_array_equal(value, trace.value(f"l0.{each}")[2, 0])
        assert all(vector.gradient is None for vector in frame.vectors.values())
        assert all(flow is None for flow in frame.flows)
    np.testing.assert_array_equal(frame.vectors["x"].value, trace.read_by("l0")[2, 0])
    np.testing.assert_array_equal(frame.vectors["h_prev"].value, trace.value("l0.h")[1, 0])


@pytest.mark.parametrize("name", cells.names())
def test_gradients_come_back_one_by_one(name):
    inspection = make(name)
    trace = inspection.trace
    names = [node.name for node in trace.graph.operations][::-1]
    for k, operation in enumerate(names):
        frame = at(inspection, "backward", operation)
        assert (frame.lit, frame.number, frame.backward) == (operation, k + 1, True)
        for each in names:
            gradient = frame.vectors[each].gradient
            assert (gradient is not None) == (each in names[: k + 1])
            if gradient is not None:
                np.testing.assert_allclose(gradient, trace.grad(f"l0.{each}")[2, 0], atol=1e-15)
    for state in trace.graph.states:
        np.testing.assert_allclose(
            frame.vectors[f"{state}_prev"].gradient, trace.travelled(f"l0.{state}")[1, 0], atol=1e-14
        )


@pytest.mark.parametrize("name", cells.names())
def test_what_flows_on_the_wires_is_autograds(name):
    """∂L/∂ each copy of a value that a wire leads to, by torch: the wire carries the sum of its readers' copies."""
    torch = pytest.importorskip("torch")
    inspection = make(name)
    trace, graph = inspection.trace, inspection.trace.graph
    frame = at(inspection, "backward", graph.operations[0].name)
    values = inspection.values(frame.place)
    copies: dict[tuple[str, str], list] = {}
    known: list = []
    for node in graph.nodes:
        if node.op in ops.LEAVES:
            known.append(torch.tensor(np.asarray(values[node.index])))
            continue
        args = []
        for arg in node.args:
            copy = known[arg].clone().detach().requires_grad_(True)
            args.append(copy)
            if graph.nodes[arg].op not in (ops.WEIGHT, ops.BIAS, ops.CONSTANT):
                copies.setdefault((graph.nodes[arg].name, node.name), []).append(copy)
        known.append(node.op.value(torch, *args))
        arrives = trace.grad(f"l0.{node.name}")[2, 0]
        known[-1].backward(torch.tensor(arrives))
        known[-1] = known[-1].detach()
    homes = {operation: node.name for node in frame.layout.nodes for operation in node.operations}
    for wire, flow in zip(frame.layout.wires, frame.flows, strict=True):
        parts = []
        for carried in wire.carries:
            total = np.zeros(len(frame.vectors[carried].value))
            inside = np.zeros_like(total)
            for (value, user), found in copies.items():
                part = sum(copy.grad.numpy() for copy in found)
                if value == carried:
                    inside = inside + part
                    if homes[user] in wire.to and (carried not in homes or homes[user] != homes[carried]):
                        total = total + part
            if OUT + carried in wire.to:
                total = total + trace.grad(f"l0.{carried}")[2, 0] - inside
            parts.append(total)
        assert flow == pytest.approx(np.linalg.norm(np.concatenate(parts)), abs=1e-13)


def test_the_new_cell_state_in_numbers():
    inspection = make()
    trace = inspection.trace
    frame = at(inspection, "forward", "c")
    f, i, g, c = (trace.value(f"l0.{name}")[2, 0, UNIT] for name in "figc")
    before = trace.value("l0.c")[1, 0, UNIT]
    line, parts = text(frame.lines)
    figures = [addend(c), addend(f), addend(before), addend(i), addend(g)]
    assert line.startswith(f"unit {UNIT + 1}  {addend(c)} = {addend(f)} × ")
    assert all(figure.removeprefix("−") in line for figure in figures)
    assert parts == f"kept {addend(f * before)}   written {addend(i * g)}"
    assert frame.equation == r"c_{3} = f_{3} \odot c_{2} + i_{3} \odot g_{3}"
    assert frame.kind == "state"


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "identity"])
def test_an_equation_in_symbols(nonlinearity):
    inspection = make("rnn", nonlinearity=nonlinearity)
    words = {"tanh": "tanh\u2009a₃", "relu": "ReLU\u2009a₃", "identity": "a₃"}
    slopes = {"tanh": "(1 − h^23) ⊙ δ", "relu": "[h3 > 0] ⊙ δ", "identity": "δ"}

    def one_line(symbols):
        return "".join(
            f" {s.text} " if s.text in "−⊙=" else s.text + (f"^{s.above}" if s.above else "") + s.below for s in symbols
        )

    assert plain(at(inspection, "forward", "h").symbols[2:]) == words[nonlinearity]
    assert one_line(at(inspection, "backward", "h").symbols) == f"δ = ∂L/∂h3\u2003a3 ← {slopes[nonlinearity]}"
    assert one_line(at(inspection, "backward", "W_hh h").symbols).endswith("h2 ← W^⊤hh\u2009δ")


def test_a_dot_product_shows_its_largest_products_and_the_rest():
    inspection = make("rnn")
    trace = inspection.trace
    frame = at(inspection, "forward", "W_hh h")
    weights, before = trace.parameters["weight_hh_l0"][UNIT], trace.value("l0.h")[1, 0]
    products = weights * before
    order = np.argsort(-np.abs(products))
    (line,) = text(frame.lines)
    assert line.startswith(f"unit 3  {addend(products.sum())} = {addend(weights[order[0]])} × ")
    assert line.endswith("(2 more)")
    assert addend(products[order[3:]].sum()).removeprefix("−") in line


@pytest.mark.parametrize("name", cells.names())
def test_each_factor_is_what_arrives_times_the_slope(name):
    inspection = make(name)
    graph = inspection.trace.graph
    for node in graph.operations:
        frame = at(inspection, "backward", node.name)
        wanted = [a for a in node.args if graph.nodes[a].op not in (ops.WEIGHT, ops.BIAS, ops.CONSTANT)]
        assert [factor.to for factor in frame.factors] == [graph.nodes[arg].name for arg in wanted]
        for factor, line in zip(frame.factors, text(frame.lines), strict=True):
            if factor.local is None:
                matrix = inspection.weights("l0")[factor.matrix]
                np.testing.assert_allclose(factor.leaves, factor.arrives @ matrix, atol=1e-15)
            else:
                np.testing.assert_allclose(factor.leaves, factor.arrives * factor.local, atol=1e-15)
                assert f"{number(factor.arrives[UNIT])} × " in line
                assert f"= {number(factor.leaves[UNIT])}" in line


def test_the_highway_says_what_it_keeps():
    inspection = make()
    trace = inspection.trace
    frame = at(inspection, "backward", "f*c")
    arrived = trace.grad("l0.c")[2, 0]
    assert frame.keeps == pytest.approx(np.linalg.norm(arrived * trace.value("l0.f")[2, 0]) / np.linalg.norm(arrived))
    assert at(inspection, "backward", "c").keeps is None
    assert at(make("rnn"), "backward", "W_ih x").keeps is None


def test_an_operation_that_was_asked_for_is_explained():
    inspection = make()
    frame = at(inspection, "forward", "h", wanted="i")
    assert (frame.lit, frame.shown, frame.kind) == ("h", "i", "gate")
    assert at(inspection, "forward", "W_ii x", wanted="h").lines == ()


def test_the_unit_that_moves_most_is_taken():
    inspection = make()
    h = inspection.trace.value("l0.h")[:, 0]
    assert at(inspection, "forward", "c", unit=None).unit == int(np.abs(h[2] - h[1]).argmax())
    assert at(inspection, "forward", "c", unit=99).unit == 4


@pytest.mark.parametrize("both", [False, True])
def test_layers_and_directions_have_their_own_operations(both):
    inspection = make("gru", num_layers=2, bidirectional=both)
    for prefix, lane in inspection.trace.lanes.items():
        frame = at(inspection, "forward", "z", prefix=prefix)
        assert frame.lit == "z"
        assert cell.place_of(inspection, inspection.trace.events[frame_index(inspection, lane)]).lane == lane
        np.testing.assert_array_equal(frame.vectors["z"].value, inspection.trace.value(f"{prefix}.z")[2, 0])
        before = 3 if lane.reverse else 1
        np.testing.assert_array_equal(frame.vectors["h_prev"].value, inspection.trace.value(f"{prefix}.h")[before, 0])


def frame_index(inspection, lane):
    return inspection.trace.events.find("forward", lane, 2, "z")


def test_padding_computes_nothing():
    spec = ModelSpec(pattern="many-to-one", cell="gru", input_size=2, hidden_size=4, output_size=3)
    trace = Network(spec).run(np.ones((4, 2, 2)), [1, 0], lengths=[4, 2])
    inspection = Inspection(trace, narration.Words(sequence=1))
    frame = cell.frame(inspection, inspection.place("l0", 3), len(trace.events))
    assert frame.padding
    assert not frame.done
    assert frame.lines == ()


def test_before_the_first_step_nothing_is_there():
    inspection = make()
    frame = cell.frame(inspection, cell.place_of(inspection, None), 0)
    assert not frame.done
    assert frame.lit == ""
    assert frame.vectors["h"].value is None
    assert plain(frame.vectors["f*c"].symbols) == "f₁ ⊙ c₀"


def test_a_run_that_overflows_is_drawn_as_it_is():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=4, output_size=3)
    x = np.zeros((3, 2))
    x[1, 0] = np.nan
    trace = Network(spec).run(x, [1])
    inspection = Inspection(trace, narration.Words())
    frame = at(inspection, "backward", "h", step=1)
    assert np.isnan(frame.vectors["h"].value).all()
    assert any(flow is not None and not np.isfinite(flow) for flow in frame.flows)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", cells.names())
@pytest.mark.parametrize("both", [False, True])
def test_a_column_of_the_score_fills_with_its_operations(name, both, backward):
    inspection = make(name, bidirectional=both, num_layers=2)
    events, progress, cursor = inspection.trace.events, Progress(inspection.trace), Cursor()
    cursor.set_events(events)
    phase = "backward" if backward else "forward"
    for prefix, lane in inspection.trace.lanes.items():
        for recorded in inspection.trace.graph.recorded:
            when = progress.named(prefix, recorded, backward)
            for step in range(T):
                index = events.find(phase, lane, step, recorded)
                assert events.places(phase, lane, recorded)[step] == index
                cursor.go_index(index)
                assert not when[step] < cursor.reached
                cursor.go_index(index + 1)
                assert when[step] < cursor.reached
