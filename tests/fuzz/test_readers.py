"""Damaged files of every kind at every reader: each is read, or refused by one clear sentence."""

from pathlib import Path

import pytest
from damage import Content, blindly, inside
from hypothesis import given, settings
from hypothesis import strategies as st
from said import attempt
from wholesome import READERS, all_suffixes, readers_of, samples

FUZZ = settings.get_profile("fuzz")
GOOD = {name: Content(data) for name, data in samples().items()}
WAYS = [(name, reader.name) for name in GOOD for reader in readers_of(Path(name).suffix)]
READ = {reader.name: reader.read for reader in READERS}

#: Which of the good files which reader does not take, by what they are.
MISFITS = {
    ("x.npz", "load_torch"), ("x.npz", "of_file"), ("capture.loopscope", "projects"), ("capture.loopscope", "storing"),
    *((name, way) for name in ("a.loopscope", "imported.loopscope") for way in ("captures", "of_file")),
    *((name, way) for name in ("weights.npz", "packed.npz") for way in ("sequences", "with_sequence")),
    *((name, "with_sequence") for name in GOOD),  # one of the benches there is for each
}  # fmt: skip


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_good_files_are_read(name, way, folder):
    path = folder / name
    path.write_bytes(GOOD[name])
    said = attempt(READ[way], path)
    assert not said or (name, way) in MISFITS, said


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_damaged_blindly(name, way, tmp_path_factory):
    path = tmp_path_factory.mktemp("blind") / name

    @FUZZ
    @given(blindly(GOOD[name]))
    def thrown(data):
        path.write_bytes(data)
        attempt(READ[way], path)

    thrown()


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_damaged_from_inside(name, way, tmp_path_factory):
    path = tmp_path_factory.mktemp("inside") / name

    @FUZZ
    @given(inside(name, GOOD[name]))
    def thrown(data):
        path.write_bytes(data)
        attempt(READ[way], path)

    thrown()


@pytest.mark.parametrize("suffix", all_suffixes())
def test_files_of_another_kind(suffix, folder):
    others = {"empty": b"", "zeros": b"\0" * 300, "letters": b"hello there\n" * 9, "latin": "Größe\n".encode("latin1"),
              "utf16": "a,b\n1,2".encode("utf-16"), "newlines": b"\n" * 50}  # fmt: skip
    for name, data in {**GOOD, **others}.items():
        path = folder / f"{name.replace('.', '_')}{suffix}"
        path.write_bytes(data)
        for reader in readers_of(suffix):
            attempt(reader.read, path)


@pytest.mark.parametrize("suffix", all_suffixes())
def test_nonsense(suffix, tmp_path_factory):
    path = tmp_path_factory.mktemp("nonsense") / f"a{suffix}"

    @FUZZ
    @given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
    def thrown(data):
        path.write_bytes(data)
        for reader in readers_of(suffix):
            attempt(reader.read, path)

    thrown()
