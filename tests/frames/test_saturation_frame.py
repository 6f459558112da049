"""Saturation against numpy: the derivative of each nonlinearity at its argument, averaged over the units."""

import numpy as np
import pytest

from engine import ModelSpec, Network
from engine.narration import Words
from engine.registry import cells
from gui.frames.saturation import saturation
from gui.frames.sheet import Sheet

SLOPES = {
    "σ": lambda z: 0.25 / np.cosh(z / 2) ** 2,
    "tanh": lambda z: 1 / np.cosh(z) ** 2,
    "relu": lambda z: np.asarray(z > 0, float),
    "identity": np.ones_like,
}


def run(cell, **more):
    spec = ModelSpec(
        **{"pattern": "many-to-many", "cell": cell, "input_size": 3, "hidden_size": 4, "output_size": 3} | more
    )
    rng = np.random.default_rng(1)
    return Network(spec).run(3 * rng.standard_normal((6, 2, 3)), rng.integers(0, 3, (6, 2)), lengths=[6, 4])


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("both", [False, True])
def test_every_slope_is_that_of_its_argument(cell, both):
    trace = run(cell, bidirectional=both, num_layers=2)
    sheet = Sheet(trace, Words())
    for layer, direction in sheet.directions:
        rows = saturation(trace, sheet.progress, layer, direction, 1)
        assert [row.name for row in rows] == [n.name for n in trace.graph.operations if n.op.name in SLOPES]
        assert len({row.selects for row in rows}) == len(rows)
        for row in rows:
            (stretch,) = row.stretches
            node = trace.graph.node(row.name)
            argument = trace.value(f"{stretch.prefix}.{trace.graph.nodes[node.args[0]].name}")[:, 1]
            expected = SLOPES[row.function](argument).mean(axis=-1)
            np.testing.assert_allclose(stretch.slopes[:4], expected[:4], rtol=1e-10)
            assert stretch.padding.tolist() == [False] * 4 + [True] * 2
            assert stretch.slopes.max() <= row.steepest
            assert row.selects in trace.graph.recorded


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "identity"])
def test_the_vanilla_cell_has_one_row(nonlinearity):
    trace = run("rnn", nonlinearity=nonlinearity)
    sheet = Sheet(trace, Words())
    (row,) = saturation(trace, sheet.progress, 0, "forward", 0)
    h = trace.value("l0.h")[:, 0]
    expected = {"tanh": 1 - h**2, "relu": h > 0, "identity": np.ones_like(h)}[nonlinearity].mean(axis=-1)
    np.testing.assert_allclose(row.stretches[0].slopes, expected)
    assert (row.name, row.function, row.steepest) == ("h", nonlinearity, 1.0)


def test_every_part_has_its_stretch():
    spec = ModelSpec(
        pattern="sequence-to-sequence", cell="gru", input_size=3, hidden_size=4, output_size=3, vocab_size=5,
        embedding_size=3,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    trace = Network(spec).run(rng.integers(0, 5, (4, 1)), rng.integers(0, 3, (3, 1)))
    sheet = Sheet(trace, Words())
    for row in saturation(trace, sheet.progress, 0, "forward", 0):
        assert [s.prefix for s in row.stretches] == ["encoder.l0", "decoder.l0"]
        assert [s.first for s in row.stretches] == [0, 4]
        assert row.stretch("decoder.l0") is row.stretches[1]
