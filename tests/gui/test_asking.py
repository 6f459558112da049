"""Where an export goes to: which folder is shown first, which suffix a name gets, and what is not overwritten."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from gui.export.asking import ask_path


@pytest.fixture
def window(qtbot, dressed):
    made = QWidget()
    made.filing = SimpleNamespace(file=SimpleNamespace(path=None))
    qtbot.addWidget(made)
    return made


@pytest.fixture
def answers(monkeypatch):
    """What the user chooses in each dialog that opens, and with which titles and names they opened."""

    def answering(*chosen):
        opened, coming, selected = [], iter(chosen), QFileDialog.selectedFiles

        def exec_(dialog):
            path, line = next(coming)
            opened.append((dialog.windowTitle(), [Path(name).name for name in selected(dialog)]))
            if line:
                dialog.selectNameFilter(line)
                dialog.filterSelected.emit(line)
            monkeypatch.setattr(QFileDialog, "selectedFiles", lambda _: [str(path)])
            return path is not None

        monkeypatch.setattr(QFileDialog, "exec", exec_)
        return opened

    return answering


PICTURES = [("PNG", ".png"), ("SVG", ".svg")]


def test_a_name_without_a_suffix_gets_the_chosen_one(window, answers, tmp_path):
    answers((tmp_path / "a.b", "SVG (*.svg)"), (tmp_path / "c.PNG", ""), (None, ""))
    assert ask_path(window, "x", "y", PICTURES) == tmp_path / "a.b.svg"
    assert ask_path(window, "x", "y", PICTURES) == tmp_path / "c.PNG"
    assert ask_path(window, "x", "y", PICTURES) is None


def test_a_file_that_the_dialog_did_not_ask_about_is_asked_about(window, answers, tmp_path):
    (tmp_path / "a.b.svg").touch()
    opened = answers((tmp_path / "a.b", "SVG (*.svg)"), (None, ""))
    assert ask_path(window, "x", tmp_path / "y.svg", PICTURES) is None
    assert opened == [("x", ["y.svg"]), ("“a.b.svg” is there already", ["a.b.svg"])]


def test_the_dialog_itself_adds_the_suffix_before_it_asks(window, monkeypatch):
    found = []

    def exec_(dialog):
        found.append((dialog.acceptMode(), dialog.defaultSuffix(), dialog.selectedNameFilter()))
        dialog.filterSelected.emit("PNG (*.png)")
        found.append(dialog.defaultSuffix())

    monkeypatch.setattr(QFileDialog, "exec", exec_)
    ask_path(window, "x", "y.svg", PICTURES)
    assert found == [(QFileDialog.AcceptMode.AcceptSave, "svg", "SVG (*.svg)"), "png"]


def test_the_dialog_begins_where_the_file_is_likely_to_go(window, answers, tmp_path, monkeypatch):
    monkeypatch.setattr("gui.export.asking._last", [])
    monkeypatch.setenv("HOME", str(tmp_path))
    shown, exec_ = [], QFileDialog.exec

    def ask(*chosen):
        answers(*chosen)
        inner = QFileDialog.exec

        def watched(dialog):
            shown.append(Path(dialog.directory().absolutePath()))
            return inner(dialog)

        monkeypatch.setattr(QFileDialog, "exec", watched)
        ask_path(window, "x", "y.svg", PICTURES)
        monkeypatch.setattr(QFileDialog, "exec", exec_)

    (tmp_path / "out").mkdir()
    (tmp_path / "project").mkdir()
    ask((None, ""))
    ask((tmp_path / "out" / "a.svg", ""))
    ask((None, ""))
    window.filing.file.path = tmp_path / "project" / "a.loopscope"
    ask((None, ""))
    (tmp_path / "project").rmdir()
    ask((None, ""))
    home = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    first = home if home.is_dir() else tmp_path
    assert shown == [first, first, *(tmp_path / name for name in ("out", "project", "out"))]
