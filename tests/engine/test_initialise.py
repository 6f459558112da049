"""How parameters start: torch's own bounds, and the facts that each name promises."""

import numpy as np
import pytest
from samples import CELLS, make_spec

from engine import Network
from engine.registry import cells
from engine.spec import DTYPES, INITS

GATED = [cell for cell in CELLS if cells[cell].forget_gate]


def network(**facts):
    return Network(make_spec(**{"input_size": 24, "hidden_size": 16, **facts}))


def blocks(network, name):
    return np.split(network.parameters[name], cells[network.spec.cell].blocks)


def uniform(value, bound):
    """It keeps within ±bound, comes near both ends, and lies about zero."""
    return abs(value).max() <= bound and value.max() > 0.8 * bound and value.min() < -0.8 * bound


@pytest.mark.parametrize("cell", CELLS)
def test_torch_is_uniform_within_one_over_the_root_of_h(cell):
    found = network(cell=cell, num_layers=2, bidirectional=True).parameters
    for name, value in found.items():
        fan_in = 32 if name.startswith("output") else 16
        assert uniform(value, 1 / np.sqrt(fan_in)) or value.ndim == 1, name
        assert abs(value).max() <= 1 / np.sqrt(fan_in)


def test_the_bounds_are_torchs():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    ours = network(cell="lstm", hidden_size=64).parameters
    twin = torch.nn.LSTM(24, 64)
    for name, value in twin.state_dict().items():
        assert abs(ours[name]).max() == pytest.approx(abs(value.numpy()).max(), rel=0.05)
        assert ours[name].std() == pytest.approx(value.numpy().std(), rel=0.1)
    table = Network(make_spec(vocab_size=500, embedding_size=20)).parameters["embedding.weight"]
    theirs = torch.nn.Embedding(500, 20).weight.detach().numpy()
    assert table.std() == pytest.approx(theirs.std(), rel=0.05)
    assert abs(table.mean()) < 0.03


@pytest.mark.parametrize("cell", CELLS)
def test_xavier_goes_by_both_sizes_of_each_block(cell):
    found = network(cell=cell, init="xavier")
    for name, columns in (("weight_ih_l0", 24), ("weight_hh_l0", 16)):
        for block in blocks(found, name):
            assert uniform(block, np.sqrt(6 / (16 + columns)))


@pytest.mark.parametrize("cell", CELLS)
def test_orthogonal_blocks_are_orthogonal(cell):
    found = network(cell=cell, init="orthogonal")
    for block in blocks(found, "weight_hh_l0"):
        np.testing.assert_allclose(block @ block.T, np.eye(16), atol=1e-12)
    for block in blocks(found, "weight_ih_l0"):  # (16, 24): its rows are
        np.testing.assert_allclose(block @ block.T, np.eye(16), atol=1e-12)
    tall = network(cell=cell, init="orthogonal", input_size=5)
    for block in blocks(tall, "weight_ih_l0"):  # (16, 5): its columns are
        np.testing.assert_allclose(block.T @ block, np.eye(5), atol=1e-12)


def test_orthogonal_is_drawn_from_all_of_them():
    """By QR alone the diagonal of R would choose the signs: the determinants are of both signs."""
    signs = {
        round(np.linalg.det(network(cell="rnn", init="orthogonal", seed=s).parameters["weight_hh_l0"]))
        for s in range(20)
    }
    assert signs == {-1, 1}


@pytest.mark.parametrize("cell", CELLS)
def test_identity_is_the_recurrent_blocks(cell):
    found = network(cell=cell, init="identity")
    for block in blocks(found, "weight_hh_l0"):
        np.testing.assert_array_equal(block, np.eye(16))
    assert uniform(found.parameters["weight_ih_l0"], 0.25)
    if not cells[cell].gates:
        assert not found.parameters["bias_ih_l0"].any()
        assert not found.parameters["bias_hh_l0"].any()


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("bias", [1.0, -2.5, 0])
@pytest.mark.parametrize("cell", GATED)
def test_the_forget_gates_two_biases_add_up(cell, bias, both):
    found = network(cell=cell, forget_bias=bias, num_layers=2, bidirectional=both)
    gate = cells[cell].gates.index(cells[cell].forget_gate)
    plain = network(cell=cell, num_layers=2, bidirectional=both)
    for layer in range(2):
        for suffix in ("", "_reverse")[: 1 + both]:
            pair = [blocks(found, f"bias_{side}_l{layer}{suffix}") for side in ("ih", "hh")]
            assert (pair[0][gate] + pair[1][gate] == bias).all()
            others = blocks(plain, f"bias_ih_l{layer}{suffix}")
            assert all((pair[0][i] == others[i]).all() for i in range(len(others)) if i != gate)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("radius", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("cell", CELLS)
def test_the_spectral_radius_is_reached(cell, radius, init):
    found = network(cell=cell, init=init, spectral_radius=radius, num_layers=2, bidirectional=True)
    for name in found.parameters:
        if "weight_hh" in name:
            for block in blocks(found, name):
                assert abs(np.linalg.eigvals(block)).max() == pytest.approx(radius, rel=1e-12)
    assert uniform(found.parameters["output.weight"], 1 / np.sqrt(32)), "nothing else is scaled"


def test_the_spectral_radius_of_every_part():
    found = network(pattern="sequence-to-sequence", cell="gru", spectral_radius=0.9)
    for part in ("encoder", "decoder"):
        for block in blocks(found, f"{part}.weight_hh_l0"):
            assert abs(np.linalg.eigvals(block)).max() == pytest.approx(0.9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("init", INITS)
def test_every_dtype_and_seed(init, dtype):
    found = network(init=init, dtype=dtype).parameters
    assert all(value.dtype == dtype for value in found.values())
    again = network(init=init, dtype=dtype).parameters
    assert all(np.array_equal(found[name], again[name]) for name in found)
    double = network(init=init).parameters
    assert all(np.array_equal(found[name], double[name].astype(dtype)) for name in found), "the same draw, rounded"


def test_one_unit_of_everything():
    for init in INITS:
        found = network(init=init, input_size=1, hidden_size=1, output_size=1, spectral_radius=0.7)
        assert abs(abs(found.parameters["weight_hh_l0"]) - 0.7).max() < 1e-15
