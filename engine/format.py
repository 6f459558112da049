"""Numbers as people read them: significant digits, a true minus sign, words for what is not a number.

The words are replaced by their translations
when the application starts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "−"
THIN = "\u202f"
TIMES = "×"
WORDS = {"nan": "not a number", "inf": "infinity"}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 3) -> str:
    """Write a number with so many significant digits: 0.355, −12.0, 12 346, 1.20 × 10⁻⁵.

    The digits before the point are never cut; a power of ten is used below 10⁻⁴ and from 10⁶ on.
    """
    value = float(value)
    if not math.isfinite(value):
        return _word(value)
    if value == 0:
        return "0"
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    power = int(exponent)
    sign = MINUS if value < 0 else ""
    if power < -4 or power >= 6:
        return f"{sign}{mantissa}{THIN}{TIMES}{THIN}10{str(power).translate(_RAISED)}"
    return sign + _grouped(f"{abs(value):.{max(0, digits - 1 - power)}f}")


def fixed(value: float, decimals: int = 3) -> str:
    """Write a number with so many decimals, for columns: 0.355, −0.400."""
    value = float(value)
    if not math.isfinite(value):
        return _word(value)
    text = _grouped(f"{abs(value):.{decimals}f}")
    return MINUS + text if value < 0 and text.strip("0.") else text


def addend(value: float) -> str:
    """Write a number of a sum: three decimals (0.355), or two digits of one too small for them (0.0042)."""
    return number(value, 2) if 0 < abs(float(value)) < 0.01 else fixed(value)


def full(value: float) -> str:
    """Write the whole value, for a tooltip: every digit that tells it from its neighbours."""
    value = float(value)
    return repr(value).replace("-", MINUS) if math.isfinite(value) else _word(value)


def percent(value: float, decimals: int | None = None) -> str:
    """Write a share: 0.57 is 57 %. What is neither nothing nor all never reads 0 % or 100 %."""
    share = 100 * float(value)
    if not math.isfinite(share):
        return _word(share)
    size = abs(share)
    sign = MINUS if share < 0 else ""
    if decimals is None:
        if 0 < size < 0.01:
            return f"<{THIN}0.01{THIN}%"
        if 0 < size < 0.995:
            decimals = 2 if size < 0.095 else 1
        elif 99.5 <= size < 100:
            decimals = 1
            if size >= 99.95:
                return f">{THIN}{sign}99.9{THIN}%"
        else:
            decimals = 0
    return f"{sign}{_grouped(f'{size:.{decimals}f}')}{THIN}%"


def count(value: int) -> str:
    """Write a whole number, its thousands apart: 131, 12 345."""
    value = int(value)
    return (MINUS if value < 0 else "") + _grouped(str(abs(value)))


def shape(sizes: Sequence[int]) -> str:
    """Write a shape as NumPy does: (8, 4), (8,)."""
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(str(size) for size in sizes)})"


def _word(value: float) -> str:
    if math.isnan(value):
        return WORDS["nan"]
    return (MINUS if value < 0 else "") + WORDS["inf"]


def _grouped(text: str) -> str:
    """Part thousands from 10 000 on; a four-figure number is read at a glance."""
    whole, point, rest = text.partition(".")
    if len(whole) > 4:
        whole = f"{int(whole):,}".replace(",", THIN)
    return whole + point + rest
