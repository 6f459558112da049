"""The document's file: clean and dirty, opened, saved, changed by others, open in another window."""

import os
from pathlib import Path

import numpy as np
import pytest

from engine import tasks
from engine.registry import cells
from gui.state import storing
from gui.state.claim import Claim, key
from gui.state.cursor import OPERATION
from gui.state.document import opened
from gui.state.file import is_fresh
from gui.state.looking import captured
from gui.state.project import EDITED
from gui.state.storing import View

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
    one.file.begin(opened())
    one.done()
    assert (one.file.path, one.file.modified, one.state.document.project.scenario) == (None, False, "movie-review")
    assert not one.file.save()
    one.file.begin(opened("tagging").but(notes="brought along"))
    assert not one.file.modified and not one.state.document.can_undo


def test_a_file_still_being_written_is_not_the_next_projects(bench, path):
    one = bench()
    one.save_as(path)
    one.state.document.edit("change of the notes", notes="mine")
    one.file.save()
    one.file.save()  # once more, behind the other
    one.file.begin(opened("tagging"))
    one.file.save_as(path.with_name("b.loopscope"))
    one.done()
    assert one.file.path == path.with_name("b.loopscope") and not one.file.modified
    assert storing.read(path).project.notes == "mine"
    assert storing.read(one.file.path).project.scenario == "tagging"


def test_a_file_still_being_read_does_not_come_any_more(bench, path):
    one = bench()
    one.save_as(path)
    one.file.open(path)
    one.file.begin(opened("tagging"))
    one.file._worker.close()  # waits for what it does
    one.done()
    assert one.file.path is None and one.state.document.project.scenario == "tagging"


def test_what_was_to_be_saved_is_not_written_into_the_next_file(bench, path, tmp_path):
    one = bench(opened("glyph"))
    one.save_as(tmp_path / "b.loopscope")
    one.file.begin(opened())
    one.save_as(path)
    one.state.document.set_field("hidden_size", 700)
    assert one.state.document.wanted is not None
    one.file.save()  # waits for the parameters
    before = (tmp_path / "b.loopscope").stat().st_mtime_ns
    one.open(tmp_path / "b.loopscope")
    assert one.names()[-1] == "opened" and (tmp_path / "b.loopscope").stat().st_mtime_ns == before


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
    storing.write(path, opened("glyph"), View())
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


def test_a_copy_under_its_own_name_is_none_any_more_once_the_other_window_is_gone(bench, path):
    one, two = bench(), bench()
    one.save_as(path)
    two.open(path)
    assert two.file.copy and not two.file.save()
    one.close()
    two.state.document.edit("change of the notes", notes="x")
    two.save_as(path)
    assert not two.file.copy and two.file.save()
    two.done()
    assert storing.read(path).project.notes == "x"


def test_a_relative_path_is_the_same_file_from_everywhere(bench, path, monkeypatch, tmp_path):
    storing.write(path, opened("tagging"), View())
    monkeypatch.chdir(tmp_path)
    one = bench()
    one.file.adopt(storing.read(Path(path.name)))
    assert one.file.path == path and one.file.origin.path == path


def test_a_name_chosen_while_parameters_are_drawn_is_saved_under(bench, path, monkeypatch):
    one = bench()
    monkeypatch.setattr(type(one.state.document), "wanted", property(lambda self: object()))
    one.file.save_as(path)
    assert not one.file.busy and not one.said
    monkeypatch.undo()
    one.state.document.drawing_changed.emit(False)
    one.done()
    assert one.file.path == path and storing.read(path)


def test_a_name_that_comes_to_nothing_is_not_claimed(bench, path, tmp_path, monkeypatch):
    one, other = bench(), tmp_path / "b.loopscope"
    one.save_as(path)
    one.file.save()
    one.file.save_as(other)  # too early
    assert one.names()[-1] == "failed"
    one.done()
    witness = Claim(one.data / "open")
    assert witness.take(other) is None and witness.take(path, always=False) is not None
    two = bench()
    two.open(path)
    assert two.file.copy
    witness.release()
    two.save_as(tmp_path / "no" / "folder" / "b.loopscope")
    assert two.names()[-1] == "failed" and two.file.copy
    assert witness.take(tmp_path / "no" / "folder" / "b.loopscope") is None


def test_where_no_claim_can_be_kept_files_open_all_the_same(bench, path, tmp_path):
    (tmp_path / "data").write_bytes(b"a file where the folder should be")
    one = bench()
    one.save_as(path)
    assert one.file.path == path and not one.file.copy


def test_a_claim_of_another_machine_can_be_seized(bench, path):
    storing.write(path, opened("tagging"), View())
    one = bench()
    lock = one.data / "open" / f"{key(path)}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("4711\nloopscope\nelsewhere.example\n0123456789abcdef\nfedcba9876543210\n")
    one.open(path)
    assert one.file.copy and dict(one.said)["elsewhere"].host == "elsewhere.example"
    one.file.seize()
    assert not one.file.copy and one.file.save()
    one.done()
    two = bench()
    two.open(path)
    assert two.file.copy and dict(two.said)["elsewhere"].host == ""
