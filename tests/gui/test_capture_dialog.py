"""A capture of a running program, asked about and opened in the window."""

from dataclasses import replace

import numpy as np
import pytest

from engine.interop import captures
from gui.capture_dialog import CaptureDialog

torch = pytest.importorskip("torch")

from engine.interop.recorder import record  # noqa: E402


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    below, above = torch.nn.GRU(3, 4), torch.nn.LSTM(4, 5, 2)
    model = torch.nn.ModuleDict({"below": below, "above": above}).eval()
    with record(model, tmp_path / "run.loopscope"):
        above(below(torch.randn(6, 2, 3))[0])[0].sum().backward()
    return tmp_path / "run.loopscope"


def compared(qtbot, dialog):
    qtbot.waitUntil(lambda: dialog.proof.text()[:1] in "✓✗", timeout=20_000)


@pytest.fixture
def dialog(path, qtbot, dressed):
    made = CaptureDialog(path, captures.read(path), None)
    qtbot.addWidget(made)
    made.show()
    compared(qtbot, made)
    yield made
    made.reject()


def test_it_says_what_was_recorded_and_that_its_run_is_the_programs(dialog, qtbot):
    assert f"PyTorch {torch.__version__}" in dialog.summary.text()
    assert dialog.facts.text().splitlines() == [
        "GRU · 1 layer · 3 → 4 · 6 × 2 steps and sequences",
        "computed in float32 on cpu, in evaluation mode",
        "with the gradients that arrived",
    ]
    assert dialog.proof.text().startswith("✓ agrees with what the program computed to ")
    assert not dialog.notes.isVisible()
    dialog.layer.setCurrentIndex(1)
    dialog.layer.chosen.emit("1")
    assert dialog.facts.text().startswith("LSTM · 2 layers · 4 → 5 · 6 × 2")
    compared(qtbot, dialog)
    with qtbot.waitSignal(dialog.chosen) as chosen:
        dialog.open_button.click()
    assert chosen.args[0].title == "above" and not dialog.isVisible()


def test_a_run_that_is_another_is_seen(path, qtbot, dressed):
    found = captures.read(path)
    broken = replace(found.modules[0], outputs=found.modules[0].outputs + np.float32(0.5))
    made = CaptureDialog(path, replace(found, modules=(broken,)), None)
    qtbot.addWidget(made)
    made.show()
    compared(qtbot, made)
    assert made.proof.text().startswith("✗ differs from what the program computed by 5.0e-01")
    made.reject()


def test_a_dropped_capture_opens_and_its_notes_are_said_after_the_question(bench, path):
    one = bench()
    one.drop(path)
    one.qtbot.waitUntil(lambda: one.window.findChild(CaptureDialog) is not None)
    one.window.findChild(CaptureDialog).reject()
    assert one.state.document.project.scenario == "movie-review"
    one.note("mine")
    found = replace(captures.read(path), notes=("the other could not be recorded",))
    one.filing.importer().ask(path, found)
    dialog = one.filing.importer().dialog
    assert dialog.notes.text() == "the other could not be recorded."
    dialog.open_button.click()
    assert one.said() == [] and one.question() is not None
    one.answer("discard")
    assert one.state.document.project.scenario == "imported"
    assert one.said() == ["the other could not be recorded"]
    assert one.filing.recent.paths()[0] == path
