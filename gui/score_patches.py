"""Which parts of the score a move of the playhead changes, so that nothing else is painted anew."""

from __future__ import annotations

from math import ceil, floor

from engine.events import Event
from gui.score_scene import Scene
from gui.tracks.base import ROOMY, Move

Patch = tuple[float, float, str]
"""What is to be painted anew: from one x of the canvas to another, in one track, or with an empty id in all."""
STRAY = 90.0
"""How far the words of a column may reach beyond it where columns are narrow."""
FEW = 8
"""So many positions at most are painted column by column; a longer jump paints everything."""


def touched(scene: Scene, before: float, old: int | None) -> list[Patch] | None:
    """What has to be painted anew since the playhead was somewhere else; None: everything.

    Parameters
    ----------
    scene : Scene
        With the playhead where it is now.
    before : float
        The position where it was.
    old : int or None
        The column where it was.
    """
    sheet = scene.sheet
    if sheet is None:
        return []
    if scene.fold > 0:
        return None  # the folded cell shows the step of the playhead, wherever that is
    lesser, greater = min(before, scene.position), max(before, scene.position)
    events, low, high = sheet.trace.events, floor(lesser), ceil(greater)
    if high - low > FEW or high > len(events.tokens):
        return None
    passed = [events.token(i) for i in range(low, high)]
    both, roomy = any(way == "reverse" for _, way in sheet.directions), scene.axis.column >= scene.px(ROOMY)
    if low <= sheet.progress.loss < high or any(_reaches_far(scene, event, both, roomy) for event in passed):
        return None
    ends = set() if old == scene.column else {c for c in (old, scene.column) if c is not None}
    columns = ends | {event.column for event in passed}
    if not roomy or both or scene.lit:
        stray = 0.0 if roomy else scene.px(STRAY)
        return [_patch(scene, column - 1, column + 1, "", stray) for column in sorted(columns)]
    move = Move(lesser, greater, tuple(sorted(columns)), tuple(sorted(ends)))
    tracks = [strip.track for strip in scene.strips]
    found = [_patch(scene, *stretch, track.id) for track in tracks for stretch in track.touched(move)]
    # The edges that feed outputs back cross every track.
    sources = {source for source, _ in sheet.feedback}
    emitted = move.among(sheet.progress.outputs) if sources else ()
    fed = {int(sheet.outputs.columns[output]) for output in emitted} & sources
    return found + [_patch(scene, column, column + 1, "") for column in sorted(fed)]


def _patch(scene: Scene, first: int, last: int, id: str, stray: float = 0.0) -> Patch:
    return scene.axis.left(first) + scene.edge - stray, scene.axis.right(last) + scene.edge + stray, id


def _reaches_far(scene: Scene, event: Event, both: bool, roomy: bool) -> bool:
    """Whether an event changes the picture far from its column: wide lists of outputs, long edges."""
    assert scene.sheet is not None
    emits = scene.sheet.diagram.emitting
    if event.column in emits and len(emits) == 1 and not roomy:
        return True
    return both and (event.column in emits or event.part == "decoder")
