"""Where the gradient goes: along the highway, or through a gate."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QColor

from engine import Trace
from gui.format import full, number, percent
from gui.frames import lab_paths
from gui.frames.lab_paths import HIGHWAY, PathsFrame
from gui.theme import theme
from gui.views._laboratory import Instrument, shade
from gui.widgets import Bars, Section, label
from gui.widgets.bars import Bar
from gui.widgets.stacked_bars import StackedBars
from gui.widgets.swatches import Swatches

SHADES = (0.9, 0.72, 0.54, 0.36)


class PathsView(Instrument):
    """The gradient of the state split by the way it came, at every step."""

    id = "lab-paths"
    title = "Where the gradient goes"
    tab = "Paths"
    question = "Which gate let the gradient through?"
    area = "right"
    order = 13

    def build(self) -> None:
        """Bars of shares, their key, one step in words and numbers."""
        self._frame: PathsFrame | None = None
        self._pointed: int | None = None
        self.shares_title = Section("")
        self.shares = StackedBars(self.tr("Shares of the gradient by the way it came"))
        self.shares.set_tip(self._tip)
        self.key = Swatches()
        self.step_title = Section("")
        self.parts = Bars()
        self.reading = label("")
        self.reading.setWordWrap(True)
        self.note = label(
            self.tr(
                "A share is ⟨part, whole⟩ / |whole|²; the shares of a step add up to 1, and a negative one pulls "
                "against the sum. A part belongs to the gate through which it first left the highway."
            ),
            "small",
        )
        self.note.setWordWrap(True)
        for widget in (
            *(self.shares_title, self.shares, self.key, self.step_title, self.reading, self.parts, self.note),
        ):
            self.column.addWidget(widget)
        self.shares.pointed.connect(self._on_pointed)
        self.shares.left.connect(self._on_left)
        self.shares.chosen.connect(lambda row, column: self.select(column))

    def refresh(self, trace: Trace) -> None:
        """Ask for the split, and show it when it is there."""
        if not lab_paths.has_highway(trace):
            self.say(
                self.tr(
                    "A vanilla cell has no highway: all of the gradient goes through W_hh and the slope f′ at every "
                    "step. Switch to a GRU or an LSTM to see what their gates let past."
                )
            )
            return
        sequence = self.state.session.words.sequence
        ask = partial(lab_paths.paths, prefix=self.prefix, sequence=sequence)
        frame = self.want("split", self.prefix, sequence, by=ask)
        if frame is None:
            return
        if frame is not self._frame:
            self._frame = frame
            self._show(frame)
        self._read(self._pointed if self._pointed is not None else self.step(trace))

    def way(self, name: str) -> str:
        """What a way is called."""
        assert self._frame is not None
        if name == HIGHWAY:
            return self.tr("highway (only through {})").format(self._frame.through)
        return self.tr("through {}").format(name)

    def _show(self, frame: PathsFrame) -> None:
        self.summary.setText(
            self.tr("∂L/∂{state} at each step: the part that came past every matrix, and the rest by its gate.").format(
                state=frame.state
            )
        )
        self.shares_title.set_title(self.tr("Shares of ∂L/∂{}").format(frame.state))
        colours = [_highway, *(shade(share) for share in SHADES)][: len(frame.names)]
        self.shares.set_bars(
            frame.shares, colours, None, [self.word(column) for column in frame.columns], lambda v: percent(v, 0)
        )
        self.key.set_entries([(self.way(name), colour) for name, colour in zip(frame.names, colours, strict=True)])

    def _read(self, step: int) -> None:
        frame = self._frame
        if frame is None or step >= len(frame.whole):
            return
        place = self.place(int(frame.columns[step]))
        self.step_title.set_title(place[:1].upper() + place[1:])
        self.step_title.set_note(self.tr("norm {}").format(number(frame.whole[step])))
        shares = frame.shares[:, step]
        if frame.whole[step] == 0:
            self.reading.setText(self.tr("No gradient reaches this step."))
        else:
            rest = max(range(1, len(shares)), key=lambda i: shares[i])
            if shares[rest] > 0:
                text = self.tr("The highway brings {share} of it; of the gates {gate} lets most through, {gated}.")
            else:
                text = self.tr("The highway brings {share} of it.")
            self.reading.setText(
                text.format(share=percent(shares[0]), gate=frame.names[rest], gated=percent(shares[rest]))
            )
        self.parts.set_bars(
            [
                Bar(name, max(0.0, float(share)), percent(share), full(share))
                for name, share in zip(frame.names, shares, strict=True)
            ],
            int(shares.argmax()),
        )

    def _tip(self, row: int, column: int) -> str:
        frame = self._frame
        assert frame is not None
        norm = self.tr("norm {}")
        lines = [f"{self.place(int(frame.columns[column]))}: {norm.format(number(frame.whole[column]))}"]
        for name, share, part in zip(frame.names, frame.shares[:, column], frame.parts[:, column], strict=True):
            lines.append(f"{self.way(name)}: {percent(share)}, {norm.format(number(part))}")
        return "\n".join(lines)

    def _on_pointed(self, row: int, column: int) -> None:
        self._pointed = column
        self._read(column)

    def _on_left(self) -> None:
        self._pointed = None
        trace = self.state.session.trace
        if trace is not None and self.prefix in trace.lanes:
            self._read(self.step(trace))


def _highway() -> QColor:
    return theme().muted  # the passes' own colours are theirs alone, and the dark end of the shades is like ink
