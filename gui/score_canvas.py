"""The score's painted surface: tracks in a picture that is kept, the playhead below it, the selection above it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QVariantAnimation, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QGuiApplication,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from gui.score_layout import Strip
from gui.score_patches import Patch
from gui.score_scene import Scene
from gui.theme import theme, themes
from gui.tracks import _links, _shapes
from gui.tracks.base import Hit, Stage, Track, elided, face, value_tip, write
from gui.widgets.painted import LOOK_EVENTS

SLIDE_MS = 200
"""How long the playhead travels from one column to the next."""
NOTE = 20.0

_MODE = QPainter.CompositionMode


class Canvas(QWidget):
    """Paints a `Scene`.

    What the tracks draw is kept in a picture; a move of the playhead paints the columns that it passed anew
    and lays the picture over the band, so that it costs the same however much there is to see.

    Parameters
    ----------
    scene : Scene
    """

    resized = Signal()

    def __init__(self, scene: Scene, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = scene
        self._picture = QPixmap()
        self._dirty: list[Patch] | None = None
        self._band = 0.0
        self._chosen: Hit | None = None
        self._notes: list[QRect] = []
        self._by_keyboard = False
        self._slide = QVariantAnimation(self)
        self._slide.valueChanged.connect(self._on_slid)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(self.tr("Score"))

    # What has changed ------------------------------------------------------------------------------------

    def repaint_all(self) -> None:
        """Paint everything anew: another run, another look, another zoom."""
        self._dirty = None
        self._slide.stop()
        self._band = self._goal()
        self.update()

    def repaint_patches(self, patches: list[Patch] | None) -> None:
        """Paint these parts anew; None: everything."""
        self._travel()
        if patches is None:
            self._dirty = None
            self.update()
            return
        if self._dirty is not None:
            self._dirty += patches
        for patch in patches:
            self.update(self._rect(patch))
        for note in [*self._notes, *(rect for _, rect, _ in self._said())]:
            self.update(note)

    def repaint_track(self, id: str) -> None:
        """Paint one track anew; the others stay as they are."""
        strip = next((strip for strip in self._scene.strips if strip.track.id == id), None)
        if strip is None or self._dirty != [] or self._picture.isNull():
            self._dirty = None
        else:
            self._dirty = [(0.0, float(self.width()), id)]
        self.update()

    def shift(self, dx: int) -> None:
        """Scroll along the time axis: what stays in view is moved, the rest painted."""
        ratio = self._picture.devicePixelRatio()
        if self._scene.fold > 0:  # the folded cell stays where it is
            self._dirty = None
        if self._dirty is None or self._picture.isNull() or abs(dx) >= self.width() or dx * ratio != round(dx * ratio):
            self._dirty = None
        elif dx:
            self._picture.scroll(round(-dx * ratio), 0, self._picture.rect())
            self._dirty = [(left - dx, right - dx, id) for left, right, id in self._dirty]
            # Words near the edge were cut off there, so a little more than what came into view is painted.
            stray = 2 * self._scene.axis.column if self._scene.axis.column < 60 else self._scene.axis.column
            self._dirty.append((self.width() - dx - stray, self.width(), "") if dx > 0 else (0, -dx + stray, ""))
        self.update()

    def set_chosen(self, chosen: Hit | None) -> None:
        """Outline another thing in every track."""
        if chosen != self._chosen:
            self._chosen = chosen
            self.update()

    # The band ----------------------------------------------------------------------------------------------

    def _goal(self) -> float:
        """Where the band belongs: its left edge, before scrolling."""
        scene = self._scene
        return 0.0 if scene.column is None else scene.axis.left(scene.column) + scene.axis.scroll

    def _travel(self) -> None:
        goal, span = self._goal(), themes().animation_ms(SLIDE_MS)
        scene = self._scene
        near = abs(goal - self._band) <= 2.5 * scene.axis.column + scene.axis.gap
        self._slide.stop()
        if not near or span == 0 or not _is_watched(self):
            self._on_slid(goal)
            return
        self._slide.setDuration(span)
        self._slide.setStartValue(self._band)
        self._slide.setEndValue(goal)
        self._slide.start()

    def _on_slid(self, place: float) -> None:
        before = self._band_rect()
        self._band = float(place)
        for rect in (before, self._band_rect()):
            self.update(rect.toAlignedRect().adjusted(-1, 0, 1, 0))

    def _band_rect(self) -> QRectF:
        scene = self._scene
        x = self._band - scene.axis.scroll + scene.edge
        return QRectF(x, 2, max(scene.axis.column, 2.0), self.height() - 4)

    # Painting ----------------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the picture as large as the surface."""
        self._dirty = None
        self.resized.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring of the focus where the keyboard brought it."""
        self._by_keyboard = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        self.update()
        super().focusOutEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Follow theme and zoom."""
        if event.type() in LOOK_EVENTS:
            self._dirty = None
            self.update()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Lay band, picture, selection and notes over one another, where something has changed."""
        self._bring_up_to_date()
        scene, worn = self._scene, theme()
        with QPainter(self) as painter:
            painter.setClipRegion(event.region())
            painter.fillRect(event.rect(), worn.canvas)
            if scene.sheet is None:
                return
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if scene.column is not None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(worn.playhead)
                radius = min(scene.px(8), scene.axis.column / 3)
                painter.drawRoundedRect(self._band_rect(), radius, radius)
            ratio = self._picture.devicePixelRatio()
            if _shapes.lines(painter):
                self._paint_tracks(painter, self.rect(), ratio)
            else:
                for rect in _rects(event.region()):
                    source = QRectF(rect.x() * ratio, rect.y() * ratio, rect.width() * ratio, rect.height() * ratio)
                    painter.drawPixmap(QRectF(rect), self._picture, source)
            self._paint_chosen(painter)
            self._paint_notes(painter)
            if self.hasFocus() and self._by_keyboard:
                painter.setPen(QPen(worn.focus, max(1.5, scene.px(1.5))))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 3, 3)

    def _bring_up_to_date(self) -> None:
        ratio = self.devicePixelRatioF()
        size = self.size() * ratio
        if self._picture.size() != size:
            self._picture = QPixmap(size)
            # Filled before anything else, so that it has a channel of transparency.
            self._picture.fill(Qt.GlobalColor.transparent)
            self._picture.setDevicePixelRatio(ratio)
            self._dirty = None
        if self._scene.sheet is None or self._dirty == [] or size.isEmpty():
            return
        patches = [(0.0, float(self.width()), "")] if self._dirty is None else self._dirty
        with QPainter(self._picture) as painter:
            painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
            for rect in self._parts(patches):
                painter.setCompositionMode(_MODE.CompositionMode_Source)
                painter.fillRect(rect, Qt.GlobalColor.transparent)
                painter.setCompositionMode(_MODE.CompositionMode_SourceOver)
                self._paint_tracks(painter, rect, ratio)
        self._dirty = []

    def _parts(self, patches: list[Patch]) -> list[QRect]:
        """The rectangles that patches cover, none of them twice."""
        done, found = QRegion(), []
        for id in dict.fromkeys(["", *(patch[2] for patch in patches)]):
            region = QRegion()
            for patch in patches:
                if patch[2] == id:
                    region += self._rect(patch)
            found += _rects(region - done)
            done += region
        return found

    def _rect(self, patch: Patch) -> QRect:
        """The pixels of a patch."""
        left, right, id = patch
        top, bottom = 0.0, float(self.height())
        strip = next((strip for strip in self._scene.strips if strip.track.id == id), None)
        if strip is not None:
            top, bottom = strip.top - self._scene.offset, strip.bottom - self._scene.offset
        return QRectF(left, top, right - left, bottom - top).intersected(QRectF(self.rect())).toAlignedRect()

    def _paint_tracks(self, painter: QPainter, rect: QRect, ratio: float) -> None:
        scene, edge = self._scene, self._scene.edge
        left, right = float(rect.left()), float(rect.right() + 1)
        if scene.sheet is not None and scene.sheet.feedback:
            painter.save()
            painter.setClipRect(rect)
            painter.translate(edge, 0)
            stages = ((strip.track, scene.stage(strip, left, right, ratio)) for strip in scene.strips)
            _links.paint(painter, {track.id: (track, stage) for track, stage in stages})
            painter.restore()
        for strip in scene.strips:
            track, top = strip.track, strip.top - scene.offset
            if top + strip.height < rect.top() or top > rect.bottom() + 1:
                continue
            stage = scene.stage(strip, left, right, ratio)
            painter.save()
            strip_rect = QRectF(left, stage.top, right - left, stage.height)
            painter.setClipRect(strip_rect.intersected(QRectF(rect)))
            painter.translate(edge, 0)
            track.paint(painter, stage)
            painter.restore()

    def _paint_chosen(self, painter: QPainter) -> None:
        scene = self._scene
        if self._chosen is None:
            return
        pen = QPen(theme().text, max(2.0, scene.px(2)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for strip in scene.strips:
            stage = scene.stage(strip, 0, self.width())
            seen = QRectF(0, stage.top, self.width(), stage.height).intersected(QRectF(self.rect()))
            painter.setClipRect(seen, Qt.ClipOperation.ReplaceClip)
            for outline in strip.track.outlines(stage, self._chosen):
                painter.setPen(pen)
                painter.drawRoundedRect(outline.translated(scene.edge, 0), scene.px(3), scene.px(3))
        painter.setClipping(False)

    def _noting(self) -> list[Strip]:
        """The tracks that may have something to say."""
        if self._scene.sheet is None:
            return []
        return [strip for strip in self._scene.strips if type(strip.track).note is not Track.note]

    def _said(self) -> list[tuple[str, QRect, Stage]]:
        """What the tracks have to say, and where."""
        scene, found = self._scene, []
        for strip in self._noting():
            stage = scene.stage(strip, 0, self.width())
            text = strip.track.note(stage)
            if text:
                top = stage.bottom - scene.px(NOTE)
                found.append((text, QRect(0, int(top), self.width(), int(scene.px(NOTE)) + 1), stage))
        return found

    def _paint_notes(self, painter: QPainter) -> None:
        scene, said = self._scene, self._said()
        self._notes = [rect for _, rect, _ in said]
        for text, _, stage in said:
            kind = face("ui", stage.type(11.5))
            at = QPointF(scene.edge * 1.6, stage.bottom - scene.px(NOTE) / 2)
            text = elided(kind, text, self.width() - 2 * at.x())
            write(painter, at, text, kind, theme().muted)

    # Words under the mouse -----------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Say under the mouse what is there."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def tip_at(self, at: QPointF) -> str:
        """What is said of a point: the exact value, its key, step and unit; empty where nothing is."""
        found = self._scene.hit(at.x(), at.y())
        if found is None:
            return ""
        strip, stage, hit = found
        if hit is None:
            return ""
        return strip.track.tip(stage, hit) or value_tip(stage, hit)


def _rects(region: QRegion) -> list[QRect]:
    """The rectangles of a region."""
    # Qt's stubs do not know that a region can be walked through.
    return list(region)  # type: ignore[call-overload]


def _is_watched(canvas: QWidget) -> bool:
    """Whether somebody sees it move: a picture that is drawn aside shows where the playhead is."""
    aside = canvas.window().testAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
    return canvas.isVisible() and not aside and QGuiApplication.platformName() != "offscreen"
