"""A project as a file and back: every field, for every scenario and cell; and what a wrong file is told."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from engine import ModelSpec, Network, projects, tasks
from engine.interop.imported import Imported
from engine.projects import ProjectError
from engine.registry import cells
from gui.state import storing
from gui.state.cursor import OPERATION
from gui.state.document import Document, opened
from gui.state.glance import Glance, glance
from gui.state.project import EDITED, FRESH, GIVEN, Project
from gui.state.selection import Selected
from gui.state.session import compute
from gui.state.storing import View

LOOK = View(
    7, OPERATION, Selected("l0", 2, 3, "c", True), {"dock.build": False, "dock.cell": True}, ("dock.cell",),
    ("tokens", "state:l0"), {"norm": 130.0}, True,
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.loopscope"


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if hasattr(a, "items"):
        return list(a) == list(b) and all(same(value, b[name]) for name, value in a.items())
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def assert_same(a: Project, b: Project):
    different = [
        f.name for f in fields(Project) if f.name != "task" and not same(getattr(a, f.name), getattr(b, f.name))
    ]
    assert not different
    arrays = [array for kind in (b.parameters, b.reference, b.initial, b.arriving) for array in kind.values()]
    assert not any(array.flags.writeable for array in arrays)


def round_trip(path, project, view=LOOK):
    digest = storing.write(path, project, view)
    found = storing.read(path)
    assert_same(project, found.project)
    assert (found.view, found.digest, found.path, found.origin) == (view, digest, path, None)
    assert projects.pack(found.project, *storing.contents(found.project, found.view)) == path.read_bytes()
    return found.project


@pytest.mark.parametrize("cell", cells.names())
@pytest.mark.parametrize("id", [*tasks.ids(), *tasks.experiments.names()])
def test_every_scenario_in_every_cell(path, id, cell):
    project = opened(id, cell)
    assert round_trip(path, project).task is project.task


def test_every_field(path):
    """The values are none that a scenario opens with, so that a field that is forgotten shows."""
    project = opened("translation", "lstm")
    H, rng = project.spec.hidden_size, np.random.default_rng(0)
    parameters = dict(project.parameters)
    name = next(iter(parameters))
    parameters[name] = parameters[name].copy()
    parameters[name][0, :3] = (np.nan, -0.0, np.inf)
    changed = project.but(
        spec=project.spec.but(seed=5), parameters=parameters, weights=EDITED, score="pairs: 7 %",
        sources=(*project.sources, "half \ud83d of a sign", ""), targets=(None, "x y", None), sequence=1,
        engine="torch", device="cuda:1", teacher_forcing=False, reference=project.parameters,
        initial={"h_0": rng.normal(size=(1, H)), "c_0": rng.normal(size=(1, 3, H))},
        arriving={"h_n_grad": rng.normal(size=(1, 1, H)).astype("float32")}, notes="∂L/∂h\nlines",
    )  # fmt: skip
    plain = opened("movie-review")
    same_as_at_first = [f.name for f in fields(Project) if same(getattr(plain, f.name), getattr(changed, f.name))]
    assert not same_as_at_first
    found = round_trip(path, changed)
    assert all(found.reference[n] is found.parameters[n] for n in parameters if n != name)


@pytest.mark.parametrize("array", [np.eye(10), np.eye(10, dtype=np.uint8), np.zeros((0, 4)), np.ones((3, 2), ">f4")])
def test_drawn_inputs_and_given_targets(path, array):
    project = opened("glyph")
    storing.write(path, project.but(sources=(array,)), View())
    np.testing.assert_array_equal(storing.read(path).project.sources[0], array)
    spec = ModelSpec(pattern="many-to-one", cell="gru", input_size=4, hidden_size=3, output_size=4, loss="mse")
    task = Imported("net.pt", spec, Network(spec).parameters)
    numbers = project.but(task=task, spec=spec, parameters=task.weights("gru")[0], weights=GIVEN, reference={})
    storing.write(path, numbers.but(sources=(task.example,), targets=(array,)), View())
    np.testing.assert_array_equal(storing.read(path).project.targets[0], array)


def test_a_target_of_another_kind_is_refused(path):
    storing.write(path, opened("glyph").but(targets=(np.zeros(3),)), View())
    with pytest.raises(ProjectError, match=r"targets\[0\] is an array; the scenario glyph compares with classes"):
        storing.read(path)


def test_edits_of_a_document(path, qapp):
    document = Document()
    document.set_field("hidden_size", 5)
    document.set_field("num_layers", 2)
    document.set_field("dtype", "float32")
    document.set_source(0, "not bad at all", "positive")
    round_trip(path, document.project)
    document.close()


def imported(cell="gru", **choices):
    shipped = opened("movie-review", cell)
    return Imported("net.pt", shipped.spec, shipped.parameters, source="from net.pt", **choices)


def test_an_imported_network(path):
    task = imported(labels=("bad", "good", "so-so"), example="5 7 9")
    own = task.weights("gru")[0]
    project = Project(task, task.spec("gru"), own, "given", "", ("1 2 3",), (None,), 0, "numpy", "cpu")
    plain = path.with_name("plain.loopscope")
    found = round_trip(plain, project).task
    assert (found.facts(), found.example, found.spec("gru")) == (task.facts(), "5 7 9", project.spec)
    edited = {name: value + (name == "output.bias") for name, value in own.items()}
    back = round_trip(path, project.but(parameters=edited, weights=EDITED, reference=own))
    assert same(back.task.weights("gru")[0], {name: own[name] for name in back.task.weights("gru")[0]})
    assert path.stat().st_size < plain.stat().st_size + 4 * own["output.bias"].nbytes + 4000  # shared ones once


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_imported_network_that_was_built_anew(path, qapp, cell, dtype):
    task = imported(example="5 7 9")
    own = task.weights("gru")[0]
    document = Document(project=Project(task, task.spec("gru"), own, GIVEN, "", ("1",), (None,), 0, "numpy", "cpu"))
    document.set_cell(cell)
    document.set_field("dtype", dtype)
    document.set_field("num_layers", 2)
    round_trip(path, document.project)
    document.undo()
    back = round_trip(path, document.project)
    assert same(back.task.weights("gru")[0], {name: own[name] for name in back.task.weights("gru")[0]})
    assert compute(back).trace.loss == compute(document.project).trace.loss
    document.close()


# What a wrong file is told --------------------------------------------------------------------------------------


def rewritten(path, change, arrays=None, project=None):
    project = project or opened("movie-review")
    storing.write(path, project, LOOK)
    saved = projects.load(path)
    facts = json.loads(json.dumps(saved.facts))
    change(facts)
    projects.save(path, project, arrays={**saved.arrays, **(arrays or {})}, facts=facts)


WRONG = [
    (lambda f: f.pop("task"), "task is missing", "object"),
    (lambda f: f.update(task={"id": "cinema"}), "task.id is 'cinema'", "movie-review"),
    (lambda f: f.update(task={"id": ["a"]}), "task.id is ['a']", "movie-review"),
    (lambda f: f.update(task={"id": "glyph"}), "spec.pattern is 'many-to-one'", "glyph needs"),
    (lambda f: f.update(task={"imported": {}, "spec": {}, "example": ""}), "task.spec", "pattern"),
    (lambda f: f.update(weights="stolen"), "weights is 'stolen'", "trained"),
    (lambda f: f.update(score=None), "score is null", "a text"),
    (lambda f: f.update(sources=[]), "sources is []", "at least one"),
    (lambda f: f.update(sources=[3]), "sources[0] is 3", "a text"),
    (lambda f: f.update(targets=[{"array": ["y" * 999]}]), "targets[0] is {'array'", "target/0"),
    (lambda f: f.update(sources=[{"array": "source/0"}]), "sources[0] is the array source/0", "not there"),
    (lambda f: f.update(sources=[{"array": "parameter/x"}]), "sources[0] is {'array'", "source/0"),
    (lambda f: f.update(targets=[]), "targets is []", "each of the 1 sources"),
    (lambda f: f.update(targets=[4]), "targets[0] is 4", "a text"),
    (lambda f: f.update(sequence=1), "sequence is 1", "from 0 to 0"),
    (lambda f: f.update(sequence=True), "sequence is True", "whole number"),
    (lambda f: f.update(engine="jax"), "engine is 'jax'", "numpy"),
    (lambda f: f.update(device="cpu; rm"), "device is 'cpu; rm'", "cuda:1"),
    (lambda f: f.update(teacher_forcing=1), "teacher_forcing is 1", "true or false"),
    (lambda f: f.update(notes=7), "notes is 7", "a text"),
    (lambda f: f.update(extra=7), "extra is no field", "there are task"),
    (lambda f: f["view"].update(index=-1), "view.index is -1", "from 0"),
    (lambda f: f["view"].update(granularity="x" * 500), "view.granularity is 'xxx", "token, operation"),
    (lambda f: f["view"].update(tracks="norm"), "view.tracks is 'norm'", "list of texts"),
    (lambda f: f["view"].update(heights={"a": -1}), "view.heights is {'a': -1}", "numbers above 0"),
    (lambda f: f["view"].update(panels={"a": 1}), "view.panels", "true and false"),
    (lambda f: f["view"]["selected"].update(unit=-2), "view.selected.unit is -2", "from 0"),
    (lambda f: f["view"].update(selected=[]), "view.selected is []", "an object"),
    (lambda f: f.update(view=None), "view is null", "an object"),
]


@pytest.mark.parametrize(("change", "said", "right"), WRONG)
def test_a_wrong_fact_is_named_with_what_would_be_right(path, change, said, right):
    rewritten(path, change)
    with pytest.raises(ProjectError) as error:
        storing.read(path)
    message = str(error.value)
    assert message.startswith("a.loopscope: ") and said in message and right in message
    assert "\n" not in message and len(message) < 400


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"initial/h_0": np.zeros((1, 99))}, "initial/h_0"),
        ({"initial/h_0": np.zeros((1, 16), int)}, "initial/h_0"),
        ({"initial/c_0": np.zeros((1, 16))}, "initial/c_0"),
        ({"reference/output.bias": np.zeros(3)}, "weights"),
        ({"reference/output.bias": np.zeros(77)}, "reference/output.bias"),
        ({"task/output.bias": np.zeros(2)}, "task/output.bias"),
        ({"strange": np.zeros(2)}, "strange"),
    ],
)
def test_a_foreign_array_is_named(path, arrays, said):
    rewritten(path, lambda facts: None, arrays, opened("movie-review", "gru"))
    with pytest.raises(ProjectError, match=rf"^a\.loopscope: .*{said}"):
        storing.read(path)


@pytest.mark.parametrize("facts", [{"imported": 3}, {"imported": {"title": 5}}, {"example": 5}, {"spec": {"a": 1}}])
def test_a_wrong_imported_network_is_named(path, facts):
    task = imported()
    project = Project(task, task.spec("gru"), task.weights("gru")[0], "given", "", ("1",), (None,), 0, "numpy", "cpu")
    rewritten(path, lambda f: f["task"].update(facts), project=project)
    with pytest.raises(ProjectError, match=r"^a\.loopscope: "):
        storing.read(path)


def test_a_text_and_an_array_that_have_changed_places_are_named(path):
    rewritten(path, lambda facts: facts.update(sources=["a"]), project=opened("glyph"))
    with pytest.raises(ProjectError, match=r"sources\[0\] is a text; the scenario glyph reads an array"):
        storing.read(path)
    rewritten(path, lambda facts: facts.update(sources=[{"array": "source/0"}]), {"source/0": np.zeros(3)})
    with pytest.raises(ProjectError, match=r"sources\[0\] is an array; the scenario movie-review reads a text"):
        storing.read(path)


def test_a_file_that_is_none(path, tmp_path):
    for wrong, what in ((tmp_path, "folder"), (tmp_path / "none", "No such file"), (path, "empty")):
        if wrong == path:
            path.touch()
        with pytest.raises(ProjectError, match=what):
            storing.read(wrong)


def test_what_has_changed_on_disk_is_not_written_over(path):
    project = opened()
    known = storing.write(path, project, View())
    path.write_bytes(b"of another program")
    with pytest.raises(storing.ChangedOnDisk):
        storing.write(path, project, View(), known)
    assert path.read_bytes() == b"of another program"
    path.unlink()
    assert storing.write(path, project, View(), known) == known


def test_a_link_is_followed(path, tmp_path):
    path.write_bytes(b"")
    link = tmp_path / "link.loopscope"
    link.symlink_to(path)
    storing.write(link, opened(), View())
    assert link.is_symlink() and storing.read(path).project.scenario == "movie-review"


def test_a_glance_says_what_a_file_is_of(path):
    project = opened("movie-review", "lstm").but(sources=("a", "it was good"), targets=(None, None), sequence=1)
    storing.write(path, project, View(), origin=storing.Origin(Path("/there/mine.loopscope"), "0"))
    assert glance(path) == Glance(project.task.title, "mine.loopscope", "it was good")
    storing.write(path, opened("glyph", "gru"), View())
    assert glance(path) == Glance(opened("glyph").task.title, "", "")
    data = bytearray(path.read_bytes())
    for wrong in (b"", b"half", bytes(data[: len(data) // 2]), bytes(data).replace(b'"sources"', b'"sourcez"')):
        path.write_bytes(wrong)
        assert glance(path) is None


def test_what_no_window_could_show_is_refused(path):
    project = opened("movie-review", "rnn")
    spec = project.spec.but(num_layers=101, hidden_size=1)
    deep = project.but(spec=spec, parameters=Network(spec).parameters, weights=FRESH, reference={})
    storing.write(path, deep, View())
    with pytest.raises(ProjectError, match=r"a\.loopscope: has 101 layers; at most 100 can be shown"):
        storing.read(path)
    storing.write(path, project.but(score="x" * 401), View())
    with pytest.raises(ProjectError, match=r"score is 'xxx.*; it must be a text of at most 400 letters"):
        storing.read(path)
