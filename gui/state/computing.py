"""What can compute on this machine, as far as it can be told without loading torch."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from engine.recording import engines

HEAVY = "torch"
"""The engine that is heavy to load and may have other devices than the processor."""


@dataclass(frozen=True)
class Place:
    """An engine on a device.

    Attributes
    ----------
    engine, device : str
    title : str
        "NumPy", "Torch CPU", …
    missing : str
        Why it cannot compute, and what would help; empty where it can, or where only trying will tell.
    """

    engine: str
    device: str
    title: str
    missing: str = ""

    @property
    def id(self) -> str:
        """Its name in one word."""
        return f"{self.engine}:{self.device}"


def places(found_devices: tuple[str, ...] = ()) -> list[Place]:
    """Every engine on every device that it has or could have.

    Parameters
    ----------
    found_devices : tuple of str
        What torch found once it was loaded; empty: its devices are guessed from outside.
    """
    found: list[Place] = []
    for entry in engines:
        title = entry.title.removeprefix("Py")
        if entry.name != HEAVY:
            found += [Place(entry.name, device, title, entry.missing()) for device in entry.devices()]
        elif found_devices:
            names = _short(found_devices)
            found += [Place(HEAVY, device, f"{title} {names[device]}") for device in found_devices]
            if len(found_devices) == 1:
                found.append(Place(HEAVY, "cuda", f"{title} CUDA", _no_cuda() or _no_device()))
        else:
            found.append(Place(HEAVY, "cpu", f"{title} CPU", entry.missing()))
            found.append(Place(HEAVY, "cuda", f"{title} CUDA", entry.missing() or _no_cuda()))
    return found


def at(known: list[Place], engine: str, device: str) -> Place:
    """The place of an engine and a device; "cuda" means the first CUDA device."""
    exact = [place for place in known if (place.engine, place.device) == (engine, device)]
    alike = [p for p in known if p.engine == engine and p.device.split(":")[0] == device.split(":")[0]]
    return (exact or alike or known)[0]


def _short(devices: tuple[str, ...]) -> dict[str, str]:
    """How devices are called: CPU, CUDA, or CUDA 0, CUDA 1 where there are several."""
    several = len(devices) > 2
    return {d: d.upper().replace(":", " ") if several else d.split(":")[0].upper() for d in devices}


def _no_device() -> str:
    return QCoreApplication.translate(
        "computing", "PyTorch finds no CUDA device on this machine: it needs an NVIDIA card and its driver."
    )


def _no_cuda() -> str:
    """Why torch will find no CUDA device, as far as it can be told from outside; empty where it may."""
    version = _version()
    if version.endswith("+cpu"):
        return QCoreApplication.translate(
            "computing",
            "The installed PyTorch ({}) was built without CUDA. On a machine with an NVIDIA card, install the build "
            "for its CUDA version, as PyTorch's own start page says",
        ).format(version)
    return "" if _has_driver() else _no_device()


def _version() -> str:
    """The version of torch as its own file says it, without importing it; empty where it does not."""
    found = importlib.util.find_spec(HEAVY)
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / "version.py"
        if file.is_file():
            said = re.search(r"__version__ = '([^']+)'", file.read_text(encoding="utf-8"))
            return said[1] if said else ""
    return ""


def _has_driver() -> bool:
    if sys.platform == "win32":
        return os.path.exists(os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll"))
    return any(os.path.exists(path) for path in ("/dev/nvidiactl", "/dev/dxg"))
