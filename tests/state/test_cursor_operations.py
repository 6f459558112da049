"""The playhead from operation to operation."""

import numpy as np
import pytest

from engine import ModelSpec, Network
from gui.state.cursor import Cursor


def events(T=4, cell="gru", **changes):
    fields = {"pattern": "many-to-one", "cell": cell, "input_size": 2, "hidden_size": 3, "output_size": 2}
    return Network(ModelSpec(**{**fields, **changes})).run(np.ones((T, 2)), target=np.array([1])).events


@pytest.fixture
def cursor(qapp):
    made = Cursor()
    made.set_events(events())
    return made


def test_it_passes_every_event_once(cursor):
    cursor.granularity = "operation"
    seen = []
    while cursor.index < cursor.total:
        cursor.step(1)
        seen.append(cursor.event.index)
        assert cursor.position == sum(1 for i in cursor._events.tokens if i < cursor.index)
        assert cursor.position <= cursor.reached < cursor.position + 1
    assert seen == list(range(cursor.total))
    assert (cursor.position, cursor.reached) == (cursor.count, cursor.count)
    cursor.step(-1)
    assert cursor.event.index == cursor.total - 2


def test_switching_keeps_the_place(cursor, qtbot):
    cursor.go(2)
    place = cursor.index
    with qtbot.waitSignal(cursor.granularity_changed):
        cursor.granularity = "operation"
    assert (cursor.index, cursor.position) == (place, 2)
    cursor.step(3)
    assert (cursor.position, cursor.event.operation) == (2, "a_r")
    under_way = cursor.index
    cursor.granularity = "token"
    assert cursor.index == under_way
    assert 2 < cursor.reached < 3


@pytest.mark.parametrize(("delta", "position"), [(1, 3), (-1, 2), (2, 4), (-2, 1)])
def test_a_step_of_a_token_first_completes_what_is_under_way(cursor, delta, position):
    cursor.go(2)
    cursor.go_index(cursor.index + 5)
    cursor.step(delta)
    assert (cursor.position, cursor.reached) == (position, position)


def test_every_operation_is_heard_of(cursor):
    heard = []
    cursor.changed.connect(heard.append)
    cursor.granularity = "operation"
    cursor.step(1)
    cursor.step(1)
    assert heard == [0, 0]


def test_another_run_keeps_the_operation_where_it_has_it(cursor):
    cursor.go(1)
    cursor.go_index(cursor.index + 4)
    before = cursor.index
    cursor.set_events(events(hidden_size=5))
    assert cursor.index == before
    cursor.set_events(events(cell="lstm"))  # as many tokens, other operations
    assert (cursor.position, cursor.reached) == (1, 1.0)
    cursor.last()
    cursor.set_events(events(T=7))
    assert cursor.position == cursor.count
    cursor.set_events(None)
    assert (cursor.position, cursor.index, cursor.total, cursor.reached, cursor.event) == (0, 0, 0, 0.0, None)


def test_what_is_no_granularity_is_said(cursor):
    with pytest.raises(ValueError, match=r"'letter'.*token, operation"):
        cursor.granularity = "letter"
