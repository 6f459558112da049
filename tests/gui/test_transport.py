"""The transport: narration, buttons, timeline, speed, keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage

from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views.transport import SPEEDS, TransportView
from gui.widgets.timeline_bar import TimelineBar


@pytest.fixture
def view(qtbot, show):
    state = AppState(project=opened("movie-review", "rnn"))
    qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
    shown = show(TransportView(state))
    shown.state = state
    yield shown
    state.close()


def keys(qtbot, widget, *pressed):
    for key in pressed:
        qtbot.keyClick(widget, key)


def test_buttons_move_the_playhead(view):
    cursor = view.state.cursor
    for name, place in (("forward", 1), ("last", cursor.count), ("back", cursor.count - 1), ("first", 0)):
        view.button(name).click()
        assert cursor.position == place
    assert not view.button("back").isEnabled()
    assert view.button("forward").isEnabled()


def test_play_and_pause(view):
    view.button("play").click()
    assert view.state.playback.playing
    assert "Pause" in view.button("play").toolTip()
    view.button("play").click()
    assert not view.state.playback.playing
    assert "Play" in view.button("play").accessibleName()


def test_speed_goes_both_ways(view):
    view._speed.setCurrentIndex(SPEEDS.index(4.0))
    view._speed.activated.emit(SPEEDS.index(4.0))
    assert view.state.playback.speed == 4.0
    view.state.playback.speed = 0.5
    assert view._speed.current() == "0.5"


def test_narration_says_pass_step_and_what_happened(view):
    assert "Nothing has come in yet" in view.sentence()
    view.state.cursor.go(5)
    session = view.state.session
    told = session.trace.narrate(view.state.cursor.event, session.words)
    assert view.sentence() == f"FORWARD · STEP 5 OF 7 {told}"
    view.state.cursor.go(8)
    assert view.sentence().startswith("LOSS ")
    view.state.cursor.go(11)
    assert view.sentence().startswith("BACKWARD · STEP 5 OF 7 ")
    assert view._pass.property("role") == "backward"


def test_every_position_has_a_line(view):
    texts = [view.describe(position) for position in range(view.state.cursor.count + 1)]
    assert texts[0] == "Before the first step"
    assert texts[5] == "Forward · step 5 of 7 · “like”"
    assert texts[8] == "Loss"
    assert texts[9] == "Backward · step 7 of 7 · “movie”"
    assert view.bar().accessibleName() == f"Timeline: {texts[0]}"


def test_keyboard_on_the_bar_and_beside_it(view, qtbot):
    cursor, bar = view.state.cursor, view.bar()
    bar.setFocus()
    keys(qtbot, bar, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left)
    assert cursor.position == 1
    keys(qtbot, bar, Qt.Key.Key_End)
    assert cursor.position == cursor.count
    keys(qtbot, bar, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_Left)
    assert cursor.position == 0
    keys(qtbot, view, Qt.Key.Key_Right)
    assert cursor.position == 1
    keys(qtbot, view, Qt.Key.Key_Space)
    assert view.state.playback.playing


def test_click_and_scrub(view, qtbot):
    bar, cursor = view.bar(), view.state.cursor
    area = bar._area()

    def at(position):
        return QPoint(round(area.left() + area.width() * (position - 0.5) / cursor.count), bar.height() // 2)

    qtbot.mousePress(bar, Qt.MouseButton.LeftButton, pos=at(3))
    assert cursor.position == 3
    for position in (7, 12, 4):
        qtbot.mouseMove(bar, at(position))
        bar.mouseMoveEvent(drag(at(position)))
        assert cursor.position == position
    assert bar.position_at(0) == 0
    assert bar.position_at(bar.width()) == cursor.count


def drag(point):
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent

    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    place = QPointF(point)
    return QMouseEvent(QEvent.Type.MouseMove, place, place, Qt.MouseButton.NoButton, left, none)


def test_everything_is_reached_by_tab_and_named(view, qtbot):
    seen = []
    view.state.cursor.go(3)
    view.button("first").setFocus()
    while "Speed" not in seen and len(seen) < 12:
        widget = view.focusWidget()
        seen.append(widget.accessibleName())
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    assert all(seen), seen
    assert seen[:5] == [view.button(name).accessibleName() for name in ("first", "back", "play", "forward", "last")]
    assert seen[5].startswith("Timeline")
    assert seen[-1] == "Speed"


def bar_of(count, show, width=800):
    half = (count - 1) // 2
    bar = TimelineBar()
    phases = np.array([0] * half + [1] + [2] * half)
    bar.set_segments(phases, [f"w{at}" for at in range(len(phases))], str)
    show(bar)
    bar.setFixedWidth(width)
    return bar


def colours(image: QImage, y: int):
    return [image.pixelColor(x, y).name() for x in range(image.width())]


def test_segments_have_the_colours_of_their_pass(show, dressed):
    bar = bar_of(9, show)
    bar.set_position(6)
    worn = dressed.current()
    found = colours(bar.grab().toImage(), round(bar._area().center().y()))
    assert found[round(bar._centre(1))] == worn.forward.name()
    assert found[round(bar._centre(5))] == worn.loss.name()
    assert found[round(bar._centre(6))] == worn.backward.name()
    pale = found[round(bar._centre(8))]
    assert pale not in (worn.backward.name(), worn.panel.name())


def test_other_segments_are_painted_whole(qtbot, monkeypatch):
    painted, paint = [], TimelineBar.paintEvent
    monkeypatch.setattr(TimelineBar, "paintEvent", lambda bar, event: (painted.append(event.rect()), paint(bar, event)))
    bar = TimelineBar()
    qtbot.addWidget(bar)
    bar.set_segments(np.array([0, 0, 1, 2, 2]), list("abcde"), str)
    bar.resize(800, 40)
    bar.show()
    qtbot.waitUntil(lambda: bool(painted))
    painted.clear()
    bar.set_segments(np.array([0, 1, 2]), list("xyz"), str)
    qtbot.waitUntil(lambda: bool(painted))
    assert painted[0] == bar.rect()


def test_a_thousand_steps_are_one_bar_with_the_loss_in_sight(show, dressed):
    bar = bar_of(2001, show)
    bar.set_position(1500)
    worn = dressed.current()
    found = colours(bar.grab().toImage(), round(bar._area().center().y()))
    assert worn.forward.name() in found
    assert worn.loss.name() in found
    assert worn.backward.name() in found
    metrics_every = bar._every
    assert metrics_every in (100, 200, 500)


def test_an_empty_bar_paints_and_takes_no_click(show, qtbot, received):
    bar = TimelineBar()
    went = received(bar.went)
    show(bar)
    bar.grab()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton)
    qtbot.keyClick(bar, Qt.Key.Key_Right)
    assert went == []
