"""One plain sentence for each position of the playhead, from the run's own numbers."""

from __future__ import annotations

from typing import Any

from engine.narration.backward import backward
from engine.narration.forward import forward, output
from engine.narration.loss import loss
from engine.narration.operation import operation
from engine.narration.words import Segments, Words, lanes_of, norm, plain, words

__all__ = ["Segments", "Words", "narrate", "norm", "plain", "words"]


def narrate(trace: Any, event: Any, words: Words) -> Segments:
    """Say what happened at a position, with the run's numbers for one sequence.

    Parameters
    ----------
    trace : engine.Trace
    event : engine.events.Event
    words : Words

    Returns
    -------
    tuple of (str, str)
        The sentence in segments, each with its role: "plain", "strong", "forward", "backward", "muted", "warning".
    """
    if event.operation is not None:
        return operation(trace, event, words)
    if event.phase == "loss":
        return loss(trace, words)
    lanes = lanes_of(trace, event)
    if event.phase == "forward":
        return forward(trace, event, words, lanes) if lanes else output(trace, event, words)
    return backward(trace, event, words, lanes)
