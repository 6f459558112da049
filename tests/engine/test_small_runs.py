"""What makes a small run fast changes no number."""

import pickle

import numpy as np
import pytest
from samples import CELLS, make_spec, problem

from engine import Network
from engine.losses import LOSSES
from engine.plan import gather
from engine.plan.compiled import compile_cell
from engine.plan.lane import LaneTape
from engine.plan.tape import Size

LOSS = LOSSES["cross-entropy"]


@pytest.mark.parametrize(
    "row",
    [(1, 2, 3), (1000, -1000, 0), (-np.inf, 1, 2), (np.inf, 1, 2), (np.nan, 1, 2), (1, np.nan, 9)],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_single_output_is_reckoned_as_many_are(row, dtype):
    logits = np.array(row, dtype).reshape(1, 1, 3)
    with np.errstate(all="ignore"):
        for target in range(3):
            one = LOSS.output_and_value(np, logits, np.array([[target]]))
            many = LOSS.output_and_value(np, np.repeat(logits, 2, axis=1), np.array([[target, target]]))
            for alone, among in zip(one, many, strict=True):
                assert alone.dtype == dtype
                np.testing.assert_allclose(alone[0, 0], among[0, 1], rtol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_parameters_are_packed_alike_either_way(cell, dtype, monkeypatch):
    network = Network(make_spec(cell=cell, dtype=dtype, num_layers=1))
    given = {name.removesuffix("_l0"): value for name, value in network.parameters.items() if name.endswith("_l0")}
    plan = compile_cell(cell, "tanh", True, False)
    H, D = given["weight_hh"].shape[1], given["weight_ih"].shape[1]
    found = []
    for small in (gather.SMALL, 0):
        monkeypatch.setattr(gather, "SMALL", small)
        tape = LaneTape(plan, Size(H, D, 1, dtype, True, False, False), 3)
        for _ in range(2):
            tape.packing.load(given)
        found.append(tape)
    assert [tape.packing.gather is not None for tape in found] == [cell != "rnn", False]  # an rnn has one block to move
    np.testing.assert_array_equal(found[0].W, found[1].W)


def test_views_follow_the_number_of_steps():
    spec = make_spec(num_layers=1, bidirectional=True)
    network = Network(spec)
    for T in (5, 3, 5, 4):
        arguments = problem(spec, T=T)
        trace = network.run(**arguments)
        assert trace.grad("l0.h").shape[0] == T
        fresh = Network(spec, network.parameters).run(**arguments)
        np.testing.assert_array_equal(trace.grad("l0_reverse.h"), fresh.grad("l0_reverse.h"))


def test_a_spec_leaves_its_hash_behind():
    spec = make_spec()
    assert hash(spec) == hash(make_spec())
    copy = pickle.loads(pickle.dumps(spec))
    assert copy == spec
    assert "_hash" not in vars(copy)
