"""The input bar: sentences, drawings, targets, examples, the batch."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout

from engine import tasks
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.views.input_bar import InputBarView


@pytest.fixture
def bar(qtbot, show):
    made = []

    def opening(scenario="movie-review", cell="rnn"):
        state = AppState(project=opened(scenario, cell))
        view = show(InputBarView(state))
        view.resize(1000, 60)
        view.state = state
        made.append(view)
        qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
        return view

    yield opening
    for view in made:
        view.examples.close()
        view.state.close()


@pytest.fixture
def idle(qtbot):
    def waiting(view):
        qtbot.waitUntil(lambda: not view.state.session.running, timeout=20_000)

    return waiting


def write(qtbot, field, text):
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)


def project_of(view):
    return view.state.document.project


def choose(choice, id):
    choice.setCurrentIndex(choice.findData(id))
    choice.activated.emit(choice.currentIndex())


def test_a_sentence_is_run_at_enter(bar, qtbot, idle):
    view = bar()
    write(qtbot, view.sentence, "I do like this movie")
    assert project_of(view).sources[0] == "I do not like this movie"
    qtbot.keyClick(view.sentence, Qt.Key.Key_Return)
    assert project_of(view).sources[0] == "I do like this movie"
    idle(view)
    assert view.state.session.words.columns[1:] == ("I", "do", "like", "this", "movie")


def test_a_sentence_is_run_after_a_pause(bar, qtbot):
    view = bar()
    write(qtbot, view.sentence, "this is good")
    qtbot.waitUntil(lambda: project_of(view).sources[0] == "this is good", timeout=5000)


def test_the_right_answer_of_the_old_sentence_goes_and_a_chosen_one_stays(bar, qtbot):
    view = bar()
    assert project_of(view).targets[0] in (None, "negative")
    write(qtbot, view.sentence, "I do like this movie\r")
    assert project_of(view).targets == (None,)
    choose(view.target.choice, "neutral")
    write(qtbot, view.sentence, "I did like this movie\r")
    assert project_of(view).targets == ("neutral",)


def test_unknown_words_are_named(bar, qtbot):
    view = bar()
    write(qtbot, view.sentence, "a zorgly movie\r")
    assert view.hint.text() == "not in the vocabulary: “zorgly” → <unk>"
    assert view.hint.isVisible()
    write(qtbot, view.sentence, "a good movie\r")
    assert not view.hint.isVisible()


def test_many_and_long_unknown_words_make_nothing_wide(bar, qtbot):
    view = bar()
    narrow = view.minimumSizeHint().width()
    write(qtbot, view.sentence, "zorg" * 75 + " zu zv zw zx zy zz")
    qtbot.keyClick(view.sentence, Qt.Key.Key_Return)
    assert view.minimumSizeHint().width() <= narrow
    assert view.hint.text().count("“") == 4 and " and 3 more" in view.hint.text()
    assert len(view.hint.text()) < 120
    assert "zz" in view.hint.toolTip() and max(len(line) for line in view.hint.toolTip().splitlines()) <= 80


def test_the_hint_follows_undo_and_redo(bar, qtbot, idle):
    view = bar()
    write(qtbot, view.sentence, "I like zorgly")
    qtbot.keyClick(view.sentence, Qt.Key.Key_Return)
    view.state.document.undo_stack.undo()
    assert view.hint.text() == ""
    view.state.document.undo_stack.redo()
    assert "zorgly" in view.hint.text()
    idle(view)
    assert "zorgly" in view.hint.text()


def test_a_long_sentence_is_not_cut_off(bar):
    view = bar()
    long = "I like it " * 5000 + "truly"
    view.state.document.set_source(0, long)
    assert view.sentence.text() == long


def test_what_the_field_cannot_show_is_no_edit(bar, qtbot):
    view = bar()
    view.state.document.set_source(0, "I like it\nand more\tof it")
    steps = view.state.document.undo_stack.count()
    view.sentence.setFocus()
    qtbot.keyClick(view.sentence, Qt.Key.Key_Return)
    assert view.state.document.undo_stack.count() == steps
    assert project_of(view).sources[0] == "I like it\nand more\tof it"
    write(qtbot, view.sentence, "I like it")
    qtbot.keyClick(view.sentence, Qt.Key.Key_Return)
    assert project_of(view).sources[0] == "I like it"


def test_nothing_to_read_is_said_and_changes_nothing(bar, qtbot):
    view = bar()
    before = project_of(view)
    write(qtbot, view.sentence, "   \r")
    assert project_of(view) is before
    assert "holds no words" in view.hint.text()
    assert view.hint.role == "error"


def test_undo_brings_the_sentence_back(bar, qtbot):
    view = bar()
    write(qtbot, view.sentence, "a good movie\r")
    view.state.document.undo_stack.undo()
    assert view.sentence.text() == "I do not like this movie"


def test_target_by_choice(bar, idle):
    view = bar()
    choose(view.target.choice, "positive")
    idle(view)
    assert project_of(view).targets == ("positive",)
    assert view.state.session.sample.target_tokens == ("positive",)
    choose(view.target.choice, "")
    idle(view)
    assert project_of(view).targets == (None,)
    assert view.target.choice.currentText() == "corpus: negative"


def test_own_answer_is_said(bar, qtbot, idle):
    view = bar()
    write(qtbot, view.sentence, "good good good good\r")
    idle(view)
    answer = view.state.session.sample.target_tokens[0]
    qtbot.waitUntil(lambda: view.target.choice.currentText() == f"own answer: {answer}")


def test_target_in_words(bar, qtbot, idle):
    view = bar("translation", "gru")
    write(qtbot, view.target.words, "I saw the match\r")
    assert project_of(view).targets in (("I saw the match",), ("I saw the game",))
    if view.hint.text():
        assert "not one of the" in view.hint.text()
    write(qtbot, view.target.words, "I saw the zorg\r")
    assert "zorg" in view.hint.text()
    assert "zorg" not in (project_of(view).targets[0] or "")
    view.target.words.clear()
    qtbot.keyClick(view.target.words, Qt.Key.Key_Return)
    idle(view)
    assert project_of(view).targets == (None,)
    assert view.target.words.placeholderText().startswith(("corpus: ", "own answer: "))


@pytest.mark.parametrize("scenario", tasks.ids())
def test_every_scenario_has_its_input_and_examples(bar, qtbot, scenario):
    view = bar(scenario, "gru")
    task = tasks.get(scenario)
    assert view.sentence.isVisible() == (task.kind == "text")
    assert view.draw.isVisible() == (task.kind == "grid")
    assert view.target.choice.isVisible() != view.target.words.isVisible()
    qtbot.waitUntil(lambda: view.buttons.dice.isEnabled(), timeout=30_000)
    view.buttons.fill()
    assert len(view.buttons.menu.actions()) == 12
    view.buttons.menu.actions()[3].trigger()
    assert view.examples._worker is None
    before = project_of(view).sources[0]
    view.buttons.dice.click()
    assert project_of(view).sources[0] is not before


def test_the_menu_says_that_it_waits(bar):
    view = bar()
    view.examples._found = ()
    view.buttons.fill()
    (only,) = view.buttons.menu.actions()
    assert not only.isEnabled()


@pytest.mark.qt_log_ignore("does not support (raise|grabbing)", extend=True)
def test_drawing_counts_at_once(bar, qtbot, idle):
    view = bar("glyph", "rnn")
    view.draw.click()
    values = np.zeros((10, 10))
    values[2:8, 4] = 1.0
    view.popup.canvas.drawing.emit(values)
    assert np.array_equal(project_of(view).sources[0], values)
    assert project_of(view).targets == (None,)
    view.popup.canvas.changed.emit(np.zeros((10, 10)))
    assert np.array_equal(project_of(view).sources[0], values)
    assert "empty" in view.hint.text()
    view.state.document.undo_stack.undo()
    assert np.array_equal(view.popup.canvas.values(), project_of(view).sources[0])
    view.popup.close()


def test_a_batch_grows_is_looked_through_and_shrinks(bar, qtbot, idle):
    view = bar()
    qtbot.waitUntil(lambda: view.batch.add.isEnabled(), timeout=20_000)
    assert not view.batch.choice.isVisible()
    view.batch.add.click()
    view.batch.add.click()
    project = project_of(view)
    assert (len(project.sources), project.sequence) == (3, 2)
    assert view.batch.choice.currentText().startswith("3 of 3 · ")
    idle(view)
    assert view.state.session.trace.batch.B == 3
    choose(view.batch.choice, "0")
    assert project_of(view).sequence == 0
    assert view.sentence.text() == "I do not like this movie"
    view.batch.remove.click()
    assert len(project_of(view).sources) == 2
    view.batch.remove.click()
    assert len(project_of(view).sources) == 1
    assert not view.batch.remove.isVisible()


def test_two_lines_where_there_is_little_room(bar, qtbot):
    view = bar()
    ways = QBoxLayout.Direction
    for width, way in ((1000, ways.LeftToRight), (500, ways.TopToBottom)):
        view.setFixedWidth(width)
        qtbot.waitUntil(lambda way=way: view._rows[1].direction() == way)
    assert view.focusProxy() is view.sentence
