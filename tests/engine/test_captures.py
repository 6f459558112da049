"""Captures that are no captures: one clear error, and nothing believed."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest
import torch

from engine import ModelSpec, Network, projects
from engine.interop import ImportFileError, captures
from engine.interop.recorder import ARRAYS, DIGESTS, FACTS, record


@pytest.fixture(name="path")
def a_capture(tmp_path):
    torch.manual_seed(0)
    layer = torch.nn.GRU(3, 4, dtype=torch.float64)
    with record(layer, tmp_path / "run.loopscope"):
        layer(torch.ones(5, 2, 3, dtype=torch.float64))[0].sum().backward()
    return tmp_path / "run.loopscope"


def rewritten(path, change):
    """The same capture with its facts or arrays changed, and digests that fit."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    facts = json.loads(members[FACTS])
    arrays = change(facts, members[ARRAYS])
    members[ARRAYS] = arrays if isinstance(arrays, bytes) else members[ARRAYS]
    members[FACTS] = json.dumps(facts).encode()
    digests = {name: hashlib.sha256(members[name]).hexdigest() for name in (FACTS, ARRAYS)}
    members[DIGESTS] = json.dumps(digests).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def refused(path, match=None):
    with pytest.raises(ImportFileError, match=match) as caught:
        captures.read(path)
    assert str(caught.value).startswith(path.name)


def test_a_capture_says_that_it_is_one(path, tmp_path):
    assert captures.is_capture(path)
    project = tmp_path / "project.loopscope"
    projects.save(
        project, Network(ModelSpec(pattern="one-to-one", cell="rnn", input_size=2, hidden_size=2, output_size=2))
    )
    assert not captures.is_capture(project)
    assert not captures.is_capture(tmp_path / "nothing.loopscope")
    refused(project, "is no capture: it holds project.json")
    with pytest.raises(projects.ProjectError, match=r"is no project file: it holds capture\.json"):
        projects.load(path)


def test_the_same_program_gives_the_same_bytes(path, tmp_path):
    first = path.read_bytes()
    torch.manual_seed(0)
    layer = torch.nn.GRU(3, 4, dtype=torch.float64)
    with record(layer, path):
        layer(torch.ones(5, 2, 3, dtype=torch.float64))[0].sum().backward()
    assert path.read_bytes() == first


def test_every_flipped_bit_is_found_or_harmless(path):
    data, found = path.read_bytes(), captures.read(path).modules[0]
    rng, messages = np.random.default_rng(0), set()
    for at in rng.integers(0, len(data), 300):
        flipped = bytearray(data)
        flipped[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            again = captures.read(path).modules[0]
        except ImportFileError as error:
            messages.add(str(error))
        else:
            assert np.array_equal(again.x, found.x) and again.spec == found.spec
    assert messages and all(message.startswith(path.name) for message in messages)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_what_is_cut_short_is_refused(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


def test_what_does_not_fit_is_named(path):
    data = path.read_bytes()

    def changed(match, **facts):
        path.write_bytes(data)
        rewritten(path, lambda found, _: found["modules"][0].update(facts))
        refused(path, match)

    changed(r"GRU: x has the shape \(5, 2, 3\); it must be \(5, 2, 7\)", input_size=7)
    changed(r"value/l0\.a is missing|parameter/weight_ih_l0 has the shape", cell="rnn")
    changed("has 1,000,000 layers; at most 100 can be shown", num_layers=1_000_000)
    changed("it must be", hidden_size=1_000_000)
    changed("cell='nonsense' is not possible", cell="nonsense")
    changed("hidden_size", hidden_size="four")
    path.write_bytes(data)
    rewritten(path, lambda found, _: found.update(version=9))
    refused(path, "is a capture of version 9")
    changed("agreement='x' is no number", agreement="x")
    changed("agreement=nan is no number", agreement=float("nan"))
    changed("call=True of a module is no number of calls", call=True)
    changed("its notes are no list", notes=5)
    for facts, said in ({"version": True}, "is a capture of version True"), ({"modules": {}}, "it lists no modules"):
        path.write_bytes(data)
        rewritten(path, lambda found, _, facts=facts: found.update(facts))
        refused(path, said)
    path.write_bytes(data)
    rewritten(path, lambda found, _: found.pop("modules"))
    refused(path, "is damaged or no capture")


def test_texts_are_as_long_as_people_read(path):
    texts = {"title": "a\n" + "x" * 100_000, "notes": ["y" * 100_000] * 500, "device": "z" * 500}
    rewritten(path, lambda found, _: found["modules"][0].update(texts))
    (found,) = captures.read(path).modules
    assert found.title.startswith("a xxx") and len(found.title) == 400 and found.title.endswith("…")
    assert (len(found.notes), len(found.notes[0]), len(found.device)) == (100, 1000, 60)


def test_arrays_that_reach_out_of_the_file_are_refused(path):
    data = path.read_bytes()

    def header(change):
        def of(_, arrays):
            size = int.from_bytes(arrays[:8], "little")
            facts = json.loads(arrays[8 : 8 + size])
            change(facts)
            text = json.dumps(facts).encode()
            return len(text).to_bytes(8, "little") + text + arrays[8 + size :]

        path.write_bytes(data)
        rewritten(path, of)

    header(lambda facts: facts["0/x"].update(data_offsets=[0, 10**12]))
    refused(path, "0/x lies outside the file")
    header(lambda facts: facts["0/x"].update(shape=[10**6, 10**6, 10**6]))
    refused(path, "0/x of shape")
    header(lambda facts: facts["0/x"].update(dtype="Object"))
    refused(path, "0/x holds numbers of type Object, which are not read here")
    header(lambda facts: facts["0/x"].update(dtype="I64"))
    refused(path, "GRU: x holds numbers of type int64")
    header(lambda facts: facts["0/y"].update(facts["0/x"]))
    refused(path, "is damaged or no capture: 0/y overlaps another array")
    path.write_bytes(data)
    rewritten(path, lambda _, arrays: (2**60).to_bytes(8, "little") + arrays[8:])
    refused(path, "says a header of")


def test_a_bomb_is_not_unpacked(path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FACTS, "{}")
        archive.writestr(ARRAYS, bytes(50_000_000))
        archive.writestr(DIGESTS, "{}")
    path.write_bytes(stream.getvalue())
    refused(path, "its member capture.json is compressed")
