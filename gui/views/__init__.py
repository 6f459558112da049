"""The docks: one file each. What they share is in files whose name begins with an underscore.

A view is a widget class with the attributes ``id``, ``title`` and ``area``, and gets the state in its constructor. The
areas are "left", "right", "bottom", "center" (between the sides, above the score) and "top", a strip above the score. A
view with ``hidden`` is closed at first. Adding a file is registering it.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from engine.registry import discover

AREAS = ("left", "right", "bottom", "center", "top")


@cache
def views() -> tuple[type[Any], ...]:
    """Every view's class: area by area, by ``order`` where a class has one, then by id."""
    found = []
    for name in (f"{__name__}.{stem}" for stem in discover(__name__)):
        for thing in vars(importlib.import_module(name)).values():
            if isinstance(thing, type) and thing.__module__ == name and getattr(thing, "area", None) in AREAS:
                found.append(thing)
    return tuple(sorted(found, key=lambda view: (AREAS.index(view.area), getattr(view, "order", 0), view.id)))
