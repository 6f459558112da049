"""What the widgets do with mouse and keyboard, what they refuse, and that they say so."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from gui import theme as look
from gui.widgets import (
    PICTURES,
    Banner,
    Bars,
    Card,
    Choice,
    FieldRow,
    FloatField,
    GridCanvas,
    IntField,
    ParameterTable,
    PatternGrid,
    RichLine,
    ScaleLegend,
    Section,
    Segment,
    SegmentedControl,
    Toast,
    ValueSlider,
    icon_button,
    push_button,
)
from gui.widgets.bars import Bar

KEY = Qt.Key
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SEGMENTS = [
    Segment("numpy", "NumPy", "Computes with NumPy"),
    Segment("cpu", "Torch CPU", enabled=False, reason="torch is not installed"),
    Segment("cuda", "Torch CUDA"),
]
TILES = [(id, id.replace("-", " "), picture) for id, picture in PICTURES.items()]


pytestmark = pytest.mark.usefixtures("dressed")


# Segmented control ------------------------------------------------------------


def buttons(control: QWidget) -> list[QWidget]:
    return sorted((child for child in control.children() if isinstance(child, QWidget)), key=lambda c: c.x())


def test_segments_are_chosen_by_click(qtbot, show, received):
    control = show(SegmentedControl(SEGMENTS))
    told = received(control.chosen)
    assert control.current() == "numpy"
    numpy, cpu, cuda = buttons(control)
    qtbot.mouseClick(cuda, LEFT)
    qtbot.mouseClick(cuda, LEFT)
    qtbot.mouseClick(cpu, LEFT)
    assert control.current() == "cuda" and told == ["cuda"]
    assert cuda.isChecked() and not numpy.isChecked()


def test_segments_are_chosen_by_arrows_which_skip_what_is_disabled(qtbot, show, received):
    control = show(SegmentedControl(SEGMENTS))
    told = received(control.chosen)
    buttons(control)[0].setFocus()
    qtbot.keyClick(QApplication.focusWidget(), KEY.Key_Right)
    assert control.current() == "cuda" and QApplication.focusWidget() is buttons(control)[2]
    qtbot.keyClick(QApplication.focusWidget(), KEY.Key_Right)
    qtbot.keyClick(QApplication.focusWidget(), KEY.Key_Home)
    qtbot.keyClick(QApplication.focusWidget(), KEY.Key_End)
    qtbot.keyClick(QApplication.focusWidget(), KEY.Key_Left)
    assert told == ["cuda", "numpy", "cuda", "numpy"]
    tabbed = [button.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus for button in buttons(control)]
    assert tabbed == [True, False, False]


def test_disabled_segment_says_why(show):
    numpy, cpu, _ = buttons(show(SegmentedControl(SEGMENTS)))
    assert cpu.toolTip() == "torch is not installed" and not cpu.isEnabled()
    assert numpy.toolTip() == "Computes with NumPy" and numpy.accessibleName() == "NumPy"


def test_setting_a_segment_is_silent_and_checked(qtbot, show):
    control = show(SegmentedControl(SEGMENTS))
    with qtbot.assertNotEmitted(control.chosen):
        control.set_current("cuda")
    with pytest.raises(KeyError, match="'tpu': allowed are"):
        control.set_current("tpu")
    control.set_segments([*SEGMENTS, Segment("cuda1", "GPU 1")])
    assert control.current() == "cuda"
    control.set_segments([Segment("cuda", "Torch CUDA", enabled=False), SEGMENTS[0]])
    assert control.current() == "numpy"


# Patterns ------------------------------------------------------------


def test_patterns_are_chosen_by_click_and_arrows(qtbot, show, received):
    grid = show(PatternGrid(TILES))
    told = received(grid.chosen)
    qtbot.mouseClick(grid.tile("many-to-one"), LEFT)
    qtbot.mouseClick(grid.tile("many-to-one"), LEFT)
    for key in (KEY.Key_Right, KEY.Key_Up, KEY.Key_Up, KEY.Key_Down, KEY.Key_Down, KEY.Key_Left):
        qtbot.keyClick(QApplication.focusWidget(), key)
    assert told == ["many-to-one", "many-to-many", "one-to-many", "many-to-many", "many-to-one"]
    assert [tile for tile in PICTURES if grid.tile(tile).isChecked()] == ["many-to-one"]


def test_setting_a_pattern_is_silent_and_checked(qtbot, show):
    grid = show(PatternGrid(TILES))
    with qtbot.assertNotEmitted(grid.chosen):
        grid.set_current("sequence-to-sequence")
    assert grid.current() == "sequence-to-sequence"
    with pytest.raises(KeyError, match="'circle': allowed are"):
        grid.set_current("circle")


def test_every_picture_has_as_many_inputs_as_outputs():
    assert all(len(picture.inputs) == len(picture.outputs) for picture in PICTURES.values())


# Showing ------------------------------------------------------------


def test_card_section_and_row(qtbot, show):
    editor = IntField(8, 1, 512)
    row = show(FieldRow("Hidden size", editor, "How many units"))
    assert editor.accessibleName() == "Hidden size" and row.toolTip() == "How many units"
    height = row.sizeHint().height()
    row.set_note("must be even", "error")
    assert row.note() == "must be even" and row.sizeHint().height() > height
    row.set_note("")
    assert row.sizeHint().height() == height
    card = Card("Output")
    qtbot.addWidget(card)
    card.set_title("")
    assert card.title() == card.accessibleName() == ""
    section = Section("Shapes", "131 parameters")
    qtbot.addWidget(section)
    section.set_note("132 parameters")
    assert (section.title(), section.note()) == ("Shapes", "132 parameters")


def test_parameters_are_counted(show):
    table = show(ParameterTable())
    table.set_rows([("W_h", (8, 8)), ("b_h", (8,)), ("E", (2000, 64))], "shared by all 7 steps")
    assert table.rows() == [("W_h", "(8, 8)", "64"), ("b_h", "(8,)", "8"), ("E", "(2000, 64)", "128\u202f000")]
    assert "W_h (8, 8): 64" in table.accessibleName() and "shared" in table.accessibleName()


def test_bars_name_what_they_show(qtbot, show):
    bars = show(Bars())
    bars.set_bars([Bar("yes", 0.9, "90 %"), Bar("no", float("nan"), "not a number")], strong=0)
    assert bars.accessibleName() == "yes 90 %, no not a number"
    qtbot.waitUntil(lambda: bars.height() >= look.px(40))
    assert not bars.grab().isNull()


def test_legend_tells_its_range(show):
    legend = show(ScaleLegend(0.98, "h"))
    assert legend.accessibleName() == "h: −0.98 (purple) to 0.98 (green)"
    legend.set_scale(2)
    assert legend.scale() == 2 and legend.accessibleName().startswith("h: −2.0")


def test_narration_is_cut_between_words_and_read_in_full(qtbot):
    line = RichLine(15)
    qtbot.addWidget(line)
    line.set_segments([("It keeps ", "text"), ("57.25\u202f%", "backward"), (" of its size", "text")])
    line.resize(line.sizeHint())
    assert line.text() == line.accessibleName() == "It keeps 57.25\u202f% of its size" and not line.elided()
    for width in range(60, line.sizeHint().width() - 4, 3):
        line.resize(width, 30)
        shown = "".join(piece.text for piece in line._lines(width)[0])
        assert shown.removesuffix("…") in (
            "It",
            "It keeps",
            "It keeps 57.25\u202f%",
            "It keeps 57.25\u202f% of",
            "It keeps 57.25\u202f% of its",
        )
        assert line.elided() and sum(piece.width for piece in line._lines(width)[0]) <= width
    with pytest.raises(KeyError, match="'loud': allowed are"):
        line.set_segments([("x", "loud")])


def test_narration_takes_as_many_lines_as_it_may(qtbot):
    line = RichLine(40, lines=2)
    qtbot.addWidget(line)
    line.set_segments([("The error reaches like with 17 % of its size at movie", "text")])
    assert line.heightForWidth(4000) * 2 == line.heightForWidth(700)
    line.resize(700, line.heightForWidth(700))
    assert not line.elided()
    line.resize(300, 120)
    assert line.elided() and len(line._lines(300)) == 2


def test_narration_is_written_smaller_before_it_is_cut(qtbot):
    line, same = RichLine(15, least=12), RichLine(15)
    for each in (line, same):
        qtbot.addWidget(each)
        each.set_segments([("It keeps ", "text"), ("57\u202f%", "backward"), (" of its size", "text")])
    for each in (line, same):
        each.resize(round(0.9 * same.sizeHint().width()), 30)
    assert same.elided() and not line.elided() and line.minimumSizeHint() == same.minimumSizeHint()
    line.resize(same.sizeHint().width() // 2, 30)
    assert line.elided()


def test_banner_offers_its_actions(qtbot, show, received):
    banner = show(Banner("The weights are fresh", "warning", [("train", "Train them"), ("undo", "Undo")]))
    told = received(banner.action)
    assert banner.accessibleName() == banner.text() == "The weights are fresh"
    first = next(child for child in banner.children() if child.objectName() == "train")
    qtbot.mouseClick(first, LEFT)
    assert told == ["train"]
    with qtbot.waitSignal(banner.dismissed):
        qtbot.keyClick(banner, KEY.Key_Escape)
    assert not banner.isVisible()
    with pytest.raises(ValueError, match="'loud': allowed are info"):
        banner.show_message("x", "loud")


def test_toast_goes_by_itself_but_an_error_stays(qtbot):
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(600, 400)
    push_button("elsewhere", parent=host).setFocus()
    host.show()
    toast = Toast(host, milliseconds=1)
    toast.say("Saved")
    assert host.rect().contains(toast.geometry())
    qtbot.waitUntil(lambda: not toast.isVisible())
    toast.say("hidden size is 0", "error")
    assert toast.isVisible() and not toast._timer.isActive()
    host.resize(400, 300)
    assert host.rect().contains(toast.geometry())


def test_long_toast_shows_all_its_text(qtbot):
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(420, 400)
    host.show()
    toast = Toast(host)
    toast.say("word " * 40, "error")
    text = toast.findChild(QLabel)
    assert text.height() >= text.heightForWidth(text.width())


@pytest.mark.parametrize("make", [push_button, lambda text, role: icon_button("play", text, role)])
def test_buttons_have_roles_and_names(qtbot, make):
    button = make("Play", role="primary")
    qtbot.addWidget(button)
    assert button.property("role") == "primary"
    with pytest.raises(ValueError, match="'huge': allowed are"):
        make("Play", role="huge")


# All of them ------------------------------------------------------------

MAKERS = {
    "segments": lambda: SegmentedControl(SEGMENTS),
    "patterns": lambda: PatternGrid(TILES),
    "whole": lambda: IntField(8, 1, 512),
    "real": lambda: FloatField(0.5),
    "choice": lambda: Choice([("a", "A"), ("b", "B")]),
    "slider": lambda: ValueSlider(0, 1, 0.5),
    "legend": lambda: ScaleLegend(1.0),
    "button": lambda: push_button("Play"),
    "picture": lambda: icon_button("play", "Play"),
    "canvas": lambda: GridCanvas(8),
    "banner": lambda: Banner("Text", "error"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_every_widget_follows_zoom_and_theme(show, name):
    widget = show(MAKERS[name]())
    small = widget.sizeHint()
    pictures = []
    for chosen, zoom in itertools.product(("light", "dark", "high-contrast"), (0.8, 2.0)):
        look.themes().choose(chosen)
        look.themes().zoom = zoom
        widget.window().resize(widget.window().sizeHint())
        pictures.append(widget.grab().toImage())
    assert widget.sizeHint().height() > 1.5 * small.height()
    assert all(first != second for first, second in itertools.pairwise(pictures))


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in ("legend", "banner")])
def test_the_focus_is_seen(qtbot, show, name):
    widget = show(MAKERS[name]())
    target = next(
        (child for child in [widget, *widget.findChildren(QWidget)] if child.focusPolicy() & Qt.FocusPolicy.TabFocus),
        widget,
    )
    target.clearFocus()
    widget.window().findChildren(QWidget)[-1].setFocus()
    before = widget.grab().toImage()
    target.setFocus(Qt.FocusReason.TabFocusReason)
    assert widget.grab().toImage() != before
