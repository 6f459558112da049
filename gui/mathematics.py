"""Typeset mathematics: LaTeX to a picture that scales, and templates with live digits.

ziamath sets an equation in 10 to 90 ms and is imported when the first one is needed. What it returns is kept
by LaTeX, size and colour, so a repaint costs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QByteArray, QEvent, QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import fonts, palette

_SLOT_START = 0x010203
_VIEW = re.compile(r'<svg [^>]*width="([\d.]+)" height="([\d.]+)" viewBox="([-\d.]+) ([-\d.]+) ')
_MARK = re.compile(r"\{\{(\w+)(?::([^}]*))?\}\}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


class MathematicsError(ValueError):
    """LaTeX that cannot be typeset; the message shows it."""


@dataclass(frozen=True)
class Formula:
    """A typeset equation, measured in pixels. `ascent` is how far its baseline lies below its top."""

    latex: str
    width: float
    height: float
    ascent: float
    renderer: QSvgRenderer

    def paint(self, painter: QPainter, x: float, y: float, scale: float = 1.0) -> None:
        """Draw it with its upper left corner at a point."""
        self.renderer.render(painter, QRectF(x, y, self.width * scale, self.height * scale))


@dataclass(frozen=True)
class Slot:
    """The place of live digits in a template: the box the placeholder took, in the formula's pixels."""

    name: str
    rect: QRectF


def render(latex: str, px: float, color: QColor | str) -> Formula:
    """Typeset LaTeX at a font size in pixels (the zoom included by the caller) and a colour.

    Raises
    ------
    MathematicsError
        It is no LaTeX that can be typeset.
    """
    return _render(latex, round(px, 2), QColor(color).name())


def load() -> None:
    """Load what typesets, and its letters, so that the first equation need not wait for them; on any thread."""
    _svg(r"\frac{\partial L}{\partial h_{t}} = W^{\top} \odot \left(1 - h_{t}^{2}\right)", 20, "black")


@lru_cache(maxsize=512)
def _render(latex: str, px: float, color: str) -> Formula:
    return _formula(latex, _svg(latex, px, color))


def _svg(latex: str, px: float, color: str) -> str:
    import ziamath

    # QtSvg draws nothing of the <symbol> and <use> elements that it writes by default.
    ziamath.config.svg2 = False
    # Its ∂ is upright; the derivative's is italic in every textbook, and in STIX under this code.
    latex = latex.replace(r"\partial", "\U0001d715")
    try:
        svg: str = ziamath.Latex(latex, size=px, color=color).svg()
    except Exception as error:  # its parser raises whatever its dependencies do
        raise MathematicsError(f"cannot typeset {latex!r}: {error}") from error
    return svg


def _formula(latex: str, svg: str) -> Formula:
    view = _VIEW.search(svg)
    if view is None:
        raise MathematicsError(f"cannot typeset {latex!r}: nothing came out")
    width, height, _, top = (float(part) for part in view.groups())
    return Formula(latex, width, height, -top, QSvgRenderer(QByteArray(svg.encode())))


class Template:
    r"""An equation set once, with places for numbers that change at every step.

    In the LaTeX, ``{{name:00.000}}`` keeps a place as wide as the text after the colon (``00.000`` where
    there is none). Digits are painted in the font of numbers; a true minus sign is expected in them.

    Parameters
    ----------
    latex : str
        For example ``h_5 = \tanh({{sum}}) = {{value:0.000}}``.
    """

    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.names = tuple(dict.fromkeys(match[1] for match in _MARK.finditer(latex)))
        self._marks = [match[1] for match in _MARK.finditer(latex)]

    def layout(self, px: float, color: QColor | str) -> tuple[Formula, tuple[Slot, ...]]:
        """Return the typeset equation without its digits, and the places of these.

        Raises
        ------
        MathematicsError
            It is no LaTeX that can be typeset.
        """
        return _layout(self.latex, tuple(self._marks), round(px, 2), QColor(color).name())

    def paint(
        self,
        painter: QPainter,
        x: float,
        y: float,
        px: float,
        color: QColor,
        values: dict[str, str],
        colors: dict[str, QColor] | None = None,
    ) -> None:
        """Draw equation and digits with the upper left corner at a point.

        Parameters
        ----------
        values : dict of str to str
            What stands in each place, by its name; a missing one stays empty.
        colors : dict of str to QColor, optional
            The colours of places that differ from the equation's.
        """
        formula, slots = self.layout(px, color)
        formula.paint(painter, x, y)
        font = fonts.mono(px * 0.82, scaled=False)
        painter.save()
        for slot in slots:
            text = values.get(slot.name, "")
            width = QFontMetricsF(font).horizontalAdvance(text)
            painter.setFont(font)
            painter.setPen((colors or {}).get(slot.name, color))
            painter.save()
            # Digits that need more room than was kept are set narrower instead of running into the signs.
            narrow = min(1.0, slot.rect.width() / width) if width else 1.0
            painter.translate(QPointF(x + slot.rect.center().x(), y + formula.ascent))
            painter.scale(narrow, narrow)
            painter.drawText(QPointF(-width / 2, 0), text)
            painter.restore()
        painter.restore()


@lru_cache(maxsize=256)
def _layout(latex: str, marks: tuple[str, ...], px: float, color: str) -> tuple[Formula, tuple[Slot, ...]]:
    colours = iter(range(_SLOT_START, _SLOT_START + len(marks)))
    coloured = _MARK.sub(lambda match: rf"\textcolor{{#{next(colours):06x}}}{{{match[2] or '00.000'}}}", latex)
    svg = _svg(coloured, px, color)
    view = _VIEW.search(svg)
    if view is None:
        raise MathematicsError(f"cannot typeset {latex!r}: nothing came out")
    left, top = float(view[3]), float(view[4])
    slots = []
    for index, name in enumerate(marks):
        glyphs = re.compile(rf'<(?:path d="([^"]*)"|rect[^>]*) fill="#{_SLOT_START + index:06x}"[^>]*/>')
        points = [float(part) for match in glyphs.finditer(svg) for part in _NUMBER.findall(match[1] or "")]
        if not points:
            raise MathematicsError(f"cannot typeset {latex!r}: the place of {name!r} was not found")
        xs, ys = points[0::2], points[1::2]
        box = QRectF(QPointF(min(xs) - left, min(ys) - top), QPointF(max(xs) - left, max(ys) - top))
        slots.append(Slot(name, box))
        svg = glyphs.sub("", svg)
    return _formula(latex, svg), tuple(slots)


class MathLabel(QWidget):
    """Shows LaTeX in the theme's colour, scaled down where it would not fit the width.

    Parameters
    ----------
    latex : str
    px : float
        The font size at a zoom of 1.
    role : str
        The colour, by its role in the theme.
    spoken : str
        What a screen reader says; the LaTeX itself where nothing is given.
    """

    def __init__(
        self,
        latex: str = "",
        px: float = 18,
        role: str = "text",
        spoken: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._px = px
        self._role = role
        self._latex = ""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.set_latex(latex, spoken)

    def latex(self) -> str:
        """Return what is shown."""
        return self._latex

    def set_latex(self, latex: str, spoken: str = "") -> None:
        """Show other LaTeX.

        Raises
        ------
        MathematicsError
            It cannot be typeset; the old one stays.
        """
        if latex:
            self._typeset(latex)
        self._latex = latex
        self.setAccessibleName(spoken or latex)
        self.updateGeometry()
        self.update()

    def set_px(self, px: float) -> None:
        """Set it larger or smaller: the font size at a zoom of 1."""
        self._px = px
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of the equation."""
        if not self._latex:
            return QSize(0, 0)
        formula = self._typeset(self._latex)
        return QSize(round(formula.width) + 2, round(formula.height) + 2)

    def minimumSizeHint(self) -> QSize:
        """Return the height it has and no width: it scales down."""
        return QSize(fonts.scaled(40) if self._latex else 0, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the equation, its left edge on the widget's."""
        if not self._latex:
            return
        formula = self._typeset(self._latex)
        scale = min(1.0, (self.width() - 2) / formula.width, (self.height() - 2) / formula.height)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        formula.paint(painter, 1, (self.height() - formula.height * scale) / 2, scale)
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the zoom; the theme's colour is read at every paint."""
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.updateGeometry()
        super().changeEvent(event)

    def _typeset(self, latex: str) -> Formula:
        return render(latex, self._px * fonts.zoom(), palette.current().color(self._role))
