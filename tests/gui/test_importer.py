"""Files that arrive when what they were opened for has changed."""

import threading

import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QWidget

from engine.interop.load import Weights
from gui import import_dialog, importing
from gui.importing import Importer
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.importing import of_file


@pytest.fixture
def bench(qtbot, dressed):
    """An importer in a window, and what it began and said."""
    state, window = AppState(), QWidget()
    qtbot.addWidget(window)
    begun, said = [], []
    importer = Importer(state, begun.append, said.append, window)
    yield importer, state, begun, said
    importer.close()
    state.close()


@pytest.fixture
def held(monkeypatch):
    """Reading waits until it is let go on; the paths that are read."""
    gate, paths, original = threading.Event(), [], importing._read

    def read(path, project):
        paths.append(path)
        assert gate.wait(20)
        return original(path, project)

    monkeypatch.setattr(importing, "_read", read)
    yield gate, paths
    gate.set()


def test_edits_while_a_sequence_is_read_are_kept(bench, held, qtbot, tmp_path):
    importer, state, _, said = bench
    gate, paths = held
    (tmp_path / "review.txt").write_text("what a film")
    importer.open(tmp_path / "review.txt")
    qtbot.waitUntil(lambda: len(paths) == 1)
    project = state.document.project
    state.document.edit("x", sources=("a", "b"), targets=(None, None), sequence=1)
    gate.set()
    qtbot.waitUntil(lambda: state.document.project.sources == ("a", "what a film"))
    state.document.undo()
    state.document.undo()
    assert state.document.project is project and not said


def test_another_scenario_does_not_get_what_it_cannot_read(bench, held, qtbot, tmp_path):
    importer, state, _, said = bench
    gate, paths = held
    (tmp_path / "review.txt").write_text("what a film")
    importer.open(tmp_path / "review.txt")
    qtbot.waitUntil(lambda: len(paths) == 1)
    state.document.swap(opened("glyph"))
    before = state.document.project
    gate.set()
    qtbot.waitUntil(lambda: bool(said))
    assert said[0].startswith("review.txt: it is a text") and state.document.project is before


def test_the_newest_of_two_files_counts(bench, held, qtbot, tmp_path):
    importer, _, begun, said = bench
    gate, paths = held
    for name, size in (("one.pt", 3), ("two.pt", 5)):
        torch.save(torch.nn.GRU(size, 4).state_dict(), tmp_path / name)
    importer.open(tmp_path / "one.pt")
    qtbot.waitUntil(lambda: len(paths) == 1)
    importer.open(tmp_path / "two.pt")
    gate.set()
    qtbot.waitUntil(lambda: importer.dialog is not None and importer.dialog.open_button.isEnabled())
    importer.dialog.open_button.click()
    assert [project.task.title for project in begun] == ["two.pt"] and not said
    assert importer.dialog is None


def test_a_second_file_takes_the_place_of_the_question_about_the_first(bench, qtbot, tmp_path):
    importer, _, begun, _ = bench
    for name, size in (("one.pt", 3), ("two.pt", 5)):
        torch.save(torch.nn.GRU(size, 4).state_dict(), tmp_path / name)
    importer.open(tmp_path / "one.pt")
    qtbot.waitUntil(lambda: importer.dialog is not None)
    first, closed = importer.dialog, []
    first.rejected.connect(lambda: closed.append(True))
    importer.open(tmp_path / "two.pt")
    qtbot.waitUntil(lambda: importer.dialog not in (None, first) and importer.dialog.open_button.isEnabled())
    assert closed
    importer.dialog.open_button.click()
    assert [project.task.title for project in begun] == ["two.pt"]


def test_of_what_is_chosen_while_another_choice_is_tried_nothing_is_lost(qtbot, dressed, tmp_path, monkeypatch):
    torch.save({"rnn": torch.nn.RNN(3, 4).state_dict()}, tmp_path / "r.pt")
    np.save(tmp_path / "x.npy", np.ones((5, 3)))
    gate, begun, original = threading.Event(), [], import_dialog.offer

    def slowly(weights, wishes, *place):
        begun.append(wishes)
        assert gate.wait(20)
        return original(weights, wishes, *place)

    monkeypatch.setattr(import_dialog, "offer", slowly)
    made = import_dialog.ImportDialog(Weights(tmp_path / "r.pt"), "numpy", "cpu")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: len(begun) == 1)
    made.sequence.chosen.emit(str(tmp_path / "x.npy"))
    for choice, value in ((made.nonlinearity, "relu"), (made.pattern, "many-to-one")):
        choice.set_current(value)
        choice.chosen.emit(value)
    gate.set()
    qtbot.waitUntil(made.open_button.isEnabled)
    with qtbot.waitSignal(made.accepted_offer) as offered:
        made.open_button.click()
    project = offered.args[0].project
    assert (project.spec.nonlinearity, project.spec.pattern, len(project.sources[0])) == ("relu", "many-to-one", 5)
    assert len(begun) == 2  # what was overtaken is not tried


def test_a_batch_takes_the_place_of_all_sequences(bench, qtbot, tmp_path):
    importer, state, _, said = bench
    torch.save(torch.nn.GRU(3, 4).state_dict(), tmp_path / "gru.pt")
    project = of_file(tmp_path / "gru.pt")
    state.document.swap(project.but(sources=project.sources * 3, targets=project.targets * 3, sequence=2))
    np.save(tmp_path / "x.npy", np.ones((5, 2, 3)))
    importer.open(tmp_path / "x.npy")
    qtbot.waitUntil(lambda: len(state.document.project.sources) == 2)
    assert state.document.project.sequence == 0 and not said
