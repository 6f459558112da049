"""The score, the stage and the window drawn aside: the same run, with a playhead, a theme and a size of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtWidgets import QTabBar, QWidget

from gui import style
from gui.export import posing
from gui.export.posing import settle
from gui.palette import application_palette
from gui.pictures import LARGEST, SMALLEST
from gui.score import Score
from gui.score_fold import Fold
from gui.score_gutter import WIDTH
from gui.score_layout import MARGIN, SPACE
from gui.score_scene import READABLE, WIDEST, Scene
from gui.snapshot import Shot
from gui.state.app_state import AppState
from gui.theme import theme, themes

if TYPE_CHECKING:
    from gui.main_window import MainWindow

SCORE, STAGE, WINDOW = "score", "stage", "window"
STAGE_SIZE = QSize(1920, 1080)
LEAST_STAGE = QSize(600, 360)
"""On a smaller one the sentences are cut."""
SMALLER = 2.5
"""No letter is drawn smaller than so many times its ordinary size."""


class NothingToDraw(ValueError):
    """There is no run yet, or the panel is gone; the message says which."""


@dataclass(frozen=True)
class Subject:
    """What is drawn, how large and in which theme.

    Attributes
    ----------
    what : str
        "score", "stage", "window", or a panel's object name.
    theme : str
        "system" or a theme's name.
    size : QSize or None
        None: its own, which is all of the score, the window as it is, and the panel as it is.
    whole : bool
        Of a panel: all of it, also what is to be seen only by scrolling.
    """

    what: str
    theme: str
    size: QSize | None = None
    whole: bool = False


class Studio:
    """Draws a run aside; nothing that the user sees or works in is touched.

    Parameters
    ----------
    window : MainWindow
    subject : Subject
        Of "score", "stage" and "window".

    Raises
    ------
    NothingToDraw
        There is no run yet.
    """

    def __init__(self, window: MainWindow, subject: Subject) -> None:
        state = window.state.double()
        if state is None:
            raise NothingToDraw(QCoreApplication.translate("Studio", "Nothing has been computed yet."))
        self.state: AppState = state
        self.subject = subject
        self._window = window
        with themes().wearing(subject.theme):
            self.widget = self._made()
            self._dress(self._size())
        themes().changed.connect(self._on_look_changed)
        themes().zoom_changed.connect(self._on_look_changed)

    @property
    def ready(self) -> bool:
        """Whether nothing that is to be seen is still being computed."""
        return not self.state.session.analysing

    def go(self, index: int) -> None:
        """Move its own playhead to where so many events have happened."""
        with themes().wearing(self.subject.theme):
            self.state.cursor.go_index(index)
            settle()

    @contextmanager
    def drawing(self) -> Iterator[Shot]:
        """What is drawn, in its theme, until the block ends."""
        with themes().wearing(self.subject.theme):
            settle()
            area = self.widget.size()
            self.widget.setUpdatesEnabled(True)
            try:
                yield Shot(self.widget, area, self.subject.size or area)
            finally:
                self.widget.setUpdatesEnabled(False)

    def close(self) -> None:
        """Take everything down."""
        for signal in (themes().changed, themes().zoom_changed):
            signal.disconnect(self._on_look_changed)
        self.widget.close()
        self.state.close()
        for each in (self.widget, self.state):  # now: the threads of what is in a window end with it
            each.deleteLater()
            QCoreApplication.sendPostedEvents(each, QEvent.Type.DeferredDelete)

    # Making --------------------------------------------------------------------------------------------------

    def _made(self) -> QWidget:
        if self.subject.what == STAGE:
            return self._stage()
        return self._whole_window() if self.subject.what == WINDOW else self._score()

    def _score(self) -> Score:
        theirs = self._window.score.scene
        score = Score(self.state, names=None if theirs.names is None else list(theirs.names))
        score.scene.sizes = dict(theirs.sizes)
        score.scene.preview = theirs.preview
        score.set_chrome(False)
        fold = Fold(score, switches=False)
        fold.set_rolled(self._window.fold.rolled)
        fold.light(self._window.fold.lit)
        return score

    def _stage(self) -> QWidget:
        from gui.presentation import Presentation  # not needed before it is asked for

        stage = Presentation(self.state, self._window.settings)
        stage.score.set_preview(self._window.score.scene.preview)
        stage.fold.set_rolled(self._window.fold.rolled)
        stage.fold.light(self._window.fold.lit)
        return stage

    def _whole_window(self) -> QWidget:
        window = type(self._window)(self.state)
        view = self._window.filing.look.captured()
        floating = {dock.objectName() for dock in self._window.docks if dock.isFloating()}
        window.filing.look.apply(replace(view, panels={n: on and n not in floating for n, on in view.panels.items()}))
        window.setWindowTitle(self._window.windowTitle())
        return window

    def _size(self) -> QSize:
        if self.subject.size is not None:
            return self.subject.size
        if self.subject.what == STAGE:
            return STAGE_SIZE
        return self._window.size() if self.subject.what == WINDOW else whole(self._window.score)

    def _dress(self, asked: QSize) -> None:
        widget, worn, size = self.widget, theme(), self._area(asked)
        widget.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        widget.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        widget.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        widget.setStyleSheet(f"QLabel, QMenuBar {{ color: {worn.text.name()} }}\n{style.sheet(worn)}")
        self._relook()
        widget.resize(size)
        widget.show()
        settle()
        if self.subject.what == WINDOW and not any(dock.isFloating() for dock in self._window.docks):
            widget.restoreState(self._window.saveState())  # type: ignore[attr-defined]
            _hide_old_tabs(widget)
        elif isinstance(widget, Score) and self.subject.size is not None:
            fitted(widget)
        # Between two pictures another theme is worn: what kept its picture would have painted it in that one.
        widget.setUpdatesEnabled(False)
        widget.resize(size)
        settle()
        if widget.size() != size:  # it cannot be so small
            widget.resize(posing.roomy(asked, widget.size()))
            settle()

    def _area(self, asked: QSize) -> QSize:
        """How large it is laid out: in the shape asked for, and so large that no text is cut."""
        if self.subject.what == WINDOW or self.subject.size is None:
            return asked
        return posing.roomy(asked, least(self.widget.scene, asked) if isinstance(self.widget, Score) else LEAST_STAGE)

    def _relook(self) -> None:
        """Give everything the theme's palette: under a style sheet it does not come down from the window."""
        everything, colours = [self.widget, *self.widget.findChildren(QWidget)], application_palette(theme())
        for widget in everything:
            widget.setPalette(colours)
        for widget in everything:
            relook = getattr(widget, "_on_look_changed", None)
            if relook is not None:
                relook()

    def _on_look_changed(self) -> None:
        """The user chose another theme: what was told so here takes its own again."""
        with themes().wearing(self.subject.theme):
            self._relook()
            settle()


def _hide_old_tabs(window: QWidget) -> None:
    """Hide the tabs that a window had before a layout was restored, which Qt leaves where they were."""
    seen: set[frozenset[str]] = set()
    for bar in reversed(window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)):
        names = frozenset(bar.tabText(i) for i in range(bar.count()))
        bar.setVisible(bar.isVisible() and names not in seen)
        seen.add(names)


def least(scene: Scene, asked: QSize) -> QSize:
    """How large a score has to be so that its tracks have room and the words of its columns are not cut.

    Where that is so much larger than what is asked for that nobody could read it, the columns may run into one another.
    """
    tall = sum(scene.sizes.get(track.id, track.minimum * scene.unit) for track in scene.shown)
    tall += scene.unit * (2 * MARGIN + SPACE * max(0, len(scene.shown) - 1))
    wide = scene.px(WIDTH) + 2 * scene.edge + replace(scene.axis, column=scene.px(READABLE)).content
    sides = (wide, asked.width()), (tall, asked.height())
    return QSize(*(math.ceil(side) if side <= given * SMALLER else given for side, given in sides))


def fitted(score: Score) -> None:
    """Show all columns and all tracks of a score in the room that there is."""
    score.scene.scrolls = False
    score.fit() if score.scene.axis.furthest > 0 else score.refresh()


def whole(score: Score) -> QSize:
    """How large a score is when all its tracks and columns are to be seen at ease."""
    scene = score.scene
    heights = [scene.sizes.get(track.id, track.natural * scene.unit) for track in scene.shown]
    tall = sum(heights) + scene.unit * (2 * MARGIN + SPACE * max(0, len(heights) - 1))
    axis = replace(scene.axis, column=max(scene.px(READABLE), min(scene.axis.column, scene.px(WIDEST))))
    wide = score.gutter.width() + 2 * scene.edge + axis.content
    return QSize(*(max(SMALLEST, min(LARGEST, round(side))) for side in (wide + 1, tall + 1)))


@contextmanager
def drawn(window: MainWindow, subject: Subject, waits: bool = True) -> Iterator[Shot]:
    """What a subject looks like now, to be drawn until the block ends.

    Score and stage are drawn aside, panels and the window are the user's own, posing.

    Parameters
    ----------
    window : MainWindow
    subject : Subject
    waits : bool
        Whether the event loop turns first until nothing is computed any more that is to be seen.

    Raises
    ------
    NothingToDraw
        There is no run yet, or the panel has been closed.
    """
    if subject.what in (SCORE, STAGE):
        studio = Studio(window, subject)
        try:
            with studio.drawing() as shot:
                yield shot
        finally:
            studio.close()
        return
    if waits:
        posing.wait_for(lambda: ready(window))
    if subject.what == WINDOW:
        with posing.window(window, subject.theme, subject.size) as area:
            yield Shot(window, area, subject.size or area)
        return
    panel = _panel(window, subject.what)
    if panel is None:
        raise NothingToDraw(QCoreApplication.translate("Studio", "The panel has been closed."))
    with posing.panel(panel, subject.theme, subject.size, subject.whole) as widget:
        yield Shot(widget, widget.size(), widget.size())


def ready(window: MainWindow) -> bool:
    """Whether the window shows everything that it is going to show."""
    session = window.state.session
    return not (session.running or session.analysing)


def scrolls(window: MainWindow, what: str) -> bool:
    """Whether there is more of a panel than is to be seen."""
    panel = _panel(window, what)
    return panel is not None and posing.hidden(panel) > 0


def _panel(window: MainWindow, what: str) -> QWidget | None:
    """What is in a dock that is to be seen."""
    return next((dock.widget() for dock in open_panels(window) if dock.objectName() == what), None)


def open_panels(window: MainWindow) -> list:
    """The docks that are to be seen."""
    return [dock for dock in window.docks if dock.isVisible() and not dock.visibleRegion().isEmpty()]
