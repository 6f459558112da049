"""The document: every change one undo step, shipped weights where they fit, fresh ones where they do not."""

import numpy as np
import pytest

from engine import ModelSpec, Network, SpecError, layout, tasks
from engine.interop.imported import Imported
from engine.registry import cells
from gui.state import document as documents
from gui.state.document import Document, opened
from gui.state.project import GIVEN, Project


@pytest.fixture
def document(qapp):
    return Document()


def fits(project: Project) -> bool:
    shapes = layout.shapes(project.spec)
    return {name: value.shape for name, value in project.parameters.items()} == shapes


def test_it_opens_with_the_movie_review_trained(document):
    project = document.project
    assert project.scenario == "movie-review"
    assert project.weights == "trained"
    assert "%" in project.score
    assert project.sources == (tasks.get("movie-review").example,)
    assert fits(project)


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("id", tasks.ids())
def test_every_scenario_opens_in_every_cell(qapp, id, cell):
    project = opened(id, cell)
    assert (project.scenario, project.spec.cell) == (id, cell)
    assert project.spec.pattern == tasks.get(id).pattern
    assert fits(project)


def test_arrays_cannot_be_written(document):
    with pytest.raises(ValueError, match="read-only"):
        document.project.parameters["output.bias"][0] = 1.0
    with pytest.raises(TypeError):
        document.project.parameters["output.bias"] = np.zeros(3)


def test_an_edit_tells_new_and_old_and_can_be_undone(document):
    heard = []
    document.project_changed.connect(lambda new, old: heard.append((new, old)))
    before = document.project
    document.edit("change of the target", targets=("positive",))
    assert heard == [(document.project, before)]
    assert document.undo_stack.undoText() == "change of the target"
    document.undo_stack.undo()
    assert document.project is before
    document.undo_stack.redo()
    assert document.project.targets == ("positive",)


def test_a_changed_size_makes_fresh_weights_and_undo_brings_the_trained_ones_back(document):
    before = document.project
    document.set_field("hidden_size", 7)
    assert document.project.weights == "fresh"
    assert document.project.score == ""
    assert document.project.spec.hidden_size == 7
    assert fits(document.project)
    assert document.undo_stack.undoText() == "change of hidden size"
    document.undo_stack.undo()
    assert document.project is before
    assert document.project.weights == "trained"


def test_setting_a_size_back_brings_the_shipped_weights_back(document):
    size = document.project.spec.hidden_size
    document.set_field("hidden_size", size + 1)
    document.set_field("hidden_size", size)
    assert document.project.weights == "trained"


def test_a_wrong_value_changes_nothing(document):
    before = document.project
    with pytest.raises(SpecError, match="hidden_size"):
        document.set_field("hidden_size", 0)
    assert document.project is before
    assert not document.undo_stack.canUndo()


def test_the_same_value_is_no_undo_step(document):
    document.set_field("hidden_size", document.project.spec.hidden_size)
    assert not document.undo_stack.canUndo()


@pytest.mark.parametrize(("field", "value"), [("dtype", "float32"), ("loss", "mse")])
def test_arithmetic_and_loss_keep_the_weights(document, field, value):
    document.set_field(field, value)
    assert document.project.weights == "trained"
    assert fits(document.project)
    assert all(array.dtype == document.project.spec.dtype for array in document.project.parameters.values())


def test_without_biases_there_is_no_forget_bias(document):
    document.set_field("forget_bias", 1.0)
    document.set_field("bias", False)
    assert document.project.spec.forget_bias is None
    assert fits(document.project)


@pytest.mark.parametrize("cell", cells.names())
def test_switching_the_cell_compares_shipped_networks(document, cell):
    document.set_cell(cell)
    shipped = document.task.weights(cell)
    assert document.project.spec == document.task.spec(cell)
    assert (document.project.weights == "trained") == (shipped is not None)


def test_another_size_stays_when_the_cell_is_switched(document):
    document.set_field("hidden_size", 7)
    document.set_field("forget_bias", 1.0)
    document.set_cell("gru")
    assert document.project.spec.hidden_size == 7
    assert document.project.spec.forget_bias is None
    assert document.project.weights == "fresh"


def test_an_unknown_cell_is_refused(document):
    with pytest.raises((SpecError, KeyError), match="lstn"):
        document.set_cell("lstn")
    assert document.project.spec.cell == "lstm"


@pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.id)
def test_a_pattern_opens_its_scenario(document, task):
    document.set_pattern(task.pattern)
    assert document.task.pattern == task.pattern
    assert document.project.spec.cell == "lstm"


@pytest.fixture
def imported():
    spec = ModelSpec(pattern="many-to-many", cell="rnn", input_size=3, hidden_size=4, output_size=2)
    project = opened("tagging", "rnn")
    task = Imported("net.pt", spec, Network(spec).parameters, labels=("no", "yes"))
    parameters = task.weights("rnn")[0]
    changes = {"task": task, "spec": spec, "parameters": parameters, "weights": GIVEN}
    return Document(project=project.but(**changes, sources=(task.example,), targets=(None,)))


def test_a_network_of_a_file_stays_what_it_is_under_another_pattern(imported):
    before = imported.project
    imported.set_pattern("many-to-one")
    project = imported.project
    assert project.spec == before.spec.but(pattern="many-to-one") and project.weights == GIVEN
    assert project.task.title == "net.pt" and project.task.output_labels == ("no", "yes")
    assert all(project.parameters[name] is value for name, value in before.parameters.items())
    assert len(project.sources[0]) == 12
    imported.set_pattern("one-to-one")
    assert len(imported.project.sources[0]) == 1
    with pytest.raises(ValueError, match=r"net\.pt: its weights are those of one-to-one, and one-to-many has others"):
        imported.set_pattern("one-to-many")
    imported.undo()
    imported.undo()
    assert imported.project is before


def test_weights_of_a_file_are_kept_under_another_nonlinearity(imported):
    before = imported.project
    imported.set_field("nonlinearity", "relu")
    assert imported.project.spec.nonlinearity == "relu" and imported.project.weights == GIVEN
    imported.set_cell("gru")
    assert imported.project.weights == "fresh"
    imported.set_cell("rnn")
    assert imported.project.weights == GIVEN
    name = "weight_hh_l0"
    assert np.array_equal(imported.project.parameters[name], before.parameters[name])


def test_a_scenario_switch_is_undone(document):
    before = document.project
    document.open_scenario("tagging")
    assert document.project.scenario == "tagging"
    assert "parts of speech" in document.undo_stack.undoText()
    document.undo_stack.undo()
    assert document.project is before


def test_reseeding_initialises_anew(document):
    document.reseed()
    first = document.project
    assert first.weights == "fresh"
    document.reseed()
    name = "weight_hh_l0"
    assert not np.array_equal(first.parameters[name], document.project.parameters[name])


def test_typing_on_is_one_step_and_a_pause_begins_another(document, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(documents.time, "monotonic", lambda: now[0])
    for text in ("I", "I l", "I like it"):
        document.set_source(0, text)
        now[0] += 0.3
    assert document.undo_stack.count() == 1
    now[0] += 60
    document.set_source(0, "I like it not")
    assert document.undo_stack.count() == 2
    document.undo_stack.undo()
    assert document.project.sources == ("I like it",)
    document.undo_stack.undo()
    assert document.project.sources == ("I do not like this movie",)


def test_initial_states_go_when_they_no_longer_fit(document):
    H = document.project.spec.hidden_size
    document.edit("initial state", initial={"h_0": np.ones((1, H))}, arriving={"h_n_grad": np.ones((1, H))})
    document.set_field("dtype", "float32")
    assert "h_0" in document.project.initial and "h_n_grad" in document.project.arriving
    document.set_field("hidden_size", H + 1)
    assert not document.project.initial and not document.project.arriving


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"weights": "good"}, "weights"),
        ({"targets": ()}, "targets"),
        ({"sequence": 3}, "sequence"),
        ({"sources": ()}, "sources"),
    ],
)
def test_an_impossible_project_is_refused(document, wrong, words):
    with pytest.raises(ValueError, match=words):
        document.project.but(**wrong)


def test_an_unknown_scenario_is_named(qapp):
    with pytest.raises(KeyError, match="movie-review"):
        opened("cinema")


@pytest.mark.parametrize(("field", "value"), [("hidden_size", 40_000), ("num_layers", 101), ("num_layers", 10**6)])
def test_what_would_be_too_large_is_refused_before_it_is_drawn(document, monkeypatch, field, value):
    before = document.project
    monkeypatch.setattr(documents.drawing, "drawn", None)
    with pytest.raises(SpecError, match=f"{field}={value} .*at most") as raised:
        document.set_field(field, value)
    assert (raised.value.field, raised.value.value) == (field, value)
    assert document.project is before and not document.undo_stack.count()


def test_a_cell_that_would_be_too_large_is_refused(document, monkeypatch):
    document.set_cell("rnn")
    before = document.project
    monkeypatch.setattr(documents.limits, "MOST_PARAMETERS", documents.limits.size(before.spec))
    with pytest.raises(SpecError, match=r"cell='lstm' .*at most .* parameters; this would make"):
        document.set_cell("lstm")
    with pytest.raises(SpecError, match="cell='lstm'"):
        document.set_field("cell", "lstm")
    assert document.project is before


def test_the_oldest_steps_go_where_the_history_takes_too_much_memory(document, monkeypatch):
    one = sum(documents.limits.held(document.project).values())
    monkeypatch.setattr(documents.limits, "MOST_BYTES", 5 * one)
    for _ in range(8):
        document.reseed()
    stack, newest = document.undo_stack, document.project
    assert stack.count() == 4 and stack.index() == 4  # five sets of parameters
    heard = []
    document.project_changed.connect(lambda new, old: heard.append(new.spec.seed))
    for _ in range(4):
        stack.undo()
    assert heard == [newest.spec.seed - k for k in range(1, 5)]
    assert not stack.canUndo()
    for _ in range(4):
        stack.redo()
    assert document.project is newest


def test_what_projects_share_counts_once(document, monkeypatch):
    one = sum(documents.limits.held(document.project).values())
    monkeypatch.setattr(documents.limits, "MOST_BYTES", one)
    for k in range(12):
        document.edit("change", sources=(f"I like it {k}",))
    assert document.undo_stack.count() == 12


def test_one_step_is_always_kept_and_steps_still_merge(document, monkeypatch):
    monkeypatch.setattr(documents.limits, "MOST_BYTES", 1)
    document.reseed()
    for k in range(3):
        document.edit("change", merge="gesture 1", sources=(f"I like it {k}",))
    assert document.undo_stack.count() == 1
    document.undo_stack.undo()
    assert document.project.sources == (tasks.get("movie-review").example,)
