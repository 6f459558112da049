"""The workspace: menus, switches, the score in the middle and the panels around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QMenuBar, QToolBar, QVBoxLayout, QWidget

from engine import tasks
from gui import commands, dialogs, presentation_keys
from gui.actions import table
from gui.actions.binder import Binder
from gui.actions.palette import Palette
from gui.actions.shortcuts import Shortcuts
from gui.docks import Dock, hair_line
from gui.drop import Drops
from gui.export.exporter import Exporter
from gui.filing import Filing
from gui.learning import Learning
from gui.look import Look
from gui.messages import Messages
from gui.notes import Notes
from gui.score import Score
from gui.score_fold import Fold
from gui.settings import Settings
from gui.state.app_state import AppState
from gui.state.project import FRESH, GIVEN, Project
from gui.theme import px, themes
from gui.toolbar import Elided, Switches, by_size
from gui.views import views
from gui.widgets import label

if TYPE_CHECKING:
    from gui.presentation import Presentation

LAYOUT_VERSION = 1
TABBED = (Qt.DockWidgetArea.TopDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
SIDES = {
    Qt.DockWidgetArea.LeftDockWidgetArea: (0.18, 228, 256),
    Qt.DockWidgetArea.RightDockWidgetArea: (0.25, 300, 420),
}
"""The share of the window's width that a side's panels take at first, and its limits."""
ABOVE = 0.48
"""The share of the window's height that panels above the score take at first."""


class MainWindow(QMainWindow):
    """The window of the application.

    Parameters
    ----------
    state : AppState
    settings : Settings, optional
        Where the layout is remembered; None: nowhere, and every panel is at its own place.
    """

    def __init__(self, state: AppState, settings: Settings | None = None) -> None:
        super().__init__()
        self.setObjectName("main")
        self.state, self.settings = state, settings
        self._presentation: Presentation | None = None
        self._placed = self._shown = False
        self._menu_bar = QMenuBar()
        self.learning = Learning(state, self)
        self.score = Score(state, settings=settings)
        self.score.entered.connect(self._look_inside)
        self.fold = Fold(self.score)
        self.filing = Filing(state, self, Look(state, self, self.score, self.fold), self.say_failure, settings)
        self.exporter = Exporter(self)
        self.actions_ = Binder(self, self._menu_bar, self._calls())
        commands.Enabling(state, self.actions_, self)
        self.switches = Switches(state, self.actions_)
        self.fold.rolled_changed.connect(self.actions_["view.rolled"].setChecked)
        self.actions_["view.preview"].setChecked(self.score.scene.preview)
        self.messages = Messages(state)
        self.messages.train_wanted.connect(self.actions_["run.train"].trigger)
        self.filing.file.opened.connect(self.messages.forget)
        # Whatever has been opened is stepped next: the keyboard is the score's, not that of a button that has gone.
        self.filing.file.opened.connect(lambda view: self.score.setFocus())
        self.switches.refused.connect(self._on_refused)
        self.docks = [Dock(view, state, self) for view in views() if view.area != "top"]
        self._strips = [view(state) for view in views() if view.area == "top"]
        self._assemble()
        self._fill_menus()
        state.document.project_changed.connect(self._on_project_changed)
        self._on_project_changed(state.document.project)
        # After the layouts have answered to the new sizes of everything.
        themes().zoom_changed.connect(self._share_out, Qt.ConnectionType.QueuedConnection)
        self.resize(px(1280), px(800))
        self._restore()
        self.learning.fill(self.actions_)
        self.learning.checking.watch(self.score)
        self.drops = Drops(self, lambda paths: self.filing.open(*paths), self.say_failure)

    def say_failure(self, text: str) -> None:
        """Say that something went wrong that no run can mend."""
        self.messages.say_failure(text, retry=False)

    def present(self) -> None:
        """Show the stage on the window's screen."""
        from gui.presentation import Presentation  # not needed before it is asked for

        if self._presentation is None:
            self._presentation = Presentation(self.state, self.settings)
            self._presentation.score.set_preview(self.score.scene.preview)
            self._presentation.fold.go_with(self.fold)
        self._presentation.start(self.screen())

    def showEvent(self, event: QShowEvent) -> None:
        """Give the panels their sizes when the window has its own."""
        super().showEvent(event)
        if not self._placed:
            self._share_out()
        if not self._shown:
            self._placed = self._shown = True
            self.score.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Give the keyboard to the score with Escape, where nothing else wants that."""
        if event.key() == Qt.Key.Key_Escape:
            self.score.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved work; then remember the layout, and take the stage down."""
        if not self.filing.may_close():
            event.ignore()
            return
        if self.settings is not None:
            self.settings.set_window("main", self.saveGeometry(), self.saveState(LAYOUT_VERSION))
            self.settings.speed = self.state.playback.speed
            self.settings.sync()
        self.exporter.close()
        if self._presentation is not None:
            self._presentation.close()
        super().closeEvent(event)

    # Building --------------------------------------------------------------------------------------------

    def _calls(self) -> dict[str, Callable[..., object]]:
        return {
            **commands.on_state(self.state),
            **self.learning.calls(),
            **self.filing.calls(),
            **self.exporter.calls(),
            "file.quit": self.close,
            "edit.input": self._edit_input,
            "edit.notes": lambda: Notes(self.state, self).open(),
            "view.present": self.present,
            "view.fullscreen": self._set_fullscreen,
            "view.palette": self._open_palette,
            "view.rolled": lambda wanted: self.fold.set_rolled(wanted),
            "view.preview": self._set_preview,
            "view.shared": lambda: self.fold.light_next(),
            "view.reset_panels": self._reset_panels,
            "run.train": lambda: dialogs.train(self.state, self),
            "help.shortcuts": lambda: Shortcuts(self._extra_keys(), self).open(),
            "help.diagnostics": lambda: dialogs.diagnose(self.switches.places(), self.settings, self),
            "help.about": lambda: dialogs.about(self.switches.places(), self),
        }

    def _assemble(self) -> None:
        bar = QToolBar(self.tr("Switches"), self)
        bar.setObjectName("switches")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.toggleViewAction().setVisible(False)
        bar.addWidget(self.switches)
        self.addToolBar(bar)
        self.setMenuWidget(self._top())
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for strip in self._strips:
            column.addWidget(strip)
        column.addWidget(self.filing.notices)
        column.addWidget(self.messages)
        column.addWidget(self.learning.findings)
        column.addWidget(self.score, 1)
        self.setCentralWidget(middle)
        self.setDockNestingEnabled(True)
        for corner in (Qt.Corner.BottomLeftCorner, Qt.Corner.BottomRightCorner):
            self.setCorner(corner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.setCorner(Qt.Corner.TopLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.TopRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self._add_docks()

    def _add_docks(self) -> None:
        """Put every panel at its own place; those above the score, and at the right, as tabs of one."""
        first: dict[Qt.DockWidgetArea, Dock] = {}
        for dock in self.docks:
            self.addDockWidget(dock.home, dock)
            if dock.home in TABBED:
                if dock.home in first:
                    self.tabifyDockWidget(first[dock.home], dock)
                first.setdefault(dock.home, dock)
            dock.setVisible(dock.open_at_first)

    def _top(self) -> QWidget:
        """The line of the name, the menus, and how good the network is."""
        top = QFrame()
        top.setProperty("role", "panel")
        self._menu_bar.setStyleSheet("QMenuBar { border: none; }")
        self._weights = Elided("", "muted")
        row = QHBoxLayout()
        row.setContentsMargins(px(16), 0, px(16), 0)
        row.setSpacing(px(8))
        row.addWidget(label("Loopscope", "title"))
        row.addWidget(self._menu_bar)
        row.addWidget(self._weights, 1)
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(hair_line())
        return top

    def _fill_menus(self) -> None:
        actions = self.actions_
        self.filing.fill(actions)
        self.exporter.fill(actions)
        menu = actions.submenu(table.FILE, self.tr("&Scenarios"), "file.open", "list")
        options = [(task.id, self.tr(task.title), f"Ctrl+{i}") for i, task in enumerate(tasks.all(), 1)]
        self._scenarios = actions.choices(menu, options, self.switches.choose_scenario)
        menu = actions.submenu(table.VIEW, self.tr("&Theme"), "view.zoom_in", "sun-moon")
        options = [(name, themes().title(name), "") for name in themes().names()]
        self._themes = actions.choices(menu, options, self._choose_theme)
        self._themes[themes().choice].setChecked(True)
        self._offer_panels()
        menu = actions.submenu(table.RUN, self.tr("&Cell"), "run.teacher_forcing")
        options = [(cell.name, self.tr(cell.title), "") for cell in by_size()]
        self._cells = actions.choices(menu, options, self.switches.choose_cell)
        self._engines = actions.submenu(table.RUN, self.tr("E&ngine"), "run.teacher_forcing", "cpu")
        self._engines.aboutToShow.connect(self._fill_engines)
        self._fill_engines()

    def _offer_panels(self) -> None:
        """One menu of panels, and one for each group of them; the first nine of each have keys."""
        menus = {"": self.actions_.submenu(table.VIEW, self.tr("P&anels"), "view.zoom_in", "panel-left")}
        keys: dict[str, int] = {}
        for dock in self.docks:
            if dock.group not in menus:
                menus[dock.group] = self.actions_.submenu(table.VIEW, self.tr(dock.group), "view.zoom_in")
            number = keys[dock.group] = keys.get(dock.group, 0) + 1
            toggle = dock.toggleViewAction()
            toggle.setShortcut(f"{'Ctrl+Alt+Shift' if dock.group else 'Ctrl+Alt'}+{number}")
            toggle.setToolTip(self.tr("Show or hide the panel"))
            menus[dock.group].addAction(toggle)

    def _fill_engines(self) -> None:
        self._engines.clear()
        known = self.switches.places()
        made = self.actions_.choices(
            self._engines, [(place.id, place.title, "") for place in known], self.switches.choose_engine
        )
        for place in known:
            made[place.id].setEnabled(not place.missing)
            made[place.id].setToolTip(place.missing or self.tr("The same numbers from each"))
            made[place.id].setChecked(place.id == self.switches.place().id)

    def _restore(self) -> None:
        geometry, layout = (QByteArray(), QByteArray()) if self.settings is None else self.settings.window("main")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
            self._placed = self.restoreState(layout, LAYOUT_VERSION)

    def _share_out(self) -> None:
        """Give the sides their share of the width, and what lies below its own height."""
        for area, (share, least, most) in SIDES.items():
            docks = [dock for dock in self.docks if self.dockWidgetArea(dock) == area and not dock.isFloating()]
            width = max(px(least), min(px(most), round(share * self.width())))
            self.resizeDocks(docks, [width] * len(docks), Qt.Orientation.Horizontal)
        low = [d for d in self.docks if self.dockWidgetArea(d) == Qt.DockWidgetArea.BottomDockWidgetArea]
        heights = [dock.widget().sizeHint().height() if dock.widget() else 0 for dock in low]
        self.resizeDocks(low, heights, Qt.Orientation.Vertical)
        above = [d for d in self.docks if self.dockWidgetArea(d) == Qt.DockWidgetArea.TopDockWidgetArea]
        self.resizeDocks(above, [round(ABOVE * self.height())] * len(above), Qt.Orientation.Vertical)

    # What actions do to the window -----------------------------------------------------------------------

    def _edit_input(self) -> None:
        if self._strips:
            self._strips[0].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _choose_theme(self, name: str) -> None:
        themes().choose(name)
        if self.settings is not None:
            self.settings.theme = name

    def _set_preview(self, wanted: bool) -> None:
        self.score.set_preview(wanted)
        if self._presentation is not None:
            self._presentation.score.set_preview(wanted)
        if self.settings is not None:
            self.settings.preview = wanted

    def _set_fullscreen(self, wanted: bool) -> None:
        self.setWindowState(
            self.windowState() | Qt.WindowState.WindowFullScreen
            if wanted
            else self.windowState() & ~Qt.WindowState.WindowFullScreen
        )

    def _reset_panels(self) -> None:
        for dock in self.docks:
            dock.setFloating(False)
        self._add_docks()
        self._share_out()

    def _look_inside(self, hit: object) -> None:
        """Show the inside of the step that was double-clicked; the click before has selected it."""
        for dock in self.docks:
            if dock.objectName() == "dock.cell":
                dock.show()
                dock.raise_()

    def _open_palette(self) -> None:
        self._fill_engines()
        Palette(self.actions_.everything(), self).open()

    def _extra_keys(self) -> list[tuple[str, str, str]]:
        """What has keys but is not in the table: scenarios, panels, and what is done on the stage."""
        known = {self.actions_[entry.id] for entry in table.ACTIONS}
        found = [
            (path.split(" › ")[0], action.text().replace("&", ""), action.shortcut().toString())
            for path, action in self.actions_.everything()
            if action not in known and not action.shortcut().isEmpty()
        ]
        return found + [(self.tr("On the stage"), text, keys) for text, keys in presentation_keys.entries()]

    # What the state says ---------------------------------------------------------------------------------

    def _on_refused(self, text: str) -> None:
        self.messages.say_failure(text, retry=False)

    def _on_project_changed(self, project: Project, old: Project | None = None) -> None:
        for id, action in self._scenarios.items():
            action.setChecked(id == project.scenario)
        self._cells[project.spec.cell].setChecked(True)
        words = {
            FRESH: self.tr("fresh weights"),
            "trained": self.tr("trained"),
            "edited": self.tr("edited weights"),
            GIVEN: self.tr("weights as given"),
        }
        said = project.score or words[project.weights]
        self._weights.setText(said)
        self._weights.setToolTip(self.tr("How good the network is on data it has never seen, or what its weights are"))
