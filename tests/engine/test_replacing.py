"""A file is replaced whole or not at all, in its place and with its mode, and not once it is unwanted."""

import os
import stat
import sys

import pytest

from engine.stop import Cancelled, Stop
from engine.writing import replacing, sweep, write_whole

unix = pytest.mark.skipif(sys.platform == "win32", reason="modes and links are not its way")


def written(path, text="new", stop=None):
    with replacing(path, stop) as temporary:
        temporary.write_text(text)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@unix
@pytest.mark.parametrize("write", [written, lambda path: write_whole(path, b"new")])
def test_modes_and_links_stay(tmp_path, write):
    (tmp_path / "far").mkdir()
    there, link = tmp_path / "far" / "a.gif", tmp_path / "a.gif"
    there.write_text("old")
    there.chmod(0o600)
    link.symlink_to(there)
    write(link)
    assert link.is_symlink() and there.read_text() == "new" and mode(there) == 0o600
    before = os.umask(0o027)
    try:
        write(tmp_path / "b.gif")
    finally:
        os.umask(before)
    assert mode(tmp_path / "b.gif") == 0o640


@pytest.fixture
def path(tmp_path):
    """A file in a folder of its own."""
    path = tmp_path / "out" / "a.gif"
    path.parent.mkdir()
    path.write_text("old")
    return path


def test_what_fails_or_is_killed_leaves_what_was_there(path):
    def failing():
        with replacing(path) as temporary:
            temporary.write_text("half")
            temporary.with_name(f".b{temporary.name}").write_text("of a program that was killed")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert path.read_text() == "old"
    assert sweep(path.parent) == 1 and list(path.parent.iterdir()) == [path]


def test_it_is_synced_through_a_file_that_can_be_written(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.write(file, b"")))  # EBADF, as on Windows
    written(tmp_path / "a.gif")
    assert synced == [0]


def test_what_is_cancelled_is_not_written(path):
    stop, asked = Stop(), []

    def content(file):
        for _ in range(10):
            asked.append(file.write(b"piece"))
            stop.cancel()

    with pytest.raises(Cancelled):
        write_whole(path, content, stop)
    with pytest.raises(Cancelled):
        write_whole(path, b"x", stop)
    with pytest.raises(Cancelled), replacing(path, stop):
        pass
    assert len(asked) == 1 and path.read_text() == "old" and list(path.parent.iterdir()) == [path]


def test_what_is_there_can_no_longer_be_cancelled(tmp_path):
    stop = Stop()
    written(tmp_path / "a.gif", stop=stop)
    assert not stop.cancel()
    stop.check()


def test_what_is_to_end_is_told_at_once_and_only_meanwhile():
    stop, told = Stop(), []
    with stop.calling(lambda: told.append(1)):
        pass
    with stop.calling(lambda: told.append(2)):
        assert stop.cancel()
    assert told == [2]
    with pytest.raises(Cancelled), stop.calling(lambda: told.append(3)):
        pass
    assert told == [2]
