"""What a project file is of, at a glance: without its numbers, in a moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine import projects, tasks
from engine.projects import ProjectError
from gui.state.facts import Facts


@dataclass(frozen=True)
class Glance:
    """What a project file is of, at a glance.

    Attributes
    ----------
    title : str
        Of the scenario, or of the network of a file.
    file : str
        Of a recovery file: the name of the file that it is the unsaved work on; empty where it had none.
    text : str
        The sequence that is looked at, where it is a text.
    """

    title: str
    file: str
    text: str


def glance(path: Path) -> Glance | None:
    """Read what a project file is of, without its numbers; None where it cannot be read."""
    try:
        facts = Facts(path, projects.facts(path))
        given = facts.object("task")
        title = given.object("imported").text("title") if "imported" in given else tasks.get(given.text("id")).title
        source = facts.entries("sources")[facts.integer("sequence", 0)]
        file = facts.object("origin").text("path") if "origin" in facts else ""
    except (ProjectError, LookupError):
        return None
    return Glance(title, Path(file).name, source if isinstance(source, str) else "")
