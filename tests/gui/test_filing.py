"""The File menu: new, open, recent, save, save as, revert, the questions, the title and its star."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from engine import ModelSpec, Network
from engine.interop.imported import Imported
from gui import kinds
from gui.actions import table
from gui.state import storing
from gui.state.claim import data_folder
from gui.state.document import opened
from gui.state.storing import View


def recovery_folder():
    return data_folder() / "recovery"


# Saving and opening ----------------------------------------------------------------------------------------------


def test_a_new_project_asks_for_a_name_and_then_no_more(bench, path, choose):
    one = bench()
    assert one.window.windowTitle() == f"{one.state.document.task.title}[*] — Loopscope"
    choose(path)
    one.do("file.save")
    one.done()
    assert one.window.windowTitle().startswith("a.loopscope[*] — ") and not one.window.isWindowModified()
    one.state.cursor.go(2)
    one.do("file.save")
    one.done()
    assert storing.read(path).view.index == one.state.cursor.index > 0
    one.note()
    assert one.window.isWindowModified()
    choose(None)
    one.do("file.save")
    one.done()
    assert not one.window.isWindowModified() and storing.read(path).project.notes == "x"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("model.pt", "model.loopscope"),
        ("lstm in run.loopscope", "lstm in run.loopscope"),
        ("a/b: c.npz", "b_ c.loopscope"),
    ],
)
def test_a_network_of_a_file_is_saved_under_the_files_name(title, name):
    spec = ModelSpec(pattern="many-to-many", cell="rnn", input_size=2, hidden_size=3, output_size=2)
    assert kinds.suggested(Imported(title, spec, dict(Network(spec).parameters))) == name
    assert kinds.suggested(opened().task) == "movie-review.loopscope"


def test_save_as_and_a_cancelled_dialog(bench, path, choose):
    one = bench()
    choose(None)
    one.do("file.save_as")
    assert one.file.path is None
    choose(path)
    one.do("file.save_as")
    one.done()
    assert one.file.path == path and path.exists()


def test_opening_brings_project_and_look(bench, stored, choose):
    one = bench()
    choose(stored)
    one.do("file.open")
    one.done()
    assert one.state.document.project.scenario == "tagging" and one.state.cursor.index == 3
    docks = {dock.objectName(): dock for dock in one.window.docks}
    assert docks["dock.build"].isHidden() and not docks["dock.transport"].isHidden()
    assert {track.kind for track in one.window.score.scene.shown} == {"tokens", "state"}
    look = one.filing.look.captured()
    assert (look.index, look.tracks, look.panels["dock.build"]) == (3, ("tokens", "state"), False)
    assert not one.window.isWindowModified() and one.said() == []
    assert one.window.settings.tracks("workspace") is None  # a file's tracks are not the user's own


def test_the_look_goes_round(bench, path):
    one, two = bench(), bench()
    one.window._reset_panels()
    for dock in one.window.docks:
        dock.show()
    one.window.docks[3].raise_()
    one.window.score.scene.set_height("norm", 150.0)
    one.window.fold.set_rolled(True)
    one.qtbot.waitUntil(lambda: one.window.docks[3].objectName() in one.filing.look.captured().front)
    look = one.filing.look.captured()
    two.filing.look.apply(look)
    two.qtbot.waitUntil(lambda: two.filing.look.captured() == look)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x05\x06" + bytes(18)])
def test_a_wrong_file_is_said_and_nothing_else_happens(bench, path, content):
    one = bench()
    one.note()
    before = one.state.document.project
    path.write_bytes(content)
    one.filing.open(path)
    one.answer("discard")
    assert one.said()[0].startswith("a.loopscope: ")
    assert one.state.document.project is before and one.window.isWindowModified()


def test_a_file_of_no_known_kind_is_refused_in_one_sentence(bench, tmp_path):
    one = bench()
    one.filing.open(tmp_path / "holiday.bmp")
    (text,) = one.said()
    assert "holiday.bmp" in text and ".loopscope" in text and ".pt" in text


def test_other_files_go_to_the_importer(bench, tmp_path):
    one = bench()
    (tmp_path / "review.txt").write_text("a good film", encoding="utf-8")
    one.filing.open(tmp_path / "review.txt")
    one.qtbot.waitUntil(lambda: one.state.document.project.sources == ("a good film",))


def test_revert_goes_back_after_a_question(bench, path, choose):
    one = bench()
    assert not one.window.actions_["file.revert"].isEnabled()
    choose(path)
    one.do("file.save")
    one.done()
    one.note()
    one.do("file.revert")
    one.answer("cancel")
    assert one.state.document.project.notes == "x"
    one.do("file.revert")
    one.answer("revert")
    assert one.state.document.project.notes == "" and not one.window.isWindowModified()
    assert not one.state.document.can_undo


# The question ----------------------------------------------------------------------------------------------------


def test_what_was_only_looked_at_closes_without_a_question(bench):
    one = bench()
    one.state.cursor.last()
    one.window.switches.choose_scenario("glyph")
    one.done()
    one.window.close()
    assert one.question() is None and not one.window.isVisible()


@pytest.mark.parametrize("way", ["close", "new", "open", "recent", "quit"])
def test_unsaved_work_is_asked_about_on_every_way_out(bench, path, stored, tmp_path, choose, way):
    one = bench()
    other = tmp_path / "mine.loopscope"
    one.note("mine")
    leave = {
        "close": one.window.close,
        "quit": lambda: one.do("file.quit"),
        "new": lambda: one.do("file.new"),
        "open": lambda: one.do("file.open"),
        "recent": lambda: one.filing.recent._menu.actions()[0].trigger(),
    }[way]
    one.filing.recent.add(stored)
    choose(stored)
    leave()
    assert one.window.isVisible() and one.question() is not None
    one.answer("cancel")
    assert one.window.isVisible() and one.state.document.project.notes == "mine"
    leave()
    choose(other)
    one.answer("save")
    one.qtbot.waitUntil(lambda: storing.read(other).project.notes == "mine" if other.exists() else False)
    if way in ("close", "quit"):
        one.qtbot.waitUntil(lambda: not one.window.isVisible())
        assert not list(recovery_folder().rglob("*.loopscope"))
    else:
        one.qtbot.waitUntil(lambda: one.state.document.project.notes == "")


def test_without_saving_it_closes_and_leaves_nothing_aside(bench, qtbot):
    one = bench()
    one.note()
    with qtbot.waitSignal(one.filing.keeper.kept):
        one.filing.keeper.keep()
    assert list(recovery_folder().rglob("*.loopscope"))
    one.window.close()
    one.answer("discard")
    assert not one.window.isVisible() and not list(recovery_folder().rglob("*.loopscope"))


def test_a_save_that_fails_keeps_the_window_open(bench, choose, tmp_path):
    one = bench()
    one.note()
    choose(tmp_path / "nowhere" / "a.loopscope")
    one.window.close()
    one.answer("save")
    assert one.window.isVisible() and "cannot be written" in one.said()[0] and one.window.isWindowModified()
    one.note("y")  # and what was wanted is not done later, out of nothing
    choose(tmp_path / "a.loopscope")
    one.do("file.save")
    one.done()
    assert one.window.isVisible()


def test_the_question_is_answered_by_keys(bench, choose, path):
    one = bench()
    choose(path)
    one.note()
    for key, modifier, stays in (
        (Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier, True),
        (Qt.Key.Key_C, Qt.KeyboardModifier.AltModifier, True),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, False),
    ):
        one.window.close()
        question = one.question()
        one.qtbot.waitUntil(question.isActiveWindow)
        one.window.close()  # asked again, it is the same question
        assert one.question() is question
        QTest.keyClick(question, key, modifier)
        one.qtbot.waitUntil(lambda: one.question() is None)
        one.done()
        one.qtbot.waitUntil(lambda stays=stays: one.window.isVisible() == stays)
    assert storing.read(path).project.notes == "x"


def test_a_file_that_was_changed_on_disk_is_asked_about(bench, path, choose, tmp_path):
    one = bench()
    choose(path)
    one.do("file.save")
    one.done()
    storing.write(path, opened("glyph"), View())
    one.note("mine")
    one.do("file.save")
    one.qtbot.waitUntil(lambda: one.question() is not None)
    one.answer("cancel")
    assert storing.read(path).project.scenario == "glyph" and one.window.isWindowModified()
    one.do("file.save")
    one.qtbot.waitUntil(lambda: one.question() is not None)
    choose(tmp_path / "b.loopscope")
    one.answer("as")
    assert storing.read(tmp_path / "b.loopscope").project.notes == "mine" and one.file.path.name == "b.loopscope"
    storing.write(one.file.path, opened("glyph"), View())
    one.note("again")
    one.do("file.save")
    one.qtbot.waitUntil(lambda: one.question() is not None)
    one.answer("over")
    assert storing.read(one.file.path).project.notes == "again"


# Recent files ----------------------------------------------------------------------------------------------------


def test_recent_files_are_listed_opened_and_cleared(bench, stored, path, tmp_path, choose):
    one = bench()
    menu = one.filing.recent._menu
    assert not menu.isEnabled()
    gone = tmp_path / "gone & away.loopscope"
    storing.write(gone, opened("glyph"), View())
    one.filing.open(gone)
    one.done()
    one.filing.open(stored)
    one.done()
    gone.unlink()
    menu.aboutToShow.emit()
    first, second = menu.actions()[:2]
    assert first.text() == "&1  a.loopscope" and first.isEnabled()
    assert second.text() == "&2  gone && away.loopscope" and not second.isEnabled() and "no longer" in second.toolTip()
    assert any(path == "File › Open recent" for path, _ in one.window.actions_.everything())  # so in the palette
    one.do("file.new")
    one.done()
    menu.actions()[0].trigger()
    one.done()
    assert one.file.path == stored
    menu.actions()[-1].trigger()
    assert one.filing.recent.paths() == [] and not menu.isEnabled()
    for i in range(14):
        one.filing.recent.add(tmp_path / f"{i}.loopscope")
    assert len(one.filing.recent.paths()) == 10 and one.filing.recent.paths()[0].name == "13.loopscope"


def test_the_menu_stands_in_the_usual_order(bench):
    one = bench()
    texts = [a.text().replace("&", "") for a in one.window.actions_.menu(table.FILE).actions()]
    assert texts[:8] == ["New", "Scenarios", "Open…", "Open recent", "", "Save", "Save as…", "Revert…"]
