"""Encoders get every frame, say what went wrong, end when they are told to, and leave no half file."""

import importlib.util
import shutil
import sys
import threading

import pytest

from engine.stop import Cancelled, Stop
from gui.export import encoders
from gui.export.encoders import GIF, MP4, PDF, WEBP, Frame

pytest.importorskip("PIL.Image")


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "pip install" in encoders.missing(GIF) and "ffmpeg" in encoders.missing(".mp4")
    assert encoders.missing(PDF) == ""


FFMPEG = """#!{python}
import sys
import time
if "{hangs}" == "at once":
    time.sleep(1000)
with open(sys.argv[-1], "wb") as out:
    data = sys.stdin.buffer.read()
    size = sys.argv[sys.argv.index("-s") + 1].split("x")
    out.write(str(len(data) / (3 * int(size[0]) * int(size[1]))).encode())
if "{hangs}":
    time.sleep(1000)
if "{said}":
    print("first", file=sys.stderr)
    sys.exit("{said}")
"""


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """A program of that name on the PATH, which counts the frames it is given, or fails and says why, or hangs."""
    find = importlib.util.find_spec

    def making(said="", hangs=""):
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "ffmpeg").write_text(FFMPEG.format(python=sys.executable, said=said, hangs=hangs))
        (folder / "ffmpeg").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "av" else find(name))

    return making


def grey(count, width=5, height=4):
    stride = 3 * width + 1  # Qt pads its rows
    return iter([Frame(width, height, stride, bytes([i]) * (stride * height)) for i in range(count)])


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_ffmpeg_is_given_every_frame(tmp_path, ffmpeg):
    ffmpeg()
    encoders.encode(tmp_path / "film.mp4", ".mp4", grey(7), 7, 2.0)
    assert (tmp_path / "film.mp4").read_text() == "7.0"


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_what_ffmpeg_says_is_passed_on_and_no_file_is_left(tmp_path, ffmpeg):
    ffmpeg("Unknown encoder")
    with pytest.raises(encoders.EncoderError, match="ffmpeg failed: Unknown encoder"):
        encoders.encode(tmp_path / "film.mp4", ".mp4", grey(3), 3, 2.0)

    def stopped():
        yield from grey(2)
        raise Cancelled

    with pytest.raises(Cancelled):
        encoders.encode(tmp_path / "film.mp4", ".mp4", stopped(), 3, 2.0)
    assert not list(tmp_path.glob("*.mp4"))


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
@pytest.mark.parametrize("hangs", ["at once", "at the end"])
def test_an_ffmpeg_that_hangs_is_ended_by_cancelling(tmp_path, ffmpeg, hangs):
    ffmpeg(hangs=hangs)
    stop, given, ended = Stop(), threading.Event(), []

    def frames():
        yield from grey(3, 300, 300)  # more than a pipe holds
        given.set()

    def encode():
        try:
            encoders.encode(tmp_path / "film.mp4", MP4, frames(), 3, 2.0, stop=stop)
        except Cancelled:
            ended.append(True)

    thread = threading.Thread(target=encode)
    thread.start()
    if hangs == "at the end":
        assert given.wait(20)
    assert stop.cancel()
    thread.join(20)
    assert ended and not (tmp_path / "film.mp4").exists() and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("kind", [GIF, "av", "ffmpeg"])  # WebP asks for no more than there are: see below
def test_cancelled_after_its_last_frame_it_leaves_no_file(tmp_path, monkeypatch, kind):
    if kind == "ffmpeg":
        if shutil.which("ffmpeg") is None:
            pytest.skip("there is no ffmpeg")
        find = importlib.util.find_spec
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "av" else find(name))
    elif kind == "av":
        pytest.importorskip("av")
    suffix = kind if kind == GIF else MP4
    stop, path = Stop(), tmp_path / "out" / f"film{suffix}"
    path.parent.mkdir()
    path.write_bytes(b"before")

    def frames():
        yield from grey(3, 64, 48)
        assert stop.cancel()

    with pytest.raises(Cancelled):
        encoders.encode(path, suffix, frames(), 3, 2.0, stop=stop)
    with pytest.raises(Cancelled):
        encoders.measured(suffix, [list(grey(3, 64, 48))], 3, 2.0, stop)
    assert [(each.name, each.read_bytes()) for each in path.parent.iterdir()] == [(path.name, b"before")]


def test_frames_that_end_early_leave_no_file(tmp_path):
    def frames():
        yield Frame(2, 2, 6, bytes(12))
        raise Cancelled

    for kind in (GIF, WEBP):
        with pytest.raises(Cancelled):
            encoders.encode(tmp_path / f"film{kind}", kind, frames(), 2, 1.0)
    assert not list(tmp_path.glob("*film*")) and not list(tmp_path.glob(".loopscope*"))


def test_a_folder_that_is_not_there_is_said(tmp_path):
    for kind in (GIF, WEBP, MP4):
        with pytest.raises(OSError, match="No such file"):
            encoders.encode(tmp_path / "no" / f"film{kind}", kind, grey(2), 2, 2.0)
