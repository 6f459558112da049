"""The presentation: what the back row reads, what a clicker does, and which screen it takes."""

import re

import pytest
import score_bench as bench
from PySide6.QtCore import QBuffer, QPoint, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication

from engine import SpecError
from gui import fonts
from gui.presentation import Presentation, chosen_screen
from gui.presentation_keys import entries
from gui.tracks._rolled import WEIGHTS
from gui.tracks.base import face
from gui.widgets.rich_line import lowered


@pytest.fixture
def stage(qtbot, dressed):
    """Make a presentation of a run, shown at a size."""
    kept = []

    def made(run=None, size=(1920, 1080), position=0):
        state = bench.State(*(run or bench.sentiment()))
        state.cursor.go(position)
        widget = Presentation(state)
        kept.append(state)
        qtbot.addWidget(widget)
        widget.resize(*size)
        widget.show()
        QApplication.processEvents()
        return widget, state

    return made


def test_it_says_pass_step_sentence_and_equation(stage):
    widget, state = stage(position=11)
    assert widget.head.headline.text().split() == ["BACKWARD", "step", "5", "of", "7", "RNN"]
    assert widget.head.sentence.text().startswith(
        "The error leaves “this” and reaches “like”: multiplied by Wh and squashed"
    )
    assert widget.head.equation.latex() == state.cursor.event.equation
    state.cursor.go(8)
    assert widget.head.headline.text().split()[0] == "LOSS"
    state.cursor.go(0)
    assert widget.head.equation.latex() == "" and "Nothing" in widget.head.sentence.text()


@pytest.mark.parametrize("key", ["PageDown", "Right", "Space", "Down", "PageUp", "Left", "Up", "Home", "End"])
def test_the_keys_of_a_clicker(stage, qtbot, key):
    widget, state = stage(position=5)
    qtbot.keyClick(widget, getattr(Qt.Key, f"Key_{key}"))
    forward = key in ("PageDown", "Right", "Space", "Down")
    assert state.cursor.position == {"Home": 0, "End": 15}.get(key, 6 if forward else 4)


@pytest.mark.parametrize("key", [Qt.Key.Key_B, Qt.Key.Key_Period])
def test_the_screen_goes_black_and_comes_back_without_a_step(stage, qtbot, key):
    widget, state = stage(position=5)
    qtbot.keyClick(widget, key)
    assert widget.is_blank()
    picture = widget.grab().toImage()
    assert picture.pixelColor(picture.width() // 2, picture.height() // 2).getRgb()[:3] == (0, 0, 0)
    qtbot.keyClick(widget, Qt.Key.Key_PageDown)
    assert not widget.is_blank() and state.cursor.position == 5


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_F5])
def test_it_ends(stage, qtbot, key):
    widget, _ = stage()
    with qtbot.waitSignal(widget.ended):
        qtbot.keyClick(widget, key)
    assert not widget.isVisible()


def test_a_click_is_a_step_and_one_with_the_right_button_goes_back(stage, qtbot):
    widget, state = stage()
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(600, 600))
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(600, 900))
    assert state.cursor.position == 2
    qtbot.mouseClick(widget, Qt.MouseButton.RightButton)
    assert state.cursor.position == 1


def test_digits_jump(stage, qtbot):
    widget, state = stage(bench.sentiment(T=30))
    qtbot.keyClicks(widget, "12")
    assert "→ 12" in widget.head.headline.text()
    qtbot.keyClick(widget, Qt.Key.Key_Return)
    assert state.cursor.position == 12 and "→" not in widget.head.headline.text()
    qtbot.keyClicks(widget, "99")
    qtbot.keyClick(widget, Qt.Key.Key_Enter)
    assert state.cursor.position == 30
    qtbot.keyClicks(widget, "7")
    qtbot.waitUntil(lambda: state.cursor.position == 7, timeout=3000)


def test_l_takes_the_next_cell_that_goes_with_the_network(stage, qtbot):
    widget, state = stage()
    qtbot.keyClick(widget, Qt.Key.Key_L)
    assert len(state.cells) == 1 and state.cells[0] != "rnn"
    tried = []

    def refuse(name):
        tried.append(name)
        if len(tried) == 1:
            raise SpecError("cell", name, "another")

    state.document.set_cell = refuse
    qtbot.keyClick(widget, Qt.Key.Key_L)
    assert len(tried) == 2


def test_plus_and_minus_enlarge(stage, qtbot):
    widget, _ = stage()
    unit = widget.score.scene.unit
    qtbot.keyClicks(widget, "+")
    assert widget.score.scene.unit == pytest.approx(unit * 1.1)
    qtbot.keyClicks(widget, "--")
    assert widget.score.scene.unit == pytest.approx(unit / 1.1)


@pytest.mark.parametrize("keys", ["++", "++--++", "++++"])
def test_the_head_keeps_room_for_its_sentence_when_zooms_follow_each_other(stage, qtbot, keys):
    widget, _ = stage(bench.translation(), size=(1280, 720), position=5)
    qtbot.keyClicks(widget, keys)
    QApplication.processEvents()
    head, sentence = widget.head, widget.head.sentence
    assert sentence.height() >= sentence.heightForWidth(sentence.width())
    assert sentence.geometry().bottom() < head.height()
    assert head.geometry().bottom() < widget.score.y()


@pytest.mark.parametrize(("size", "share"), [((1920, 1080), 1.0), ((1280, 720), 2 / 3), ((3840, 2160), 2.0)])
def test_letters_grow_with_the_screen(stage, size, share):
    widget, _ = stage(size=size, position=9)
    scene = widget.score.scene
    assert scene.least == pytest.approx(22 * share, abs=0.5)
    drawn = scene.stage(scene.strips[0], 0, 100)
    assert face("ui", drawn.type(8)).font.pixelSize() >= round(22 * share)
    sentence = widget.head.sentence
    letters = fonts.ui(sentence._fitted)
    assert sentence.minimumSizeHint().height() >= QFontMetricsF(letters).height()
    assert letters.pixelSize() >= round(40 * share)


@pytest.mark.parametrize("made", [bench.sentiment, bench.translation, bench.tagging, bench.caption])
def test_nothing_is_written_smaller_than_the_back_row_reads(stage, made):
    widget, state = stage(made())
    widget.score.scene.choose([track.id for track in widget.score.scene.available])
    widget.score.canvas.repaint_all()
    for position in (1, state.cursor.count // 2, state.cursor.count):
        state.cursor.go(position)
        drawing, lines = QBuffer(), QSvgGenerator()
        lines.setOutputDevice(drawing)
        lines.setSize(widget.size())
        with QPainter(lines) as painter:
            widget.render(painter, QPoint(0, 0))
        heights = re.findall(r'<text [^>]*font-size="([0-9.]+)"', drawing.data().toStdString())
        assert heights and min(map(float, heights)) >= 22


def test_every_sentence_begins_at_one_height(stage):
    widget, state = stage()
    tops = set()
    for position in range(1, state.cursor.count + 1):
        state.cursor.go(position)
        QApplication.processEvents()
        tops.add((widget.head.sentence.y(), widget.score.y()))
        equation, formula = widget.head.equation, widget.head.equation.sizeHint()
        drawn = min(1.0, equation.width() / formula.width(), equation.height() / formula.height()) * formula.width()
        assert widget.head.width() - equation.x() - drawn < 4  # it ends at the right edge
    assert len(tops) == 1


@pytest.mark.parametrize(
    "made", [bench.sentiment, bench.translation, lambda: bench.tagging(T=3, layers=2), bench.caption]
)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_sentence_is_cut_and_every_track_is_in_view(stage, dressed, made, theme):
    dressed.choose(theme)
    widget, state = stage(made())
    for position in range(state.cursor.count + 1):
        state.cursor.go(position)
        QApplication.processEvents()
        assert not widget.head.sentence.elided(), widget.head.sentence.text()
    scene = widget.score.scene
    assert scene.lowest == 0 and scene.tall <= scene.height + 1
    assert [s.track.kind for s in scene.strips] == ["diagram", "tokens", "norm"]
    widget.grab()


def test_another_run_while_it_is_on(stage):
    widget, state = stage(position=5)
    state.show(*bench.sentiment("lstm"))
    assert "LSTM" in widget.head.headline.text() and state.cursor.position == 5
    widget.hide()
    state.cursor.go(6)
    widget.show()
    assert "step 6" in widget.head.headline.text()


def test_nothing_has_run_yet(qtbot, dressed):
    widget = Presentation(bench.State())
    qtbot.addWidget(widget)
    widget.show()
    for key in ("l", "5", "+", "b"):
        qtbot.keyClicks(widget, key)
    widget.grab()


def test_the_other_screen_is_taken():
    one, two, three = object(), object(), object()
    assert chosen_screen([one, two, three], one) is two
    assert chosen_screen([one, two], two) is one
    assert chosen_screen([one], one) is one
    assert chosen_screen([one, two], None) is two
    assert chosen_screen([], None) is None


def test_indices_are_set_lower():
    assert lowered("by W_h and", "plain") == [("by W", "text"), ("h", "sub"), (" and", "text")]
    assert lowered("“like”", "forward") == [("“like”", "forward")]


def test_r_rolls_the_network_up_and_out_without_a_step(stage, qtbot):
    widget, state = stage(position=5)
    qtbot.keyClick(widget, Qt.Key.Key_R)
    assert (widget.fold.rolled, widget.score.scene.fold, state.cursor.position) == (True, 1.0, 5)
    qtbot.keyClick(widget, Qt.Key.Key_PageDown)
    assert state.cursor.position == 6
    qtbot.keyClick(widget, Qt.Key.Key_R)
    assert (widget.fold.rolled, widget.score.scene.fold) == (False, 0.0)


def test_w_lights_one_shared_weight_after_the_other(stage, qtbot):
    widget, state = stage(position=5)
    seen = []
    for _ in range(4):
        qtbot.keyClick(widget, Qt.Key.Key_W)
        seen.append(widget.score.scene.lit)
    assert seen == [*WEIGHTS, ""]
    assert state.cursor.position == 5


def test_the_switch_is_there_while_the_pointer_is_and_a_click_on_it_is_no_step(stage, qtbot):
    widget, state = stage(position=5)
    assert not widget.switch.isVisible()
    qtbot.mouseMove(widget, QPoint(900, 500))
    assert widget.switch.isVisible()
    assert widget.switch.font().pixelSize() >= 22
    assert widget.children().index(widget.switch) > widget.children().index(widget.score)  # it covers the score
    assert widget.switch.geometry().right() < widget.score.geometry().left() + widget.score.gutter.width()
    qtbot.mouseClick(widget.switch, Qt.MouseButton.LeftButton)
    assert (widget.fold.rolled, state.cursor.position) == (True, 5)
    assert widget.switch.text().startswith("Unrolled")
    assert not widget.switch.hasFocus()
    widget._idle.timeout.emit()
    assert not widget.switch.isVisible()


def test_the_help_names_the_keys_of_the_stage(stage, qtbot):
    keys = {key for _, row in entries() for key in row.replace(",", " ").split()}
    assert {"R", "W", "L", "T", "B", "PgDown", "PgUp", "Esc", "F5"} <= keys
