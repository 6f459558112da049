"""What each step adds to every parameter's gradient, and what the Jacobian panel shows, against torch.autograd."""

import numpy as np
import pytest
from test_analysis import run

from engine import analysis
from engine.registry import cells
from gui.frames import lab_jacobian, lab_update


@pytest.mark.parametrize("cell", cells.names())
def test_each_steps_share_of_a_gradient_is_that_of_its_own_copy_of_the_parameter(cell):
    torch = pytest.importorskip("torch")
    trace = run(cell, T=4, B=2)
    graph, H, T = trace.graph, trace.spec.hidden_size, 4
    copies = [{n: torch.tensor(v, requires_grad=True) for n, v in trace.parameters.items()} for _ in range(T)]
    states = {f"{state}_prev": torch.zeros(2, H, dtype=torch.float64) for state in graph.states}
    x, target, loss = torch.tensor(trace.batch.x), torch.tensor(trace.batch.target), 0.0
    for t, own in enumerate(copies):
        stacked = {name.removesuffix("_l0"): value for name, value in own.items()}
        nodes = graph.evaluate(torch, {**graph.blocks(stacked, "", H), **states, "x": x[t]})
        states = {f"{state}_prev": nodes[graph.named[state]] for state in graph.states}
        logits = states["h_prev"] @ own["output.weight"].T + own["output.bias"]
        loss = loss + torch.nn.functional.cross_entropy(logits, target[t])
    loss.backward()
    assert float(loss.detach()) == pytest.approx(trace.loss, rel=1e-12)
    for name, whole in trace.parameter_grads.items():
        parts = np.array([own[name].grad.numpy() for own in copies])
        np.testing.assert_allclose(analysis.contributions(trace, name), parts, rtol=0, atol=1e-12)
        frame = lab_update.update(trace, name, lab_update.STEPS)
        axes = tuple(range(1, parts.ndim))
        np.testing.assert_allclose(frame.norms, np.sqrt((parts**2).sum(axes)), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(frame.shares, (parts * whole).sum(axes) / (whole**2).sum(), rtol=1e-9, atol=1e-13)
        assert frame.size == pytest.approx(np.linalg.norm(whole))


@pytest.mark.parametrize("cell", cells.names())
def test_what_the_jacobian_panel_shows_is_the_product_of_autograds_jacobians(cell):
    torch = pytest.importorskip("torch")
    trace = run(cell, T=5, B=2)
    graph, replay, n = trace.graph, trace.replay("l0"), trace.spec.hidden_size * len(trace.graph.states)
    given = {m.name: torch.tensor(replay.nodes[m.index]) for m in graph.nodes if m.op.name in ("weight", "bias")}
    names = [f"{state}_prev" for state in graph.states]

    def jacobian(t):
        def step(*states):
            known = {**given, "x": torch.tensor(trace.batch.x[t, 1]), **dict(zip(names, states, strict=True))}
            nodes = graph.evaluate(torch, known)
            return tuple(nodes[graph.named[state]] for state in graph.states)

        states = tuple(torch.tensor(np.asarray(replay.value(name))[t, 1]) for name in names)
        blocks = torch.autograd.functional.jacobian(step, states)
        return np.block([[block.numpy() for block in row] for row in blocks])

    frame = lab_jacobian.jacobian(trace, "l0", 3, 1, True, 4)
    J, product = jacobian(3), np.eye(n)
    np.testing.assert_allclose(frame.block, J, rtol=0, atol=1e-12)
    np.testing.assert_allclose(frame.singular, np.linalg.svd(J, compute_uv=False), rtol=1e-9, atol=1e-12)
    expected = np.linalg.eigvals(J)
    np.testing.assert_allclose(np.poly(frame.eigenvalues), np.poly(expected), rtol=0, atol=1e-9)
    for k, logarithm in enumerate(frame.products):
        assert 10.0**logarithm == pytest.approx(np.linalg.norm(product, 2), rel=1e-9)
        product = product @ jacobian(4 - k)
    if cell == "rnn":
        sigma = np.linalg.svd(trace.parameters["weight_hh_l0"], compute_uv=False)[0]
        np.testing.assert_allclose(frame.bound, np.arange(len(frame.products)) * np.log10(sigma), rtol=1e-9)
        assert (frame.products <= frame.bound + 1e-12).all() and frame.sigma == pytest.approx(sigma)
