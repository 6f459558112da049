"""Between a new run and its results the laboratory speaks of the run that it shows."""

import pytest

from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views.flow import FlowView
from gui.views.paths import PathsView


@pytest.fixture
def waiting(qtbot, show):
    """Open an instrument on five words; then a run of one word comes, and no results of it."""
    made = []

    def opening(view):
        state = AppState(project=opened("tagging", "lstm").but(sources=("the old man sleeps here",), targets=(None,)))
        made.append(state)
        qtbot.waitUntil(lambda: not state.session.running)
        shown = show(view(state))
        qtbot.waitUntil(lambda: shown._frame is not None)
        state.session._analyses.close()
        state.document.set_source(0, "dogs")
        qtbot.waitUntil(lambda: state.session.trace.batch.T == 1)
        return shown

    yield opening
    for state in made:
        state.close()


def test_the_flow_names_the_steps_that_are_drawn(waiting):
    view = waiting(FlowView)
    view._on_pointed(4, 3)
    assert "here" in view.reading.text() and "sleeps" in view.reading.text()
    assert "dogs" not in view.reading.text()
    assert "here" in view._tip(4, 4) and "here" in view._bar_tip(0, 4)
    view._on_left()
    view.refresh(view.state.session.trace)
    assert "dogs" not in view.reading.text()


def test_the_ways_of_the_gradient_name_the_steps_that_are_drawn(waiting):
    view = waiting(PathsView)
    view._on_pointed(0, 4)
    assert "here" in view.step_title.title() and "here" in view._tip(0, 4)
