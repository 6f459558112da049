"""The score by hand: stepping, selecting, scrubbing, zooming, resizing, remembering."""

import numpy as np
import pytest
import score_bench as bench
from PySide6.QtCore import QPoint, QPointF, QSettings, Qt
from PySide6.QtGui import QContextMenuEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from gui.score import Score
from gui.settings import Settings
from gui.state.horizon import Alone
from gui.state.selection import Selected
from gui.tracks.base import Hit

SIZES = [(696, 480), (836, 716), (1300, 1000)]


@pytest.fixture
def score(qtbot, dressed):
    """Make a score on a run, shown at a size."""
    kept = []

    def made(run=None, size=(836, 716), **more):
        state = bench.State(*(run or bench.sentiment()))
        widget = Score(state, **more)
        kept.append((state, widget))
        qtbot.addWidget(widget)
        widget.resize(*size)
        widget.show()
        widget.activateWindow()
        widget.canvas.setFocus()
        QApplication.processEvents()
        return widget, state

    return made


def strip(widget, kind):
    return next(s for s in widget.scene.strips if s.track.kind == kind)


def point(widget, kind, column, share=0.5):
    """A point of the canvas in a track and a column."""
    found, scene = strip(widget, kind), widget.scene
    x = scene.axis.centre(column) + scene.edge
    return QPoint(round(x), round(found.top - scene.offset + found.height * share))


def grabbed(widget):
    image = widget.canvas.grab().toImage()
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


# Painting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [bench.sentiment, bench.translation, bench.tagging, bench.caption, bench.numbers])
def test_stepping_paints_what_painting_everything_would(score, made):
    widget, state = score(made(), size=(1000, 900))
    for position in range(1, state.cursor.count + 1):
        state.cursor.go(position)
        stepped = grabbed(widget)
        if position % 4 == 0 or position == state.cursor.count:
            widget.canvas.repaint_all()
            np.testing.assert_array_equal(stepped, grabbed(widget))
    for position in (3, 2, 9, 1, 0):
        state.cursor.go(position)
        stepped = grabbed(widget)
        widget.canvas.repaint_all()
        np.testing.assert_array_equal(stepped, grabbed(widget))


def test_scrolling_moves_what_stays_in_view(score):
    widget, state = score(bench.sentiment("gru", T=60))
    state.cursor.go(20)
    for dx in (7, 120, -64, 333, -5):
        widget.scene.scroll_to(200)
        widget.refresh()
        widget.canvas.grab()
        widget._on_panned(dx, 0)
        moved = grabbed(widget)
        widget.canvas.repaint_all()
        # Where a soft edge was cut off by the border, its blending may round the other way.
        assert np.abs(moved.astype(int) - grabbed(widget)).max() <= 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["light", "dark", "high-contrast"])
def test_every_theme_and_size(score, dressed, theme, size):
    dressed.choose(theme)
    widget, state = score(size=size)
    state.cursor.go(11)
    seen = grabbed(widget)
    canvas = dressed.current().canvas
    assert tuple(seen[2, 2, :3][::-1]) == (canvas.red(), canvas.green(), canvas.blue())
    assert len(np.unique(seen[::5, ::5].reshape(-1, 4), axis=0)) > 50


@pytest.mark.parametrize("T", [1, 2, 7, 30, 100, 1000])
def test_columns_fill_the_width_or_are_readable(score, T):
    widget, _ = score(bench.sentiment(T=T))
    axis = widget.scene.axis
    if axis.furthest:
        assert axis.column == 64
    else:
        assert axis.column >= 44
        assert axis.margin == 0 or axis.column >= 300
    widget.fit()
    assert widget.scene.axis.content <= axis.width + 1


def test_nothing_has_run_yet(qtbot, dressed):
    state = bench.State()
    widget = Score(state)
    qtbot.addWidget(widget)
    widget.grab()
    assert widget.canvas.accessibleDescription() == "Nothing has run yet"
    qtbot.keyClick(widget.canvas, Qt.Key.Key_Down)
    qtbot.keyClick(widget.canvas, Qt.Key.Key_F)
    state.show(*bench.sentiment())
    assert widget.scene.strips


def test_another_run_another_score(score):
    widget, state = score()
    state.show(*bench.translation())
    assert [part.name for part in widget.scene.axis.parts] == ["encoder", "decoder"]
    state.show(*bench.sentiment("lstm", T=3))
    assert widget.scene.axis.count == 3
    widget.grab()


# The mouse -------------------------------------------------------------------------------------------------


def test_a_click_selects_a_cell_and_every_track_shows_it(score, qtbot):
    widget, state = score()
    state.cursor.go(15)
    qtbot.mouseClick(widget.canvas, Qt.MouseButton.LeftButton, pos=point(widget, "state", 3, 0.55))
    assert state.selection.value == Selected("l0", 3, 4)
    stages = {s.track.kind: (s.track, widget.scene.stage(s, 0, 700)) for s in widget.scene.strips}
    chosen = Hit("l0", 3, 4)
    for kind in ("diagram", "tokens", "state", "gradient"):
        track, stage = stages[kind]
        assert len(track.outlines(stage, chosen)) == 1, kind
    qtbot.mouseClick(widget.canvas, Qt.MouseButton.LeftButton, pos=QPoint(3, widget.canvas.height() - 4))
    assert state.selection.value is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("gradient", Selected("l0", 2, 4, "h", True)),
        ("diagram", Selected("l0", 2, 4)),
        ("tokens", Selected("l0", 2)),
        ("norm", Selected("l0", 2, None, "h", True)),
    ],
)
def test_what_a_click_selects(score, qtbot, kind, expected):
    widget, state = score()
    state.cursor.go(15)
    share = 0.58 if kind == "diagram" else 0.55
    qtbot.mouseClick(widget.canvas, Qt.MouseButton.LeftButton, pos=point(widget, kind, 2, share))
    assert state.selection.value == expected


def test_a_click_on_the_output_selects_the_class(score, qtbot):
    widget, state = score()
    state.cursor.go(15)
    qtbot.mouseClick(widget.canvas, Qt.MouseButton.LeftButton, pos=point(widget, "output", 6, 0.3))
    assert state.selection.value is not None and state.selection.value.prefix == "output"


def test_a_double_click_and_a_click_with_ctrl_move_the_playhead(score, qtbot):
    widget, state = score()
    state.cursor.go(3)
    qtbot.mouseDClick(widget.canvas, Qt.MouseButton.LeftButton, pos=point(widget, "state", 5))
    assert (state.cursor.position, widget.scene.column) == (6, 5)
    state.cursor.go(9)
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.mouseClick(widget.canvas, Qt.MouseButton.LeftButton, control, point(widget, "state", 1))
    assert state.cursor.event.phase == "backward" and state.cursor.event.column == 1


def drag(qtbot, canvas, start, end):
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    for share in np.linspace(0, 1, 12):
        qtbot.mouseMove(
            canvas, start + QPoint(*(np.array([(end - start).x(), (end - start).y()]) * share).astype(int).tolist())
        )
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=end)


def test_dragging_along_the_inputs_scrubs(score, qtbot, received):
    widget, state = score()
    seen = received(state.cursor.changed)
    drag(qtbot, widget.canvas, point(widget, "tokens", 0), point(widget, "tokens", 4))
    assert seen == [1, 2, 3, 4, 5] and state.selection.value is None


def test_dragging_the_playhead_scrubs_and_elsewhere_pans(score, qtbot):
    widget, state = score(bench.sentiment(T=60))
    state.cursor.go(5)
    drag(qtbot, widget.canvas, point(widget, "state", 4), point(widget, "state", 7))
    assert widget.scene.column == 7
    before = widget.scene.axis.scroll
    drag(qtbot, widget.canvas, point(widget, "state", 9), point(widget, "state", 8))
    assert widget.scene.axis.scroll == before + 64 and widget.scene.column == 7


def wheel(widget, at, dy, modifiers=Qt.KeyboardModifier.NoModifier):
    where = QPointF(at)
    event = QWheelEvent(
        where, widget.canvas.mapToGlobal(where), QPoint(), QPoint(0, dy), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget.canvas, event)


def test_the_wheel_pans_and_zooms_around_the_mouse(score):
    widget, _ = score(bench.sentiment(T=100))
    at = point(widget, "state", 5)
    wheel(widget, at, -120)
    assert widget.scene.axis.scroll == 60
    column = widget.scene.column_at(at.x())
    wheel(widget, at, 120, Qt.KeyboardModifier.ControlModifier)
    assert widget.scene.axis.column == pytest.approx(64 * 1.15)
    assert widget.scene.column_at(at.x()) == column
    for _ in range(40):
        wheel(widget, at, -120, Qt.KeyboardModifier.ControlModifier)
    assert widget.scene.axis.furthest < 1


def test_the_tooltip_has_the_exact_value(score):
    widget, state = score()
    state.cursor.go(15)
    value = float(state.session.trace.value("l0.h")[3, 0, 4])
    said = widget.canvas.tip_at(QPointF(point(widget, "state", 3, 0.55)))
    assert said == f"l0.h[5] · step 4 “not” = {value!r}".replace("-", "−")
    assert widget.canvas.tip_at(QPointF(-5, -5)) == ""


# The keyboard ----------------------------------------------------------------------------------------------


def test_keys_step_jump_and_play(score, qtbot):
    widget, state = score()
    for key, position in (("Right", 1), ("Right", 2), ("Left", 1), ("End", 15), ("Home", 0)):
        qtbot.keyClick(widget.canvas, getattr(Qt.Key, f"Key_{key}"))
        assert state.cursor.position == position
    qtbot.keyClick(widget.canvas, Qt.Key.Key_Space)
    assert state.playback.playing
    qtbot.keyClick(widget.canvas, Qt.Key.Key_Space)
    assert not state.playback.playing


def test_keys_move_the_selection(score, qtbot):
    widget, state = score()
    state.cursor.go(4)
    shift = Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(widget.canvas, Qt.Key.Key_Down)
    assert state.selection.value == Selected("l0", 3, 0)
    qtbot.keyClick(widget.canvas, Qt.Key.Key_Down)
    qtbot.keyClick(widget.canvas, Qt.Key.Key_Right, shift)
    assert state.selection.value == Selected("l0", 4, 1)
    for _ in range(9):
        qtbot.keyClick(widget.canvas, Qt.Key.Key_Up)
        qtbot.keyClick(widget.canvas, Qt.Key.Key_Left, shift)
    assert state.selection.value == Selected("l0", 0, 0)
    assert "l0.h[1]" in widget.canvas.accessibleDescription()
    qtbot.keyClick(widget.canvas, Qt.Key.Key_Escape)
    assert state.selection.value is None


def test_the_playhead_is_followed(score):
    widget, state = score(bench.sentiment(T=100))
    for position in (*range(0, 201, 3), 150, 20):
        state.cursor.go(position)
        column = widget.scene.column
        if column is not None:
            axis = widget.scene.axis
            assert axis.left(column) >= -1 and axis.right(column) <= axis.width + 1


def test_what_is_said_of_the_score(score):
    widget, state = score()
    assert widget.canvas.accessibleName() == "Score"
    assert widget.canvas.accessibleDescription() == "Before the first step"
    state.cursor.go(11)
    assert widget.canvas.accessibleDescription() == "Backward, step 5 “like”"


# The tracks ------------------------------------------------------------------------------------------------


def test_tracks_are_hidden_moved_and_remembered(score, tmp_path):
    settings = Settings(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))
    widget, _ = score(settings=settings)
    widget.tracks.toggle("norm")
    widget.tracks.toggle("value:0:forward:a")
    widget.tracks.move("tokens", -1)
    shown = [s.track.kind for s in widget.scene.strips]
    assert shown == ["output", "tokens", "diagram", "state", "gradient", "value:a"]
    again, _ = score(bench.sentiment("rnn", layers=2), settings=settings)
    assert [s.track.kind for s in again.scene.strips] == [
        "output", "tokens", "diagram", "state", "state", "gradient", "gradient", "value:a", "value:a",
    ]  # fmt: skip
    again.tracks.reset()
    assert settings.tracks("workspace") == []
    fresh, _ = score(settings=settings)
    assert [s.track.kind for s in fresh.scene.strips] == ["output", "diagram", "tokens", "state", "gradient", "norm"]


def test_the_last_track_stays(score):
    widget, _ = score(names=["state"])
    widget.tracks.toggle("state:0:forward")
    assert len(widget.scene.strips) == 1


def test_the_menu_lists_every_track(score, qtbot):
    assert score(bench.sentiment("rnn"))[0].tracks.gates() == []
    widget, _ = score(bench.sentiment("lstm", layers=2))
    before, gates = [track.id for track in widget.scene.shown], widget.tracks.gates()
    widget.tracks.show_gates(True)
    assert {track.id for track in widget.scene.shown} == {*before, *gates} and len(gates) == 8
    widget.tracks.show_gates(False)
    assert [track.id for track in widget.scene.shown] == before
    menu = widget.tracks.menu(widget, "tokens")
    texts = [action.text() for action in menu.actions()]
    assert (
        "Every gate" in texts
        and "Move “Tokens” up" in texts
        and "Tokens" in texts
        and "Hidden state (layer 2)" in texts
    )
    groups = [action.menu() for action in menu.actions() if action.menu()]
    names = {action.text() for group in groups for action in group.actions()}
    assert {"Cell state c", "Gate f", "Pre-activation a_f", "Gradient of c"} <= names
    menu.deleteLater()


def test_the_gutter_resizes_asks_for_a_menu_and_fits(score, qtbot):
    widget, _ = score(bench.sentiment(T=100))
    tokens = strip(widget, "tokens")
    edge = QPoint(40, round(tokens.bottom + 3))
    qtbot.mousePress(widget.gutter, Qt.MouseButton.LeftButton, pos=edge)
    qtbot.mouseMove(widget.gutter, edge + QPoint(0, 30))
    qtbot.mouseRelease(widget.gutter, Qt.MouseButton.LeftButton, pos=edge + QPoint(0, 30))
    assert strip(widget, "tokens").height == pytest.approx(tokens.height + 33, abs=2)
    qtbot.mouseDClick(widget.gutter, Qt.MouseButton.LeftButton, pos=QPoint(40, 60))
    assert widget.scene.axis.furthest == 0
    seen = []
    widget.gutter.menu_asked.disconnect()
    widget.gutter.menu_asked.connect(lambda id, at: seen.append(id))
    at = QPoint(20, round(strip(widget, "state").top + 20))
    QApplication.sendEvent(widget.gutter, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, at))
    assert seen == ["state:0:forward"]


def test_a_tall_score_scrolls_down(score):
    widget, _ = score(bench.tagging(layers=2), size=(836, 500))
    assert widget.scene.lowest > 100
    widget._on_panned(0, 80)
    assert widget.scene.offset == 80
    widget.grab()


def test_zoom_of_the_application_makes_everything_larger(score, dressed):
    widget, _ = score()
    width = widget.gutter.width()
    dressed.zoom = 1.5
    assert widget.gutter.width() == pytest.approx(width * 1.5, abs=1)
    assert widget.scene.unit == 1.5
    widget.grab()


def test_the_preview_draws_the_norm_to_come(score):
    widget, state = score()
    state.cursor.go(9)
    before = grabbed(widget)
    widget.set_preview(True)
    assert (before != grabbed(widget)).any()


def test_one_loss_alone_is_projected_back(score):
    widget, state = score(bench.tagging())
    trace = state.session.trace
    track = strip(widget, "gradient").track
    whole = track.frame
    values = {prefix: np.full_like(trace.value(f"{prefix}.h"), 0.25) for prefix in trace.lanes}
    state.horizon.show(Alone(1, "h", values))
    assert track.frame.output == 1
    assert (track.frame.blocks[0].values == 0.25).all()
    assert track.frame.blocks[0].reached(0).all()  # wherever the playhead stands
    assert "alone" in track.note(widget.scene.stage(widget.scene.strips[0], 0, 0))
    assert not widget.grab().isNull()
    state.horizon.clear()
    assert track.frame is whole
    assert track.note(widget.scene.stage(widget.scene.strips[0], 0, 0)) == ""
