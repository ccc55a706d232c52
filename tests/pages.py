"""The pages of the documentation, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NAV = DOCS / "SUMMARY.md"
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page that people read: of the site, and the README."""
    return [ROOT / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if page != NAV)]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, *languages: str) -> Iterator[tuple[int, str]]:
    """The fenced blocks in one of these languages: the line before each, and its text."""
    for fence in _FENCE.finditer(text):
        if fence[2] in languages:
            yield text.count("\n", 0, fence.start(3)), fence[3]
