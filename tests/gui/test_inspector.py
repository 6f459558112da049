"""The inspector: follows the playhead, keeps to a selection, and says what the frames say."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from engine.registry import cells
from gui.frames.equation import Piece
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.state.selection import Selected
from gui.views._blocks import Blocks
from gui.views._blocks_picture import means
from gui.views.inspector import InspectorView
from gui.widgets.math_line import MathLine, Run, sign
from gui.widgets.number_lines import NumberLines
from gui.widgets.plane import ComplexPlane


@pytest.fixture
def inspector(qtbot, show):
    made = []

    def opening(scenario="movie-review", cell="rnn"):
        state = AppState(project=opened(scenario, cell))
        made.append(state)
        qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
        view = show(InspectorView(state))
        view.resize(336, 900)
        view.state = state
        state.cursor.changed.connect(view.catch_up)
        return view

    yield opening
    for state in made:
        state.close()


def test_follows_the_playhead(inspector):
    view = inspector()
    assert view.heading.text() == "Step 1 · “<s>”"
    assert view.step_card.sums.texts() == ["Not reached yet"]
    view.state.cursor.go(5)
    assert view.heading.text() == "Step 5 · “like”"
    assert view.note.text() == "unit 1 of 16"
    assert view.step_card.line.accessibleName().startswith("h_5 = tanh ( W_ih x_5")
    assert view.step_card.sums.texts()[1].startswith("h₅[1] = tanh(")
    assert not view.follow.isVisible()


def test_a_selection_stays_and_lets_go(inspector):
    view = inspector()
    view.state.cursor.go(9)
    view.state.selection.select("l0", 3, 6)
    view.state.cursor.go(11)
    assert view.heading.text() == "Step 4 · “not”"
    assert view.note.text() == "unit 7 of 16"
    assert view.follow.isVisible()
    view.follow.click()
    assert view.heading.text() == "Step 5 · “like”"
    assert view.note.text() == "unit 7 of 16"


def test_gradient_is_told_step_by_step(inspector):
    view = inspector()
    view.state.selection.select("l0", 4, 0)
    view.state.cursor.go(9)
    assert view.gradient_card.numbers.texts() == ["‖∂L/∂h₅‖ not reached yet"]
    view.state.cursor.go(10)
    assert view.gradient_card.numbers.texts()[0].endswith("→ not reached yet")
    view.state.cursor.go(11)
    first, unit, jacobian = view.gradient_card.numbers.texts()  # all of it travelled: the norm is said once
    assert first.startswith("‖∂L/∂h₆‖ ")
    assert "×" in first
    assert unit.startswith("∂L/∂h₅[1] = ")
    assert jacobian.startswith("σ_max(J₆) ")
    assert view.gradient_card.jacobian.accessibleName() == "J_6 = diag ( 1 − h_6^2 ) W_hh"


def test_gradient_says_what_does_not_come_through_time(inspector, qtbot):
    view = inspector("translation", "gru")
    view.state.document.set_field("num_layers", 2)
    qtbot.waitUntil(lambda: not view.state.session.running, timeout=20_000)
    view.state.cursor.last()
    card = view.gradient_card
    for prefix, step, equation, word in (
        ("encoder.l1", 2, "J_4^⊤ ∂ L / ∂ h_4", ""),
        ("encoder.l0", 2, "J_4^⊤ ∂ L / ∂ h_4 + (layer above)", "layer above "),
        ("encoder.l1", 5, "(decoder)", ""),
        ("encoder.l0", 5, "(decoder) + (layer above)", "layer above "),
        ("decoder.l1", 1, "J_3^⊤ ∂ L / ∂ h_3 + ∂ L_2 / ∂ h_2", "own output "),
    ):
        view.state.selection.select(prefix, step, 0)
        assert card.line.accessibleName() == f"∂ L / ∂ h_{step + 1} = {equation}"
        assert card.numbers.texts()[1].startswith(word or "∂L/∂h")
        assert card.numbers.texts()[0].startswith("decoder ‖∂L/∂h₁‖ " if "decoder" in equation else "‖∂L/∂h")


def test_the_output_of_a_step_that_has_one(inspector):
    view = inspector()
    assert not view.output_card.isVisible()
    view.state.cursor.go(8)
    assert view.output_card.isVisible()
    assert [bar.label for bar in view.output_card.bars.bars()] == ["negative", "neutral", "positive"]
    assert view.output_card.numbers.texts()[0].startswith("target negative · ℓ = ")
    assert view.output_title.note() == "softmax"


def test_many_classes_are_listed_from_the_likeliest_on(inspector):
    view = inspector("tagging")
    view.state.cursor.last()
    view.state.selection.select("output", 4)
    shares = [bar.share for bar in view.output_card.bars.bars()]
    assert len(shares) == view.state.document.project.spec.output_size > 5
    assert shares == sorted(shares, reverse=True)


def test_a_selected_output_stands_first(inspector):
    view = inspector("translation", "gru")
    view.state.cursor.last()
    view.state.selection.set(Selected("output", 1, None, "y"))
    column = view._column
    assert view.heading.text().startswith("Decoder step 2 · ")
    assert column.indexOf(view.output_card) < column.indexOf(view.step_card)
    card = view.output_card
    few = len(card.bars.bars())
    card.all.click()
    assert len(card.bars.bars()) == view.state.document.project.spec.output_size > few
    view.state.selection.clear()
    assert column.indexOf(view.output_card) > column.indexOf(view.step_card)


@pytest.mark.parametrize("cell", cells.names())
def test_every_equation_of_every_cell(inspector, cell):
    view = inspector(cell=cell)
    view.state.cursor.go(11)
    names = view._inspection.names
    assert view.step_card.choice.isVisible() == (len(names) > 1)
    for name in names:
        view._on_name_chosen(name)
        assert view.step_card.line.accessibleName().startswith(f"{name}_5 = ")
        assert view.step_card.sums.texts()
        view.step_card.grab()
    gates = cells[cell].gates
    assert view.spectrum_card.choice.isVisible() == bool(gates)
    for gate in gates:
        view._on_gate_chosen(gate)
        assert view.spectrum_title.title() == f"Eigenvalues of W_h{gate}"
        assert view.spectrum_title.note().startswith("ρ = ")


@pytest.mark.parametrize("scenario", ["glyph", "caption", "movie-review", "tagging", "translation"])
def test_every_position_of_every_scenario(inspector, scenario):
    view = inspector(scenario, "lstm")
    cursor = view.state.cursor
    for position in range(cursor.count + 1):
        cursor.go(position)
        place = view._place()
        reached = view._inspection.computed(place, position)
        assert (view.step_card.sums.texts() == ["Not reached yet"]) == (not reached)
        assert view.heading.text()


def test_choosing_a_row_selects_its_unit(inspector, qtbot):
    view = inspector()
    view.state.cursor.go(5)
    blocks = view.step_card.blocks
    box = next(box for box in blocks._layout() if box.piece.kind == "matrix")
    point = QPoint(round(box.block.center().x()), round(box.block.y() + box.block.height() * 2.5 / 16))
    qtbot.mouseClick(blocks, Qt.MouseButton.LeftButton, pos=point)
    assert view.state.selection.value == Selected("l0", 4, 2)
    assert view.note.text() == "unit 3 of 16"
    qtbot.keyClick(blocks, Qt.Key.Key_Down)
    assert view.state.selection.value.unit == 3
    qtbot.keyClick(blocks, Qt.Key.Key_End)
    qtbot.keyClick(blocks, Qt.Key.Key_Down)
    assert view.state.selection.value.unit == 15
    assert "W_ih[" in blocks.tip_at(point)


def test_a_selected_gate_shows_its_equation(inspector):
    view = inspector(cell="lstm")
    view.state.cursor.go(5)
    view.state.selection.select("l0", 2, 1, "a_f")
    assert view.step_card.choice.current() == "f"


def test_a_hidden_inspector_waits_and_catches_up(inspector):
    view = inspector()
    view.hide()
    view.state.cursor.go(5)
    assert view.heading.text() == "Step 1 · “<s>”"
    view.show()
    assert view.heading.text() == "Step 5 · “like”"


def test_both_directions_and_layers_are_named(inspector, qtbot):
    view = inspector("tagging", "gru")
    view.state.cursor.go(8)
    assert view.note.text().startswith("← · unit")
    view.state.document.set_field("num_layers", 2)
    qtbot.waitUntil(lambda: not view.state.session.running, timeout=20_000)
    view.state.selection.select("l1", 0, 2)
    assert view.note.text() == "layer 2 · → · unit 3 of 12"


@pytest.mark.parametrize("zoom", [0.8, 2.0])
def test_nothing_is_cut_at_any_zoom(inspector, dressed, qtbot, zoom):
    dressed.zoom = zoom
    view = inspector(cell="gru")
    view.resize(round(336 * zoom), 900)
    view.state.cursor.go(11)
    view._on_name_chosen("n")
    blocks = view.step_card.blocks
    qtbot.waitUntil(lambda: blocks.height() >= blocks.sizeHint().height())
    assert all(box.slot.right() <= blocks.width() + 1 for box in blocks._layout())
    assert blocks.height() >= max(box.slot.bottom() for box in blocks._layout())


# The parts ---------------------------------------------------------------------------------------------------


def pieces(rows, columns, value=True):
    matrix = np.linspace(-1, 1, rows * columns).reshape(rows, columns)
    return (
        Piece("vector", "h", "5", "h", True, (rows,), matrix[:, 0] if value else None, ("h",)),
        Piece("sign", "="),
        Piece("matrix", "W", "hh", "W_hh", True, (rows, columns), matrix, ("W_hh",)),
        Piece("vector", "b", "", "b", True, (rows,), matrix[:, 0], ("b_ih", "b_hh")),
    )


@pytest.mark.parametrize(("rows", "columns", "averaged"), [(8, 8, False), (96, 64, False), (512, 512, True)])
def test_large_blocks_are_averaged_and_say_so(show, rows, columns, averaged):
    blocks = show(Blocks(lambda piece: 1.0))
    blocks.setFixedWidth(300)
    blocks.set_equation(pieces(rows, columns), 3, rows)
    blocks.grab()
    assert blocks.averaged == averaged
    assert all(box.block.right() <= 300 for box in blocks._layout())


def test_a_longer_index_that_brings_a_second_line_has_room(show):
    def equation(step):
        vector = ("vector", "h", step, "h", True, (8,), None, ("h",))
        matrix = ("matrix", "W", "hh", "W_hh", True, (8, 32), None, ("W_hh",))
        return (Piece(*vector), Piece("sign", "="), Piece(*matrix), Piece("sign", "+"), Piece(*matrix), Piece(*vector))

    panel = QWidget()
    column = QVBoxLayout(panel)
    blocks = Blocks(lambda piece: 1.0)
    column.addWidget(blocks)
    column.addStretch(1)
    panel.setFixedSize(300, 400)
    show(panel)
    heights = set()
    for step in ("5", "1003", "1000000003"):
        blocks.set_equation(equation(step), 0, 8)
        QApplication.processEvents()
        heights.add(blocks.height())
        assert blocks.height() >= max(box.slot.bottom() for box in blocks._layout())
        assert blocks.height() == blocks.sizeHint().height()
    assert len(heights) == 2


def test_tips_of_blocks(show):
    blocks = show(Blocks(lambda piece: 1.0))
    blocks.setFixedWidth(300)
    blocks.set_equation(pieces(4, 4, value=False), 0, 4)
    boxes = {box.piece.base: box for box in blocks._layout()}
    assert blocks.tip_at(boxes["h"].block.center().toPoint()).endswith("not computed yet")
    assert "b = b_ih + b_hh" in blocks.tip_at(boxes["b"].block.center().toPoint())
    assert "Up and Down" in blocks.tip_at(QPoint(299, 5))


def test_means_keep_the_mean():
    value = np.arange(600.0).reshape(20, 30)
    assert means(value, 5, 10).shape == (5, 10)
    assert means(value, 5, 10).mean() == pytest.approx(value.mean())
    assert means(value, 50, 50) is value


def test_an_equation_is_made_smaller_then_broken(show):
    line = show(MathLine())
    line.set_runs([Run("h", "5"), sign("="), *[Run("W", "hh"), Run("x", "1"), sign("+")] * 6, Run("b")])
    one = line.heightForWidth(2000)
    assert line.heightForWidth(200) >= 2 * one
    line.setFixedWidth(200)
    line.grab()
    assert all(run.spoken in line.accessibleName() for run in line.runs())


def test_number_lines_keep_their_height_until_told(show):
    lines = show(NumberLines())
    lines.setFixedWidth(220)
    long = [
        ("a = ", "muted"),
        ("1.000", "strong"),
        (" + ", "muted"),
        ("2.000", "strong"),
        (" + 3", "muted"),
        (" + 4" * 9, "muted"),
    ]
    lines.set_lines([long])
    tall = lines.heightForWidth(220)
    lines.set_lines([[("b", "muted")]])
    assert lines.heightForWidth(220) == tall
    lines.forget()
    assert lines.heightForWidth(220) < tall
    assert lines.accessibleName() == "b"


def test_number_lines_break_between_terms_before_they_break_one(show):
    lines = show(NumberLines())
    line = [("c = ", "muted")]
    for before in ("", " + "):
        line += [(f"{before}0.123", "strong"), (" · ", "muted"), ("0.456", "strong")]
    lines.set_lines([line])

    def rows(room):
        return ["".join(text for text, _ in parts).strip() for _, parts in lines._broken(room)]

    assert rows(1000) == ["c = 0.123 · 0.456 + 0.123 · 0.456"]
    assert rows(140) == ["c = 0.123 · 0.456", "+ 0.123 · 0.456"]
    assert rows(70) == ["c = 0.123", "· 0.456", "+ 0.123", "· 0.456"]


def test_plane_holds_every_point_and_names_the_nearest(show):
    plane = show(ComplexPlane())
    plane.setFixedSize(200, 148)
    plane.set_points([0.5, 2 + 1j, 2 - 1j])
    plane.grab()
    assert plane.radius() * abs(2 + 1j) < 148 / 2
    one = plane.radius()
    assert plane.tip_at(QPointF(100 + 2 * one, 74 - one)) == "λ = 2.00 ± 1.00 i, |λ| = 2.24"
    assert plane.tip_at(QPointF(1, 1)) == "3 eigenvalues, 2 of them outside the unit circle"
