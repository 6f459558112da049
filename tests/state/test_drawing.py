"""Large networks are drawn beside the window: the newest change wins, one undo step, failures leave all as it was."""

import re
import threading

import numpy as np
import pytest

from engine import ModelSpec, SpecError, layout, tasks
from gui.state import drawing, limits, training
from gui.state.app_state import AppState
from gui.state.document import Document
from gui.state.training import TrainingState


class Gate:
    """Stands before what draws: counts, and holds it until it is opened."""

    def __init__(self, draw):
        self.draw, self.open, self.begun = draw, threading.Event(), threading.Event()
        self.drawn, self.threads, self.error = [], [], None

    def __call__(self, project, wanted):
        self.threads.append(threading.get_ident())
        self.begun.set()
        assert self.open.wait(20)
        self.drawn.append(wanted.spec)
        if self.error is not None:
            raise self.error
        return self.draw(project, wanted)


@pytest.fixture
def gate(monkeypatch):
    """Every network takes long to draw, until the gate is open."""
    made = Gate(drawing.drawn)
    monkeypatch.setattr(drawing, "drawn", made)
    monkeypatch.setattr(limits, "SLOW_MS", -1.0)
    yield made
    made.open.set()


@pytest.fixture
def document(qtbot, gate):
    made = Document()
    yield made
    gate.open.set()
    made.close()


@pytest.fixture
def settled(qtbot, gate):
    def settling(document):
        gate.open.set()
        qtbot.waitUntil(lambda: document.wanted is None, timeout=20_000)
        return document.project

    return settling


def test_the_change_comes_when_its_parameters_are_drawn(document, gate, settled):
    before, heard, waited = document.project, [], []
    document.project_changed.connect(lambda new, old: heard.append((new, old)))
    document.drawing_changed.connect(waited.append)
    document.set_field("hidden_size", 9)
    assert document.project is before and not heard and waited == [True]
    assert document.spec.hidden_size == 9 and document.can_undo and not document.undo_stack.canUndo()
    after = settled(document)
    assert gate.threads and threading.get_ident() not in gate.threads
    assert heard == [(after, before)] and waited == [True, False]
    assert after.spec.hidden_size == 9 and after.weights == "fresh"
    assert {name: value.shape for name, value in after.parameters.items()} == layout.shapes(after.spec)
    assert all(not value.flags.writeable for value in after.parameters.values())
    assert document.undo_stack.count() == 1 and document.undo_stack.undoText() == "change of hidden size"
    document.undo()
    assert document.project is before
    document.undo_stack.redo()
    assert document.project is after


def test_the_same_numbers_are_drawn_beside_the_window_as_at_once(document, settled, monkeypatch):
    document.set_field("hidden_size", 9)
    beside = settled(document)
    document.undo()
    monkeypatch.setattr(limits, "SLOW_MS", 1e9)
    document.set_field("hidden_size", 9)
    assert document.wanted is None
    assert all(np.array_equal(value, document.project.parameters[name]) for name, value in beside.parameters.items())


def test_the_newest_counts_with_what_the_others_set(document, gate, settled):
    document.set_field("hidden_size", 9)
    assert gate.begun.wait(20)
    document.set_field("num_layers", 2)
    document.set_cell("gru")
    document.reseed()
    document.reseed()
    seed = document.spec.seed
    project = settled(document)
    spec = project.spec
    assert (spec.hidden_size, spec.num_layers, spec.cell, spec.seed) == (9, 2, "gru", seed)
    assert len(gate.drawn) == 2  # the one that had begun, and the newest
    assert document.undo_stack.count() == 1
    document.undo()
    assert document.project.weights == "trained"


def test_precision_does_not_keep_weights_that_were_to_be_drawn_anew(document, settled):
    document.reseed()
    document.set_field("dtype", "float32")
    project = settled(document)
    assert project.weights == "fresh" and project.spec.dtype == "float32"
    assert all(value.dtype == np.float32 for value in project.parameters.values())


def test_a_value_set_back_leaves_nothing_to_draw(document, gate):
    size = document.project.spec.hidden_size
    document.set_field("hidden_size", size + 1)
    document.set_field("hidden_size", size)
    assert document.wanted is None and not document.can_undo


def test_undo_takes_back_what_is_being_drawn_and_nothing_else(document, gate, qtbot):
    document.edit("change of the input", sources=("I like it",))
    before, heard = document.project, []
    document.set_field("hidden_size", 9)
    assert gate.begun.wait(20)
    document.project_changed.connect(lambda new, old: heard.append((new, old)))
    document.undo()
    assert document.wanted is None and document.project is before
    assert heard == [(before, before)]  # so that every view shows again what there is
    with qtbot.waitSignal(document._drawing._worker.done):
        gate.open.set()
    assert document.project is before
    document.undo()
    assert document.project.sources == (tasks.get("movie-review").example,)


def test_what_is_typed_meanwhile_stays(document, settled):
    document.set_field("hidden_size", 9)
    document.edit("change of the input", sources=("I like it",))
    project = settled(document)
    assert project.sources == ("I like it",) and project.spec.hidden_size == 9
    document.undo()
    assert document.project.sources == ("I like it",) and document.project.weights == "trained"


@pytest.mark.parametrize("edit", ["weights", "scenario", "undo"])
def test_another_network_takes_its_place(document, gate, qtbot, edit):
    document.edit("other weights", parameters={k: v + 1 for k, v in document.project.parameters.items()})
    document.set_field("hidden_size", 9)
    assert gate.begun.wait(20)
    if edit == "weights":
        document.edit("a change by hand", parameters=dict(document.project.parameters), weights="edited")
    elif edit == "scenario":
        document.open_scenario("tagging")
    else:
        document.undo_stack.undo()
    assert document.wanted is None
    now = document.project
    with qtbot.waitSignal(document._drawing._worker.done):
        gate.open.set()
    assert document.project is now


@pytest.mark.parametrize(
    ("error", "words"), [(MemoryError(), "need about .* of memory"), (ValueError("no room"), "no room")]
)
def test_what_cannot_be_drawn_is_said_once_and_all_stays(document, gate, qtbot, error, words):
    before, gate.error = document.project, error
    document.set_field("hidden_size", 9)
    with qtbot.waitSignal(document.refused) as refused:
        gate.open.set()
    assert refused.args[0].startswith("hidden_size=9 is not possible")
    assert document.project is before and document.wanted is None and not document.undo_stack.count()
    assert re.search(words, refused.args[0])


@pytest.mark.parametrize("error", [MemoryError(), ValueError("no room")])
def test_what_cannot_be_drawn_at_once_is_refused_by_its_field(document, gate, qtbot, monkeypatch, error):
    gate.error, before = error, document.project
    gate.open.set()
    monkeypatch.setattr(limits, "SLOW_MS", 1e9)
    with pytest.raises(SpecError) as raised:
        document.set_field("num_layers", 2)
    assert (raised.value.field, raised.value.value) == ("num_layers", 2)
    with pytest.raises(SpecError, match="cell='gru'"):
        document.set_cell("gru")
    with qtbot.waitSignal(document.refused) as refused:
        document.reseed()
    assert refused.args[0].startswith(f"seed={before.spec.seed + 1} is not possible")
    assert document.project is before and not document.undo_stack.count()


def test_closing_while_something_is_drawn_ends_its_thread(document, gate):
    document.set_field("hidden_size", 9)
    assert gate.begun.wait(20)
    gate.open.set()
    document.close()
    assert document.wanted is None


# What is measured against -------------------------------------------------------------------------------------------


def test_edits_by_hand_are_measured_against_what_was_drawn(document, settled):
    document.set_field("hidden_size", 9)
    drawn = settled(document)
    assert drawn.reference is drawn.parameters
    name = "weight_hh_l0"
    document.edit("edit", parameters={**drawn.parameters, name: drawn.parameters[name] + 1}, weights="edited")
    assert document.project.reference is drawn.parameters
    document.set_field("dtype", "float32")
    edited = settled(document)
    assert edited.weights == "edited" and edited.reference[name].dtype == np.float32
    assert np.array_equal(edited.reference[name], drawn.parameters[name].astype(np.float32))
    document.edit("training", parameters=dict(edited.parameters), weights="trained")
    assert document.project.reference is document.project.parameters


def test_edited_weights_that_come_from_nowhere_are_their_own_measure(document):
    project = document.project.but(weights="edited", reference={})
    assert project.reference is project.parameters


# The session ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def state(qtbot, gate):
    made = AppState()
    qtbot.waitUntil(lambda: not made.session.running, timeout=20_000)
    yield made
    gate.open.set()
    made.close()


def test_the_session_is_busy_while_something_is_drawn(state, gate, settled, qtbot):
    before, heard = state.session.trace, []
    state.session.running_changed.connect(heard.append)
    state.document.set_field("hidden_size", 9)
    assert state.session.running and heard == [True]
    assert state.session.trace is before
    settled(state.document)
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
    assert heard == [True, False]
    assert state.session.trace.spec.hidden_size == 9


def test_a_refusal_ends_the_waiting_and_starts_no_run(state, gate, qtbot):
    before, gate.error = state.session.trace, MemoryError()
    state.document.set_field("hidden_size", 9)
    with qtbot.waitSignal(state.document.refused):
        gate.open.set()
    assert not state.session.running and state.session.trace is before


@pytest.mark.parametrize("refused", [False, True])
def test_training_waits_for_what_is_being_drawn(state, gate, qtbot, monkeypatch, refused):
    trained = []
    monkeypatch.setattr(training, "_train", lambda project, *_: trained.append(project))
    gate.error = MemoryError() if refused else None
    state.document.set_field("hidden_size", 9)
    state.session.train()
    assert state.session.training == TrainingState() and not trained
    gate.open.set()
    qtbot.waitUntil(lambda: state.document.wanted is None, timeout=20_000)
    if refused:
        assert state.session.training is None and not trained
        return
    qtbot.waitUntil(lambda: bool(trained), timeout=20_000)
    assert trained == [state.document.project] and state.session.training is not None
    state.session.cancel()


# How long it takes ----------------------------------------------------------------------------------------------------


def test_only_what_takes_long_is_drawn_beside_the_window(qapp):
    assert not any(drawing.slow(task.spec(cell)) for task in tasks.all() for cell in ("rnn", "gru", "lstm"))
    small = ModelSpec(pattern="many-to-one", cell="rnn", hidden_size=300, output_size=3, input_size=4)
    assert not drawing.slow(small)
    assert drawing.slow(small.but(spectral_radius=0.9))
    assert drawing.slow(small.but(init="orthogonal"))
    assert drawing.slow(small.but(hidden_size=1200))
    assert drawing.slow(small.but(num_layers=20))
