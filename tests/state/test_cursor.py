"""The playhead, the selection and the playback."""

import numpy as np
import pytest

from engine import ModelSpec, Network
from gui.state.cursor import Cursor
from gui.state.playback import Playback
from gui.state.selection import Selection


def trace(T=5, target=(1,), **changes):
    fields = {"pattern": "many-to-one", "cell": "gru", "input_size": 2, "hidden_size": 3, "output_size": 2}
    network = Network(ModelSpec(**{**fields, **changes}))
    return network.run(np.ones((T, 2)), target=None if target is None else np.array(target))


@pytest.fixture
def cursor(qapp):
    made = Cursor()
    made.set_events(trace().events)
    return made


def test_it_stays_between_the_ends(cursor):
    assert (cursor.position, cursor.count, cursor.event) == (0, 11, None)
    cursor.step(-1)
    assert cursor.position == 0
    cursor.go(99)
    assert cursor.position == 11
    cursor.first()
    assert cursor.position == 0
    cursor.last()
    assert (cursor.event.phase, cursor.event.column) == ("backward", 0)


def test_it_tells_only_of_moves(cursor, qtbot):
    heard = []
    cursor.changed.connect(heard.append)
    cursor.go(3)
    cursor.go(3)
    cursor.step(1)
    assert heard == [3, 4]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_every_column_of_every_phase_is_found(qapp, bidirectional, layers):
    made = Cursor()
    made.set_events(trace(bidirectional=bidirectional, num_layers=layers).events)
    for phase, columns in (("forward", range(5)), ("loss", [4]), ("backward", range(5))):
        for column in columns:
            made.go_to(phase, column)
            assert made.event.phase == phase
            assert made.event.column == column or phase == "loss"


def test_a_forward_pass_has_no_backward(qapp):
    made = Cursor()
    made.set_events(trace(target=None).events)
    made.go(2)
    made.go_to("backward", 1)
    assert made.position == 2


def test_it_stays_at_its_phase_and_column_in_another_run(cursor):
    cursor.go_to("backward", 2)
    cursor.set_events(trace(T=8).events)
    assert (cursor.event.phase, cursor.event.column) == ("backward", 2)
    cursor.last()
    cursor.set_events(trace(T=3).events)
    assert cursor.position == cursor.count == 7
    cursor.set_events(trace(T=9).events, keep=False)
    assert cursor.position == 0
    cursor.go(4)
    cursor.set_events(None)
    assert (cursor.position, cursor.count) == (0, 0)


def test_a_thousand_steps_are_found_at_once(qapp):
    made = Cursor()
    made.set_events(trace(T=1000).events)
    made.go_to("backward", 10)
    assert (made.event.phase, made.event.column) == ("backward", 10)


def test_playback_runs_to_the_end_and_begins_again(cursor, qtbot):
    playback = Playback(cursor)
    heard = []
    playback.playing_changed.connect(heard.append)
    playback.speed = 8
    playback._timer.setInterval(0)
    with qtbot.waitSignal(playback.playing_changed, check_params_cb=lambda playing: not playing):
        playback.play()
    assert cursor.position == cursor.count
    playback.toggle()
    assert cursor.position == 0
    playback.toggle()
    assert heard == [True, False, True, False]


def test_speed_is_held_within_its_limits(cursor, qtbot):
    playback = Playback(cursor)
    playback.speed = 100
    assert playback.speed == 8
    playback.speed = 0
    assert playback.speed == 0.25


def test_nothing_plays_without_a_run(qapp):
    playback = Playback(Cursor())
    playback.play()
    assert not playback.playing


def test_a_selection_that_another_run_lacks_goes(qapp):
    selection = Selection()
    heard = []
    selection.changed.connect(heard.append)
    selection.select("l0", 4, 2)
    selection.select("l0", 4, 2)
    assert len(heard) == 1
    selection.keep_within(trace())
    assert selection.value.key == "l0.h"
    selection.keep_within(trace(T=3))
    assert selection.value is None
    selection.select("l1", 0)
    selection.keep_within(trace())
    assert selection.value is None
    assert len(heard) == 4
