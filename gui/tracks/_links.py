"""Edges from one track to another: an output that goes back in as the next step's input."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from gui.tracks.base import Stage, Track

SIDE = 6.0


def paint(painter: QPainter, stages: Mapping[str, tuple[Track, Stage]]) -> None:
    """Draw the fed-back outputs, dashed, where both ends are shown and there is room."""
    if "output" not in stages or "tokens" not in stages:
        return
    track, above = stages["output"]
    _, below = stages["tokens"]
    anchor = getattr(track, "anchor", None)
    if anchor is None or not above.roomy or above.top > below.top:
        return
    theme, axis, exposed = above.theme, above.axis, above.columns()
    for source, goal in above.sheet.feedback:
        if not exposed.start - 2 <= source < exposed.stop + 1:
            continue
        output = above.sheet.diagram.emitting[source]
        known = above.sheet.outputs.known(output, above.position)
        colour = QColor(theme.muted if known else theme.border)
        pen = QPen(colour, max(1.0, above.px(1.2)))
        pen.setDashPattern([3.0, 3.0])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(_edge(anchor(above, output), axis.left(goal), below.top + below.height / 2, above))


def _edge(start: QPointF, border: float, y: float, stage: Stage) -> QPainterPath:
    """Down along the border between two columns, rounded where it turns."""
    bend = stage.px(SIDE)
    path = QPainterPath(start)
    path.quadTo(QPointF(border, start.y()), QPointF(border, start.y() + bend))
    path.lineTo(QPointF(border, y - bend))
    path.quadTo(QPointF(border, y), QPointF(border + bend, y))
    return path
