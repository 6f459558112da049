"""The safetensors format in pieces: what the library reads and writes, and nothing that is damaged."""

import contextlib
import json

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from engine.interop import tensors

MANY = {
    "b": np.arange(6.0).reshape(2, 3), "a": np.array([[1, -2]], np.int16), "none": np.zeros((0, 4), np.float32),
    "big": np.arange(700_000, dtype=np.float32), "yes": np.array([True, False]), "scalar": np.array(3.5),
}  # fmt: skip


def packed(arrays):
    return b"".join(map(bytes, tensors.pieces(arrays)))


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


def test_the_library_reads_what_is_written_and_the_other_way_round():
    same(safetensors.numpy.load(packed(MANY)), MANY)
    same(tensors.arrays(memoryview(safetensors.numpy.save(MANY))), MANY)
    same(tensors.arrays(memoryview(packed(MANY))), MANY)


def test_pieces_are_small_and_the_same_every_time():
    assert max(len(piece) for piece in tensors.pieces(MANY)) <= tensors.PIECE
    assert packed(MANY) == packed(dict(reversed(MANY.items())))


def test_other_orders_of_bytes_and_of_axes_are_written_as_they_mean():
    same(tensors.arrays(memoryview(packed({"x": np.arange(4, dtype=">f8")}))), {"x": np.arange(4.0)})
    turned = np.arange(6.0).reshape(2, 3).T
    same(tensors.arrays(memoryview(packed({"x": turned}))), {"x": turned})


@pytest.mark.parametrize("array", [np.zeros(2, complex), np.array(["a"]), np.array([None])])
def test_what_the_format_does_not_know_is_refused(array):
    with pytest.raises(ValueError, match="array x holds"):
        packed({"x": array})


def file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return memoryview(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize(
    "wrong",
    [
        memoryview(b""), memoryview(b"\xff" * 40), file([]), file(b"{"), file({"x": 3}), file({}, b"more"),
        file({"x": {"dtype": "F64", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
        file({"x": {"dtype": "F64", "shape": [-1], "data_offsets": [0, -8]}}),
        file({"x": {"dtype": "F64", "shape": [10**12], "data_offsets": [0, 8 * 10**12]}}),
        file({"x": {"dtype": "F9", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        file({"x": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}, bytes(2)),
        file({"x": {"dtype": "U8", "shape": [True], "data_offsets": [0, 1]}}, bytes(1)),
    ],
)  # fmt: skip
def test_damaged_bytes_are_refused(wrong):
    with pytest.raises((ValueError, KeyError, TypeError)):
        tensors.arrays(wrong)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_bytes_do_any_harm(data, length):
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        tensors.arrays(memoryview(length.to_bytes(8, "little") + data))
