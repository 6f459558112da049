"""Truncation, clipping, largest singular values, and where a run stops being numbers."""

import numpy as np
import pytest

from engine import ModelSpec, Network, analysis
from engine.optimizers import global_norm
from engine.registry import cells

CELLS = cells.names()


def run(cell="rnn", pattern="many-to-many", T=7, lengths=None, **facts):
    spec = ModelSpec(**{"pattern": pattern, "cell": cell, "input_size": 3, "hidden_size": 4, "output_size": 3} | facts)
    rng = np.random.default_rng(1)
    steps = 1 if pattern == "many-to-one" else T
    return Network(spec).run(rng.standard_normal((T, 2, 3)), rng.integers(0, 3, (steps, 2)), lengths=lengths)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pattern", ["many-to-one", "many-to-many"])
@pytest.mark.parametrize("lengths", [None, [7, 3]])
def test_truncation_detaches_every_k_steps_as_torch_does(cell, pattern, lengths):
    torch = pytest.importorskip("torch")
    trace = run(cell, pattern, num_layers=2, lengths=lengths)
    H, k = 4, 3
    layers = getattr(torch.nn, cell.upper())(3, H, 2, dtype=torch.float64)
    layers.load_state_dict({n: torch.tensor(v) for n, v in trace.parameters.items() if not n.startswith("output")})
    W, b = (torch.tensor(trace.parameters[f"output.{n}"], requires_grad=True) for n in ("weight", "bias"))
    state, outputs = None, []
    real = lengths or [7, 7]
    for t in range(7):
        if t > 0 and (7 - t) % k == 0:
            state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        _, after = layers(torch.tensor(trace.batch.x[t : t + 1]), state)
        keep = torch.tensor([t < n for n in real])[None, :, None]
        if state is not None:
            pairs = zip(after, state, strict=True) if isinstance(after, tuple) else [(after, state)]
            held = [torch.where(keep, new, old) for new, old in pairs]
            after = tuple(held) if isinstance(after, tuple) else held[0]
        state = after
        outputs.append((after[0] if isinstance(after, tuple) else after)[-1])
    target, loss = torch.tensor(trace.batch.target), 0.0
    for s, t in enumerate(trace.output_steps):
        each = torch.nn.functional.cross_entropy(outputs[t] @ W.T + b, target[s], reduction="none")
        loss = loss + (each * torch.tensor(trace.batch.weights[s])).sum()
    loss.backward()
    found = analysis.truncated(trace, k)
    for name, parameter in layers.named_parameters():
        np.testing.assert_allclose(found[name], parameter.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(found["output.weight"], W.grad.numpy(), atol=1e-12)


def test_truncation_after_everything_is_the_gradient():
    trace = run("lstm")
    for name, grad in analysis.truncated(trace, 7).items():
        np.testing.assert_allclose(grad, trace.parameter_grads[name], atol=1e-13)
    with pytest.raises(ValueError, match="one-directional"):
        analysis.truncated(run(bidirectional=True), 2)
    with pytest.raises(ValueError, match="k=0"):
        analysis.truncated(trace, 0)


def test_clipping_tells_both_norms():
    trace = run()
    before = global_norm(trace.parameter_grads)
    grads, was, now = analysis.clipped(trace, before / 2)
    assert was == before and now == pytest.approx(before / 2)
    np.testing.assert_allclose(grads["weight_hh_l0"], trace.parameter_grads["weight_hh_l0"] / 2)


@pytest.mark.parametrize("cell", CELLS)
def test_largest_singular_values_come_near(cell):
    trace = run(cell, hidden_size=40, lengths=[7, 5])
    exact = analysis.largest_singular_values(trace, exact=True)
    near = analysis.largest_singular_values(trace)
    np.testing.assert_allclose(exact, np.linalg.svd(analysis.jacobians(trace))[1][..., 0], rtol=1e-12)
    assert (near <= exact * (1 + 1e-9)).all()
    np.testing.assert_allclose(near, exact, rtol=3e-3)


def test_the_first_value_that_is_not_finite_is_found_where_it_arises():
    assert analysis.first_not_finite(run("lstm")) is None
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=2, hidden_size=3, output_size=2, nonlinearity="relu",
                     init="identity", dtype="float32")  # fmt: skip
    parameters = {"weight_hh_l0": 1.5 * np.eye(3), "weight_ih_l0": np.abs(Network(spec).parameters["weight_ih_l0"])}
    trace = Network(spec, parameters).run(np.ones((260, 2)), [0])
    found = analysis.first_not_finite(trace)
    h = trace.value("l0.h")[:, 0]
    first = int(np.flatnonzero(~np.isfinite(h).all(1))[0])
    assert 200 <= first <= 230
    assert (found.step, found.gradient, found.event.phase) == (first, False, "forward")
    assert found.key.startswith("l0.") and not np.isfinite(found.value)
    assert np.isfinite(trace.value("l0.h")[first - 1]).all()


def test_a_gradient_that_is_not_finite_is_found_in_the_backward_pass():
    spec = ModelSpec(pattern="many-to-one", cell="rnn", input_size=1, hidden_size=2, output_size=2,
                     nonlinearity="identity", dtype="float32")  # fmt: skip
    parameters = {"weight_hh_l0": np.eye(2) * 1e10, "bias_ih_l0": np.zeros(2), "bias_hh_l0": np.zeros(2)}
    trace = Network(spec, parameters).run(np.zeros((8, 1)), [0])
    found = analysis.first_not_finite(trace)
    assert found.gradient and found.event.phase == "backward" and np.isinf(found.value)
    assert np.isfinite(trace.grad("l0.h")[found.step + 1]).all()
