"""The gradient of the loss with respect to the hidden state, of every lane."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from gui.frames.sheet import Sheet
from gui.tracks._heatmap import HeatmapTrack
from gui.tracks.base import tracks


def make(sheet: Sheet) -> list[HeatmapTrack]:
    """One track for each layer and direction; none without a backward pass."""
    name, title = sheet.trace.graph.states[0], QCoreApplication.translate("tracks", "Gradient")
    return [
        HeatmapTrack(f"gradient:{layer}:{direction}", title, sheet, (layer, direction, name, True))
        for layer, direction in (sheet.directions if sheet.trace.has_gradients else ())
    ]


tracks.add("gradient", make)
