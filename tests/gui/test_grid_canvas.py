"""Drawing on the grid by mouse and keyboard, with ink and with kinds of cell."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from gui.widgets import GridCanvas

KEY = Qt.Key
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


def surface(canvas: GridCanvas) -> QWidget:
    return canvas.focusProxy()


def cell(canvas: GridCanvas, row: int, column: int) -> QPoint:
    area, side = surface(canvas)._area()
    return QPointF(area.x() + (column + 0.5) * side, area.y() + (row + 0.5) * side).toPoint()


def test_ink_is_soft_and_a_stroke_is_told_once(qtbot, show, received):
    canvas = show(GridCanvas(10))
    told, drawing = received(canvas.changed), received(canvas.drawing)
    qtbot.mousePress(surface(canvas), LEFT, pos=cell(canvas, 4, 2))
    for column in (3, 4, 5):
        qtbot.mouseMove(surface(canvas), cell(canvas, 4, column))
    assert told == []
    qtbot.mouseRelease(surface(canvas), LEFT, pos=cell(canvas, 4, 5))
    assert len(told) == 1 and drawing
    values = canvas.values()
    assert values.shape == (10, 10) and values.min() >= 0 and values.max() <= 1
    assert values[4, 2] > 0.9 and 0.05 < values[3, 2] < 0.7 and values[9, 9] == 0
    qtbot.mouseClick(surface(canvas), RIGHT, pos=cell(canvas, 4, 2))
    assert canvas.values()[4, 2] < 0.1 and len(told) == 2


def test_drawing_with_the_keyboard(qtbot, show, received):
    canvas = show(GridCanvas(5))
    told = received(canvas.changed)
    surface(canvas).setFocus()
    for key in (KEY.Key_Space, KEY.Key_Right, KEY.Key_Down, KEY.Key_Return, KEY.Key_Space):
        qtbot.keyClick(surface(canvas), key)
    assert np.argwhere(canvas.values()).tolist() == [[2, 2], [3, 3]] and len(told) == 2
    qtbot.keyClick(surface(canvas), KEY.Key_Backspace)
    assert np.argwhere(told[-1]).tolist() == [[2, 2]]
    for _ in range(9):
        qtbot.keyClick(surface(canvas), KEY.Key_Left)
    qtbot.keyClick(surface(canvas), KEY.Key_Space)
    assert canvas.values()[3, 0] == 1
    qtbot.keyClick(surface(canvas), KEY.Key_Delete)
    assert not canvas.values().any() and not told[-1].any()


def test_kinds_of_cell(qtbot, show):
    kinds = [("nothing", QColor("white")), ("red", QColor("red")), ("blue", QColor("blue"))]
    canvas = show(GridCanvas(4, kinds))
    qtbot.mouseClick(surface(canvas), LEFT, pos=cell(canvas, 0, 1))
    surface(canvas).setFocus()
    qtbot.keyClick(surface(canvas), KEY.Key_2)
    qtbot.mouseClick(surface(canvas), LEFT, pos=cell(canvas, 3, 3))
    values = canvas.values()
    assert values.dtype.kind == "i" and values[0, 1] == 1 and values[3, 3] == 2 and values.sum() == 3
    with qtbot.assertNotEmitted(canvas.changed):
        canvas.set_values(np.full((4, 4), 2))
    with pytest.raises(ValueError, match="from 0 to 2"):
        canvas.set_values(np.full((4, 4), 3))
    with pytest.raises(ValueError, match=r"has the shape \(4, 4\), this one has \(5, 5\)"):
        canvas.set_values(np.zeros((5, 5)))


def test_values_are_copies(show):
    canvas = show(GridCanvas(4))
    canvas.values()[0, 0] = 1
    given = np.zeros((4, 4))
    canvas.set_values(given)
    given[0, 0] = 1
    assert not canvas.values().any()
