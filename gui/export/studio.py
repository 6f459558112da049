"""The score, the stage and the window drawn aside: the same run, with a playhead, a theme and a size of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtWidgets import QWidget

from gui import style
from gui.palette import application_palette
from gui.pictures import LARGEST, SMALLEST
from gui.score import Score
from gui.score_fold import Fold
from gui.score_layout import MARGIN, SPACE
from gui.score_scene import READABLE
from gui.state.app_state import AppState
from gui.theme import theme, themes

if TYPE_CHECKING:
    from gui.main_window import MainWindow

SCORE, STAGE, WINDOW = "score", "stage", "window"
STAGE_SIZE = QSize(1920, 1080)
ROUNDS = 4
"""So often layouts may answer to layouts."""


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
    """

    what: str
    theme: str
    size: QSize | None = None


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
    def drawing(self) -> Iterator[QWidget]:
        """What is drawn, in its theme, until the block ends."""
        with themes().wearing(self.subject.theme):
            settle()
            yield self.widget

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

    def _dress(self, size: QSize) -> None:
        widget, worn = self.widget, theme()
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
        elif isinstance(widget, Score) and self.subject.size is not None:
            fitted(widget)
        widget.resize(size)
        settle()
        if widget.size() != size:  # it cannot be so small: larger in the same shape, for whoever scales it down
            widget.resize(size * max(widget.width() / size.width(), widget.height() / size.height()))
            settle()

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


def fitted(score: Score) -> None:
    """Show all columns and all tracks of a score in the room that there is."""
    score.scene.scrolls = False
    score.fit() if score.scene.axis.furthest > 0 else score.refresh()


def whole(score: Score) -> QSize:
    """How large a score is when all its tracks and columns are to be seen at ease."""
    scene = score.scene
    heights = [scene.sizes.get(track.id, track.natural * scene.unit) for track in scene.shown]
    tall = sum(heights) + scene.unit * (2 * MARGIN + SPACE * max(0, len(heights) - 1))
    axis = replace(scene.axis, column=max(scene.px(READABLE), min(scene.axis.column, scene.px(2 * READABLE))))
    wide = score.gutter.width() + 2 * scene.edge + axis.content
    return QSize(*(max(SMALLEST, min(LARGEST, round(side))) for side in (wide + 1, tall + 1)))


@contextmanager
def posed(widget: QWidget, subject: Subject) -> Iterator[QWidget]:
    """A panel that the user has open, in another theme and size until the block ends; nothing is painted meanwhile."""
    choice, size = themes().choice, widget.size()
    try:
        themes().choose(subject.theme)
        settle()
        if subject.size is not None:  # after what holds it has had its say
            widget.resize(subject.size)
            for inside in (widget, *widget.findChildren(QWidget)):
                layout = inside.layout()
                if layout is not None:
                    layout.activate()
        yield widget
    finally:
        widget.resize(size)
        themes().choose(choice)
        settle()


@contextmanager
def drawn(window: MainWindow, subject: Subject) -> Iterator[QWidget]:
    """What a subject looks like now, as a widget to draw until the block ends.

    Raises
    ------
    NothingToDraw
        There is no run yet, or the panel has been closed.
    """
    if subject.what not in (SCORE, STAGE, WINDOW):
        panel = next((dock.widget() for dock in open_panels(window) if dock.objectName() == subject.what), None)
        if panel is None:
            raise NothingToDraw(QCoreApplication.translate("Studio", "The panel has been closed."))
        with posed(panel, subject) as widget:
            yield widget
        return
    if subject.what == WINDOW and subject.size in (None, window.size()):
        with posed(window, replace(subject, size=None)) as widget:
            yield widget
        return
    studio = Studio(window, subject)
    try:
        with studio.drawing() as widget:
            yield widget
    finally:
        studio.close()


def open_panels(window: MainWindow) -> list:
    """The docks that are to be seen."""
    return [dock for dock in window.docks if dock.isVisible() and not dock.visibleRegion().isEmpty()]


def settle() -> None:
    """Let layouts answer to layouts."""
    for _ in range(ROUNDS):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
