"""Fields read what people type, refuse the rest and say why; choices and sliders are steered by every means."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from gui import theme as look
from gui.widgets import Choice, FieldRow, FloatField, IntField, ValueSlider

KEY = Qt.Key
LEFT = Qt.MouseButton.LeftButton


def turn_wheel(widget: QWidget, up: bool) -> bool:
    centre = QPointF(widget.rect().center())
    turn = QPoint(0, 120 if up else -120)
    event = QWheelEvent(
        centre,
        widget.mapToGlobal(centre),
        QPoint(),
        turn,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_whole_number_is_committed_by_enter_and_by_leaving(qtbot, show, received):
    field = show(IntField(8, 1, 512))
    told = received(field.committed)
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "16")
    assert told == [] and field.value() == 8
    qtbot.keyClick(field, KEY.Key_Return)
    assert told == [16]
    field.selectAll()
    qtbot.keyClicks(field, "32")
    qtbot.keyClick(field, KEY.Key_Tab)
    assert told == [16, 32] and field.text() == "32"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "“” is not a whole number"),
        ("3.5", "“3.5” is not a whole number"),
        ("abc", "“abc” is not a whole number"),
        ("0", "0 is outside 1 to 512"),
        ("900", "900 is outside 1 to 512"),
    ],
)
@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_bad_whole_number_is_explained_and_never_committed(qtbot, show, text, problem, received):
    field = show(IntField(8, 1, 512))
    told = received(field.committed)
    field.setFocus()
    field.selectAll()
    qtbot.keyClick(field, KEY.Key_Delete)
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, KEY.Key_Return)
    assert field.problem() == problem == field.toolTip() == field.accessibleDescription()
    assert field.property("invalid") is True
    qtbot.keyClick(field, KEY.Key_Tab)
    assert told == [] and field.text() == "8" and field.property("invalid") is False


def test_keys_step_within_the_limits_and_escape_takes_back(qtbot, show, received):
    field = show(IntField(511, 1, 512))
    told = received(field.committed)
    field.setFocus()
    for key in (KEY.Key_Up, KEY.Key_Up, KEY.Key_Down, KEY.Key_PageDown):
        qtbot.keyClick(field, key)
    assert told == [512, 511, 501]
    qtbot.keyClicks(field, "9")
    qtbot.keyClick(field, KEY.Key_Escape)
    assert field.text() == "501" and told == [512, 511, 501]


def test_wheel_turns_only_the_field_that_has_the_focus(show, received):
    field = show(IntField(8, 1, 512))
    told = received(field.committed)
    field.clearFocus()
    assert not turn_wheel(field, up=True)
    field.setFocus()
    assert turn_wheel(field, up=True) and turn_wheel(field, up=False)
    assert told == [9, 8]


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("−2", -2.0), ("-2", -2.0), ("1e-3", 0.001), ("0,25", 0.25)])
def test_real_numbers_are_read_as_people_write_them(qtbot, show, text, value):
    field = show(FloatField(1.0, -5.0, 5.0))
    field.setText(text)  # a minus sign is not on the robot's keyboard
    qtbot.keyClick(field, KEY.Key_Return)
    assert field.value() == value


@pytest.mark.parametrize(
    ("text", "low", "high", "problem"),
    [
        ("x", -1.0, 1.0, "“x” is not a number"),
        ("nan", -1.0, 1.0, "“nan” is not a finite number"),
        ("2", -1.0, 1.0, "2.00 is outside −1.00 to 1.00"),
        ("-2", 0.0, float("inf"), "−2.00 is less than 0"),
        ("2", float("-inf"), 1.0, "2.00 is more than 1.00"),
    ],
)
def test_bad_real_number_is_explained(qtbot, show, text, low, high, problem):
    field = show(FloatField(0.5, low, high))
    field.setText(text)
    assert field.problem() == problem


def test_leaving_a_real_number_does_not_round_it(qtbot, show, received):
    field = show(FloatField(0.123456789))
    told = received(field.committed)
    assert field.text() == "0.123"
    field.setFocus()
    qtbot.keyClick(field, KEY.Key_Return)
    qtbot.keyClick(field, KEY.Key_Tab)
    assert field.value() == 0.123456789 and told == []
    field.set_value(0.2)
    field.setFocus()
    qtbot.keyClick(field, KEY.Key_Up)
    assert field.value() == 0.3


def test_choice_tells_only_what_the_user_chose(qtbot, show, received):
    choice = show(Choice([("tanh", "tanh"), ("relu", "ReLU")], mono=True))
    told = received(choice.chosen)
    choice.set_current("relu")
    choice.set_options([("relu", "ReLU"), ("identity", "identity")])
    assert choice.current() == "relu" and told == []
    choice.setFocus()
    qtbot.keyClick(choice, KEY.Key_Down)
    qtbot.keyClick(choice, KEY.Key_Down)
    assert choice.current() == "identity" and told == ["identity"]
    choice.clearFocus()
    turn_wheel(choice, up=True)
    assert choice.current() == "identity"
    with pytest.raises(KeyError, match="'sine': allowed are"):
        choice.set_current("sine")


def test_choice_is_wide_enough_for_its_words(show):
    choice = show(Choice([("x", "cross-entropy of everything")]))
    words = choice.fontMetrics().horizontalAdvance("cross-entropy of everything")
    assert choice.width() >= words + look.px(24)


def test_slider_moves_by_key_and_goes_back_to_its_tick(qtbot, show, received):
    slider = show(ValueSlider(0.0, 2.0, reset=1.0))
    moved, told = received(slider.value_changed), received(slider.committed)
    slider.set_value(0.92)
    assert slider.number() == 0.92 and not moved
    slider.setFocus()
    qtbot.keyClick(slider, KEY.Key_Right)
    assert told == moved == [pytest.approx(0.94)]
    qtbot.keyClick(slider, KEY.Key_End)
    qtbot.keyClick(slider, KEY.Key_Backspace)
    assert told[1:] == [2.0, 1.0]
    slider.set_value(5.0)
    assert slider.number() == 5.0 and slider.value() == slider.maximum()
    qtbot.mouseDClick(slider, LEFT)
    assert slider.number() == 1.0


def test_marking_a_field_leaves_its_font(show):
    look.themes().zoom = 1.5
    field = show(IntField(8, 1, 512))
    size = field.font().pixelSize()
    field.setText("900")
    field.textEdited.emit("900")
    assert field.property("invalid") is True and field.font().pixelSize() == size == look.px(12)


def test_undo_is_the_window_s_where_nothing_is_being_typed(qtbot, show):
    field = show(IntField(8, 1, 64))
    made = (QEvent.Type.ShortcutOverride, KEY.Key_Z, Qt.KeyboardModifier.ControlModifier, "")
    first, second = QKeyEvent(*made), QKeyEvent(*made)
    QApplication.sendEvent(field, first)
    assert not first.isAccepted()
    field.setFocus()
    qtbot.keyClicks(field, "1")
    QApplication.sendEvent(field, second)
    assert second.isAccepted()


@pytest.mark.parametrize("width", [180, 230, 400])
def test_a_row_has_room_for_every_line_of_what_is_wrong(show, width):
    row = FieldRow("Hidden size", IntField(8, 1, 64))
    panel = QWidget()
    column = QVBoxLayout(panel)
    column.addWidget(row)
    column.addStretch(1)
    panel.resize(width, 300)
    show(panel)
    row.set_note("0 is not possible: it must be a whole number from 1 to 1,000,000", "error")
    QApplication.processEvents()
    note = row.findChildren(QLabel)[-1]
    assert note.height() >= note.heightForWidth(note.width()) and row.height() >= note.geometry().bottom()
