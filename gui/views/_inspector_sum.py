"""The inspector's card of one unit's whole sum: a row a product, largest first, each a way to where it came from."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from gui import colormaps, fonts
from gui.format import MINUS, full, number
from gui.frames.whole_sum import Origin, Term, WholeSum
from gui.theme import px, theme
from gui.widgets import Card, icon_button, label, push_button
from gui.widgets.number_lines import NumberLines
from gui.widgets.painted import Painted
from gui.widgets.steady import Steady

FEW = 8
"""So many products are shown until all are asked for."""
LINE = 19
VALUE = 58
"""The room of a row's value at its right end."""


class SumRows(Painted):
    """Rows of products: a bar as long as the product is large, its name, its factors, its value."""

    went = Signal(object)
    """A number was clicked whose origin can be looked at: its Origin."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._terms: tuple[Term, ...] = ()
        self._hover = (-1, -1)
        self._high = 1
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_terms(self, terms: tuple[Term, ...]) -> None:
        """Show these, the largest first."""
        if terms == self._terms:
            return
        before = self.sizeHint()
        self._terms = terms
        self._stand()
        if self.sizeHint() != before:
            self.updateGeometry()
        self.setAccessibleName("; ".join(f"{self.name_of(term)} {number(term.value)}" for term in terms))
        self.update()

    def terms(self) -> tuple[Term, ...]:
        """What is shown."""
        return self._terms

    def sizeHint(self) -> QSize:
        """Return a row for each."""
        return QSize(px(240), len(self._terms) * self.row())

    def minimumSizeHint(self) -> QSize:
        """The same, narrower."""
        return QSize(px(160), len(self._terms) * self.row())

    def row(self) -> int:
        """How high a row is: two lines where the factors have no room beside the names."""
        return self._high * px(LINE)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the factors below the names where there is little room."""
        self._stand()
        super().resizeEvent(event)

    def relayout(self) -> None:
        """Follow the zoom."""
        self._stand()

    def _stand(self) -> None:
        needed = 0.0
        for term in self._terms:
            *_, (_, _, left, width) = self._places(term)
            factors = _advance(_product(term), 400, fonts.zoom()) + px(VALUE) if len(term.factors) > 1 else px(VALUE)
            needed = max(needed, left + width + px(10) + factors + px(5))
        high = 2 if self.width() < needed else 1
        if high != self._high:
            self._high = high
            self.updateGeometry()
            self.update()

    @staticmethod
    def names_of(term: Term) -> list[tuple[str, Origin | None]]:
        """What a row is called: the things that were read, each with where it came from; a weight only by itself."""
        read = [(name, origin) for name, _, origin in term.factors if not name.startswith("W_")]
        return read or [(name, origin) for name, _, origin in term.factors]

    def name_of(self, term: Term) -> str:
        """A row's name in one text."""
        return " · ".join(name for name, _ in self.names_of(term))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rows."""
        worn, most = theme(), max((abs(term.value) for term in self._terms), default=0.0)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for at, term in enumerate(self._terms):
                box = QRectF(0, at * self.row(), self.width(), self.row())
                share = abs(term.value) / most if most and most < float("inf") else 0.0
                painter.setPen(Qt.PenStyle.NoPen)
                colour = colormaps.diverging(1.0 if term.value > 0 else -1.0, 1.0, worn)
                colour.setAlphaF(0.28)
                painter.setBrush(colour)
                painter.drawRoundedRect(box.adjusted(0, 1.5, -box.width() * (1 - share), -1.5), 3, 3)
                self._write(painter, term, box.adjusted(px(5), 0, -px(5), 0), at)

    def _write(self, painter: QPainter, term: Term, box: QRectF, row: int) -> None:
        worn, middle = theme(), Qt.AlignmentFlag.AlignVCenter
        first, last = QRectF(box), QRectF(box)
        for line in (first, last):
            line.setHeight(px(LINE))
        last.moveBottom(box.bottom())
        zoom, room = fonts.zoom(), box.right() - (px(VALUE) if self._high == 2 else 0)
        for at, (name, origin, left, width) in enumerate(self._places(term)):
            under = origin is not None and self._hover == (row, at)
            painter.setFont(_font(500, zoom, under))
            painter.setPen(worn.text)
            if room - left < width:
                name = _metrics(500, zoom).elidedText(name, Qt.TextElideMode.ElideRight, max(0.0, room - left))
            painter.drawText(QRectF(left, first.y(), width, first.height()), Qt.AlignmentFlag.AlignLeft | middle, name)
        painter.setFont(_font(400, zoom))
        painter.setPen(worn.muted)
        if len(term.factors) > 1:
            right = last.adjusted(0, 0, -px(VALUE) if self._high == 1 else 0, 0)
            painter.drawText(right, Qt.AlignmentFlag.AlignRight | middle, _product(term))
        painter.setFont(_font(600, zoom))
        painter.setPen(worn.text)
        painter.drawText(first, Qt.AlignmentFlag.AlignRight | middle, _short(term.value))

    def _places(self, term: Term) -> list[tuple[str, Origin | None, float, float]]:
        """Each name of a row with its left edge and width."""
        left, found = float(px(5)), []
        for name, origin in self.names_of(term):
            width = _advance(name, 500, fonts.zoom()) + 1
            found.append((name, origin, left, width))
            left += width + px(10)
        return found

    def _below(self, point: QPointF) -> tuple[int, int]:
        """The row and the name in it at a point; a name owns the room up to the next."""
        row = int(point.y() // self.row())
        if not 0 <= row < len(self._terms):
            return -1, -1
        lefts = [left for _, _, left, _ in self._places(self._terms[row])]
        return row, max([k for k, left in enumerate(lefts) if point.x() >= left], default=0)

    def origin_at(self, point: QPointF) -> Origin | None:
        """Where the number at a point came from; None where it cannot be looked at."""
        row, at = self._below(point)
        return None if row < 0 else self.names_of(self._terms[row])[at][1]

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Underline what a click would follow, and tell all digits."""
        below = self._below(event.position())
        if below != self._hover:
            self._hover = below
            goes = self.origin_at(event.position()) is not None
            self.setCursor(Qt.CursorShape.PointingHandCursor if goes else Qt.CursorShape.ArrowCursor)
            self.setToolTip(self.tip_of(below[0]))
            self.update()

    def tip_of(self, at: int) -> str:
        """What the tooltip of a row says."""
        if at < 0:
            return ""
        term = self._terms[at]
        lines = [f"{name} = {full(value)}" for name, value, _ in term.factors]
        return "\n".join([*lines, full(term.value)] if len(lines) > 1 else lines)

    def leaveEvent(self, event: QEvent) -> None:
        """Underline nothing any more."""
        self._hover = (-1, -1)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to where the number came from."""
        origin = self.origin_at(event.position())
        if origin is not None:
            self.went.emit(origin)


class SumCard(Card):
    """Shows a unit's whole sum."""

    went = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName(self.tr("The unit's whole sum"))
        self._sum: WholeSum | None = None
        self._all = False
        self.heading = label("", "muted")
        self.back: QToolButton = icon_button("arrow-left", self.tr("Back to what was selected before"), "flat")
        self.forward: QToolButton = icon_button("arrow-right", self.tr("Forward again"), "flat")
        self.why = label("")
        self.why.setWordWrap(True)
        self.rows = SumRows()
        self.more = push_button("", "link")
        self.result = NumberLines()
        self._why, self._more = Steady([self.why], grows=True), Steady([self.more], grows=True)
        head = Steady([self.heading], [self.back, self.forward], grows=True)
        for widget in (head, self._why, self.rows, self._more, self.result):
            self.body.addWidget(widget)
        self.rows.went.connect(self.went)
        self.more.clicked.connect(self._on_more)

    def show_sum(self, found: WholeSum | None, can_go_back: bool, can_go_forward: bool) -> None:
        """Show a sum; None: the step is not reached."""
        self._sum = found
        self.back.setEnabled(can_go_back)
        self.forward.setEnabled(can_go_forward)
        self._show()

    def _on_more(self) -> None:
        self._all = not self._all
        self._show()

    def _show(self) -> None:
        found = self._sum
        for widget in (self.rows, self.result):
            widget.setVisible(found is not None)
        self.why.setText("" if found is None else self._reason(found))
        self._why.setVisible(bool(self.why.text()))
        self._more.setVisible(found is not None and len(found.terms) > FEW)
        if found is None:
            self.heading.setText(self.tr("Not reached yet"))
            return
        self.heading.setText(self.tr("What makes {}").format(found.inner or found.name))
        shown = found.terms if self._all else found.terms[:FEW]
        self.rows.set_terms(shown)
        rest = found.terms[len(shown) :]
        total = number(sum(term.value for term in rest))
        text = self.tr("{} more, together {}").format(len(rest), total) if rest else self.tr("Only the largest")
        self.more.setText(text)
        lines = [[(f"{found.inner or found.name} = ", "muted"), (number(found.total), "strong")]]
        if found.function:
            inside = number(found.total)
            word = f"{found.function}({inside})" if found.function != "identity" else inside
            last = [(f"{found.name} = {word} = ", "muted"), (number(found.value), "result")]
            lines = [*lines, last] if found.inner else [last]
        self.result.set_lines(lines)

    def _reason(self, found: WholeSum) -> str:
        """Which product, or which of two factors, gives the value its sign; empty where there is no choice."""
        if not 0 < abs(found.total) < float("inf"):
            return ""
        if len(found.terms) == 1:
            below = [name for name, value, _ in found.terms[0].factors if value < 0]
            said = self.tr("Negative because {} is; a click on it goes there")
            return said.format(below[0]) if found.total < 0 and len(below) == 1 else ""
        negative = found.total < 0
        most = (min if negative else max)(found.terms, key=lambda term: term.value)
        said = self.tr("Negative most of all by {}") if negative else self.tr("Positive most of all by {}")
        factors = f"{_product(most)} = " if len(most.factors) > 1 else ""
        return said.format(f"{self.rows.name_of(most)}: {factors}{_short(most.value)}")


@lru_cache(maxsize=32)
def _font(weight: int, zoom: float, under: bool = False) -> QFont:
    font = fonts.mono(11, weight)
    font.setUnderline(under)
    return font


@lru_cache(maxsize=32)
def _metrics(weight: int, zoom: float) -> QFontMetricsF:
    return QFontMetricsF(_font(weight, zoom))


@lru_cache(maxsize=4096)
def _advance(text: str, weight: int, zoom: float) -> float:
    return _metrics(weight, zoom).horizontalAdvance(text)


def _product(term: Term) -> str:
    return " × ".join(_short(value) for _, value, _ in term.factors)


def _short(value: float) -> str:
    text = number(value)
    return text if len(text) <= 7 else number(value, 2).replace("\u202f", "").replace(f"{MINUS} ", MINUS)
