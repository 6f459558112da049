"""The score: one time axis, many tracks, one playhead."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QPalette
from PySide6.QtWidgets import QGridLayout, QScrollBar, QWidget

from engine import Trace
from gui import fonts, score_keys
from gui.frames.sheet import Sheet
from gui.score_alone import AloneOver
from gui.score_canvas import Canvas
from gui.score_gutter import Gutter
from gui.score_hand import Hand
from gui.score_layout import names_of
from gui.score_menu import Tracks
from gui.score_patches import touched
from gui.score_scene import Scene
from gui.settings import Settings
from gui.state.app_state import AppState
from gui.state.selection import Selected
from gui.theme import theme, themes
from gui.tracks.base import Hit
from gui.widgets.buttons import icon_button


class Score(QWidget):
    """Every track of the run that is on the bench, over one time axis.

    Parameters
    ----------
    state : AppState
    stage : str
        Under which settings remember the tracks: "workspace" or "presentation".
    settings : Settings, optional
        Without them nothing is remembered.
    names : sequence of str, optional
        The tracks shown at first, by id or kind; by default each track's own wish.
    """

    entered = Signal(object)
    """A cell of the unrolled diagram was double-clicked: its Hit."""

    def __init__(
        self, state: AppState, stage: str = "workspace", settings: Settings | None = None,
        names: list[str] | None = None, parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._state, self._stage, self._settings = state, stage, settings
        self._factor, self._least, self._chrome = 1.0, 0.0, True
        self.extra: list[QAction] = []  # what the menu of the tracks offers besides
        self.scene = Scene(fonts.zoom())
        self.scene.names = names if settings is None else settings.tracks(stage) or names
        self.scene.preview = settings is not None and settings.preview
        self.canvas = Canvas(self.scene, self)
        self.gutter = Gutter(self.scene)
        self.tracks = Tracks(self.scene, self)
        self._hand = Hand(self.scene, self.canvas)
        self._across = QScrollBar(Qt.Orientation.Horizontal)
        self._down = QScrollBar(Qt.Orientation.Vertical)
        self._button = icon_button("list", self.tr("Show, hide and order the tracks"), "flat", parent=self.gutter)
        self._build()
        self._connect()
        self._on_trace_changed(state.session.trace)
        self._on_look_changed()

    def _build(self) -> None:
        self._button.clicked.connect(lambda: self._on_menu_asked("", self._button.mapToGlobal(QPoint(0, 0))))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(0)
        grid.addWidget(self.gutter, 0, 0)
        grid.addWidget(self.canvas, 0, 1)
        grid.addWidget(self._down, 0, 2)
        grid.addWidget(self._across, 1, 1)
        grid.setColumnStretch(1, 1)
        grid.setRowStretch(0, 1)
        self._across.setAccessibleName(self.tr("Scroll along the sequence"))
        self._down.setAccessibleName(self.tr("Scroll through the tracks"))
        self.setFocusProxy(self.canvas)
        self.setMinimumSize(320, 200)
        self.setAutoFillBackground(True)

    def _connect(self) -> None:
        state, hand = self._state, self._hand
        state.session.trace_changed.connect(self._on_trace_changed)
        state.cursor.changed.connect(self._on_cursor_changed)
        state.selection.changed.connect(self._on_selection_changed)
        AloneOver(self.scene, self.canvas, state.horizon, self)
        themes().changed.connect(self._on_look_changed)
        themes().zoom_changed.connect(self._on_look_changed)
        hand.pointed.connect(self._on_pointed)
        hand.went.connect(self.go_to)
        hand.entered.connect(self.entered)
        hand.panned.connect(self._on_panned)
        hand.zoomed.connect(self.zoom)
        self.canvas.resized.connect(self._on_canvas_resized)
        self.gutter.resized.connect(self._on_resized)
        self.gutter.fitted.connect(self.fit)
        self.gutter.menu_asked.connect(self._on_menu_asked)
        self.tracks.changed.connect(self._on_tracks_changed)
        self._across.valueChanged.connect(self._on_across)
        self._down.valueChanged.connect(self._on_down)

    # For others ---------------------------------------------------------------------------------------------

    def set_scale(self, factor: float, least: float = 0.0) -> None:
        """Draw everything larger, as for a projector; no letter smaller than ``least`` pixels."""
        self._factor, self._least = factor, least
        self._on_look_changed()

    def set_chrome(self, visible: bool) -> None:
        """Show or hide what is only for the mouse: the button of the tracks, the scroll bars."""
        self._chrome = visible
        self._button.setVisible(visible)

    def set_preview(self, on: bool) -> None:
        """Show the norm that is not computed yet, dashed."""
        self.scene.preview = on
        self.canvas.repaint_all()

    def fit(self) -> None:
        """Show every column at once."""
        self.scene.fit()
        self.refresh()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Make columns wider or narrower, around an x of the canvas or around the playhead."""
        if x is None:
            column = self.scene.column
            x = self.canvas.width() / 2 if column is None else self.scene.axis.centre(column)
        self.scene.zoom(factor, x)
        self.refresh()

    def go_to(self, column: int) -> None:
        """Move the playhead to a column, in the pass that it is in."""
        event = self._state.cursor.event
        phase = "forward" if event is None else "backward" if event.phase == "loss" else event.phase
        self._state.playback.pause()
        self._state.cursor.go_to(phase, column)

    # What happens -------------------------------------------------------------------------------------------

    def _on_trace_changed(self, trace: Trace | None) -> None:
        cursor = self._state.cursor
        self.scene.set_position(cursor.reached, cursor.event)
        self.scene.set_sheet(None if trace is None else Sheet(trace, self._state.session.words))
        self.scene.follow()
        self._on_selection_changed(self._state.selection.value)
        self.refresh()
        self._describe()

    def _on_cursor_changed(self, position: int) -> None:
        scene = self.scene
        before, old, scroll = scene.position, scene.column, scene.axis.scroll
        scene.set_position(self._state.cursor.reached, self._state.cursor.event)
        if scene.follow():
            self.canvas.shift(round(scene.axis.scroll - scroll))
            self._set_bars()
        self.canvas.repaint_patches(touched(scene, before, old))
        self._describe()

    def _on_selection_changed(self, value: Selected | None) -> None:
        self.canvas.set_chosen(_hit(value) if self.scene.sheet is not None else None)
        self._describe()

    def _on_look_changed(self) -> None:
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Window, theme().canvas)
        self.setPalette(palette)
        self.scene.set_unit(fonts.zoom() * self._factor, self._least)
        self.gutter.relayout()
        self.refresh()

    def _on_tracks_changed(self) -> None:
        if self._settings is not None:
            names = names_of(self.scene.shown, self.scene.available) if self.scene.names is not None else []
            self._settings.set_tracks(self._stage, names)
        self.refresh()

    def _on_pointed(self, hit: Hit | None) -> None:
        if hit is None:
            self._state.selection.clear()
        else:
            self._state.selection.select(hit.prefix, hit.step, hit.unit, hit.name, hit.gradient)

    def _on_panned(self, dx: float, dy: float) -> None:
        self._across.setValue(self._across.value() + round(dx))
        self._down.setValue(self._down.value() + round(dy))

    def _on_across(self, value: int) -> None:
        before = self.scene.axis.scroll
        self.scene.scroll_to(value)
        self.canvas.shift(round(self.scene.axis.scroll - before))

    def _on_down(self, value: int) -> None:
        if round(self.scene.offset) != value:
            self.scene.scroll_down(value)
            self.canvas.repaint_all()
            self.gutter.update()

    def _on_canvas_resized(self) -> None:
        self.refresh()
        if self.scene.follow():
            self.refresh()

    def _on_resized(self, id: str, height: float) -> None:
        self.scene.set_height(id, height)
        self.refresh()

    def _on_menu_asked(self, id: str, at: QPoint) -> None:
        if self.scene.sheet is not None:
            menu = self.tracks.menu(self, id)
            if self.extra:
                menu.addSeparator()
                menu.addActions(self.extra)
            menu.popup(at)

    # Events ---------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step, play, jump, move the selection, zoom."""
        key, modifiers = Qt.Key(event.key()), event.modifiers()
        if key == Qt.Key.Key_F and not modifiers:
            self.fit()
        elif not score_keys.press(self._state, self.scene, key, modifiers):
            super().keyPressEvent(event)

    # Upkeep ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Arrange and paint everything anew."""
        self.scene.resize(self.canvas.width(), self.canvas.height())
        self._set_bars()
        side = round(self.scene.px(26))
        self._button.setGeometry(self.gutter.width() - side - 2, 4, side, side)
        self.canvas.repaint_all()
        self.gutter.update()

    def _set_bars(self) -> None:
        scene = self.scene
        for bar, value, most, page, step in (
            (self._across, scene.axis.scroll, scene.axis.furthest, scene.axis.width, scene.axis.column),
            (self._down, scene.offset, scene.lowest, scene.height, 20),
        ):
            bar.blockSignals(True)
            bar.setRange(0, round(most))
            bar.setPageStep(max(1, round(page)))
            bar.setSingleStep(max(1, round(step)))
            bar.setValue(round(value))
            bar.setVisible(most >= 1 and self._chrome)
            bar.blockSignals(False)

    def _describe(self) -> None:
        """Say for a screen reader where the playhead stands and what is selected."""
        self.canvas.setAccessibleDescription(score_keys.description(self.scene, _hit(self._state.selection.value)))


def _hit(chosen: Selected | None) -> Hit | None:
    """A selection as the tracks know it."""
    if chosen is None:
        return None
    return Hit(chosen.prefix, chosen.step, chosen.unit, chosen.name, chosen.gradient)
