"""A file that cannot be opened leaves what is open as it is: the project, its edits, the playhead, the title."""

import os
from pathlib import Path

import pytest
from bombs import archives, npys, projects_, safes, tables
from pickle_bombs import pickles, torch_file
from PySide6.QtCore import QSettings
from said import check
from wholesome import samples

from gui.main_window import MainWindow
from gui.settings import Settings
from gui.state import storing
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.theme import install


def bad_files(canary: Path) -> dict[str, bytes]:
    """A bad file of each kind; none may be opened over the movie review."""
    good, pickled, archived = samples(), pickles(canary), archives()
    return {
        "empty.loopscope": b"", "cut.loopscope": good["a.loopscope"][:-300], "text.loopscope": b"hello",
        "new.loopscope": projects_()["newer"], "large.loopscope": projects_()["large"],
        "modules.loopscope": projects_()["modules"], "zeros.loopscope": projects_()["zeros"],
        "system.pt": torch_file(pickled["system"]), "laughs.pth": torch_file(pickled["hash_laughs"]),
        "bare.bin": pickled["exec"], "outside.npz": archived["outside"], "zeros.npz": archived["zeros"],
        "huge.npy": npys()["huge"], "objects.npy": npys()["objects"], "size.safetensors": safes()["size"],
        "columns.csv": tables()["columns.csv"], "ragged.tsv": tables()["ragged.csv"], "latin.txt": b"Gr\xf6\xdfe",
        "x.wav": b"RIFF",
    }  # fmt: skip


@pytest.fixture
def window(qtbot, qapp, tmp_path):
    install(qapp)
    path = tmp_path / "mine.loopscope"
    storing.write(path, opened("movie-review", "gru"), storing.View())
    made = MainWindow(AppState(), Settings(QSettings(str(tmp_path / "a.ini"), QSettings.Format.IniFormat)))
    qtbot.addWidget(made, before_close_func=lambda w: (w.filing.end(over=True), setattr(w.filing, "keeper", None)))
    made.show()
    made.filing.begin()
    made.filing.open(path)
    qtbot.waitUntil(lambda: made.filing.file.path == path and not made.state.session.running, timeout=20_000)
    yield made
    made.close()
    made.state.close()


def test_nothing_that_is_open_is_touched(qtbot, window, folder, tmp_path, monkeypatch):
    state, filing, canary = window.state, window.filing, tmp_path / "canary"
    state.document.set_source(0, "a good film")
    state.document.edit("notes", notes="unsaved")
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
    state.cursor.go_index(3)
    said = []
    # What is unsaved shall not be asked about here: the answer would be "don't save".
    monkeypatch.setattr(filing, "_say", said.append)
    monkeypatch.setattr(filing, "go_on", lambda then: then())

    def everything():
        stack = state.document.undo_stack
        return (
            state.document.project, stack.count(), stack.index(), stack.isClean(), state.document.can_undo,
            state.cursor.index, state.cursor.granularity, state.selection.value, state.session.trace,
            window.windowTitle(), window.isWindowModified(), filing.file.path, filing.file.modified, filing.file.origin,
        )  # fmt: skip

    before = everything()
    for name, data in bad_files(canary).items():
        path = folder / name
        path.write_bytes(data)
        said.clear()
        filing.open(path)
        qtbot.waitUntil(lambda: bool(said) and not filing.file.busy, timeout=20_000)
        assert len(said) == 1, said
        if path.suffix == ".wav":
            assert path.name in said[0]
        else:
            check(said[0], path)
        after = everything()
        assert after[0] is before[0] and after[1:] == before[1:], name
    assert filing.importer().dialog is None and not canary.exists()
    state.document.undo()
    assert state.document.project.notes == "" and state.document.project.sources == ("a good film",)


def test_files_that_are_not_there_or_no_files(qtbot, window, folder):
    said = []
    window.filing._say = said.append
    before = window.state.document.project
    (folder / "folder.pt").mkdir()
    (folder / "folder.loopscope").mkdir()
    (folder / "loop.loopscope").symlink_to(folder / "loop.loopscope")
    os.mkfifo(folder / "pipe.npz")
    os.mkfifo(folder / "pipe.loopscope")
    names = ("none.pt", "none.loopscope", *sorted(path.name for path in folder.iterdir()))
    for name in names:
        said.clear()
        window.filing.open(folder / name)
        qtbot.waitUntil(lambda: bool(said) and not window.filing.file.busy, timeout=20_000)
        check(said[0], folder / name)
    assert window.state.document.project is before
