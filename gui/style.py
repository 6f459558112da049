"""The style beneath the stylesheet: Fusion with scaled measures and the theme's own marks."""

from __future__ import annotations

import re
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QMenuBar, QProxyStyle, QStyle, QStyleHintReturn, QStyleOption, QWidget

import resources
from gui import fonts, icons, palette
from gui.palette import Theme

Mark = Callable[[QPainter, QRectF, QStyle.StateFlag, Theme], None]

_METRIC = QStyle.PixelMetric
_HINT = QStyle.StyleHint
_PART = QStyle.PrimitiveElement
_STATE = QStyle.StateFlag

MEASURES = {
    _METRIC.PM_SmallIconSize: 16,
    _METRIC.PM_ButtonIconSize: 16,
    _METRIC.PM_ToolBarIconSize: 18,
    _METRIC.PM_TabBarIconSize: 16,
    _METRIC.PM_TabBarScrollButtonWidth: 20,
    _METRIC.PM_ListViewIconSize: 16,
    _METRIC.PM_LargeIconSize: 32,
    _METRIC.PM_MessageBoxIconSize: 32,
    _METRIC.PM_IndicatorWidth: 16,
    _METRIC.PM_IndicatorHeight: 16,
    _METRIC.PM_ExclusiveIndicatorWidth: 16,
    _METRIC.PM_ExclusiveIndicatorHeight: 16,
    _METRIC.PM_CheckBoxLabelSpacing: 8,
    _METRIC.PM_RadioButtonLabelSpacing: 8,
    _METRIC.PM_ScrollBarExtent: 10,
    _METRIC.PM_ScrollBarSliderMin: 24,
    _METRIC.PM_SliderThickness: 20,
    _METRIC.PM_SliderLength: 16,
    _METRIC.PM_LayoutLeftMargin: 12,
    _METRIC.PM_LayoutTopMargin: 12,
    _METRIC.PM_LayoutRightMargin: 12,
    _METRIC.PM_LayoutBottomMargin: 12,
    _METRIC.PM_LayoutHorizontalSpacing: 8,
    _METRIC.PM_LayoutVerticalSpacing: 8,
    _METRIC.PM_MenuButtonIndicator: 16,
    _METRIC.PM_ToolBarItemSpacing: 8,
    _METRIC.PM_ToolTipLabelFrameWidth: 6,
    _METRIC.PM_TitleBarButtonIconSize: 14,
    _METRIC.PM_TitleBarButtonSize: 20,
    _METRIC.PM_DockWidgetTitleBarButtonMargin: 3,
}
"""Lengths in pixels at a zoom of 1; every other measure stays Fusion's."""

HINTS = {
    _HINT.SH_ComboBox_Popup: 0,
    _HINT.SH_EtchDisabledText: 0,
    _HINT.SH_DitherDisabledText: 0,
    _HINT.SH_ToolTip_WakeUpDelay: 500,
    _HINT.SH_Slider_AbsoluteSetButtons: Qt.MouseButton.LeftButton.value,
    _HINT.SH_UnderlineShortcut: 1,
}


PICTURES = {
    QStyle.StandardPixmap.SP_TitleBarCloseButton: "x",
    QStyle.StandardPixmap.SP_TitleBarNormalButton: "maximize",
    QStyle.StandardPixmap.SP_DockWidgetCloseButton: "x",
    QStyle.StandardPixmap.SP_LineEditClearButton: "x",
}


class Style(QProxyStyle):
    """Fusion, scaled by the zoom, with flat tick boxes, arrows and focus rings in the theme's colours."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def pixelMetric(
        self, metric: QStyle.PixelMetric, option: QStyleOption | None = None, widget: QWidget | None = None
    ) -> int:
        """Return a measure, scaled where it is one of ours."""
        length = MEASURES.get(metric)
        return super().pixelMetric(metric, option, widget) if length is None else fonts.scaled(length)

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returned: QStyleHintReturn | None = None,
    ) -> int:
        """Return how something behaves; the menu bar's letters are underlined while it has the keyboard."""
        if hint == _HINT.SH_UnderlineShortcut and isinstance(widget, QMenuBar):
            return int(widget.hasFocus())
        value = HINTS.get(hint)
        return super().styleHint(hint, option, widget, returned) if value is None else value

    def standardIcon(
        self,
        picture: QStyle.StandardPixmap,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> QIcon:
        """Return one of our pictures where a title bar would show Fusion's."""
        name = PICTURES.get(picture)
        return super().standardIcon(picture, option, widget) if name is None else icons.icon(name, "muted")

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        """Draw the marks that the stylesheet cannot colour without picture files."""
        draw = _MARKS.get(element)
        if draw is None:
            super().drawPrimitive(element, option, painter, widget)
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        draw(painter, QRectF(option.rect), option.state, palette.current())
        painter.restore()


def _tick(painter: QPainter, rect: QRectF, state: QStyle.StateFlag, theme: Theme) -> None:
    on, some = bool(state & _STATE.State_On), bool(state & _STATE.State_NoChange)
    box = _box(painter, rect, state, theme, filled=on or some)
    painter.drawRoundedRect(box, box.width() / 4, box.width() / 4)
    if not on and not some:
        return
    painter.setPen(_stroke(theme.on_forward, box.width() / 8))
    points = [(0.22, 0.5), (0.78, 0.5)] if some else [(0.24, 0.52), (0.43, 0.71), (0.77, 0.31)]
    painter.drawPolyline(_polygon(box, points))


def _dot(painter: QPainter, rect: QRectF, state: QStyle.StateFlag, theme: Theme) -> None:
    on = bool(state & _STATE.State_On)
    box = _box(painter, rect, state, theme, filled=on)
    painter.drawEllipse(box)
    if on:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.on_forward)
        painter.drawEllipse(box.center(), box.width() / 5, box.width() / 5)


def _menu_tick(painter: QPainter, rect: QRectF, state: QStyle.StateFlag, theme: Theme) -> None:
    if not state & _STATE.State_On:
        return
    side = min(rect.width(), rect.height(), fonts.scaled(16))
    box = QRectF(0, 0, side, side)
    box.moveCenter(rect.center())
    painter.setPen(_stroke(theme.text, side / 9))
    painter.drawPolyline(_polygon(box, [(0.2, 0.52), (0.42, 0.74), (0.8, 0.28)]))


def _ring(painter: QPainter, rect: QRectF, state: QStyle.StateFlag, theme: Theme) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.focus, 2))
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 4, 4)


def arrow(painter: QPainter, rect: QRectF, direction: str, theme: Theme, enabled: bool = True) -> None:
    """Draw a small chevron pointing "down", "up", "left" or "right" in the middle of a rectangle."""
    shapes = {
        "down": [(0.28, 0.41), (0.5, 0.63), (0.72, 0.41)],
        "up": [(0.28, 0.6), (0.5, 0.38), (0.72, 0.6)],
        "left": [(0.6, 0.28), (0.38, 0.5), (0.6, 0.72)],
        "right": [(0.41, 0.28), (0.63, 0.5), (0.41, 0.72)],
    }
    side = min(rect.width(), rect.height(), fonts.scaled(14))
    box = QRectF(0, 0, side, side)
    box.moveCenter(rect.center())
    painter.setPen(_stroke(theme.muted if enabled else theme.border, side / 9))
    painter.drawPolyline(_polygon(box, shapes[direction]))


def _pointing(direction: str) -> Mark:
    def draw(painter: QPainter, rect: QRectF, state: QStyle.StateFlag, theme: Theme) -> None:
        arrow(painter, rect, direction, theme, bool(state & _STATE.State_Enabled))

    return draw


_MARKS = {
    _PART.PE_IndicatorCheckBox: _tick,
    _PART.PE_IndicatorItemViewItemCheck: _tick,
    _PART.PE_IndicatorRadioButton: _dot,
    _PART.PE_IndicatorMenuCheckMark: _menu_tick,
    _PART.PE_FrameFocusRect: _ring,
    _PART.PE_IndicatorArrowDown: _pointing("down"),
    _PART.PE_IndicatorArrowUp: _pointing("up"),
    _PART.PE_IndicatorArrowLeft: _pointing("left"),
    _PART.PE_IndicatorArrowRight: _pointing("right"),
}


def _box(painter: QPainter, rect: QRectF, state: QStyle.StateFlag, theme: Theme, filled: bool) -> QRectF:
    side = min(rect.width(), rect.height()) - 1
    box = QRectF(0, 0, side, side)
    box.moveCenter(rect.center())
    edge = theme.muted if state & _STATE.State_Enabled else theme.border
    fill = theme.forward if state & _STATE.State_Enabled else theme.border
    painter.setPen(QPen(fill if filled else edge, 1))
    painter.setBrush(fill if filled else theme.field)
    return box


def _stroke(colour: QColor, width: float) -> QPen:
    return QPen(colour, max(1.2, width), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


def _polygon(box: QRectF, points: list[tuple[float, float]]) -> QPolygonF:
    return QPolygonF([QPointF(box.x() + x * box.width(), box.y() + y * box.height()) for x, y in points])


def sheet(theme: Theme) -> str:
    """Return the application's stylesheet: colours by their role, lengths at the current zoom."""
    text = resources.path("themes", "application.qss").read_text(encoding="utf-8")
    text = re.sub(r"@(\w+)", lambda match: theme.color(match[1]).name(), text)
    return re.sub(r"(\d+(?:\.\d+)?)px", lambda match: f"{fonts.scaled(float(match[1]))}px", text)
