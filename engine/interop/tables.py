"""A table of numbers from a text, in blocks of lines: those of a large one are never all there at once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

#: How many letters are taken apart at a time.
BLOCK = 2**16
#: A number that is written with digits alone.
WHOLE = re.compile(r"(?<![^\s,;])[+-]?[0-9]+(?![^\s,;])")


def parse_table(text: str, numbered: bool = False) -> np.ndarray:
    """Return the numbers of a text, (rows, columns): a row a line, between them commas, semicolons, tabs or spaces.

    Lines that begin with ``#`` are left out. Beside semicolons a comma is a decimal comma. The first line is a
    heading, and left out, where none of its cells is a number, or where an empty one is followed by 0, 1, … n-1, as
    pandas writes an array with its index. Below a heading that begins with an empty cell, a first column 0, 1, … T-1
    is that index, and left out as well.

    Parameters
    ----------
    text : str
    numbered : bool
        Whether 0, 1, … n-1 with no empty cell before it is a heading, too, as pandas writes an array without its index.
        It then is one where n is at least 2 and no number below it is written with digits alone, since pandas writes
        real numbers with a point or an exponent. An array of integers may well begin so, and is taken as it is.

    Raises
    ------
    ValueError
        With the line and the column of what is no number, or the line that is longer or shorter.
    """
    if "\n" not in text:
        text = text.replace("\r", "\n")  # as old Macs ended their lines
    first = list(islice((row.partition("#")[0] for _, block in _blocks(text) for row in _rows(block)), 2))
    if not first:
        raise ValueError("holds no numbers")
    between = next((mark for mark in ("\t", ";", ",") if mark in first[0]), None)
    if between == ";" and "," in text:  # the decimal comma of half of Europe
        text, first = text.replace(",", "."), [row.replace(",", ".") for row in first]
    beside = next(_cells(first[0], between)) in ("", '""')
    counts = all(cell == str(n) for n, cell in enumerate(islice(_cells(first[0], between), beside, None)))
    heading = len(first) > 1 and ((beside and counts) or not any(map(_is_number, _cells(first[0], between))))
    reals = numbered and counts and not heading
    found: list[np.ndarray] = []
    ahead = int(heading)
    for start, block in _blocks(text):
        rows = _rows(block)
        skipped, ahead = ahead, 0 if rows else ahead
        if not (rows := rows[skipped:]):
            continue
        numbers, width = _numbers(rows, between), found[0].shape[1] if found else None
        if numbers is None or width not in (None, numbers.shape[1]):
            raise ValueError(_first_fault(islice(_listed(text, start), skipped, None), between, width))
        reals = reals and not _has_whole(rows[not found :], numbers[not found :])
        found.append(numbers)
    table = found[0] if len(found) == 1 else np.concatenate(found)
    if reals and min(table.shape) > 1:
        return table[1:]
    indexed = heading and beside and table.shape[1] > 1 and np.array_equal(table[:, 0], np.arange(len(table)))
    return table[:, 1:].copy() if indexed else table


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Some lines at a time, and where they begin."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + BLOCK) + 1 or len(text)
        yield start, text[start:end]
        start = end


def _rows(block: str) -> list[str]:
    """The lines that hold something: all of them, mostly."""
    rows = list(filter(str.strip, block.splitlines()))
    return rows if "#" not in block else [row for row in rows if not row.lstrip().startswith("#")]


def _listed(text: str, start: int) -> Iterator[tuple[int, str]]:
    """The same of the block that begins there, with their numbers."""
    before = sum(len(block.splitlines()) for at, block in _blocks(text) if at < start)
    block = next(block for at, block in _blocks(text) if at == start)
    rows = ((n, row.partition("#")[0]) for n, row in enumerate(block.splitlines(), before + 1))
    return ((n, row) for n, row in rows if row.strip())


def _cells(line: str, between: str | None) -> Iterator[str]:
    """The cells of a line one by one, since a line may have millions."""
    if between is None:
        yield from (cell[0] for cell in re.finditer(r"\S+", line))
        return
    start = 0
    while (end := line.find(between, start)) >= 0:
        yield line[start:end].strip()
        start = end + 1
    yield line[start:].strip()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and "_" not in cell  # Python's own 1_000, and the digits of other scripts


def _has_whole(rows: list[str], numbers: np.ndarray) -> bool:
    """Whether a number is written with digits alone."""
    suspects = np.flatnonzero((numbers == np.rint(numbers)).any(axis=1))
    return any(WHOLE.search(rows[index].partition("#")[0]) for index in suspects)


def _numbers(rows: list[str], between: str | None) -> np.ndarray | None:
    """The numbers of some rows; None where there is something else, or less in one of them than in another."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.loadtxt(rows, delimiter=between, ndmin=2)
        except ValueError:
            return None


def _first_fault(rows: Iterable[tuple[int, str]], between: str | None, width: int | None) -> str:
    for n, line in rows:
        columns = 0
        for columns, cell in enumerate(_cells(line, between), 1):
            if not _is_number(cell):
                return f"line {n}, column {columns} is {cell[:40]!r}, which is no number"
        width = columns if width is None else width
        if columns != width:
            return f"line {n} has {columns} columns and the first {width}"
    return "is no table of numbers"
