"""The time axis: columns in pixels, gaps between parts, zoom around a point."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import timeline
from gui.frames.axis import Part, TimeAxis, every, parts

TWO = (Part("encoder", 0, 5), Part("decoder", 5, 5))


def axis(**more):
    return TimeAxis(**{"parts": TWO, "column": 100.0, "gap": 20.0, "width": 600.0, **more})


def test_parts_of_a_run():
    assert parts(timeline.build("sequence-to-sequence", 5, 5)) == TWO
    assert parts(timeline.build("many-to-one", 7, 1)) == (Part("", 0, 7),)


def test_columns_stand_side_by_side_with_a_gap_between_parts():
    made = axis()
    assert [made.left(c) for c in (0, 4, 5, 9)] == [0, 400, 520, 920]
    assert made.content == 1020 and made.furthest == 420
    assert made.scrolled(300).left(5) == 220
    assert made.scrolled(1e6).scroll == 420 and made.scrolled(-3).scroll == 0


def test_what_does_not_fill_the_view_stands_in_its_middle():
    made = axis(width=1200.0)
    assert made.margin == 90 and made.left(0) == 90 and made.right(9) == 1110


def test_fitting_fills_the_view():
    made = axis()
    fitted = TimeAxis(TWO, made.fitting, 20.0, 600.0)
    assert fitted.content == pytest.approx(600)


@given(st.integers(0, 9), st.floats(0, 420))
def test_what_lies_in_the_middle_of_a_column_is_that_column(column, scroll):
    made = axis().scrolled(scroll)
    assert made.at(made.centre(column)) == column
    assert made.nearest(made.centre(column)) == column


def test_a_gap_is_no_column_but_has_a_nearest_one():
    made = axis()
    assert made.at(510) is None and made.nearest(503) == 4 and made.nearest(517) == 5
    assert made.at(-5) is None and made.nearest(-50) == 0


@given(st.floats(0, 600), st.sampled_from([0.8, 1.25, 2.0]))
def test_zoom_keeps_what_is_under_the_pointer(x, factor):
    made = axis(column=400.0).scrolled(1500)
    column = made.at(x)
    if column is None:
        return
    zoomed = made.zoomed(400 * factor, x)
    share = (x - made.left(column)) / made.column
    if 0 < zoomed.scroll < zoomed.furthest:
        assert zoomed.left(column) + share * zoomed.column == pytest.approx(x)


def test_exposed_goes_part_by_part():
    made = axis()
    assert [(p.name, a, b) for p, a, b in made.exposed(350, 650)] == [("encoder", 3, 5), ("decoder", 5, 7)]
    assert list(made.exposed(405, 410)) == [(TWO[0], 4, 5)]


def test_showing_scrolls_no_more_than_needed():
    made = axis()
    assert made.showing(2) is made
    assert made.showing(9).right(9) == 600
    assert axis().scrolled(420).showing(0).scroll == 0


@pytest.mark.parametrize(("needed", "expected"), [(10, 1), (11, 2), (21, 5), (51, 10), (199, 20)])
def test_every(needed, expected):
    assert every(1000, 10.0, needed) == expected
    assert np.isclose(expected * 10.0 >= needed, True)
