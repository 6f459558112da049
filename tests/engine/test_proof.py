"""Runs held against torch's fused layers."""

import numpy as np
import pytest
from samples import CELLS, make_spec

from engine import Network
from engine.interop.proof import against_torch, provable
from engine.spec import PATTERNS


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_agrees(pattern, cell, dtype):
    many = pattern in ("many-to-one", "many-to-many", "sequence-to-sequence")
    both = pattern in ("many-to-many", "sequence-to-sequence")
    spec = make_spec(pattern=pattern, cell=cell, dtype=dtype, num_layers=2, bidirectional=both)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6 if many else 1, 3, spec.input_size))
    facts = {"lengths": np.array([6, 2, 4])} if many else {}
    facts |= {"steps": 4} if spec.has_feedback else {}
    trace = Network(spec).run(x, **facts)
    proof = against_torch(trace)
    assert proof.layer == {"rnn": "torch.nn.RNN", "gru": "torch.nn.GRU", "lstm": "torch.nn.LSTM"}[cell]
    assert proof.difference < (1e-6 if dtype == "float32" else 1e-14) * 10
    assert proof.scale > 0.01 and proof.numbers > 3 * spec.hidden_size


class Misread:
    """A run whose file was read wrongly: two gates changed places."""

    def __init__(self, trace):
        self._trace = trace
        self.parameters = {
            name: np.roll(value, trace.spec.hidden_size, axis=0) if "_l0" in name else value
            for name, value in trace.parameters.items()
        }

    def __getattr__(self, name):
        return getattr(self._trace, name)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_swapped_gates_are_seen(cell):
    trace = Network(make_spec(cell=cell)).run(np.ones((5, 2)))
    assert against_torch(Misread(trace)).difference > 1e-3


def test_what_torch_does_not_have_is_said():
    trace = Network(make_spec(cell="rnn", nonlinearity="identity")).run(np.ones((5, 2)))
    assert "PyTorch has no layer" in provable(trace)
    with pytest.raises(ValueError, match="PyTorch has no layer"):
        against_torch(trace)
