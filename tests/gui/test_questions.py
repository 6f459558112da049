"""Four questions about the movie review, answered by looking: from the menu to the sentence with the true number."""

from __future__ import annotations

import numpy as np
import pytest

from engine import analysis
from engine.registry import cells
from gui.format import number, percent
from gui.main_window import MainWindow
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views import views
from gui.views._laboratory import Instrument
from gui.views.clipping import ClippingView
from gui.views.flow import FlowView
from gui.views.inspector import InspectorView
from gui.views.jacobian import JacobianView
from gui.views.paths import PathsView

NOT = 3


@pytest.fixture(params=cells.names())
def window(qtbot, dressed, request):
    state = AppState(project=opened("movie-review", request.param))
    made = MainWindow(state)
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    qtbot.waitUntil(lambda: state.session.trace is not None and not state.session.running, timeout=20_000)
    state.cursor.last()
    state.selection.select("l0", NOT, 0, "h")  # a click on the heatmap
    yield made
    made.close()
    state.close()


def ask(window, qtbot, question, view):
    actions = {action.text(): action for path, action in window.actions_.everything() if path == "Learn › Questions"}
    actions[question].trigger()
    panel = window.findChild(view)
    qtbot.waitUntil(panel.isVisible)
    analyses = window.state.session._analyses
    qtbot.waitUntil(lambda: analyses._running is None and not analyses._waiting, timeout=20_000)
    return panel


def test_how_much_of_the_loss_reaches_a_word(window, qtbot):
    panel = ask(window, qtbot, "How much of each loss reaches each step?", FlowView)
    sizes = np.linalg.norm(window.state.session.trace.grad("l0.h")[:, 0], axis=-1)
    assert panel.reading.text().endswith(
        f"{number(sizes[NOT])} at step 4 “not”, {percent(sizes[NOT] / sizes[-1])} of that."
    )


def test_which_gate_let_it_through(window, qtbot):
    panel = ask(window, qtbot, "Which gate let the gradient through?", PathsView)
    trace = window.state.session.trace
    if not trace.graph.cell.gates:
        assert "no highway" in panel.empty.text() and "Switch to a GRU or an LSTM" in panel.empty.text()
        return
    found = analysis.paths(trace)
    shares = {name: found.share(name)[NOT] for name in found.parts}
    most = max(trace.graph.cell.gates, key=shares.get)
    assert panel.step_title.title() == "Step 4 “not”"
    assert panel.reading.text() == (
        f"The highway brings {percent(shares['highway'])} of it; of the gates {most} lets most through, "
        f"{percent(shares[most])}."
    )


def test_which_multiplication_made_a_unit_negative(window, qtbot):
    state = window.state
    unit = int(state.session.trace.value("l0.h")[NOT, 0].argmin())
    state.selection.select("l0", NOT, unit, "h")
    panel = ask(window, qtbot, "Which multiplication made this number?", InspectorView)
    card = panel.sum_card
    for _ in range(3):  # an LSTM's h is negative because its tanh c is: a click goes there
        if card.why.text().startswith("Negative most of all by "):
            break
        term = card.rows.terms()[0]
        assert card.why.text().startswith("Negative because ")
        panel._on_went(next(origin for _, value, origin in term.factors if value < 0))
    assert card.why.text().startswith("Negative most of all by ")
    least = min(card._sum.terms, key=lambda term: term.value)
    assert least.value < 0 and card.rows.name_of(least) in card.why.text()
    assert " × " in card.why.text()


def test_what_the_gradient_would_be_without_clipping(window, qtbot):
    panel = ask(window, qtbot, "What would the gradient be without clipping?", ClippingView)
    qtbot.waitUntil(lambda: bool(panel.clip_said.text()), timeout=20_000)
    whole = np.sqrt(sum((g**2).sum() for g in window.state.session.trace.parameter_grads.values()))
    assert panel.clip_said.text().startswith(f"Without clipping the gradient's norm is {number(whole)}.")


@pytest.mark.parametrize("view", [view for view in views() if hasattr(view, "question")], ids=lambda view: view.id)
def test_each_panel_asks_and_has_a_short_name(view, show, qtbot):
    assert view.question.endswith("?")
    assert len(getattr(view, "tab", view.title)) <= 9
    if issubclass(view, Instrument):
        state = AppState(project=opened("movie-review", "lstm"))
        assert show(view(state)).asks.text() == view.question
        qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
        state.close()


def test_a_panel_that_is_opened_late_shows_the_selections_lane(qtbot, show):
    state = AppState(project=opened("tagging", "gru"))
    qtbot.waitUntil(lambda: state.session.trace is not None and not state.session.running, timeout=20_000)
    last = list(state.session.trace.lanes)[-1]
    assert len(state.session.trace.lanes) > 1
    state.selection.select(last, 1, 2)
    view = show(JacobianView(state))
    assert view.prefix == last
    state.close()
