"""The inspector's card of the gradient through one step."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.format import TIMES, number
from gui.frames.equation import lowered
from gui.frames.gradient import Flow, GradientFrame
from gui.widgets import Card, label
from gui.widgets.math_line import MathLine, Run, sign
from gui.widgets.number_lines import NumberLines

Line = list[tuple[str, str]]


class GradientCard(Card):
    """Shows what arrived at a step, what of it travelled on, and what the step added."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.setAccessibleName(self.tr("Gradient through this step"))
        self.line = MathLine(17)
        self.jacobian = MathLine(14)
        self.numbers = NumberLines()
        self.absent = label("", "small")
        self.absent.setWordWrap(True)
        for widget in (self.line, self.jacobian, self.numbers, self.absent):
            self.body.addWidget(widget)
        self.jacobian.setToolTip(self.tr("J is the Jacobian of one step: how the next state moves when this one does"))
        self.numbers.setToolTip(
            self.tr(
                "What arrives from the step computed after this one, what of it the Jacobian lets through,\n"
                "and what this step's own output or the layer above adds"
            )
        )

    def show_gradient(self, frame: GradientFrame | None, now: str, after: str, unit: int) -> None:
        """Show the gradient at a step.

        Parameters
        ----------
        frame : GradientFrame or None
            None: the run had no backward pass.
        now, after : str
            What the step and the one computed after it are called ("5", "6").
        unit : int
            From 0.
        """
        self.line.setVisible(frame is not None)
        self.numbers.setVisible(frame is not None)
        self.absent.setVisible(frame is None)
        if frame is None:
            self.jacobian.hide()
            self.absent.setText(self.tr("This run has no target, and so no backward pass."))
            return
        states = [flow.state for flow in frame.flows]
        state = states[0] if len(states) == 1 else "s"
        self.line.set_runs(self._equation(state, now, after, frame))
        definition = _jacobian(frame.nonlinearity, after) if frame.nonlinearity else _states(states)
        self.jacobian.set_runs(() if frame.last and frame.nonlinearity else definition)
        self.jacobian.setVisible(bool(self.jacobian.runs()))
        lines: list[Line] = []
        for flow in frame.flows:
            lines += self._flow(flow, frame, now, after)
        if frame.reached:
            lines += [self._unit(flow, now, unit) for flow in frame.flows]
        lines += self._jacobian_numbers(frame, after)
        self.numbers.set_lines(lines)

    def _flow(self, flow: Flow, frame: GradientFrame, now: str, after: str) -> list[Line]:
        name, later = f"∂L/∂{lowered(flow.state, now)}", f"∂L/∂{lowered(flow.state, after)}"
        lines: list[Line] = []
        start = f"{self.tr('decoder')} ‖∂L/∂{lowered(flow.state, '1')}‖ " if frame.crossing else f"‖{later}‖ "
        if frame.last and not frame.crossing:
            lines.append([(self.tr("No later step: nothing travels here"), "muted")])
        elif flow.arriving is None:
            return [[(f"‖{name}‖ ", "muted"), (self.tr("not reached yet"), "muted")]]
        else:
            travelled: Line = [(start, "muted"), (number(flow.arriving), "strong"), (" → ", "muted")]
            if flow.travelled is None:
                return [[*travelled, (self.tr("not reached yet"), "muted")]]
            travelled.append((number(flow.travelled), "backward"))
            if flow.factor is not None:
                travelled.append((f" {TIMES} {number(flow.factor, 2)}", "muted"))
            lines.append(travelled)
        if flow.total is None or flow.own is None:
            return [[(f"‖{name}‖ ", "muted"), (self.tr("not reached yet"), "muted")]]
        line: Line = []
        if flow.own or (frame.source and flow.state == "h"):
            own = self._sources()[frame.source] if flow.state == "h" else self.tr("through h")
            line = [(f"{own} ", "muted"), (number(flow.own), "strong"), (" · ", "muted")]
        if line or not lines or flow.factor is None:  # else the line above has said it
            lines.append([*line, (f"‖{name}‖ ", "muted"), (number(flow.total), "backward")])
        return lines

    def _sources(self) -> dict[str, str]:
        return {
            "": self.tr("from elsewhere"),
            "output": self.tr("own output"),
            "above": self.tr("layer above"),
        }

    def _equation(self, state: str, now: str, after: str, frame: GradientFrame) -> list[Run]:
        """∂L/∂h_5 = J_6ᵀ ∂L/∂h_6 + what does not come through time, as far as there is either."""
        terms = [] if frame.last else [[Run("J", after, "⊤"), *_d(state, after)]]
        if frame.crossing:
            terms.append([sign(f"({self.tr('decoder')})")])
        if frame.source == "output":
            own = [Run("∂", italic=False), Run("L", now), sign("/"), Run("∂", italic=False), Run(state, now)]
            terms.append(own)
        elif frame.source:
            terms.append([sign(f"({self._sources()[frame.source]})")])
        right: list[Run] = []
        for at, term in enumerate(terms or [[sign("0")]]):
            right += [sign("+"), *term] if at else term
        return [*_d(state, now), sign("="), *right]

    def _unit(self, flow: Flow, now: str, unit: int) -> Line:
        value = 0.0 if flow.unit is None else flow.unit
        return [(f"∂L/∂{lowered(flow.state, now)}[{unit + 1}] = ", "muted"), (number(value), "backward")]

    def _jacobian_numbers(self, frame: GradientFrame, after: str) -> list[Line]:
        line: Line = []
        if frame.sigma_max is not None:
            line += [(f"σ_max({lowered('J', after)}) ", "muted"), (number(frame.sigma_max), "strong")]
        if frame.slope is not None and frame.nonlinearity != "identity":
            name = {"tanh": f"mean(1 − {lowered('h', after)}²)", "relu": self.tr("units on")}[frame.nonlinearity]
            line += [(f" · {name} " if line else f"{name} ", "muted"), (number(frame.slope), "strong")]
        return [line] if line else []


def _d(state: str, step: str) -> list[Run]:
    """∂L/∂ a state at a step."""
    return [Run("∂", italic=False), Run("L"), sign("/"), Run("∂", italic=False), Run(state, step)]


def _jacobian(nonlinearity: str, after: str) -> list[Run]:
    start = [Run("J", after), sign("=")]
    weights = Run("W", "hh")
    if nonlinearity == "identity":
        return [*start, weights]
    inner = [sign("1"), sign("−"), Run("h", after, "2")] if nonlinearity == "tanh" else [
        Run("h", after), sign(" > "), sign("0")
    ]  # fmt: skip
    return [*start, sign("diag"), sign("("), *inner, sign(")"), weights]


def _states(states: list[str]) -> list[Run]:
    """What s stands for, where a cell carries more than h."""
    if len(states) == 1:
        return []
    inner: list[Run] = []
    for at, state in enumerate(states):
        inner += [sign(", "), Run(state)] if at else [Run(state)]
    return [Run("s"), sign("="), sign("("), *inner, sign(")")]
