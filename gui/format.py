"""The writing of numbers, which the narration shares with everything that is painted."""

from engine.format import MINUS, THIN, TIMES, WORDS, addend, count, fixed, full, number, percent, shape

__all__ = ["MINUS", "THIN", "TIMES", "WORDS", "addend", "count", "fixed", "full", "number", "percent", "shape"]
