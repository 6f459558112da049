"""What is in a picture's file: true colours, text that can be searched, hard edges, and exactly the size asked for."""

import base64
import re
import shutil
import subprocess
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QRawFont
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication, QScrollArea, QTabBar

import resources
from gui import cut, fonts, snapshot
from gui.export import posing
from gui.export.fields import ALL, OWN
from gui.export.studio import SCORE, STAGE, WINDOW, Studio, Subject, drawn, ready
from gui.score_scene import READABLE
from gui.svg_images import sharpened
from gui.theme import theme

INSPECTOR, FLOW, CLIPPING = "dock.inspector", "dock.lab-flow", "dock.lab-clipping"


@pytest.fixture
def window(standing):
    return standing(1280, 800, 9)


def opened(window, name):
    """A panel that has just been opened, in front of its tabs."""
    dock = next(dock for dock in window.docks if dock.objectName() == name)
    dock.show()
    dock.raise_()
    return dock.widget()


def docks_of(window):
    return {dock.objectName(): dock.geometry() for dock in window.docks if not dock.visibleRegion().isEmpty()}


def pdf(window, what, look="light"):
    with drawn(window, Subject(what, look)) as widget:
        return bytes(snapshot.drawn(widget, ".pdf")())


def test_colours_of_a_pdf_are_kept_as_they_are(window):
    opened(window, FLOW)
    data = pdf(window, FLOW)
    assert b"/Image" in data and b"/DCTDecode" not in data


@pytest.mark.parametrize("what", [SCORE, STAGE, WINDOW, INSPECTOR])
def test_every_glyph_of_a_pdf_has_its_character(window, what):
    entries = re.findall(rb"^<[0-9A-F]{4}> <[0-9A-F]{4}> (\[.*\]|<[0-9A-F]{4}>)", pdf(window, what), re.MULTILINE)
    found = {chr(int(code, 16)) for entry in entries for code in re.findall(rb"[0-9A-F]{4}", entry)} - {"\0"}
    assert set("07 ") <= found
    assert not [each for each in found if "\ue000" <= each < "\uf900" or each == "\t"]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="there is no pdftotext")
def test_the_text_of_a_pdf_can_be_searched(window, tmp_path):
    (tmp_path / "a.pdf").write_bytes(pdf(window, STAGE))
    done = subprocess.run(["pdftotext", "-raw", tmp_path / "a.pdf", "-"], capture_output=True, check=True, timeout=60)
    text = done.stdout.decode()
    assert "step 7 of 7" in text and "The error enters at “movie”: ‖∂L/∂h‖ = 0.0544." in text


def test_the_shipped_fonts_have_the_codes_by_which_a_pdf_is_read(qapp):
    for path in sorted(resources.path("fonts").glob("Inter-*.otf")):
        font = QRawFont(str(path), 20)
        codes = [fonts.FIRST_CODE + fonts.CODES_APART * i for i in range(len(fonts.STANDING_IN))]
        assert [fonts.character(code) for code in codes] == list(fonts.STANDING_IN)
        assert all(font.supportsCharacter(code) for code in codes)
    assert fonts.character(ord("1")) == "1" and fonts.character(fonts.FIRST_CODE + 1) == chr(fonts.FIRST_CODE + 1)


def svg_of(image, area):
    """An SVG of Qt's with a picture in an area."""
    generator, buffer = QSvgGenerator(), QBuffer()
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(400, 400))
    with QPainter(generator) as painter:
        painter.translate(10, 20)
        painter.drawImage(area, image)
    return bytes(buffer.data().data()).decode()


def test_a_small_picture_of_an_svg_becomes_rectangles():
    image = QImage(3, 2, QImage.Format.Format_ARGB32)
    image.fill(QColor("#ff0000"))
    image.setPixelColor(1, 0, QColor("#0000ff"))
    image.setPixelColor(2, 0, QColor(0, 0, 0, 0))
    text = sharpened(svg_of(image, QRectF(0, 0, 300, 100)))
    assert "<image" not in text
    found = re.findall(r'<rect x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)" fill="(\S+)" fill-opacity="1"/>', text)
    assert sorted(found) == [
        ("0", "0", "100", "50", "#ff0000"), ("0", "50", "300", "50", "#ff0000"), ("100", "0", "100", "50", "#0000ff"),
    ]  # fmt: skip


def test_a_picture_of_too_many_rectangles_gets_more_pixels_of_the_same_colours():
    values = np.random.default_rng(3).integers(0, 2**24, (90, 100)).astype(np.uint32) | 0xFF000000
    image = QImage(values.tobytes(), 100, 90, 400, QImage.Format.Format_RGB32)
    text = sharpened(svg_of(image, QRectF(0, 0, 250, 270)))
    found = QImage.fromData(QByteArray(base64.b64decode(re.findall(r'base64,([^"]*)"', text)[0])))
    assert found.width() % 100 == 0 and found.width() >= 500 and found.height() % 90 == 0 and found.height() >= 540
    assert found.convertToFormat(image.format()).scaled(100, 90) == image


def test_heatmaps_of_panels_are_rectangles(window):
    opened(window, FLOW)
    with drawn(window, Subject(FLOW, "light")) as widget:
        text = snapshot.svg(widget).decode()
    assert "crispEdges" in text and "optimizeSpeed" not in text


@pytest.mark.parametrize("what", [WINDOW, FLOW])
def test_what_is_still_being_computed_is_waited_for(window, what):
    panel = opened(window, FLOW)
    assert window.state.session.analysing or panel.isVisible()
    with drawn(window, Subject(what, "light", QSize(1400, 900))) as shot:
        first = snapshot.image(shot, 1.0)
    QApplication.processEvents()
    with drawn(window, Subject(what, "light", QSize(1400, 900))) as shot:
        assert snapshot.image(shot, 1.0) == first
    assert not window.state.session.analysing


@pytest.mark.parametrize("size", [QSize(1000, 700), QSize(641, 361), QSize(1700, 1000)])
def test_a_picture_of_the_window_has_exactly_the_size_asked_for(window, size):
    with drawn(window, Subject(WINDOW, "light", size)) as shot:
        assert snapshot.image(shot, 1.0).size() == size and snapshot.image(shot, 2.0).size() == size * 2
        text = snapshot.svg(shot).decode()
        page = bytes(snapshot.drawn(shot, ".pdf")())
    assert f'viewBox="0 0 {size.width()} {size.height()}"' in text
    found = re.findall(rb"/MediaBox \[\S+ \S+ (\S+) (\S+)\]", page)[0]
    assert [float(side) for side in found] == pytest.approx([size.width() * 0.75, size.height() * 0.75], abs=1)


@pytest.mark.parametrize("size", [QSize(800, 600), QSize(1700, 1000)])
def test_the_window_poses_as_it_is_and_stays_as_it_is(window, size):
    panel = opened(window, CLIPPING)
    posing.wait_for(lambda: ready(window))
    panel.limit.set_value(0.2)
    panel.limit.committed.emit(0.2)
    score, docks, state = window.score, docks_of(window), bytes(window.saveState().data())
    own, theme_before, bars = window.size(), theme().name, window.findChildren(QTabBar)
    posing.wait_for(lambda: ready(window))
    before, scrolled = score.grab().toImage(), score.scene.axis.scroll
    with drawn(window, Subject(WINDOW, "light", size)) as shot:
        assert shot.widget is window and panel.limit.value() == pytest.approx(0.2)
        assert docks_of(window) != docks
    assert window.size() == own and theme().name == theme_before
    assert docks_of(window) == docks and bytes(window.saveState().data()) == state
    assert score.grab().toImage() == before and score.scene.axis.scroll == scrolled
    assert window.findChildren(QTabBar) == bars


def test_what_is_scrolled_out_of_sight_covers_nothing(window):
    opened(window, FLOW)
    window.resize(1100, 620)
    with drawn(window, Subject(WINDOW, "light")) as shot:
        pixels, lines = snapshot.image(shot, 1.0), snapshot.image(shot, 2.0)
        text = snapshot.svg(shot).decode()
    bar = next(bar for bar in window.findChildren(QTabBar) if bar.isVisible())
    place = bar.geometry()
    of_lines = lines.scaled(pixels.size(), mode=Qt.TransformationMode.SmoothTransformation).copy(place)
    values = [np.frombuffer(bytes(each.constBits()), np.uint8).astype(int) for each in (pixels.copy(place), of_lines)]
    assert abs(values[0] - values[1]).mean() < 4
    assert cut._OWN not in text and "clip-path" in text and ElementTree.fromstring(text)


def test_all_of_a_panel_that_scrolls(window):
    panel = opened(window, INSPECTOR)
    window.resize(1280, 600)
    area = panel.findChild(QScrollArea)
    posing.wait_for(lambda: ready(window))
    with drawn(window, Subject(INSPECTOR, "light")):
        pass  # it has its layout now
    area.verticalScrollBar().setValue(40)
    most = area.verticalScrollBar().maximum()
    assert most > 100
    with drawn(window, Subject(INSPECTOR, "dark", None, whole=True)) as shot:
        assert area.verticalScrollBar().maximum() == 0 and shot.size.height() >= panel.height() - 1
    assert area.verticalScrollBar().value() == 40 and area.verticalScrollBar().maximum() == most
    window.actions_["file.picture"].trigger()
    fields = window.exporter.dialog.fields
    fields.what.set_current(INSPECTOR)
    fields.sizing.set_current(ALL)
    window.exporter.dialog.preview.refresh()
    assert fields.sizing.current() == ALL and fields.high.value() > panel.height() + 100
    fields.what.set_current(SCORE)
    window.exporter.dialog.preview.refresh()
    assert fields.sizing.current() == OWN


def test_between_two_frames_the_double_is_not_painted_in_the_window_s_theme(window):
    made = Studio(window, Subject(SCORE, "dark", QSize(800, 500)))
    try:
        with made.drawing() as shot:
            before = snapshot.image(shot, 1.0)
        made.widget.canvas.repaint_all()
        posing.wait_for(lambda: False, 60)
        with made.drawing() as shot:
            assert snapshot.image(shot, 1.0) == before
    finally:
        made.close()


def test_the_double_has_its_tabs_once(window):
    opened(window, FLOW)
    made = Studio(window, Subject(WINDOW, "light", QSize(1000, 700)))
    try:
        bars = made.widget.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
        assert len([bar for bar in bars if bar.isVisible()]) == 1
        with made.drawing() as shot:
            assert snapshot.image(shot, 1.0).size() == QSize(1000, 700)
    finally:
        made.close()


@pytest.fixture
def translation(qtbot, window):
    """The window with a network of two parts, whose outputs are named in every column."""
    window.state.document.open_scenario("translation")
    qtbot.waitUntil(lambda: not window.state.session.running, timeout=20_000)
    window.state.cursor.last()
    return window


@pytest.mark.parametrize("size", [QSize(800, 800), QSize(480, 480), QSize(500, 900), QSize(640, 360)])
def test_no_sentence_of_the_stage_is_cut(translation, size):
    made = Studio(translation, Subject(STAGE, "light", size))
    try:
        head = made.widget.head
        for position in range(made.state.cursor.count + 1):
            made.go(made.state.cursor.start(position))
            assert not head.sentence.elided() and not head.headline.elided(), head.headline.text()
    finally:
        made.close()


@pytest.mark.parametrize("size", [QSize(600, 400), QSize(641, 361), QSize(400, 700)])
def test_a_small_score_has_room_for_every_word_and_row(translation, size):
    with drawn(translation, Subject(SCORE, "light", size)) as shot:
        scene = shot.widget.scene
        assert shot.size == size and snapshot.image(shot, 1.0).size() == size
        assert scene.axis.column >= scene.px(READABLE) - 1 and scene.axis.furthest == 0
        assert all(strip.height >= strip.track.minimum * scene.unit - 1 for strip in scene.strips)


def test_a_score_of_very_many_columns_is_not_drawn_too_small_to_be_read(qtbot, window):
    window.state.document.edit("input", sources=("I do not like this movie " * 30,), targets=(None,))
    qtbot.waitUntil(lambda: not window.state.session.running, timeout=20_000)
    with drawn(window, Subject(SCORE, "light", QSize(1000, 600))) as shot:
        assert shot.area == shot.size and shot.widget.scene.axis.furthest == 0


def test_the_whole_score_has_columns_as_wide_as_the_window_s(translation):
    translation.resize(2600, 900)
    QApplication.processEvents()
    column = translation.score.scene.axis.column
    assert column > 2 * READABLE
    with drawn(translation, Subject(SCORE, "light")) as shot:
        assert shot.widget.scene.axis.column == pytest.approx(column, abs=1)
