"""The command line, in the process and as a user would call it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

from engine import tasks
from engine.recording import engines
from engine.registry import cells
from gui import command_line
from gui.command_line import Options, UsageError, parse
from gui.state import storing
from gui.state.document import opened
from gui.state.storing import View

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "main.py", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_without_arguments_it_is_the_start_scenario():
    options = parse([])
    assert isinstance(options, Options)
    assert options.project.scenario == "movie-review"
    assert (options.step, options.theme, options.present, options.snapshot) == (None, None, False, None)


def test_everything_can_be_said(tmp_path):
    said = ["--scenario", "tagging", "--cell", "gru", "--engine", "numpy", "--device", "cpu", "--step", "-1"]
    said += ["--theme", "dark", "--size", "640x480"]
    options = parse([*said, "--text", "we can see", "--snapshot", str(tmp_path / "a.png")])
    project = options.project
    assert (project.scenario, project.spec.cell, project.sources) == ("tagging", "gru", ("we can see",))
    assert (options.step, options.theme, options.size) == (-1, "dark", (640, 480))


def drawing():
    return np.eye(10)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.npy", lambda path: np.save(path, drawing())),
        ("a.npz", lambda path: np.savez(path, drawing())),
        ("b.npz", lambda path: np.savez(path, x=drawing(), y=np.zeros(3))),
        ("a.csv", lambda path: np.savetxt(path, drawing(), delimiter=",")),
        (
            "head.csv",
            lambda path: np.savetxt(path, drawing(), delimiter=",", header=",".join("abcdefghij"), comments=""),
        ),
        (
            "comma.csv",
            lambda path: path.write_text("\n".join(";".join(f"{v},0" for v in r) for r in np.eye(10, dtype=int))),
        ),
    ],
)
def test_arrays_are_read(tmp_path, name, write):
    write(tmp_path / name)
    options = parse(["--scenario", "glyph", "--input", str(tmp_path / name)])
    np.testing.assert_array_equal(options.project.sources[0], drawing())


def test_a_text_is_read(tmp_path):
    (tmp_path / "review.txt").write_text("I liked it\n", encoding="utf-8")
    assert parse(["--input", str(tmp_path / "review.txt")]).project.sources == ("I liked it",)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scenario", "cinema"], "movie-review"),
        (["--cell", "lstn"], "lstm"),
        (["--engine", "jax"], "numpy"),
        (["--device", "tpu", "--engine", "numpy"], "there is cpu"),
        (["--device", "cuda:17"], "cuda:17"),
        (["--text", "  "], "no words"),
        (["--scenario", "glyph", "--text", "hello"], "reads numbers"),
        (["--text", "a", "--input", "b.txt"], "one input"),
        (["--input", "nowhere.txt"], "No such file"),
        (["--input", "picture.bmp"], ".npy"),
        (["--step", "two"], "whole number"),
        (["--theme", "pink"], "dark"),
        (["--size", "640x480"], "--snapshot"),
        (["--snapshot", "a.png", "--size", "big"], "1920x1080"),
        (["--snapshot", "a.png", "--size", "1x1"], "each side"),
        (["--snapshot", "a.gif"], ".png"),
        (["--snapshot", "/nowhere/a.png"], "no folder"),
        (["--colour"], "--colour"),
        (["--device", ""], "--device: it is empty"),
        (["--input", ""], "--input: it is empty"),
        (["--input", " "], "--input: it is empty"),
        (["--snapshot", ""], "--snapshot: it is empty"),
        ([""], "FILE: it is empty"),
        (["a.loopscope"], "no such file"),
        (["pyproject.toml"], "cannot be opened"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, words):
    with pytest.raises(UsageError) as error:
        parse(arguments)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'", b"\xff\xfe"])
@pytest.mark.parametrize("kind", [".npy", ".npz", ".csv", ".txt"])
def test_a_damaged_input_is_one_line(tmp_path, kind, content):
    path = tmp_path / f"damaged{kind}"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="damaged") as error:
        parse(["--scenario", "glyph", "--input", str(path)])
    assert "\n" not in str(error.value)


def test_an_array_of_another_shape_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 3)))
    with pytest.raises(UsageError, match="10"):
        parse(["--scenario", "glyph", "--input", str(tmp_path / "a.npy")])


def test_pickles_are_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="npy"):
        parse(["--scenario", "glyph", "--input", str(tmp_path / "a.npy")])


def test_a_missing_engine_says_what_brings_it(monkeypatch):
    monkeypatch.setattr(type(engines["torch"]), "missing", lambda self: "PyTorch is not installed; pip install torch")
    with pytest.raises(UsageError, match="pip install torch"):
        parse(["--engine", "torch"])
    monkeypatch.setattr(type(engines["torch"]), "devices", lambda self: ())
    assert "pip install torch" in command_line.listing()


@pytest.mark.parametrize("id", tasks.ids())
def test_the_list_names_every_scenario(id):
    text = parse(["--list"])
    assert id in text
    assert tasks.get(id).metric_name in text
    assert all(name in text for name in (*cells.names(), *engines.names()))


# As a program ------------------------------------------------------------------------------------------------


def test_the_version_is_printed():
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Loopscope 0.1.0\n", "")


def test_the_list_is_printed_without_a_screen():
    done = run("--list", QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 0
    assert "movie-review" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [["--cell", "x"], ["--step", "99", "--snapshot", "a.png"], ["nothing.pt"]])
def test_a_mistake_is_one_line_and_status_2(tmp_path, arguments):
    arguments = [str(tmp_path / word) if word.endswith(".png") else word for word in arguments]
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(("scenario", "name"), [("glyph", "none.csv"), ("linear-stays", "complex.npy")])
def test_an_input_that_numpy_would_warn_about_is_one_line_too(tmp_path, scenario, name):
    (tmp_path / "none.csv").write_bytes(b"")
    np.save(tmp_path / "complex.npy", np.ones((5, 4), complex))
    done = run("--scenario", scenario, "--input", tmp_path / name, "--snapshot", tmp_path / "a.png")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert name in done.stderr and ("is empty" in done.stderr or "real numbers" in done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="the screen is told by the environment on Linux")
def test_without_a_screen_it_says_so():
    done = run(QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--snapshot" in done.stderr


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_snapshot_needs_no_screen(tmp_path, theme):
    path = tmp_path / "window.png"
    done = run(
        "--theme", theme, "--step", "-1", "--snapshot", path, "--size", "1000x700", QT_QPA_PLATFORM="", DISPLAY=""
    )
    assert (done.returncode, done.stderr) == (0, "")
    image = QImage(str(path))
    assert (image.width(), image.height()) == (1000, 700)
    corner = image.pixelColor(3, 3).lightness()
    assert corner > 200 if theme == "light" else corner < 60
    assert [other.name for other in tmp_path.iterdir() if other.suffix == ".png"] == ["window.png"]


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_snapshot_is_drawn_in_lines(tmp_path, kind, start):
    path = tmp_path / f"window.{kind}"
    done = run("--snapshot", path)
    assert (done.returncode, done.stderr) == (0, "")
    content = path.read_bytes()
    assert content.startswith(start)
    assert len(content) > 20_000
    assert b"<text" not in content


def test_the_same_command_draws_the_same_picture(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        assert run("--step", "4", "--snapshot", path, "--size", "900x600").returncode == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()


# A file ------------------------------------------------------------------------------------------------------


@pytest.fixture
def project_file(tmp_path):
    path = tmp_path / "a.loopscope"
    storing.write(path, opened("tagging", "gru"), View(index=5))
    return path


def test_a_project_file_is_opened(project_file):
    options = parse([str(project_file)])
    assert options.file.path == project_file and options.project is options.file.project
    assert (options.project.scenario, options.file.view.index) == ("tagging", 5)
    changed = parse([str(project_file), "--text", "we can see", "--engine", "numpy"])
    assert changed.project.sources == ("we can see",) and changed.project is not changed.file.project


@pytest.mark.parametrize(("option", "value"), [("--scenario", "glyph"), ("--cell", "lstm")])
def test_what_a_file_has_itself_is_not_asked_for(project_file, option, value):
    with pytest.raises(UsageError, match=option):
        parse([str(project_file), option, value])


def test_a_checkpoint_is_opened(tmp_path):
    project = opened("movie-review", "gru")
    path = tmp_path / "net.npz"
    np.savez(path, **project.parameters)
    for more in (["--step", "2"], ["--text", "2 0 5"], ["--present"], ["--snapshot", str(tmp_path / "a.png")]):
        options = parse([str(path), *more])
        assert options.file is None and options.asked is None
        assert options.project.scenario == "imported" and options.project.spec.cell == "gru"


ASKED = """
import sys
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication
import main

def looked_at(app):
    window = next(each for each in app.topLevelWidgets() if each.objectName() == "main")
    dialog, waiting = window.filing.importer().dialog, QEventLoop()
    timer = QTimer()
    timer.timeout.connect(lambda: dialog.open_button.isEnabled() and waiting.quit())
    timer.start(5)
    waiting.exec()
    print(dialog.summary.text(), dialog.proof.text(), sep="\\n")
    dialog.open_button.click()
    print(window.state.document.project.scenario, window.windowTitle())
    window.close()
    return 0

QApplication.exec = looked_at
sys.exit(main.main(sys.argv[1:]))
"""


def test_a_checkpoint_is_asked_about_where_nothing_else_is_said(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, **opened("movie-review", "gru").parameters)
    options = parse([str(path), "--engine", "numpy"])
    assert options.asked[0] == path and options.project.scenario == "movie-review"
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ASKED, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=100,
        env={**os.environ, **home, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.returncode == 0 and "Traceback" not in done.stderr
    found, proven, opens = done.stdout.splitlines()
    assert "GRU" in found and "agrees with torch.nn.GRU" in proven and opens.startswith("imported net.npz")


def test_of_several_layers_the_window_asks_which(tmp_path):
    path = tmp_path / "two.npz"
    given = opened("movie-review", "gru").parameters
    np.savez(path, **{f"{name}.{key}": value for name in "ab" for key, value in given.items() if "l0" in key})
    assert parse([str(path)]).asked[1].layers == ("a", "b")
    with pytest.raises(UsageError, match=r"two\.npz: several recurrent layers were found: a, b"):
        parse([str(path), "--step", "1"])


def test_a_sequence_needs_its_option(tmp_path):
    np.save(tmp_path / "a.npy", drawing())
    with pytest.raises(UsageError, match="--input"):
        parse([str(tmp_path / "a.npy")])


@pytest.mark.parametrize("arguments", [[], ["--snapshot", "a.png"], ["--step", "3"], ["--present"]])
def test_a_damaged_project_is_one_line_and_status_2(project_file, tmp_path, arguments):
    data = bytearray(project_file.read_bytes())
    data[len(data) // 2] ^= 4
    project_file.write_bytes(bytes(data))
    done = run(project_file, *(str(tmp_path / word) if word.endswith(".png") else word for word in arguments))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "a.loopscope: " in done.stderr and "damaged" in done.stderr
    assert not list(tmp_path.glob("*.png"))


def test_a_project_is_drawn_as_it_was_looked_at(project_file, tmp_path):
    pictures = [tmp_path / "a.png", tmp_path / "b.png"]
    assert run(project_file, "--snapshot", pictures[0], "--size", "900x600").returncode == 0
    # The fifth event is the first token's; the tracks and panels are those of the beginning.
    storing.write(project_file, opened("tagging", "gru"), View())
    assert run(project_file, "--snapshot", pictures[1], "--size", "900x600").returncode == 0
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
