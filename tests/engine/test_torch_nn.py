"""Every engine equals torch.nn.RNN, GRU and LSTM: values, final states, gradients of states, gates and parameters."""

import numpy as np
import pytest
from samples import ENGINES, assert_close, every_spec, make_spec, name, problem

from engine import Network

torch = pytest.importorskip("torch")
from references import TWINS, Reference, module  # noqa: E402

TIGHT = 1e-10


def compare(network, engine, tolerance=TIGHT, **arguments):
    """Run both and compare everything that torch.nn shows."""
    spec = network.spec
    trace, theirs = network.run(engine=engine, **arguments), Reference(network, **arguments)
    assert_close(trace.loss, theirs.loss, tolerance, "loss")
    scored = theirs.scored[..., None]
    assert_close(trace.value("output.logits"), theirs.logits * scored, tolerance, "logits")
    for parameter, grad in theirs.grads.items():
        assert_close(trace.parameter_grads[parameter], grad, tolerance, f"gradient of {parameter}")
    part = trace.timeline.output_part
    top = [lane for lane in trace.lanes.values() if lane.part == part and lane.layer == spec.num_layers - 1]
    mask = trace.batch.step_mask(part)
    hidden = np.concatenate([trace.value(lane.key("h")) for lane in top], -1)
    assert_close(hidden * (1 if mask is None else mask[..., None]), theirs.out, tolerance, "output of the top layer")
    reading = [lane for lane in trace.lanes.values() if lane.part == trace.timeline.parts[0]]
    for i, state in enumerate(trace.graph.states):
        ours = np.stack([trace.value(lane.key(state))[0 if lane.reverse else -1] for lane in reading])
        assert_close(ours, theirs.last[i], tolerance, f"final {state}")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spec", list(every_spec(cell_names=TWINS, num_layers=2, output_size=4)), ids=name)
def test_every_pattern(spec, engine):
    compare(Network(spec), engine, **problem(spec, padded=True))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("states", [False, True], ids=["zeros", "given"])
@pytest.mark.parametrize("both", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("cell", TWINS)
def test_layers_directions_lengths_and_initial_states(cell, layers, both, states, padded, engine):
    spec = make_spec(cell=cell, num_layers=layers, bidirectional=both, input_size=3)
    compare(Network(spec), engine, **problem(spec, T=6, B=4, padded=padded, states=states))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("cell", TWINS)
def test_nonlinearity_bias_and_float32(cell, nonlinearity, bias, engine):
    facts = {"nonlinearity": nonlinearity, "bias": bias, "dtype": "float32", "hidden_size": 16}
    spec = make_spec(cell=cell, pattern="many-to-one", **facts)
    compare(Network(spec), engine, 1e-4, **problem(spec, T=30, padded=True))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", TIGHT), ("float32", 1e-4)])
@pytest.mark.parametrize("cell", TWINS)
def test_two_hundred_steps(cell, dtype, tolerance, engine):
    spec = make_spec(cell=cell, hidden_size=16, num_layers=2, dtype=dtype)
    compare(Network(spec), engine, tolerance, **problem(spec, T=200, B=2))


def one_step_modules(spec, network, x):
    """torch.nn modules of one layer, direction and step each, so that autograd shows what lies between the steps.

    Returns the loss's graph: states by key and step, and each step's own copy of ``bias_ih``, whose gradient is that
    of the pre-activations.
    """
    current = torch.tensor(x)
    states, biases = {}, {}
    for layer in range(spec.num_layers):
        columns = []
        for suffix in ("", "_reverse")[: spec.num_directions]:
            prefix, T = f"l{layer}{suffix}", len(x)
            own = {n.removesuffix("_reverse").replace(f"_l{layer}", "_l0"): v for n, v in network.parameters.items()
                   if n.endswith(f"_l{layer}{suffix}")}  # fmt: skip
            carried, outputs = None, [None] * T
            for t in range(T - 1, -1, -1) if suffix else range(T):
                step = module(spec, own, input_size=current.shape[-1], layers=1)
                _, carried = step(current[t : t + 1], carried)
                for key, value in zip("hc", carried if isinstance(carried, tuple) else (carried,), strict=False):
                    value.retain_grad()
                    states.setdefault(f"{prefix}.{key}", [None] * T)[t] = value
                biases.setdefault(prefix, [None] * T)[t] = step.bias_ih_l0
                outputs[t] = states[f"{prefix}.h"][t][0]
            columns.append(torch.stack(outputs))
        current = torch.cat(columns, -1)
    return current, states, biases


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("both", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", TWINS)
def test_gradients_of_states_and_gates(cell, layers, both, engine):
    spec = make_spec(cell=cell, num_layers=layers, bidirectional=both)
    network, arguments = Network(spec), problem(spec, B=1)
    trace = network.run(engine=engine, **arguments)
    top, states, biases = one_step_modules(spec, network, arguments["x"])
    head = [torch.tensor(network.parameters[n]) for n in ("output.weight", "output.bias")]
    logits = top @ head[0].T + head[1]
    torch.nn.functional.cross_entropy(logits[:, 0], torch.tensor(arguments["target"][:, 0]), reduction="sum").backward()
    for key, steps in states.items():
        assert_close(trace.value(key), torch.cat(steps).detach().numpy(), TIGHT, key)
        arrived = torch.cat([torch.zeros_like(step) if step.grad is None else step.grad for step in steps]).numpy()
        if key.endswith(".c"):  # torch.nn hides that h_t reads c_t: what it shows came through time
            assert_close(trace.travelled(key), arrived, TIGHT, f"what travels to {key}")
            lane, c = key[:-2], trace.value(key)
            own = trace.grad(f"{lane}.h") * trace.value(f"{lane}.o") * (1 - np.tanh(c) ** 2)
            arrived = arrived + own
        assert_close(trace.grad(key), arrived, TIGHT, f"gradient of {key}")
    gates = trace.graph.cell.gates
    for prefix, steps in biases.items():
        arrived = torch.stack([step.grad for step in steps])[:, None].numpy()
        for i, gate in enumerate(gates or ("",)):
            block = arrived[..., i * 4 : (i + 1) * 4]
            key = f"{prefix}.a_{gate}" if gate else f"{prefix}.a"
            assert_close(trace.grad(key), block, TIGHT, f"gradient of {key}")
            if gate:
                value = trace.value(f"{prefix}.{gate}")
                squashed = trace.graph.node(gate).op.name
                slope = value * (1 - value) if squashed == "σ" else 1 - value**2
                assert_close(trace.grad(f"{prefix}.{gate}") * slope, block, TIGHT, f"gradient of {prefix}.{gate}")


@pytest.mark.parametrize("both", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", TWINS)
def test_a_state_dict_goes_in_and_out(cell, layers, both):
    spec = make_spec(cell=cell, num_layers=layers, bidirectional=both)
    twin = getattr(torch.nn, cell.upper())(2, 4, layers, bidirectional=both, dtype=torch.float64)
    network = Network(spec, twin.state_dict())
    for parameter, value in twin.state_dict().items():
        assert np.array_equal(network.parameters[parameter], value.numpy())
    x = np.random.default_rng(0).standard_normal((5, 3, 2))
    trace = network.run(x)
    out = twin(torch.tensor(x))[0].detach().numpy()
    top = [lane.key("h") for lane in trace.lanes.values() if lane.layer == layers - 1]
    assert_close(np.concatenate([trace.value(key) for key in top], -1), out, TIGHT)
    back = {n: torch.tensor(v) for n, v in network.parameters.items() if not n.startswith("output.")}
    assert list(back) == list(twin.state_dict())
    twin.load_state_dict(back)
