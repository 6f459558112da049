"""Networks that Keras and torch's exporters saved, and what Keras and onnxruntime computed; see tests/data."""

import zipfile
from pathlib import Path

from engine.interop.imported import completed

ARCHIVE = Path(__file__).resolve().parents[1] / "data" / "networks.zip"
with zipfile.ZipFile(ARCHIVE) as _archive:
    NAMES = _archive.namelist()


def unpacked(tmp_path_factory):
    """A folder with all of them."""
    made = tmp_path_factory.mktemp("networks")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(made)
    return made


def run(loaded, x, target=None):
    """Run what was read on a sequence (T,) or (T, D)."""
    x = x if loaded.spec.has_embedding else x.astype(loaded.spec.dtype)
    return completed(loaded.spec, loaded.parameters).run(x[:, None], target=target)


def hurt(data, rng):
    """A file cut short, or with some bits turned, or both."""
    way = rng.randrange(3)
    if way == 0:
        return data[: rng.randrange(1, len(data))]
    wrong = bytearray(data)
    for _ in range(rng.choice((1, 4, 40))):
        wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
    return bytes(wrong) if way == 1 else bytes(wrong[: len(wrong) // 2]) + rng.randbytes(64)


def read_hurt(load, path, data, rng):
    """Read a damaged copy; returns what the error says, or nothing where it is a network still."""
    path.write_bytes(hurt(data, rng))
    try:
        return "" if load(path).parameters else "no parameters"
    except ValueError as error:
        return f"{type(error).__name__}: {error}"
