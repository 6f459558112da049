"""Every action, declared once: menus, command palette and the help on shortcuts read this table."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication


@dataclass(frozen=True)
class Action:
    """Something the user can do.

    Attributes
    ----------
    id : str
    text, tip : str
        In English; `shown` translates them.
    shortcut : tuple of str
        Keys that work in the whole window.
    menu : str
        The menu's title; actions of one menu stand in the order of the table.
    icon : str
        A file's stem in resources/icons; empty: none.
    checkable : bool
    keys : tuple of str
        Keys that the score understands besides, where it has the focus.
    separated : bool
        Whether a line is drawn above it in its menu.
    """

    id: str
    text: str
    tip: str
    shortcut: tuple[str, ...]
    menu: str
    icon: str = ""
    checkable: bool = False
    keys: tuple[str, ...] = ()
    separated: bool = False


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Mark a text for lupdate, which knows this name; PySide's own is typed as returning any object."""
    return text


def shown(text: str) -> str:
    """Translate a text, a tip or a menu's title of the table."""
    return QCoreApplication.translate("actions", text)


FILE = QT_TRANSLATE_NOOP("actions", "&File")
EDIT = QT_TRANSLATE_NOOP("actions", "&Edit")
VIEW = QT_TRANSLATE_NOOP("actions", "&View")
RUN = QT_TRANSLATE_NOOP("actions", "&Run")
LEARN = QT_TRANSLATE_NOOP("actions", "&Learn")
HELP = QT_TRANSLATE_NOOP("actions", "&Help")
MENUS = (FILE, EDIT, VIEW, RUN, LEARN, HELP)

ACTIONS = (
    Action(
        "file.new",
        QT_TRANSLATE_NOOP("actions", "&New"),
        QT_TRANSLATE_NOOP("actions", "Begin anew with the start scenario"),
        ("Ctrl+N",),
        FILE,
        "file-plus",
    ),
    Action(
        "file.open",
        QT_TRANSLATE_NOOP("actions", "&Open…"),
        QT_TRANSLATE_NOOP("actions", "Open a project"),
        ("Ctrl+O",),
        FILE,
        "folder-open",
    ),
    Action(
        "file.save",
        QT_TRANSLATE_NOOP("actions", "&Save"),
        QT_TRANSLATE_NOOP("actions", "Write the project to its file"),
        ("Ctrl+S",),
        FILE,
        "save",
        separated=True,
    ),
    Action(
        "file.save_as",
        QT_TRANSLATE_NOOP("actions", "Save &as…"),
        QT_TRANSLATE_NOOP("actions", "Write the project to another file"),
        ("Ctrl+Shift+S",),
        FILE,
    ),
    Action(
        "file.revert",
        QT_TRANSLATE_NOOP("actions", "Re&vert…"),
        QT_TRANSLATE_NOOP("actions", "Go back to what the file holds"),
        ("Ctrl+Alt+R",),
        FILE,
        "rotate-ccw",
    ),
    Action(
        "file.picture",
        QT_TRANSLATE_NOOP("actions", "Save &picture…"),
        QT_TRANSLATE_NOOP("actions", "Draw the window to a PNG, SVG or PDF file"),
        ("Ctrl+P",),
        FILE,
        "image",
        separated=True,
    ),
    Action(
        "file.quit",
        QT_TRANSLATE_NOOP("actions", "&Quit"),
        QT_TRANSLATE_NOOP("actions", "Close the window and end the program"),
        ("Ctrl+Q",),
        FILE,
        separated=True,
    ),
    Action(
        "edit.undo",
        QT_TRANSLATE_NOOP("actions", "&Undo"),
        QT_TRANSLATE_NOOP("actions", "Take the last change back"),
        ("Ctrl+Z",),
        EDIT,
        "undo-2",
    ),
    Action(
        "edit.redo",
        QT_TRANSLATE_NOOP("actions", "&Redo"),
        QT_TRANSLATE_NOOP("actions", "Make the change again that was taken back"),
        ("Ctrl+Shift+Z", "Ctrl+Y"),
        EDIT,
        "redo-2",
    ),
    Action(
        "edit.input",
        QT_TRANSLATE_NOOP("actions", "Edit the &input"),
        QT_TRANSLATE_NOOP("actions", "Go to the input above the score and type or draw your own"),
        ("Ctrl+I",),
        EDIT,
        "pencil",
        separated=True,
    ),
    Action(
        "edit.notes",
        QT_TRANSLATE_NOOP("actions", "&Notes…"),
        QT_TRANSLATE_NOOP("actions", "Write down what is to be remembered about the project; it is saved with it"),
        ("Ctrl+Shift+M",),
        EDIT,
        "notebook-pen",
    ),
    Action(
        "edit.reseed",
        QT_TRANSLATE_NOOP("actions", "Re-&seed"),
        QT_TRANSLATE_NOOP("actions", "Initialise the network anew, from the next seed"),
        ("Ctrl+R",),
        EDIT,
        "dice-5",
    ),
    Action(
        "view.present",
        QT_TRANSLATE_NOOP("actions", "&Present"),
        QT_TRANSLATE_NOOP("actions", "Show the score full screen, at projector size; Esc ends it"),
        ("F5",),
        VIEW,
        "presentation",
    ),
    Action(
        "view.fullscreen",
        QT_TRANSLATE_NOOP("actions", "&Full screen"),
        QT_TRANSLATE_NOOP("actions", "Let the window fill the screen, or no longer"),
        ("F11",),
        VIEW,
        "maximize",
        checkable=True,
    ),
    Action(
        "view.palette",
        QT_TRANSLATE_NOOP("actions", "&Command palette…"),
        QT_TRANSLATE_NOOP("actions", "Find any command by its name"),
        ("Ctrl+Shift+P",),
        VIEW,
        "search",
    ),
    Action(
        "view.rolled",
        QT_TRANSLATE_NOOP("actions", "R&olled up"),
        QT_TRANSLATE_NOOP("actions", "Roll the network up into one cell with its loop, or out along the sequence"),
        ("Ctrl+Shift+R",),
        VIEW,
        "repeat",
        checkable=True,
        separated=True,
    ),
    Action(
        "view.shared",
        QT_TRANSLATE_NOOP("actions", "Show the shared &weights"),
        QT_TRANSLATE_NOOP("actions", "Light every place where W_ih is used, then W_hh, then W_y, then none"),
        ("Ctrl+Shift+W",),
        VIEW,
    ),
    Action(
        "view.preview",
        QT_TRANSLATE_NOOP("actions", "Preview of the &gradient norm"),
        QT_TRANSLATE_NOOP("actions", "Show the part of the norm that the backward pass has not reached yet, dashed"),
        ("Ctrl+Shift+N",),
        VIEW,
        checkable=True,
    ),
    Action(
        "view.zoom_in",
        QT_TRANSLATE_NOOP("actions", "Zoom &in"),
        QT_TRANSLATE_NOOP("actions", "Make everything larger"),
        ("Ctrl+=", "Ctrl++"),
        VIEW,
        "zoom-in",
        separated=True,
    ),
    Action(
        "view.zoom_out",
        QT_TRANSLATE_NOOP("actions", "Zoom &out"),
        QT_TRANSLATE_NOOP("actions", "Make everything smaller"),
        ("Ctrl+-",),
        VIEW,
        "zoom-out",
    ),
    Action(
        "view.zoom_reset",
        QT_TRANSLATE_NOOP("actions", "&Ordinary size"),
        QT_TRANSLATE_NOOP("actions", "Take the zoom back to 100 %"),
        ("Ctrl+0",),
        VIEW,
    ),
    Action(
        "view.reset_panels",
        QT_TRANSLATE_NOOP("actions", "&Reset the panels"),
        QT_TRANSLATE_NOOP("actions", "Show every panel at its own place and size again"),
        ("Ctrl+Shift+0",),
        VIEW,
        "rotate-ccw",
    ),
    Action(
        "run.play",
        QT_TRANSLATE_NOOP("actions", "&Play"),
        QT_TRANSLATE_NOOP("actions", "Let the playhead run, or pause it"),
        ("Ctrl+Space",),
        RUN,
        "play",
        checkable=True,
        keys=("Space",),
    ),
    Action(
        "run.forward",
        QT_TRANSLATE_NOOP("actions", "Step &forward"),
        QT_TRANSLATE_NOOP("actions", "Move the playhead on by one step"),
        ("PgDown",),
        RUN,
        "step-forward",
        keys=("Right",),
    ),
    Action(
        "run.back",
        QT_TRANSLATE_NOOP("actions", "Step &back"),
        QT_TRANSLATE_NOOP("actions", "Move the playhead back by one step"),
        ("PgUp",),
        RUN,
        "step-back",
        keys=("Left",),
    ),
    Action(
        "run.first",
        QT_TRANSLATE_NOOP("actions", "To the be&ginning"),
        QT_TRANSLATE_NOOP("actions", "Put the playhead before the first step"),
        ("Ctrl+Home",),
        RUN,
        "skip-back",
        keys=("Home",),
    ),
    Action(
        "run.loss",
        QT_TRANSLATE_NOOP("actions", "To the &loss"),
        QT_TRANSLATE_NOOP("actions", "Put the playhead where forward ends and backward begins"),
        ("Ctrl+L",),
        RUN,
    ),
    Action(
        "run.last",
        QT_TRANSLATE_NOOP("actions", "To the &end"),
        QT_TRANSLATE_NOOP("actions", "Put the playhead behind the last backward step"),
        ("Ctrl+End",),
        RUN,
        "skip-forward",
        keys=("End",),
    ),
    Action(
        "run.operations",
        QT_TRANSLATE_NOOP("actions", "Step by &operation"),
        QT_TRANSLATE_NOOP("actions", "One step is one equation of the cell, or one factor of the chain rule"),
        ("Ctrl+Shift+O",),
        RUN,
        checkable=True,
    ),
    Action(
        "run.teacher_forcing",
        QT_TRANSLATE_NOOP("actions", "&Teacher forcing"),
        QT_TRANSLATE_NOOP("actions", "Feed the target back in at the next step, rather than the network's own output"),
        ("Ctrl+Shift+F",),
        RUN,
        checkable=True,
        separated=True,
    ),
    Action(
        "run.train",
        QT_TRANSLATE_NOOP("actions", "T&rain…"),
        QT_TRANSLATE_NOOP("actions", "Train the network on the scenario's data"),
        ("Ctrl+T",),
        RUN,
        "graduation-cap",
        separated=True,
    ),
    Action(
        "run.cancel",
        QT_TRANSLATE_NOOP("actions", "&Cancel the training"),
        QT_TRANSLATE_NOOP("actions", "Stop the training; the weights stay as they were"),
        ("Ctrl+.",),
        RUN,
        "x",
    ),
    Action(
        "learn.fact",
        QT_TRANSLATE_NOOP("actions", "What this experiment &shows"),
        QT_TRANSLATE_NOOP("actions", "Say again what is to be seen in the experiment that is open"),
        ("Ctrl+Shift+E",),
        LEARN,
        "info",
    ),
    Action(
        "learn.check",
        QT_TRANSLATE_NOOP("actions", "&Check the selected gradient…"),
        QT_TRANSLATE_NOOP("actions", "Finite difference and every engine side by side, for the selected number"),
        ("Ctrl+K",),
        LEARN,
        separated=True,
    ),
    Action(
        "help.shortcuts",
        QT_TRANSLATE_NOOP("actions", "&Keyboard shortcuts"),
        QT_TRANSLATE_NOOP("actions", "Every command with its keys"),
        ("F1",),
        HELP,
        "keyboard",
    ),
    Action(
        "help.diagnostics",
        QT_TRANSLATE_NOOP("actions", "&Diagnostics…"),
        QT_TRANSLATE_NOOP("actions", "What a bug report needs: versions, platform, engines, the end of the log"),
        ("Ctrl+F1",),
        HELP,
        "clipboard-list",
    ),
    Action(
        "help.about",
        QT_TRANSLATE_NOOP("actions", "&About Loopscope"),
        QT_TRANSLATE_NOOP("actions", "Version, licence, and what computes"),
        ("Shift+F1",),
        HELP,
        "info",
    ),
)
