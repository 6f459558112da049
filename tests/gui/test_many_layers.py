"""Of many layers only those in view are painted, and they look as if all were."""

import numpy as np
import pytest
from score_bench import State, sentiment

from gui.frames.sheet import Sheet
from gui.score import Score
from gui.tracks.diagram import DiagramTrack


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("T", [5, 60])
def test_rows_out_of_view_are_not_painted_and_not_missed(qtbot, dressed, monkeypatch, both, T):
    state = State(*sentiment("gru", T=T, layers=24, both=both))
    score = Score(state, names=["diagram", "tokens"])
    qtbot.addWidget(score)
    score.resize(760, 420)
    score.show()
    state.cursor.go(state.cursor.count * 3 // 4)
    assert score.scene.lowest > 200
    every = len(score.scene.sheet.diagram.rows)
    few, rows = DiagramTrack._shown, []
    for share in (0.0, 0.35, 0.7, 1.0):
        score._down.setValue(round(score.scene.lowest * share))
        pictures = []
        for shown in (lambda *_: range(every), few):
            monkeypatch.setattr(DiagramTrack, "_shown", lambda *a, by=shown: rows.append(by(*a)) or rows[-1])
            score.canvas.repaint_all()
            pictures.append(score.canvas.grab().toImage())
        assert pictures[0] == pictures[1]
        assert len(rows[-1]) < every
    assert rows[1].start == 0 and rows[-1].stop == every


def test_the_largest_norm_is_that_of_all_lanes(qapp):
    trace, words = sentiment("gru", T=6, layers=3, both=True)
    norm = Sheet(trace, words).norm
    assert norm.largest == max(float(np.max(line.total)) for line in norm.lines)
    assert all(norm.line(line.prefix) is line for line in norm.lines) and norm.line("nowhere") is None
