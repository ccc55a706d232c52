"""Text for a terminal: made harmless, as JSON, and in columns."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence

# C0 and C1 controls, marks that reorder or hide text, line separators, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
_UNSAFE_BUT_NEWLINE = re.compile(_UNSAFE.pattern.replace("\x00-\x1f", "\x00-\x09\x0b-\x1f"))
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def printable(text: object) -> str:
    r"""One line in which nothing steers the terminal: what could is shown as its escape.

    >>> printable("red\x1b[31m")
    'red\\x1b[31m'
    """
    return _UNSAFE.sub(_escape, str(text))


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay lines."""
    return _UNSAFE_BUT_NEWLINE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    return _SHORT.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def to_json(value: object, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """JSON that can also be looked at: what could steer a terminal is a `\\u` escape in it."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators)
    return _UNSAFE_BUT_NEWLINE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def width(text: str) -> int:
    """How many columns a terminal needs for it."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def cut(text: str, columns: int) -> str:
    """At most so many columns of it, with an ellipsis where something is left out."""
    if width(text) <= columns:
        return text
    while text and width(text) >= columns:
        text = text[:-1]
    return text + "…"


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], columns: int | None = None
) -> list[str]:
    """Lines of aligned columns. With `columns`, the last column is cut to fit into them."""
    cells = [[printable(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(width(row[n]) for row in cells) for n in range(len(headers) - 1)]
    room = None if columns is None else max(8, columns - sum(widths) - 2 * len(widths))
    lines = []
    for row in cells:
        last = row[-1] if room is None else cut(row[-1], room)
        padded = [cell + " " * (w - width(cell)) for cell, w in zip(row, widths, strict=False)]
        lines.append("  ".join([*padded, last]).rstrip())
    return lines
