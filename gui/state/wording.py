"""How the state calls things where it has to say them: fields of the spec, scores, sizes."""

from __future__ import annotations

import logging

from PySide6.QtCore import QCoreApplication

from engine import EngineError
from gui import format

_log = logging.getLogger("loopscope")


def field(name: str) -> str:
    """What a field of the spec is called in a sentence."""
    tr = QCoreApplication.translate
    special = {
        "num_layers": tr("wording", "layers"),
        "nonlinearity": tr("wording", "activation"),
        "init": tr("wording", "initialisation"),
        "dtype": tr("wording", "precision"),
        "bidirectional": tr("wording", "direction"),
        "bias": tr("wording", "biases"),
    }
    return special.get(name, name.replace("_", " "))


def score(metric: str, value: object) -> str:
    """A score in words, "pairs both right: 93 %"; empty where there is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    return QCoreApplication.translate("wording", "{}: {}").format(metric, format.percent(number))


def failure(error: Exception) -> str:
    """What went wrong in a sentence for the user; what nobody foresaw is written to the log besides."""
    if isinstance(error, EngineError | ValueError):  # a SpecError is a ValueError
        return str(error)
    if isinstance(error, MemoryError):
        return QCoreApplication.translate(
            "wording", "There is not enough memory for this run; a shorter sequence or a smaller network would help."
        )
    _log.error("unforeseen failure", exc_info=error)
    text = QCoreApplication.translate("wording", "Something unforeseen went wrong: {}. The log file says more.")
    return text.format(f"{type(error).__name__}: {error}")
