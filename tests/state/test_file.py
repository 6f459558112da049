"""The document's file: clean and dirty, opened, saved, changed by others, open in another window, kept aside."""

import os
from pathlib import Path

import numpy as np
import pytest

from engine import projects, tasks
from engine.registry import cells
from gui.state import recovery, storing
from gui.state.app_state import AppState
from gui.state.claim import Claim
from gui.state.cursor import OPERATION
from gui.state.document import opened
from gui.state.file import File, is_fresh
from gui.state.looking import captured
from gui.state.project import EDITED
from gui.state.recovery import Keeper, leftovers
from gui.state.storing import View


class Bench:
    """A window's state and file without the window."""

    def __init__(self, qtbot, data: Path, project=None):
        self.qtbot, self.data = qtbot, data
        self.state = AppState(project=project)
        self.file = File(self.state, lambda: captured(self.state), self.state)
        self.file.claim(Claim(data / "open"))
        self.said = []
        for name in ("failed", "conflict", "elsewhere", "saved", "opened"):
            getattr(self.file, name).connect(lambda value, name=name: self.said.append((name, value)))
        self.keeper = None

    def keep(self):
        self.keeper = Keeper(self.state, self.file, self.data / "recovery", lambda: captured(self.state), self.state)
        self.keeper.failed.connect(lambda text: self.said.append(("not kept", text)))
        return self.keeper

    def done(self):
        self.qtbot.waitUntil(lambda: not self.file.busy and not self.state.session.running, timeout=20_000)

    def names(self):
        return [name for name, _ in self.said]

    def save_as(self, path):
        self.file.save_as(path)
        self.done()

    def open(self, path):
        self.file.open(path)
        self.done()

    def close(self):
        if self.keeper is not None:
            self.keeper.close()
        self.file.close()
        self.state.close()


@pytest.fixture
def bench(qtbot, tmp_path):
    made = []

    def making(project=None):
        made.append(Bench(qtbot, tmp_path / "data", project))
        made[-1].done()
        return made[-1]

    yield making
    for each in made:
        each.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.loopscope"


# Clean and dirty -------------------------------------------------------------------------------------------------


def test_edits_make_it_dirty_and_undo_makes_it_clean(bench, path):
    one = bench()
    one.save_as(path)
    assert one.file.path == path and not one.file.modified
    one.state.document.set_source(0, "a good film")
    assert one.file.modified
    one.state.document.undo()
    assert not one.file.modified
    one.state.document.undo_stack.redo()
    one.file.save()
    one.done()
    assert not one.file.modified and storing.read(path).project.sources == ("a good film",)
    one.state.document.undo()
    assert one.file.modified


def test_an_edit_after_saving_is_a_step_of_its_own(bench, path):
    one = bench()
    one.state.document.set_source(0, "a")
    one.save_as(path)
    one.state.document.set_source(0, "ab")  # would be one gesture with the edit before
    one.state.document.undo()
    assert one.state.document.project.sources == ("a",) and not one.file.modified


def test_an_edit_while_it_is_written_stays_unsaved(bench, path):
    one = bench()
    one.file.save_as(path)
    one.state.document.edit("change of the notes", notes="later")
    one.done()
    assert one.file.modified and storing.read(path).project.notes == ""
    one.file.save()
    one.state.document.edit("change of the notes", notes="latest")
    assert one.file.save()  # is done behind the other
    one.qtbot.waitUntil(lambda: not one.file.modified)
    assert storing.read(path).project.notes == "latest"


def test_steps_and_looks_are_no_edits(bench, path):
    one = bench()
    one.save_as(path)
    one.state.cursor.last()
    one.state.selection.select("l0", 2, 3)
    assert not one.file.modified


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("id", [*tasks.ids(), *tasks.experiments.names()])
def test_a_scenario_as_it_opens_is_nothing_to_be_asked_about(id, cell):
    project = opened(id, cell)
    assert is_fresh(project)
    name = next(iter(project.parameters))
    other = {**project.parameters, name: project.parameters[name] + 1}
    for changes in (
        {"notes": "x"}, {"parameters": other}, {"parameters": other, "weights": EDITED}, {"teacher_forcing": False},
        {"spec": project.spec.but(seed=99)}, {"sources": project.sources * 2, "targets": project.targets * 2},
        {"initial": {"h_0": np.zeros((1, project.spec.hidden_size))}}, {"targets": (np.zeros(3),)},
    ):  # fmt: skip
        assert not is_fresh(project.but(**changes)), changes


def test_scenarios_are_looked_at_without_a_star_until_they_have_a_file(bench, path):
    one = bench()
    one.state.document.open_scenario("tagging", "gru")
    one.done()
    assert not one.file.modified
    one.save_as(path)
    one.state.document.open_scenario("translation")
    assert one.file.modified


# Opening ---------------------------------------------------------------------------------------------------------


def test_opening_brings_the_look_back(bench, path):
    one = bench(opened("tagging", "lstm"))
    one.state.cursor.granularity = OPERATION
    one.state.cursor.go_index(17)
    one.state.selection.select("l0", 1, 3, "c", gradient=True)
    look = captured(one.state)
    one.save_as(path)
    two = bench()
    two.file.claim(Claim(two.data / "other"))
    two.open(path)
    assert captured(two.state) == look
    assert two.file.path == path and not two.file.modified and not two.file.copy
    assert two.state.document.project.scenario == "tagging" and not two.state.document.can_undo
    one.state.document.edit("change of the notes", notes="x")
    one.state.cursor.first()
    one.open(path)  # as "revert" does
    assert captured(one.state) == look and one.state.document.project.notes == ""


def test_an_edit_before_the_run_is_there_forbids_the_look(bench, path):
    one = bench()
    one.state.cursor.last()
    one.save_as(path)
    one.state.cursor.first()
    one.file.opened.connect(lambda view: one.state.document.set_source(0, "good"))
    one.open(path)
    assert one.state.document.project.sources == ("good",) and one.state.selection.value is None


def test_a_wrong_file_leaves_what_is_open(bench, path, tmp_path):
    one = bench()
    one.save_as(path)
    one.state.document.edit("change of the notes", notes="x")
    before = one.state.document.project
    for wrong in (b"", b"nonsense", path.read_bytes()[:-40]):
        other = tmp_path / "b.loopscope"
        other.write_bytes(wrong)
        one.open(other)
        assert one.names()[-1] == "failed" and one.said[-1][1].startswith("b.loopscope: ")
    assert one.state.document.project is before and one.file.path == path and one.file.modified
    assert one.state.document.can_undo


def test_new_and_an_import_have_no_file(bench, path):
    one = bench(opened("glyph"))
    one.save_as(path)
    one.file.new()
    one.done()
    assert (one.file.path, one.file.modified, one.state.document.project.scenario) == (None, False, "movie-review")
    assert not one.file.save()
    one.file.begin(opened("tagging").but(notes="brought along"))
    assert not one.file.modified and not one.state.document.can_undo


# Saving ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_everything_as_it_was(bench, path, monkeypatch):
    one = bench()
    one.save_as(path)
    before = path.read_bytes()
    one.state.document.edit("change of the notes", notes="x")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    one.file.save()
    one.done()
    assert one.said[-1] == ("failed", "a.loopscope: cannot be written: No space left on device")
    assert one.file.modified and path.read_bytes() == before
    monkeypatch.undo()
    one.file.save()
    one.done()
    assert not one.file.modified


def test_a_file_that_another_program_changed_is_asked_about(bench, path):
    one = bench()
    one.save_as(path)
    projects.write_whole(path, storing.packed(opened("glyph"), View()))
    one.state.document.edit("change of the notes", notes="mine")
    one.file.save()
    one.done()
    assert one.said[-1] == ("conflict", path) and one.file.modified
    assert storing.read(path).project.scenario == "glyph"
    one.file.save(over=True)
    one.done()
    assert storing.read(path).project.notes == "mine" and not one.file.modified


def test_two_windows_on_one_file_notice_each_other(bench, path, tmp_path):
    one, two = bench(), bench()
    one.save_as(path)
    link = tmp_path / "link.loopscope"
    link.symlink_to(path)
    two.open(link)
    assert two.file.copy and "elsewhere" in two.names()
    assert dict(two.said)["elsewhere"].host == ""
    assert not two.file.save()  # it needs another name
    two.save_as(path)
    assert "open in another window" in two.said[-1][1]
    two.save_as(tmp_path / "b.loopscope")
    assert not two.file.copy and two.file.save()
    one.close()
    two.open(path)
    assert not two.file.copy


def test_where_no_claim_can_be_kept_files_open_all_the_same(bench, path, tmp_path):
    (tmp_path / "data").write_bytes(b"a file where the folder should be")
    one = bench()
    one.save_as(path)
    assert one.file.path == path and not one.file.copy


# Kept aside ------------------------------------------------------------------------------------------------------


def test_unsaved_work_is_kept_aside_and_goes_when_it_is_saved(bench, path, qtbot):
    one = bench()
    keeper = one.keep()
    assert not keeper.waiting and keeper.path is None and not one.data.joinpath("recovery").exists()
    one.save_as(path)
    one.state.document.edit("change of the notes", notes="x")
    assert keeper.waiting and keeper._timer.interval() <= 5000
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
