"""Keras's files and ONNX, opened in the window as any file of weights."""

import sys
from pathlib import Path

import pytest

from engine.interop.load import Weights
from gui import kinds
from gui.import_dialog import ImportDialog
from gui.state.importing import holds_weights, of_file

sys.path.append(str(Path(__file__).resolve().parents[1] / "engine"))
from foreign import unpacked

pytest.importorskip("h5py")
pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return unpacked(tmp_path_factory)


def test_they_are_files_that_can_be_opened(folder):
    for name in ("review.keras", "review.h5", "lstm.weights.h5", "onnx_lstm_script.onnx"):
        assert kinds.kind(folder / name) == kinds.OTHER and holds_weights(folder / name)
        assert f"*{(folder / name).suffix}" in kinds.open_filter()


@pytest.mark.parametrize(
    ("name", "pattern", "nonlinearity"),
    [("review.keras", "many-to-one", "tanh"), ("relu.keras", "many-to-one", "relu"),
     ("tagger.h5", "many-to-many", "tanh"), ("onnx_gru_ends_script.onnx", "many-to-one", "tanh"),
     ("onnx_relu_script.onnx", "many-to-many", "relu")],
)  # fmt: skip
def test_the_dialog_opens_with_what_the_file_says(name, pattern, nonlinearity, folder, qtbot, dressed):
    dialog = ImportDialog(Weights(folder / name), "numpy", "cpu")
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.open_button.isEnabled)
    assert dialog.pattern.currentData() == pattern and dialog.nonlinearity.currentData() == nonlinearity
    assert "✓ The recurrent layer agrees with torch.nn." in dialog.proof.text()
    assert "Not used" not in dialog.rest.text() and "Missing" not in dialog.rest.text()
    dialog.reject()


def test_what_is_otherwise_is_noted(folder, qtbot, dressed):
    dialog = ImportDialog(Weights(folder / "backwards.keras"), "numpy", "cpu")
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.open_button.isEnabled)
    assert "reads its sequence from the end" in dialog.rest.text()
    dialog.reject()


def test_from_the_command_line(folder):
    project = of_file(folder / "lstm.keras")
    assert project.spec.cell == "lstm" and project.spec.loss == "linear" and project.spec.output_size == 2
