"""The cell view: what it says, what the pointer finds, pins, stepping by operation."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QImage

from engine import analysis
from gui import fonts
from gui.format import full, percent
from gui.main_window import MainWindow
from gui.state.app_state import AppState
from gui.state.document import opened
from gui.theme import themes
from gui.views import views
from gui.views.cell import CellView
from gui.views.transport import TransportView


@pytest.fixture(params=["rnn", "gru", "lstm"])
def view(qtbot, show, request):
    state = AppState(project=opened("movie-review", request.param))
    qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
    made = CellView(state)
    made.resize(900, 560)
    shown = show(made)
    shown.state = state
    yield shown
    state.close()


def go(view, phase, operation, step=3):
    trace = view.state.session.trace
    lane = next(iter(trace.lanes.values()))
    view.state.cursor.go_index(trace.events.find(phase, lane, step, operation) + 1)


def centre(view, name):
    at = view.canvas.laid_out()
    return at.vectors()[name].center().toPoint()


def node_point(view, name):
    at = view.canvas.laid_out()
    node = next(node for node in view.frame().layout.nodes if node.name == name)
    return at.point(node.x, node.y).toPoint()


def test_it_is_a_panel_above_the_score_closed_at_first():
    assert CellView in views()
    assert (CellView.area, CellView.hidden) == ("center", True)


def test_it_says_where_it_is_and_what_happened(view):
    names = [node.name for node in view.state.session.trace.graph.operations]
    go(view, "forward", "h")
    assert view.heading.text().endswith("step 4 “not”")
    assert view.caption.text() == f"operation {len(names)} of {len(names)}, forward: the new hidden state"
    assert view.equation.accessibleName().startswith("h_4 = ")
    assert view.frame().equation.startswith("h_{4} = ")
    go(view, "backward", "h")
    assert view.caption.text().startswith(f"operation 1 of {len(names)}, backward")
    assert view.equation.accessibleName().startswith("δ = ∂L/∂ h_4")
    assert view.frame().equation.startswith(r"\delta = \partial L/\partial h_{4}")


def test_it_follows_the_playhead_until_a_step_is_selected(view):
    go(view, "forward", "h", step=2)
    assert view.frame().place.step == 2
    view.state.selection.select("l0", 4, 5)
    assert (view.frame().place.step, view.frame().unit) == (4, 5)
    assert view.frame().lit == ""
    assert view.follow.isVisible()
    view.follow.click()
    assert view.frame().place.step == 2


def test_a_click_pins_a_vector_and_another_takes_it_out(view, qtbot):
    go(view, "forward", "h")
    assert not view.pins.isVisible()
    for name in ("h", "x"):
        qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=centre(view, name))
    assert [pin.name for pin in view.pins._pins] == ["h", "x"]
    trace = view.state.session.trace
    np.testing.assert_array_equal(view.pins._pins[0].values, trace.value("l0.h")[3, 0])
    assert full(trace.value("l0.h")[3, 0, 0]) in view.pins.tip_at(QPoint(10, 36).toPointF())
    qtbot.mouseClick(view.pins, Qt.MouseButton.LeftButton, pos=QPoint(10, 8))
    assert [pin.name for pin in view.pins._pins] == ["x"]
    go(view, "backward", trace.graph.operations[0].name)
    np.testing.assert_allclose(view.pins._pins[0].values, trace.grad("l0.x")[3, 0], atol=1e-15)


def test_the_tooltip_has_the_exact_number(view):
    go(view, "forward", "h")
    value = view.state.session.trace.value("l0.h")[3, 0]
    box = view.canvas.laid_out().vectors()["h"]
    point = QPoint(round(box.x() + box.width() * 2.5 / len(value)), round(box.center().y()))
    assert view.canvas.tip_at(point).endswith(f"[3] = {full(value[2])}")
    go(view, "forward", view.state.session.trace.graph.operations[0].name)
    assert "not computed yet" in view.canvas.tip_at(point)


def test_a_click_explains_and_a_double_click_goes_there(view, qtbot):
    go(view, "forward", "h")
    first = view.frame().layout.nodes[0]
    qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=node_point(view, first.name))
    assert (view.frame().shown, view.frame().lit) == (first.name, "h")
    qtbot.mouseDClick(view.canvas, Qt.MouseButton.LeftButton, pos=node_point(view, first.name))
    assert view.state.cursor.event.operation == first.name
    assert view.state.cursor.granularity == "operation"
    assert view.frame().lit == first.name


def test_the_keyboard_goes_through_the_operations(view, qtbot):
    go(view, "forward", "h")
    names = [node.name for node in view.state.session.trace.graph.operations]
    qtbot.keyClick(view.canvas, Qt.Key.Key_Up)
    assert view.frame().shown == names[-2]
    qtbot.keyClick(view.canvas, Qt.Key.Key_P)
    assert [pin.name for pin in view.pins._pins] == [names[-2]]
    qtbot.keyClick(view.canvas, Qt.Key.Key_Return)
    assert view.state.cursor.event.operation == names[-2]


def test_hidden_it_computes_nothing(view):
    view.hide()
    before = view.frame()
    go(view, "forward", "h", step=1)
    assert view.frame() is before
    view.show()
    assert view.frame().place.step == 1


def test_another_cell_drops_what_it_does_not_have(view, qtbot):
    go(view, "forward", "h")
    view._on_pinned("h")
    view._on_pinned(view.state.session.trace.graph.operations[0].name)
    other = "gru" if view.state.document.project.spec.cell == "lstm" else "lstm"
    with qtbot.waitSignal(view.state.session.trace_changed, timeout=20_000):
        view.state.document.set_cell(other)
    assert view.frame().layout.nodes
    assert all(name in view.state.session.trace.graph.by_name for name in view._pinned)
    assert "h" in view._pinned


@pytest.mark.parametrize("zoom", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("theme", ["light", "dark", "high-contrast"])
def test_forward_is_blue_and_backward_orange(view, theme, zoom):
    themes().choose(theme)
    themes().zoom = zoom
    worn = themes().current()
    go(view, "forward", "h")
    assert count(view, worn.forward) > 200
    assert count(view, worn.backward) == 0
    go(view, "backward", view.state.session.trace.graph.operations[0].name)
    assert count(view, worn.backward) > 200
    assert fonts.zoom() == zoom


def count(view, colour):
    image = view.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    return int((pixels[..., :3] == (colour.blue(), colour.green(), colour.red())).all(axis=-1).sum())


@pytest.fixture
def window(qtbot, dressed):
    state = AppState(project=opened("movie-review", "gru"))
    made = MainWindow(state)
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    qtbot.waitUntil(lambda: state.session.trace is not None and not state.session.running, timeout=20_000)
    yield made
    made.close()
    state.close()


def test_a_double_click_on_the_diagram_looks_inside(window, qtbot):
    dock = next(dock for dock in window.docks if dock.objectName() == "dock.cell")
    assert not dock.isVisible()
    scene, canvas = window.score.scene, window.score.canvas
    strip = next(strip for strip in scene.strips if strip.track.id == "diagram")
    point = QPoint(round(scene.axis.centre(2) + scene.edge), round(strip.top + strip.height / 2 - scene.offset))
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=point)
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=point)
    assert dock.isVisible()
    assert dock.widget().frame().place.step == 2
    window.actions_["view.reset_panels"].trigger()
    assert not dock.isVisible()


def test_the_menu_and_the_transport_step_by_operation(window, qtbot):
    cursor, action = window.state.cursor, window.actions_["run.operations"]
    action.trigger()
    assert (cursor.granularity, action.isChecked()) == ("operation", True)
    window.actions_["run.forward"].trigger()
    assert (cursor.position, cursor.index) == (0, 1)
    assert window.actions_["run.back"].isEnabled()
    transport = next(dock for dock in window.docks if dock.objectName() == "dock.transport")
    control = transport.findChild(TransportView)._granularity
    assert control.current() == "operation"
    assert "At “<s>”, Wir reads x₁" in transport.findChild(TransportView).sentence()
    control.chosen.emit("token")
    assert not action.isChecked()
    window.actions_["run.forward"].trigger()
    assert (cursor.position, cursor.reached) == (1, 1.0)


@pytest.mark.parametrize("size", [(600, 240), (690, 230), (690, 330), (760, 280), (900, 560), (1400, 700)])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_what_the_highway_keeps_is_written_clear_of_nodes(qtbot, show, cell, size):
    state = AppState(project=opened("movie-review", cell))
    qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
    state.cursor.last()
    view = show(CellView(state))
    view.canvas.resize(*size)
    at = view.canvas.laid_out()
    box = at.beside_highway(QSizeF(107, 15))
    left, top, _, _ = at.frame.layout.frame
    edge = at.point(left, top).y()
    # Nor does it lie across the cell's upper edge, where there is room at all.
    assert size[1] < 280 or not box.top() < edge < box.bottom()
    for node in at.frame.layout.nodes:
        middle = at.point(node.x, node.y)
        reach = QPointF(at.radius, at.radius)
        assert not box.intersects(QRectF(middle - reach, middle + reach))
    assert not any(box.intersects(vector) for vector in at.vectors().values())
    state.close()


@pytest.mark.parametrize("sequence", [0, 1])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_on_the_way_back_it_says_what_came_along_the_highway_and_what_through_the_gates(qtbot, show, cell, sequence):
    two = {"sources": ("i do not like this movie", "a great film"), "targets": ("negative", "negative")}
    state = AppState(project=opened("movie-review", cell).but(**two, sequence=sequence))
    qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
    shown = show(CellView(state))
    shown.resize(900, 560)
    shown.state = state
    go(shown, "forward", "h", step=1)
    assert shown.canvas._ways == ()
    for step in (1, 2):
        go(shown, "backward", {"gru": "h", "lstm": "c"}[cell], step=step)
        qtbot.waitUntil(lambda: shown.canvas._ways != (), timeout=20_000)
        trace = state.session.trace
        found = analysis.paths(trace)
        whole = found.whole[step, sequence]
        ways = dict(shown.canvas._ways)
        for name, part in found.parts.items():
            assert ways[name] == pytest.approx(part[step, sequence] @ whole / (whole @ whole))
        gates = sum(share for name, share in ways.items() if name != "highway")
        assert gates + ways["highway"] == pytest.approx(1)
        tip = shown.canvas.tip_at(centre(shown, found.state) + QPoint(-12, 10))  # on the wire below the strip
        assert f"along the highway {percent(ways['highway'])}\nthrough the gates {percent(gates)}\n" in tip
        assert f"\n  {next(iter(trace.graph.cell.gates))} " in tip
    state.close()


def test_a_vanilla_cell_has_no_highway_to_speak_of(qtbot, show):
    state = AppState(project=opened("movie-review", "rnn"))
    qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
    shown = show(CellView(state))
    state.cursor.last()
    assert shown.canvas._ways == ()
    assert not state.session._analyses._waiting and state.session._analyses._running is None
    state.close()


@pytest.mark.parametrize("size", [(690, 230), (900, 560)])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_names_and_notes_lie_within_the_picture(qtbot, show, cell, size):
    state = AppState(project=opened("movie-review", cell))
    qtbot.waitUntil(lambda: state.session.trace is not None, timeout=20_000)
    view = show(CellView(state))
    view.canvas.resize(*size)
    at = view.canvas.laid_out()
    for terminal in at.frame.layout.terminals:
        box = at.vectors()[terminal.name]
        assert box.top() >= 7 + 14  # the name stands above the strip
        assert box.bottom() + (32 if terminal.side != "below" else 0) <= size[1]
    state.close()
