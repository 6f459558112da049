"""Training: deterministic, masked, clipped, stoppable, and Adam is torch's Adam."""

import numpy as np
import pytest

from engine import ModelSpec, Network
from engine.optimizers import Adam, clip_by_norm, global_norm
from engine.training import TrainingError, select, train

SPEC = ModelSpec(pattern="many-to-one", cell="gru", input_size=3, hidden_size=8, output_size=2, init="orthogonal")


def first_sign(count=64, T=6, seed=1):
    """Class 1 where the first input is positive: it has to be remembered over all steps."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((T, count, 3))
    return {"x": x, "target": (x[0, :, 0] > 0).astype(int)[None], "lengths": rng.integers(2, T + 1, count)}


def test_it_learns_and_reports():
    events = list(train(Network(SPEC), first_sign(384), epochs=10, batch_size=32, learning_rate=0.02,
                        evaluate=lambda network: {"score": network.run(**first_sign(seed=2)).loss}))  # fmt: skip
    epochs = [event for event in events if event.kind != "step"]
    assert [event.kind for event in epochs] == ["epoch"] * 9 + ["done"]
    assert epochs[-1].loss < 0.2 < 0.6 < epochs[0].loss
    assert epochs[-1].scores["score"] < 0.6 and not epochs[0].scores
    assert events[-1].step == events[-1].steps == 10 * 12


def test_same_seed_same_parameters_and_the_network_is_untouched():
    network = Network(SPEC)
    before = {name: value.copy() for name, value in network.parameters.items()}
    one, two, other = (list(train(network, first_sign(), epochs=2, seed=s))[-1].parameters for s in (3, 3, 4))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert any(not np.array_equal(one[name], other[name]) for name in one)
    assert all(np.array_equal(before[name], network.parameters[name]) for name in before)


def test_closing_stops_it():
    events = train(Network(SPEC), first_sign(), epochs=1000)
    assert next(events).kind == "step"
    events.close()
    with pytest.raises(StopIteration):
        next(events)


def test_adam_is_torchs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    ours = {"w": rng.standard_normal((3, 4))}
    theirs = torch.tensor(ours["w"].copy(), requires_grad=True)
    adam, reference = Adam(ours, weight_decay=0.1), torch.optim.AdamW([theirs], lr=0.03, weight_decay=0.1)
    for _ in range(20):
        grad = rng.standard_normal((3, 4))
        theirs.grad = torch.tensor(grad)
        adam.step({"w": grad}, 0.03)
        reference.step()
    np.testing.assert_allclose(ours["w"], theirs.detach().numpy(), rtol=1e-12)


def test_clipping_scales_everything_together():
    grads = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}
    clipped, norm = clip_by_norm(grads, 1.0)
    assert norm == 5.0 and global_norm(clipped) == pytest.approx(1.0)
    np.testing.assert_allclose(clipped["b"], [[0.8]])
    assert clip_by_norm(grads, None)[0]["a"] is grads["a"]
    assert global_norm({"a": np.full(4, 1e30, np.float32)}) == pytest.approx(2e30)


def test_select_cuts_padding():
    data = {"x": np.zeros((6, 4, 3)), "target": np.zeros((6, 4), int), "lengths": np.array([6, 2, 3, 1])}
    found = select(data, np.array([1, 2]))
    assert found["x"].shape == (3, 2, 3) and found["target"].shape == (3, 2)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"epochs": 1, "batch_size": 0}, {"epochs": 1, "learning_rate": -1.0}])
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        next(train(Network(SPEC), first_sign(), **wrong))


def test_a_loss_that_is_not_finite_stops_with_a_sentence():
    data = first_sign()
    data["x"][0, 0, 0] = np.nan
    with pytest.raises(TrainingError, match="step 1"):
        list(train(Network(SPEC), data, epochs=1, batch_size=64))
