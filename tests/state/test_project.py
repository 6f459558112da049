"""A project's sequences and the states that go with them."""

import numpy as np
import pytest

from engine.interop.imported import Imported
from engine.spec import ModelSpec
from gui.state.importing import _project
from gui.state.limits import held
from gui.state.session import compute

SPEC = ModelSpec(pattern="many-to-many", cell="gru", input_size=2, hidden_size=3, output_size=3, seed=4)


@pytest.fixture
def captured(qapp):
    """Three sequences of other lengths, with states of their own."""
    rng = np.random.default_rng(0)
    sources = tuple(rng.standard_normal((T, 2)) for T in (4, 2, 3))
    targets = tuple(rng.standard_normal((len(x), 3)) for x in sources)
    states = {"initial": "h_0", "arriving": "h_n_grad"}
    task = Imported("a file", SPEC, {}, example=sources[0])
    project = _project(task, sources, targets, "numpy", "cpu")
    return project.but(**{kind: {name: rng.standard_normal((1, 3, 3))} for kind, name in states.items()})


@pytest.mark.parametrize("places", [[0, 2], [1], [2, 1, 0]])
def test_sequences_are_chosen_with_their_states(captured, places):
    whole, part = compute(captured).trace, compute(captured.chosen(places)).trace
    for at, place in enumerate(places):
        T = len(captured.sources[place])
        np.testing.assert_allclose(part.value("l0.h")[:T, at], whole.value("l0.h")[:T, place], rtol=1e-12)
        np.testing.assert_allclose(part.grad("l0.h")[:T, at], whole.grad("l0.h")[:T, place], rtol=1e-12)
        last = part.grad("l0.h")[T - 1, at] - captured.targets[place][-1] / 3
        np.testing.assert_allclose(last, captured.arriving["h_n_grad"][0, place], rtol=1e-12)


def test_states_that_all_share_stay_shared(captured):
    shared = captured.but(initial={"h_0": np.ones((1, 3))})
    assert shared.chosen([1]).initial["h_0"].shape == (1, 3)
    assert shared.starting({"h_0": np.zeros((1, 3))})["h_0"].shape == (1, 3)
    assert shared.starting({}) == {}


def test_one_sequences_start_is_set_and_the_others_stay(captured):
    captured = captured.but(sequence=1)
    h_0 = captured.initial["h_0"]
    np.testing.assert_array_equal(captured.start["h_0"], h_0[:, 1])
    for given in ({"h_0": np.full((1, 3), 0.5)}, {}):
        found = captured.starting(given)["h_0"]
        np.testing.assert_array_equal(found[:, 1], given.get("h_0", np.zeros((1, 3))))
        np.testing.assert_array_equal(found[:, [0, 2]], h_0[:, [0, 2]])
    assert compute(captured.but(initial=captured.starting({}))).trace.loss is not None


def test_all_arrays_of_a_project_are_weighed(captured):
    arrays = [*captured.parameters.values(), *captured.sources, *captured.targets]
    arrays += [captured.initial["h_0"], captured.arriving["h_n_grad"]]
    assert sum(held(captured).values()) == sum(array.nbytes for array in arrays)
