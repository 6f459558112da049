"""The machine that reads pickles: what it gives is what Python's own reader gives, and of objects nothing."""

import pickle
from contextlib import suppress

import pytest
from damage import blindly
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.interop import ImportFileError, _unpickle, load_torch
from engine.interop._pickle_machine import Inert
from engine.interop._unpickle import Storage, Tensor
from engine.interop.files import Damaged

FUZZ = settings.get_profile("fuzz")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)


def trees(leaves):
    """Plain values of plain values."""

    def around(inner):
        keys = st.text(max_size=4) | st.integers(-(2**63), 2**63)
        pairs = st.tuples(inner, inner) | st.tuples() | st.tuples(inner)
        return st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | pairs

    return st.recursive(leaves, around, max_leaves=12)


@FUZZ
@given(trees(LEAVES), st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_as_from_python(value, protocol):
    assert _unpickle.read(pickle.dumps(value, protocol)) == value


@FUZZ
@given(trees(LEAVES | st.binary(max_size=9)), st.integers(3, pickle.HIGHEST_PROTOCOL))
def test_bytes_come_as_from_python(value, protocol):
    assert _unpickle.read(pickle.dumps(value, protocol)) == value  # before 3 they were written as a call


@FUZZ
@given(trees(LEAVES).flatmap(lambda value: blindly(pickle.dumps(value))))
def test_damaged_pickles_are_read_or_broken(data):
    with suppress(Damaged):
        _unpickle.read(data)


def test_real_pickles_take_a_small_part_of_what_they_may():
    words = [f"word{n}" for n in range(20_000)]
    numbers = [(str(n), {"step": n, "exp_avg": 0.5}) for n in range(1000)]
    reader = _unpickle.Reader(pickle.dumps({"stoi": dict(zip(words, range(20_000), strict=True)), "n": numbers}, 2))
    reader.load()
    assert reader.left > 0.85 * reader.most


def test_a_list_that_is_made_a_dict_again_and_again_is_paid_for():
    data = b"ccollections\nOrderedDict\nq\1(" + b"N" * 50_000 + b"lq\2" + b"h\1h\2\x85R0" * 100 + b"}."
    with pytest.raises(Damaged, match="asks for more than"):
        _unpickle.read(data)


def test_numbers_that_no_dict_may_have_as_keys():
    """Of a billion such numbers all have the same hash."""
    assert _unpickle.read(pickle.dumps({2**63: 1, 2**64: 2, -(2**70): 3, (1,): 4, True: 5}, 2)) == {2**63: 1, True: 5}
    with pytest.raises(Damaged):
        _unpickle.read(pickle.dumps(1 << 9000, 2))


def test_modules_that_share_their_state_are_gone_through_once():
    shared = {f"m{n}": Inert() for n in range(3000)}
    shared["weight"] = Tensor(Storage("float32", "0", 1), 0, (1,), (1,))
    for inert in list(shared.values())[:-1]:
        inert.state = {"_modules": shared}
    found = _unpickle.search({"model": shared})
    assert list(found.tensors) == ["model.weight"]


def test_what_a_pickle_builds_is_inert():
    """State given to a function of the reader's would last beyond the file."""
    before = vars(_unpickle._ordered_dict).copy(), _unpickle._ordered_dict.__kwdefaults__
    _unpickle.read(b"ccollections\nOrderedDict\n(N}X\x0e\0\0\0__kwdefaults__}stb.")
    assert (vars(_unpickle._ordered_dict), _unpickle._ordered_dict.__kwdefaults__) == before
    assert type(_unpickle.read(b"cos\nsystem\n(X\x04\0\0\0exittR.")) is Inert


def test_numbers_that_were_changed_in_the_file_are_named(folder):
    """They are read late, when the network is made: their damage is said then, of the array."""
    torch = pytest.importorskip("torch")
    path = folder / "a.pt"
    torch.save(torch.nn.GRU(3, 4).state_dict(), path)
    data = bytearray(path.read_bytes())
    weights = torch.load(path, weights_only=True)["weight_hh_l0"].numpy().tobytes()
    data[data.index(weights) + 9] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(ImportFileError, match=r"^a\.pt: its array weight_hh_l0 is damaged: its zip archive is broken$"):
        load_torch(path)


def test_names_of_a_file_do_not_fill_the_sentence(folder):
    torch = pytest.importorskip("torch")
    torch.save({f"layer\n{'x' * 150}{n}": torch.zeros(1) for n in range(40)}, folder / "a.pt")
    with pytest.raises(ImportFileError) as caught:
        load_torch(folder / "a.pt")
    assert len(str(caught.value)) <= 300 and str(caught.value).isprintable() and str(caught.value).endswith("…")
