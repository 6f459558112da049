"""Everything else that a lane records (cell state, gates, pre-activations) and its gradient; hidden at first."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from engine.registry import cells
from gui.frames.sheet import Sheet
from gui.tracks._heatmap import HeatmapTrack
from gui.tracks.base import Track, lane_words, tracks


def make(sheet: Sheet) -> list[Track]:
    """One track for each recorded name of each lane, and one for its gradient."""
    made: list[Track] = []
    ways = (False, True) if sheet.trace.has_gradients else (False,)
    for layer, direction in sheet.directions:
        words = lane_words(sheet, layer, direction)
        for gradient in ways:
            for name in sheet.names:
                if name != sheet.trace.graph.states[0]:
                    made.append(_track(sheet, layer, direction, name, gradient, words))
    return made


def value_of(id: str) -> str:
    """Which recorded name a track of this kind shows, by the track's id; empty for a gradient and for other kinds."""
    words = id.split(":")
    return words[3] if words[0] == "value" and len(words) == 4 else ""


def title_of(sheet: Sheet, name: str) -> str:
    """What a recorded name is called."""
    tr = QCoreApplication.translate
    cell = cells[sheet.trace.spec.cell]
    if name in cell.states:
        return tr("tracks", "Cell state {}").format(name)
    if name in cell.gates:
        return tr("tracks", "Gate {}").format(name)
    if name == "a" or name.removeprefix("a_") in cell.gates:
        return tr("tracks", "Pre-activation {}").format(name)
    return name


def _track(sheet: Sheet, layer: int, direction: str, name: str, gradient: bool, words: str) -> HeatmapTrack:
    title = title_of(sheet, name)
    if gradient:
        title = QCoreApplication.translate("tracks", "Gradient of {}").format(name)
    id = f"value:{layer}:{direction}:{name}{':gradient' if gradient else ''}"
    return HeatmapTrack(id, title, sheet, (layer, direction, name, gradient), group=words or "", shown=False)


tracks.add("value", make)
