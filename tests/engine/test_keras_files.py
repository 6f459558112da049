"""Keras's files as networks of ours: the numbers that Keras computed, from the same files; nothing executed."""

import importlib.util
import io
import json
import random
import zipfile

import numpy as np
import pytest
from foreign import NAMES, read_hurt, run, unpacked

from engine.interop import ImportFileError, _hdf5, load_torch
from engine.interop.load import Weights

h5py = pytest.importorskip("h5py")

KERAS = [name for name in NAMES if name.endswith((".keras", ".h5")) and not name.startswith("refused")]
TOLD = [name for name in KERAS if not name.endswith(".weights.h5")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return unpacked(tmp_path_factory)


@pytest.fixture(scope="module")
def computed(folder):
    return dict(np.load(folder / "computed.npz"))


def gate_blocks(value, order):
    return np.concatenate([np.split(value, len(order), axis=-1)[i] for i in order], axis=-1)


@pytest.mark.parametrize("name", KERAS)
def test_keras_networks_compute_what_keras_computes(name, folder, computed):
    stem = name.split(".")[0]
    x, y = computed[f"{stem}/x"], computed[f"{stem}/y"]
    loaded = load_torch(folder / name)
    trace = run(loaded, x[::-1] if stem == "backwards" else x)
    found = trace.value("output.logits" if name.endswith(".weights.h5") else "output.y")[:, 0]
    if stem == "relu":
        found = 1 / (1 + np.exp(-found))
    assert np.abs(found.reshape(y.shape) - y).max() < (1e-7 if stem == "double" else 1e-6)
    assert loaded.spec.dtype == ("float64" if stem == "double" else "float32")
    assert loaded.unused == () and (loaded.missing == () or stem == "headless")


@pytest.mark.parametrize("name", TOLD)
def test_keras_configuration_says_what_weights_cannot(name, folder, computed):
    stem = name.split(".")[0]
    told = Weights(folder / name).told()
    one = computed[f"{stem}/y"].ndim == 1
    assert told.pattern == ("many-to-one" if one else "many-to-many")
    assert told.nonlinearity == ("relu" if stem == "relu" else "tanh")
    assert told.loss == ("" if stem in ("review", "functional", "headless") else "linear")
    assert bool(told.embedding) == (stem in ("review", "functional"))
    assert bool(told.head) == (stem != "headless")
    assert any("go_backwards" in note for note in told.notes) == (stem == "backwards")


def test_stacked_layers_are_one_module(folder):
    for name, title in (("review.h5", 2), ("functional.keras", "below + above"), ("headless.keras", 2)):
        weights = Weights(folder / name)
        loaded = weights.load()
        assert len(weights.layers) == 1 and loaded.spec.num_layers == 2
        assert title == 2 or weights.layers == (title,)


@pytest.mark.parametrize("stem", ["lstm", "gru", "rnn", "double"])
def test_gradients_are_keras_own(stem, folder, computed):
    loaded = load_torch(folder / f"{stem}.keras")
    dy = computed[f"{stem}/dy"]
    trace = run(loaded, computed[f"{stem}/x"], dy[:, None])
    grads = trace.parameter_grads
    order = {"gru": (1, 0, 2), "rnn": (0,)}.get(stem, (0, 1, 2, 3))
    limit = 1e-7 if stem == "double" else 5e-6
    for ours, theirs in (("weight_ih_l0", "kernel"), ("weight_hh_l0", "recurrent_kernel")):
        assert np.abs(gate_blocks(grads[ours].T, order) - computed[f"{stem}/d {theirs}"]).max() < limit
    bias = computed[f"{stem}/d bias"]
    both = [gate_blocks(grads[name], order) for name in ("bias_ih_l0", "bias_hh_l0")]
    assert np.abs((np.stack(both) if bias.ndim == 2 else both[0]) - bias).max() < limit


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gru_old", "reset_after=False"),
        ("hard", "recurrent_activation='hard_sigmoid'"),
        ("soft", "activation='softsign'"),
        ("summed", "by 'sum'"),
        ("dense", "no LSTM, GRU or SimpleRNN"),
        ("stacked_cells", "StackedRNNCells"),
    ],
)
def test_what_keras_can_and_this_cannot_is_said(name, said, folder):
    with pytest.raises(ImportFileError, match=f"refused_{name}.keras: .*{said}"):
        load_torch(folder / f"refused_{name}.keras")


def old_keras(path, config=True, reset_after=None):
    """A file as Keras 2 wrote it: texts as bytes, ":0" behind the names, each layer's facts as they were then."""
    rng = np.random.default_rng(0)
    gates = 4 if reset_after is None else 3
    shapes = {"kernel": (3, gates * 2), "recurrent_kernel": (2, gates * 2), "bias": (gates * 2,)}
    facts = {"name": "lstm", "units": 2, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True,
             "return_sequences": True}  # fmt: skip
    kind = "LSTM" if reset_after is None else "GRU"
    with h5py.File(path, "w") as file:
        top = file.create_group("model_weights") if config else file
        if config:
            model = {"class_name": "Sequential", "config": [{"class_name": kind, "config": facts}]}
            file.attrs["model_config"] = json.dumps(model).encode()
        top.attrs["layer_names"] = [b"lstm"]
        group = top.create_group("lstm")
        group.attrs["weight_names"] = [f"lstm/lstm_cell/{name}:0".encode() for name in shapes]
        for name, shape in shapes.items():
            group[f"lstm/lstm_cell/{name}:0"] = rng.standard_normal(shape).astype("float32")


@pytest.mark.parametrize("config", [True, False])
def test_files_of_keras_2(config, tmp_path):
    path = tmp_path / "old.h5"
    old_keras(path, config)
    loaded = load_torch(path)
    with h5py.File(path) as file:
        group = file["model_weights/lstm" if config else "lstm"]["lstm/lstm_cell"]
        assert np.array_equal(loaded.parameters["weight_ih_l0"], group["kernel:0"][()].T)
        assert np.array_equal(loaded.parameters["bias_ih_l0"], group["bias:0"][()])
    assert not loaded.parameters["bias_hh_l0"].any()
    assert loaded.spec.cell == "lstm" and loaded.spec.pattern == "many-to-many"


def test_gru_of_keras_2_has_no_reset_after(tmp_path):
    old_keras(tmp_path / "old.h5", reset_after=False)
    with pytest.raises(ImportFileError, match="reset_after=False"):
        load_torch(tmp_path / "old.h5")


def rewritten(path, to, change):
    """A .keras file with another configuration."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, json.dumps(change(json.loads(data))) if name == "config.json" else data)
    return to


def test_a_lambda_is_not_run(folder, tmp_path):
    def change(config):
        code = {"class_name": "__lambda__", "config": {"value": "4wEAAAAA", "defaults": None, "closure": None}}
        inside = {"name": "evil", "function": code}
        config["config"]["layers"].insert(1, {"class_name": "Lambda", "module": "os", "config": inside})
        return config

    loaded = load_torch(rewritten(folder / "lstm.keras", tmp_path / "evil.keras", change))
    assert loaded.spec.cell == "lstm" and loaded.unused == ()


def test_a_model_of_its_own_class_is_refused_with_the_way_out(folder, tmp_path):
    path = rewritten(folder / "lstm.keras", tmp_path / "own.keras", lambda config: {"class_name": "Mine", "config": {}})
    with pytest.raises(ImportFileError, match=r"own\.keras: .*'Mine'.*save_weights"):
        load_torch(path)


@pytest.mark.parametrize("config", [[], 3, {"class_name": "Sequential", "config": {"layers": [3]}},
                                    {"class_name": "Sequential", "config": {"layers": [{"config": {"name": 3}}]}},
                                    {"class_name": "Functional", "config": {"layers": {}}}])  # fmt: skip
def test_wrong_configurations_are_one_error(config, folder, tmp_path):
    with pytest.raises(ImportFileError, match=r"^wrong\.keras: "):
        load_torch(rewritten(folder / "lstm.keras", tmp_path / "wrong.keras", lambda _: config))


# What a file of HDF5 may be -----------------------------------------------------------------------------


def h5_of(path, fill):
    with h5py.File(path, "w") as file:
        fill(file)
    return path


def cell_of(file):
    return file.create_group("layers/lstm/cell/vars")


def test_links_out_of_the_file_are_not_followed(tmp_path):
    secret = h5_of(tmp_path / "secret.h5", lambda file: file.create_dataset("x", data=np.ones((3, 8))))
    for i, link in enumerate((h5py.ExternalLink(str(secret), "x"), h5py.SoftLink("/layers"))):
        path = h5_of(tmp_path / f"{i}.h5", lambda file, link=link: cell_of(file).__setitem__("0", link))
        with pytest.raises(ImportFileError, match="link"):
            load_torch(path)
    raw = tmp_path / "raw"
    raw.write_bytes(bytes(96))
    path = h5_of(
        tmp_path / "e.h5",
        lambda file: cell_of(file).create_dataset("0", (3, 8), "f4", external=[(str(raw), 0, 96)]),
    )
    with pytest.raises(ImportFileError, match="another file"):
        load_torch(path)


def test_claims_and_circles_are_refused(tmp_path):
    path = h5_of(tmp_path / "huge.h5", lambda file: cell_of(file).create_dataset("0", (10**6, 10**6), "f4"))
    with pytest.raises(ImportFileError, match="claims"):
        load_torch(path)
    path = h5_of(tmp_path / "sparse.h5", lambda file: cell_of(file).create_dataset(
        "0", (4000, 40_000_000), "f4", chunks=(1000, 1000), compression=9))  # fmt: skip
    with pytest.raises(ImportFileError, match="claims"):
        load_torch(path)
    path = h5_of(tmp_path / "circle.h5", lambda file: cell_of(file).__setitem__("again", file["layers"]))
    with pytest.raises(ImportFileError, match="beyond reason"):
        load_torch(path)


def test_zeros_are_not_unpacked_beyond_what_the_file_is_worth(tmp_path):
    """Each array is within what deflate may do; together they are a thousand times the file."""

    def zeros(file):
        for index in range(3):
            values = cell_of(file) if not index else file.create_group(f"layers/lstm_{index}/cell/vars")
            values.create_dataset("0", (6 * 2**20,), "f4", chunks=(2**20,), compression=9)[...] = 0

    with pytest.raises(ImportFileError, match=r"zeros\.h5: unpacks to 75,497,472 bytes, which no network's"):
        load_torch(h5_of(tmp_path / "zeros.h5", zeros))
    path = h5_of(tmp_path / "piece.h5", lambda file: cell_of(file).create_dataset(
        "0", (8,), "f8", maxshape=(None,), chunks=(2**26,), compression=9).__setitem__(0, 1))  # fmt: skip
    with pytest.raises(ImportFileError, match=r"piece\.h5: its array .* of 64 bytes lies in pieces of 536,870,912"):
        load_torch(path)


def test_damage_in_the_midst_of_the_arrays_is_said(tmp_path):
    rng = np.random.default_rng(0)
    path = h5_of(tmp_path / "torn.h5", lambda file: cell_of(file).create_dataset(
        "0", data=rng.standard_normal((64, 64)), compression=9))  # fmt: skip
    data = path.read_bytes()
    path.write_bytes(data[:-9000] + bytes(8000) + data[-1000:])
    with pytest.raises(ImportFileError, match=r"torn\.h5: is damaged"):
        load_torch(path)


def test_a_name_that_is_no_text_is_said_plainly(tmp_path):
    path = h5_of(tmp_path / "name.h5", lambda file: h5py.h5g.create(file.id, b"\xff\xfe"))
    with pytest.raises(ImportFileError, match=r"name\.h5: is damaged: a name in it is not UTF-8"):
        load_torch(path)


def test_the_process_that_reads_may_fail_or_hang(folder, tmp_path, monkeypatch):
    path = folder / "lstm.weights.h5"
    reader = tmp_path / "reader.py"
    monkeypatch.setattr(_hdf5, "READER", reader)
    reader.write_text("import os; os.abort()")
    with pytest.raises(ImportFileError, match=r"lstm\.weights\.h5: is damaged: the HDF5 library failed"):
        load_torch(path)
    reader.write_text("import threading; threading.Event().wait()")
    monkeypatch.setattr(_hdf5, "PATIENCE", 0.3)
    with pytest.raises(ImportFileError, match="does not come to an end"):
        load_torch(path)


# Without the package, and with damage ------------------------------------------------------------------


def test_without_the_package_its_name_and_the_way_to_it_are_said(folder, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda which: None if which == "h5py" else real(which))
    with pytest.raises(ImportFileError, match=r"the package h5py is needed.*EXTRAS=keras.*pip install h5py"):
        load_torch(folder / "lstm.keras")


@pytest.mark.parametrize(("name", "times"), [("lstm.keras", 5), ("gru.weights.h5", 5), ("rnn.h5", 5)])
def test_damaged_files_are_one_error_or_a_network(name, times, folder, tmp_path):
    data, rng = (folder / name).read_bytes(), random.Random(name)
    for _ in range(times):
        said = read_hurt(load_torch, tmp_path / name, data, rng)
        assert not said or said.startswith(f"ImportFileError: {name}: ")
        assert "\n" not in said


def test_bombs(folder, tmp_path):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(200_000_000))
    with pytest.raises(ImportFileError, match=r"bomb\.keras: .*unpack"):
        load_torch(path)
    deep = io.BytesIO()
    with zipfile.ZipFile(folder / "lstm.keras") as old, zipfile.ZipFile(deep, "w") as new:
        new.writestr("config.json", "[" * 100_000)
        new.writestr("model.weights.h5", old.read("model.weights.h5"))
    path.write_bytes(deep.getvalue())
    with pytest.raises(ImportFileError, match=r"bomb\.keras: "):
        load_torch(path)


def listed(path, layers, arrays):
    """An archive with this configuration and these arrays, by the paths of their layers."""
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for place, values in arrays.items():
            for index, value in enumerate(values):
                file[f"layers/{place}/cell/vars/{index}"] = value
    config = {"class_name": "Sequential", "config": {"layers": layers}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


def test_a_model_is_walked_a_bounded_way(tmp_path):
    """A layer whose reader is behind ten thousand others was looked for among all of them at each."""
    lstm = {"class_name": "LSTM", "config": {"name": "lstm", "return_sequences": True}}
    passing = [{"class_name": "Dropout", "config": {"name": f"d{n}"}} for n in range(10_000)]
    arrays = {"lstm": [np.zeros((1, 4), "f4"), np.zeros((1, 4), "f4"), np.zeros(4, "f4")]}
    path = listed(tmp_path / "passing.keras", [lstm, *passing], arrays)
    assert load_torch(path).spec.num_layers == 1
    many = [{"class_name": "LSTM", "config": {"name": f"a{n}", "return_sequences": True}} for n in range(501)]
    arrays = {f"lstm_{n}" if n else "lstm": arrays["lstm"] for n in range(501)}
    with pytest.raises(ImportFileError, match=r"many\.keras: holds more than 500 recurrent layers"):
        load_torch(listed(tmp_path / "many.keras", many, arrays))


def test_a_layer_that_is_listed_again_and_again_takes_no_memory(tmp_path):
    weights, H = io.BytesIO(), 128
    with h5py.File(weights, "w") as file:
        own = file.create_group("layers/lstm/cell/vars")
        own["0"], own["1"], own["2"] = np.zeros((H, 4 * H), "f4"), np.zeros((H, 4 * H), "f4"), np.zeros(4 * H, "f4")
        file.create_group("layers/lstm/vars").attrs["name"] = "lstm"
    layer = {"class_name": "LSTM", "config": {"name": "lstm", "units": H, "return_sequences": True}}
    config = {"class_name": "Sequential", "config": {"layers": [layer] * 500}}
    with zipfile.ZipFile(tmp_path / "again.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    with pytest.raises(ImportFileError, match=r"again\.keras: makes 264,192,000 bytes of numbers from"):
        load_torch(tmp_path / "again.keras")
