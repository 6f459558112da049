"""The command palette by itself."""

from PySide6.QtGui import QAction

from gui.actions.palette import Palette
from gui.widgets import label


def test_what_begins_with_the_words_is_preferred(qtbot, show):
    window = show(label("a window")).window()
    actions = [("File › Export", QAction("Script in PyTorch…")), ("Run › Engine", QAction("Torch CPU"))]
    palette = Palette(actions, window)
    palette.open()
    qtbot.keyClicks(palette._field, "torch")
    assert palette.shown() == ["Script in PyTorch…", "Torch CPU"]
    assert palette._list.currentItem().text() == "Torch CPU"
    qtbot.keyClicks(palette._field, " in")
    assert palette._list.currentItem().text() == "Script in PyTorch…"
    palette.close()
