"""What a bug report needs, as text to look over and to copy."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from PySide6.QtCore import QLocale, QSysInfo, Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from gui import fonts, version
from gui.paths import crash_file, veiled
from gui.settings import Settings
from gui.state.computing import Place
from gui.theme import px, themes
from gui.widgets import label, push_button

PACKAGES = (
    "PySide6-Essentials", "numpy", "safetensors", "pyqtgraph", "ziamath", "torch", "av", "Pillow", "h5py", "onnx",
)  # fmt: skip
LINES, TAIL = 50, 64 * 1024
"""So many lines of the log are told, of so many bytes at its end."""


def report(places: list[Place], settings: Settings | None, log: Path) -> str:
    """Return it, a fact a line, without the name of the user's folder.

    Nothing is imported for it: what is installed is asked of the installation.

    Parameters
    ----------
    places : list of Place
        What can compute.
    settings : Settings or None
    log : Path
    """
    lines = [f"Loopscope {version.number()}", f"Python {platform.python_version()} ({sys.implementation.name})"]
    lines += [f"Qt {qVersion()}", *(f"{name} {_version(name)}" for name in PACKAGES), f"ffmpeg {_ffmpeg()}", ""]
    lines += [f"System: {QSysInfo.prettyProductName()}, {platform.machine()}, kernel {QSysInfo.kernelVersion()}"]
    lines += [f"Language: {QLocale.system().name()}", f"Display: {QGuiApplication.platformName()}"]
    for screen in QGuiApplication.screens():
        size = screen.geometry()
        lines.append(
            f"  screen {size.width()} × {size.height()}, scale {screen.devicePixelRatio():g}, "
            f"{screen.logicalDotsPerInch():.0f} dpi, {screen.refreshRate():.0f} Hz"
        )
    lines += [f"Look: {themes().choice}, zoom {themes().zoom:g}", "", "Engines and devices"]
    lines += [f"  {place.title}: {place.missing or 'ready'}" for place in places]
    lines += ["", f"Settings: {settings.store.fileName() if settings else 'none'}", f"Log: {log}", ""]
    told = tail(log)
    lines += (
        [f"The last {len(told)} lines of the log", *(f"  {line}" for line in told)] if told else ["The log is empty"]
    )
    crashed = tail(crash_file())
    if crashed:
        lines += ["", f"The last {len(crashed)} lines of {crash_file()}", *(f"  {line}" for line in crashed)]
    return veiled("\n".join(lines))


def tail(log: Path) -> list[str]:
    """Return the last lines of a log; none where it cannot be read."""
    try:
        with open(log, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL))
            return file.read().decode("utf-8", "replace").splitlines()[-LINES:]
    except OSError:
        return []


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _ffmpeg() -> str:
    """The version of the ffmpeg that films are encoded by where there is no PyAV."""
    found = shutil.which("ffmpeg")
    if found is None:
        return "not on the PATH"
    quiet = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run([found, "-version"], capture_output=True, timeout=5, check=False, creationflags=quiet)
    except (OSError, subprocess.TimeoutExpired):
        return "does not answer"
    words = done.stdout.decode(errors="replace").split()
    return words[2] if len(words) > 2 else "does not say its version"


class Diagnostics(QDialog):
    """The report, and a button that copies it."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Diagnostics"))
        self.field = QPlainTextEdit(text)
        self.field.setReadOnly(True)
        self.field.setFont(fonts.mono(12))
        self.field.setAccessibleName(self.tr("Diagnostics"))
        note = label(self.tr("For a bug report. Nothing is sent anywhere; your own folder is written as ~."), "muted")
        note.setWordWrap(True)
        self.copy = push_button(self.tr("&Copy"), "primary", self.tr("Put the text on the clipboard"))
        self.copy.setDefault(True)
        self.copy.clicked.connect(self._on_copy)
        buttons = QDialogButtonBox()
        buttons.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(push_button(self.tr("Close")), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(px(20), px(18), px(20), px(16))
        box.setSpacing(px(12))
        box.addWidget(label(self.tr("Diagnostics"), "heading"))
        box.addWidget(self.field, 1)
        box.addWidget(note)
        box.addWidget(buttons)
        self.resize(px(680), px(520))

    def _on_copy(self) -> None:
        QApplication.clipboard().setText(self.field.toPlainText())
        self.copy.setText(self.tr("Copied"))
