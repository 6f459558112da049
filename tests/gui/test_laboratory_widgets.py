"""The laboratory's plots: where their cells are, what keys do, what they draw."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QToolTip

from gui import colormaps
from gui.theme import theme
from gui.widgets.log_plot import Curve, LogPlot
from gui.widgets.magnitude import MagnitudeLegend
from gui.widgets.matrix_plot import MatrixPlot, _reduced
from gui.widgets.stacked_bars import StackedBars
from gui.widgets.swatches import Swatches


@pytest.fixture
def matrix(show):
    plot = show(MatrixPlot("flow", "s", "k"))
    plot.set_magnitudes(np.tril(np.full((5, 5), 1e-2)), 1e-4, 1.0, np.triu(np.ones((5, 5), bool), 1))
    plot.resize(300, plot.heightForWidth(300))
    return plot


def test_every_cell_is_found_where_it_is(matrix):
    for row in range(5):
        for column in range(5):
            assert matrix.cell_at(matrix.centre_of((row, column))) == (row, column)
    assert matrix.cell_at(QPointF(-1, 0)) is None
    box = matrix._box(0, 0)
    assert box.width() == pytest.approx(box.height(), abs=0.5)


def test_cells_have_the_maps_colours(matrix):
    image = matrix.grab().toImage()

    def at(row, column):
        return image.pixelColor(matrix.centre_of((row, column)).toPoint())

    assert at(3, 1) == colormaps.sequential(1e-2, 1e-4, 1.0, theme())
    assert at(1, 3) == theme().slot
    matrix.set_signed(np.full((5, 5), -2.0), 2.0)
    image = matrix.grab().toImage()
    assert at(0, 0) == colormaps.diverging(-2.0, 2.0, theme())


def test_keys_point_choose_and_let_go(matrix, qtbot, monkeypatch):
    monkeypatch.setattr(QToolTip, "showText", lambda *arguments: None)  # no screen to show it on
    matrix.set_tip(lambda row, column: f"{row}/{column}")
    pointed, chosen, left = [], [], []
    matrix.pointed.connect(lambda *cell: pointed.append(cell))
    matrix.chosen.connect(lambda *cell: chosen.append(cell))
    matrix.setFocus()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Up, Qt.Key.Key_Home):
        qtbot.keyClick(matrix, key)
    assert pointed == [(0, 0), (1, 0), (1, 1), (1, 4), (0, 4), (0, 0)]
    assert matrix.accessibleDescription() == "0/0"
    qtbot.keyClick(matrix, Qt.Key.Key_Return)
    assert chosen == [(0, 0)]
    matrix.left.connect(lambda: left.append("left"))
    qtbot.keyClick(matrix, Qt.Key.Key_Escape)
    assert matrix.at() is None and left == ["left"]


def test_the_mouse_points_and_chooses(matrix, qtbot):
    chosen = []
    matrix.chosen.connect(lambda *cell: chosen.append(cell))
    place = matrix.centre_of((2, 1)).toPoint()
    qtbot.mouseMove(matrix, place)
    assert matrix.at() == (2, 1)
    qtbot.mouseClick(matrix, Qt.MouseButton.LeftButton, pos=place)
    assert chosen == [(2, 1)]


def test_no_peak_is_lost_where_cells_share_a_pixel():
    values = np.zeros((1000, 1000))
    values[123, 456], values[800, 3] = 7.0, -9.0
    small = _reduced(values, 100, 100)
    assert small.shape == (100, 100)
    assert small[12, 45] == 7.0 and small[80, 0] == -9.0
    assert _reduced(values != 0, 10, 10).sum() == 2


def test_bars_hang_below_zero_and_are_found(show):
    bars = show(StackedBars("shares"))
    red, blue = (lambda: QColor("red")), (lambda: QColor("blue"))
    bars.set_bars(np.array([[1.0, 0.5], [0.5, -0.5]]), [red, blue], labels=["a", "b"])
    bars.resize(300, 150)
    assert bars.limits() == (-0.5, 1.5)
    for column in (0, 1):
        assert bars.cell_at(bars.centre_of((0, column))) == (0, column)
    assert bars.cell_at(QPointF(299, 50)) is None
    image, area = bars.grab().toImage(), bars._area()
    x = int(bars.centre_of((0, 1)).x())
    assert image.pixelColor(x, int(area.bottom() - 10)) == QColor("blue")
    assert image.pixelColor(x, int(area.bottom() - area.height() * 0.4)) == QColor("red")


def test_of_bars_that_share_a_pixel_the_tallest_is_drawn(show):
    bars = show(StackedBars("shares"))
    values = np.ones((1, 3000))
    values[0, 1500] = 9.0
    bars.set_bars(values, [lambda: QColor("red")])
    bars.resize(300, 150)
    drawn = bars._drawn()
    assert len(drawn) <= 300 and 1500 in drawn
    assert not bars.grab().isNull()


def test_marks_belong_to_the_axis(show):
    bars = show(StackedBars("shares"))
    bars.set_bars(np.array([[1.0]]), [lambda: QColor("red")], np.array([3.0]))
    assert bars.limits() == (0.0, 3.0)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(-0.02, 1.02, (1.0, 0.0)), (-0.6, 0.4, (0.0, -0.5)), (0.0, 4.9, (4.0, 0.0)), (-1.4, 2.4, (2.0, 0.0)),
     (0.0, 0.87, (0.5, 0.0)), (0.0, 5e-324, (5e-324, 0.0)), (0.0, 1e300, (1e300, 0.0))],
)  # fmt: skip
def test_the_axis_of_bars_names_round_values(show, low, high, ticks):
    bars = show(StackedBars("shares"))
    bars.set_bars(np.array([[low], [high]]), [lambda: QColor("red"), lambda: QColor("blue")])
    assert bars.ticks() == pytest.approx(ticks, rel=1e-12, abs=0)
    bars.grab()


def test_curves_in_powers_of_ten(show):
    plot = show(LogPlot("product", "k"))
    plot.set_curves(
        [Curve("a", np.array([0.0, -1.5, -3.2]), "backward"), Curve("b", np.array([0.0, 0.4, 0.8]), "muted")]
    )
    plot.resize(300, 200)
    assert plot.decades() == (-4, 1)
    assert plot.cells() == (1, 3)
    assert plot.cell_at(plot.centre_of((0, 2))) == (0, 2)
    plot.point((0, 1))
    assert not plot.grab().isNull()
    plot.set_curves([Curve("a", np.array([0.0, -np.inf, np.nan]), "backward")])
    assert plot.decades() == (-1, 0)
    assert not plot.grab().isNull()


def test_legends_name_their_ends(show):
    legend = show(MagnitudeLegend())
    legend.set_range(-4, 0)
    assert legend.range() == (-4, 0)
    assert legend.accessibleName() == "colours from 10⁻⁴ to 1, logarithmic"
    key = show(Swatches())
    key.set_entries([("now", lambda: QColor("red")), ("later", lambda: QColor("blue"))], "sum")
    assert key.entries() == ["now", "later", "sum"]
    assert key.heightForWidth(60) > key.heightForWidth(600)
    assert not key.grab().isNull() and not legend.grab().isNull()


@pytest.mark.parametrize("logs", [(0, 0.3, 0.2, 0.25), (0, -0.01, -0.05, -0.23), (0, 0.22, 0.37, 0.47)])
def test_no_curve_passes_below_a_curves_name(show, logs, monkeypatch):
    plot = show(LogPlot("product", "k steps back"))
    plot.resize(280, 190)
    bound = np.arange(4) * 0.24
    plot.set_curves([Curve("measured", np.array(logs), "backward"), Curve("bound", bound, "muted", True)])
    checked = []
    crossed = LogPlot._crossed

    def noted(self, box, area):
        checked.append(crossed(self, box, area))
        return checked[-1]

    monkeypatch.setattr(LogPlot, "_crossed", noted)
    plot.grab()
    assert checked.count(False) == 2  # a free place was found for each name


def test_every_bar_that_has_room_has_its_word(show):
    bars = show(StackedBars("shares"))
    words = ["<s>", "I", "do", "not", "like", "this", "movie"]
    written = []
    for width in range(290, 420, 7):
        bars.resize(width, 150)
        bars.set_bars(np.ones((1, 7)), [lambda: theme().ink], None, words)
        step = bars._step()
        assert step >= 34
        picture = QImage(width, 150, QImage.Format.Format_RGB32)
        with QPainter(picture) as painter:
            spy = _Spy(painter, written)
            bars._paint_labels(spy, bars._area())
        assert written == words
        written.clear()


class _Spy:
    """A painter that keeps what is written."""

    def __init__(self, painter, written):
        self._painter, self._written = painter, written

    def drawText(self, *arguments):
        self._written.append(arguments[-1])

    def __getattr__(self, name):
        return getattr(self._painter, name)
