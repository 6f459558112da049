"""Which version this is."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path


def number() -> str:
    """The version: of the source tree where this runs from one, else of the installed package."""
    source = Path(__file__).resolve().parents[1] / "pyproject.toml"
    if source.is_file():
        return str(tomllib.loads(source.read_text(encoding="utf-8"))["project"]["version"])
    return metadata.version("loopscope")
