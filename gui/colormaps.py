"""Colours for numbers: the diverging map of signed values and the sequential map of magnitudes.

Both are tables of 256 colours that a theme carries. The diverging one is built in OKLab (Ottosson 2020,
https://bottosson.github.io/posts/oklab/), in which equal distances look equally far apart: from the theme's
neutral it walks in a straight line to purple (−) and to green (+), and both ends have the same lightness,
so that a value and its negative look equally strong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPen, QPixmap

if TYPE_CHECKING:
    from gui.palette import Theme

STEPS = 256

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_LMS = np.linalg.inv(_TO_LMS)
_FROM_LAB = np.linalg.inv(_TO_LAB)


def linear(rgb: np.ndarray) -> np.ndarray:
    """Take sRGB in 0..1, shape (..., 3), to linear light (IEC 61966-2-1)."""
    rgb = np.asarray(rgb, dtype=float)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """Take sRGB in 0..1, shape (..., 3), to OKLab: lightness, green–red, blue–yellow."""
    return np.cbrt(linear(rgb) @ _TO_LMS.T) @ _TO_LAB.T


def srgb(lab: np.ndarray) -> np.ndarray:
    """Take OKLab, shape (..., 3), to sRGB in 0..1; what lies outside the gamut is clipped."""
    light = (np.asarray(lab, dtype=float) @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T
    light = np.clip(light, 0.0, 1.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def rgb(color: QColor) -> np.ndarray:
    """Return a colour's red, green and blue in 0..1."""
    return np.array([color.redF(), color.greenF(), color.blueF()])


def diverging_table(negative: QColor, neutral: QColor, positive: QColor) -> np.ndarray:
    """Build the (256, 4) uint8 RGBA table from −1 to +1.

    The two middle entries are the neutral itself, and entries i and 255 − i are equally light.
    """
    middle = oklab(rgb(neutral))
    ends = np.stack([oklab(rgb(negative)), oklab(rgb(positive))])
    ends[:, 0] = ends[:, 0].mean()
    away = np.arange(STEPS // 2) / (STEPS // 2 - 1)
    low, high = (middle + away[:, None] * (end - middle) for end in ends)
    return _opaque(srgb(np.concatenate([low[::-1], high])))


def sequential_table(text: str, backwards: bool) -> np.ndarray:
    """Read 256 colours written as hexadecimal words into a (256, 4) uint8 RGBA table."""
    words = [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]
    table = np.array([[int(word[i : i + 2], 16) for i in (0, 2, 4)] for word in words])
    if table.shape != (STEPS, 3):
        raise ValueError(f"a colour map has {STEPS} colours of six digits, this one has {len(words)}")
    return _opaque((table[::-1] if backwards else table) / 255)


def invalid(values: np.ndarray | float) -> np.ndarray:
    """Tell which values are not finite; they are to be hatched with `hatch`, never coloured."""
    return ~np.isfinite(np.asarray(values, dtype=float))


def hatch(theme: Theme, size: int = 6) -> QBrush:
    """Return the pattern of a value that is not a number: diagonal stripes in the warning colour."""
    tile = QPixmap(size, size)
    tile.fill(theme.slot)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.warning, size / 4))
    for shift in (-size, 0, size):
        painter.drawLine(shift - 1, size + 1, shift + size + 1, -1)
    painter.end()
    return QBrush(tile)


@overload
def diverging(values: float, scale: float, theme: Theme) -> QColor: ...
@overload
def diverging(values: np.ndarray, scale: float, theme: Theme) -> np.ndarray: ...
def diverging(values: float | np.ndarray, scale: float, theme: Theme) -> QColor | np.ndarray:
    """Colour signed values; ±scale and beyond have the full colours, zero the neutral.

    Parameters
    ----------
    values : float or array of any shape
    scale : float
        The magnitude of the ends. Where it is zero or not finite, 1 stands in.
    theme : Theme

    Returns
    -------
    QColor, or uint8 RGBA of shape values.shape + (4,)
        The warning colour where a value is not finite.
    """
    values = np.asarray(values, dtype=float)
    scale = scale if np.isfinite(scale) and scale > 0 else 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        # fmax takes the number where there is one: what is not a number counts as nothing here.
        away = np.fmax(np.minimum(np.abs(values) / scale, 1.0), 0.0)
    steps = np.rint(away * (STEPS // 2 - 1)).astype(np.intp)
    index = np.where(values < 0, STEPS // 2 - 1 - steps, STEPS // 2 + steps)
    return _colours(theme.diverging, index, values, theme)


@overload
def sequential(values: float, low: float, high: float, theme: Theme, log: bool = True) -> QColor: ...
@overload
def sequential(values: np.ndarray, low: float, high: float, theme: Theme, log: bool = True) -> np.ndarray: ...
def sequential(
    values: float | np.ndarray, low: float, high: float, theme: Theme, log: bool = True
) -> QColor | np.ndarray:
    """Colour magnitudes from low to high, on a logarithmic scale unless `log` is False.

    On a logarithmic scale a magnitude of zero has the colour of `low`. Returns as `diverging` does.
    """
    values = np.asarray(values, dtype=float)
    if log:
        floor = max(low, np.finfo(float).tiny)
        place, start, end = np.log(np.maximum(values, floor)), np.log(floor), np.log(max(high, floor))
    else:
        place, start, end = values, low, high
    share = (place - start) / (end - start) if end > start else np.ones_like(place)
    index = np.rint(np.nan_to_num(np.clip(share, 0.0, 1.0)) * (STEPS - 1)).astype(np.intp)
    return _colours(theme.sequential, index, values, theme)


def diverging_image(values: np.ndarray, scale: float, theme: Theme, empty: np.ndarray | None = None) -> QImage:
    """Paint a (rows, columns) array as an image with one pixel a value.

    Cells flagged in `empty` (same shape) have the colour of an empty slot. Values that are not finite have
    the warning colour; the caller hatches them where there is room (`invalid`, `hatch`).
    """
    return _image(diverging(np.atleast_2d(values), scale, theme), theme, empty)


def sequential_image(
    values: np.ndarray,
    low: float,
    high: float,
    theme: Theme,
    log: bool = True,
    empty: np.ndarray | None = None,
) -> QImage:
    """Paint a (rows, columns) array of magnitudes, as `diverging_image` paints signed values."""
    return _image(sequential(np.atleast_2d(values), low, high, theme, log), theme, empty)


def _opaque(colours: np.ndarray) -> np.ndarray:
    table = np.full((len(colours), 4), 255, dtype=np.uint8)
    table[:, :3] = np.rint(colours * 255)
    table.flags.writeable = False
    return table


def _colours(table: np.ndarray, index: np.ndarray, values: np.ndarray, theme: Theme) -> QColor | np.ndarray:
    colours = table[index]
    wrong = invalid(values)
    if wrong.any():
        colours = np.where(wrong[..., None], np.array(theme.warning.getRgb(), dtype=np.uint8), colours)
    return QColor(*colours.tolist()) if values.ndim == 0 else colours


def _image(colours: np.ndarray, theme: Theme, empty: np.ndarray | None) -> QImage:
    if empty is not None:
        colours = np.where(empty[..., None], np.array(theme.slot.getRgb(), dtype=np.uint8), colours)
    colours = np.ascontiguousarray(colours, dtype=np.uint8)
    height, width = colours.shape[:2]
    # The copy owns its pixels; the array's memory goes when this function returns.
    return QImage(colours.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
