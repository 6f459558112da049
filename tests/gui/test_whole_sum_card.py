"""The inspector's whole sum: shown with the step, followed by a click, and back again."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt

from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views.inspector import InspectorView


@pytest.fixture
def view(qtbot, show):
    state = AppState(project=opened("movie-review", "lstm"))
    qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
    made = InspectorView(state)
    made.resize(340, 700)
    shown = show(made)
    shown.state = state
    state.cursor.changed.connect(shown.catch_up)
    state.cursor.last()
    yield shown
    state.close()


def row(view, part):
    return next(k for k, term in enumerate(view.sum_card.rows.terms()) if part in view.sum_card.rows.name_of(term))


def test_a_click_goes_to_where_a_number_came_from_and_back(view, qtbot):
    selection = view.state.selection
    selection.select("l0", 3, 4, "c")
    rows, card = view.sum_card.rows, view.sum_card
    kept = row(view, "c₃")
    places = rows._places(rows.terms()[kept])
    assert [name for name, *_ in places] == ["f₄[5]", "c₃[5]"]
    at = QPointF(places[1][2] + 3, kept * rows.row() + 9)
    qtbot.mouseClick(rows, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert (selection.value.key, selection.value.step, selection.value.unit) == ("l0.c", 2, 4)
    assert "c₃[5]" in card.heading.text()
    assert card.back.isEnabled() and not card.forward.isEnabled()
    card.back.click()
    assert (selection.value.key, selection.value.step) == ("l0.c", 3)
    card.forward.click()
    assert selection.value.step == 2
    card.back.click()
    qtbot.mouseClick(rows, Qt.MouseButton.LeftButton, pos=QPointF(places[0][2] + 3, kept * rows.row() + 9).toPoint())
    assert (selection.value.key, selection.value.step) == ("l0.f", 3)
    assert not card.forward.isEnabled()
    assert "a_f" in card.heading.text()


def test_all_products_are_there_when_asked_for(view):
    view.state.selection.select("l0", 3, 4, "f")
    card = view.sum_card
    count = len(card._sum.terms)
    assert len(card.rows.terms()) == 8
    assert card.more.text().startswith(f"{count - 8} more, together")
    card.more.click()
    assert len(card.rows.terms()) == count
    assert "= " in card.rows.tip_of(0)


def test_what_is_not_reached_has_no_sum(view):
    view.state.cursor.first()
    assert view.sum_card.heading.text() == "Not reached yet"
    assert not view.sum_card.rows.isVisible()


def test_the_trail_forgets_what_another_run_does_not_have(view, qtbot):
    selection = view.state.selection
    selection.select("l0", 3, 4, "c")
    selection.select("l0", 2, 1, "h")
    assert selection.can_go_back
    with qtbot.waitSignal(view.state.session.trace_changed, timeout=20_000):
        view.state.document.set_cell("rnn")
    assert not selection.can_go_back
    assert selection.value.key == "l0.h"


def test_factors_stand_below_the_names_where_there_is_little_room(view):
    view.state.selection.select("l0", 3, 4, "h")
    rows = view.sum_card.rows
    rows.resize(700, rows.height())
    assert rows.row() == 19
    rows.resize(235, rows.height())
    assert rows.row() == 38
    assert rows.sizeHint().height() == 38 * len(rows.terms())
    assert rows._below(QPointF(10, 37))[0] == 0 and rows._below(QPointF(10, 37))[1] == 0


@pytest.mark.parametrize("unit", range(6))
@pytest.mark.parametrize("name", ["f", "g", "c"])
def test_it_says_which_product_gives_the_sum_its_sign(view, name, unit):
    view.state.selection.select("l0", 3, unit, name)
    found, said = view.sum_card._sum, view.sum_card.why.text()
    negative = found.total < 0
    most = (min if negative else max)(found.terms, key=lambda term: term.value)
    names = view.sum_card.rows.name_of(most)
    assert said.startswith(f"{'Negative' if negative else 'Positive'} most of all by {names}: ")
    assert most.value * found.total > 0


@pytest.mark.parametrize("unit", range(16))
def test_of_one_product_it_names_the_factor_that_is_negative(view, unit):
    view.state.selection.select("l0", 3, unit, "h")  # o ⊙ tanh c
    card = view.sum_card
    assert len(card._sum.terms) == 1
    if card._sum.total >= 0:
        assert not card.why.isVisible()
        return
    factor = next(name for name, value, _ in card._sum.terms[0].factors if value < 0)
    assert "tanh" in factor
    assert card.why.text() == f"Negative because {factor} is; a click on it goes there"
