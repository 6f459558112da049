"""The vocabulary: every operation's value, pull and push against torch."""

import inspect

import numpy as np
import pytest

from engine import ops

torch = pytest.importorskip("torch")
VOCABULARY = [op for op in vars(ops).values() if isinstance(op, ops.Op) and op not in ops.LEAVES]
LEADING = [(), (5,), (2, 3)]


def arguments(op, leading, seed=0):
    """Random arguments of the shapes the operation takes."""
    rng = np.random.default_rng(seed)
    if op is ops.MATVEC:
        return [rng.standard_normal((6, 4)), rng.standard_normal((*leading, 4))]
    parameters = list(inspect.signature(op.value).parameters.values())[1:]
    count = 3 if parameters[-1].kind is parameters[-1].VAR_POSITIONAL else len(parameters)
    return [rng.standard_normal((*leading, 4)) for _ in range(count)]


def test_the_functions_are_found_by_their_words():
    assert set(ops.FUNCTIONS) == {"tanh", "σ", "relu", "identity"}
    assert all(op in VOCABULARY for op in ops.FUNCTIONS.values())


@pytest.mark.parametrize("leading", LEADING)
@pytest.mark.parametrize("op", VOCABULARY, ids=lambda op: op.name)
def test_value_pull_and_push_are_autograds(op, leading):
    given = arguments(op, leading)
    tensors = [torch.tensor(array, requires_grad=True) for array in given]
    theirs = op.value(torch, *tensors)
    ours = op.value(np, *given)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-14)

    seed = np.random.default_rng(1).standard_normal(ours.shape)
    expected = torch.autograd.grad(theirs, tensors, torch.tensor(seed), allow_unused=True)
    pulled = op.pull(np, seed, ours, *given)
    assert len(pulled) == len(given)
    for found, wanted in zip(pulled, expected, strict=True):
        if found is not None:
            np.testing.assert_allclose(found, wanted.numpy(), atol=1e-13)
    if op is ops.MATVEC:  # the engines sum over the steps themselves
        assert pulled[0] is None

    rng = np.random.default_rng(2)
    tangents = [
        None if part is None else rng.standard_normal(array.shape) for part, array in zip(pulled, given, strict=True)
    ]
    directions = tuple(
        torch.zeros_like(t) if d is None else torch.tensor(d) for t, d in zip(tensors, tangents, strict=True)
    )
    plain = tuple(t.detach() for t in tensors)
    _, wanted = torch.autograd.functional.jvp(lambda *a: op.value(torch, *a), plain, directions)
    np.testing.assert_allclose(op.push(np, tangents, ours, *given), wanted.numpy(), atol=1e-13)


@pytest.mark.parametrize("op", VOCABULARY, ids=lambda op: op.name)
def test_pull_and_push_are_each_others_transpose_with_seeds_in_front(op):
    """⟨seed, push(tangent)⟩ = ⟨pull(seed), tangent⟩, for a stack of seeds at once."""
    given = arguments(op, (3,))
    y, rng = op.value(np, *given), np.random.default_rng(3)
    seeds = rng.standard_normal((7, *y.shape))
    pulled = op.pull(np, seeds, y, *given)
    last = len(given) - 1
    tangents = [None] * last + [rng.standard_normal(given[last].shape)]
    pushed = op.push(np, tangents, y, *given)
    left = (seeds * pushed).sum((1, 2))
    np.testing.assert_allclose(left, (pulled[last] * tangents[last]).sum((1, 2)), atol=1e-12)


@pytest.mark.parametrize("op", ops.FUNCTIONS.values(), ids=lambda op: op.name)
def test_functions_overflow_for_no_number(op):
    with np.errstate(all="raise", under="ignore"):
        value = op.value(np, np.array([-1e4, -800.0, 0.0, 800.0, 1e4]))
    assert np.isfinite(value).all()


@pytest.mark.parametrize("op", VOCABULARY, ids=lambda op: op.name)
def test_every_operation_can_be_typeset(op):
    names = "abc"[: len(arguments(op, ()))]
    assert all(name in op.latex(*names) for name in names)
    assert op.symbol
