"""How fast the window comes up, against a bare pyqtgraph window, and how fast the playhead moves."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from gui import theme
from gui.main_window import MainWindow
from gui.state.app_state import AppState
from gui.state.document import opened

ROOT = Path(__file__).resolve().parents[2]
STARTS = 7
MOVES = 60

# Each says "ready" when its window has been painted in full: ours with its first run, all docks and the score.
OURS = """
import sys
sys.path.insert(0, ".")
from PySide6.QtWidgets import QApplication
import main

def until_complete(*_):
    app = QApplication.instance()
    window = next(w for w in app.topLevelWidgets() if w.objectName() == "main")
    while window.state.session.running:
        app.processEvents()
    for _ in range(3):
        app.processEvents()
    assert "torch" not in sys.modules
    print("ready", flush=True)
    return 0

QApplication.exec = until_complete
main.main([])
"""
BARE = """
import pyqtgraph
app = pyqtgraph.mkQApp()
window = pyqtgraph.plot([1, 3, 2])
for _ in range(3):
    app.processEvents()
print("ready", flush=True)
window.close()
"""


def start(code: str) -> float:
    """Seconds from the start of a process until its window is there."""
    begun = time.perf_counter()
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's second start does not compile
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken = time.perf_counter() - begun
    assert line == "ready\n"
    return taken


def test_start_against_a_bare_pyqtgraph_window(benchmark, record_property):
    start(OURS), start(BARE)  # the files come from the disk once
    bare, ours = [], []
    for _ in range(STARTS):  # in turn, so that a busy moment meets both
        bare.append(start(BARE))
        ours.append(start(OURS))
    ratio = statistics.median(ours) / statistics.median(bare)
    benchmark.extra_info.update(
        ours_s=round(statistics.median(ours), 3), bare_s=round(statistics.median(bare), 3), ratio=round(ratio, 2)
    )
    benchmark.pedantic(start, args=(OURS,), rounds=1)
    print(f"\nwindow: {statistics.median(ours):.3f} s, bare {statistics.median(bare):.3f} s, ratio {ratio:.2f}")
    assert ratio <= 1.8


@pytest.mark.parametrize("steps", [12, 100, 1000])
def test_playhead_to_pixels(benchmark, qtbot, steps):
    theme.install(QApplication.instance())
    text = " ".join(["the movie was not bad at all and I liked it"] * (steps // 10 + 1))
    words = text.split()[: steps - 1]
    state = AppState(project=opened("movie-review").but(sources=(" ".join(words),), targets=("positive",)))
    window = MainWindow(state)
    qtbot.addWidget(window)
    window.resize(1680, 1050)
    window.show()
    qtbot.waitUntil(lambda: not state.session.running, timeout=60_000)
    count = state.cursor.count
    assert count == 2 * steps + 1
    places = iter(range(10**9))

    def move() -> None:
        # Forward, the loss and backward, in single steps from three places.
        place = next(places)
        state.cursor.go((place // 20 * count // 3 + place) % (count + 1))
        QApplication.processEvents()

    try:
        benchmark.pedantic(move, rounds=MOVES, warmup_rounds=5)
        median = statistics.median(benchmark.stats.stats.data)
        print(f"\nT = {steps}: {1000 * median:.2f} ms")
        assert median <= 0.008
    finally:
        window.close()
        state.close()
