"""Unsaved work kept aside, and what is left of windows that did not end well."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QLockFile, QTimer

from gui.state import recovery, storing
from gui.state.recovery import leftovers

ROOT = Path(__file__).resolve().parents[2]


def test_unsaved_work_is_kept_aside_and_goes_when_it_is_saved(bench, path, qtbot):
    one = bench()
    keeper = one.keep()
    assert not keeper.waiting and keeper.path is None and not one.data.joinpath("recovery").exists()
    one.save_as(path)
    one.state.document.edit("change of the notes", notes="x")
    assert keeper.waiting
    with qtbot.waitSignal(keeper.kept):
        keeper.keep()
    assert not keeper.waiting
    found = storing.read(keeper.path)
    assert found.project.notes == "x" and found.origin.path == path
    assert not leftovers(one.data / "recovery")  # its window is there
    aside = keeper.path
    one.file.save()
    one.done()
    assert not aside.exists() and keeper.path is None and not keeper.waiting


def test_undo_to_what_is_saved_takes_it_away_even_while_it_is_written(bench, path, qtbot):
    one = bench()
    keeper = one.keep()
    one.save_as(path)
    one.state.document.edit("change of the notes", notes="x")
    keeper.keep()
    one.state.document.undo()
    qtbot.waitUntil(lambda: not keeper.waiting)
    assert keeper.path is None and not list(one.data.rglob("*.loopscope"))


def test_a_full_disk_is_said_once_and_work_goes_on(bench, path, qtbot, monkeypatch):
    one = bench()
    keeper = one.keep()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    one.state.document.edit("change of the notes", notes="x")
    for _ in range(3):
        keeper.keep()
        qtbot.waitUntil(lambda: keeper._writing is None)
        assert keeper.waiting  # it is tried again
    assert one.said == [("not kept", "No space left on device")]
    monkeypatch.undo()
    with qtbot.waitSignal(keeper.kept):
        keeper.keep()


def test_edits_without_a_pause_are_kept_aside_all_the_same(bench, qtbot, monkeypatch):
    monkeypatch.setattr(recovery, "INTERVAL_MS", 20)
    original, typed, edited, over = recovery._write, [0], threading.Condition(), threading.Event()

    def written(*arguments):
        with edited:  # a slow disk: while one state is written, others come
            newer = typed[0] + 3
            edited.wait_for(lambda: typed[0] >= newer or over.is_set(), timeout=20)
        original(*arguments)

    monkeypatch.setattr(recovery, "_write", written)
    one, timer = bench(), QTimer()
    keeper = one.keep()

    def edit():
        with edited:
            typed[0] += 1
            edited.notify_all()
        one.state.document.edit("change of the notes", notes=str(typed[0]))

    def aside():
        return 0 if keeper.path is None else int(storing.read(keeper.path).project.notes)

    timer.timeout.connect(edit)
    timer.start(1)
    for _ in range(4):
        newest = typed[0] + 1
        qtbot.waitUntil(lambda newest=newest: aside() >= newest, timeout=20_000)
    timer.stop()
    with edited:
        over.set()
        edited.notify_all()
    with qtbot.waitSignal(keeper.kept, timeout=20_000):
        pass
    assert aside() == typed[0] and recovery.INTERVAL_MS < 10_000 / 3


def test_a_lock_that_could_not_be_made_is_tried_again(bench, qtbot, monkeypatch):
    one = bench()
    keeper = one.keep()
    monkeypatch.setattr(recovery, "locked", lambda path: QLockFile(str(path)))  # not locked: no room for it
    one.state.document.edit("change of the notes", notes="x")
    with qtbot.waitSignal(keeper.kept):
        keeper.keep()
    monkeypatch.undo()
    assert not keeper._lock.isLocked()
    one.state.document.edit("change of the notes", notes="y")
    with qtbot.waitSignal(keeper.kept):
        keeper.keep()
    assert keeper._lock.isLocked() and not leftovers(one.data / "recovery")


def test_what_another_window_threw_away_is_written_again(bench, qtbot):
    one = bench()
    keeper = one.keep()
    one.state.document.edit("change of the notes", notes="x")
    with qtbot.waitSignal(keeper.kept):
        keeper.keep()
    shutil.rmtree(keeper.path.parent)
    with qtbot.waitSignal(keeper.kept):
        keeper.keep()
    assert storing.read(keeper.path).project.notes == "x" and keeper._lock.isLocked()


def test_a_folder_that_cannot_be_made_is_said_once(bench, tmp_path):
    (tmp_path / "data").write_bytes(b"a file where the folder should be")
    one = bench()
    keeper = one.keep()
    one.state.document.edit("change of the notes", notes="x")
    keeper.keep()
    keeper.keep()
    assert one.names() == ["not kept"] and keeper.waiting


def left_behind(one, qtbot, notes="x"):
    """A window that ended without having asked: its process is gone, so its lock is."""
    keeper = one.keep()
    one.state.document.edit("change of the notes", notes=notes)
    with qtbot.waitSignal(keeper.kept):
        keeper.keep()
    kept = keeper.path
    keeper.close(over=False)
    one.keeper = None
    return kept


def test_what_is_left_is_offered_once_restored_and_taken_away(bench, path, qtbot):
    one = bench()
    one.save_as(path)
    one.state.cursor.go(3)
    kept = left_behind(one, qtbot)
    (kept.parent / ".work.loopscope.12.saving").write_bytes(b"half")
    one.close()
    folder = one.data / "recovery"
    (left,) = leftovers(folder)
    assert not leftovers(folder)  # another window is not offered it meanwhile
    assert not list(folder.rglob("*.saving"))
    two = bench()
    keeper = two.keep()
    with qtbot.waitSignal(keeper.kept):
        two.file.restore(left.path, keeper.keep)
    two.done()
    assert two.state.document.project.notes == "x" and two.state.cursor.position == 3
    assert two.file.path == path and two.file.modified
    left.discard()
    assert not kept.parent.exists() and keeper.path.exists()
    two.file.save()
    two.done()
    assert storing.read(path).project.notes == "x"


def test_later_leaves_it_for_the_next_start(bench, qtbot):
    one = bench()
    left_behind(one, qtbot, "one")
    left_behind(one, qtbot, "two")
    found = leftovers(one.data / "recovery")
    assert len(found) == 2 and found[0].when >= found[1].when
    for left in found:
        left.later()
    (first, second) = leftovers(one.data / "recovery")
    first.discard()
    second.later()
    assert len(leftovers(one.data / "recovery")) == 1


def test_a_damaged_leftover_is_offered_and_refused_in_words(bench, qtbot):
    one = bench()
    kept = left_behind(one, qtbot)
    kept.write_bytes(kept.read_bytes()[:100])
    (left,) = leftovers(one.data / "recovery")
    before = one.state.document.project
    one.file.restore(left.path, lambda: pytest.fail("restored"))
    one.done()
    assert one.names()[-1] == "failed" and one.state.document.project is before
    left.later()


def test_an_empty_or_foreign_folder_is_nothing(tmp_path):
    assert leftovers(tmp_path / "none") == []
    (tmp_path / "recovery" / "7-x").mkdir(parents=True)
    (tmp_path / "recovery" / "note.txt").touch()
    assert leftovers(tmp_path / "recovery") == []
    assert [each.name for each in (tmp_path / "recovery").iterdir()] == ["note.txt"]
    assert recovery.INTERVAL_MS <= 5000


PROGRAM = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QCoreApplication
app = QCoreApplication([])
from gui.state import recovery
from gui.state.app_state import AppState
from gui.state.file import File
from gui.state.looking import captured
recovery.INTERVAL_MS = 50
state = AppState()
file = File(state, lambda: captured(state))
keeper = recovery.Keeper(state, file, Path(sys.argv[1]), lambda: captured(state))
keeper.kept.connect(lambda: print("kept", flush=True))
state.document.edit("change of the notes", notes="before the end")
app.exec()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system knows no such signal")
def test_after_a_kill_the_work_is_there(bench, qtbot, tmp_path):
    folder = tmp_path / "recovery"
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None and program.stdout.readline() == "kept\n"
    assert leftovers(folder) == []  # it is still there
    program.send_signal(signal.SIGKILL)
    program.wait(20)
    program.stdout.close()
    (left,) = leftovers(folder)
    one = bench()
    one.file.restore(left.path, left.discard)
    one.done()
    assert one.state.document.project.notes == "before the end" and one.file.modified
    assert list(folder.iterdir()) == []
