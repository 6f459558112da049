"""A network trained in plain PyTorch by another process, dropped on the window, looked into, and taken out again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.interop.state_dict import SUFFIXES
from gui import kinds
from gui.export.arrays_dialog import WeightsDialog
from gui.import_dialog import ImportDialog

torch = pytest.importorskip("torch")

TRAINING = """
import numpy as np, torch
from safetensors.torch import save_file
from torch import nn

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(12, 6)
        self.norm = nn.LayerNorm(6)  # not a part of what is looked into, but of the model
        self.encoder = nn.LSTM(6, 7, num_layers=2, batch_first=True)
        self.classifier = nn.Linear(7, 2)

    def forward(self, ids):
        return self.classifier(self.encoder(self.embed(ids))[0])

torch.manual_seed(0)
model, rng = Classifier(), np.random.default_rng(0)
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for _ in range(10):
    ids = torch.from_numpy(rng.integers(0, 12, (8, 9)))
    loss = nn.functional.cross_entropy(model(ids)[:, -1], (ids == 5).any(1).long())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
state = model.state_dict()
checkpoint = {"epoch": 3, "model": {"state_dict": state}, "optimizer": optimizer.state_dict(), "best": np.float64(0.5)}
for name, content in (("state", state), ("checkpoint", checkpoint), ("whole", model)):
    torch.save(content, f"{name}.pt")
    torch.save(content, f"{name}_legacy.pth", _use_new_zipfile_serialization=False)
save_file(state, "state.safetensors")
np.savez("state.npz", **{name: value.numpy() for name, value in state.items()})
ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5]])
with torch.no_grad():
    read = model.embed(ids)
    out, (h, c) = model.encoder(read)
    logits = model.classifier(out)
np.savez("computed", ids=ids[0], read=read[0], out=out[0], c=c[:, 0], logits=logits[0])
np.save("ids.npy", ids[0])
"""
FILES = ("state.pt", "state_legacy.pth", "checkpoint.pt", "checkpoint_legacy.pth", "whole.pt", "whole_legacy.pth",
         "state.safetensors", "state.npz")  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which another process has trained and saved."""
    folder = tmp_path_factory.mktemp("trained")
    done = subprocess.run(
        [sys.executable, "-c", TRAINING], cwd=folder, capture_output=True, text=True, timeout=100
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def gates(parameters, layer, read):
    """The gates of an LSTM's layer at every step, by torch's documentation, in float64."""
    w_ih, w_hh, b_ih, b_hh = (
        parameters[f"encoder.{name}_l{layer}"].astype(np.float64)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h, c, found = np.zeros(w_hh.shape[1]), np.zeros(w_hh.shape[1]), []
    for x in read.astype(np.float64):
        i, f, g, o = np.split(w_ih @ x + b_ih + w_hh @ h + b_hh, 4)
        i, f, o, g = (*(1 / (1 + np.exp(-a)) for a in (i, f, o)), np.tanh(g))
        c = f * c + i * g
        h = o * np.tanh(c)
        found.append({"i": i, "f": f, "g": g, "o": o, "c": c, "h": h})
    return {name: np.array([step[name] for step in found]) for name in "ifgoch"}


def loads(path):
    if path.suffix == ".safetensors":
        return {name: value.numpy() for name, value in pytest.importorskip("safetensors.torch").load_file(path).items()}
    if path.suffix == ".npz":
        return dict(np.load(path))
    return {name: value.numpy() for name, value in torch.load(path, weights_only=True).items()}


@pytest.mark.parametrize("name", FILES)
def test_from_another_programs_training_into_the_window_and_out_again(bench, trained, tmp_path, name):
    one, computed = bench(), np.load(trained / "computed.npz")
    assert one.drop(trained / name) == f"Drop to open “{name}”"
    one.qtbot.waitUntil(lambda: one.window.findChild(ImportDialog) is not None)
    dialog = one.window.findChild(ImportDialog)
    one.qtbot.waitUntil(dialog.open_button.isEnabled, timeout=20_000)
    assert "✓ The recurrent layer agrees with torch.nn.LSTM" in dialog.proof.text()
    assert dialog._offer.proof.difference < 1e-6 and not dialog.lacking.isVisible()
    dialog.open_button.click()
    one.done()
    one.drop(trained / "ids.npy")  # and the sequence that it was run on
    one.qtbot.waitUntil(lambda: one.state.document.project.sources == ("3 1 4 1 5 9 2 6 5",))
    one.done()
    # Its numbers are torch's, gate for gate.
    trace, kept = one.state.session.trace, dict(np.load(trained / "state.npz"))
    assert trace.spec.dtype == "float32"
    below = gates(kept, 0, computed["read"])
    for layer, found in enumerate((below, gates(kept, 1, below["h"]))):
        for key, value in found.items():
            assert np.abs(trace.value(f"l{layer}.{key}")[:, 0] - value).max() < 1e-6
    assert np.abs(trace.value("l1.h")[:, 0] - computed["out"]).max() < 1e-6
    assert np.abs(trace.value("output.logits")[:, 0] - computed["logits"]).max() < 1e-6
    # They are to be seen.
    score = one.window.score
    wanted = {f"value:{layer}:forward:{gate}" for layer in (0, 1) for gate in "ifgo"}
    score.tracks.show_gates(True)
    one.state.cursor.last()
    assert wanted < {track.id for track in score.scene.shown} and not score.grab().isNull()
    # And it goes out as it came in.
    for suffix in SUFFIXES:
        one.do("file.weights")
        out = one.window.exporter.dialog
        assert isinstance(out, WeightsDialog)
        out.save(tmp_path / f"out{suffix}")
        one.qtbot.waitUntil(lambda: not one.window.exporter.saver.busy, timeout=20_000)
        found = loads(tmp_path / f"out{suffix}")
        assert set(found) == set(kept)
        for key, value in kept.items():
            assert found[key].dtype == value.dtype and found[key].tobytes() == value.tobytes()


def test_a_network_is_dropped_with_its_sequence_and_its_vocabulary(bench, trained):
    (trained / "vocab.txt").write_text("\n".join(f"word{i}" for i in range(12)))
    one = bench()
    said = one.drop(trained / "ids.npy", trained / "state.npz", trained / "vocab.txt")
    assert said == "Drop to open “state.npz” with “ids.npy” and “vocab.txt”"
    one.qtbot.waitUntil(lambda: one.window.findChild(ImportDialog) is not None)
    dialog = one.window.findChild(ImportDialog)
    one.qtbot.waitUntil(dialog.open_button.isEnabled, timeout=20_000)
    assert (dialog.sequence.text.text(), dialog.vocabulary.text.text()) == ("ids.npy", "vocab.txt")
    dialog.open_button.click()
    one.done()
    assert one.state.document.project.sources == ("word3 word1 word4 word1 word5 word9 word2 word6 word5",)


def test_what_does_not_go_with_a_network_is_said_and_taken_back(bench, trained, tmp_path):
    torch.save(torch.nn.GRU(3, 4).state_dict(), tmp_path / "gru.pt")
    (tmp_path / "vocab.txt").write_text("a\nb")
    one = bench()
    one.drop(tmp_path / "gru.pt", tmp_path / "vocab.txt")
    one.qtbot.waitUntil(lambda: one.window.findChild(ImportDialog) is not None)
    dialog = one.window.findChild(ImportDialog)
    one.qtbot.waitUntil(dialog.problem.isVisible)
    assert "it needs no vocabulary" in dialog.problem.text()
    dialog.vocabulary.clear.click()
    one.qtbot.waitUntil(dialog.open_button.isEnabled, timeout=20_000)
    assert not dialog.rows["vocabulary"].isVisible()
    dialog.reject()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("a.pt", "b.npy"), {"weights": "a.pt", "sequence": "b.npy"}),
        (("x.npz", "w.pt"), {"weights": "w.pt", "sequence": "x.npz"}),
        (("x.npz", "w.csv"), {"weights": "x.npz", "sequence": "w.csv"}),
        (("a.pt", "t.json", "b.txt"), {"weights": "a.pt", "vocabulary": "t.json", "sequence": "b.txt"}),
        (("a.pt", "Vocab.txt"), {"weights": "a.pt", "vocabulary": "Vocab.txt"}),
        (("a.pt", "b.pt"), {}), (("a.npy", "b.csv"), {}), (("a.pt", "b.npy", "c.npy"), {}), (("a.pt", "b.bmp"), {}),
        (("a.npy", "vocab.txt"), {}),
    ],
)  # fmt: skip
def test_which_of_several_files_is_what(names, found):
    assert kinds.together([Path(name) for name in names]) == {role: Path(name) for role, name in found.items()}


@pytest.mark.parametrize("name", ["model_best.pth.tar", "model.pkl", "model"])
def test_a_checkpoint_may_be_called_anything(bench, trained, tmp_path, name):
    (tmp_path / name).write_bytes((trained / "state.pt").read_bytes())
    one = bench()
    assert one.drop(tmp_path / name) == f"Drop to open “{name}”"
    one.qtbot.waitUntil(lambda: one.window.findChild(ImportDialog) is not None)
    dialog = one.window.findChild(ImportDialog)
    one.qtbot.waitUntil(dialog.open_button.isEnabled, timeout=20_000)
    assert dialog._offer.project.task.origin.names["output.weight"] == "classifier.weight"
    dialog.reject()
    assert kinds.together([tmp_path / name, Path("b.npy")]) == {"weights": tmp_path / name, "sequence": Path("b.npy")}
    (tmp_path / name).write_bytes(b"something else")
    assert "cannot be opened" in one.drop(tmp_path / name)
