"""The actions of File › Export."""

from __future__ import annotations

from gui.actions.entry import EXPORT, FILE, QT_TRANSLATE_NOOP, Action

EXPORTS = (
    Action(
        "file.picture",
        QT_TRANSLATE_NOOP("actions", "&Picture…"),
        QT_TRANSLATE_NOOP("actions", "The score, the stage, the window or a panel as PNG, SVG or PDF"),
        ("Ctrl+P",),
        FILE,
        "image",
        separated=True,
        within=EXPORT,
    ),
    Action(
        "file.film",
        QT_TRANSLATE_NOOP("actions", "&Film…"),
        QT_TRANSLATE_NOOP("actions", "The stepping as GIF, WebP, MP4, or a PDF with a page for each step"),
        ("Ctrl+Shift+V",),
        FILE,
        within=EXPORT,
    ),
    Action(
        "file.numbers",
        QT_TRANSLATE_NOOP("actions", "&Numbers…"),
        QT_TRANSLATE_NOOP("actions", "A track as CSV or NPZ, or the whole run as NPZ or safetensors"),
        ("Ctrl+Shift+D",),
        FILE,
        within=EXPORT,
    ),
    Action(
        "file.weights",
        QT_TRANSLATE_NOOP("actions", "&Weights…"),
        QT_TRANSLATE_NOOP("actions", "The weights as a state dict: safetensors, NPZ, or a checkpoint of PyTorch"),
        ("Ctrl+Shift+B",),
        FILE,
        within=EXPORT,
    ),
    Action(
        "file.script_numpy",
        QT_TRANSLATE_NOOP("actions", "&Script (NumPy)…"),
        QT_TRANSLATE_NOOP("actions", "The run as a program in plain NumPy that makes the same numbers"),
        ("Ctrl+Shift+Y",),
        FILE,
        within=EXPORT,
    ),
    Action(
        "file.script_torch",
        QT_TRANSLATE_NOOP("actions", "Script (Py&Torch)…"),
        QT_TRANSLATE_NOOP("actions", "The run as a program in PyTorch that makes the same numbers"),
        ("Ctrl+Shift+T",),
        FILE,
        within=EXPORT,
    ),
    Action(
        "file.report",
        QT_TRANSLATE_NOOP("actions", "&Report…"),
        QT_TRANSLATE_NOOP("actions", "What the run was, step by step, with pictures, as HTML or Markdown"),
        ("Ctrl+Shift+L",),
        FILE,
        "clipboard-list",
        within=EXPORT,
    ),
)
