"""One plain sentence for each position of the playhead, from the run's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Segments = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Words:
    """What things are called, and which sequence of the batch is meant.

    Attributes
    ----------
    columns : tuple of str
        One name for each column of the score ("like", "<bos>"); empty: "step 5".
    labels : tuple of str
        One name for each output class; empty: "class 2".
    sequence : int
        Which sequence of the batch the sentences speak of.
    """

    columns: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sequence: int = 0

    def column(self, index: int) -> str:
        """The name of a column in quotes, or its step."""
        return f"“{self.columns[index]}”" if index < len(self.columns) else f"step {index + 1}"

    def label(self, index: int) -> str:
        """The name of a class."""
        return f"“{self.labels[index]}”" if index < len(self.labels) else f"class {index}"


def words(trace: Any, tokens: Sequence[str] = (), labels: Sequence[str] = (), sequence: int = 0) -> Words:
    """Name every column of a run: the input's tokens, and what was fed back into the others.

    Parameters
    ----------
    trace : engine.Trace
    tokens : sequence of str
        One for each input step.
    labels : sequence of str
        One for each output class.
    sequence : int
    """
    if not tokens:
        return Words((), tuple(labels), sequence)
    found, fed = [], trace.fed_back
    for column in trace.timeline.columns:
        if column.reads is not None:
            found.append(tokens[column.reads] if column.reads < len(tokens) else "<pad>")
        elif column.feedback is not None and fed is not None:
            ident = int(fed[column.step, sequence])
            found.append("<bos>" if ident < 0 else labels[ident] if ident < len(labels) else f"class {ident}")
        else:
            found.append("y" if column.feedback is not None else "·")
    return Words(tuple(found), tuple(labels), sequence)


def narrate(trace: Any, event: Any, words: Words) -> Segments:
    return ((event.phase, "plain"),)


def plain(segments: Segments) -> str:
    """Join the segments of a sentence."""
    return "".join(text for text, _ in segments)
