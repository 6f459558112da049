"""The failures an engine can meet, as messages for people."""

from __future__ import annotations


class EngineError(RuntimeError):
    """An engine or device is missing, or ran out of memory; its message says what would help."""
