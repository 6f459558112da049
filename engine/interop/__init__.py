"""Weights in and out: checkpoints of other programs as networks of ours, and back. Nothing in a file is executed."""

from engine.interop.files import ImportFileError
from engine.interop.load import Loaded, load_torch

__all__ = ["ImportFileError", "Loaded", "load_torch"]
