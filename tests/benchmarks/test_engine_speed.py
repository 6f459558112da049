"""The NumPy engine's forward + backward with full trace against torch's ways of the same work; see the Makefile.

Many to one with a linear head of three classes and cross-entropy, on one thread. Each side reads the loss and every
parameter's gradient, the engines ``trace.grad("l0.h")`` besides. The contenders take turns of a hundredth of a
second, so that a busy machine slows all of them, and the fastest run of each counts. ``torch, fastest`` is the least
of the three ways of torch: ``torch.nn``, a loop over ``torch.nn.*Cell``, and a loop that keeps every gate with
``retain_grad``, the same trace.

    make bench ARGS="tests/benchmarks/test_engine_speed.py"
"""

import gc
import math
import time

import numpy as np
import pytest

from engine import ModelSpec, Network

torch = pytest.importorskip("torch")
SIZES = [(12, 1, 8, 16), (100, 1, 32, 64), (1000, 1, 64, 256), (100, 32, 64, 128)]
AIMS = {
    ("float32", "rnn"): (6, 7, 4, 1.6),
    ("float32", "gru"): (6, 6, 3.5, 1.2),
    ("float32", "lstm"): (2.5, 0.75, 0.75, 0.75),
    ("float64", "lstm"): (6, 5, 2.5, 1.3),
}
CLASSES = 3
#: Seconds that one contender may take in all and in one turn, and turns that it has at least.
SECONDS, TURN, FEWEST = 2.0, 0.01, 3
HEADER = ("dtype, cell, T×B×D×H", "this engine", "torch.nn", "torch cells", "torch, full trace", "Torch engine",
          "torch, fastest ÷ this engine", "aim")  # fmt: skip


class Contest:
    """One network and one batch, and each contender's way to run them."""

    def __init__(self, cell, dtype, size):
        self.T, self.B, self.D, self.H = size
        self.cell, self.dtype = cell, getattr(torch, dtype)
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((self.T, self.B, self.D)).astype(dtype)
        self.target = rng.integers(0, CLASSES, self.B)
        self.network = Network(
            ModelSpec(
                pattern="many-to-one",
                cell=cell,
                hidden_size=self.H,
                output_size=CLASSES,
                input_size=self.D,
                dtype=dtype,
            )
        )
        self.tensors = torch.tensor(self.x), torch.tensor(self.target)
        kind = cell.upper()
        self.module = getattr(torch.nn, kind)(self.D, self.H).to(self.dtype)
        self.cells = getattr(torch.nn, f"{kind}Cell")(self.D, self.H).to(self.dtype)
        self.head = torch.nn.Linear(self.H, CLASSES).to(self.dtype)
        given = {name: torch.tensor(value) for name, value in self.network.parameters.items()}
        recurrent = {name: value for name, value in given.items() if not name.startswith("output")}
        self.module.load_state_dict(recurrent)
        self.cells.load_state_dict({name.removesuffix("_l0"): value for name, value in recurrent.items()})
        self.head.load_state_dict({name: given[f"output.{name}"] for name in ("weight", "bias")})

    def ways(self):
        """Each contender's name and its function, which returns the loss and the gradient of weight_hh."""
        return {
            "this engine": lambda: self.engine("numpy"),
            "torch.nn": lambda: self.torch(self.module, lambda x: self.module(x)[0][-1]),
            "torch cells": lambda: self.torch(self.cells, self.loop),
            "torch, full trace": lambda: self.torch(self.cells, self.full_trace),
            "Torch engine": lambda: self.engine("torch"),
        }

    def engine(self, name):
        trace = self.network.run(self.x, self.target, engine=name)
        assert trace.grad("l0.h").shape == (self.T, self.B, self.H)
        return trace.loss, trace.parameter_grads["weight_hh_l0"]

    def torch(self, module, last_state):
        for parameter in (*module.parameters(), *self.head.parameters()):
            parameter.grad = None
        x, target = self.tensors
        loss = torch.nn.functional.cross_entropy(self.head(last_state(x)), target)
        loss.backward()
        weight = module.weight_hh_l0 if module is self.module else module.weight_hh
        return loss.item(), weight.grad.numpy()

    def loop(self, x):
        """torch's own cells, step after step."""
        state = None
        for row in x.unbind(0):
            state = self.cells(row, state)
        return state[0] if self.cell == "lstm" else state

    def full_trace(self, x):
        """The equations written out, every gate and state with its gradient kept; the input's products at once."""
        cell, kept = self.cells, []

        def keep(*tensors):
            for tensor in tensors:
                tensor.retain_grad()
            kept.extend(tensors)

        h = c = torch.zeros(self.B, self.H, dtype=self.dtype)
        for row in torch.nn.functional.linear(x, cell.weight_ih, cell.bias_ih).unbind(0):
            product = torch.nn.functional.linear(h, cell.weight_hh, cell.bias_hh)
            if self.cell == "rnn":
                a = row + product
                h = torch.tanh(a)
                keep(a, h)
            elif self.cell == "lstm":
                pre = (row + product).chunk(4, -1)
                i, f, g, o = torch.sigmoid(pre[0]), torch.sigmoid(pre[1]), torch.tanh(pre[2]), torch.sigmoid(pre[3])
                c = f * c + i * g
                h = o * torch.tanh(c)
                keep(*pre, i, f, g, o, c, h)
            else:
                (x_r, x_z, x_n), (h_r, h_z, h_n) = row.chunk(3, -1), product.chunk(3, -1)
                a_r, a_z = x_r + h_r, x_z + h_z
                r, z = torch.sigmoid(a_r), torch.sigmoid(a_z)
                a_n = x_n + r * h_n
                n = torch.tanh(a_n)
                h = (1 - z) * n + z * h
                keep(a_r, a_z, r, z, a_n, n, h)
        return h


def take_turns(ways):
    """Least seconds of each contender; one that has used up its time stands aside."""
    least, used = dict.fromkeys(ways, math.inf), dict.fromkeys(ways, 0.0)
    turns = 0
    gc.collect()
    gc.disable()  # a collection would hit whoever runs at that moment
    try:
        while min(used.values()) < SECONDS or turns < FEWEST:
            for name, way in ways.items():
                if used[name] < SECONDS or turns < FEWEST:
                    taken = 0.0
                    while taken < TURN:
                        begun = time.perf_counter()
                        way()
                        took = time.perf_counter() - begun
                        least[name], taken = min(least[name], took), taken + took
                    used[name] += taken
            turns += 1
    finally:
        gc.enable()
    return least


@pytest.fixture(scope="module")
def table(request):
    """Rows gathered by the tests, printed at the end as Markdown."""
    rows = []
    yield rows
    lines = [HEADER, ("---", *["---:"] * (len(HEADER) - 1)), *rows]
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n")


@pytest.fixture(autouse=True)
def one_thread():
    """torch on one thread, as NumPy is."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _shown(seconds):
    return f"{1000 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.0f} µs"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize(("dtype", "cell"), [*AIMS, ("float64", "rnn"), ("float64", "gru")])
def test_forward_and_backward(benchmark, table, dtype, cell, size):
    contest = Contest(cell, dtype, size)
    ways = contest.ways()
    expected_loss, expected = ways["torch.nn"]()
    for name, way in ways.items():
        loss, gradient = way()
        tolerance = 1e-9 if dtype == "float64" else 2e-3
        assert math.isclose(loss, expected_loss, rel_tol=tolerance), name
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=tolerance * np.abs(expected).max(), err_msg=name)
    least = take_turns(ways)
    benchmark.pedantic(ways["this engine"], rounds=5)
    fastest = min(least[name] for name in ("torch.nn", "torch cells", "torch, full trace"))
    ratio = fastest / least["this engine"]
    aim = AIMS.get((dtype, cell), ("",) * len(SIZES))[SIZES.index(size)]
    benchmark.extra_info.update(ratio=round(ratio, 2), aim=aim, **{name: _shown(least[name]) for name in ways})
    table.append((f"{dtype}, {cell.upper()}, {'×'.join(map(str, size))}", *(_shown(least[name]) for name in ways),
                  f"**{ratio:.2f}**", str(aim)))  # fmt: skip
