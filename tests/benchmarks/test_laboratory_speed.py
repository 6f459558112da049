"""The laboratory's analyses against the naive way in torch autograd; not run by make test (see the Makefile).

Each measures both and prints how many times as fast the analysis is; the aims are those of the issue. Both sides
compute in float32, torch's default, on one thread: a tanh cell with 32 inputs and 8 classes.
"""

import time

import numpy as np
import pytest

from engine import ModelSpec, Network, analysis

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
SAMPLED = 20
"""Of a thousand backward passes one in so many is measured."""


def run(T, H):
    spec = ModelSpec(pattern="many-to-many", cell="rnn", input_size=32, hidden_size=H, output_size=8, dtype="float32")
    rng = np.random.default_rng(0)
    trace = Network(spec).run(rng.standard_normal((T, 1, 32)), rng.integers(0, 8, (T, 1)))
    trace.replay("l0")
    return trace


def unrolled(trace):
    """The same run in torch: states and losses, their graph kept."""
    H = trace.spec.hidden_size
    cell, head = torch.nn.RNNCell(32, H), torch.nn.Linear(H, 8)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict({name: torch.tensor(trace.parameters[f"{name}_l0"]) for name in names})
    head.load_state_dict({name: torch.tensor(trace.parameters[f"output.{name}"]) for name in ("weight", "bias")})
    x, y = torch.tensor(trace.batch.x, dtype=torch.float32), torch.tensor(trace.batch.target)
    h, states, losses = torch.zeros(1, H), [], []
    for t in range(len(x)):
        h = cell(x[t], h)
        states.append(h)
        losses.append(torch.nn.functional.cross_entropy(head(h), y[t]))
    return cell, x, states, losses


def naive_flow(trace, every=1):
    """Seconds of one backward pass for each loss, and the rows it gave."""
    _, _, states, losses = unrolled(trace)
    rows, begun = {}, time.perf_counter()
    for s in range(every // 2, len(losses), every):
        grads = torch.autograd.grad(losses[s], states[: s + 1], retain_graph=True)
        rows[s] = torch.stack([grad.norm() for grad in grads]).numpy()
    return (time.perf_counter() - begun) * every, rows


def best(function, rounds):
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return min(times)


@pytest.mark.parametrize(
    ("T", "H", "drop", "aim"),
    [(100, 64, 0.0, 60), (1000, 64, 0.0, 100), (1000, 64, 1e-6, 500), (1000, 256, 1e-6, 100)],
    ids=["exact 100x64", "exact 1000x64", "approximate 1000x64", "approximate 1000x256"],
)
def test_flow_of_every_loss(benchmark, T, H, drop, aim):
    trace = run(T, H)
    every = 1 if T == 100 else SAMPLED
    flow = benchmark(lambda: analysis.gradient_flow(trace, drop=drop))
    naive = taken = np.inf
    for _ in range(8 if T == 100 else 1):  # turn by turn: what else the machine does slows both
        seconds, rows = naive_flow(trace, every)
        naive = min(naive, seconds)
        taken = min(taken, best(lambda: analysis.gradient_flow(trace, drop=drop), 8 if T == 100 else 5))
    for s, row in rows.items():
        np.testing.assert_allclose(flow[s, : s + 1], row, rtol=1e-3, atol=1e-5 if drop else 1e-9)
    report(benchmark, naive, taken, aim)


@pytest.mark.parametrize("full", [False, True], ids=["one Jacobian a step", "with all singular values"])
def test_jacobians_of_every_step(benchmark, full):
    trace = run(100, 64)
    cell, x, states, _ = unrolled(trace)
    begun, found = time.perf_counter(), []
    for t in range(1, 100):
        J = torch.autograd.functional.jacobian(lambda h, t=t: cell(x[t], h), states[t - 1].detach())[0, :, 0]
        found.append(J.numpy())
        if full:
            torch.linalg.svdvals(J)
    naive = time.perf_counter() - begun

    def ours():
        J = analysis.jacobians(trace)
        return np.linalg.svd(J, compute_uv=False) if full else J

    benchmark(ours)
    np.testing.assert_allclose(analysis.jacobians(trace)[1:, 0], found, atol=1e-5)
    report(benchmark, naive, best(ours, 5), None)


@pytest.mark.parametrize(("T", "H", "aim"), [(100, 64, 10), (1000, 256, 40)])
def test_largest_singular_values(benchmark, T, H, aim):
    """Against the SVD of every Jacobian; of a thousand, one in ten is measured."""
    trace = run(T, H)
    found = benchmark(lambda: analysis.largest_singular_values(trace))
    J = analysis.jacobians(trace)[:: T // 100, 0]
    np.testing.assert_allclose(found[:: T // 100, 0], np.linalg.svd(J, compute_uv=False)[:, 0], rtol=5e-3)
    naive = taken = np.inf
    for _ in range(8 if T == 100 else 1):
        naive = min(naive, best(lambda: np.linalg.svd(J, compute_uv=False), 1) * T / len(J))
        taken = min(taken, best(lambda: analysis.largest_singular_values(trace), 8 if T == 100 else 3))
    report(benchmark, naive, taken, aim)


def report(benchmark, naive, taken, aim):
    """Say how many times as fast; the numbers stay in the benchmark's record as well."""
    times = naive / taken
    benchmark.extra_info.update(naive_ms=round(1000 * naive, 1), ours_ms=round(1000 * taken, 2), times=round(times, 1))
    wanted = "" if aim is None else f", aim {aim}"
    print(f"\n{benchmark.name}: {1000 * naive:.0f} ms / {1000 * taken:.2f} ms = {times:.0f} times{wanted}")
