"""Project files: versioned JSON and safetensors in one stored zip, with a digest of every member.

Saving is atomic and the same content gives the same bytes. Reading checks sizes before it takes memory and the
digests before it believes a number; nothing in a file is executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from engine import layout
from engine.interop import tensors
from engine.interop.files import ImportFileError, check_members, member, read_bytes, reason, unpacked
from engine.network import Network
from engine.spec import ModelSpec, SpecError
from engine.writing import write_whole

SUFFIX = ".loopscope"
VERSION = 1
FACTS, ARRAYS, DIGESTS = "project.json", "arrays.safetensors", "digests.json"
#: A zip cannot say less than 1980; every member says this, so that a save depends on its content alone.
DATE = (1980, 1, 1, 0, 0, 0)


class ProjectError(ImportFileError):
    """A project file cannot be read; the message begins with the file's name and says what is wrong."""


@dataclass(frozen=True, eq=False)
class Saved:
    """What a project file holds.

    Attributes
    ----------
    spec : ModelSpec
    parameters : mapping of str to ndarray
        Under torch's names.
    arrays : mapping of str to ndarray
        Whatever else is arrays: inputs, initial states, by name.
    facts : mapping
        Whatever else is JSON: scenario, targets, engine, layout, playhead, selection, notes.
    digest : str
        As :func:`digest` of the file.
    """

    spec: ModelSpec
    parameters: Mapping[str, np.ndarray]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""


class Weighted(Protocol):
    """A network, or whatever else holds a spec and its parameters."""

    @property
    def spec(self) -> ModelSpec: ...
    @property
    def parameters(self) -> Mapping[str, np.ndarray]: ...


def save(
    path: str | Path, network: Weighted, *, arrays: Mapping[str, np.ndarray] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Write a project: whole or not at all. A file of an older version is copied beside itself before.

    Parameters
    ----------
    path : str or Path
        ``.loopscope`` is usual, not required.
    network : Network
        Or whatever else holds ``spec`` and ``parameters``.
    arrays, facts : mapping, optional
        As in :class:`Saved`.

    Returns
    -------
    str
        As :func:`digest` of what has been written.

    Raises
    ------
    ProjectError
        The file cannot be written (no room, no right, no folder); what was there is untouched.
    ValueError
        ``facts`` is not JSON.
    """
    path = Path(path)
    write, written = _writer(network, arrays or {}, facts or {}), list[str]()
    try:
        _keep_older(path)
        write_whole(path, lambda stream: written.append(write(stream)))
    except OSError as error:
        raise ProjectError(path, f"cannot be written: {error.strerror or error}") from None
    return written[0]


def pack(network: Weighted, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> bytes:
    """Return a project file's bytes; the same content gives the same ones."""
    stream = io.BytesIO()
    _writer(network, arrays, facts)(stream)
    return stream.getvalue()


def _writer(
    network: Weighted, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]
) -> Callable[[IO[bytes]], str]:
    """What writes a project to a stream, in pieces: on a thread beside a window none holds that up.

    It returns the digest.
    """
    try:
        text = json.dumps(
            {"loopscope": VERSION, "spec": network.spec.to_dict(), "facts": dict(facts)},
            sort_keys=True, allow_nan=False, ensure_ascii=False,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ValueError(f"facts cannot be written as JSON: {error}") from None
    stored = {f"parameter/{name}": value for name, value in network.parameters.items()}
    stored |= {f"array/{name}": value for name, value in arrays.items()}
    large = sum(value.nbytes for value in stored.values()) > 2**30

    def write(stream: IO[bytes]) -> str:
        digests = {}
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            # A text of the user's may hold half a surrogate pair, which UTF-8 alone refuses.
            members = {FACTS: iter((text.encode("utf-8", "surrogatepass"),)), ARRAYS: tensors.pieces(stored)}
            for name, pieces in members.items():
                digest = hashlib.sha256()
                with archive.open(zipfile.ZipInfo(name, DATE), "w", force_zip64=large) as member:
                    for piece in pieces:
                        digest.update(piece)
                        member.write(piece)
                digests[name] = digest.hexdigest()
            said = json.dumps(digests, sort_keys=True).encode()
            archive.writestr(zipfile.ZipInfo(DIGESTS, DATE), said)
        return hashlib.sha256(said).hexdigest()

    return write


def digest(path: str | Path) -> str:
    """What tells one content of a project file from another: the digest of its members' digests.

    Empty where it is no project file.

    Raises
    ------
    OSError
        It cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(Path(path), archive)
            return hashlib.sha256(member(archive, DIGESTS)).hexdigest()
    except OSError:
        raise
    except Exception:  # the readers of damaged files raise every kind
        return ""


def _keep_older(path: Path) -> None:
    """Copy a file of an older version beside itself, before it is written over; never over another copy."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_members(path, archive)
            version = json.loads(member(archive, FACTS))["loopscope"]
    except Exception:  # nothing is there, or no project
        return
    if not isinstance(version, int) or version >= VERSION:
        return
    for n in count(1):
        kept = path.with_name(f"{path.stem}.version-{version}{f'-{n}' if n > 1 else ''}{SUFFIX}")
        with suppress(FileExistsError), open(kept, "xb") as new, open(path, "rb") as old:
            shutil.copyfileobj(old, new)
            return


def load(path: str | Path) -> Saved:
    """Read a project.

    Raises
    ------
    ProjectError
        The file is not there, no project, damaged, or of a newer version; the message says which.
    """
    path = Path(path)
    try:
        return unpack(path, read_bytes(path))
    except ImportFileError as error:
        raise error if isinstance(error, ProjectError) else ProjectError(path, error.what) from None


def facts(path: str | Path) -> Mapping[str, Any]:
    """Read a project's facts alone: in a moment, however many numbers it holds.

    Raises
    ------
    ProjectError
        They cannot be read, or are of another version; the message says why.
    """
    path = Path(path)
    with _told(path):
        with zipfile.ZipFile(path) as archive:
            check_members(path, archive)
            text, digests = member(archive, FACTS), json.loads(member(archive, DIGESTS))
        if hashlib.sha256(text).hexdigest() != digests[FACTS]:
            raise ProjectError(path, f"is damaged: its {FACTS} is not what was saved")
        stored = json.loads(text)
        if stored["loopscope"] != VERSION:
            raise ProjectError(path, f"is of version {stored['loopscope']!r}, not {VERSION}")
        found: Mapping[str, Any] = stored["facts"]
    return found


def unpack(path: Path, data: bytes) -> Saved:
    """Read a project's bytes; errors as those of :func:`load`, which name the path."""
    with _told(path):
        return _unpacked(path, data)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a file's content, as a ProjectError."""
    try:
        yield
    except ProjectError:
        raise
    except ImportFileError as error:
        raise ProjectError(path, error.what) from None
    except SpecError as error:
        raise ProjectError(path, f"holds a network that cannot be: {error}") from None
    except Exception as error:  # the readers of damaged files raise every kind
        raise ProjectError(path, f"is damaged or no project: {reason(error)}") from None


def _unpacked(path: Path, data: bytes) -> Saved:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise ProjectError(path, "is no project file")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        check_members(path, archive)
        names = archive.namelist()
        if sorted(names) != sorted((FACTS, ARRAYS, DIGESTS)):
            raise ProjectError(path, f"is no project file: it holds {', '.join(names[:5]) or 'nothing'}")
        members = {name: unpacked(archive, name) for name in names}
    digests = json.loads(bytes(members[DIGESTS]))
    for name in (FACTS, ARRAYS):
        if hashlib.sha256(members[name]).hexdigest() != digests.get(name):
            raise ProjectError(path, f"is damaged: its {name} is not what was saved")
    stored = json.loads(bytes(members[FACTS]))
    stored = migrated(path, stored)
    spec = ModelSpec.from_dict(stored["spec"])
    arrays = tensors.arrays(members[ARRAYS])
    parameters = {n.removeprefix("parameter/"): v for n, v in arrays.items() if n.startswith("parameter/")}
    if spec.num_layers > len(parameters):  # before a list of them is made
        raise ProjectError(path, f"has {spec.num_layers:,} layers and only {len(parameters)} parameters")
    missing = [name for name in layout.shapes(spec) if name not in parameters]
    if missing:
        raise ProjectError(path, f"lacks the parameters {', '.join(missing[:8])}")
    try:
        network = Network(spec, parameters)
    except ValueError as error:
        raise ProjectError(path, str(error)) from None
    others = {n.removeprefix("array/"): v.copy() for n, v in arrays.items() if n.startswith("array/")}
    return Saved(spec, network.parameters, others, stored["facts"], hashlib.sha256(members[DIGESTS]).hexdigest())


#: From each version to the next one: ``MIGRATIONS[1]`` turns version 1's JSON into version 2's.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def migrated(path: Path, stored: dict[str, Any]) -> dict[str, Any]:
    """Bring a project's JSON to this version; the file stays as it is until it is saved."""
    version = stored.get("loopscope") if isinstance(stored, dict) else None
    if not isinstance(version, int) or version < 1:
        raise ProjectError(path, f"says version {version!r}, which is none")
    if version > VERSION:
        raise ProjectError(
            path, f"is of version {version}; this Loopscope reads up to {VERSION}, a newer one is needed"
        )
    while version < VERSION:
        stored = MIGRATIONS[version](stored)
        version += 1
    return stored
