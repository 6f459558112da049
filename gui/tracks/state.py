"""The hidden state of every lane."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from gui.frames.sheet import Sheet
from gui.tracks._heatmap import HeatmapTrack
from gui.tracks.base import tracks


def make(sheet: Sheet) -> list[HeatmapTrack]:
    """One track for each layer and direction."""
    name, title = sheet.trace.graph.states[0], QCoreApplication.translate("tracks", "Hidden state")
    return [
        HeatmapTrack(f"state:{layer}:{direction}", title, sheet, (layer, direction, name, False))
        for layer, direction in sheet.directions
    ]


tracks.add("state", make)
