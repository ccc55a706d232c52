"""How the reference reads docstrings: examples become code, members a list.

Both are plain text in the source. Markdown would take `>>>` for quotes in quotes, and let lines of
`name: meaning` flow together.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_MEMBER = re.compile(r"([a-z_]+(?:, [a-z_]+)*): (?=\S)")


class Prose(griffe.Extension):
    """Makes Markdown of each docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(text: str) -> str:
    """
    >>> print(markdown("Adds.\\n\\nleft: a number\\nright: another,\\n    or none"))
    Adds.
    <BLANKLINE>
    - `left`: a number
    - `right`: another,
        or none
    """
    return "\n\n".join(map(_paragraph, text.split("\n\n")))


def _paragraph(text: str) -> str:
    if text.startswith(">>> "):
        return f"```pycon\n{text}\n```"
    rows = text.split("\n")
    if all(_MEMBER.match(row) or (number and row[:1] == " ") for number, row in enumerate(rows)):
        return "\n".join(_MEMBER.sub(r"- `\1`: ", row, count=1) for row in rows)
    return text
