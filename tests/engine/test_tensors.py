"""The safetensors format in pieces: what the library reads and writes, and nothing that is damaged."""

import contextlib
import json

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from engine.interop import tensors
from engine.interop.files import Damaged

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


def test_every_type_that_the_library_writes_is_read():
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    values = {str(dtype): torch.tensor([[1, 0, 3]]).to(dtype) for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint64, torch.uint32, torch.uint16, torch.uint8, torch.bool,
    )}  # fmt: skip
    wide = {name: value.float() if name == "torch.bfloat16" else value for name, value in values.items()}
    same(tensors.arrays(save(values)), {name: value.numpy() for name, value in wide.items()})
    with pytest.raises(Damaged, match="x holds numbers of type F8_E4M3, which are not read here"):
        tensors.arrays(save({"x": torch.zeros(2, dtype=torch.float8_e4m3fn)}))


def test_arrays_share_the_bytes_of_the_file():
    data = packed({"x": np.arange(6.0), "y": np.arange(4, dtype=np.int16)})
    found, whole = tensors.stored(data), np.frombuffer(data, np.uint8)
    assert all(np.shares_memory(array.read(), whole) for array in found.values())


def test_arrays_begin_where_their_numbers_can_be_computed_with():
    arrays = {"a": np.zeros(3, np.uint8), "x": np.arange(6.0)}
    found = tensors.arrays(packed(arrays))
    same(found, arrays)
    assert all(array.flags.aligned for array in found.values())


@pytest.mark.parametrize("array", [np.zeros(2, complex), np.array(["a"]), np.array([None])])
def test_what_the_format_does_not_know_is_refused(array):
    with pytest.raises(ValueError, match="array x holds"):
        packed({"x": array})


def file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return memoryview(len(text).to_bytes(8, "little") + text + data)


def one(shape, ends, data=b"", dtype="F64"):
    return file({"x": {"dtype": dtype, "shape": shape, "data_offsets": ends}}, data)


TWICE = {name: {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]} for name in "ab"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (b"", "it says a header of 0 bytes, and has 0 in all"), (b"\xff" * 40, "it says a header of 18,446,744"),
        (file([]), "its header is no object"), (file({}, b"more"), "4 bytes belong to no array"),
        (file({"x": 3}), "x has the shape None, which is none"),
        (one([2], [0, 8], bytes(8)), r"x of shape \(2,\) needs 16 bytes and has 8"),
        (one([-1], [0, -8]), r"x has the shape \[-1\], which is none"),
        (one([True], [0, 1], bytes(1), "U8"), r"x has the shape \[True\], which is none"),
        (one([1] * 9, [0, 8], bytes(8)), "x has the shape"), (one([1.0], [0, 8], bytes(8)), "x has the shape"),
        (one([10**12], [0, 8 * 10**12]), "x lies outside the file"), (one([1], [8, 0], bytes(8)), "no place"),
        (one([1], [0, 8, 9], bytes(9)), "no place"), (one([1], None, bytes(8)), "no place"),
        (one([1], [0, 8], bytes(8), 7), "has no type"), (one([1], [0, 8], bytes(8), "F9"), "holds numbers of type F9"),
        (one([1], [1, 2], bytes(2), "U8"), "bytes before it belong to none"),
        (file(TWICE, bytes(2)), "b overlaps another array"),
    ],
)  # fmt: skip
def test_damaged_bytes_are_refused(wrong, said):
    with pytest.raises(Damaged, match=said):
        tensors.arrays(wrong)


def test_a_header_that_is_no_json_is_refused():
    with pytest.raises(json.JSONDecodeError):
        tensors.arrays(file(b"{"))


@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_bytes_do_any_harm(data, length):
    with contextlib.suppress(ValueError, RecursionError):
        tensors.arrays(memoryview(length.to_bytes(8, "little") + data))
