"""What the set-up must bring: a sound PySide6, the shipped fonts and icons, and no state from elsewhere."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QSettings, QStandardPaths, Signal
from PySide6.QtGui import QFontDatabase, QImage, QPainter, QRawFont
from PySide6.QtSvg import QSvgRenderer

import resources

ROOT = Path(__file__).resolve().parents[1]
FONTS = sorted(resources.path("fonts").glob("*.[ot]tf"))
ICONS = sorted(resources.path("icons").glob("*.svg"))


def name_of(path: Path) -> str:
    return path.stem


class Emitter(QObject):
    happened = Signal(bool)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal there: no count can reach zero")
def test_signals_keep_the_reference_counts_of_constants(qapp):
    """PySide6 6.12 on Python 3.11 loses one reference per emission, until the process aborts."""
    emitter = Emitter()
    received = []
    emitter.happened.connect(received.append)
    emitter.happened.emit(True)
    received.clear()
    before = sys.getrefcount(None), sys.getrefcount(True)
    for _ in range(200):
        emitter.happened.emit(True)
        emitter.blockSignals(False)
        received.clear()
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert abs(after[0] - before[0]) < 50
    assert abs(after[1] - before[1]) < 50


def test_fonts_are_there_with_their_licences():
    names = {path.stem for path in FONTS}
    assert {"Inter-Regular", "Inter-SemiBold", "JetBrainsMono-Regular", "STIXTwoText-Italic"} <= names
    for family in {re.split(r"Text|Math|-", path.stem)[0] for path in FONTS}:
        licence = resources.path("fonts", f"{family}-OFL.txt").read_text(encoding="utf-8")
        assert licence.startswith("Copyright") and "SIL OPEN FONT LICENSE" in licence


@pytest.mark.parametrize("path", FONTS, ids=name_of)
def test_font_loads(qapp, path):
    number = QFontDatabase.addApplicationFont(str(path))
    assert number >= 0
    families = QFontDatabase.applicationFontFamilies(number)
    assert families[0] in {"Inter", "JetBrains Mono", "STIX Two Text", "STIX Two Math"}
    QFontDatabase.removeApplicationFont(number)


def test_mathematical_fonts_hold_the_signs_of_the_field():
    fonts = [QRawFont(str(path), 20) for path in FONTS if path.stem.startswith("STIX")]
    for sign in "hcxWLσφλΔ∂∑∇⊙‖′·×−≈≤→←√∞":
        assert any(font.supportsCharacter(ord(sign)) for font in fonts), sign


@pytest.mark.parametrize("path", ICONS, ids=name_of)
def test_icon_draws_something(qapp, path):
    renderer = QSvgRenderer(str(path))
    assert renderer.isValid()
    image = QImage(32, 32, QImage.Format.Format_ARGB32)
    image.fill(0)
    with QPainter(image) as painter:
        renderer.render(painter)
    inked = sum(image.pixelColor(x, y).alpha() > 0 for x in range(32) for y in range(32))
    assert inked > 20


@pytest.mark.parametrize("path", [p for p in ICONS if p.stem != "loopscope"], ids=name_of)
def test_icon_can_be_recoloured(path):
    text = path.read_text(encoding="utf-8")
    assert "currentColor" in text and "#" not in text


def test_a_missing_resource_is_named():
    with pytest.raises(FileNotFoundError, match=r"icons/no-such\.svg"):
        resources.path("icons", "no-such.svg")


@pytest.mark.parametrize("value", [1, 2])
def test_settings_start_empty_and_stay_in_the_test(fresh_settings, value):
    stored = QSettings("Loopscope", "Loopscope")
    assert stored.allKeys() == []
    stored.setValue("value", value)
    stored.sync()
    assert QSettings("Loopscope", "Loopscope").value("value", type=int) == value
    if sys.platform == "linux":
        assert str(fresh_settings) in stored.fileName()
        data = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.AppDataLocation)
        assert data.startswith(str(fresh_settings))


def pinned_names() -> set[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[\w.+]+", pin) for pin in pins)
    return {canonical(pin.split("==")[0]) for pin in pins}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(line: str) -> str:
    return canonical(re.match(r"[A-Za-z0-9_.-]+", line).group())


def test_every_requirement_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {requirement_name(line) for group in groups for line in group}
    assert names <= pinned_names()


def test_the_set_up_asks_for_what_the_project_says():
    command = [sys.executable, ".ci/requirements.py", "torch"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = [requirement_name(line) for line in done.stdout.splitlines()]
    assert "numpy" in names and "torch" in names and "pytest" not in names


@pytest.mark.skipif(sys.platform == "win32", reason="the set-up script is for Linux and macOS")
@pytest.mark.parametrize("script", [".ci/setup.sh", ".ci/run"])
def test_the_scripts_parse(script):
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True, capture_output=True)
