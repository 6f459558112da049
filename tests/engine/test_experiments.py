"""The experiments show what they say, measured on their own runs."""

import numpy as np
import pytest

from engine import Network, analysis, tasks
from engine.tasks import experiments

NAMES = experiments.names()


def run(name):
    task = tasks.get(name)
    network = Network(task.spec(task.cell), task.weights(task.cell)[0])
    return network.run(**task.collate([task.encode(task.example, task.example_target)])), network


def log_products(name):
    trace, network = run(name)
    return analysis.product_norms(trace, 100)[0], network


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_opens_in_every_cell_and_is_the_same_each_time(name):
    task = tasks.get(name)
    np.testing.assert_array_equal(task.example, task.example)
    first, again = task.weights("rnn")[0], task.weights("rnn")[0]
    assert all(np.array_equal(first[key], again[key]) for key in first)
    assert task.fact and task.title and task.spec("lstm").cell == "lstm" and task.weights("lstm") is None
    assert run(name)[0].loss is not None
    with pytest.raises(ValueError, match="shape"):
        task.encode(np.zeros((3, 9)))
    for wrong in (np.ones((3, 4), complex), np.full((3, 4), "1")):
        with pytest.raises(ValueError, match="real numbers"):
            task.encode(wrong)
    assert task.encode(np.full((3, 4), 1e300)).x.dtype == task.spec("rnn").dtype


@pytest.mark.parametrize(
    ("name", "factor"), [("linear-vanishes", 0.9), ("linear-stays", 1.0), ("linear-explodes", 1.1)]
)
def test_a_linear_orthogonal_network_is_a_power(name, factor):
    logs, network = log_products(name)
    np.testing.assert_allclose(logs, np.arange(101) * np.log(factor), atol=1e-9)
    assert np.exp(logs[100]) == pytest.approx({0.9: 2.656e-5, 1.0: 1, 1.1: 1.378e4}[factor], rel=1e-3)
    assert analysis.spectral_radius(network) == pytest.approx(factor)


def test_saturation_decides_not_the_spectral_radius():
    driven, network = log_products("tanh-driven")
    assert analysis.spectral_radius(network) == pytest.approx(1.1)
    assert driven[100] < 0
    resting, network = log_products("tanh-at-rest")
    assert resting[100] == pytest.approx(100 * np.log(1.1))


def test_a_jordan_block_explodes_inside_the_unit_circle():
    logs, network = log_products("jordan-block")
    assert analysis.spectral_radius(network) == pytest.approx(0.9, abs=1e-6)
    assert np.exp(logs[100]) == pytest.approx(2.8e35, rel=0.02)


def test_a_gaussian_matrix_rises_first_then_decays():
    logs, network = log_products("gaussian")
    assert analysis.spectral_radius(network) == pytest.approx(0.95)
    assert analysis.singular_values(network)[0] == pytest.approx(1.9, abs=0.15)
    assert logs.max() > np.log(1.5) and logs[100] < 0
    assert 0 < int(logs.argmax()) < 20


@pytest.mark.parametrize("name", NAMES)
def test_the_bound_of_pascanu_holds_at_every_step(name):
    trace, network = run(name)
    sigma = analysis.singular_values(network)[0]
    T = min(150, trace.batch.T)
    logs = analysis.product_norms(trace, T - 1)[0]
    assert (logs <= np.arange(T) * np.log(sigma) + 1e-6 * np.arange(T) + 1e-9).all()


def test_relu_overflows_by_about_step_220_and_is_found():
    trace, _ = run("relu-overflow")
    found = analysis.first_not_finite(trace)
    assert found is not None and 210 <= found.step <= 225
    assert found.event.phase == "forward" and "l0." in found.key
    assert "infinity" in trace.narrate(trace.events.token(found.step)) or "not a number" in trace.narrate(
        trace.events.token(found.step)
    )
