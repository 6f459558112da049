"""Pictures, numbers, weights, scripts and reports out of the window."""

import errno
import os
import re
import subprocess
import sys
import threading
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from engine.interop import state_dict
from engine.stop import Stop
from gui import snapshot
from gui.actions.exports import EXPORTS
from gui.export import studio
from gui.export.arrays_dialog import WeightsDialog
from gui.export.studio import SCORE, STAGE, WINDOW, NothingToDraw, Subject, drawn
from gui.main_window import MainWindow
from gui.state import importing, storing
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.storing import View
from gui.theme import theme, themes

PANEL = "dock.inspector"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def window(standing):
    return standing(1280, 800, 9)


def written(qtbot, window):
    qtbot.waitUntil(lambda: not window.exporter.saver.busy, timeout=30_000)


@pytest.mark.parametrize("what", [SCORE, STAGE, WINDOW, PANEL])
def test_svg_and_pdf_are_lines_and_letters(window, tmp_path, what):
    with drawn(window, Subject(what, "dark")) as widget:
        snapshot.save(widget, tmp_path / "a.svg")
        snapshot.save(widget, tmp_path / "a.pdf")
        size = widget.size
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert [float(n) for n in root.get("viewBox").split()[2:]] == [size.width(), size.height()]
    assert not list(root.iter(f"{SVG}text"))  # outlines: no font has to be there
    assert len(list(root.iter(f"{SVG}path"))) > 50
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile" in pdf and len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_cells_of_heatmaps_are_rectangles_not_pictures(window):
    with drawn(window, Subject(SCORE, "light")) as widget:
        text = snapshot.svg(widget).decode()
    trace = window.state.session.trace
    assert text.count("<rect") + text.count("<path") > trace.value("l0.h").size
    images = re.findall(r"<image[^>]*height=\"(\d+)\"", text)
    assert all(int(height) < 12 for height in images)  # the legend's strip of colours at most


def test_the_whole_score_shows_every_column_and_track(window):
    window.resize(700, 400)
    window.state.document.edit("input", sources=("I do not like this movie " * 8,), targets=(None,))
    session = window.state.session
    while session.running:
        QApplication.processEvents()
    assert window.score.scene.axis.furthest > 0
    with drawn(window, Subject(SCORE, "light")) as shot:
        score = shot.widget
        assert score.scene.axis.furthest == 0 and score.scene.lowest == 0
        assert [t.id for t in score.scene.shown] == [t.id for t in window.score.scene.shown]
        assert score.width() > window.score.width()


@pytest.mark.parametrize("what", [SCORE, STAGE, WINDOW, PANEL])
def test_theme_and_size_are_the_picture_s_own(window, what):
    before, size = window.score.grab().toImage(), window.size()
    with drawn(window, Subject(what, "dark", QSize(1500, 900))) as widget:
        image = snapshot.image(widget)
        assert image.size() == QSize(1500, 900)
        dark = themes().get("dark")
        assert image.pixelColor(2, 2) in (dark.canvas, dark.panel)
    assert theme().name == "light" and window.size() == size
    assert window.score.grab().toImage() == before and window.state.cursor.position == 9


def test_a_larger_scale_is_a_sharper_picture(window, tmp_path):
    with drawn(window, Subject(SCORE, "light")) as widget:
        snapshot.save(widget, tmp_path / "a.png", 3.0)
        one = snapshot.image(widget)
    large = QImage(str(tmp_path / "a.png"))
    assert large.size() == one.size() * 3
    assert large != one.scaled(large.size())


def test_a_full_disk_leaves_what_was_there(qtbot, window, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr("os.fsync", full)
    for suffix in (".png", ".svg", ".pdf"):
        window.actions_["file.picture"].trigger()
        dialog = window.exporter.dialog
        (folder / f"a{suffix}").write_bytes(b"before")
        dialog.format.set_current(suffix)
        dialog.save(folder / f"a{suffix}")
        written(qtbot, window)
        assert window.messages.shown() == [f"a{suffix}: cannot be written: No space left on device"]
        assert (folder / f"a{suffix}").read_bytes() == b"before"
    assert len(list(folder.iterdir())) == 3


def test_the_dialog_offers_what_is_open_and_saves(qtbot, window, tmp_path):
    window.actions_["file.picture"].trigger()
    dialog = window.exporter.dialog
    offered = [dialog.fields.what.itemData(i) for i in range(dialog.fields.what.count())]
    assert offered[:3] == [SCORE, STAGE, WINDOW] and PANEL in offered and "dock.cell" not in offered
    assert dialog.fields.wide.value() == studio.whole(window.score).width()
    dialog.fields.what.set_current(PANEL)
    dialog.preview.refresh()
    panel = next(dock for dock in window.docks if dock.objectName() == PANEL)
    assert dialog.fields.wide.value() == panel.widget().width()
    dialog.save(tmp_path / "panel.png")
    written(qtbot, window)
    assert QImage(str(tmp_path / "panel.png")).size() == panel.widget().size() * 2
    assert "panel.png is written" in window.exporter.toast.text() and window.exporter.dialog is None


def test_only_drawing_holds_up_the_window(qtbot, window, tmp_path, monkeypatch):
    here, there = threading.get_ident(), {}

    def watched(module, name):
        call = getattr(module, name)

        def calling(*args):
            there.setdefault(name, set()).add(threading.get_ident())
            return call(*args)

        monkeypatch.setattr(module, name, calling)

    for module, name in ((snapshot, "_png"), (snapshot, "_with_outlines"), (os, "fsync")):
        watched(module, name)
    for suffix in (".png", ".svg", ".pdf"):
        window.actions_["file.picture"].trigger()
        window.exporter.dialog.format.set_current(suffix)
        window.exporter.dialog.save(tmp_path / f"a{suffix}")
        written(qtbot, window)
    window.actions_["file.report"].trigger()
    window.exporter.dialog.save(tmp_path / "report.html")
    written(qtbot, window)
    assert set(there) == {"_png", "_with_outlines", "fsync"} and all(here not in ids for ids in there.values())
    with drawn(window, Subject(SCORE, theme().name)) as widget:
        mine, theirs = snapshot.svg(widget), (tmp_path / "a.svg").read_bytes()
    number = re.compile(rb"-?\d+\.\d+")  # letters have the same shapes on any thread, to a few hundredths of a pixel
    assert number.sub(b"", mine) == number.sub(b"", theirs)
    found = [np.array([float(text) for text in number.findall(data)]) for data in (mine, theirs)]
    assert abs(found[0] - found[1]).max() < 0.05


def test_a_panel_that_was_closed_is_said(window):
    with pytest.raises(NothingToDraw, match="closed"), drawn(window, Subject("dock.cell", "light")):
        pass


def test_the_score_on_the_clipboard(window):
    window.actions_["edit.copy_picture"].trigger()
    data = QApplication.clipboard().mimeData()
    assert isinstance(data, QMimeData) and data.hasImage()
    assert bytes(data.data("image/svg+xml").data()).startswith(b"<?xml")
    assert window.actions_["edit.copy_picture"] in window.score.extra
    QApplication.clipboard().clear()


def test_what_was_copied_is_said_until_something_else_is_asked_for(window):
    window.actions_["file.picture"].trigger()
    dialog = window.exporter.dialog
    for choice, value in ((dialog.scale, "3"), (dialog.fields.theme, "dark"), (dialog.format, ".svg")):
        dialog.copy_button.click()
        assert dialog.copy_button.text() == "Copied"
        choice.set_current(value)
        choice.chosen.emit(value)
        assert dialog.copy_button.text() == "C&opy"
    QApplication.clipboard().clear()


@pytest.mark.parametrize("kind", ["picture", "film"])
def test_what_goes_wrong_in_a_dialog_looks_like_it(window, kind):
    window.actions_[f"file.{kind}"].trigger()
    dialog = window.exporter.dialog
    assert dialog.note.label.property("role") == "small"
    dialog.preview.failed.emit("no")
    assert (dialog.note.text(), dialog.note.label.property("role")) == ("no", "error")
    assert dialog.note.label.palette().windowText().color() == theme().color("error")
    dialog.fields.changed.emit()
    assert dialog.note.label.property("role") == "small"
    dialog.close()


def test_numbers(qtbot, window, tmp_path):
    trace = window.state.session.trace
    window.state.selection.select("l0", 2, 1, "c")
    window.actions_["file.numbers"].trigger()
    dialog = window.exporter.dialog
    assert dialog.key.current() == "l0.c"
    dialog.save(tmp_path / "c.csv")
    written(qtbot, window)
    lines = (tmp_path / "c.csv").read_text().splitlines()
    assert len(lines) == 1 + trace.value("l0.c").shape[0] and lines[0].startswith("step,sequence,token,unit 1,")
    assert lines[2].startswith("2,1,I,")
    window.actions_["file.numbers"].trigger()
    dialog = window.exporter.dialog
    dialog.what.set_current("run")
    dialog.follow()
    dialog.save(tmp_path / "run.npz")
    written(qtbot, window)
    with np.load(tmp_path / "run.npz") as found:
        assert np.array_equal(found["grad/l0.h"], trace.grad("l0.h"))


def test_weights(qtbot, window, tmp_path):
    window.actions_["file.weights"].trigger()
    dialog = window.exporter.dialog
    assert dialog.names_row.isHidden()
    dialog.what.set_current("recurrent")
    dialog.save(tmp_path / "net.npz")
    written(qtbot, window)
    with np.load(tmp_path / "net.npz") as found:
        assert set(found) == set(state_dict.recurrent(window.state.document.project.parameters))
    window.actions_["file.weights"].trigger()
    window.exporter.dialog.save(tmp_path / "none" / "net.npz")
    written(qtbot, window)
    assert window.messages.shown() == ["net.npz: cannot be written: No such file or directory"]


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_scripts(qtbot, window, tmp_path, monkeypatch, library):
    path = tmp_path / "run.py"
    monkeypatch.setattr("gui.export.exporter.ask_path", lambda *_: path)
    window.actions_[f"file.script_{library}"].trigger()
    written(qtbot, window)
    if library == "numpy":
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
    else:
        assert "import torch" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_report(qtbot, window, tmp_path, suffix):
    window.actions_["file.report"].trigger()
    dialog = window.exporter.dialog
    assert list(dialog.pictures) == [SCORE, PANEL]
    dialog.save(tmp_path / f"report{suffix}")
    written(qtbot, window)
    text = (tmp_path / f"report{suffix}").read_text(encoding="utf-8")
    trace, words = window.state.session.trace, window.state.session.words
    said = trace.narrate(trace.events.token(3), words)
    assert said in text.replace("\\", "")
    assert "both right" in text and "Seed" in text
    if suffix == ".html":
        assert text.count("data:image/svg+xml;base64,") == 2 and 'src="http' not in text
    else:
        assert (tmp_path / "report_pictures" / "score.svg").is_file()
        assert "![The whole score](<report_pictures/score.svg>)" in text


@pytest.fixture
def early(qapp, dressed):
    """A window, and which exports it offered before its first run was done."""
    state = AppState(project=opened("movie-review", "rnn"))
    made = MainWindow(state)
    assert state.session.trace is None
    yield made, [entry.id for entry in EXPORTS if made.actions_[entry.id].isEnabled()]
    made.close()
    state.close()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def test_nothing_is_offered_before_there_is_a_run(qtbot, early):
    window, offered = early
    ids = [entry.id for entry in EXPORTS]
    assert not offered
    qtbot.waitUntil(lambda: not window.state.session.running, timeout=20_000)
    assert all(window.actions_[id].isEnabled() for id in ids)
    assert all(path == "File › Export" for path, action in window.actions_.everything() if action.objectName() in ids)


class Tagger:
    """A checkpoint of somebody else's program."""

    def __init__(self, path):
        torch = pytest.importorskip("torch")
        torch.manual_seed(3)
        self.module = torch.nn.ModuleDict({"body": torch.nn.GRU(3, 4, bidirectional=True), "fc": torch.nn.Linear(8, 2)})
        self.load = torch.load
        torch.save({"model": self.module.state_dict(), "epoch": 3}, path)


def test_what_was_imported_goes_out_as_it_came_in(qtbot, dressed, tmp_path):
    theirs = Tagger(tmp_path / "in.pt")
    project = importing.of_file(tmp_path / "in.pt", "numpy", "cpu")
    storing.write(tmp_path / "kept.loopscope", project, View())
    for each in (project, storing.read(tmp_path / "kept.loopscope").project):
        dialog = WeightsDialog(each.parameters, each.task.origin, each.task.title, lambda path, job: job(Stop()), None)
        qtbot.addWidget(dialog)
        assert not dialog.names_row.isHidden()
        dialog.save(tmp_path / "out.pt")
        found = theirs.load(tmp_path / "out.pt", weights_only=True)
        prefix = next(iter(found)).partition("body.")[0]  # where it was nested
        theirs.module.load_state_dict({name.removeprefix(prefix): value for name, value in found.items()}, strict=True)
        kept = theirs.load(tmp_path / "in.pt", weights_only=True)["model"]
        assert all(np.array_equal(value, kept[name.removeprefix(prefix)]) for name, value in found.items())
