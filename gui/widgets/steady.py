"""A row whose content changes from step to step without anything around it being laid out anew."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.theme import px


class Steady(QWidget):
    """Places widgets side by side, some from the left on, some at the right end.

    Qt's layouts tell whatever holds them of every change within, and that is measured again, all of it. This row
    asks for room only where its height has changed.

    Parameters
    ----------
    left, right : sequence of QWidget
    grows : bool
        Whether the last one at the left takes all the width that is left over.
    spacing : float
        Between two widgets, at a zoom of 1.
    """

    def __init__(
        self, left: Sequence[QWidget], right: Sequence[QWidget] = (), grows: bool = False, spacing: float = 8,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._left, self._right, self._grows, self._spacing = list(left), list(right), grows, spacing
        self._tall = -1
        for child in (*left, *right):
            child.setParent(self)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(any(child.hasHeightForWidth() for child in left))
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        """Return the size of all side by side."""
        shown = self._shown(self._left) + self._shown(self._right)
        width = sum(child.sizeHint().width() for child in shown) + px(self._spacing) * max(0, len(shown) - 1)
        return QSize(width, self._height(self.width()))

    def minimumSizeHint(self) -> QSize:
        """Return a narrow row: what has no room is cut off."""
        return QSize(px(80), self._height(self.width()))

    def hasHeightForWidth(self) -> bool:
        """Tell whether the height depends on the width."""
        return self.sizePolicy().hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width."""
        return self._height(width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place everything."""
        self._arrange()

    def event(self, event: QEvent) -> bool:
        """Place everything when something within has another size, and ask for room only where it is needed."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._arrange()
            tall = self._height(self.width())
            if tall != self._tall:
                self._tall = tall
                self.updateGeometry()
        return super().event(event)

    def _shown(self, children: Sequence[QWidget]) -> list[QWidget]:
        return [c for c in children if not c.isHidden() or c.sizePolicy().retainSizeWhenHidden()]

    def _height(self, width: int) -> int:
        return max((rect.height() for _, rect in self._places(width)), default=0)

    def _arrange(self) -> None:
        for child, room in self._places(self.width()):
            high = room.height()
            if child.sizePolicy().verticalPolicy() == QSizePolicy.Policy.Fixed or child.maximumHeight() < self.height():
                room.moveTop((self.height() - high) // 2)
            else:
                room.setHeight(self.height())
            child.setGeometry(room)

    def _places(self, width: int) -> list[tuple[QWidget, QRect]]:
        """Each widget with its room, as high as it likes to be."""
        gap, found, end = px(self._spacing), [], width
        for child in reversed(self._shown(self._right)):
            size = _liking(child)
            found.append((child, QRect(end - size.width(), 0, size.width(), size.height())))
            end -= size.width() + gap
        left, x = self._shown(self._left), 0
        for child in left:
            size = _liking(child)
            if self._grows and child is left[-1]:
                size.setWidth(max(0, end - x))
            if child.hasHeightForWidth():
                size.setHeight(child.heightForWidth(size.width()))
            room = max(0, min(size.width(), end - x))
            found.append((child, QRect(x, 0, room, size.height())))
            x += size.width() + gap
        return found


def _liking(child: QWidget) -> QSize:
    return child.sizeHint().expandedTo(child.minimumSize()).boundedTo(child.maximumSize())
