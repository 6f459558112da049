"""The command line: what was asked for, checked, before any window is made."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import resources
from engine import tasks
from engine.format import percent
from engine.interop import ImportFileError
from engine.recording import engines
from engine.registry import cells
from gui import kinds
from gui.pictures import KINDS, LARGEST, SMALLEST
from gui.state import storing
from gui.state.document import FIRST_ENGINE, opened
from gui.state.project import Project
from gui.state.storing import Opened

if TYPE_CHECKING:
    from engine.interop.captures import Capture
    from engine.interop.load import Weights

SIZE = (1680, 1050)
LONGEST = 500
"""Letters of a message."""


class UsageError(Exception):
    """Something on the command line cannot be; the message is one line, and not endless."""

    def __init__(self, text: str) -> None:
        line = " ".join(text.split())
        super().__init__(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…")


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes
    ----------
    project : Project
        What the window opens with.
    step : int or None
        Where the playhead goes; negative from the end.
    theme : str or None
        None: the remembered one.
    present : bool
    snapshot : Path or None
    size : pair of int
        Of the picture, in pixels.
    file : Opened or None
        The file that the project is from.
    asked : tuple of Path and (Weights or Capture), or None
        A network of another program, about which the window is to ask.
    """

    project: Project
    step: int | None = None
    theme: str | None = None
    present: bool = False
    snapshot: Path | None = None
    size: tuple[int, int] = SIZE
    file: Opened | None = None
    asked: tuple[Path, Weights | Capture] | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parser() -> argparse.ArgumentParser:
    """Make the parser; its help is the documentation."""
    themes = ["system", *sorted(path.stem for path in resources.path("themes").glob("*.json"))]
    made = _Parser(
        prog="loopscope", description="Look inside recurrent networks, one step at a time.", allow_abbrev=False
    )
    add = made.add_argument
    add("file", nargs="?", metavar="FILE", type=_filled, help="a project, a checkpoint or a capture to open")
    add("--scenario", metavar="ID", help="what the network does, or an experiment; --list names them")
    add("--text", metavar="TEXT", help="the input, for a scenario that reads text")
    add("--input", metavar="FILE", type=_filled, help="the input from a file: .txt, .csv, .tsv, .npy or .npz")
    add("--cell", metavar="NAME", help=", ".join(cells.names()))
    add("--engine", metavar="NAME", help=", ".join(engines.names()))
    add("--device", metavar="NAME", type=_filled, help="cpu, cuda, cuda:1, …")
    add("--step", metavar="N", type=_integer, help="playhead position: 0 before the first step, -1 the last")
    add("--theme", metavar="NAME", choices=themes, help=", ".join(themes))
    add("--present", action="store_true", help="begin with the presentation")
    add("--snapshot", metavar="OUT", type=_filled, help="draw the window to a .png, .svg or .pdf file and quit")
    add("--size", metavar="WxH", type=_size, help="of the snapshot in pixels (1680x1050)")
    add("--list", action="store_true", help="list scenarios, cells, engines and devices, and quit")
    add("--version", action="store_true", help="print the version, and quit")
    return made


def parse(arguments: Sequence[str]) -> Options | str:
    """Read the command line.

    Returns
    -------
    Options or str
        A text where nothing is to be opened: it is to be printed.

    Raises
    ------
    UsageError
        With the one line that says what is wrong.
    """
    given = parser().parse_args(list(arguments))
    if given.version:
        from gui import version  # reads the project's file, which the start need not wait for

        return f"Loopscope {version.number()}"
    if given.list:
        return listing()
    if given.size and not given.snapshot:
        raise UsageError("--size goes with --snapshot")
    snapshot = None if given.snapshot is None else Path(given.snapshot)
    if snapshot:
        _check_snapshot(snapshot)
    found = None if given.file is None else _file(given, Path(given.file))
    project, file, asked = None, None, None
    if isinstance(found, Opened):
        project, file = found.project, found
    elif isinstance(found, Project):
        project = found
    elif found is not None:
        asked = Path(given.file), found
    project = _project(given, project)
    return Options(project, given.step, given.theme, given.present, snapshot, given.size or SIZE, file, asked)


def listing() -> str:
    """What there is: scenarios with the scores of their shipped weights, cells, engines and devices."""
    lines = ["Scenarios"]
    for task in tasks.all():
        lines.append(f"  {task.id:<14} {task.title}  ({task.pattern})")
        scores = []
        for cell in cells.names():
            shipped = task.weights(cell)
            scores.append(f"{cell} {percent(shipped[1]['score']) if shipped else 'not trained'}")
        lines.append(f"  {'':<14} {', '.join(scores)}: {task.metric_name}")
    lines += ["", "Experiments"] + [f"  {shown.id:<18} {shown.title}" for shown in tasks.experiments]
    lines += ["", "Cells"] + [f"  {cell.name:<14} {cell.title}" for cell in cells]
    lines += ["", "Engines and devices"]
    for engine in engines:
        found = ", ".join(engine.devices())
        lines.append(
            f"  {engine.name:<14} {found}" if found else f"  {engine.name:<14} not available: {engine.missing()}"
        )
        if found == "cpu" and engine.name != FIRST_ENGINE:
            lines.append(
                f"  {'':<14} no CUDA device was found: CUDA needs an NVIDIA card, its driver and a build for it"
            )
    return "\n".join(lines)


def _project(given: argparse.Namespace, found: Project | None) -> Project:
    for name, registry in (("cell", cells), ("engine", engines)):
        value = getattr(given, name)
        if value is not None and value not in registry:
            raise UsageError(f"--{name} {value} is not possible; it must be one of {', '.join(registry.names())}")
    known = (*tasks.ids(), *tasks.experiments.names())
    if given.scenario is not None and given.scenario not in known:
        raise UsageError(f"--scenario {given.scenario} is not possible; it must be one of {', '.join(known)}")
    if given.text is not None and given.input is not None:
        raise UsageError("--text and --input are both given; there is one input")
    if found is None:
        engine, device = _place(given.engine, given.device)
        project = opened(given.scenario or "", given.cell, engine, device)
    elif given.engine is None and given.device is None:
        project = found
    else:
        engine, device = _place(given.engine, given.device)
        project = found.but(engine=engine, device=device)
    if given.input is not None:
        from gui.state import importing  # as below

        try:
            return importing.with_sequence(project.chosen([0]), Path(given.input))
        except ImportFileError as error:
            raise UsageError(str(error)) from None
    if given.text is None:
        return project
    task = project.task
    if task.kind != "text":
        raise UsageError(f"--text: “{task.title}” reads numbers; this is a text")
    try:
        task.encode(given.text)
    except ValueError as error:
        raise UsageError(f"--text: {error}") from None
    return project.chosen([0]).but(sources=(given.text,), targets=(None,))


def _place(engine: str | None, device: str | None) -> tuple[str, str]:
    """The engine and the device, checked as far as that loads nothing heavy that was not asked for."""
    if engine is None:
        heavy = device is not None and device != "cpu"
        engine = (
            next((name for name in engines.names() if name != FIRST_ENGINE), FIRST_ENGINE) if heavy else FIRST_ENGINE
        )
    device = device or "cpu"
    entry = engines[engine]
    if entry.missing():
        raise UsageError(f"--engine {engine}: {entry.missing()}")
    if device != "cpu":
        found = entry.devices()
        if device not in found and not any(other.split(":")[0] == device for other in found):
            raise UsageError(f"--device {device} is not available with --engine {engine}; there is {', '.join(found)}")
    return engine, device


def _file(given: argparse.Namespace, path: Path) -> Opened | Project | Weights | Capture:
    """What a file holds: a project of ours, or a network of another program.

    Where it is said what is to happen with a network, nobody is asked about it.
    """
    for name in ("scenario", "cell"):
        if getattr(given, name) is not None:
            raise UsageError(f"{path} has its own {name}; --{name} does not go with a file")
    try:
        path.stat()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    from engine.interop import sequences
    from gui.state import importing  # the readers are not needed before there is a file

    kind = kinds.kind(path)
    try:
        if kind == kinds.PROJECT:
            return storing.read(path)
        if path.suffix.lower() in sequences.SUFFIXES and not importing.holds_weights(path):
            raise UsageError(f"{path}: to run on this input, write --input {path}")
        if kind == kinds.OTHER:
            named = (given.snapshot, given.step, given.text, given.input)
            if given.present or any(value is not None for value in named):
                return importing.of_file(path, *_place(given.engine, given.device))
            return importing.network_of(path)
    except ImportFileError as error:
        raise UsageError(str(error)) from None
    raise UsageError(kinds.refusal(path))


def _check_snapshot(path: Path) -> None:
    if path.suffix.lower() not in KINDS:
        raise UsageError(f"--snapshot {path} is not possible; the name must end with {', '.join(KINDS)}")
    if not path.parent.is_dir():
        raise UsageError(f"--snapshot {path}: there is no folder {path.parent}")


def _filled(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 1920x1080")
    width, height = int(found[1]), int(found[2])
    if not all(SMALLEST <= side <= LARGEST for side in (width, height)):
        raise argparse.ArgumentTypeError(f"{text} is not possible; each side must be from {SMALLEST} to {LARGEST}")
    return width, height
