"""What the window has to say about files above the score: work to restore, a copy, what a file lacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from gui.leftovers import DISCARD, RESTORE, Leftovers, said_what, said_when
from gui.state.claim import Elsewhere
from gui.state.file import File
from gui.state.recovery import Keeper, Leftover, leftovers
from gui.theme import px
from gui.widgets import Banner

ALL, LATER, SEIZE = "all", "later", "seize"


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
        self._left: list[Leftover] = []
        self._copy, self._not_kept, self._note, self.offered = Banner(), Banner(), Banner(), Banner()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(px(8), px(2), px(8), px(6))
        self._column.setSpacing(px(4))
        for banner in self._banners():
            banner.hide()
            banner.installEventFilter(self)
            self._column.addWidget(banner)
        self._copy.action.connect(file.seize)
        self.offered.action.connect(self._on_offered_action)
        self.offered.dismissed.connect(self.later)
        self.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        file.elsewhere.connect(self._on_elsewhere)
        file.changed.connect(self._on_file_changed)
        file.opened.connect(self._note.hide)

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
        self._keeper, self._left = keeper, leftovers(folder)
        self._say_left()

    def later(self) -> None:
        """Leave what was not decided for the next start."""
        for left in self._left:
            left.later()
        self._left = []
        self._say_left()

    def _say_left(self) -> None:
        """Offer the newest piece of work, and a window with all of them where there are several."""
        if not self._left:
            self.offered.hide()
            return
        newest, count = self._left[0], len(self._left)
        text = self.tr("Restore the work of {}? {}").format(said_when(newest.when), said_what(newest))
        second = (ALL, self.tr("All {}…").format(count)) if count > 1 else (DISCARD, self.tr("Discard"))
        self.offered.show_message(text, "info", [(RESTORE, self.tr("Restore")), second, (LATER, self.tr("Later"))])
        self.offered.show()

    def _on_offered_action(self, id: str) -> None:
        if id == LATER:
            self.later()
        elif id == ALL:
            dialog = Leftovers(self._left, self.window())
            dialog.chosen.connect(self._on_chosen)
            dialog.open()
        else:
            self._on_chosen(self._left[0], id)

    def _on_chosen(self, left: Leftover, id: str) -> None:
        if id == RESTORE:
            self._go_on(lambda: self._file.restore(left.path, partial(self._on_restored, left)))
            return
        left.discard()
        self._forget(left)

    def _on_restored(self, left: Leftover) -> None:
        """It is on the bench; the old file goes as soon as this window has it aside itself."""
        self._forget(left)
        if self._keeper is not None:
            # A partial: a connected method alone does not keep its object.
            self._keeper.kept.connect(partial(Leftover.discard, left), Qt.ConnectionType.SingleShotConnection)
            self._keeper.keep()

    def _forget(self, left: Leftover) -> None:
        self._left = [other for other in self._left if other is not left]
        self._say_left()

    # The file and the folder of recovery files -------------------------------------------------------------

    def say_not_kept(self, why: str) -> None:
        """Say that unsaved work cannot be kept aside."""
        text = self.tr("Unsaved work cannot be kept safe at the moment: {}. Work can go on; save it soon.")
        self._not_kept.show_message(text.format(why), "warning")
        self._not_kept.show()

    def say_kept(self) -> None:
        """It can again."""
        self._not_kept.hide()

    def say_note(self, text: str) -> None:
        """Say what is to be known of what has been opened, until something else is."""
        self._note.show_message(text, "warning")
        self._note.show()

    def _on_elsewhere(self, held: Elsewhere) -> None:
        name, since = "" if self._file.path is None else self._file.path.name, said_when(held.since)
        if held.host:
            text = self.tr("“{}” is open on {} since {}.").format(name, held.host, since)
        else:
            text = self.tr("“{}” is open in another window since {}.").format(name, since)
        more = self.tr("This is a copy: saving asks for another name.")
        # Whether a window of another machine is still there cannot be seen from here.
        actions = [(SEIZE, self.tr("It is not: edit it here"))] if held.host else []
        self._copy.show_message(f"{text} {more}", "info", actions)
        self._copy.show()

    def _on_file_changed(self) -> None:
        if not self._file.copy:
            self._copy.hide()

    def _banners(self) -> list[Banner]:
        return [self._copy, self._not_kept, self._note, self.offered]
