"""Which look the application wears, how large it is, and the news when either changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QStyle

import resources
from gui import fonts, format, palette, style
from gui.palette import Theme

SYSTEM = "system"
SMALLEST, LARGEST = 0.7, 2.5
ZOOMS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5)


class Themes(QObject):
    """The themes there are and the one that is worn.

    `changed` carries the new `Theme`, `zoom_changed` the new factor. Both come after palette, fonts and
    stylesheet have been set.
    """

    changed = Signal(object)
    zoom_changed = Signal(float)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._files = {path.stem: path for path in sorted(resources.path("themes").glob("*.json"))}
        self._read: dict[str, Theme] = {}
        self._choice = SYSTEM
        self._app: QApplication | None = None

    @property
    def choice(self) -> str:
        """What was chosen: "system" or a theme's name."""
        return self._choice

    @property
    def zoom(self) -> float:
        """The factor of every size, 0.7 to 2.5."""
        return fonts.zoom()

    @zoom.setter
    def zoom(self, value: float) -> None:
        value = min(LARGEST, max(SMALLEST, float(value)))
        if value == fonts.zoom():
            return
        fonts.set_zoom(value)
        self._dress()
        self.zoom_changed.emit(value)

    def zoom_in(self) -> None:
        """Go to the next larger size."""
        self.zoom = next((step for step in ZOOMS if step > self.zoom + 1e-6), LARGEST)

    def zoom_out(self) -> None:
        """Go to the next smaller size."""
        self.zoom = next((step for step in reversed(ZOOMS) if step < self.zoom - 1e-6), SMALLEST)

    def zoom_reset(self) -> None:
        """Go back to the ordinary size."""
        self.zoom = 1.0

    def names(self) -> list[str]:
        """Return the names of all themes, "system" first."""
        order = [name for name in ("light", "dark", "high-contrast") if name in self._files]
        return [SYSTEM, *order, *(name for name in self._files if name not in order)]

    def title(self, name: str) -> str:
        """Return what a theme is called on screen."""
        return self.tr("As the system") if name == SYSTEM else self.tr(self.get(name).title)

    def get(self, name: str) -> Theme:
        """Return a theme by its name, reading its file the first time.

        Raises
        ------
        KeyError
            There is no such theme; the message lists those there are.
        ThemeError
            The file cannot be used.
        """
        if name not in self._files:
            raise KeyError(f"theme {name!r}: allowed are {', '.join(self.names())}")
        if name not in self._read:
            self._read[name] = palette.load(self._files[name])
        return self._read[name]

    def current(self) -> Theme:
        """Return the theme that is worn."""
        return palette.current()

    def choose(self, name: str) -> None:
        """Wear a theme, or with "system" follow what the system asks for, now and later.

        Raises
        ------
        KeyError
            There is no such theme.
        """
        chosen = self.get(self._wish() if name == SYSTEM else name)
        self._choice = name
        if chosen is palette.current():
            return
        palette.wear(chosen)
        self._dress()
        self.changed.emit(chosen)

    @contextmanager
    def wearing(self, name: str) -> Iterator[Theme]:
        """Paint in another theme until the block ends; nobody is told, so only what was made within looks right.

        Raises
        ------
        KeyError
            There is no such theme.
        """
        before, chosen = palette.current(), self.get(self._wish() if name == SYSTEM else name)
        palette.wear(chosen)
        try:
            yield chosen
        finally:
            palette.wear(before)

    def animation_ms(self, wanted: int = 200) -> int:
        """Return how long a motion may take: as wanted, or 0 where the system asks for reduced motion."""
        if self._app is None:
            return wanted
        allowed = self._app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration)
        return wanted if allowed > 0 else 0

    def dress(self, app: QApplication) -> None:
        """Put fonts, style, palette and stylesheet on the application and follow the system from now on."""
        self._app = app
        fonts.load()
        app.setStyle(style.Style())
        palette.wear(self.get(self._wish() if self._choice == SYSTEM else self._choice))
        self._dress()
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_system_changed, Qt.ConnectionType.UniqueConnection)

    def _on_system_changed(self) -> None:
        if self._choice == SYSTEM:
            self.choose(SYSTEM)

    def _wish(self) -> str:
        """Return the name of the theme that the system's settings ask for."""
        if QGuiApplication.instance() is None:
            return "light"
        hints = QGuiApplication.styleHints()
        # Qt tells the wish for contrast from 6.10 on.
        accessibility = getattr(hints, "accessibility", None)
        if accessibility is not None:
            wish = accessibility().contrastPreference()
            if wish == Qt.ContrastPreference.HighContrast:
                return "high-contrast"
        return "dark" if hints.colorScheme() == Qt.ColorScheme.Dark else "light"

    def _dress(self) -> None:
        if self._app is None:
            return
        worn = palette.current()
        self._app.setPalette(palette.application_palette(worn))
        self._app.setFont(fonts.ui())
        self._app.setStyleSheet(style.sheet(worn))


_themes: list[Themes] = []


def themes() -> Themes:
    """Return the one instance."""
    if not _themes:
        _themes.append(Themes())
    return _themes[0]


def theme() -> Theme:
    """Return the theme that is worn now; ask again at every paint instead of keeping it."""
    return palette.current()


def px(length: float) -> int:
    """Return a length in pixels at the current zoom."""
    return fonts.scaled(length)


def install(app: QApplication) -> None:
    """Dress the application: shipped fonts, scaled style, palette and stylesheet of the chosen theme."""
    format.WORDS.update(
        nan=QCoreApplication.translate("format", "not a number"),
        inf=QCoreApplication.translate("format", "infinity"),
    )
    themes().dress(app)
