"""What each column reads, and what is fed back from one to the next."""

from __future__ import annotations

from dataclasses import dataclass

from engine import Trace
from engine.narration import Words
from gui.frames.heatmap import padded


@dataclass(frozen=True)
class Token:
    """One column's input.

    Attributes
    ----------
    text : str
        A number where the input has no names; empty where nothing is read.
    fed : bool
        Whether it is (also) what the step before put out.
    padding : bool
    """

    text: str
    fed: bool
    padding: bool


def tokens(trace: Trace, words: Words) -> tuple[Token, ...]:
    """The input of every column."""
    found = []
    padding = {part: padded(trace, part, words.sequence) for part in trace.timeline.parts}
    for index, column in enumerate(trace.timeline.columns):
        if index < len(words.columns):
            text = words.columns[index]
        elif column.reads is None and column.feedback is None:
            text = ""
        else:
            text = str(column.step + 1)
        fed = column.feedback is not None and column.reads is None
        found.append(Token(text, fed, bool(padding[column.part][column.step])))
    return tuple(found)


def feedback(trace: Trace) -> tuple[tuple[int, int], ...]:
    """The edges (column that puts out, column that reads it)."""
    emitting = {c.emits: i for i, c in enumerate(trace.timeline.columns) if c.emits is not None}
    return tuple(
        (emitting[c.feedback], i)
        for i, c in enumerate(trace.timeline.columns)
        if c.feedback is not None and c.feedback in emitting
    )
