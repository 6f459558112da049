"""What the application remembers between two runs, typed and validated, over QSettings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from PySide6.QtCore import QByteArray, QSettings

T = TypeVar("T", str, bool, float)


class Remembered(Generic[T]):
    """One remembered value: an attribute of `Settings` with a default and what is allowed.

    A stored value of another type, or one that is not allowed, reads as the default.

    Parameters
    ----------
    default : str, bool or float
        Its type is the value's type.
    words : tuple of str, optional
        The only words that are allowed.
    limits : pair of float, optional
        The smallest and the largest number that is allowed.
    """

    def __init__(self, default: T, words: tuple[str, ...] = (), limits: tuple[float, float] | None = None) -> None:
        self._default: T = default
        self._words = words
        self._limits = limits

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = name

    def __get__(self, settings: Settings, owner: type | None = None) -> T:
        stored = settings.store.value(self._key)
        return self._default if stored is None else self._checked(stored)

    def __set__(self, settings: Settings, value: T) -> None:
        settings.store.setValue(self._key, value)

    def _checked(self, stored: object) -> T:
        kind = type(self._default)
        value: object = stored
        if kind is bool:
            # A file of settings holds words.
            value = str(stored).lower() == "true"
        elif kind is float:
            try:
                value = float(str(stored))
            except ValueError:
                return self._default
        low, high = self._limits or (float("-inf"), float("inf"))
        if isinstance(value, float) and not low <= value <= high:
            return self._default
        if self._words and value not in self._words:
            return self._default
        return value if isinstance(value, kind) else self._default


class Settings:
    """The remembered choices.

    Parameters
    ----------
    store : QSettings, optional
        Where they are kept; by default the user's own settings of the application.
    """

    theme = Remembered("system")
    """A theme's name, or "system"."""
    zoom = Remembered(1.0, limits=(0.7, 2.5))
    """The factor of every size."""
    speed = Remembered(1.0, limits=(0.05, 100.0))
    """How fast the playback runs; 1 is the ordinary speed."""
    granularity = Remembered("token", ("token", "operation"))
    """What one step is."""
    scenario = Remembered("")
    """The scenario that was open last; empty where there was none."""
    engine = Remembered("")
    """The engine that computed last; empty where none was chosen."""
    preview = Remembered(False)
    """Whether the part of the norm that is not computed yet is shown dashed."""

    def __init__(self, store: QSettings | None = None) -> None:
        self.store = QSettings() if store is None else store

    def tracks(self, stage: str) -> list[str] | None:
        """Return the tracks chosen for a stage ("workspace", "presentation"), in order; None if never."""
        key = f"tracks/{stage}"
        return self._texts(key) if self.store.contains(key) else None

    def set_tracks(self, stage: str, names: Sequence[str]) -> None:
        """Remember the tracks of a stage, in order."""
        self.store.setValue(f"tracks/{stage}", list(names))

    def recent(self) -> list[str]:
        """Return the paths of the files that were open last, the newest first."""
        return self._texts("recent")

    def set_recent(self, paths: Sequence[str]) -> None:
        """Remember the files that were open last."""
        self.store.setValue("recent", list(paths))

    def window(self, name: str) -> tuple[QByteArray, QByteArray]:
        """Return a window's geometry and the state of its docks; both empty if it was never closed."""
        return self._bytes(f"windows/{name}/geometry"), self._bytes(f"windows/{name}/state")

    def set_window(self, name: str, geometry: QByteArray, state: QByteArray) -> None:
        """Remember a window's geometry and the state of its docks."""
        self.store.setValue(f"windows/{name}/geometry", geometry)
        self.store.setValue(f"windows/{name}/state", state)

    def clear(self) -> None:
        """Forget everything."""
        self.store.clear()

    def sync(self) -> None:
        """Write what is pending to disk."""
        self.store.sync()

    def _texts(self, key: str) -> list[str]:
        # A list of one comes back as its only text, an empty one as nothing.
        value = self.store.value(key)
        if isinstance(value, str):
            return [value] if value else []
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    def _bytes(self, key: str) -> QByteArray:
        value = self.store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()
