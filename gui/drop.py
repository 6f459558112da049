"""Files dropped on the window: a hint of what will happen while one is held over it, and the opening."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMainWindow, QWidget

from gui import fonts, icons, kinds
from gui.theme import px, theme


class Drops(QObject):
    """Watches a window, above all of its widgets: a field would take a file's name as text.

    Parameters
    ----------
    window : QMainWindow
    open : callable
        Is given the Paths of the dropped files: of one, or of a network and what goes with it.
    say : callable
        Says why one cannot.
    """

    def __init__(self, window: QMainWindow, open: Callable[[list[Path]], object], say: Callable[[str], object]) -> None:
        super().__init__(window)
        self._window, self._open, self._say = window, open, say
        self.hint = Hint(window)
        self._watched: QObject | None = None
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the events of drags that carry files; they come to the window's handle first."""
        kind = event.type()
        if watched is self._window:
            if kind == QEvent.Type.Show:
                self._watch(self._window.windowHandle())
            return False
        if kind == QEvent.Type.DragLeave:
            self.hint.hide()
        elif isinstance(event, QDropEvent) and files(event.mimeData()):
            return self._on_drag(event)
        return False

    def _watch(self, handle: QObject | None) -> None:
        if handle is not None and handle is not self._watched:
            handle.installEventFilter(self)
            self._watched = handle

    def _on_drag(self, event: QDropEvent) -> bool:
        paths = files(event.mimeData())
        if isinstance(event, QDragEnterEvent):
            self.hint.show_for(paths)
        if event.type() == QEvent.Type.Drop:
            self.hint.hide()
            event.acceptProposedAction()
            self.take(paths)
            return True
        if can_be_taken(paths):
            event.acceptProposedAction()
        else:
            event.setDropAction(Qt.DropAction.IgnoreAction)
            event.accept()
        return True

    def take(self, paths: list[Path]) -> None:
        """Open what was dropped."""
        if can_be_taken(paths):
            self._open(paths)
        else:
            self._say(refusal(paths))


class Hint(QWidget):
    """Lies over the window and says what a drop would do."""

    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._window, self._text, self._good = window, "", True
        self.hide()

    def text(self) -> str:
        """Return what it says."""
        return self._text

    def show_for(self, paths: list[Path]) -> None:
        """Say what would happen to these files."""
        self._good = can_be_taken(paths)
        if self._good and len(paths) == 1:
            self._text = self.tr("Drop to open “{}”").format(paths[0].name)
        elif self._good:
            found = kinds.together(paths)
            others = [f"“{found[role].name}”" for role in ("sequence", "vocabulary") if role in found]
            self._text = self.tr("Drop to open “{}” with {}").format(
                found["weights"].name, self.tr(" and ").join(others)
            )
        else:
            self._text = refusal(paths)
        self.setGeometry(self._window.rect())
        self.setAccessibleName(self._text)
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Veil the window, and draw a frame with a picture and the sentence."""
        worn = theme()
        veil = QColor(worn.panel)
        veil.setAlphaF(0.9)
        colour = worn.text if self._good else worn.color("error")
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.fillRect(self.rect(), veil)
            pen = QPen(worn.focus if self._good else colour, max(2, px(2)), Qt.PenStyle.DashLine)
            painter.setPen(pen)
            gap = px(16)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(gap, gap, -gap, -gap), px(12), px(12))
            side, middle = px(48), QRectF(self.rect()).center()
            picture = QRectF(middle.x() - side / 2, middle.y() - side - px(12), side, side)
            icons.paint(painter, "file-up" if self._good else "circle-x", picture, colour)
            painter.setPen(colour)
            painter.setFont(fonts.ui(20, 600))
            words = QRectF(self.rect()).adjusted(gap * 3, 0, -gap * 3, 0)
            words.setTop(middle.y() + px(8))
            flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
            painter.drawText(words, int(flags), self._text)


def files(data: QMimeData) -> list[Path]:
    """The files that a drag carries."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def can_be_taken(paths: list[Path]) -> bool:
    """Whether this is one file of a kind that can be opened, or a network and what goes with it."""
    return bool(kinds.kind(paths[0]) if len(paths) == 1 else kinds.together(paths))


def refusal(paths: list[Path]) -> str:
    """Why they cannot."""
    return kinds.refusal(paths[0]) if len(paths) == 1 else kinds.one_at_a_time()
