"""What each step reads: a word in a pill, dashed where it is what the step before put out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from gui.frames.axis import every
from gui.frames.sheet import Sheet
from gui.frames.tokens import Token
from gui.tracks.base import Face, Hit, Move, Stage, Track, beginning, column_of, elided, face, tracks, write

PILL = 27.0
FONT = 14.0
GROUND = 0.45
"""How strongly padding is written."""


class TokensTrack(Track):
    """The row of inputs; dragging along it moves the playhead."""

    id = "tokens"
    centred = True
    minimum = 34.0
    natural = 40.0
    stretch = 0.0

    def __init__(self, sheet: Sheet) -> None:
        tr = QCoreApplication.translate
        self._sheet = sheet
        fed = any(token.fed for token in sheet.tokens)
        self.title = tr("tracks", "Input") if fed else tr("tracks", "Tokens")
        if not sheet.words.columns:
            self.title = tr("tracks", "Steps")

    def is_handle(self) -> bool:
        """Dragging along the inputs scrubs."""
        return True

    def paint(self, painter: QPainter, stage: Stage) -> None:
        """Draw pills, bare words where they are narrow, or a ruler of step numbers."""
        columns = stage.columns()
        wide = stage.axis.column >= stage.px(26)
        if not wide:
            self._ruler(painter, stage)
            return
        for column in columns:
            self._pill(painter, stage, column, self._sheet.tokens[column])

    def touched(self, move: Move) -> Sequence[tuple[int, int]]:
        """The pills that the playhead leaves and reaches."""
        return [(column, column) for column in move.ends]

    def hit(self, stage: Stage, x: float, y: float) -> Hit | None:
        """The step at a point: that of the first layer."""
        column = stage.axis.at(x)
        if column is None:
            return None
        at = self._sheet.trace.timeline.columns[column]
        prefix = next(p for p, lane in self._sheet.trace.lanes.items() if lane.part == at.part)
        return Hit(prefix, at.step, name=self._sheet.trace.graph.states[0])

    def outlines(self, stage: Stage, chosen: Hit) -> Sequence[QRectF]:
        """The chosen step's pill."""
        column = column_of(self._sheet, chosen)
        return (self._box(stage, column).adjusted(-2, -2, 2, 2),)

    def tip(self, stage: Stage, hit: Hit) -> str:
        """The word in full, and its step."""
        tr = QCoreApplication.translate
        column = column_of(self._sheet, hit)
        token = self._sheet.tokens[column]
        text = tr("tracks", "step {}").format(self._sheet.trace.timeline.columns[column].step + 1)
        if token.padding:
            return f"{text} · " + tr("tracks", "padding: the state is held")
        if not token.text:
            return f"{text} · " + tr("tracks", "reads nothing")
        if self._sheet.words.columns:
            text = f"{text} · “{token.text}”"
        return f"{text} · " + tr("tracks", "what was put out one step before") if token.fed else text

    def _box(self, stage: Stage, column: int) -> QRectF:
        height = min(stage.px(PILL), stage.height - 4)
        width = self._width(stage, self._sheet.tokens[column])
        y = stage.top + (stage.height - height) / 2
        return QRectF(stage.axis.centre(column) - width / 2, y, width, height)

    def _width(self, stage: Stage, token: Token) -> float:
        room = stage.axis.column - stage.px(4)
        kind = face("ui", stage.type(FONT), 600)
        return min(room, max(stage.px(70), kind.width(token.text) + stage.px(26)))

    def _pill(self, painter: QPainter, stage: Stage, column: int, token: Token) -> None:
        theme, chosen = stage.theme, column == stage.column
        box = self._box(stage, column)
        radius = box.height() / 2
        if stage.roomy:
            pen = QPen(theme.muted if token.fed and not chosen else theme.border, max(1.0, stage.px(1)))
            if token.fed:
                pen.setDashPattern([3.0, 3.0])
            painter.setPen(Qt.PenStyle.NoPen if chosen else pen)
            painter.setBrush(theme.ink if chosen else theme.card)
            if not token.text or token.padding:
                painter.setBrush(theme.ink if chosen else theme.slot)
            painter.drawRoundedRect(box, radius, radius)
        elif chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.ink)
            painter.drawRoundedRect(box.adjusted(-2, 0, 2, 0), stage.px(6), stage.px(6))
        text, room = token.text or "·", box.width() - (stage.px(9) if stage.roomy else 0)
        for size in (FONT, 12.5, 11.0, 9.5) if stage.roomy else (11.0,):
            kind = face("ui", stage.type(size), 600)
            if kind.width(text) <= room:
                break
        text = elided(kind, text, room) if stage.roomy else beginning(kind, text, room)
        painter.setOpacity(GROUND if token.padding else 1.0)
        write(painter, box.center(), text, kind, theme.on_ink if chosen else theme.text, "centre")
        painter.setOpacity(1.0)

    def _ruler(self, painter: QPainter, stage: Stage) -> None:
        """Step numbers, as many as there is room for; the playhead's own stands out."""
        theme, kind = stage.theme, face("ui", stage.type(11))
        widest = kind.width(str(stage.axis.count)) + stage.px(16)
        apart = every(stage.axis.count, stage.axis.column, widest)
        middle = stage.top + stage.height / 2
        margin, taken = widest / stage.axis.column, self._taken(stage, widest / 2)
        for part in stage.axis.parts:
            low = int((stage.left - stage.axis.left(part.first)) / stage.axis.column - margin)
            high = int((stage.right - stage.axis.left(part.first)) / stage.axis.column + margin) + 1
            for step in range(max(0, low), min(part.count, high)):
                number, column = step + 1, part.first + step
                if column == stage.column or (number != 1 and number % apart):
                    continue
                at = self._inside(stage, column, widest)
                if not taken[0] < at < taken[1]:
                    write(painter, QPointF(at, middle), str(number), kind, theme.muted, "centre")
        if stage.column is not None:
            text, kind, width = self._words(stage, stage.column)
            box = QRectF(0, 0, width, stage.px(20))
            box.moveCenter(QPointF(self._inside(stage, stage.column, width), middle))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.ink)
            painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
            write(painter, box.center(), text, kind, theme.on_ink, "centre")

    def _taken(self, stage: Stage, margin: float) -> tuple[float, float]:
        """Where no number can stand, since the playhead's own pill does."""
        if stage.column is None:
            return 0.0, 0.0
        width = self._words(stage, stage.column)[2]
        middle = self._inside(stage, stage.column, width)
        return middle - width / 2 - margin, middle + width / 2 + margin

    def _words(self, stage: Stage, column: int) -> tuple[str, Face, float]:
        """What the playhead's pill says, in which letters, and how wide it is."""
        token = self._sheet.tokens[column]
        number = str(self._sheet.trace.timeline.columns[column].step + 1)
        text = f"{number} · {token.text}" if self._sheet.words.columns and token.text else number
        kind = face("ui", stage.type(11), 600)
        return text, kind, kind.width(text) + stage.px(14)

    @staticmethod
    def _inside(stage: Stage, column: int, width: float) -> float:
        """The column's middle, or as near to it as a text of a width is not cut off."""
        start = stage.axis.left(0)
        low, high = start + width / 2, start + stage.axis.content - width / 2
        return max(low, min(high, stage.axis.centre(column)))


def make(sheet: Sheet) -> list[TokensTrack]:
    """The one track of inputs."""
    return [TokensTrack(sheet)]


tracks.add("tokens", make)
