"""The diagnostics, the notes, and the names of undo steps in the menu."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QDialogButtonBox

from gui import diagnostics, paths
from gui.diagnostics import Diagnostics
from gui.notes import Notes

ROOT = Path(__file__).resolve().parents[2]


def opened_dialog(one, kind):
    one.qtbot.waitUntil(lambda: any(each.isVisible() for each in one.window.findChildren(kind)))
    return next(each for each in one.window.findChildren(kind) if each.isVisible())


def test_the_report_says_what_a_bug_report_needs_and_copies_it(bench, monkeypatch):
    one = bench()
    log = paths.log_file()
    log.parent.mkdir(parents=True, exist_ok=True)
    paths.crash_file().write_text("Fatal Python error: Segmentation fault\n", encoding="utf-8")
    log.write_text("".join(f"line {i} of {Path.home()}/secret\n" for i in range(80)), encoding="utf-8")
    one.do("help.diagnostics")
    dialog = opened_dialog(one, Diagnostics)
    text = dialog.field.toPlainText()
    for name in ("Loopscope 0", "Python 3", "Qt 6", "numpy", "torch", "Display: offscreen", "scale 1", "NumPy: ready"):
        assert name in text
    assert "line 79 of ~/secret" in text and "line 30 of" in text and "line 29 of" not in text
    assert str(Path.home()) not in text and text.endswith("Fatal Python error: Segmentation fault")
    dialog.copy.click()
    assert QApplication.clipboard().text() == text
    dialog.reject()


def test_torch_is_asked_of_the_installation_and_not_imported(tmp_path):
    code = (
        "import sys; from pathlib import Path; from PySide6.QtWidgets import QApplication; app = QApplication([])\n"
        "from gui import diagnostics; from gui.state.computing import places\n"
        "text = diagnostics.report(places(), None, Path('none'))\n"
        "assert 'torch' not in sys.modules; print(text)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "torch " in done.stdout and "The log is empty" in done.stdout


def test_a_package_that_is_missing_is_said(qapp, monkeypatch, tmp_path):
    monkeypatch.setattr(diagnostics, "PACKAGES", ("no-such-package",))
    monkeypatch.setenv("PATH", str(tmp_path))
    said = diagnostics.report([], None, tmp_path / "none")
    assert "no-such-package not installed" in said and "ffmpeg not on the PATH" in said


def test_what_exports_and_imports_may_need_is_listed(qapp, tmp_path):
    said = diagnostics.report([], None, tmp_path / "none")
    assert all(re.search(rf"^{name} (\S+|not installed)", said, re.MULTILINE) for name in diagnostics.PACKAGES)
    assert {"av", "Pillow", "h5py", "onnx"} <= set(diagnostics.PACKAGES) and re.search(
        r"^ffmpeg \S", said, re.MULTILINE
    )


@pytest.mark.parametrize("home", ["/home/ada", "/home/ada/"])
def test_the_users_folder_is_veiled(monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    assert paths.short(Path("/home/ada/a b.loopscope")) == os.path.join("~", "a b.loopscope")
    assert paths.veiled("x /home/ada/y; /home/grace") == "x ~/y; /home/grace"
    monkeypatch.setenv("HOME", "/")
    assert paths.veiled("/a/b") == "/a/b"


def test_notes_are_an_edit_that_undo_names(bench):
    one = bench()
    one.do("edit.notes")
    dialog = opened_dialog(one, Notes)
    dialog.field.setPlainText("and without the *not*?")
    buttons = dialog.findChild(QDialogButtonBox)
    next(b for b in buttons.buttons() if buttons.buttonRole(b) == QDialogButtonBox.ButtonRole.AcceptRole).click()
    assert one.state.document.project.notes == "and without the *not*?" and one.window.isWindowModified()
    undo, redo = one.window.actions_["edit.undo"], one.window.actions_["edit.redo"]
    assert undo.text().endswith("change of the notes")
    one.do("edit.undo")
    assert one.state.document.project.notes == "" and redo.text().endswith("change of the notes")
    one.do("edit.notes")
    dialog = opened_dialog(one, Notes)
    dialog.reject()
    assert not one.window.isWindowModified()


def test_every_undo_step_is_named_after_what_was_done(bench):
    one = bench()
    undo = one.window.actions_["edit.undo"]
    for act, name in (
        (lambda: one.state.document.set_field("hidden_size", 9), "hidden size"),
        (lambda: one.state.document.set_cell("gru"), "GRU"),
        (lambda: one.state.document.set_source(0, "good"), "input"),
        (lambda: one.state.document.reseed(), "re-seeding"),
    ):
        act()
        one.done()
        assert name.lower() in undo.text().lower()


CRASHING = """
import ctypes, sys
from PySide6.QtWidgets import QApplication
import main
QApplication.exec = lambda app: ctypes.string_at(0)
main.main([])
"""


def test_a_fault_in_a_library_leaves_its_last_words(tmp_path):
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CRASHING], cwd=ROOT, capture_output=True, text=True, timeout=100,
        env={**os.environ, **home},
    )  # fmt: skip
    (left,) = tmp_path.rglob("crash.log")
    assert done.returncode < 0 and "in string_at" in left.read_text()
