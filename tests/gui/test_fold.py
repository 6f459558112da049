"""Rolled and unrolled: one switch, the playhead's step in the folded cell; one weight lit wherever it is used."""

import numpy as np
import pytest
import score_bench as bench
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gui.main_window import MainWindow
from gui.score import Score
from gui.score_fold import FOLD_MS, Fold
from gui.state.app_state import AppState
from gui.tracks import _passes, _rolled
from gui.tracks._rolled import W_HH, W_IH, W_Y, WEIGHTS

RUNS = {
    "many-to-one": bench.sentiment,
    "two ways": lambda: bench.sentiment("gru", layers=2, both=True),
    "every step": bench.tagging,
    "encoder and decoder": bench.translation,
    "its own words": bench.caption,
}


@pytest.fixture
def folded(qtbot, dressed):
    kept = []

    def made(run=None, size=(1000, 900)):
        state = bench.State(*(run or bench.sentiment()))
        score = Score(state)
        fold = Fold(score)
        kept.append((state, score))
        qtbot.addWidget(score)
        score.resize(*size)
        score.show()
        QApplication.processEvents()
        return fold, score, state

    return made


def grabbed(score):
    image = score.canvas.grab().toImage()
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


def diagram(score):
    strip = next(s for s in score.scene.strips if s.track.id == "diagram")
    return strip.track, score.scene.stage(strip, 0, score.scene.width)


@pytest.mark.parametrize("run", RUNS)
def test_the_columns_fold_into_one_cell_and_unfold_again(folded, run):
    fold, score, state = folded(RUNS[run]())
    state.cursor.last()
    before = grabbed(score)
    fold.set_rolled(True)
    assert score.scene.fold == 1.0  # at once where nothing moves
    assert not np.array_equal(grabbed(score), before)
    track, stage = diagram(score)
    assert track.heading(stage) == "Rolled up"
    for row_index, row in enumerate(track.frame.rows):
        for block in row.states.blocks:
            boxes = [track._box(stage, row_index, block.first + t) for t in range(block.values.shape[1])]
            assert max(abs(box.center().x() - boxes[0].center().x()) for box in boxes) < 1e-6
    fold.set_rolled(False)
    np.testing.assert_array_equal(grabbed(score), before)


@pytest.mark.parametrize("run", RUNS)
def test_the_folded_cell_shows_the_step_of_the_playhead(folded, run):
    fold, score, state = folded(RUNS[run]())
    fold.set_rolled(True)
    for position in range(1, state.cursor.count + 1):
        state.cursor.go(position)
        event = state.cursor.event
        track, stage = diagram(score)
        for index, row in enumerate(track.frame.rows):
            for block in row.states.blocks:
                step = _rolled.step_of(stage, block)
                assert 0 <= step < block.values.shape[1]
                if score.scene.sheet.trace.lanes[block.prefix].part == event.part:
                    assert step == event.step
                at = track._box(stage, index, block.first + step).center()
                hit = track.hit(stage, at.x(), at.y())
                assert (hit.prefix, hit.step) == (block.prefix, step)
                assert track.outlines(stage, hit)
        painted = grabbed(score)
        score.canvas.repaint_all()
        np.testing.assert_array_equal(grabbed(score), painted)


def test_halfway_every_cell_is_on_its_way(folded):
    fold, score, state = folded()
    state.cursor.last()
    track, stage = diagram(score)
    start = [track._box(stage, 0, c).center().x() for c in range(stage.axis.count)]
    score.scene.fold = 0.5
    track, stage = diagram(score)
    goal = _rolled.centre(stage, stage.axis.parts[0])
    found = [track._box(stage, 0, c).center().x() for c in range(stage.axis.count)]
    np.testing.assert_allclose(found, (np.array(start) + goal) / 2)
    assert not np.array_equal(grabbed(score), 0)
    assert 150 <= FOLD_MS <= 250
    assert not fold.rolled


def test_scrolling_while_rolled_paints_what_painting_everything_would(folded):
    fold, score, state = folded(bench.sentiment(T=60), size=(700, 700))
    state.cursor.go(20)
    fold.set_rolled(True)
    score.zoom(4.0)
    score._across.setValue(score._across.maximum() // 2)
    painted = grabbed(score)
    score.canvas.repaint_all()
    np.testing.assert_array_equal(grabbed(score), painted)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("rolled", [False, True])
def test_a_lit_weight_is_seen_and_goes_again(folded, run, weight, rolled):
    fold, score, state = folded(RUNS[run]())
    state.cursor.last()
    fold.set_rolled(rolled)
    dark = grabbed(score)
    fold.light(weight)
    lit = grabbed(score)
    assert not np.array_equal(lit, dark) or (weight == W_Y and rolled)  # no output at the first step
    score.canvas.repaint_all()  # one track painted by itself looks like all painted together
    np.testing.assert_array_equal(grabbed(score), lit)
    fold.light("")
    np.testing.assert_array_equal(grabbed(score), dark)


def test_every_use_is_lit_and_nothing_else(folded):
    _, score, state = folded(bench.tagging())
    state.cursor.last()
    track, stage = diagram(score)
    trace, frame = score.scene.sheet.trace, track.frame
    steps = {prefix: trace.timeline.steps(lane.part) for prefix, lane in trace.lanes.items()}
    found = dict.fromkeys((W_IH, W_HH, W_Y), 0)
    for index, row in enumerate(frame.rows):
        for block in row.states.blocks:
            for column in range(block.first, block.first + block.values.shape[1]):
                for weight in found:
                    uses = _rolled._uses(stage, weight, frame, track._box, index, row, block, column)
                    found[weight] += len(uses)
    T, lanes = next(iter(steps.values())), len(steps)
    assert found[W_IH] == T * lanes
    assert found[W_HH] == (T - 1) * lanes * 2  # forward, and transposed on the way back
    assert found[W_Y] == T * sum(row.layer == max(r.layer for r in frame.rows) for row in frame.rows)


def test_the_one_output_is_lit_from_both_directions(folded):
    _, score, state = folded(bench.sentiment("gru", layers=2, both=True))
    state.cursor.last()
    track, stage = diagram(score)
    frame, top = track.frame, max(row.layer for row in track.frame.rows)
    found = {}
    for index, row in enumerate(frame.rows):
        for block in row.states.blocks:
            for column in range(block.first, block.first + block.values.shape[1]):
                for path, _ in _rolled._uses(stage, W_Y, frame, track._box, index, row, block, column):
                    found[row.layer, row.reverse, column] = path
    assert set(found) == {(top, False, stage.axis.count - 1), (top, True, 0)}
    # From the first step's cell to where the forward direction's way goes up to the output.
    index = next(i for i, row in enumerate(frame.rows) if row.layer == top and row.reverse)
    path, box = found[top, True, 0], track._box(stage, index, 0)
    assert path.pointAtPercent(0.0).y() == pytest.approx(box.top())
    assert box.left() < path.pointAtPercent(0.0).x() < box.right()
    assert path.pointAtPercent(1.0).x() == pytest.approx(stage.axis.centre(stage.axis.count - 1))


def test_the_far_way_is_lit_where_only_its_middle_is_seen(folded):
    fold, score, state = folded(bench.sentiment("gru", T=60, both=True), size=(700, 700))
    state.cursor.last()
    score.zoom(4.0)
    score._across.setValue(score._across.maximum() // 2)
    _, stage = diagram(score)
    assert stage.columns().start > 0 and stage.columns().stop < stage.axis.count
    dark = grabbed(score)
    fold.light(W_Y)
    assert not np.array_equal(grabbed(score), dark)
    painted = grabbed(score)
    score.canvas.repaint_all()
    np.testing.assert_array_equal(grabbed(score), painted)


def test_the_ways_begin_and_end_at_the_cells(folded):
    _, score, _ = folded(bench.sentiment())
    track, stage = diagram(score)
    row = track.frame.rows[0]
    box = track._box(stage, 0, 0)
    points = _passes.way_in(stage, track.frame, track._box, 0, row, 0)
    assert points[-1].y() == pytest.approx(box.bottom() + stage.px(2))
    assert _passes.way_out(stage, track.frame, track._box, 0, row, 0) == []
    last = stage.axis.count - 1
    assert _passes.way_out(stage, track.frame, track._box, 0, row, last)[-1].y() == stage.top + stage.px(2)


def test_pointing_at_a_lamp_lights_it_until_the_pointer_leaves(folded):
    fold, score, _ = folded()
    lamp = fold.switches.lamps[W_HH]
    QApplication.sendEvent(lamp, QEvent(QEvent.Type.Enter))
    assert score.scene.lit == W_HH
    QApplication.sendEvent(lamp, QEvent(QEvent.Type.Leave))
    assert score.scene.lit == ""
    QTest.mouseClick(lamp, Qt.MouseButton.LeftButton)
    QApplication.sendEvent(lamp, QEvent(QEvent.Type.Leave))
    assert (score.scene.lit, fold.lit) == (W_HH, W_HH)
    QTest.mouseClick(fold.switches.lamps[W_Y], Qt.MouseButton.LeftButton)
    assert [lamp.isChecked() for lamp in fold.switches.lamps.values()] == [False, False, True]
    with pytest.raises(ValueError, match="W_xx"):
        fold.light("W_xx")


def test_the_switches_stand_in_the_diagrams_gutter_where_there_is_room(folded):
    fold, score, _ = folded()
    strip = next(s for s in score.scene.strips if s.track.id == "diagram")
    score.gutter.repaint()
    shown = fold.switches.geometry()
    assert fold.switches.isVisible()
    assert strip.top <= shown.top() and shown.bottom() <= strip.bottom
    assert shown.right() <= score.gutter.width()
    score.scene.set_height("diagram", 60)
    score.gutter.repaint()
    assert not fold.switches.isVisible()


def test_a_long_sequence_folds_as_well(folded):
    fold, score, state = folded(bench.sentiment(T=300), size=(700, 700))
    score.fit()
    state.cursor.last()
    for weight in WEIGHTS:
        fold.light(weight)
        grabbed(score)
    fold.set_rolled(True)
    track, stage = diagram(score)
    assert stage.narrow
    box = track._box(stage, 0, 0)
    assert box.width() >= 40
    assert track.hit(stage, box.center().x(), box.center().y()) is not None
    point = QPoint(round(box.center().x() + score.scene.edge), round(box.center().y()))
    assert score.canvas.tip_at(QPointF(point))


def test_the_menu_and_the_switch_say_the_same(qtbot, dressed):
    state = AppState()
    window = MainWindow(state)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
    action = window.actions_["view.rolled"]
    action.trigger()
    assert window.fold.rolled and window.fold.switches._roll.isChecked()
    window.fold.switches._roll.click()
    assert not window.fold.rolled and not action.isChecked()
    for expected in (*WEIGHTS, ""):
        window.actions_["view.shared"].trigger()
        assert window.score.scene.lit == expected
    window.close()
    state.close()


def test_on_a_screen_the_fold_takes_its_time_and_can_turn_round(folded, qtbot, monkeypatch):
    fold, score, _ = folded()
    monkeypatch.setattr("gui.score_fold.QGuiApplication.platformName", lambda: "screen")
    seen = []
    fold._motion.valueChanged.connect(seen.append)
    fold.set_rolled(True)
    assert score.scene.fold < 1  # on its way
    fold._motion.setCurrentTime(FOLD_MS // 2)
    halfway = score.scene.fold
    assert 0 < halfway < 1
    fold.set_rolled(False)
    qtbot.waitUntil(lambda: score.scene.fold == 0.0)
    assert max(seen) <= halfway + 0.5


def test_reduced_motion_folds_at_once(folded, monkeypatch):
    fold, score, _ = folded()
    monkeypatch.setattr("gui.score_fold.QGuiApplication.platformName", lambda: "screen")
    monkeypatch.setattr("gui.theme.Themes.animation_ms", lambda self, wanted=200: 0)
    fold.set_rolled(True)
    assert score.scene.fold == 1.0


def test_the_stage_folds_with_the_workspace_both_ways(qtbot, dressed):
    state = AppState()
    window = MainWindow(state)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: state.session.trace is not None and not state.session.running, timeout=20_000)
    window.fold.set_rolled(True)
    window.fold.light(W_HH)
    window.present()
    stage = window._presentation
    assert (stage.fold.rolled, stage.score.scene.fold, stage.score.scene.lit) == (True, 1.0, W_HH)
    QTest.keyClick(stage, Qt.Key.Key_R)
    assert (stage.fold.rolled, window.fold.rolled) == (False, False)
    assert not window.actions_["view.rolled"].isChecked()
    window.actions_["view.shared"].trigger()
    assert stage.fold.lit == window.fold.lit == W_Y
    stage.close()
    window.close()
    state.close()
