"""The arrays of an HDF5 file, and the few attributes that say what they are, read by a process of its own."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.interop.files import ImportFileError, limit

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


def read(path: Path, data: bytes) -> Tree:
    """Read what a file holds.

    Parameters
    ----------
    path : Path
        For messages.
    data : bytes

    Raises
    ------
    ImportFileError
        h5py is not installed, or the file is damaged, points out of itself, or claims more than the memory holds.
    """
    if importlib.util.find_spec("h5py") is None:
        raise ImportFileError(
            path, "the package h5py is needed to read it and is not installed: make run EXTRAS=keras brings it, "
            "or pip install h5py",
        )  # fmt: skip
    if not data.startswith(SIGNATURE):
        raise ImportFileError(path, "is no HDF5 file")
    command = [sys.executable, "-P", str(READER), str(limit())]
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, creationflags=hidden,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            timeout=PATIENCE + PATIENCE_PER_GB * len(data) / 2**30,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ImportFileError(path, "is damaged: the HDF5 library does not come to an end with it") from None
    except OSError as error:
        raise ImportFileError(path, f"the process that reads it could not be started ({error.strerror})") from None
    if done.returncode:
        raise ImportFileError(path, f"is damaged: the HDF5 library failed on it (status {done.returncode})")
    return _unpacked(path, done.stdout)


def _unpacked(path: Path, out: bytes) -> Tree:
    start = 8 + int.from_bytes(out[:8], "little")
    facts = json.loads(out[8:start])
    if "refused" in facts:
        raise ImportFileError(path, facts["refused"])
    arrays: dict[str, np.ndarray] = {}
    for where, shape, dtype in facts["arrays"]:
        count = math.prod(shape)
        arrays[where] = np.frombuffer(out, np.dtype(dtype).newbyteorder("<"), count, start).reshape(shape)
        start += arrays[where].nbytes
    return Tree(arrays, facts["attributes"])
