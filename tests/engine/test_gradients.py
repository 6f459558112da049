"""Gradients against what needs no derivative: central differences, and sums worked out by hand."""

import numpy as np
import pytest
from samples import CELLS, ENGINES, every_spec, make_spec, name, problem

from engine import Network

EPS, NEAR = 1e-5, 1e-6


def loss_along(network, parameter, direction, arguments):
    """Central difference of the loss as one parameter moves in a direction."""
    found = []
    for sign in (1, -1):
        moved = {**network.parameters, parameter: network.parameters[parameter] + sign * EPS * direction}
        found.append(Network(network.spec, moved).run(**arguments).loss)
    return (found[0] - found[1]) / (2 * EPS)


def assert_differences(network, arguments, seed=0):
    """Every parameter's gradient, along a random direction."""
    trace, rng = network.run(**arguments), np.random.default_rng(seed)
    for parameter, grad in trace.parameter_grads.items():
        direction = rng.standard_normal(grad.shape)
        direction /= np.linalg.norm(direction)
        found = loss_along(network, parameter, direction, arguments)
        assert abs(found - (grad * direction).sum()) < NEAR, parameter


@pytest.mark.parametrize("spec", list(every_spec()), ids=name)
def test_every_parameter_of_every_pattern(spec):
    assert_differences(Network(spec), problem(spec, T=3, S=3, padded=True, states=True))


FREE = [s for s in every_spec(losses=("mse", "binary-cross-entropy"), num_layers=2) if s.has_feedback]


@pytest.mark.parametrize("spec", [s for s in FREE if not s.has_embedding], ids=name)
def test_free_running_feedback_is_differentiated_where_it_is_real(spec):
    network, arguments = Network(spec), problem(spec, T=2, S=4, padded=True)
    assert_differences(network, {**arguments, "teacher_forcing": False})


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_what_travels_to_a_state_is_the_derivative_of_all_that_follows(cell, engine):
    """Start the rest of the sequence from each step's recorded states, and move those."""
    spec = make_spec(cell=cell)
    network, arguments = Network(spec), problem(spec, T=5, B=2)
    x, target = arguments["x"], arguments["target"]
    trace = network.run(x, target, engine=engine)
    rng = np.random.default_rng(1)
    for t in range(4):
        start = {f"{state}_0": trace.value(f"l0.{state}")[t][None] for state in trace.graph.states}
        for state in trace.graph.states:
            direction = rng.standard_normal((1, 2, 4))
            ends = [
                network.run(
                    x[t + 1 :], target[t + 1 :], **{**start, f"{state}_0": start[f"{state}_0"] + e * direction}
                ).loss
                for e in (EPS, -EPS)
            ]
            travelled = trace.travelled(f"l0.{state}")[t]
            assert abs((ends[0] - ends[1]) / (2 * EPS) - (travelled * direction[0]).sum()) < NEAR
    for state in trace.graph.states:
        assert not trace.travelled(f"l0.{state}")[4].any()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_gradient_is_what_travelled_plus_what_the_output_adds(cell, engine):
    spec = make_spec(cell=cell)
    trace = Network(spec).run(engine=engine, **problem(spec, padded=True))
    own = trace.grad("output.logits") @ trace.parameters["output.weight"]
    np.testing.assert_allclose(trace.grad("l0.h"), trace.travelled("l0.h") + own, atol=1e-12)


@pytest.mark.parametrize("both", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_operation_has_autograds_gradient(cell, engine, both):
    """Walk the cell's graph on tensors here, keep every node's gradient, and ask the trace for each by its name."""
    torch = pytest.importorskip("torch")
    spec = make_spec(cell=cell, bidirectional=both)
    network, arguments = Network(spec), problem(spec, T=4)
    trace, graph = network.run(engine=engine, **arguments), network.run(arguments["x"]).graph
    parameters = {n: torch.tensor(v) for n, v in network.parameters.items()}
    x = torch.tensor(arguments["x"], requires_grad=True)
    nodes, hidden = {}, []
    for lane in trace.lanes.values():
        blocks = graph.blocks(
            {n: parameters[lane.parameter(n)] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}, "", 4
        )
        carried = {s: torch.zeros(3, 4, dtype=torch.float64) for s in graph.states}
        h = [None] * 4
        for t in reversed(range(4)) if lane.reverse else range(4):
            # Copies, so that each node is a tensor of its own.
            given = {**blocks, "x": x[t].clone()} | {
                f"{s}_prev": v.clone().requires_grad_() for s, v in carried.items()
            }
            values = graph.evaluate(torch, given)
            for node in graph.nodes:
                if torch.is_tensor(values[node.index]) and values[node.index].requires_grad:
                    values[node.index].retain_grad()
                    nodes[lane.prefix, node.name, t] = values[node.index]
            carried = {s: values[graph.named[s]] for s in graph.states}
            h[t] = carried["h"]
        hidden.append(torch.stack(h))
    logits = torch.cat(hidden, -1) @ parameters["output.weight"].T + parameters["output.bias"]
    target = torch.tensor(arguments["target"])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum") / 3
    loss.backward()
    assert len(nodes) > 10
    for (prefix, operation, t), tensor in nodes.items():
        key = f"{prefix}.{operation}"
        np.testing.assert_allclose(trace.value(key)[t], tensor.detach().numpy(), atol=1e-12, err_msg=key)
        grad = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        np.testing.assert_allclose(trace.grad(key)[t], grad, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_linear_unit_by_hand(engine):
    """h_t = w h_{t−1} + x_t with one unit: h_T = Σ w^{T−t} x_t, and L = (v h_T − ŷ)²."""
    spec = make_spec(pattern="many-to-one", cell="rnn", nonlinearity="identity", input_size=1, hidden_size=1,
                     output_size=1, loss="mse", bias=False)  # fmt: skip
    w, v, goal, x, T = 0.8, 1.5, 0.3, np.array([1.0, -2.0, 0.5, 3.0]), 4
    given = {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[w]], "output.weight": [[v]], "output.bias": [0.0]}
    trace = Network(spec, given).run(x[:, None], [[goal]], engine=engine)
    powers = w ** np.arange(T - 1, -1, -1.0)
    h = [sum(w ** (t - k) * x[k] for k in range(t + 1)) for t in range(T)]
    error = 2 * (v * h[-1] - goal)
    np.testing.assert_allclose(trace.value("l0.h").ravel(), h)
    np.testing.assert_allclose(trace.loss, (v * h[-1] - goal) ** 2)
    np.testing.assert_allclose(trace.grad("l0.h").ravel(), error * v * powers)
    np.testing.assert_allclose(trace.parameter_grads["weight_ih_l0"].item(), error * v * (powers @ x))
    slope = sum((T - 1 - k) * w ** (T - 2 - k) * x[k] for k in range(T - 1))
    np.testing.assert_allclose(trace.parameter_grads["weight_hh_l0"].item(), error * v * slope)
    np.testing.assert_allclose(trace.parameter_grads["output.weight"].item(), error * h[-1])
    np.testing.assert_allclose(trace.travelled("l0.h").ravel(), [*(error * v * powers[:-1]), 0])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_constant_error_carousel(engine):
    """A forget gate held open and no recurrent weights: ∂L/∂c is the same at every step (Hochreiter 1997)."""
    spec = make_spec(pattern="many-to-one", hidden_size=2, bias=True)
    network = Network(spec)
    parameters = {
        **network.parameters,
        "weight_hh_l0": np.zeros((8, 2)),
        "weight_ih_l0": network.parameters["weight_ih_l0"] * 0.1,
    }
    bias = np.zeros(8)
    bias[2:4] = 50.0
    parameters |= {"bias_ih_l0": bias, "bias_hh_l0": np.zeros(8)}
    trace = Network(spec, parameters).run(np.random.default_rng(0).standard_normal((30, 1, 2)), [[1]], engine=engine)
    grad = trace.grad("l0.c")[:, 0]
    np.testing.assert_allclose(grad, np.broadcast_to(grad[-1], grad.shape), rtol=1e-12)
    assert abs(grad).min() > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("spec"), list(every_spec(patterns=("many-to-one",), cell_names=("rnn",))), ids=name)
def test_losses_by_their_definitions(spec, engine):
    arguments = problem(spec)
    trace = Network(spec).run(engine=engine, **arguments)
    logits, y, target = trace.value("output.logits"), trace.value("output.y"), arguments["target"]
    if spec.loss == "cross-entropy":
        wanted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        losses = -np.log(np.take_along_axis(wanted, target[..., None], -1)[..., 0])
    elif spec.loss == "mse":
        wanted, losses = logits, ((logits - target) ** 2).mean(-1)
    elif spec.loss == "linear":
        wanted, losses = logits, (logits * target).sum(-1)
    else:
        wanted = 1 / (1 + np.exp(-logits))
        losses = -(target * np.log(wanted) + (1 - target) * np.log(1 - wanted)).mean(-1)
    np.testing.assert_allclose(y, wanted, rtol=1e-12)
    np.testing.assert_allclose(trace.value("loss")[..., 0], losses, rtol=1e-10)
