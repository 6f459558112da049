"""Problems to run, for every spec there is, and how two runs are compared."""

import itertools

import numpy as np

from engine import ModelSpec, SpecError
from engine.recording import engines
from engine.registry import cells
from engine.spec import LOSSES, PATTERNS

CELLS = cells.names()
ENGINES = tuple(engine.name for engine in engines if not engine.missing())
SINGLE_STEP = ("one-to-one", "one-to-many")


def make_spec(**facts):
    """A small spec; ``vocab_size`` brings an embedding. None where the facts cannot go together."""
    facts = {"pattern": "many-to-many", "cell": "lstm", "hidden_size": 4, "output_size": 3, **facts}
    if facts.get("vocab_size"):
        facts.setdefault("embedding_size", 3)
    else:
        facts.setdefault("input_size", 2)
    try:
        return ModelSpec(**facts)
    except SpecError:
        return None


def every_spec(patterns=PATTERNS, cell_names=CELLS, losses=LOSSES, **facts):
    """Every combination of pattern, cell, loss, input and direction that a spec can have."""
    for pattern, cell, loss, vocab, both in itertools.product(patterns, cell_names, losses, (None, 5), (False, True)):
        spec = make_spec(
            **{"pattern": pattern, "cell": cell, "loss": loss, "vocab_size": vocab, "bidirectional": both, **facts}
        )
        if spec is not None:
            yield spec


def name(spec):
    """What a parametrised test calls a spec."""
    tokens, both = "-ids" if spec.has_embedding else "", "-both" if spec.bidirectional else ""
    return f"{spec.pattern}-{spec.cell}-{spec.loss}{tokens}{both}"


def problem(spec, T=5, B=3, S=4, *, padded=False, states=False, seed=0):
    """Arguments of ``Network.run``: x, target, and lengths and initial states where asked for."""
    rng = np.random.default_rng(seed)
    T = 1 if spec.pattern in SINGLE_STEP else T
    S = {"one-to-one": 1, "many-to-one": 1, "many-to-many": T}.get(spec.pattern, S)
    if spec.has_embedding:
        x = rng.integers(0, spec.vocab_size, (T, B))
    else:
        x = rng.standard_normal((T, B, spec.input_size))
    if spec.loss == "cross-entropy":
        target = rng.integers(0, spec.output_size, (S, B))
    else:
        target = rng.random((S, B, spec.output_size))
    found = {"x": x, "target": target}
    if padded and T > 1:
        found["lengths"] = rng.integers(1, T + 1, B)
    if padded and spec.has_feedback:
        found["target_lengths"] = rng.integers(1, S + 1, B)
    if states:
        for state in cells[spec.cell].states:
            rows = spec.num_layers * spec.num_directions
            found[f"{state}_0"] = rng.standard_normal((rows, B, spec.hidden_size))
    return found


def assert_close(ours, theirs, tolerance, what=""):
    """Equal to ``tolerance`` of the array's largest value (at least 1), with the same NaN."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} and {theirs.shape}"
    finite = theirs[np.isfinite(theirs)]
    scale = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale, err_msg=what)


def assert_same_run(ours, theirs, tolerance):
    """Every recorded value, every gradient and every parameter's gradient of two traces."""
    keys = ours.keys()
    assert keys == theirs.keys()
    for key in keys:
        assert ours.value(key).dtype == theirs.value(key).dtype == np.dtype(ours.spec.dtype)
        assert_close(ours.value(key), theirs.value(key), tolerance, key)
    assert (ours.fed_back is None) == (theirs.fed_back is None)
    assert ours.fed_back is None or np.array_equal(ours.fed_back, theirs.fed_back)
    for lane in ours.lanes:
        assert_close(ours.read_by(lane), theirs.read_by(lane), tolerance, f"read by {lane}")
        for state in ours.graph.states:
            assert_close(ours.starts_from(f"{lane}.{state}"), theirs.starts_from(f"{lane}.{state}"), tolerance)
    assert (ours.loss is None) == (theirs.loss is None)
    if ours.loss is None:
        assert not ours.parameter_grads
        assert not theirs.parameter_grads
        return
    assert_close(ours.loss, theirs.loss, tolerance, "loss")
    for key in keys:
        assert ours.grad(key).shape == ours.value(key).shape
        assert_close(ours.grad(key), theirs.grad(key), tolerance, f"gradient of {key}")
    assert list(ours.parameter_grads) == list(theirs.parameter_grads) == list(ours.parameters)
    for parameter, grad in ours.parameter_grads.items():
        assert_close(grad, theirs.parameter_grads[parameter], tolerance, f"gradient of {parameter}")
