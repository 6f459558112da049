"""Files of other programs, opened in the window."""

import threading

import numpy as np
import pytest
import torch
from PySide6.QtWidgets import QPushButton, QWidget

from engine.interop.load import Weights
from gui import import_dialog
from gui.import_dialog import ImportDialog
from gui.importing import Importer
from gui.state.app_state import AppState
from gui.state.importing import of_file
from gui.views._numbers import NumbersDialog


@pytest.fixture
def gru(tmp_path):
    torch.manual_seed(0)
    torch.save(
        {"encoder": torch.nn.GRU(3, 4).state_dict(), "head": torch.nn.Linear(4, 2).state_dict()}, tmp_path / "g.pt"
    )
    return tmp_path / "g.pt"


@pytest.fixture
def dialog(gru, qtbot, dressed):
    made = ImportDialog(Weights(gru), "numpy", "cpu")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(made.open_button.isEnabled)
    yield made
    made.reject()


def test_it_says_what_was_found_and_that_it_agrees(dialog):
    assert dialog.summary.text() == "GRU · 1 layer · 3 → 4 → 2 · float32 · 118 parameters"
    assert "✓ The recurrent layer agrees with torch.nn.GRU to " in dialog.proof.text()
    assert ("head.weight → output.weight", "(2, 4)", "8") in dialog.found.rows()
    assert not dialog.rows["layer"].isVisible() and not dialog.rows["vocabulary"].isVisible()


def test_nothing_is_asked_before_it_is_known(gru, qtbot, dressed):
    made = ImportDialog(Weights(gru), "numpy", "cpu")
    qtbot.addWidget(made)
    made.show()
    assert made.summary.text().startswith("Running it")
    assert not any(made.rows[name].isVisible() for name in ("layer", "nonlinearity", "vocabulary", "target"))
    made.reject()


def test_an_encoder_and_a_decoder_are_opened_together(tmp_path, qtbot, dressed):
    parts = {"encoder": torch.nn.GRU(3, 4), "decoder": torch.nn.GRU(5, 4), "out": torch.nn.Linear(4, 5)}
    torch.save(torch.nn.ModuleDict(parts).state_dict(), tmp_path / "pair.pt")
    made = ImportDialog(Weights(tmp_path / "pair.pt"), "numpy", "cpu")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(made.open_button.isEnabled)
    assert made.pattern.currentData() == "sequence-to-sequence" and not made.rows["layer"].isVisible()
    made.reject()


def test_a_choice_is_tried_out(dialog, qtbot):
    dialog.head.setCurrentIndex(dialog.head.findData(""))
    dialog.head.chosen.emit("")
    qtbot.waitUntil(lambda: dialog.compared.currentData() == "last" and dialog.open_button.isEnabled())
    assert "Not used: head.weight, head.bias" in dialog.rest.text()


def test_a_wrong_file_is_said_and_nothing_is_opened(dialog, qtbot, tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n")
    dialog.sequence.chosen.emit(str(tmp_path / "x.csv"))
    qtbot.waitUntil(dialog.problem.isVisible)
    assert dialog.problem.text().startswith("x.csv: ") and "this network reads (T, 3)" in dialog.problem.text()
    assert not dialog.open_button.isEnabled()


def test_a_chosen_file_is_taken_back(dialog, qtbot, tmp_path):
    (tmp_path / "x.csv").write_text("1,2\n")
    dialog.sequence.chosen.emit(str(tmp_path / "x.csv"))
    qtbot.waitUntil(dialog.problem.isVisible)
    assert dialog.sequence.clear.isVisible()
    dialog.sequence.clear.click()
    qtbot.waitUntil(dialog.open_button.isEnabled)
    assert not dialog.sequence.clear.isVisible() and dialog.sequence.text.text() == "12 × 3 random numbers"
    np.save(tmp_path / "x.npy", np.ones((5, 3)))
    dialog.sequence.chosen.emit(str(tmp_path / "x.npy"))
    qtbot.waitUntil(lambda: dialog.open_button.isEnabled() and dialog._offer.project.sources[0].shape == (5, 3))
    dialog.sequence.clear.click()
    qtbot.waitUntil(lambda: dialog.open_button.isEnabled() and dialog._offer.project.sources[0].shape == (12, 3))


def test_return_opens_and_nothing_waits_for_what_is_tried(gru, qtbot, dressed, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(import_dialog, "offer", lambda *_: gate.wait(20))
    made = ImportDialog(Weights(gru), "numpy", "cpu")
    qtbot.addWidget(made)
    made.show()
    assert not any(button.autoDefault() for button in made.findChildren(QPushButton) if button is not made.open_button)
    made.reject()  # returns although the gate is closed
    assert not made.isVisible()
    gate.set()


def test_a_target_of_numbers_is_asked_for(dialog, qtbot, tmp_path):
    dialog.compared.set_current("mse")
    dialog.compared.chosen.emit("mse")
    assert dialog.rows["target"].isVisible() and dialog.problem.text().startswith("Choose a target")
    np.save(tmp_path / "t.npy", np.zeros((12, 2)))
    dialog.target.chosen.emit(str(tmp_path / "t.npy"))
    qtbot.waitUntil(dialog.open_button.isEnabled)
    with qtbot.waitSignal(dialog.accepted_offer) as offered:
        dialog.open_button.click()
    assert offered.args[0].project.spec.loss == "mse"


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


def test_weights_are_asked_about_and_begun(bench, gru, qtbot):
    importer, _, begun, said = bench
    taken = []
    importer.taken.connect(taken.append)
    importer.open(gru)
    qtbot.waitUntil(lambda: importer.dialog is not None and importer.dialog.open_button.isEnabled())
    importer.dialog.open_button.click()
    assert begun[0].task.title == "g.pt" and not said
    assert taken == [gru]


def test_a_sequence_is_one_edit_of_what_is_open(bench, qtbot, tmp_path):
    importer, state, _, said = bench
    (tmp_path / "review.txt").write_text("what a film")
    importer.open(tmp_path / "review.txt")
    qtbot.waitUntil(lambda: state.document.project.sources == ("what a film",))
    assert state.document.undo_stack.undoText() == "input from review.txt"
    importer.open(tmp_path / "gone.npy")
    qtbot.waitUntil(lambda: bool(said))
    assert said[0].startswith("gone.npy: cannot be read")
    assert state.document.project.sources == ("what a film",)


def test_numbers_are_typed(gru, qtbot, dressed):
    project = of_file(gru)
    made = NumbersDialog(project.task, np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]]))
    qtbot.addWidget(made)
    assert made.edit.toPlainText() == "0.1 0.2 0.3\n1.0 2.0 3.0"
    made.edit.setPlainText("1 2 3\n4 5")
    made.accept()
    assert made.problem.text() == "line 2 has 2 columns and the first 3"
    made.edit.setPlainText("1 2\n4 5")
    made.accept()
    assert "this network reads (T, 3)" in made.problem.text()
    made.edit.setPlainText("1, 2, 3\n4, 5, 6")
    with qtbot.waitSignal(made.typed) as typed:
        made.accept()
    np.testing.assert_array_equal(typed.args[0], [[1, 2, 3], [4, 5, 6]])
