"""A widget drawn to a file of lines, with whatever is in it cut at the edges of what it is in.

On a screen and in pixels Qt cuts by itself; in a PDF, an SVG or a QPicture what is scrolled out of sight would cover
what lies beside it. An SVG of Qt's knows no cutting at all: the place of each one is marked in it, to be found later.
"""

from __future__ import annotations

import re
import secrets

from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtGui import QColor, QPaintEngine, QPainter, QRegion
from PySide6.QtWidgets import QWidget

_ALONE = QWidget.RenderFlag(0)
"""Without the widgets in it."""
_OWN = secrets.token_hex(8)
"""So that no text of the user's is taken for a mark."""
_BEGIN, _END = f"[{_OWN} {{}} {{}} {{}} {{}}]", f"[{_OWN}]"
_MARK = re.compile(rf"<g [^>]*>\s*<text [^>]*>\[{_OWN} ?([\d. ]*)\]</text>\s*</g>")


def render(widget: QWidget, painter: QPainter, within: QRect) -> None:
    """Draw a widget and all that is in it, so much as lies within an area.

    Parameters
    ----------
    widget : QWidget
    painter : QPainter
    within : QRect
        From the widget's own upper left corner on.
    """
    widget.render(painter, within.topLeft(), QRegion(within), _ALONE | QWidget.RenderFlag.DrawWindowBackground)
    _draw_inside(widget, painter, QPoint(0, 0), within)


def _draw_inside(widget: QWidget, painter: QPainter, origin: QPoint, within: QRect) -> None:
    for child in widget.children():
        if not isinstance(child, QWidget) or child.isWindow() or not child.isVisibleTo(widget):
            continue
        at = origin + child.pos()
        box = QRect(at, child.size())
        seen = box.intersected(within)
        if seen.isEmpty():
            continue
        if seen != box:
            _begin(painter, seen)
        child.render(painter, seen.topLeft(), QRegion(seen.translated(-at)), _ALONE)
        if seen != box:
            _end(painter)
        _draw_inside(child, painter, at, seen)


def _begin(painter: QPainter, area: QRect) -> None:
    painter.save()
    if _is_svg(painter):
        box = painter.worldTransform().mapRect(QRectF(area))
        _mark(painter, _BEGIN.format(box.x(), box.y(), box.width(), box.height()))
    else:
        painter.setClipRect(area)


def _end(painter: QPainter) -> None:
    if _is_svg(painter):
        _mark(painter, _END)
    painter.restore()


def _is_svg(painter: QPainter) -> bool:
    return painter.paintEngine().type() == QPaintEngine.Type.SVG


def _mark(painter: QPainter, text: str) -> None:
    painter.save()
    painter.setPen(QColor(1, 2, 3))  # a colour of its own, so that Qt gives it a group of its own
    painter.drawText(QPoint(0, 0), text)
    painter.restore()


def cut(text: str) -> str:
    """Return an SVG in which what was marked is cut."""
    areas: list[str] = []

    def cutting(found: re.Match[str]) -> str:
        if not found[1]:
            return "</g>"
        areas.append('<clipPath id="cut{}"><rect x="{}" y="{}" width="{}" height="{}"/></clipPath>'.format(
            len(areas), *found[1].split()))  # fmt: skip
        return f'<g clip-path="url(#cut{len(areas) - 1})">'

    marked = _MARK.sub(cutting, text)
    return marked.replace("<defs>", "\n".join(["<defs>", *areas]), 1)
