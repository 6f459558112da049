"""What the menu Learn does: ready-made experiments with their facts and instruments, and numbers checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow

from engine import tasks
from gui.actions import table
from gui.actions.binder import Binder
from gui.checking import Checking
from gui.docks import Dock
from gui.findings import Findings
from gui.state.app_state import AppState
from gui.state.project import Project


class Learning(QObject):
    """Opens experiments and says what they show.

    Parameters
    ----------
    state : AppState
    window : QMainWindow
        Whose panels the experiments are looked at with.
    """

    def __init__(self, state: AppState, window: QMainWindow) -> None:
        super().__init__(window)
        self._state, self._window = state, window
        self.findings = Findings(state)
        self.checking = Checking(state, window)
        self._actions: Binder | None = None
        self._choices: dict[str, QAction] = {}
        state.document.project_changed.connect(self._on_project_changed)
        state.session.trace_changed.connect(self._follow)
        state.selection.changed.connect(self._follow)

    def calls(self) -> dict[str, Callable[..., object]]:
        """What the actions of the menu do."""
        return {"learn.fact": self.findings.say_fact, "learn.check": self.checking.check_selected}

    def fill(self, actions: Binder) -> None:
        """Put the experiments into the menu, and begin with the one that is open."""
        self._actions = actions
        menu = actions.submenu(table.LEARN, self.tr("&Experiments"), "learn.fact", "graduation-cap")
        options = [(shown.id, self.tr(shown.title), "") for shown in tasks.experiments]
        self._choices = actions.choices(menu, options, self.open)
        for id, action in self._choices.items():
            action.setToolTip(self.tr(tasks.get(id).summary))
        self._ask(actions)
        self._begin(self._state.document.project)
        self._follow()

    def _ask(self, actions: Binder) -> None:
        """Put what the panels answer into the menu; a question brings its panel."""
        menu = actions.submenu(table.LEARN, self.tr("&Questions"), "learn.fact", "list")
        for dock in self._window.findChildren(Dock):
            if dock.question:
                action = menu.addAction(dock.question)
                action.setToolTip(self.tr("Opens the panel “{}”").format(dock.title))
                action.setStatusTip(action.toolTip())
                action.triggered.connect(partial(self._bring, dock))

    def _bring(self, dock: Dock, checked: bool = False) -> None:
        dock.show()
        dock.raise_()

    def open(self, id: str) -> None:
        """Make an experiment the project."""
        if id != self._state.document.project.scenario:
            self._state.document.open_scenario(id)

    def show_instrument(self, view: str) -> None:
        """Bring a panel to the front, by its view's id; an instrument of the laboratory by the rest of it."""
        for name in (f"dock.{view}", f"dock.lab-{view}"):
            dock = self._window.findChild(Dock, name)
            if dock is not None:
                self._bring(dock)

    def _begin(self, project: Project) -> None:
        if project.scenario in tasks.experiments:
            self.findings.say_fact()
            self.show_instrument(project.task.view)  # type: ignore[attr-defined]

    def _on_project_changed(self, new: Project, old: Project) -> None:
        if new.task is not old.task:
            self._begin(new)
        self._follow()

    def _follow(self) -> None:
        """Tick the open experiment, and allow what can be done."""
        if self._actions is None:
            return
        open_now = self._state.document.project.scenario
        for id, action in self._choices.items():
            action.setChecked(id == open_now)
        self._actions["learn.fact"].setEnabled(open_now in tasks.experiments)
        self._actions["learn.check"].setEnabled(self.checking.selected() is not None)
