"""A document of headings, tables and pictures, as Markdown or as one HTML file."""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Heading:
    """A heading of a level from 1."""

    level: int
    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Lines in a fixed font."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of texts under a head; columns of numbers, by index, stand at the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """An SVG: its file's stem, what it shows, its bytes."""

    name: str
    title: str
    data: bytes


Block = Heading | Text | Code | Table | Picture
COLOURS = {"background": "#ffffff", "text": "#1b2430", "muted": "#5b6675", "line": "#d9dee5"}


def markdown(blocks: Sequence[Block], folder: str) -> str:
    """Return the document as Markdown, its pictures in a folder beside it."""
    found = []
    for block in blocks:
        if isinstance(block, Heading):
            found.append(f"{'#' * block.level} {_plain(block.text)}")
        elif isinstance(block, Text):
            found.append(_plain(block.text))
        elif isinstance(block, Code):
            found.append(f"```\n{block.text}\n```")
        elif isinstance(block, Picture):
            address = quote(os.fsencode(f"{folder}/{block.name}.svg"))  # a name may hold #, % or a byte of no text
            found.append(f"![{_plain(block.title)}](<{address}>)")
        else:
            ends = ["---:" if i in block.numbers else "---" for i in range(len(block.head))]
            lines = [block.head, tuple(ends), *block.rows]
            found.append("\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines))
    return "\n\n".join(found) + "\n"


def page(blocks: Sequence[Block], title: str, colours: Mapping[str, str] = COLOURS) -> str:
    """Return the document as one HTML file that needs no other."""
    body = "\n".join(_html(block) for block in blocks)
    style = _STYLE
    for name, colour in colours.items():
        style = style.replace(f"${name}", colour)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


_STYLE = """
body { background: $background; color: $text; font: 15px/1.5 Inter, system-ui, sans-serif; max-width: 1000px;
  margin: 40px auto; padding: 0 24px; }
h1 { font-size: 26px; } h2 { font-size: 19px; margin-top: 40px; }
table { border-collapse: collapse; margin: 12px 0; }
th, td { border-bottom: 1px solid $line; padding: 4px 14px 4px 0; text-align: left; vertical-align: top; }
th { color: $muted; font-weight: 600; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 20px 0; } figcaption { color: $muted; margin-bottom: 6px; }
img { max-width: 100%; height: auto; border: 1px solid $line; }
pre { border: 1px solid $line; padding: 12px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
"""


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{html.escape(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Code):
        return f"<pre>{html.escape(block.text)}</pre>"
    if isinstance(block, Picture):
        data, title = base64.b64encode(block.data).decode(), html.escape(block.title)
        image = f'<img alt="{title}" src="data:image/svg+xml;base64,{data}">'
        return f"<figure><figcaption>{title}</figcaption>{image}</figure>"
    head = [_row(block.head, "th", block.numbers)] if any(block.head) else []
    rows = [*head, *(_row(row, "td", block.numbers) for row in block.rows)]
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _row(texts: Sequence[str], tag: str, numbers: Sequence[int]) -> str:
    marks = [' class="n"' if i in numbers else "" for i in range(len(texts))]
    return "<tr>" + "".join(f"<{tag}{m}>{html.escape(t)}</{tag}>" for t, m in zip(texts, marks, strict=True)) + "</tr>"


def _plain(text: str) -> str:
    """A text in which nothing is taken for Markdown's own signs."""
    return re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", text)


def _cell(text: str) -> str:
    return text if set(text) <= {"-", ":"} and text else _plain(text).replace("\n", " ")
