"""Writes keras2.zip: small networks saved by Keras 2 with TensorFlow in every form it has, and what it computes.

Run where tensorflow 2.15 is installed, the last one whose own Keras is Keras 2::

    python tests/data/make_keras2.py

The tests need h5py alone.
"""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers as kl

STEPS, SIZE, WORDS = 6, 3, 7
FIXED = (2026, 1, 1, 0, 0, 0)
#: Whole models in both forms, and weights alone in both: of Keras 2.15, and of every Keras 2 and TensorFlow 1.
WHOLE, ALONE = ("keras", "h5"), ("weights.h5", "old_weights.h5")


def sequential(*layers, words=False):
    shape = keras.Input((None,), dtype="int32") if words else keras.Input((None, SIZE))
    return keras.Sequential([shape, *layers])


def networks():
    """Name, network, the kinds of file it is saved as."""
    yield "lstm", sequential(kl.LSTM(4, return_sequences=True), kl.Dense(2)), WHOLE + ALONE
    yield "gru", sequential(kl.GRU(4, return_sequences=True), kl.Dense(2)), WHOLE + ALONE
    yield "rnn", sequential(kl.SimpleRNN(4, return_sequences=True), kl.Dense(2)), WHOLE + ALONE
    both = [kl.Bidirectional(kl.LSTM(4, return_sequences=True)), kl.Dropout(0.1), kl.Bidirectional(kl.LSTM(4))]
    yield "review", sequential(kl.Embedding(WORDS, 5), *both, kl.Dense(3, activation="softmax"), words=True), WHOLE
    turns = kl.Bidirectional(kl.GRU(4, return_sequences=True))
    yield "tagger", sequential(turns, kl.TimeDistributed(kl.Dense(2))), WHOLE + ALONE
    ids = keras.Input((None,), dtype="int32", name="ids")
    h = kl.GRU(4, name="above")(kl.GRU(4, return_sequences=True, name="below")(kl.Embedding(WORDS, 5)(ids)))
    yield "functional", keras.Model(ids, kl.Dense(3, activation="softmax", name="tags")(h)), WHOLE


def saved(network, path, kind):
    if kind == "weights.h5":
        network.save_weights(path)
    elif kind == "old_weights.h5":
        network.save_weights(path, save_format="h5")
    else:
        network.save(path)


def main():
    rng, kept = np.random.default_rng(0), {}
    tf.random.set_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, network, kinds in networks():
            for variable in network.variables:
                if "bias" in variable.name:
                    variable.assign(rng.standard_normal(variable.shape) * 0.3)
            words = network.input.dtype == tf.int32
            x = rng.integers(0, WORDS, (1, STEPS)) if words else rng.standard_normal((1, STEPS, SIZE)).astype("float32")
            kept |= {f"{name}/x": x[0], f"{name}/y": network(x).numpy()[0]}
            for kind in kinds:
                saved(network, Path(folder, f"{name}.{kind}"), kind)
                names.append(f"{name}.{kind}")
        stream = io.BytesIO()
        np.savez(stream, **kept)
        with zipfile.ZipFile(Path(__file__).with_name("keras2.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("computed.npz", FIXED), stream.getvalue())
            for name in names:
                info = zipfile.ZipInfo(name, FIXED)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, Path(folder, name).read_bytes())


if __name__ == "__main__":
    main()
