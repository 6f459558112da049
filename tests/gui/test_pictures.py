"""What is in a picture's file: true colours, text that can be searched, hard edges, and exactly the size asked for."""

import base64
import re
import shutil
import subprocess

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QByteArray, QEvent, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QRawFont
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication

import resources
from gui import fonts, snapshot
from gui.export.studio import SCORE, STAGE, WINDOW, Subject, drawn
from gui.main_window import MainWindow
from gui.state.app_state import AppState
from gui.svg_images import sharpened

INSPECTOR, FLOW, CLIPPING = "dock.inspector", "dock.lab-flow", "dock.lab-clipping"


def gone(window, state):
    """Take a window down with all its threads."""
    window.close()
    state.close()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def window(qtbot, dressed):
    state = AppState()
    made = MainWindow(state)
    made.resize(1280, 800)
    made.show()
    qtbot.waitUntil(lambda: not state.session.running, timeout=20_000)
    state.cursor.go(9)
    yield made
    gone(made, state)


def opened(window, name):
    """A panel that has just been opened, in front of its tabs."""
    dock = next(dock for dock in window.docks if dock.objectName() == name)
    dock.show()
    dock.raise_()
    return dock.widget()


def pdf(window, what, look="light"):
    with drawn(window, Subject(what, look)) as widget:
        return bytes(snapshot.drawn(widget, ".pdf")())


def test_colours_of_a_pdf_are_kept_as_they_are(qtbot, window):
    opened(window, FLOW)
    qtbot.waitUntil(lambda: not window.state.session.analysing, timeout=20_000)
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


def test_heatmaps_of_panels_are_rectangles(qtbot, window):
    opened(window, FLOW)
    qtbot.waitUntil(lambda: not window.state.session.analysing, timeout=20_000)
    with drawn(window, Subject(FLOW, "light")) as widget:
        text = snapshot.svg(widget).decode()
    assert "crispEdges" in text and "optimizeSpeed" not in text
