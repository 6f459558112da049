"""What the dialogs of pictures and films ask alike: what is drawn, in which theme, how large, with a look at it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui import palette, snapshot
from gui.export import studio
from gui.export.studio import SCORE, STAGE, WINDOW, NothingToDraw, Subject
from gui.pictures import LARGEST, SMALLEST
from gui.theme import px, theme, themes
from gui.widgets import Choice, FieldRow, IntField, label
from gui.widgets.painted import Painted

if TYPE_CHECKING:
    from gui.main_window import MainWindow

OWN, ALL, GIVEN = "own", "all", "given"
DELAY_MS = 150
"""So long after the last change the preview is drawn anew."""
MOST_PIXELS = 6_000_000
"""Of a larger picture the preview is drawn smaller."""


class Fields(QWidget):
    """Asks what is drawn, in which theme and how large.

    Parameters
    ----------
    window : MainWindow
    panels : bool
        Whether panels can be chosen.
    """

    changed = Signal()

    def __init__(self, window: MainWindow, panels: bool) -> None:
        super().__init__()
        self._window = window
        found = [(d.objectName(), d.title) for d in studio.open_panels(window)] if panels else []
        options = [(SCORE, self.tr("The whole score")), (STAGE, self.tr("The stage of the presentation"))]
        self.what = Choice([*options, (WINDOW, self.tr("The window")), *found])
        self.theme = Choice([(name, themes().title(name)) for name in themes().names()[1:]])
        self.theme.set_current(theme().name)
        sizes = [(OWN, self.tr("its own")), (ALL, self.tr("all of it")), (GIVEN, self.tr("as given"))]
        self.sizing = Choice([(id, text) for id, text in sizes if panels or id != ALL])
        self.wide, self.high = IntField(1920, SMALLEST, LARGEST, 10), IntField(1080, SMALLEST, LARGEST, 10)
        self.wide.setAccessibleName(self.tr("Width in pixels"))
        self.high.setAccessibleName(self.tr("Height in pixels"))
        self._pair = self._paired()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(px(8))
        for text, editor in (
            (self.tr("&What"), self.what), (self.tr("&Theme"), self.theme), (self.tr("Si&ze"), self.sizing),
        ):  # fmt: skip
            self.column.addWidget(FieldRow(text, editor))
        self.column.addWidget(self._pair)
        for choice in (self.what, self.theme, self.sizing):
            choice.chosen.connect(self._on_chosen)
        for field in (self.wide, self.high):
            field.committed.connect(self.changed)

    def subject(self) -> Subject:
        """What was asked for."""
        given = QSize(self.wide.value(), self.high.value()) if self.sizing.current() == GIVEN else None
        return Subject(self.what.current(), self.theme.current(), given, self.sizing.current() == ALL)

    def show_size(self, size: QSize) -> None:
        """Show how large it is by itself."""
        if self.sizing.current() != GIVEN:
            self.wide.set_value(size.width())
            self.high.set_value(size.height())
            self._follow()

    def make_possible(self, sides: Callable[[int, int], tuple[int, int]]) -> None:
        """Where not every size can be, show the one that will be."""
        for field, side in zip((self.wide, self.high), sides(self.wide.value(), self.high.value()), strict=True):
            field.set_value(side)

    def _paired(self) -> FieldRow:
        pair = QWidget()
        row = QHBoxLayout(pair)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.wide)
        row.addWidget(label("×", "muted"))
        row.addWidget(self.high)
        pair.setFocusProxy(self.wide)
        return FieldRow(self.tr("Pixels"), pair)

    def _follow(self) -> None:
        scrolls = studio.scrolls(self._window, self.what.current())
        self.sizing.set_enabled(ALL, scrolls, self.tr("There is nothing to scroll"))
        if self.sizing.current() == ALL and not scrolls:
            self.sizing.set_current(OWN)
        for field in (self.wide, self.high):
            field.setEnabled(self.sizing.current() == GIVEN)

    def _on_chosen(self, id: str) -> None:
        self._follow()
        self.changed.emit()


class Preview(Painted):
    """A small look at what will be drawn, made anew a moment after something changed."""

    drawn = Signal(QSize)
    """It is there; how large the picture is."""
    failed = Signal(str)

    def __init__(self, window: MainWindow, fields: Fields) -> None:
        super().__init__()
        self._window, self._fields = window, fields
        self._image = QImage()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self.refresh)
        self._late = QTimer(self)
        self._late.setInterval(DELAY_MS)
        self._late.timeout.connect(self._on_late)
        fields.changed.connect(self._timer.start)
        self.setMinimumSize(px(420), px(320))
        self.setAccessibleName(self.tr("Preview"))

    def refresh(self) -> None:
        """Draw it now."""
        try:
            with studio.drawn(self._window, self._fields.subject(), waits=False) as shot:
                size = shot.size
                room = self.size() * self.devicePixelRatioF()
                share = min(1.0, room.width() / size.width(), room.height() / size.height())
                pixels = size.width() * size.height()
                image = snapshot.image(shot, None if pixels <= MOST_PIXELS else (MOST_PIXELS / pixels) ** 0.5)
        except NothingToDraw as error:
            self._image = QImage()
            self.failed.emit(str(error))
        else:
            self._image = image.scaled(
                size * share, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            self.drawn.emit(size)
            if not studio.ready(self._window):  # what is empty now may be there then
                self._late.start()
        self.update()

    def _on_late(self) -> None:
        if studio.ready(self._window):
            self._late.stop()
            self.refresh()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture in the middle, with an edge."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.fillRect(self.rect(), palette.blend(theme().panel, theme().border, 0.35))
            if self._image.isNull():
                return
            size = self._image.size().scaled(self.size() - QSize(px(16), px(16)), Qt.AspectRatioMode.KeepAspectRatio)
            left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
            area = QRectF(left, top, size.width(), size.height())
            painter.drawImage(area, self._image)
            painter.setPen(theme().border)
            painter.drawRect(area)
