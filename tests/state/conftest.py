"""What the tests of the state share."""

from pathlib import Path

import pytest

from gui.state.app_state import AppState
from gui.state.claim import Claim
from gui.state.file import File
from gui.state.looking import captured
from gui.state.recovery import Keeper


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
