"""What the panel of weights says: an entry's name, and what a change has done."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from engine import Trace
from gui.format import number, percent
from gui.frames import weights as frames
from gui.frames.weights import Effect, Matrix
from gui.state.project import Project

tr = QCoreApplication.translate


def effect_words(found: Effect, label: str) -> str:
    """The loss, and the probability of the output with this label, before and after."""
    change = signed(found.loss_after - found.loss_before)
    text = tr("WeightsView", "L {} → {} ({})").format(number(found.loss_before), number(found.loss_after), change)
    if found.label is None:
        return text
    points = (found.after - found.before) * 100
    return text + tr("WeightsView", "\nP({}) {} → {} ({} points)").format(
        label, percent(found.before, 2), percent(found.after, 2), signed(points)
    )


def named(frame: Matrix, row: int, column: int, trace: Trace, project: Project) -> str:
    """An entry, counted from 1, and what its row belongs to."""
    place = f"{row + 1}, {column + 1}" if project.parameters[frame.name].ndim > 1 else f"{row + 1}"
    known = frames.meaning(trace, frame.name, row)
    if known is None:
        return f"{frame.name}[{place}]"
    gate, unit = known
    into = tr("WeightsView", "gate {}, unit {}") if gate else tr("WeightsView", "unit {1}")
    return f"{frame.name}[{place}] · {into.format(gate, unit + 1)}"


def signed(value: float) -> str:
    """A change with its sign."""
    return ("+" if value > 0 else "") + number(value)
