"""The user's own window and panels, laid out at another size and in another theme for as long as they are drawn.

What is in them is what the user made of it: tabs, limits, scroll positions. A double would have to learn all of that
anew. The window itself keeps its size: only what is in it is laid out as if it were another one, and all of that
happens within one turn of the event loop, so that nothing of it is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QRect, QSize, Qt, QTimer
from PySide6.QtWidgets import QAbstractScrollArea, QDockWidget, QMainWindow, QScrollBar, QWidget

from gui.pictures import LARGEST
from gui.theme import themes

ROUNDS = 4
"""So often layouts may answer to layouts."""
LIMIT_MS, TURN_MS = 10_000, 15
"""So long a picture waits for what is still being computed, and so often it looks."""


def settle() -> None:
    """Let layouts answer to layouts."""
    for _ in range(ROUNDS):
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)


def wait_for(ready: Callable[[], bool], limit: int = LIMIT_MS) -> None:
    """Let the event loop turn until something is ready, or for so many milliseconds.

    The window is painted and answers meanwhile; keys and clicks come after it.
    """
    turn, end = QTimer(), QTimer()
    turn.start(TURN_MS)  # so that each turn ends
    end.setSingleShot(True)
    end.start(limit)
    turns = QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents
    while not ready() and end.isActive():
        QCoreApplication.processEvents(turns)


@contextmanager
def panel(widget: QWidget, theme: str, size: QSize | None, whole: bool) -> Iterator[QWidget]:
    """A panel in a theme and a size until the block ends.

    Parameters
    ----------
    widget : QWidget
    theme : str
    size : QSize or None
        None: its own.
    whole : bool
        So high that nothing has to be scrolled.
    """
    before = widget.size()
    with _kept(widget, theme):
        if size is not None or whole:
            _resize(widget, size or before)
        for _ in range(ROUNDS if whole else 0):
            _resize(widget, QSize(widget.width(), min(LARGEST, widget.height() + hidden(widget))))
        try:
            yield widget
        finally:
            widget.resize(before)


def _resize(widget: QWidget, size: QSize) -> None:
    """At once, whatever holds it."""
    widget.resize(size)
    for inside in (widget, *widget.findChildren(QWidget)):
        layout = inside.layout()
        if layout is not None:
            layout.activate()


def hidden(widget: QWidget) -> int:
    """How many pixels of a panel's height are to be seen only by scrolling."""
    areas = [area for area in widget.findChildren(QAbstractScrollArea) if area.isVisibleTo(widget)]
    bars = [area.verticalScrollBar() for area in areas]
    return max((bar.maximum() - bar.minimum() for bar in bars), default=0)


@contextmanager
def window(shown: QMainWindow, theme: str, size: QSize | None) -> Iterator[QSize]:
    """What is in a window, in a theme and laid out for a size until the block ends; that size.

    It is the asked one, or a larger one of the same shape where the window cannot be so small.
    """
    docks = [(dock, dock.size()) for dock in shown.findChildren(QDockWidget) if _stands(dock)]
    with _kept(shown, theme):
        area = shown.size() if size is None else roomy(size, shown.minimumSizeHint())
        if area != shown.size():
            _lay_out(shown, area)
        try:
            yield area
        finally:
            if area != shown.size():
                _lay_out(shown, shown.size())
                # Not by restoreState, which leaves the tabs of before behind.
                for way, side in ((Qt.Orientation.Horizontal, QSize.width), (Qt.Orientation.Vertical, QSize.height)):
                    shown.resizeDocks([dock for dock, _ in docks], [side(size) for _, size in docks], way)
                _lay_out(shown, shown.size())


def _stands(dock: QDockWidget) -> bool:
    """Whether a dock has a place of its own in the window, and is not behind another one."""
    return dock.isVisible() and not dock.isFloating() and not dock.visibleRegion().isEmpty()


def roomy(size: QSize, least: QSize) -> QSize:
    """A size, or the larger one of its shape that is as large as another at least."""
    share = max(1.0, least.width() / size.width(), least.height() / size.height())
    return QSize(math.ceil(size.width() * share), math.ceil(size.height() * share))


def _lay_out(shown: QMainWindow, size: QSize) -> None:
    """Give what is in a window its places as if the window were of a size."""
    top, layout = shown.menuWidget(), shown.layout()
    assert layout is not None
    layout.setEnabled(False)  # it would lay out for the window's own size whenever something in it asks
    for _ in range(ROUNDS):
        layout.invalidate()
        high = top.sizeHint().height() if top is not None else 0
        if top is not None:
            top.setGeometry(0, 0, size.width(), high)
        layout.setGeometry(QRect(0, high, size.width(), size.height() - high))
        settle()
    layout.setEnabled(size == shown.size())


@contextmanager
def _kept(widget: QWidget, theme: str) -> Iterator[None]:
    """Another theme until the block ends; then the user's own, and everything scrolled to where it was."""
    choice = themes().choice
    bars = [(bar, bar.value()) for bar in widget.findChildren(QScrollBar)]
    try:
        themes().choose(theme)
        settle()
        yield
    finally:
        themes().choose(choice)
        settle()
        for bar, value in bars:
            bar.setValue(value)
