"""A sequence from a file: a text, or numbers (T, D) as .npy, .npz or a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.interop.files import ImportFileError, limit, read_bytes, read_text, reason
from engine.interop.read import entries, npy_array
from engine.interop.tables import parse_table

TEXTS, TABLES, ARRAYS = (".txt",), (".csv", ".tsv"), (".npy", ".npz")
SUFFIXES = (*TEXTS, *TABLES, *ARRAYS)
#: How many bytes a text and a table may have, and what part of the memory there is for a file: a text's tokens take
#: hundreds of bytes each and their run thousands, a table some ten for each of its own.
MOST_TEXT, TEXT_SHARE = 2 * 2**20, 1000
MOST_TABLE, TABLE_SHARE = 256 * 2**20, 16


def read_sequence(path: str | Path, name: str = "x") -> str | np.ndarray:
    """Read what a network is to be run on.

    Parameters
    ----------
    path : str or Path
        ``.txt`` (UTF-8), ``.csv`` or ``.tsv`` (a row a step; what is a heading or an index is said at
        :func:`~engine.interop.tables.parse_table`), ``.npy`` or ``.npz``.
    name : str
        Which array of an ``.npz`` that holds several.

    Returns
    -------
    str or ndarray
        Of a table or an array float64, of as many axes as the file has: (T, D), and (T,) for one column.

    Raises
    ------
    ImportFileError
        The file is not there, too large, of another kind, or damaged.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise ImportFileError(path, f"is no sequence known here; there are {', '.join(SUFFIXES)}")
    if kind == ".npz":
        return _numbers(path, _of_several(path, name))
    if kind == ".npy":
        return _numbers(path, _npy(path, read_bytes(path)))
    most, share = (MOST_TEXT, TEXT_SHARE) if kind in TEXTS else (MOST_TABLE, TABLE_SHARE)
    text = read_text(path, read_bytes(path, min(most, limit() // share)))
    if kind in TEXTS:
        return text.strip()
    try:
        return parse_table(text, numbered=True)
    except ValueError as error:
        raise ImportFileError(path, str(error)) from None


def _of_several(path: Path, name: str) -> np.ndarray:
    found = entries(path)
    if name not in found and len(found) != 1:
        raise ImportFileError(path, f"holds {', '.join(found) or 'nothing'}; one array is wanted, or one named {name}")
    return found[name if name in found else next(iter(found))].read()


def _npy(path: Path, data: bytes) -> np.ndarray:
    try:
        return npy_array(path, "the array", data)
    except ImportFileError:
        raise
    except Exception as error:  # a damaged header raises many kinds
        raise ImportFileError(path, f"is damaged or no .npy file: {reason(error)}") from None


def _numbers(path: Path, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "biuf":
        raise ImportFileError(path, f"holds values of type {array.dtype}; real numbers are wanted")
    if not array.size:
        raise ImportFileError(path, f"holds no numbers: its shape is {array.shape}")
    return array.astype(np.float64) if array.dtype.kind == "f" else array
