"""The diagram of a cell: laid out from its graph alone, for cells there are and for one nobody has seen."""

import itertools

import pytest

from engine import graph as graphs
from engine.registry import Cell, cells
from gui.frames.cell_layout import OUT, lay_out, layout
from gui.frames.cell_routes import crossings
from gui.frames.cell_spots import RADIUS

MINIMAL = Cell(
    name="minimal",
    title="Minimal gated unit",
    states=("h",),
    gates=("f", "n"),
    equations="""
        a_f = W_if x_t + b_if + W_hf h_prev + b_hf
        f = σ(a_f)
        k = f ⊙ h_prev
        a_n = W_in x_t + b_in + W_hn k + b_hn
        n = tanh(a_n)
        h_t = (1 − f) ⊙ h_prev + f ⊙ n
    """,
)
COUPLED = Cell(
    name="coupled",
    title="Coupled gates",
    states=("h", "c"),
    gates=("f", "g", "o"),
    equations="""
        f = σ(W_if x_t + b_if + W_hf h_prev)
        g = tanh(W_ig x_t + b_ig + W_hg h_prev)
        c_t = f ⊙ c_prev + (1 − f) ⊙ g
        o = σ(W_io x_t + W_ho c_t)
        h_t = o ⊙ tanh(c_t) + h_prev
    """,
)
ODD = Cell(
    name="odd",
    title="No highway",
    states=("h",),
    gates=("p", "q"),
    equations="""
        p = σ(W_ip x_t + W_hp h_prev)
        q = tanh(W_iq x_t + p ⊙ p)
        h_t = p ⊙ tanh(q) − q
    """,
)
UNSEEN = (MINIMAL, COUPLED, ODD)


@pytest.fixture(params=[*cells.names(), *(f"unseen-{cell.name}" for cell in UNSEEN)])
def graph(request, monkeypatch):
    name = request.param
    if not name.startswith("unseen-"):
        return graphs.build(name)
    cell = next(cell for cell in UNSEEN if name.endswith(cell.name))
    monkeypatch.setitem(cells._entries, cell.name, cell)
    return graphs.build.__wrapped__(cell.name)


def test_every_operation_stands_in_one_node(graph):
    drawn = [operation for node in lay_out(graph).nodes for operation in node.operations]
    assert sorted(drawn) == sorted(node.name for node in graph.operations)


def test_no_two_nodes_overlap(graph):
    for a, b in itertools.combinations(lay_out(graph).nodes, 2):
        assert (a.x - b.x) ** 2 + (a.y - b.y) ** 2 >= (2 * RADIUS) ** 2, (a.name, b.name)


def test_every_value_reaches_all_that_read_it(graph):
    found = lay_out(graph)
    nodes = {node.name: node for node in found.nodes}
    homes = {operation: node for node in found.nodes for operation in node.operations}
    for node in graph.nodes:
        if node.op.symbol == "" and node.name not in ("x", *(f"{s}_prev" for s in graph.states)):
            continue
        readers = {
            home.name
            for user in graph.operations
            if node.index in user.args and (home := homes.get(user.name)) and node.name not in home.operations
        }
        if node.name in graph.states:
            readers.add(OUT + node.name)
        if node.name in nodes or node.op.symbol == "":
            wires = [wire for wire in found.wires if node.name in wire.carries]
            assert {to for wire in wires if wire.arrow for to in wire.to} >= readers


def test_wires_hang_together(graph):
    """Each ends at its node, at the frame's outside, or on another wire."""
    found = lay_out(graph)
    nodes = {node.name: (node.x, node.y) for node in found.nodes}
    ends = {(t.x, t.y) for t in found.terminals}
    corners = [point for wire in found.wires for point in wire.points]
    for wire in found.wires:
        for a, b in itertools.pairwise(wire.points):
            assert (a[0] == b[0]) != (a[1] == b[1]), "level or upright"
        first, last = wire.points[0], wire.points[-1]
        assert first in nodes.values() or first in ends or corners.count(first) > 1
        if wire.arrow and wire.to[0] in nodes and len(wire.to) == 1:
            x, y = nodes[wire.to[0]]
            assert abs(x - last[0]) + abs(y - last[1]) < RADIUS
        elif wire.arrow and wire.to[0].startswith(OUT):
            assert last in ends
        else:
            assert corners.count(last) > 1


def test_no_wire_runs_through_a_node(graph):
    found = lay_out(graph)
    for wire in found.wires:
        passed = {wire.points[0], wire.points[-1]}
        for a, b in itertools.pairwise(wire.points):
            for node in found.nodes:
                near = any(abs(node.x - x) + abs(node.y - y) < RADIUS for x, y in passed)
                inside = (
                    min(a[0], b[0]) - RADIUS / 2 < node.x < max(a[0], b[0]) + RADIUS / 2
                    and min(a[1], b[1]) - RADIUS / 2 < node.y < max(a[1], b[1]) + RADIUS / 2
                )
                assert near or not inside, (wire.carries, node.name)


def test_states_enter_on_the_left_and_leave_on_the_right(graph):
    found = lay_out(graph)
    sides = {terminal.name: terminal.side for terminal in found.terminals}
    for state in graph.states:
        assert sides[state] == "right"
        if any(graph.by_name.get(f"{state}_prev") in node.args for node in graph.operations):
            assert sides[f"{state}_prev"] == "left"
    assert sides["x"] == "below"
    assert len(sides) == len(found.terminals)


def test_vectors_have_places_of_their_own(graph):
    found = lay_out(graph)
    shown = {spot.name for spot in found.spots} | {terminal.name for terminal in found.terminals}
    assert shown >= {node.name for node in found.nodes}
    for a, b in itertools.combinations(found.spots, 2):
        apart = a.box[2] <= b.box[0] or b.box[2] <= a.box[0] or a.box[3] <= b.box[1] or b.box[3] <= a.box[1]
        assert apart, (a.name, b.name)


def test_it_is_the_same_each_time(graph):
    assert lay_out(graph) == lay_out(graph)


@pytest.mark.parametrize("cell", cells.names())
def test_the_cells_of_the_textbooks_have_no_crossing_wires(cell):
    found = layout(cell)
    paths = [("+".join(wire.carries), wire.points) for wire in found.wires]
    joints = set(found.joints) | {(node.x, node.y) for node in found.nodes}
    assert not found.hops
    touching = sum(1 for joint in joints for _, path in paths if joint in path)
    assert crossings(paths) <= touching * touching


def test_an_lstm_looks_as_everybody_draws_it():
    found = layout("lstm")
    assert found.highway == ("c_prev", "f*c", "c")
    assert found.carried
    at = {node.name: node for node in found.nodes}
    assert {at[name].y for name in ("f*c", "c")} == {0.0}
    assert len({at[name].y for name in "figo"}) == 1
    assert at["f"].x < at["i"].x < at["g"].x < at["o"].x < at["h"].x
    assert at["f"].x == at["f*c"].x
    assert {at[name].symbol for name in "ifo"} == {"σ"}
    assert at["i"].operations == ("W_ii x", "W_hi h", "a_i", "i")


def test_a_vanilla_cell_shows_its_matrices():
    found = layout("rnn", "relu", bias=False)
    assert found.highway == ("h_prev", "W_hh h", "a", "h")
    assert not found.carried
    assert [node.symbol for node in found.nodes] == ["W", "W", "+", "ReLU"]
    assert [node.label for node in found.nodes] == ["W_ih", "W_hh", "a", ""]
