"""The panels on sequences that have states of their own."""

import numpy as np
import pytest

from engine.interop.imported import Imported
from engine.interop.tokenizer import Tokenizer
from engine.spec import ModelSpec
from gui.state.app_state import AppState
from gui.state.project import GIVEN, Project
from gui.views.build import BuildView
from gui.views.input_bar import InputBarView


@pytest.fixture
def state(qtbot):
    spec = ModelSpec(pattern="many-to-many", cell="gru", input_size=2, hidden_size=3, output_size=3)
    task = Imported("a file", spec, {})
    sources = tuple(np.ones((T, 2)) * T for T in (4, 2, 3))
    initial = {"h_0": np.arange(9.0).reshape(1, 3, 3) / 10}
    weights = task.weights("gru")[0]
    own = task.spec("gru")
    made = AppState(
        project=Project(task, own, weights, GIVEN, "", sources, (None,) * 3, 2, "numpy", "cpu", initial=initial)
    )
    qtbot.waitUntil(lambda: made.session.trace is not None)
    yield made
    made.close()


def test_a_removed_sequence_takes_its_state_along(state, show, qtbot):
    view = show(InputBarView(state))
    view.batch.removed.emit()
    qtbot.waitUntil(lambda: not state.session.running)
    assert not state.session.error and state.session.trace.batch.B == 2
    np.testing.assert_array_equal(state.session.trace.starts_from("l0.h")[1], [0.3, 0.4, 0.5])
    state.document.undo()
    assert len(state.document.project.sources) == 3 and state.document.project.initial["h_0"].shape == (1, 3, 3)
    view.examples.close()


def test_the_state_of_the_sequence_that_is_looked_at_is_typed(state, show, qtbot):
    view = show(BuildView(state))
    view.initial.pencil.click()
    table = view.initial.dialog().tables["h_0"]
    assert [table.item(0, unit).text() for unit in range(3)] == ["0.600", "0.700", "0.800"]
    table.item(0, 1).setText("-0.5")
    found = state.document.project.initial["h_0"][0]
    np.testing.assert_allclose(found, [[0, 0.1, 0.2], [0.3, 0.4, 0.5], [0.6, -0.5, 0.8]])
    assert view.initial.dialog() is not None
    state.document.edit("another", sequence=0)
    assert view.initial.dialog() is None


def test_ids_that_no_text_stands_for_are_shown_as_tokens_until_a_text_is_typed(show, qtbot):
    spec = ModelSpec(
        pattern="many-to-one", cell="gru", input_size=2, hidden_size=3, output_size=2, vocab_size=3, embedding_size=2
    )
    task = Imported("a file", spec, {}, tokenizer=Tokenizer("letters", ("a", "b", "ab")))
    weights, own = task.weights("gru")[0], task.spec("gru")
    made = AppState(project=Project(task, own, weights, GIVEN, "", (np.array([2, 0]),), (None,), 0, "numpy", "cpu"))
    qtbot.waitUntil(lambda: made.session.trace is not None)
    view = show(InputBarView(made))
    assert view.sentence.text() == "ab a" and made.session.trace.batch.T == 2
    view._commit_sentence()
    assert made.document.project.sources[0].tolist() == [2, 0]  # nothing was typed
    view.sentence.setText("bab")
    view._commit_sentence()
    assert made.document.project.sources == ("bab",)
    made.document.undo()
    assert view.sentence.text() == "ab a"
    qtbot.waitUntil(lambda: not made.session.running)
    view.examples.close()
    made.close()
