"""Writes networks.zip: small networks saved by Keras and exported to ONNX, and what Keras and onnxruntime compute.

Run where keras (on the torch backend), torch, h5py, onnx and onnxruntime are installed::

    KERAS_BACKEND=torch python tests/data/make_networks.py

The tests need none of them but h5py and onnx.
"""

import io
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import torch
from keras import layers as kl
from onnx import TensorProto, helper, numpy_helper
from torch import nn

STEPS, SIZE, WORDS = 6, 3, 7
FIXED = (2026, 1, 1, 0, 0, 0)


def sequential(*layers, words=False, dtype="float32"):
    shape = keras.Input((None,), dtype="int32") if words else keras.Input((None, SIZE), dtype=dtype)
    return keras.Sequential([shape, *layers])


def functional():
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = kl.SpatialDropout1D(0.1)(kl.Embedding(WORDS, 5, name="words")(ids))
    x = kl.GRU(4, return_sequences=True, name="below")(x)
    h = kl.GRU(4, name="above")(x)
    return keras.Model(ids, kl.Activation("softmax")(kl.Dense(3, name="tags")(h)))


def keras_networks():
    """Name, network, the kinds of file it is saved as."""
    yield "lstm", sequential(kl.LSTM(4, return_sequences=True), kl.Dense(2)), ("keras", "h5", "weights.h5")
    yield "gru", sequential(kl.GRU(4, return_sequences=True), kl.Dense(2)), ("keras", "h5", "weights.h5")
    yield "rnn", sequential(kl.SimpleRNN(4, return_sequences=True), kl.Dense(2)), ("keras", "h5", "weights.h5")
    both = [kl.Bidirectional(kl.LSTM(4, return_sequences=True)), kl.Dropout(0.1), kl.Bidirectional(kl.LSTM(4))]
    yield "review", sequential(kl.Embedding(WORDS, 5), *both, kl.Dense(3, "softmax"), words=True), ("keras", "h5")
    turns = [kl.Bidirectional(kl.GRU(4, return_sequences=True, use_bias=False))]
    yield "tagger", sequential(*turns, kl.TimeDistributed(kl.Dense(2))), ("keras", "h5", "weights.h5")
    yield "relu", sequential(kl.SimpleRNN(4, activation="relu"), kl.Dense(1, "sigmoid")), ("keras",)
    yield "functional", functional(), ("keras", "h5")
    yield "cells", sequential(kl.RNN(kl.LSTMCell(4), return_sequences=True), kl.Dense(2)), ("keras",)
    yield "headless", sequential(kl.LSTM(4, return_sequences=True), kl.LSTM(4, return_sequences=True)), ("keras",)
    yield "backwards", sequential(kl.GRU(4, go_backwards=True), kl.Dense(2)), ("keras",)
    keras.config.set_dtype_policy("float64")
    yield "double", sequential(kl.LSTM(4, return_sequences=True), kl.Dense(2), dtype="float64"), ("keras",)
    keras.config.set_dtype_policy("float32")


def refused():
    """Name, network: none of them can be shown."""
    yield "gru_old", sequential(kl.GRU(4, reset_after=False))
    yield "hard", sequential(kl.LSTM(4, recurrent_activation="hard_sigmoid"))
    yield "soft", sequential(kl.LSTM(4, activation="softsign"))
    yield "summed", sequential(kl.Bidirectional(kl.LSTM(4), merge_mode="sum"))
    yield "dense", sequential(kl.Dense(4))
    yield "stacked_cells", sequential(kl.RNN([kl.LSTMCell(4), kl.LSTMCell(4)]))


def example(words, rng, dtype="float32"):
    return rng.integers(0, WORDS, (1, STEPS)) if words else rng.standard_normal((1, STEPS, SIZE)).astype(dtype)


def kept_keras(network, x, rng, name, kept):
    """A run of Keras's, and the gradients of its outputs against random numbers."""
    for variable in network.variables:
        if variable.name == "bias":
            variable.assign(rng.standard_normal(variable.shape) * 0.3)
    y = network(x)
    grad = rng.standard_normal(tuple(y.shape)).astype(x.dtype if x.dtype.kind == "f" else "float32")
    torch.sum(y * torch.tensor(grad)).backward()
    kept |= {f"{name}/x": x[0], f"{name}/y": y.detach().numpy()[0], f"{name}/dy": grad[0]}
    for variable in network.trainable_variables[:3]:
        if name in ("lstm", "gru", "rnn", "double"):
            kept[f"{name}/d {variable.name}"] = variable.value.grad.numpy()


class Net(nn.Module):
    """A network as people write them."""

    def __init__(self, kind, both=False, last="", words=True, layers=2):
        super().__init__()
        self.embed = nn.Embedding(WORDS, SIZE) if words else None
        cell, more = (nn.RNN, {"nonlinearity": "relu"}) if kind == "relu" else (getattr(nn, kind), {})
        self.rnn = cell(SIZE, 4, layers, bidirectional=both, batch_first=True, **more)
        self.fc, self.last, self.both = nn.Linear(8 if both else 4, 2), last, both

    def forward(self, x):
        out, h = self.rnn(x if self.embed is None else self.embed(x))
        h = h[0] if isinstance(h, tuple) else h
        if self.last == "out":
            out = out[:, -1]
        elif self.last == "h":
            out = torch.cat([h[-2], h[-1]], 1) if self.both else h[-1]
        return self.fc(out)


def torch_networks():
    """Name, network, as exported by either exporter."""
    yield "lstm", Net("LSTM", last="out")
    yield "lstm_vectors", Net("LSTM", words=False)
    yield "gru", Net("GRU", both=True)
    yield "gru_ends", Net("GRU", both=True, last="h")
    yield "rnn", Net("RNN", last="h", layers=1)
    yield "relu", Net("relu", words=False)


def exported(network, x, folder, name, dynamo):
    path = folder / name
    torch.onnx.export(network, (torch.tensor(x),), path, dynamo=dynamo)
    return path


def by_hand(kind, rng, direction="forward", **attributes):
    """One recurrent node, with numbers in all of its weights."""
    directions, gates = 2 if direction == "bidirectional" else 1, {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    shapes = {"W": (directions, gates * 4, SIZE), "R": (directions, gates * 4, 4), "B": (directions, gates * 8)}
    held = [numpy_helper.from_array(rng.standard_normal(s).astype("float32") * 0.5, n) for n, s in shapes.items()]
    node = helper.make_node(kind, ["X", "W", "R", "B"], ["Y"], hidden_size=4, direction=direction, **attributes)
    sides = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
        for n, s in (("X", (STEPS, 1, SIZE)), ("Y", (STEPS, directions, 1, 4)))
    ]
    graph = helper.make_graph([node], "by hand", sides[:1], sides[1:], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def run_onnx(path, x):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def write_onnx(folder, rng, kept):
    for name, network in torch_networks():
        for way in ("script", "dynamo"):
            x = example(network.embed is not None, rng)
            path = exported(network.eval(), x, folder, f"onnx_{name}_{way}.onnx", way == "dynamo")
            stripped(path)
            kept |= {f"{path.stem}/x": x[0], f"{path.stem}/y": run_onnx(path, x)[0]}
    hand = {
        "lstm": by_hand("LSTM", rng, "bidirectional"), "gru": by_hand("GRU", rng, linear_before_reset=1),
        "rnn": by_hand("RNN", rng, "bidirectional"), "reverse": by_hand("LSTM", rng, "reverse"),
        "refused_reset": by_hand("GRU", rng, linear_before_reset=0), "refused_clip": by_hand("LSTM", rng, clip=1.0),
        "refused_relu": by_hand("LSTM", rng, activations=["Sigmoid", "Relu", "Tanh"]),
    }  # fmt: skip
    for name, model in hand.items():
        path = folder / f"onnx_hand_{name}.onnx"
        onnx.save(model, path)
        if "refused" not in name:
            x = rng.standard_normal((STEPS, 1, SIZE)).astype("float32")
            y = run_onnx(path, x)  # (T, directions, B, H)
            kept |= {f"{path.stem}/x": x[:, 0], f"{path.stem}/y": y[:, :, 0].reshape(STEPS, -1)}


def stripped(path):
    """Leave out what an exporter writes about the program: where its files lie."""
    model = onnx.load(path, load_external_data=False)
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString())


def main():
    warnings.simplefilter("ignore")
    keras.utils.set_random_seed(0)
    rng, kept = np.random.default_rng(0), {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, network, kinds in keras_networks():
            kept_keras(network, example(name in ("review", "functional"), rng,
                                        "float64" if name == "double" else "float32"), rng, name, kept)  # fmt: skip
            for kind in kinds:
                path = folder / f"{name}.{kind}"
                network.save_weights(path) if kind == "weights.h5" else network.save(path)
        for name, network in refused():
            network.save(folder / f"refused_{name}.keras")
        write_onnx(folder, rng, kept)
        stream = io.BytesIO()
        np.savez(stream, **kept)
        (folder / "computed.npz").write_bytes(stream.getvalue())
        with zipfile.ZipFile(
            Path(__file__).with_name("networks.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9
        ) as out:
            for path in sorted(folder.iterdir()):
                out.writestr(zipfile.ZipInfo(path.name, FIXED), path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
