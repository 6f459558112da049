"""The Build panel: every field of the spec, live; what is wrong is said and changes nothing."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from engine import ModelSpec, layout, tasks
from engine.registry import cells
from gui.frames import spectrum
from gui.messages import Progress
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.project import FRESH, TRAINED
from gui.state.training import TrainingState
from gui.views.build import BuildView


@pytest.fixture
def build(qtbot, show):
    made = []

    def opening(scenario="movie-review", cell="lstm"):
        state = AppState(project=opened(scenario, cell))
        made.append(state)
        view = show(BuildView(state))
        view.state = state
        qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
        return view

    yield opening
    for state in made:
        state.close()


def spec_of(view):
    return view.state.document.project.spec


def type_into(qtbot, field, text):
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def choose(choice, id):
    choice.setCurrentIndex(choice.findData(id))
    choice.activated.emit(choice.currentIndex())


def test_every_field_of_the_spec_has_an_editor(build):
    view = build()
    elsewhere = {"pattern": view.patterns, "cell": None, "seed": view.seed, "spectral_radius": view.radius}
    for field in fields(ModelSpec):
        assert field.name in view.layers.rows or field.name in view.start.rows or field.name in elsewhere, field.name


@pytest.mark.parametrize("scenario", tasks.ids())
@pytest.mark.parametrize("cell", cells.names())
def test_what_does_not_belong_is_not_shown(build, scenario, cell):
    view = build(scenario, cell)
    spec = spec_of(view)
    rows = {**view.layers.rows, **view.start.rows}
    shown = {name: row.isVisible() for name, row in rows.items()}
    assert shown["embedding_size"] == shown["vocab_size"] == spec.has_embedding
    assert shown["nonlinearity"] == (cell == "rnn")
    assert shown["forget_bias"] == bool(cells[cell].forget_gate)
    assert shown["teacher_forcing"] == spec.has_feedback
    assert view.patterns.current() == spec.pattern


def test_sizes_rebuild_at_once_and_undo_brings_the_trained_ones_back(build, qtbot):
    view = build()
    trained = view.state.document.project.weights
    type_into(qtbot, view.layers.hidden, "24")
    assert spec_of(view).hidden_size == 24
    assert view.state.document.project.weights == FRESH
    assert "Fresh weights from seed 0" in view.weights.text.text()
    assert view.weights.train_button.isVisible()
    assert ("weight_hh_l0", "(96, 24)", "2304") in view.table.rows()
    view.weights.undo_button.click()
    assert spec_of(view).hidden_size == 16
    assert view.state.document.project.weights == trained
    assert view.layers.hidden.value() == 16


@pytest.mark.parametrize("text", ["0", "-3"])
def test_what_the_spec_refuses_is_said_below_the_field(build, qtbot, text):
    view = build()
    before = view.state.document.project
    type_into(qtbot, view.layers.hidden, text)
    assert view.state.document.project is before
    assert view.layers.hidden.value() == 16
    assert "must be a whole number from 1" in view.layers.rows["hidden_size"].note()
    type_into(qtbot, view.layers.hidden, "17")
    assert view.layers.rows["hidden_size"].note() == ""


@pytest.mark.parametrize(("text", "said"), [("999999999999", "999999999999"), ("9" * 60, "9" * 20 + "…")])
def test_a_number_beyond_all_fields_is_refused_with_the_real_limits(build, qtbot, text, said):
    view = build()
    type_into(qtbot, view.layers.hidden, "40000")
    type_into(qtbot, view.layers.hidden, text)
    row = view.layers.rows["hidden_size"]
    assert row.note() == f"{said} is not possible: it must be a whole number from 1 to 1,000,000"
    assert view.layers.hidden.value() == 16
    qtbot.keyClicks(view.layers.hidden, "x")
    assert row.note() == ""


def test_a_seed_may_be_large(build, qtbot):
    view = build()
    type_into(qtbot, view.seed.field, str(2**40))
    assert spec_of(view).seed == 2**40


def test_what_would_be_too_large_is_refused_with_the_number(build, qtbot):
    view = build()
    type_into(qtbot, view.layers.hidden, "40000")
    assert "parameters; this would make" in view.layers.rows["hidden_size"].note()
    assert spec_of(view).hidden_size == 16


def test_switches_and_words(build, qtbot):
    view = build(cell="rnn")
    view.layers.both.click()
    assert spec_of(view).bidirectional
    view.layers.bias.click()
    assert not spec_of(view).bias
    choose(view.layers.nonlinearity, "relu")
    choose(view.layers.loss, "mse")
    choose(view.layers.dtype, "float32")
    choose(view.start.init, "xavier")
    spec = spec_of(view)
    assert (spec.nonlinearity, spec.loss, spec.dtype, spec.init) == ("relu", "mse", "float32", "xavier")
    assert view.layers.head.text() == "identity"


def test_forget_bias_may_be_left_open(build, qtbot):
    view = build()
    view.start.forget.box.click()
    assert spec_of(view).forget_bias == 1.0
    type_into(qtbot, view.start.forget.field, "2.5")
    assert spec_of(view).forget_bias == 2.5
    view.start.forget.box.click()
    assert spec_of(view).forget_bias is None
    view.layers.bias.click()
    assert not view.start.rows["forget_bias"].isVisible()


def test_a_direction_that_cannot_be_says_why(build):
    view = build("caption", "gru")
    assert not view.layers.both.isEnabled()
    assert "one-to-many" in view.layers.both.toolTip()


def test_feedback_is_chosen(build):
    view = build("translation", "gru")
    choose(view.layers.feedback, "")
    assert not view.state.document.project.teacher_forcing
    assert view.layers.feedback.current() == ""


def test_seed_by_number_and_by_dice(build, qtbot):
    view = build()
    type_into(qtbot, view.seed.field, "7")
    assert spec_of(view).seed == 7
    view.seed.dice.click()
    assert spec_of(view).seed == 8
    assert view.seed.field.value() == 8
    type_into(qtbot, view.seed.field, "-1")
    assert spec_of(view).seed == 8
    assert "seed" in view.seed.note() or "must be" in view.seed.note()


def test_spectral_radius_is_the_weights_own_and_sets_it(build, qtbot):
    view = build(cell="gru")
    project = view.state.document.project
    largest = max(block.radius for block in spectrum.blocks(project.spec, project.parameters))
    assert view.radius.field.value() == pytest.approx(largest, rel=5e-3)
    assert not view.radius.free.isVisible()
    type_into(qtbot, view.radius.field, "0.5")
    project = view.state.document.project
    assert project.spec.spectral_radius == 0.5
    assert all(b.radius == pytest.approx(0.5) for b in spectrum.blocks(project.spec, project.parameters))
    view.radius.slider.setValue(400)
    assert spec_of(view).spectral_radius == pytest.approx(view.radius.slider.number(), abs=2e-3)
    view.radius.free.click()
    assert spec_of(view).spectral_radius is None
    type_into(qtbot, view.radius.field, "-1")
    assert "must be" in view.radius.row.note()


def test_a_dragged_slider_is_one_undo_step(build):
    view = build(cell="rnn")
    steps = view.state.document.undo_stack.count()
    for value in (300, 310, 320):
        view.radius.slider.setValue(value)
    assert view.state.document.undo_stack.count() == steps + 1


@pytest.mark.qt_log_ignore("raise", extend=True)
def test_initial_state_zeros_drawn_and_typed(build):
    view = build()
    row = view.initial
    choose(row.choice, "random")
    initial = view.state.document.project.initial
    assert set(initial) == {"h_0", "c_0"}
    assert initial["h_0"].shape == (1, 16)
    assert row.kind() == "random"
    row.pencil.click()
    editor = row.dialog()
    editor.tables["c_0"].item(0, 3).setText("−0,5")
    assert view.state.document.project.initial["c_0"][0, 3] == -0.5
    assert row.kind() == "typed"
    editor.tables["c_0"].item(0, 3).setText("many")
    assert editor.problem.isVisible()
    assert view.state.document.project.initial["c_0"][0, 3] == -0.5
    assert editor.tables["c_0"].item(0, 3).text() == "−0.500"
    choose(row.choice, "zeros")
    assert not view.state.document.project.initial
    row.close_editor()


def test_the_run_starts_from_the_initial_state(build, qtbot):
    view = build()
    choose(view.initial.choice, "random")
    qtbot.waitUntil(lambda: not view.state.session.running, timeout=20_000)
    trace, initial = view.state.session.trace, view.state.document.project.initial
    assert np.array_equal(trace.starts_from("l0.h")[0], initial["h_0"][0])


def test_patterns_open_their_scenario(build):
    view = build()
    view.patterns.tile("many-to-many").click()
    assert view.state.document.project.scenario == "tagging"
    assert view.layers.both.isChecked()
    view.state.document.undo_stack.undo()
    assert view.patterns.current() == "many-to-one"


def test_shapes_and_their_sum(build):
    view = build()
    shapes = layout.shapes(spec_of(view))
    assert [row[0] for row in view.table.rows()] == list(shapes)
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    assert view.shapes.note().replace("\u202f", "") == f"{total} parameters"
    assert view._sharing() == "shared by all 7 steps"


def test_shared_by_the_steps_of_each_part(build):
    assert build("translation", "gru")._sharing().startswith("shared by all 6 + ")


def test_training_is_shown_with_a_way_out(build):
    view = build()
    document = view.state.document
    view.weights.show_weights(document.project, TrainingState(2, 10, 50, 200), True)
    assert view.weights.text.text().startswith("Training: 25")
    assert "epoch 3 of 10" in view.weights.text.text()
    assert view.weights.cancel_button.isVisible()
    assert not view.weights.train_button.isVisible()
    banner = Progress()
    banner.follow(TrainingState(2, 10, 50, 200, 0.5))
    assert "epoch 3 of 10" in banner.text()
    view.weights.show_weights(document.project, None, True)
    if document.project.weights == TRAINED:
        assert view.weights.text.text() == f"Trained · {document.project.score}"


@pytest.mark.parametrize("zoom", [0.8, 1.0, 2.0])
def test_no_row_is_wider_than_the_panel(build, dressed, qtbot, zoom):
    dressed.zoom = zoom
    view = build("translation", "lstm")
    view.resize(round(252 * zoom), 900)
    qtbot.wait(1)
    rows = [row for group in (view.layers, view.start) for row in group.rows.values() if row.isVisible()]
    assert all(row.minimumSizeHint().width() <= view.width() - 26 * zoom for row in rows)


def test_what_is_given_keeps_the_font_of_numbers_through_themes_and_zooms(show, dressed, qtbot):
    state = AppState()
    view = show(BuildView(state))
    qtbot.waitUntil(lambda: not state.session.running)
    head = view.layers.head
    size = head.font().pixelSize()
    for theme in ("dark", "light", "high-contrast", "light"):
        dressed.choose(theme)
        QApplication.processEvents()
        assert head.font().families()[0] == "JetBrains Mono" and head.font().pixelSize() == size
    dressed.zoom = 1.5
    QApplication.processEvents()
    assert head.font().families()[0] == "JetBrains Mono" and head.font().pixelSize() > size
    state.close()
