"""The session: runs beside the window, only the newest counts, failures leave the last run in place."""

import threading

import numpy as np
import pytest

from engine import EngineError, Network, memory, replay, tasks
from engine.registry import cells
from gui.frames.saturation import saturation
from gui.frames.sheet import Sheet
from gui.state import batch, session, training
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.training import TrainingState


@pytest.fixture
def open_state(qtbot):
    made = []

    def opening(*arguments, **changes):
        state = AppState(project=opened(*arguments).but(**changes))
        made.append(state)
        qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
        return state

    yield opening
    for state in made:
        state.close()


@pytest.fixture
def state(open_state):
    return open_state()


@pytest.fixture
def idle(qtbot):
    return lambda state: qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)


def test_the_first_run_comes_by_itself(state):
    trace = state.session.trace
    assert trace.loss is not None
    assert state.cursor.count == len(trace.events.tokens)
    assert state.session.words.columns[1:] == ("I", "do", "not", "like", "this", "movie")
    assert not state.session.own_answer


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("id", tasks.ids())
def test_every_scenario_runs_in_every_cell_with_and_without_a_target(open_state, idle, id, cell):
    state = open_state(id, cell)
    assert state.session.error == ""
    assert state.session.trace.has_gradients
    assert len(state.session.words.columns) == len(state.session.trace.timeline)
    task = tasks.get(id)
    source = "we can see it" if task.kind == "text" else 1 - task.example if task.grid_values == 0 else task.example.T
    state.document.set_source(0, source)
    idle(state)
    assert state.session.error == ""
    assert state.session.own_answer
    sample = state.session.sample
    said = state.session.trace.value("output.logits")[:, 0].argmax(-1)
    assert len(sample.target_tokens) == len(sample.target)
    if task.pattern not in ("one-to-many", "sequence-to-sequence"):
        assert np.array_equal(said, sample.target)


def test_the_own_answer_ends_with_the_end(open_state, idle):
    state = open_state("translation")
    state.document.set_source(0, "Je suis un match")
    idle(state)
    sample, labels = state.session.sample, list(tasks.get("translation").output_labels)
    assert state.session.own_answer
    assert batch.EOS not in sample.target_tokens[:-1]
    assert [labels[i] for i in sample.target] == list(sample.target_tokens)


def test_only_the_newest_request_counts(state, idle, monkeypatch):
    gate, begun, ran = threading.Event(), threading.Event(), []
    real = session.compute

    def slow(project, confirmed):
        ran.append(project.spec.hidden_size)
        begun.set()
        gate.wait(10)
        return real(project, confirmed)

    monkeypatch.setattr(session, "compute", slow)
    heard = []
    state.session.trace_changed.connect(lambda trace: heard.append(trace.spec.hidden_size))
    state.document.set_field("hidden_size", 3)
    assert begun.wait(10)
    for size in (4, 5, 6):
        state.document.set_field("hidden_size", size)
    gate.set()
    idle(state)
    assert ran == [3, 6]
    assert heard == [6]


def test_what_does_not_change_a_run_starts_none(open_state, qtbot):
    state = open_state(sources=("I like it", "I do not like this movie at all"), targets=(None, None))
    before = state.session.trace
    with qtbot.waitSignal(state.session.trace_changed):
        state.document.edit("look at another sequence", sequence=1)
    assert state.session.trace is before
    assert not state.session.running
    assert "movie" in state.session.words.columns
    assert state.session.words.sequence == 1


def test_a_failure_is_said_and_the_last_run_stays(state, idle, qtbot):
    before = state.session.trace
    with qtbot.waitSignal(state.session.failed) as failed:
        state.document.set_source(0, "   ")
    assert "words" in failed.args[0]
    assert state.session.error == failed.args[0]
    assert state.session.trace is before
    state.document.undo_stack.undo()
    idle(state)
    assert state.session.error == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (EngineError("cuda:0 ran out of memory: 3 GB"), "ran out"),
        (MemoryError(), "memory"),
        (KeyError("x"), "KeyError"),
    ],
)
def test_what_an_engine_can_meet_is_a_sentence(state, qtbot, monkeypatch, error, words):
    def failing(self, *_, **__):
        raise error

    before = state.session.trace
    monkeypatch.setattr(Network, "run", failing)
    with qtbot.waitSignal(state.session.failed) as failed:
        state.session.run()
    assert words in failed.args[0]
    assert "\n" not in failed.args[0]
    assert state.session.trace is before


def test_much_memory_is_asked_for(state, qtbot, monkeypatch, idle):
    monkeypatch.setattr(memory, "available", lambda: 1000)
    before = state.session.trace
    with qtbot.waitSignal(state.session.confirmation_needed) as asked:
        state.session.run()
    assert "memory" in asked.args[0]
    assert state.session.trace is before
    with qtbot.waitSignal(state.session.trace_changed):
        state.session.proceed()
    assert state.session.trace is not before


def test_both_engines_give_the_same_numbers(state, idle):
    pytest.importorskip("torch")
    before = state.session.trace
    state.cursor.go(4)
    state.document.edit("change of engine", engine="torch", device="cpu")
    idle(state)
    after = state.session.trace
    assert (after.engine, state.session.devices[2][0]) == ("torch", "cpu")
    assert state.cursor.position == 4
    assert after.loss == pytest.approx(before.loss, rel=1e-10)
    for key in set(before.keys()):
        np.testing.assert_allclose(after.value(key), before.value(key), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(after.grad("l0.h"), before.grad("l0.h"), rtol=1e-9, atol=1e-12)


def test_a_device_that_is_not_there_is_a_sentence(state, qtbot):
    pytest.importorskip("torch")
    before = state.session.trace
    with qtbot.waitSignal(state.session.failed, timeout=20_000) as failed:
        state.document.edit("change of engine", engine="torch", device="cuda:9")
    assert "cuda:9" in failed.args[0]
    assert state.session.trace is before


def test_a_loss_between_vectors_takes_classes_as_one_hot(state, idle):
    state.document.set_field("loss", "mse")
    idle(state)
    assert state.session.error == ""
    assert state.session.trace.batch.target.shape == (1, 1, 3)


def test_the_initial_state_is_used(state, idle):
    spec = state.document.project.spec
    state.document.edit("initial state", initial={"h_0": np.full((1, spec.hidden_size), 0.5)})
    idle(state)
    np.testing.assert_array_equal(state.session.trace.batch.initial["h_0"], np.full((1, 1, spec.hidden_size), 0.5))


def test_another_scenario_begins_before_the_first_step(state, idle):
    state.cursor.go(5)
    state.selection.select("l0", 2, 1)
    state.document.open_scenario("tagging")
    idle(state)
    assert state.cursor.position == 0
    assert state.selection.value is None


# Training ------------------------------------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch):
    """Make the scenario's training short."""
    task = tasks.get("movie-review")
    samples = task.split("train")[:64]
    monkeypatch.setattr(type(task), "training_samples", lambda self: samples)
    monkeypatch.setattr(type(task), "train_options", lambda self, cell: {"epochs": 3, "batch_size": 32})
    monkeypatch.setattr(type(task), "score", lambda self, network: {"score": 0.5})


def test_training_tells_how_it_stands_and_is_one_undo_step(state, small, qtbot, idle):
    state.document.set_field("hidden_size", 4)
    idle(state)
    fresh = state.document.project
    heard = []
    state.session.training_changed.connect(heard.append)
    state.session.train()
    qtbot.waitUntil(lambda: state.session.training is None, timeout=20_000)
    assert isinstance(heard[0], TrainingState)
    assert heard[-1] is None
    assert state.document.project.weights == "trained"
    assert "50" in state.document.project.score
    assert not np.array_equal(state.document.project.parameters["output.bias"], fresh.parameters["output.bias"])
    state.document.undo_stack.undo()
    assert state.document.project is fresh
    idle(state)


def test_training_is_cancelled(state, small, qtbot, monkeypatch):
    before, begun = state.document.project, threading.Event()
    real = training.train

    def endless(*arguments, **options):
        for event in real(*arguments, **{**options, "epochs": 1000}):
            begun.set()
            yield event

    monkeypatch.setattr(training, "train", endless)
    state.session.train()
    assert begun.wait(20)
    state.session.cancel()
    assert state.session.training is None
    assert state.document.project is before


def test_an_edit_of_what_is_trained_stops_the_training(state, small, qtbot, idle):
    state.session.train()
    state.document.set_source(0, "I like it")
    assert state.session.training is not None
    state.document.set_field("hidden_size", 5)
    assert state.session.training is None
    idle(state)
    assert state.document.project.weights == "fresh"


def test_a_failed_training_is_said(state, qtbot, monkeypatch):
    def failing(*_, **__):
        raise ValueError("the loss became nan at step 3")
        yield

    monkeypatch.setattr(training, "train", failing)
    with qtbot.waitSignal(state.session.failed, timeout=20_000) as failed:
        state.session.train()
    assert "step 3" in failed.args[0]
    assert state.session.training is None


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("id", tasks.ids())
def test_no_sentence_and_no_picture_of_a_run_replays_it(open_state, monkeypatch, id, cell):
    state = open_state(id, cell)
    trace = state.session.trace
    monkeypatch.setattr(replay.LaneReplay, "__init__", None)
    assert all(trace.narrate(event, state.session.words) for event in trace.events)
    sheet = Sheet(trace, state.session.words)
    assert sheet.norm.lines and sheet.diagram.rows
    assert all(saturation(trace, sheet.progress, *lane, 0) for lane in sheet.directions)
