"""Good files of every kind that can be opened, to be damaged, and what reads them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import save

from engine import ModelSpec, Network, projects
from engine.interop import captures, load_torch
from engine.interop.imported import Imported
from engine.interop.read import SUFFIXES
from engine.interop.sequences import SUFFIXES as SEQUENCES
from engine.interop.sequences import read_sequence
from engine.interop.vocabularies import SUFFIXES as VOCABULARIES
from engine.interop.vocabularies import read_vocabulary
from gui.state import importing, storing
from gui.state.document import opened
from gui.state.project import GIVEN, Project

#: A file put here, of any suffix that weights may have, is damaged like the others.
FILES = Path(__file__).with_name("files")


@dataclass(frozen=True)
class Reader:
    """One way into the program.

    Attributes
    ----------
    name : str
    suffixes : tuple of str
    read : callable
        Given a path.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], Any]


@cache
def vectors() -> Project:
    """A project whose network reads two numbers a step."""
    spec = ModelSpec(pattern="many-to-many", cell="gru", input_size=2, hidden_size=3, output_size=2)
    parameters = Network(spec).parameters
    task = Imported("two", spec, parameters)
    return Project(task, task.spec("gru"), parameters, GIVEN, "", (np.zeros((4, 2)),), (None,), 0, "numpy", "cpu")


def _onto_benches(path: Path) -> None:
    for project in (opened("movie-review"), vectors(), opened("glyph")):
        importing.with_sequence(project, path)


def _weights(path: Path) -> None:
    if importing.holds_weights(path):
        importing.of_file(path)


READERS = (
    Reader("load_torch", SUFFIXES, load_torch),
    Reader("of_file", (*SUFFIXES, projects.SUFFIX), importing.of_file),
    Reader("holds_weights", SUFFIXES, _weights),
    Reader("captures", (projects.SUFFIX,), captures.read),
    Reader("projects", (projects.SUFFIX,), projects.load),
    Reader("storing", (projects.SUFFIX,), storing.read),
    Reader("sequences", SEQUENCES, read_sequence),
    Reader("with_sequence", SEQUENCES, _onto_benches),
    Reader("vocabularies", VOCABULARIES, read_vocabulary),
)


def _arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        "embed.weight": (5, 2), "rnn.weight_ih_l0": (9, 2), "rnn.weight_hh_l0": (9, 3), "rnn.bias_ih_l0": (9,),
        "rnn.bias_hh_l0": (9,), "fc.weight": (4, 3), "fc.bias": (4,),
    }  # fmt: skip
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def _torch(zipped: bool) -> bytes:
    import torch

    stream = io.BytesIO()
    state = {"epoch": 3, "model": {name: torch.from_numpy(value) for name, value in _arrays().items()}, "lr": [0.1]}
    torch.save(state, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _npz(arrays: dict[str, np.ndarray], compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _written(write: Callable[[Path], Any]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.loopscope"
        write(path)
        return path.read_bytes()


def _project() -> bytes:
    project = opened("tagging", "gru")
    name = next(iter(project.parameters))
    edited = {**project.parameters, name: project.parameters[name] + 1}
    project = project.but(notes="a", reference=project.parameters, weights="edited", parameters=edited)
    return _written(lambda path: storing.write(path, project, storing.View(index=2)))


def _imported() -> bytes:
    return _written(lambda path: storing.write(path, vectors(), storing.View(panels={"dock.build": False})))


def _capture() -> bytes:
    import torch

    from engine.interop.recorder import record

    torch.manual_seed(0)
    layer = torch.nn.GRU(2, 3)

    def run(path: Path) -> None:
        with record(layer, path):
            layer(torch.randn(3, 2, 2))[0].sum().backward()

    return _written(run)


def _tokenizer() -> bytes:
    vocabulary = {"a": 0, "b": 1, "ab": 2, "<unk>": 3}
    return json.dumps({
        "model": {"type": "BPE", "vocab": vocabulary, "merges": ["a b"], "unk_token": "<unk>"},
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None,
        "added_tokens": [{"id": 4, "content": "<s>"}],
    }).encode()  # fmt: skip


@cache
def samples() -> dict[str, bytes]:
    """Good files by their names."""
    x = np.random.default_rng(1).standard_normal((4, 2))
    found = {
        "weights.safetensors": save(_arrays()),
        "weights.npz": _npz(_arrays()), "packed.npz": _npz(_arrays(), compressed=True), "x.npz": _npz({"x": x}),
        "x.npy": _npy(x), "ids.npy": _npy(np.arange(4)),
        "x.csv": b"a,b\n1,2\n3,4\n5,6\n", "x.tsv": b"1\t2\n3\t4\n", "x.txt": b"the film was good",
        "words.txt": b"<unk>\nthe\nfilm\n", "words.json": b'{"the": 0, "film": 1}', "tokenizer.json": _tokenizer(),
        "a.loopscope": _project(), "imported.loopscope": _imported(),
    }  # fmt: skip
    with suppress(ImportError):  # without torch its files are left out
        found |= {"zip.pt": _torch(True), "legacy.pth": _torch(False), "whole.bin": _torch(True),
                  "whole.ckpt": _torch(False), "capture.loopscope": _capture()}  # fmt: skip
    for path in sorted(FILES.glob("*")):
        found[path.name] = path.read_bytes()
    return found


def readers_of(suffix: str) -> list[Reader]:
    """Which ways a file with this ending may take."""
    return [reader for reader in READERS if suffix in reader.suffixes]


def all_suffixes() -> list[str]:
    """Every ending that anything reads."""
    return sorted({suffix for reader in READERS for suffix in reader.suffixes})
