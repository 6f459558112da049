"""One plain sentence for each position of the playhead, from the run's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Words:
    """What things are called, and which sequence is meant."""

    tokens: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sequence: int = 0


def narrate(trace: Any, event: Any, words: Words) -> tuple[tuple[str, str], ...]:
    return ((event.phase, "plain"),)


def plain(segments: tuple[tuple[str, str], ...]) -> str:
    """Join the segments of a sentence."""
    return "".join(text for text, _ in segments)
