"""The row of switches under the menus: scenario, cell, engine; training and presentation at the right."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from engine import SpecError, tasks
from engine.registry import Cell, cells
from gui.actions.binder import Binder
from gui.state.app_state import AppState
from gui.state.computing import HEAVY, Place, at, places
from gui.state.project import Project
from gui.theme import px, theme
from gui.widgets import Choice, Segment, SegmentedControl, label, push_button
from gui.widgets.painted import Painted

PATIENCE_MS = 200
"""A run that is done sooner is not worth a sign that something runs."""


def by_size() -> list[Cell]:
    """The cells, the one with the fewest gates first."""
    return sorted(cells, key=lambda cell: (cell.blocks, cell.name))


class Switches(QWidget):
    """The switches; each edit is one undo step of the document."""

    refused = Signal(str)
    """A switch could not be made; the sentence says why."""

    def __init__(self, state: AppState, actions: Binder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._places: list[Place] = []
        self._found: tuple[str, ...] = ()
        self._scenario = Choice()
        self._offer(state.document.task)
        self._scenario.setAccessibleName(self.tr("Scenario"))
        self._scenario.setToolTip(self.tr("What the network does: each scenario opens with trained weights"))
        self._cell = SegmentedControl(
            [Segment(cell.name, cell.name.upper(), self.tr(cell.title)) for cell in by_size()], self.tr("Cell")
        )
        self._engine = SegmentedControl((), self.tr("Engine"))
        self._busy = Busy()
        self._train = push_button(self.tr("Train…"))
        self._train.clicked.connect(actions["run.train"].trigger)
        self._train_action = actions["run.train"]
        self._train_action.changed.connect(self._on_train_changed)
        self._on_train_changed()
        self._present = push_button(self.tr("Present  F5"), "primary")
        self._present.setToolTip(actions["view.present"].toolTip())
        self._present.clicked.connect(actions["view.present"].trigger)
        self._row = QHBoxLayout(self)
        self._captions: list[QLabel] = []
        for text, switch in (
            (self.tr("SCENARIO"), self._scenario),
            (self.tr("CELL"), self._cell),
            (self.tr("ENGINE"), self._engine),
        ):
            name = label(text, "caption")
            name.setBuddy(switch)
            self._captions.append(name)
            self._row.addWidget(name)
            self._row.addWidget(switch)
        self._row.addWidget(self._busy)
        self._row.addStretch(1)
        self._row.addWidget(self._train)
        self._row.addWidget(self._present)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._scenario.chosen.connect(self.choose_scenario)
        self._cell.chosen.connect(self.choose_cell)
        self._engine.chosen.connect(self.choose_engine)
        state.document.project_changed.connect(self._on_project_changed)
        state.session.trace_changed.connect(self._on_trace_changed)
        state.session.running_changed.connect(self._busy.set_busy)
        self._busy.set_busy(state.session.running)
        self._measure()
        self._set_places(places())
        self._follow(state.document.project)

    def choose_scenario(self, id: str) -> None:
        """Open a scenario, with the cell that is chosen: the scenarios are there to be compared."""
        document = self._state.document
        if id != document.project.scenario:
            document.open_scenario(id, document.project.spec.cell)

    def choose_cell(self, name: str) -> None:
        """Compute with another cell."""
        try:
            self._state.document.set_cell(name)
        except SpecError as error:
            self.refused.emit(str(error))
            self._follow(self._state.document.project)

    def choose_engine(self, id: str) -> None:
        """Compute at another place."""
        place = next(place for place in self._places if place.id == id)
        self._state.document.edit(
            self.tr("change of engine to {}").format(place.title), engine=place.engine, device=place.device
        )

    def place(self) -> Place:
        """Return where it is computed."""
        project = self._state.document.project
        return at(self._places, project.engine, project.device)

    def places(self) -> list[Place]:
        """Return where it could be computed, as far as is known."""
        return list(self._places)

    def minimumSizeHint(self) -> QSize:
        """Without the captions, which go where there is no room."""
        shown = [caption for caption in self._captions if not caption.isHidden()]
        words = sum(caption.sizeHint().width() + self._row.spacing() for caption in shown)
        hint = super().minimumSizeHint()
        return QSize(hint.width() - words, hint.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the captions where there is room for them."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom."""
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._measure()
        super().changeEvent(event)

    def _on_train_changed(self) -> None:
        self._train.setEnabled(self._train_action.isEnabled())
        self._train.setToolTip(self._train_action.toolTip())

    def _on_project_changed(self, new: Project, old: Project) -> None:
        self._follow(new)

    def _on_trace_changed(self) -> None:
        engine, _, devices = self._state.session.devices
        if engine == HEAVY and devices != self._found:
            self._found, known = devices, places(devices)
            if known != self._places:
                self._set_places(known)
                self._follow(self._state.document.project)

    def _set_places(self, known: list[Place]) -> None:
        self._places = known
        self._engine.set_segments(
            [
                Segment(
                    place.id,
                    place.title,
                    self.tr("Compute with {}: the same numbers from each").format(place.title),
                    not place.missing,
                    place.missing,
                )
                for place in known
            ]
        )

    def _offer(self, task: tasks.Task) -> None:
        """The scenarios, and what else is open: an experiment (the menu Learn has the others), a network of a file."""
        offered = [*tasks.all(), *([] if task in tasks.all() else [task])]
        options = [(task.id, self.tr(task.title)) for task in offered]
        shown = [(self._scenario.itemData(at), self._scenario.itemText(at)) for at in range(self._scenario.count())]
        if options != shown:
            self._scenario.set_options(options)

    def _follow(self, project: Project) -> None:
        self._offer(project.task)
        self._scenario.set_current(project.scenario)
        self._cell.set_current(project.spec.cell)
        self._engine.set_current(self.place().id)

    def _fit(self) -> None:
        words = sum(caption.sizeHint().width() + self._row.spacing() for caption in self._captions)
        room = self.width() - self.minimumSizeHint().width() >= words + px(60)
        for caption in self._captions:
            caption.setVisible(room)

    def _measure(self) -> None:
        self._row.setContentsMargins(px(4), 0, px(4), 0)
        self._row.setSpacing(px(10))


class Elided(QLabel):
    """A quiet line at the right that gives way: what has no room is left out, and said in the tip."""

    def __init__(self, text: str, role: str) -> None:
        super().__init__(text)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Write as much of the text as there is room for."""
        with QPainter(self) as painter:
            area = self.contentsRect()
            text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, area.width())
            painter.setPen(self.palette().windowText().color())
            painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)


class Busy(Painted):
    """A ring that turns while something takes longer than a moment; its place is always kept."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._angle = 0
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(PATIENCE_MS)
        self._wait.timeout.connect(self._on_waited)
        self._turn = QTimer(self)
        self._turn.setInterval(50)
        self._turn.timeout.connect(self._on_turn)
        self.setToolTip("")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As high as a line."""
        return QSize(px(18), px(18))

    def set_busy(self, busy: bool) -> None:
        """Begin to wait, or stop turning."""
        if busy:
            self._wait.start()
        else:
            self._wait.stop()
            self._turn.stop()
            self.setToolTip("")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw three quarters of a ring."""
        if not self._turn.isActive():
            return
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            pen = QPen(theme().forward, max(2, px(2)))
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            gap = px(3)
            painter.drawArc(QRectF(self.rect()).adjusted(gap, gap, -gap, -gap), -self._angle * 16, 270 * 16)

    def _on_waited(self) -> None:
        self.setToolTip(self.tr("The engine is running"))
        self._turn.start()
        self.update()

    def _on_turn(self) -> None:
        self._angle = (self._angle + 20) % 360
        self.update()
