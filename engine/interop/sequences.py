"""A sequence from a file: a text, or numbers (T, D) as .npy, .npz or a table."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from engine.interop.files import ImportFileError, read_bytes, reason
from engine.interop.read import entries, npy_array

TEXTS, TABLES, ARRAYS = (".txt",), (".csv", ".tsv"), (".npy", ".npz")
SUFFIXES = (*TEXTS, *TABLES, *ARRAYS)


def read_sequence(path: str | Path, name: str = "x") -> str | np.ndarray:
    """Read what a network is to be run on.

    Parameters
    ----------
    path : str or Path
        ``.txt`` (UTF-8), ``.csv`` or ``.tsv`` (a row a step; a heading is left out), ``.npy`` or ``.npz``.
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
    data = read_bytes(path)
    if kind == ".npy":
        return _numbers(path, _npy(path, data))
    text = read_text(path, data)
    if kind in TEXTS:
        return text.strip()
    try:
        return parse_table(text)
    except ValueError as error:
        raise ImportFileError(path, str(error)) from None


def read_text(path: Path, data: bytes) -> str:
    """Return a file's bytes as text; ImportFileError where they are not UTF-8, or hold no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportFileError(
            path, f"is not a text in UTF-8: byte {error.start} is 0x{data[error.start]:02x}"
        ) from None
    if "\0" in text:
        raise ImportFileError(path, f"is not a text: it holds a zero byte at {text.index(chr(0))}")
    if not text.strip():
        raise ImportFileError(path, "holds nothing but spaces")
    return text


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


def parse_table(text: str) -> np.ndarray:
    """Return the numbers of a text, (rows, columns): a row a line, between them commas, semicolons, tabs or spaces.

    A heading is left out, and lines that begin with ``#``. Beside semicolons a comma is a decimal comma.

    Raises
    ------
    ValueError
        With the line and the column of what is no number, or the line that is longer or shorter.
    """
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not lines:
        raise ValueError("holds no numbers")
    between = _separator(lines[0][1])
    if between == ";" and "," in text:  # the decimal comma of half of Europe
        lines = [(n, line.replace(",", ".")) for n, line in lines]
    if len(lines) > 1 and not any(_is_number(cell) for cell in _cells(lines[0][1], between)):
        lines = lines[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.loadtxt([line for _, line in lines], delimiter=between, ndmin=2)
        except ValueError:
            raise ValueError(_first_fault(lines, between)) from None


def _separator(line: str) -> str | None:
    """What stands between the cells; None for spaces."""
    return next((mark for mark in ("\t", ";", ",") if mark in line), None)


def _cells(line: str, between: str | None) -> list[str]:
    return [cell.strip() for cell in line.split(between)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return not re.search("_", cell)  # Python's own 1_000


def _first_fault(lines: list[tuple[int, str]], between: str | None) -> str:
    width = len(_cells(lines[0][1], between))
    for n, line in lines:
        cells = _cells(line, between)
        for column, cell in enumerate(cells, 1):
            if not _is_number(cell):
                return f"line {n}, column {column} is {cell[:40]!r}, which is no number"
        if len(cells) != width:
            return f"line {n} has {len(cells)} columns and the first {width}"
    return "is no table of numbers"
