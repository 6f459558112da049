"""How long the score takes from a move to pixels; not run by make test (see the Makefile)."""

import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "gui"))
import score_bench as bench

from gui.score import Score
from gui.theme import install

LENGTHS = {12: 16, 100: 64, 1000: 256}


@pytest.fixture(params=LENGTHS)
def score(request, qtbot, qapp):
    """A score of T steps with a fitting hidden size, in a window of a usual size."""
    install(qapp)
    T = request.param
    state = bench.State(*bench.sentiment("gru", T=T, hidden=LENGTHS[T]))
    widget = Score(state)
    qtbot.addWidget(widget)
    widget.resize(1300, 900)
    widget.show()
    QApplication.processEvents()
    return widget, state


@pytest.mark.parametrize("fitted", [False, True])
def test_playhead_to_pixels(benchmark, score, fitted):
    """The aim is 8 ms."""
    widget, state = score
    if fitted:
        widget.fit()
    count = state.cursor.count
    state.cursor.go(count // 2)
    QApplication.processEvents()

    def move():
        state.cursor.step(1 if state.cursor.position < count else -count // 2)
        QApplication.processEvents()

    benchmark(move)


def test_a_jump_paints_everything(benchmark, score):
    _, state = score
    ends = [state.cursor.count, state.cursor.count // 3]

    def jump():
        ends.reverse()
        state.cursor.go(ends[0])
        QApplication.processEvents()

    benchmark(jump)


def test_pan(benchmark, score):
    widget, _ = score
    widget.zoom(3.0, 200)
    way = [40, -40]

    def pan():
        way.reverse()
        widget.scene.scroll_to(widget.scene.axis.scroll + way[0])
        widget.canvas.shift(way[0])
        QApplication.processEvents()

    benchmark(pan)


def test_zoom(benchmark, score):
    widget, _ = score
    factors = [1.2, 1 / 1.2]

    def zoom():
        factors.reverse()
        widget.zoom(factors[0], 300)
        QApplication.processEvents()

    benchmark(zoom)
