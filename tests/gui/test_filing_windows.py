"""Files dropped on the window, one file in two windows, and the work of windows that did not end well."""

import gc
import os

from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtWidgets import QApplication, QPushButton

from gui.leftovers import Leftovers
from gui.state import recovery, storing
from gui.state.claim import data_folder, key


def recovery_folder():
    return data_folder() / "recovery"


# Drops -----------------------------------------------------------------------------------------------------------


def test_a_dropped_project_opens(bench, stored):
    one = bench()
    assert one.drop(stored) == "Drop to open “a.loopscope”"
    assert one.file.path == stored


def test_what_cannot_be_opened_says_so_before_it_is_dropped(bench, stored, tmp_path):
    one = bench()
    assert "holiday.bmp" in one.drop(tmp_path / "holiday.bmp")
    assert "holiday.bmp" in one.said()[0] and one.file.path is None
    assert one.drop(stored, stored).startswith("One file is opened at a time, or a network with its sequence")


def test_a_drag_that_leaves_takes_the_hint_with_it_and_text_goes_to_its_field(bench, stored):
    one = bench()
    data = QMimeData()
    data.setText("words")
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, left, none)
    assert not one.window.drops.eventFilter(one.window.windowHandle(), enter)
    assert not one.window.drops.hint.isVisible()
    one.window.drops.hint.show_for([stored])
    QApplication.sendEvent(one.window.windowHandle(), QDragLeaveEvent())
    assert not one.window.drops.hint.isVisible()


# Other windows, and work that was left ---------------------------------------------------------------------------


def test_two_windows_on_one_file(bench, stored, choose, tmp_path):
    one, two = bench(), bench()
    one.filing.open(stored)
    one.done()
    two.filing.open(stored)
    two.done()
    assert "another window" in two.said()[0] and "(copy)" in two.window.windowTitle()
    two.note()
    choose(tmp_path / "b.loopscope")
    two.do("file.save")
    two.done()
    assert two.said() == [] and "(copy)" not in two.window.windowTitle()
    assert storing.read(stored).project.notes == "" and two.file.path.name == "b.loopscope"


def left_behind(bench, qtbot, notes):
    one = bench()
    one.note(notes)
    with qtbot.waitSignal(one.filing.keeper.kept):
        one.filing.keeper.keep()
    one.filing.end(over=False)
    one.filing.keeper = None


def test_what_is_left_is_offered_without_holding_anything_up(bench, qtbot):
    for notes in ("first", "second", "third"):
        left_behind(bench, qtbot, notes)
    one = bench()
    (offer,) = one.said()
    assert offer.startswith("Restore the work of ")
    assert offer.endswith("? Movie review → sentiment: “I do not like this movie”")

    def press(banner, id):
        banner.findChild(QPushButton, id).click()

    press(one.filing.notices.offered, "all")
    (dialog,) = one.window.findChildren(Leftovers)
    assert len(dialog.rows) == 3
    press(dialog.rows[1][1], "discard")
    assert [banner.isHidden() for _, banner in dialog.rows] == [False, True, False]
    with qtbot.waitSignal(one.filing.keeper.kept, timeout=10_000):
        press(dialog.rows[2][1], "restore")
        del dialog  # nobody but the window holds on to what was restored
        gc.collect()
    one.done()
    assert not one.window.findChildren(Leftovers)
    assert one.window.focusWidget() is one.window.score.focusProxy()
    assert one.state.document.project.notes == "first" and one.window.isWindowModified()
    assert one.said() == [offer]
    press(one.filing.notices.offered, "later")
    assert one.said() == []
    kept = [storing.read(each).project.notes for each in recovery_folder().rglob("work.loopscope")]
    assert sorted(kept) == ["first", "third"]  # its own, and the one for later


def test_the_last_of_them_closes_their_window(bench, qtbot):
    for notes in ("first", "second"):
        left_behind(bench, qtbot, notes)
    one = bench()
    one.filing.notices.offered.findChild(QPushButton, "all").click()
    (dialog,) = one.window.findChildren(Leftovers)
    for _, banner in dialog.rows:
        banner.findChild(QPushButton, "discard").click()
    qtbot.waitUntil(lambda: not one.window.findChildren(Leftovers))
    assert one.said() == [] and not list(recovery_folder().rglob("work.loopscope"))


def test_a_damaged_leftover_never_blocks_the_start(bench, qtbot):
    left_behind(bench, qtbot, "x")
    (kept,) = recovery_folder().rglob("work.loopscope")
    kept.write_bytes(b"half of it")
    one = bench()
    banner = one.filing.notices.offered
    assert banner.text().endswith("its file cannot be read")
    banner.findChild(QPushButton, "restore").click()
    one.done()
    assert any("work.loopscope: " in text for text in one.said()) and banner.isVisible()
    assert one.state.document.project.notes == ""
    banner.findChild(QPushButton, "discard").click()
    assert not kept.exists()


def test_a_full_disk_is_said_once_in_a_quiet_banner(bench, qtbot, monkeypatch):
    one = bench()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    one.note()
    one.filing.keeper.keep()
    qtbot.waitUntil(lambda: one.said() != [])
    (text,) = one.said()
    assert "No space left on device" in text
    monkeypatch.undo()
    with qtbot.waitSignal(one.filing.keeper.kept):
        one.filing.keeper.keep()
    assert one.said() == []
    assert recovery.INTERVAL_MS < 10_000


def test_a_window_that_only_draws_asks_nothing_and_keeps_nothing(bench):
    one = bench(begin=False)
    one.note()
    assert one.filing.keeper is None and not recovery_folder().exists()
    one.window.close()
    assert not one.window.isVisible()
    assert one.file.modified


def test_a_file_that_another_machine_had_open_can_be_edited_here(bench, stored):
    lock = data_folder() / "open" / f"{key(stored)}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("4711\nloopscope\nelsewhere.example\n0123456789abcdef\nfedcba9876543210\n")
    one = bench()
    one.filing.open(stored)
    one.done()
    assert "is open on elsewhere.example since" in one.said()[0]
    one.filing.notices._copy.findChild(QPushButton, "seize").click()
    assert one.said() == [] and not one.file.copy
