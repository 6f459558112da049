"""The score's switch between the rolled and the unrolled network, and the lamps of the shared weights."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QEvent, QObject, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QStyle, QStyleOptionToolButton, QToolButton, QVBoxLayout, QWidget

from gui import fonts
from gui.icons import icon
from gui.score import Score
from gui.theme import px, themes
from gui.tracks._rolled import W_HH, W_IH, W_Y, WEIGHTS
from gui.widgets import math_line

FOLD_MS = 220
ROOM = 150.0
"""The diagram's least height, at a zoom of 1, at which the gutter has room for the switches."""


class Fold(QObject):
    """Rolls the unrolled diagram of a score up into one cell, and out again.

    Parameters
    ----------
    score : Score
    switches : bool
        Whether the gutter gets switches for the mouse.
    """

    rolled_changed = Signal(bool)
    lit_changed = Signal(str)
    """The weight that is lit; empty: none."""

    def __init__(self, score: Score, switches: bool = True) -> None:
        super().__init__(score)
        self._score = score
        self._rolled, self._kept = False, ""
        self._motion = QVariantAnimation(self)
        self._motion.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._motion.valueChanged.connect(self._on_moved)
        if switches:
            self.switches = Switches(score.gutter)
            self.switches.rolled.connect(self.set_rolled)
            self.switches.chosen.connect(self.light)
            self.switches.hovered.connect(self._on_hovered)
            self.rolled_changed.connect(self.switches.show_rolled)
            self.lit_changed.connect(self.switches.show_lit)
            score.gutter.installEventFilter(self)

    def go_with(self, other: Fold) -> None:
        """Roll up and light as another score's does from now on, and have that follow this one."""
        self.set_rolled(other.rolled)
        self.light(other.lit)
        for one, two in ((self, other), (other, self)):
            one.rolled_changed.connect(two.set_rolled)
            one.lit_changed.connect(two.light)

    @property
    def rolled(self) -> bool:
        """Whether the network is rolled up, or on its way there."""
        return self._rolled

    @property
    def lit(self) -> str:
        """The weight that stays lit."""
        return self._kept

    def set_rolled(self, rolled: bool) -> None:
        """Roll the network up, or out."""
        if rolled == self._rolled:
            return
        self._rolled = rolled
        goal, span = float(rolled), themes().animation_ms(FOLD_MS)
        self._motion.stop()
        if span == 0 or not self._score.isVisible() or QGuiApplication.platformName() == "offscreen":
            self._on_moved(goal)
        else:
            self._motion.setDuration(span)
            self._motion.setStartValue(self._score.scene.fold)
            self._motion.setEndValue(goal)
            self._motion.start()
        self.rolled_changed.emit(rolled)

    def light(self, weight: str) -> None:
        """Light every place where a weight is used, until another is lit; empty: none.

        Raises
        ------
        ValueError
            There is no such weight.
        """
        if weight not in ("", *WEIGHTS):
            raise ValueError(f"weight {weight!r}: allowed are {', '.join(WEIGHTS)}")
        self._shine(weight)
        if weight != self._kept:
            self._kept = weight
            self.lit_changed.emit(weight)

    def light_next(self) -> None:
        """Light one weight after the other, then none."""
        order = ("", *WEIGHTS)
        self.light(order[(order.index(self._kept) + 1) % len(order)])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stand at the lower end of the diagram's strip, wherever that is."""
        if event.type() in (QEvent.Type.Paint, QEvent.Type.Resize):
            self._place()
        return False

    def _place(self) -> None:
        scene = self._score.scene
        strip = next((s for s in scene.strips if s.track.id == "diagram"), None)
        if strip is None or scene.sheet is None or strip.height < px(ROOM):
            self.switches.hide()
            return
        hint = self.switches.sizeHint()
        top = round(strip.bottom - scene.offset) - hint.height() - px(2)
        self.switches.setGeometry(px(6), top, hint.width(), hint.height())
        self.switches.show()

    def _on_moved(self, share: float) -> None:
        self._score.scene.fold = float(share)
        self._score.canvas.repaint_track("diagram")
        self._score.gutter.update()

    def _on_hovered(self, weight: str) -> None:
        self._shine(weight or self._kept)

    def _shine(self, weight: str) -> None:
        if weight != self._score.scene.lit:
            self._score.scene.lit = weight
            self._score.canvas.repaint_track("diagram")


class Switches(QWidget):
    """One button to roll up, and one lamp for each shared weight."""

    rolled = Signal(bool)
    chosen = Signal(str)
    """The user wants this weight to stay lit; empty: none."""
    hovered = Signal(str)
    """The pointer or the focus is on this weight; empty: on none."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        tip = self.tr("Roll the network up into one cell with its loop, or out")
        self._roll = self._dress(QToolButton(self), self.tr("Rolled"), tip)
        self._roll.setIcon(icon("repeat"))
        self._roll.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._roll.toggled.connect(self.rolled)
        tips = {
            W_IH: self.tr("Every place where the weights of the input are used"),
            W_HH: self.tr("Every place where the recurrent weights are used: the same at every step"),
            W_Y: self.tr("Every place where the weights of the output are used"),
        }
        self.lamps: dict[str, QToolButton] = {}
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for weight, tip in tips.items():
            lamp = self.lamps[weight] = _Lamp(self)
            self._dress(lamp, weight, tip)
            lamp.setAccessibleName(tip)
            lamp.setObjectName(weight)
            lamp.installEventFilter(self)
            lamp.clicked.connect(self._on_clicked)
            row.addWidget(lamp)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self._roll, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(row)
        themes().zoom_changed.connect(self._measure)
        self._measure()

    def show_rolled(self, rolled: bool) -> None:
        """Show how the network stands."""
        self._roll.blockSignals(True)
        self._roll.setChecked(rolled)
        self._roll.blockSignals(False)

    def show_lit(self, weight: str) -> None:
        """Show which weight stays lit."""
        for name, lamp in self.lamps.items():
            lamp.setChecked(name == weight)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Say which lamp is pointed at."""
        if event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
            self.hovered.emit(watched.objectName())
        elif event.type() in (QEvent.Type.Leave, QEvent.Type.FocusOut):
            self.hovered.emit("")
        return False

    def _on_clicked(self, on: bool) -> None:
        self.chosen.emit(self.sender().objectName() if on else "")

    def _dress(self, made: QToolButton, text: str, tip: str) -> QToolButton:
        made.setProperty("role", "chip")
        made.setText(text)
        made.setToolTip(tip)
        made.setCheckable(True)
        return made

    def _measure(self) -> None:
        for button in (self._roll, *self.lamps.values()):
            button.setFont(fonts.ui(11) if button is self._roll else fonts.mono(10))
            button.setStyleSheet("QToolButton { padding: 1px 3px; }")
            button.setFixedHeight(px(20))
            if button is not self._roll:
                button.setFixedWidth(px(37))
        self._roll.setIconSize(self._roll.iconSize().scaled(px(12), px(12), Qt.AspectRatioMode.KeepAspectRatio))


class _Lamp(QToolButton):
    """A button with a symbol on it: W_ih."""

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the button, and the symbol in the font of mathematics."""
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.text = ""
        name, _, index = self.text().partition("_")
        symbol, size = math_line.Run(name, index), px(15)
        with QPainter(self) as painter:
            self.style().drawComplexControl(QStyle.ComplexControl.CC_ToolButton, option, painter, self)
            left = (self.width() - math_line.width(symbol, size)) / 2
            math_line.paint(painter, symbol, left, self.height() / 2 + size * 0.28, size)
