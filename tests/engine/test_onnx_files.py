"""ONNX files as networks of ours: the numbers that onnxruntime computed, from the same files."""

import importlib.util
import random
import shutil
import struct

import numpy as np
import pytest
from foreign import NAMES, read_hurt, run, unpacked

from engine.interop import ImportFileError, load_torch
from engine.interop.read import entries

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

UNROLLED = ("onnx_relu_dynamo.onnx", "onnx_rnn_dynamo.onnx")
EXPORTED = [name for name in NAMES if name.endswith(".onnx") and "hand" not in name and name not in UNROLLED]
BY_HAND = [name for name in NAMES if name.startswith("onnx_hand") and "refused" not in name]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return unpacked(tmp_path_factory)


@pytest.fixture(scope="module")
def computed(folder):
    return dict(np.load(folder / "computed.npz"))


@pytest.mark.parametrize("name", EXPORTED)
def test_exported_networks_compute_what_onnxruntime_computes(name, folder, computed):
    stem = name.removesuffix(".onnx")
    x, y = computed[f"{stem}/x"], computed[f"{stem}/y"]
    loaded = load_torch(folder / name)
    trace = run(loaded, x)
    found = trace.value("output.logits")[:, 0]
    assert np.abs(found.reshape(y.shape) - y).max() < 1e-6
    assert loaded.unused == loaded.missing == loaded.notes == ()
    assert loaded.spec.pattern == ("many-to-one" if y.ndim == 1 else "many-to-many")
    assert loaded.spec.num_layers == (1 if "rnn" in stem else 2)


@pytest.mark.parametrize("name", BY_HAND)
def test_nodes_compute_what_onnxruntime_computes(name, folder, computed):
    stem = name.removesuffix(".onnx")
    x, y = computed[f"{stem}/x"], computed[f"{stem}/y"]
    loaded = load_torch(folder / name)
    turn = -1 if "reverse" in stem else 1
    trace = run(loaded, x[::turn])
    assert np.abs(trace.value("output.y")[::turn, 0] - y).max() < 1e-6
    assert bool(loaded.notes) == (turn == -1)


@pytest.mark.parametrize("stem", ["lstm", "gru"])
def test_the_reference_evaluator_says_the_same(stem, folder, computed):
    name = f"onnx_{stem}_vectors_script.onnx" if stem == "lstm" else f"onnx_hand_{stem}.onnx"
    x = computed[f"{name.removesuffix('.onnx')}/x"]
    session = ReferenceEvaluator(str(folder / name))
    given = x[None] if stem == "lstm" else x[:, None]
    y = np.asarray(session.run(None, {session.input_names[0]: given})[0])
    found = run(load_torch(folder / name), x).value("output.y" if stem == "gru" else "output.logits")
    assert np.abs(found.reshape(-1) - y.reshape(-1)).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "said"), [("reset", "linear_before_reset=0"), ("clip", "clip"), ("relu", "activations sigmoid, relu")]
)
def test_what_onnx_can_and_this_cannot_is_said(name, said, folder):
    with pytest.raises(ImportFileError, match=f"onnx_hand_refused_{name}.onnx: .*{said}"):
        load_torch(folder / f"onnx_hand_refused_{name}.onnx")


@pytest.mark.parametrize("name", UNROLLED)
def test_a_cell_written_out_step_by_step_is_refused_with_the_way_out(name, folder):
    with pytest.raises(ImportFileError, match=r"no LSTM, GRU or RNN node.*dynamo=False"):
        load_torch(folder / name)


def test_numbers_beside_the_file_are_read_from_its_folder_alone(folder, tmp_path):
    name = "onnx_gru_dynamo.onnx"
    for part in (name, f"{name}.data"):
        shutil.copy(folder / part, tmp_path)
    (tmp_path / f"{name}.data").rename(tmp_path / "gone")
    with pytest.raises(ImportFileError, match=f"{name}: .*in the same folder"):
        load_torch(tmp_path / name)
    inner = tmp_path / "inner"
    inner.mkdir()
    for place in ("../gone", str(tmp_path / "gone"), "a/../../gone", "..\\gone", "C:\\gone", ""):
        model = onnx.load(tmp_path / name, load_external_data=False)
        for tensor in model.graph.initializer:
            for item in tensor.external_data:
                item.value = place if item.key == "location" else item.value
        (inner / name).write_bytes(model.SerializeToString())
        with pytest.raises(ImportFileError, match="not beside it"):
            load_torch(inner / name)
    (inner / "link").symlink_to(tmp_path / "gone")
    model = onnx.load(tmp_path / name, load_external_data=False)
    for tensor in model.graph.initializer:
        for item in tensor.external_data:
            item.value = "link" if item.key == "location" else item.value
    (inner / name).write_bytes(model.SerializeToString())
    with pytest.raises(ImportFileError, match="not beside it"):
        load_torch(inner / name)


def test_a_tensor_that_claims_more_than_it_has(tmp_path):
    tensor = TensorProto(name="W", data_type=1, dims=[10**6, 10**6], raw_data=b"1234")
    graph = helper.make_graph([helper.make_node("LSTM", ["X", "W", "R"], ["Y"])], "g", [], [], [tensor])
    (tmp_path / "claims.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(ImportFileError, match=r"claims\.onnx: W of shape"):
        load_torch(tmp_path / "claims.onnx")


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.FLOAT, TensorProto.BFLOAT16])
@pytest.mark.parametrize("raw", [True, False])
def test_numbers_of_every_kind(kind, raw, tmp_path):
    values = np.array([[0.5, -1.5], [2.0, 0.25], [1.0, -4.0]])
    held = helper.make_tensor("table", kind, (3, 2), values.reshape(-1).tolist())
    if raw:
        held = numpy_helper.from_array(numpy_helper.to_array(held), "table")
    node = helper.make_node("RNN", ["X", "W", "W"], ["Y"])
    square = numpy_helper.from_array(np.eye(2, dtype="float32")[None], "W")
    graph = helper.make_graph([node], "g", [], [], [square, held])
    (tmp_path / "kinds.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    assert np.array_equal(entries(tmp_path / "kinds.onnx")["table"].read(), values)


def test_without_the_package_its_name_and_the_way_to_it_are_said(folder, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda which: None if which == "onnx" else real(which))
    with pytest.raises(ImportFileError, match=r"the package onnx is needed.*EXTRAS=onnx.*pip install onnx"):
        load_torch(folder / "onnx_lstm_script.onnx")


@pytest.mark.parametrize(("name", "times"), [("onnx_lstm_script.onnx", 150), ("onnx_gru_ends_script.onnx", 150)])
def test_damaged_files_are_one_error_or_a_network(name, times, folder, tmp_path):
    data, rng = (folder / name).read_bytes(), random.Random(name)
    for _ in range(times):
        said = read_hurt(load_torch, tmp_path / name, data, rng)
        assert not said or said.startswith(f"ImportFileError: {name}: ")
        assert "\n" not in said


def test_a_length_beyond_the_file(tmp_path):
    path = tmp_path / "bomb.onnx"
    path.write_bytes(b"\x3a" + struct.pack("<I", 0xFFFFFF7F) + b"\xff" * 100)
    with pytest.raises(ImportFileError, match=r"bomb\.onnx: "):
        load_torch(path)


# Graphs that are none of a program ---------------------------------------------------------------------


def graph_of(path, nodes):
    weights = [numpy_helper.from_array(np.zeros((1, 4, 1), np.float32), name) for name in "WR"]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)], [], weights)
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


def lstm(read, written, name, **attributes):
    return helper.make_node("LSTM", [read, "W", "R"], [written], name=name, **attributes)


def test_many_nodes_that_many_read_are_refused_at_once(tmp_path):
    """Every node that wrote "y" was followed to all that read it: minutes."""
    nodes = [lstm("x", "y", f"a{n}") for n in range(1500)]
    nodes += [helper.make_node("Identity", ["y"], [f"z{n}"]) for n in range(5000)]
    with pytest.raises(ImportFileError, match=r"fan\.onnx: holds 1,500 recurrent nodes; at most 500 are read"):
        load_torch(graph_of(tmp_path / "fan.onnx", nodes))


def test_of_many_readers_some_are_looked_at(tmp_path):
    nodes = [lstm("x", "y", "a")] + [helper.make_node("Identity", ["y"], [f"z{n}"]) for n in range(20_000)]
    assert load_torch(graph_of(tmp_path / "read.onnx", nodes)).spec.hidden_size == 1


@pytest.mark.parametrize(
    ("name", "nodes", "said"),
    [
        ("size", [lstm("x", "y", "a", hidden_size=-5)], "a says hidden_size=-5 and has weights of 1"),
        ("input", [helper.make_node("Identity", [], ["W2"]), helper.make_node("LSTM", ["x", "W2", "R"], ["y"])],
         "LSTM_1 has weights that the graph computes"),
    ],
)  # fmt: skip
def test_nodes_that_contradict_themselves(name, nodes, said, tmp_path):
    with pytest.raises(ImportFileError, match=f"{name}.onnx: {said}"):
        load_torch(graph_of(tmp_path / f"{name}.onnx", nodes))


@pytest.mark.parametrize("location", ["a\0b", "x" * 5000])
def test_names_that_no_file_has(location, tmp_path):
    tensor = TensorProto(name="W", data_type=1, dims=[1, 4, 1], data_location=1)
    tensor.external_data.add(key="location", value=location)
    graph = helper.make_graph([lstm("x", "y", "a")], "g", [], [], [tensor])
    (tmp_path / "a.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(ImportFileError, match=r"a\.onnx: W points to the file '(x+|a\\x00b)"):
        load_torch(tmp_path / "a.onnx")


def test_bytes_that_are_no_graph_are_said_so(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"\x3a\xff\xff\xff\xff\x0f")
    with pytest.raises(ImportFileError, match=r"a\.onnx: is damaged or no ONNX file: its bytes are no message"):
        load_torch(tmp_path / "a.onnx")
