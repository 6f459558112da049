"""The three shipped type families, and the one place that knows the zoom.

Inter is for the interface, JetBrains Mono for numbers, STIX Two for mathematics. Every size is in pixels
at a zoom of 1.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QFont, QFontDatabase

import resources

INTERFACE = ["Inter", "JetBrains Mono", "Segoe UI", "Helvetica Neue", "Noto Sans", "sans-serif"]
NUMBERS = ["JetBrains Mono", "Inter", "Cascadia Mono", "Menlo", "DejaVu Sans Mono", "monospace"]
MATHEMATICS = ["STIX Two Text", "STIX Two Math", "Cambria Math", "Times New Roman", "serif"]
"""Each shipped family, then the shipped one that has the signs it lacks (⊙, ⊤; ‖, ⁻), then the system's."""
BASE = 13
STANDING_IN = "()*+,-.0123456789::;<=>@[]{}~±×÷įɉɨʝḭị‒–—•‣⁃⁌⁍←→↔⇐⇒⇔−≈≠≤≥▪◦⟵⟶⟷⟸⟹⟺"
"""Of which character each code of Inter's own is another form: figures of one width, signs as high as capitals."""
FIRST_CODE, CODES_APART = 0xF000, 2

_zoom = 1.0
_loaded: list[int] = []


def load() -> None:
    """Add the shipped font files to the application, once."""
    if _loaded:
        return
    for path in sorted(resources.path("fonts").glob("*.[ot]tf")):
        _loaded.append(QFontDatabase.addApplicationFont(str(path)))


def character(code: int) -> str:
    """Return the character that a code of a shipped font stands for."""
    place, between = divmod(code - FIRST_CODE, CODES_APART)
    return STANDING_IN[place] if not between and 0 <= place < len(STANDING_IN) else chr(code)


def zoom() -> float:
    """Return the factor by which every size is multiplied."""
    return _zoom


def set_zoom(value: float) -> None:
    """Set the factor; only the themes call this, since they also tell everybody."""
    global _zoom
    _zoom = value


def scaled(length: float) -> int:
    """Return a length in pixels at the current zoom; what is not nothing stays at least one pixel."""
    return max(1, round(length * _zoom)) if length > 0 else round(length * _zoom)


def ui(px: float = BASE, weight: int = 400, scaled: bool = True) -> QFont:
    """Return the interface font with figures of one width."""
    return _font(INTERFACE, px, weight, scaled, QFont.StyleHint.SansSerif)


def mono(px: float = BASE, weight: int = 400, scaled: bool = True) -> QFont:
    """Return the font of numbers."""
    font = _font(NUMBERS, px, weight, scaled, QFont.StyleHint.Monospace)
    # Its ligatures turn "->" and "!=" into pictures, which has no place among measured values.
    font.setFeature(QFont.Tag("calt"), 0)
    return font


def math(px: float = BASE, italic: bool = True, weight: int = 400, scaled: bool = True) -> QFont:
    """Return the font of mathematical symbols; variables are italic, functions and numbers upright."""
    font = _font(MATHEMATICS, px, weight, scaled, QFont.StyleHint.Serif)
    font.setItalic(italic)
    return font


def _font(families: list[str], px: float, weight: int, zoomed: bool, hint: QFont.StyleHint) -> QFont:
    # A copy of one made before: paint events ask for many, and a new one costs fifteen times as much.
    return QFont(_made(tuple(families), max(1, round(px * (_zoom if zoomed else 1.0))), weight, hint))


@lru_cache(maxsize=256)
def _made(families: tuple[str, ...], pixels: int, weight: int, hint: QFont.StyleHint) -> QFont:
    font = QFont()
    font.setFamilies(families)
    font.setStyleHint(hint)
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight(weight))
    font.setFeature(QFont.Tag("tnum"), 1)
    return font
