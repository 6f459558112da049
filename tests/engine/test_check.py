"""Checking a number where it stands: finite differences agree with the backward pass for every kind of value."""

import numpy as np
import pytest

from engine import ModelSpec, Network, analysis
from engine.analysis.check import Nudge, perturbed_loss
from engine.registry import cells

CASES = [
    {"pattern": "many-to-one", "num_layers": 2, "lengths": [5, 3]},
    {"pattern": "many-to-many", "bidirectional": True, "lengths": [2, 5]},
    {"pattern": "one-to-many", "loss": "mse"},
    {"pattern": "sequence-to-sequence", "bidirectional": True, "vocab_size": 7, "embedding_size": 3},
    {"pattern": "sequence-to-sequence", "loss": "binary-cross-entropy", "num_layers": 2},
]


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pattern"])
def test_every_kind_of_value(cell, case):
    case = dict(case)
    lengths = case.pop("lengths", None)
    spec = ModelSpec(**{"cell": cell, "input_size": 3, "hidden_size": 4, "output_size": 3} | case)
    rng = np.random.default_rng(0)
    T = 1 if spec.pattern == "one-to-many" else 5
    S = {"many-to-one": 1, "many-to-many": 5}.get(spec.pattern, 4)
    x = rng.integers(0, 7, (T, 2)) if spec.has_embedding else rng.standard_normal((T, 2, 3))
    target = rng.integers(0, 3, (S, 2)) if spec.loss == "cross-entropy" else rng.random((S, 2, 3))
    trace = Network(spec).run(x, target, lengths=lengths, teacher_forcing=False)
    keys = [key for key in trace.keys() if key != "loss"]  # noqa: SIM118
    keys += [lane.key(node.name) for lane in trace.lanes.values() for node in trace.graph.operations]
    keys += [lane.key("x") for lane in trace.lanes.values()]
    for key in dict.fromkeys(keys):
        grad = trace.grad(key)
        for _ in range(2):
            index = tuple(int(rng.integers(n)) for n in grad.shape)
            up, down = (perturbed_loss(trace, Nudge(key, index, d)) for d in (1e-5, -1e-5))
            assert (up - down) / 2e-5 == pytest.approx(grad[index], abs=1e-8), (key, index)
    for name, grad in trace.parameter_grads.items():
        found = analysis.checked(trace, name, tuple(int(rng.integers(n)) for n in grad.shape))
        assert found.values["numpy"] == pytest.approx(found.difference, abs=1e-8), name


def test_both_engines_are_asked():
    pytest.importorskip("torch")
    spec = ModelSpec(pattern="many-to-one", cell="lstm", input_size=3, hidden_size=4, output_size=3)
    trace = Network(spec).run(np.random.default_rng(0).standard_normal((5, 3)), [1])
    found = analysis.checked(trace, "l0.f*c", (2, 0, 1))
    assert set(found.values) == {"numpy", "torch"} and not found.missing
    for engine in found.values:
        assert found.relative_error(engine) < 1e-6


def test_what_cannot_be_checked_is_said():
    spec = ModelSpec(pattern="many-to-one", cell="lstm", input_size=3, hidden_size=4, output_size=3)
    trace = Network(spec).run(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="target"):
        analysis.checked(trace, "l0.h", (0, 0, 0))
