"""The frames of the weights to touch, and the run they compare with."""

import numpy as np
import pytest

from engine import ModelSpec, Network, analysis, layout
from engine.registry import cells
from gui.frames import weights as frames


def run(cell="lstm", pattern="many-to-one", **more):
    spec = ModelSpec(**{"pattern": pattern, "cell": cell, "input_size": 3, "hidden_size": 4, "output_size": 3} | more)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((5, 2, 3))
    S = 1 if pattern == "many-to-one" else 5
    cross = spec.loss == "cross-entropy"
    target = rng.integers(0, 3, (S, 2)) if cross else rng.random((S, 2, 3))
    network = Network(spec)
    return network, network.run(x, target, lengths=[5, 3])


def test_a_matrix_is_values_change_and_gradient():
    _, trace = run()
    name = "weight_hh_l0"
    before = trace.parameters[name]
    after = np.array(before)
    after[3, 1] = 7.0
    found = frames.matrix(name, after, before, trace.parameter_grads[name])
    np.testing.assert_array_equal(found.values, after)
    np.testing.assert_array_equal(found.change, after - before)
    np.testing.assert_array_equal(found.gradient, trace.parameter_grads[name])
    assert found.scale == 7.0
    assert found.change_scale == abs(7.0 - before[3, 1])


def test_a_bias_is_one_column_and_another_shape_no_change():
    found = frames.matrix("bias_ih_l0", np.ones(6), np.zeros(4), None)
    assert found.values.shape == (6, 1)
    assert not found.change.any()
    assert found.gradient is None


@pytest.mark.parametrize("cell", cells.names())
def test_a_rerun_with_the_same_parameters_is_the_same_run(cell):
    network, trace = run(cell)
    again = analysis.rerun(trace, network.parameters)
    assert again.loss == trace.loss
    for key in trace.keys():  # noqa: SIM118
        np.testing.assert_array_equal(again.value(key), trace.value(key))


def test_a_rerun_refuses_other_shapes():
    network, trace = run()
    wrong = {**network.parameters, "weight_hh_l0": np.zeros((2, 2))}
    with pytest.raises(ValueError, match="weight_hh_l0"):
        analysis.rerun(trace, wrong)


@pytest.mark.parametrize("pattern", ["many-to-one", "many-to-many"])
@pytest.mark.parametrize("sequence", [0, 1])
def test_the_effect_is_that_of_running_both(pattern, sequence):
    network, before = run(pattern=pattern)
    changed = dict(network.parameters)
    changed["weight_hh_l0"] = changed["weight_hh_l0"] + 0.5
    after = analysis.rerun(before, changed)
    found = frames.effect(before, after, sequence)
    own = Network(before.spec, changed).run(before.batch.x, before.batch.target, lengths=[5, 3])
    assert found.loss_before == before.loss
    assert found.loss_after == pytest.approx(own.loss, abs=1e-15)
    last = 0 if pattern == "many-to-one" else (4, 2)[sequence]
    label = int(before.batch.target[last, sequence])
    assert (found.output, found.label) == (last, label)
    assert found.after == pytest.approx(own.value("output.y")[last, sequence, label], abs=1e-15)
    assert found.before == before.value("output.y")[last, sequence, label]


def test_outputs_that_are_no_probabilities_have_a_loss_only():
    _, trace = run(loss="mse")
    found = frames.effect(trace, trace, 0)
    assert (found.output, found.label) == (None, None)
    assert found.loss_before == found.loss_after == trace.loss


@pytest.mark.parametrize("cell", cells.names())
def test_every_row_of_a_stacked_weight_has_a_gate_and_a_unit(cell):
    _, trace = run(cell, pattern="many-to-many", bidirectional=True, num_layers=2)
    gates = trace.graph.cell.gates or ("",)
    for name, shape in layout.shapes(trace.spec).items():
        found = [frames.meaning(trace, name, row) for row in range(shape[0])]
        if "weight_" in name or "bias_" in name:
            assert found == [(gate, unit) for gate in gates for unit in range(4)]
        else:
            assert found == [None] * shape[0]
