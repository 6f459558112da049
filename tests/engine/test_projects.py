"""Project files: the same bytes, the same numbers, atomic, and no flipped bit goes unseen."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import ModelSpec, Network, projects, writing
from engine.projects import ProjectError

SPEC = ModelSpec(pattern="many-to-one", cell="gru", input_size=3, hidden_size=4, output_size=2)
FACTS = {"scenario": "movie-review", "playhead": 4, "notes": "Wörter – und ∂L/∂h", "targets": ["negative", None]}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def saved(folder):
    path = folder / "a.loopscope"
    projects.save(path, Network(SPEC), arrays={"x": np.arange(6.0).reshape(2, 3)}, facts=FACTS)
    return path


def test_round_trip(saved):
    found = projects.load(saved)
    assert found.spec == SPEC and found.facts == FACTS
    np.testing.assert_array_equal(found.arrays["x"], np.arange(6.0).reshape(2, 3))
    for name, value in Network(SPEC).parameters.items():
        np.testing.assert_array_equal(found.parameters[name], value)


def test_same_content_same_bytes(saved, tmp_path):
    projects.save(tmp_path / "b.loopscope", Network(SPEC), arrays={"x": np.arange(6.0).reshape(2, 3)}, facts=FACTS)
    assert saved.read_bytes() == (tmp_path / "b.loopscope").read_bytes()


def test_a_failed_save_leaves_what_was_there(saved, monkeypatch):
    before = saved.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProjectError, match=r"^a\.loopscope: cannot be written: No space left"):
        projects.save(saved, Network(SPEC.but(hidden_size=9)))
    assert saved.read_bytes() == before and [p.name for p in saved.parent.iterdir()] == ["a.loopscope"]
    monkeypatch.undo()
    with pytest.raises(ProjectError, match="cannot be written"):
        projects.save(saved.parent / "none" / "b.loopscope", Network(SPEC))


def test_leftovers_are_swept(folder):
    (folder / ".a.loopscope.x1.saving").write_bytes(b"half")
    (folder / "kept.loopscope").write_bytes(b"x")
    assert writing.sweep(folder) == 1 and [p.name for p in folder.iterdir()] == ["kept.loopscope"]


@settings(max_examples=60)
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_loads_wrong(at, bit, tmp_path_factory):
    path = tmp_path_factory.mktemp("flip") / "a.loopscope"
    data = bytearray(projects.pack(Network(SPEC), {}, FACTS))
    data[int(at * len(data))] ^= 1 << bit
    path.write_bytes(bytes(data))
    try:
        found = projects.load(path)
    except ProjectError as error:
        said = str(error)
    else:  # a bit of the zip's own bookkeeping, which changes no content
        said = "a.loopscope: "
        assert found.facts == FACTS
        for name, value in Network(SPEC).parameters.items():
            np.testing.assert_array_equal(found.parameters[name], value)
    assert said.startswith("a.loopscope: ") and "\n" not in said


@settings(max_examples=40)
@given(length=st.floats(0, 1, exclude_max=True))
def test_no_cut_file_loads(length, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "a.loopscope"
    data = projects.pack(Network(SPEC), {}, FACTS)
    path.write_bytes(data[: int(length * len(data))])
    with pytest.raises(ProjectError, match=r"^a\.loopscope: "):
        projects.load(path)


def _with(saved, **changes):
    with zipfile.ZipFile(saved) as archive:
        facts = json.loads(archive.read(projects.FACTS))
        packed = archive.read(projects.ARRAYS)
    import hashlib

    members = {projects.FACTS: json.dumps(facts | changes).encode(), projects.ARRAYS: packed}
    members[projects.DIGESTS] = json.dumps({n: hashlib.sha256(d).hexdigest() for n, d in members.items()}).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    saved.write_bytes(stream.getvalue())


def test_newer_versions_are_refused_politely(saved):
    _with(saved, loopscope=projects.VERSION + 3)
    with pytest.raises(ProjectError, match="a newer one is needed"):
        projects.load(saved)


def test_older_versions_migrate_after_a_backup(saved, monkeypatch):
    monkeypatch.setattr(projects, "VERSION", 2)
    monkeypatch.setitem(projects.MIGRATIONS, 1, lambda old: old | {"facts": old["facts"] | {"new": True}})
    old = saved.read_bytes()
    (saved.parent / "a.version-1.loopscope").write_bytes(b"an earlier one")
    assert projects.load(saved).facts["new"] is True
    assert len(list(saved.parent.iterdir())) == 2  # reading writes nothing: the folder may be read-only
    for _ in range(2):
        projects.save(saved, Network(SPEC))
    assert (saved.parent / "a.version-1.loopscope").read_bytes() == b"an earlier one"
    assert (saved.parent / "a.version-1-2.loopscope").read_bytes() == old
    assert len(list(saved.parent.iterdir())) == 3 and projects.load(saved).facts == {}


def test_the_digest_tells_contents_apart(saved, tmp_path):
    first = projects.digest(saved)
    assert projects.load(saved).digest == first == projects.save(tmp_path / "b.loopscope", projects.load(saved),
        arrays=projects.load(saved).arrays, facts=projects.load(saved).facts)  # fmt: skip
    other = projects.save(saved, Network(SPEC), facts={"x": 1})
    assert other not in ("", first) and projects.digest(saved) == other
    saved.write_bytes(b"something else")
    assert projects.digest(saved) == ""
    with pytest.raises(FileNotFoundError):
        projects.digest(tmp_path / "nowhere.loopscope")


def test_facts_are_read_alone(saved):
    assert projects.facts(saved) == projects.load(saved).facts
    _with(saved, loopscope=projects.VERSION + 1)
    with pytest.raises(ProjectError, match="is of version"):
        projects.facts(saved)
    saved.write_bytes(saved.read_bytes()[:-200])
    with pytest.raises(ProjectError, match="damaged"):
        projects.facts(saved)


def test_what_an_interrupted_save_of_one_file_left_is_swept_alone(tmp_path):
    for name in (".a.loopscope.12.saving", ".b.loopscope.12.saving", ".a.loopscope"):
        (tmp_path / name).write_bytes(b"")
    assert writing.sweep(tmp_path, "a.loopscope") == 1
    left = sorted(path.name for path in tmp_path.glob(".*"))
    assert left == [".a.loopscope", ".b.loopscope.12.saving"]


WRONG_SPECS = [{}, None, SPEC.to_dict() | {"cell": "?"}, SPEC.to_dict() | {"hidden_size": 5}]


@pytest.mark.parametrize("changes", [{"loopscope": "x"}, *({"spec": spec} for spec in WRONG_SPECS)])
def test_wrong_content_is_said(saved, changes):
    _with(saved, **changes)
    with pytest.raises(ProjectError, match=r"^a\.loopscope: "):
        projects.load(saved)


def test_facts_must_be_json():
    with pytest.raises(ValueError, match="JSON"):
        projects.pack(Network(SPEC), {}, {"x": object()})
