"""The source documents: their blocks of code by heading, with our names in place of theirs.

They are not part of this repository. Where they are not beside the checkout, what needs them is
skipped; where OFFHOURS_TEST_DOCUMENTS says that they are, it is an error that they are not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
PLACE = "OFFHOURS_TEST_DOCUMENTS"
DOCUMENTS = Path(os.environ.get(PLACE) or ROOT.parent / "shared" / "sources")

if PLACE in os.environ and not DOCUMENTS.is_dir():
    raise FileNotFoundError(f"{PLACE}: the documents are not in {DOCUMENTS}")

# What is changed in an example, and all that is changed: whence it imports, and the names of
# modules in texts (a logger's name, a Celery application).
IMPORTED = {
    "src": "offhours",
    "ai_karen_engine": "offhours",
    "optimization_engine": "offhours.optimize",
    "automation_sandbox": "offhours.sandbox",
}
NAMED = {
    "src.core.celery_worker.celery_app": "offhours.celery.celery_app",
    "'src.core'": "'offhours'",
    "'ai_karen_engine.core.response.scheduler_manager'": "'offhours'",
}


def ours(code: str) -> str:
    """An example with our names in place of the document's."""
    packages = "|".join(IMPORTED)
    code = re.sub(
        rf"^(\s*)from ({packages})(?:\.\w+)* import",
        lambda line: f"{line[1]}from {IMPORTED[line[2]]} import",
        code,
        flags=re.MULTILINE,
    )
    for theirs, here in NAMED.items():
        code = code.replace(theirs, here)
    return code


class Block(NamedTuple):
    """A fenced block of a document, as it stands there."""

    key: str  # its headings; several below one heading are numbered: "Common Issues #2"
    language: str
    line: int
    text: str


Test = Callable[..., Any]


class Document:
    """A document, and which of its blocks the tests of a module run.

    A module that opens one is skipped where there are no documents.
    """

    def __init__(self, name: str) -> None:
        if not DOCUMENTS.is_dir():
            pytest.skip("the documents are not beside this checkout", allow_module_level=True)
        self.name = name
        self.path = DOCUMENTS / name
        self.claimed: list[str] = []

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """All blocks, in order. A key begins with the headings below the title."""
        return _numbered(list(_blocks(self.text)))

    def block(self, key: str) -> Block:
        """The block whose headings end with those given, apart by " / "."""
        found = [one for one in self.blocks if f" / {one.key}".endswith(f" / {key}")]
        assert len(found) == 1, f"{self.name}: {key!r} is {[one.key for one in found] or 'nothing'}"
        return found[0]

    def section(self, heading: str) -> str:
        """The text below a heading, up to the next one of its level."""
        found = re.search(rf"^(#+) {re.escape(heading)}[ \t]*$", self.text, re.MULTILINE)
        assert found, f"{self.name} has no heading {heading!r}"
        level = len(found[1])
        return re.split(rf"^#{{1,{level}}} ", self.text[found.end() :], flags=re.MULTILINE)[0]

    def runs(self, *keys: str) -> Callable[[Test], Test]:
        """Marks a test that runs, or reads, these blocks by the fixture `example`."""

        def mark(test: Test) -> Test:
            self.claimed += keys
            test.document, test.keys = self, keys  # type: ignore[attr-defined]
            return test

        return mark

    def accounts_for(self, elsewhere: Mapping[str, str]) -> None:
        """Each block is run by a test, or listed with the reason why it is not."""
        run = {self.block(key).key for key in self.claimed}
        listed = {self.block(key).key for key in elsewhere}
        assert run | listed == {one.key for one in self.blocks}, "a block is left out"
        assert not run & listed, "a block is run, and listed as not run"
        assert all(elsewhere.values())


def _blocks(text: str) -> list[Block]:
    found: list[Block] = []
    headings: list[tuple[int, str]] = []
    pieces = re.finditer(
        r"^(?:```(?P<language>\w*)\n(?P<code>.*?)^```|(?P<level>#+) (?P<heading>.*?)[ \t]*$)",
        text,
        re.MULTILINE | re.DOTALL,
    )
    for piece in pieces:
        if piece["level"]:
            level = len(piece["level"])
            headings = [one for one in headings if one[0] < level] + [(level, piece["heading"])]
            continue
        key = " / ".join(heading for _, heading in headings[1:])
        line = text.count("\n", 0, piece.start()) + 1
        found.append(Block(key, piece["language"], line, piece["code"]))
    return found


def _numbered(blocks: list[Block]) -> list[Block]:
    keys = [block.key for block in blocks]
    return [
        block
        if keys.count(block.key) == 1
        else block._replace(key=f"{block.key} #{keys[: n + 1].count(block.key)}")
        for n, block in enumerate(blocks)
    ]
