"""What the window has to say about files above the score: work to restore, a copy, work that cannot be kept aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QDate, QEvent, QLocale, QObject, Qt
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from gui.state.claim import Elsewhere
from gui.state.file import File
from gui.state.recovery import Keeper, Leftover, leftovers
from gui.theme import px
from gui.widgets import Banner

RESTORE, DISCARD, LATER = "restore", "discard", "later"


class Notices(QWidget):
    """Banners, without height where there is nothing to say.

    Parameters
    ----------
    file : File
    go_on : callable
        Does what takes the project from the bench, after asking about unsaved work.
    """

    def __init__(self, file: File, go_on: Callable[[Callable[[], object]], object]) -> None:
        super().__init__()
        self._file, self._go_on = file, go_on
        self._keeper: Keeper | None = None
        self._offers: list[tuple[Banner, Leftover]] = []
        self._copy, self._not_kept = Banner(), Banner()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(px(8), px(2), px(8), px(6))
        self._column.setSpacing(px(4))
        for banner in (self._copy, self._not_kept):
            self._add(banner)
        self.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        file.elsewhere.connect(self._on_elsewhere)
        file.changed.connect(self._on_file_changed)

    def shown(self) -> list[str]:
        """Return what is being said now."""
        return [banner.text() for banner in self._banners() if not banner.isHidden()]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take no room where nothing is said."""
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self.setVisible(any(not banner.isHidden() for banner in self._banners()))
        return super().eventFilter(watched, event)

    # Unsaved work of windows that are gone -----------------------------------------------------------------

    def offer(self, folder: Path, keeper: Keeper) -> None:
        """Offer what is left in a folder.

        Parameters
        ----------
        folder : Path
        keeper : Keeper
            Of this window: what is restored is kept aside by it before the old file goes.
        """
        self._keeper = keeper
        for left in leftovers(folder):
            text = self.tr("Restore the work of {}?").format(said_when(left.when))
            answers = [(RESTORE, self.tr("Restore")), (DISCARD, self.tr("Discard")), (LATER, self.tr("Later"))]
            banner = Banner(text, "info", answers)
            banner.action.connect(partial(self._on_offer_action, banner, left))
            banner.dismissed.connect(partial(self._forget, left))
            self._offers.append((banner, left))
            self._add(banner)
            banner.show()

    def later(self) -> None:
        """Leave what was not decided for the next start."""
        for _, left in list(self._offers):
            self._forget(left)

    def _on_offer_action(self, banner: Banner, left: Leftover, id: str) -> None:
        if id == RESTORE:
            self._go_on(lambda: self._file.restore(left.path, partial(self._on_restored, left)))
            return
        if id == DISCARD:
            left.discard()
        self._forget(left)

    def _on_restored(self, left: Leftover) -> None:
        """It is on the bench; the old file goes as soon as this window has it aside itself."""
        self._hide(left)
        if self._keeper is not None:
            self._keeper.kept.connect(partial(self._take_away, left), Qt.ConnectionType.SingleShotConnection)
            self._keeper.keep()

    def _take_away(self, left: Leftover) -> None:
        left.discard()
        self._forget(left)

    def _forget(self, left: Leftover) -> None:
        self._hide(left)
        self._offers = [offer for offer in self._offers if offer[1] is not left]
        left.later()

    def _hide(self, left: Leftover) -> None:
        for banner, other in self._offers:
            if other is left:
                banner.hide()

    # The file and the folder of recovery files -------------------------------------------------------------

    def say_not_kept(self, why: str) -> None:
        """Say that unsaved work cannot be kept aside."""
        text = self.tr("Unsaved work cannot be kept safe at the moment: {}. Work can go on; save it soon.")
        self._not_kept.show_message(text.format(why), "warning")
        self._not_kept.show()

    def say_kept(self) -> None:
        """It can again."""
        self._not_kept.hide()

    def _on_elsewhere(self, held: Elsewhere) -> None:
        name, since = "" if self._file.path is None else self._file.path.name, said_when(held.since)
        if held.host:
            text = self.tr("“{}” is open on {} since {}.").format(name, held.host, since)
        else:
            text = self.tr("“{}” is open in another window since {}.").format(name, since)
        more = self.tr("This is a copy: saving asks for another name.")
        self._copy.show_message(f"{text} {more}", "info")
        self._copy.show()

    def _on_file_changed(self) -> None:
        if not self._file.copy:
            self._copy.hide()

    def _banners(self) -> list[Banner]:
        return [self._copy, self._not_kept, *(banner for banner, _ in self._offers)]

    def _add(self, banner: Banner) -> None:
        banner.hide()
        banner.installEventFilter(self)
        self._column.addWidget(banner)


def said_when(when: datetime) -> str:
    """A time of today as "14:32", another as "19 Nov 14:32", with the month in the system's words."""
    if when.date() == datetime.now().date():
        return f"{when:%H:%M}"
    return f"{QLocale().toString(QDate(when.year, when.month, when.day), 'd MMM')} {when:%H:%M}"
