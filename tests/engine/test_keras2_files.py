"""Files that Keras 2 and TensorFlow wrote: the numbers that TensorFlow computed from the same networks."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from foreign import run

from engine.interop import load_torch

pytest.importorskip("h5py")

ARCHIVE = Path(__file__).resolve().parents[1] / "data" / "keras2.zip"
with zipfile.ZipFile(ARCHIVE) as _archive:
    NAMES = [name for name in _archive.namelist() if name != "computed.npz"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("keras2")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(made)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_keras_2_networks_compute_what_tensorflow_computes(name, folder):
    computed = np.load(folder / "computed.npz")
    stem, alone = name.split(".")[0], "weights" in name
    x, y = computed[f"{stem}/x"], computed[f"{stem}/y"]
    loaded = load_torch(folder / name)
    found = run(loaded, x).value("output.logits" if alone else "output.y")[:, 0]
    assert np.abs(found.reshape(y.shape) - y).max() < 1e-6
    assert loaded.unused == () and loaded.missing == () and loaded.spec.dtype == "float32"
