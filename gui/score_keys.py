"""The keyboard on the score, and what a screen reader is told of it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt

from gui.score_scene import Scene
from gui.state.app_state import AppState
from gui.tracks.base import Hit, value_tip

Key = Qt.Key
MOVES = {Key.Key_Left: (-1, 0), Key.Key_Right: (1, 0), Key.Key_Up: (0, -1), Key.Key_Down: (0, 1)}


def press(state: AppState, scene: Scene, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
    """Step, play, jump, move the selection; tell whether the key means anything."""
    cursor, shift = state.cursor, bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    if key in MOVES and (shift or key in (Key.Key_Up, Key.Key_Down)):
        move_selection(state, scene, *MOVES[key])
    elif key in MOVES:
        cursor.step(MOVES[key][0])
    elif key == Key.Key_Space:
        state.playback.toggle()
    elif key == Key.Key_Home:
        cursor.first()
    elif key == Key.Key_End:
        cursor.last()
    elif key == Key.Key_Escape and state.selection.value is not None:
        state.selection.clear()
    else:
        return False
    return True


def move_selection(state: AppState, scene: Scene, steps: int, units: int) -> None:
    """Select the neighbour of what is selected; where nothing is, the first unit at the playhead."""
    sheet, chosen = scene.sheet, state.selection.value
    if sheet is None:
        return
    if chosen is None:
        at = sheet.trace.timeline.columns[scene.column or 0]
        prefix = next(p for p, lane in sheet.trace.lanes.items() if lane.part == at.part)
        state.selection.select(prefix, at.step, 0, sheet.trace.graph.states[0])
        return
    count, _, size = sheet.trace.value(chosen.key).shape
    unit = chosen.unit if not units else min(size - 1, max(0, (chosen.unit or 0) + units))
    step = min(count - 1, max(0, chosen.step + steps))
    state.selection.select(chosen.prefix, step, unit, chosen.name, chosen.gradient)


def description(scene: Scene, chosen: Hit | None) -> str:
    """Where the playhead stands and what is selected, in words."""
    tr = QCoreApplication.translate
    sheet, event = scene.sheet, scene.event
    if sheet is None:
        return tr("Score", "Nothing has run yet")
    if event is None:
        said = tr("Score", "Before the first step")
    else:
        phases = {
            "forward": tr("Score", "Forward"),
            "loss": tr("Score", "Loss"),
            "backward": tr("Score", "Backward"),
        }
        said = tr("Score", "{phase}, step {step}").format(phase=phases[event.phase], step=event.step + 1)
        if event.column < len(sheet.words.columns):
            said += f" “{sheet.words.columns[event.column]}”"
    if chosen is not None and scene.strips:
        value = value_tip(scene.stage(scene.strips[0], 0, 0), chosen)
        said += ". " + tr("Score", "Selected: {}").format(value)
    return said
