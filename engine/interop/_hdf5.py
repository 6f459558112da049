"""The arrays of an HDF5 file, and the few attributes that say what they are, read by a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from engine.interop.files import ImportFileError, limit, most_plausible

SIGNATURE = b"\x89HDF\r\n\x1a\n"
READER = Path(__file__).with_name("_hdf5_process.py")
#: Seconds after which a file is taken to be damaged, and how many more a gigabyte may take.
PATIENCE, PATIENCE_PER_GB = 20.0, 60.0


@dataclass(frozen=True)
class Tree:
    """What an HDF5 file holds.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        By their paths ("layers/lstm/cell/vars/0").
    attributes : mapping of str to mapping
        By the path of the group ("" for the top), those that are asked for: texts or lists of texts.
    """

    arrays: Mapping[str, np.ndarray]
    attributes: Mapping[str, Mapping[str, Any]]


def read(path: Path, data: bytes, stored: int) -> Tree:
    """Read what a file holds.

    Parameters
    ----------
    path : Path
        For messages.
    data : bytes
    stored : int
        How many bytes the user's file has, of which these may be unpacked.

    Raises
    ------
    ImportFileError
        h5py is not installed, or the file is damaged, points out of itself, or claims more than the memory holds or
        its size makes plausible.
    """
    if importlib.util.find_spec("h5py") is None:
        raise ImportFileError(
            path, "the package h5py is needed to read it and is not installed: make run EXTRAS=keras brings it, "
            "or pip install h5py",
        )  # fmt: skip
    if not data.startswith(SIGNATURE):
        raise ImportFileError(path, "is no HDF5 file")
    command = [sys.executable, "-P", str(READER), str(limit()), str(most_plausible(stored))]
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0), env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
    except OSError as error:
        raise ImportFileError(path, f"the process that reads it could not be started ({error.strerror})") from None
    timer = threading.Timer(PATIENCE + PATIENCE_PER_GB * len(data) / 2**30, give_up)
    timer.start()
    try:
        with process:
            return _answer(path, process, data)
    except EOFError:
        if late.is_set():
            raise ImportFileError(path, "is damaged: the HDF5 library does not come to an end with it") from None
        said = f"is damaged: the HDF5 library failed on it (status {process.returncode})"
        raise ImportFileError(path, said) from None
    finally:
        process.kill()
        timer.cancel()
        timer.join()


def _answer(path: Path, process: subprocess.Popen[bytes], data: bytes) -> Tree:
    """Give the process the file, and take each array straight to where it stays."""
    given, out = process.stdin, process.stdout
    assert given is not None and out is not None
    with suppress(OSError), given:  # where it has ended before, what it answered says why
        given.write(data)
    facts = _said(path, out)
    arrays: dict[str, np.ndarray] = {}
    for where, shape, dtype in facts["arrays"]:
        _said(path, out)
        arrays[where] = np.empty(shape, np.dtype(dtype).newbyteorder("<"))
        whole = arrays[where].reshape(-1).view(np.uint8).data
        if out.readinto(whole) != len(whole):  # type: ignore[attr-defined]
            raise EOFError
    return Tree(arrays, facts["attributes"])


def _said(path: Path, out: IO[bytes]) -> Any:
    """The next thing that the process says."""
    length = int.from_bytes(out.read(8), "little")
    text = out.read(length)
    if not text or len(text) != length:
        raise EOFError
    facts = json.loads(text)
    if "refused" in facts:
        raise ImportFileError(path, facts["refused"])
    return facts
