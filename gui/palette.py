"""A theme: the colours of everything, read from one JSON file in resources/themes."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PySide6.QtGui import QColor, QPalette

import resources
from gui import colormaps


class ThemeError(ValueError):
    """A theme file that cannot be used; the message names the file, the field and what is allowed."""


@dataclass(frozen=True, eq=False)
class Theme:
    """One look of the application. The colours' roles are those of docs/architecture.md and product.md.

    `slot` fills what is not computed yet, `ink` is the fill of the dark button and of the chosen token,
    `playhead` is translucent; `diverging` and `sequential` are (256, 4) uint8 RGBA tables.
    """

    name: str
    title: str
    dark: bool
    window: QColor
    panel: QColor
    canvas: QColor
    card: QColor
    slot: QColor
    field: QColor
    border: QColor
    grid: QColor
    text: QColor
    muted: QColor
    ink: QColor
    on_ink: QColor
    forward: QColor
    on_forward: QColor
    forward_soft: QColor
    backward: QColor
    on_backward: QColor
    backward_soft: QColor
    playhead: QColor
    loss: QColor
    warning: QColor
    error: QColor
    success: QColor
    focus: QColor
    diverging: np.ndarray
    sequential: np.ndarray

    def color(self, role: str) -> QColor:
        """Return the colour of a role by its name.

        Raises
        ------
        KeyError
            The role is not one of `ROLES`.
        """
        if role not in ROLES:
            raise KeyError(f"colour role {role!r}: allowed are {', '.join(ROLES)}")
        value: QColor = getattr(self, role)
        return value


ROLES = tuple(field.name for field in fields(Theme) if field.type == "QColor")


def load(path: Path) -> Theme:
    """Read a theme from its file; the file's stem is its name.

    Raises
    ------
    ThemeError
        The file is not JSON, a field is missing, or a colour is not one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ThemeError(f"{path.name}: cannot be read as JSON ({error})") from error
    try:
        given = content["colors"]
        colours = {role: _colour(path, f"colors.{role}", given[role]) for role in ROLES}
        ends = {
            part: _colour(path, f"diverging.{part}", content["diverging"][part])
            for part in ("negative", "neutral", "positive")
        }
        table = path.parent / f"{content['sequential']['map']}.map"
        sequential = colormaps.sequential_table(
            table.read_text(encoding="utf-8"), bool(content["sequential"]["reversed"])
        )
        return Theme(
            name=path.stem,
            title=str(content["title"]),
            dark=bool(content["dark"]),
            diverging=colormaps.diverging_table(**ends),
            sequential=sequential,
            **colours,
        )
    except KeyError as error:
        raise ThemeError(f"{path.name}: the field {error} is missing") from error
    except OSError as error:
        raise ThemeError(f"{path.name}: sequential.map names no map beside it ({error})") from error


def _colour(path: Path, field: str, value: object) -> QColor:
    colour = QColor(value) if isinstance(value, str) else QColor()
    if not colour.isValid():
        raise ThemeError(f"{path.name}: {field} is {value!r}; a colour is written #rrggbb or #aarrggbb")
    return colour


def contrast(first: QColor, second: QColor) -> float:
    """Return the contrast ratio of two opaque colours, 1 to 21 (WCAG 2.2)."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    lights = [float(colormaps.linear(colormaps.rgb(colour)) @ weights) for colour in (first, second)]
    dim, bright = sorted(lights)
    return (bright + 0.05) / (dim + 0.05)


def blend(below: QColor, above: QColor, share: float | None = None) -> QColor:
    """Lay a colour over an opaque one, with its own alpha or the given share of it."""
    share = above.alphaF() if share is None else share
    mixed = (1 - share) * colormaps.rgb(below) + share * colormaps.rgb(above)
    return QColor.fromRgbF(*np.clip(mixed, 0.0, 1.0).tolist())


def application_palette(theme: Theme) -> QPalette:
    """Return the Qt palette that makes every standard widget wear the theme."""
    role = QPalette.ColorRole
    palette = QPalette()
    for group in (QPalette.ColorGroup.Active, QPalette.ColorGroup.Inactive, QPalette.ColorGroup.Disabled):
        off = group == QPalette.ColorGroup.Disabled
        text = blend(theme.panel, theme.muted, 0.6) if off else theme.text
        chosen = theme.border if off else theme.forward
        for part, colour in {
            role.Window: theme.window,
            role.WindowText: text,
            role.Base: theme.field,
            role.AlternateBase: theme.canvas,
            role.Text: text,
            role.Button: theme.card,
            role.ButtonText: text,
            role.BrightText: theme.error,
            role.PlaceholderText: theme.muted,
            role.ToolTipBase: theme.ink,
            role.ToolTipText: theme.on_ink,
            role.Highlight: chosen,
            role.HighlightedText: text if off else theme.on_forward,
            role.Accent: chosen,
            role.Link: theme.forward,
            role.LinkVisited: theme.muted,
            role.Light: theme.slot,
            role.Midlight: theme.slot,
            role.Mid: theme.border,
            role.Dark: theme.border,
            role.Shadow: theme.border,
        }.items():
            palette.setColor(group, part, colour)
    return palette


_worn: list[Theme] = []


def current() -> Theme:
    """Return the theme the application wears; before any was chosen, the light one."""
    if not _worn:
        _worn.append(load(resources.path("themes", "light.json")))
    return _worn[0]


def wear(theme: Theme) -> None:
    """Make a theme the current one; only the themes call this, since they also tell everybody."""
    _worn[:] = [theme]
