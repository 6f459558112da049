"""Themes are complete and readable, colour maps honest, numbers well written, icons and zoom live."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings, QSize
from PySide6.QtGui import QFontInfo, QIcon, QPalette
from PySide6.QtWidgets import QWidget

import resources
from gui import colormaps, fonts, format, icons, mathematics, palette, style
from gui.settings import Settings
from gui.theme import Themes, px, theme

NAMES = [path.stem for path in sorted(resources.path("themes").glob("*.json"))]
TEXTS = ("text", "muted", "forward", "backward", "warning", "error", "success")
GROUNDS = ("window", "panel", "canvas", "card", "field", "slot")


@pytest.fixture(params=NAMES)
def worn(request) -> palette.Theme:
    return Themes().get(request.param)


def test_there_are_the_three_themes():
    assert {"light", "dark", "high-contrast"} <= set(NAMES)
    assert Themes().names()[:4] == ["system", "light", "dark", "high-contrast"]


def test_theme_is_complete(worn):
    assert all(worn.color(role).isValid() for role in palette.ROLES)
    assert worn.diverging.shape == worn.sequential.shape == (256, 4)
    assert worn.diverging.dtype == worn.sequential.dtype == np.uint8
    assert (worn.diverging[:, 3] == 255).all() and (worn.sequential[:, 3] == 255).all()
    assert 0 < worn.playhead.alpha() < 255


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_is_readable(worn, text, ground):
    assert palette.contrast(worn.color(text), worn.color(ground)) >= 4.5


@pytest.mark.parametrize("text", ["text", "muted", "forward", "backward"])
def test_text_is_readable_under_the_playhead(worn, text):
    band = palette.blend(worn.canvas, worn.playhead)
    assert palette.contrast(worn.color(text), band) >= 4.5


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("on_ink", "ink"),
        ("on_forward", "forward"),
        ("on_backward", "backward"),
        ("text", "forward_soft"),
        ("text", "backward_soft"),
    ],
)
def test_text_is_readable_on_its_fill(worn, text, ground):
    assert palette.contrast(worn.color(text), worn.color(ground)) >= 4.5


def test_focus_is_visible(worn):
    assert all(palette.contrast(worn.focus, worn.color(ground)) >= 3 for ground in ("panel", "canvas", "field"))


def test_diverging_map_is_symmetric_in_lightness(worn):
    lightness = colormaps.oklab(worn.diverging[:, :3] / 255)[:, 0]
    np.testing.assert_allclose(lightness, lightness[::-1], atol=0.01)


def test_diverging_map_is_monotone_and_even(worn):
    half = colormaps.oklab(worn.diverging[128:, :3] / 255)
    steps = np.diff(half[:, 0]) * (1 if worn.dark else -1)
    assert (steps > -0.004).all() and steps.sum() > 0.3
    distances = np.linalg.norm(half[8::8] - half[:-8:8], axis=1)
    assert distances.max() < 1.3 * distances.min()


def test_diverging_map_is_centred_on_the_neutral(worn):
    assert (worn.diverging[127] == worn.diverging[128]).all()
    zero, plus, minus = (colormaps.diverging(value, 1.0, worn) for value in (0.0, 0.7, -0.7))
    assert palette.contrast(zero, worn.slot) < 1.35
    assert plus.green() > plus.red() and minus.red() > minus.green()


@pytest.mark.parametrize("cone", ["red", "green"])
def test_signs_differ_for_colour_blind_viewers(worn, cone):
    # Machado, Oliveira and Fernandes 2009, full protanopia and deuteranopia, in linear light.
    matrices = {
        "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    }
    seen = np.clip(colormaps.linear(worn.diverging[:, :3] / 255) @ np.array(matrices[cone]).T, 0, 1)
    back = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    ends = colormaps.oklab(back[[0, 255]])
    # Two colours side by side can be told apart from about 0.02 on.
    assert np.linalg.norm(ends[0] - ends[1]) > 0.12


def test_sequential_map_rises_against_the_ground(worn):
    lightness = colormaps.oklab(worn.sequential[:, :3] / 255)[:, 0]
    assert (np.diff(lightness) * (1 if worn.dark else -1) > -0.003).all()
    assert abs(lightness[-1] - lightness[0]) > 0.8


def test_pass_colours_are_those_of_the_design():
    light, dark = Themes().get("light"), Themes().get("dark")
    assert (light.forward.name(), light.backward.name()) == ("#0b6bcb", "#c2410c")
    assert (dark.forward.name(), dark.backward.name()) == ("#5ab0ff", "#ff9a5c")


def test_colours_of_arrays_and_numbers_agree(worn):
    values = np.array([[-2.0, -0.3, 0.0], [0.3, 2.0, np.nan]])
    colours = colormaps.diverging(values, 1.0, worn)
    assert colours.shape == (2, 3, 4) and colours.dtype == np.uint8
    for place, value in np.ndenumerate(values):
        assert tuple(colours[place]) == colormaps.diverging(float(value), 1.0, worn).getRgb()
    assert tuple(colours[1, 2]) == worn.warning.getRgb()
    assert colormaps.invalid(values).tolist() == [[False] * 3, [False, False, True]]


def test_image_has_a_pixel_a_value_and_shows_empty_slots(worn):
    values = np.array([[1.0, -1.0, 0.5], [np.inf, 0.0, 0.2]])
    empty = np.array([[False, False, True], [False, False, True]])
    image = colormaps.diverging_image(values, 1.0, worn, empty)
    assert image.size() == QSize(3, 2)
    assert image.pixelColor(0, 0) == colormaps.diverging(1.0, 1.0, worn)
    assert image.pixelColor(1, 0) == colormaps.diverging(-1.0, 1.0, worn)
    assert image.pixelColor(2, 1).name() == worn.slot.name()
    assert image.pixelColor(0, 1).name() == worn.warning.name()


@pytest.mark.parametrize("scale", [0.0, np.nan, np.inf, -1.0])
def test_a_useless_scale_is_not_an_error(worn, scale):
    assert colormaps.diverging(0.0, scale, worn) == colormaps.diverging(0.0, 1.0, worn)


def test_sequential_is_logarithmic_and_takes_zero(worn):
    colours = colormaps.sequential(np.array([0.0, 1e-4, 1e-2, 1.0]), 1e-4, 1.0, worn)
    assert (colours[0] == worn.sequential[0]).all() and (colours[1] == worn.sequential[0]).all()
    assert (colours[2] == worn.sequential[128]).all() and (colours[3] == worn.sequential[255]).all()
    assert (colormaps.sequential(np.array(0.5), 0.0, 1.0, worn, log=False).getRgb()) == tuple(worn.sequential[128])
    image = colormaps.sequential_image(np.array([[1.0, np.nan]]), 1e-4, 1.0, worn)
    assert image.pixelColor(1, 0).name() == worn.warning.name()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["colors"].pop("ink"), "'ink' is missing"),
        (lambda content: content["colors"].update(ink="dark"), r"colors\.ink is 'dark'"),
        (lambda content: content["diverging"].update(negative=3), r"diverging\.negative is 3"),
        (lambda content: content["sequential"].update(map="jet"), "sequential.map names no map"),
    ],
)
def test_bad_theme_file_says_what_is_wrong(tmp_path: Path, change, message):
    content = json.loads(resources.path("themes", "light.json").read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "magma.map").write_text(resources.path("themes", "magma.map").read_text(encoding="utf-8"))
    with pytest.raises(palette.ThemeError, match=rf"mine\.json: .*{message}"):
        palette.load(path)


def test_choosing_dresses_the_application_and_tells(qtbot, dressed, qapp):
    with qtbot.waitSignal(dressed.changed) as told:
        dressed.choose("dark")
    assert told.args[0] is theme() and theme().name == "dark"
    assert qapp.palette().color(QPalette.ColorRole.Window) == theme().window
    assert theme().ink.name() in qapp.styleSheet() and "@" not in qapp.styleSheet()
    with qtbot.assertNotEmitted(dressed.changed):
        dressed.choose("dark")
    with pytest.raises(KeyError, match="'pink': allowed are system, light"):
        dressed.choose("pink")


def test_zoom_is_bounded_and_reaches_fonts_lengths_and_style(qtbot, dressed, qapp):
    with qtbot.waitSignal(dressed.zoom_changed) as told:
        dressed.zoom = 2.0
    assert told.args == [2.0]
    assert qapp.font().pixelSize() == 26 and px(8) == 16
    assert fonts.ui(11).pixelSize() == 22 and fonts.ui(11, scaled=False).pixelSize() == 11
    assert qapp.style().pixelMetric(style.QStyle.PixelMetric.PM_IndicatorWidth) == 32
    dressed.zoom = 9.0
    assert dressed.zoom == 2.5
    dressed.zoom_in()
    assert dressed.zoom == 2.5
    dressed.zoom_out()
    assert dressed.zoom == 2.25
    dressed.zoom_reset()
    assert dressed.zoom == 1.0
    dressed.zoom = 0.1
    assert dressed.zoom == 0.7


@pytest.mark.parametrize(
    ("make", "family"),
    [(fonts.ui, "Inter"), (fonts.mono, "JetBrains Mono"), (fonts.math, "STIX Two Text")],
)
def test_shipped_fonts_are_used(dressed, make, family):
    assert QFontInfo(make(14)).family() == family


def test_icons_follow_the_theme_and_are_sharp(dressed):
    picture = QIcon(icons.icon("play", "text"))
    names = set()
    for name in ("light", "dark"):
        dressed.choose(name)
        pixmap = picture.pixmap(QSize(16, 16), 2.0)
        assert pixmap.width() == 32 and pixmap.devicePixelRatio() == 2.0
        image = pixmap.toImage()
        colours = [image.pixelColor(x, y) for x in range(32) for y in range(32)]
        names.add(max(colours, key=lambda colour: colour.alpha()).name())
    assert names == {Themes().get("light").text.name(), Themes().get("dark").text.name()}
    with pytest.raises(FileNotFoundError, match=r"icons/unheard\.svg"):
        icons.icon("unheard")
    with pytest.raises(KeyError, match="'pink': allowed are"):
        icons.icon("play", "pink")


def test_style_has_its_pictures(dressed, qapp):
    for picture in style.PICTURES:
        assert not qapp.style().standardIcon(picture).pixmap(16, 16).isNull()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.3554, "0.355"),
        (-0.412, "−0.412"),
        (0.5, "0.500"),
        (12.345, "12.3"),
        (9.999, "10.0"),
        (1234.4, "1234"),
        (12345.6, "12\u202f346"),
        (1.2e-5, "1.20\u202f×\u202f10⁻⁵"),
        (-3e10, "−3.00\u202f×\u202f10¹⁰"),
        (0.0, "0"),
        (float("nan"), "not a number"),
        (float("-inf"), "−infinity"),
    ],
)
def test_number(value, text):
    assert format.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.574, "57\u202f%"),
        (0.09, "9\u202f%"),
        (0.004, "0.4\u202f%"),
        (0.00001, "<\u202f0.01\u202f%"),
        (0.0, "0\u202f%"),
        (1.0, "100\u202f%"),
        (0.997, "99.7\u202f%"),
        (0.99999, ">\u202f99.9\u202f%"),
        (2.4, "240\u202f%"),
        (-0.3, "−30\u202f%"),
        (float("nan"), "not a number"),
    ],
)
def test_percent(value, text):
    assert format.percent(value) == text


def test_counts_shapes_columns_and_full_values():
    assert format.count(131) == "131" and format.count(1234567) == "1\u202f234\u202f567"
    assert format.shape((8, 4)) == "(8, 4)" and format.shape((8,)) == "(8,)"
    assert format.fixed(-0.4) == "−0.400" and format.fixed(-0.0001) == "0.000"
    assert format.percent(0.891, 1) == "89.1\u202f%"
    assert format.full(-0.1) == "−0.1" and format.full(1e-20) == "1e−20"


def test_formula_is_kept_by_latex_size_and_colour(dressed):
    first = mathematics.render(r"h_5 = \tanh(W_h h_4)", 18, "#1b2430")
    assert first is mathematics.render(r"h_5 = \tanh(W_h h_4)", 18, "#1b2430")
    assert first is not mathematics.render(r"h_5 = \tanh(W_h h_4)", 18, "#ffffff")
    assert first.renderer.isValid() and first.width > 80 and 0 < first.ascent < first.height
    with pytest.raises(mathematics.MathematicsError, match="cannot typeset"):
        mathematics.render(r"\frac{1}{", 18, "#000000")


def test_template_keeps_a_place_for_every_number(dressed):
    template = mathematics.Template(r"h = \tanh({{a:0.000}} + {{b:0.000}}) = {{a:0.000}}")
    assert template.names == ("a", "b")
    formula, slots = template.layout(20, "#1b2430")
    assert [slot.name for slot in slots] == ["a", "b", "a"]
    lefts = [slot.rect.left() for slot in slots]
    assert lefts == sorted(lefts) and slots[-1].rect.right() <= formula.width
    assert all(slot.rect.width() > 20 and slot.rect.height() > 8 for slot in slots)


def test_math_label_fits_its_width_and_follows_theme_and_zoom(qtbot, dressed):
    holder = QWidget()
    qtbot.addWidget(holder)
    label = mathematics.MathLabel(r"h_5 = W_x x_5 + W_h h_4 + b", 18, spoken="the new state", parent=holder)
    assert label.accessibleName() == "the new state"
    label.resize(90, 30)
    image = label.grab().toImage()
    ground = image.pixelColor(0, 0)
    right = [image.pixelColor(image.width() - 1, y) for y in range(image.height())]
    assert all(colour == ground for colour in right)
    small = label.sizeHint().width()
    dressed.zoom = 2.0
    assert label.sizeHint().width() > 1.8 * small
    with pytest.raises(mathematics.MathematicsError):
        label.set_latex(r"\frac{1}{")
    assert label.latex().startswith("h_5")


def test_settings_are_typed_and_survive_nonsense(tmp_path: Path):
    def opened() -> Settings:
        return Settings(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))

    settings = opened()
    assert (settings.theme, settings.zoom, settings.preview, settings.tracks("workspace")) == (
        "system",
        1.0,
        False,
        None,
    )
    settings.theme, settings.zoom, settings.preview = "dark", 1.25, True
    settings.set_tracks("workspace", ["tokens"])
    settings.set_tracks("presentation", [])
    settings.sync()
    again = opened()
    assert (again.theme, again.zoom, again.preview) == ("dark", 1.25, True)
    assert again.tracks("workspace") == ["tokens"] and again.tracks("presentation") == []
    for key, nonsense in {"zoom": "big", "speed": "1e9", "granularity": "century"}.items():
        again.store.setValue(key, nonsense)
    assert (again.zoom, again.speed, again.granularity) == (1.0, 1.0, "token")
    again.clear()
    assert again.theme == "system"
