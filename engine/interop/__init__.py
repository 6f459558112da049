"""Weights in and out: checkpoints of other programs as networks of ours, and back. Nothing in a file is executed."""

from typing import TYPE_CHECKING, Any

from engine.interop.files import ImportFileError

if TYPE_CHECKING:
    from engine.interop.load import Loaded, load_torch

__all__ = ["ImportFileError", "Loaded", "load_torch"]


def __getattr__(name: str) -> Any:
    """The readers, which a window does without until there is a file, are imported when they are asked for."""
    if name in ("Loaded", "load_torch"):
        from engine.interop import load

        return getattr(load, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
