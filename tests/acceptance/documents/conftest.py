"""Runs the examples of the source documents, each in a process as it is after its start."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.acceptance.documents.doubles import Internet
from tests.acceptance.documents.source import Block, Document, ours
from tests.acceptance.documents.surroundings import SURROUNDINGS, Surrounding
from tests.unit.notify.doubles import Authority

from offhours.faces import base, interceptors


@pytest.fixture(autouse=True)
def _own_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty folder and a database of the test's own; what was started is stopped."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("PERFCATCHER_", "LOKI_", "BG_", "CELERY_", "OMNI_DEV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OFFHOURS_DB", str(tmp_path / "process.db"))
    yield
    if interceptors._chain is not None:
        interceptors.get_perfcatcher_interceptor().close()
    for app in list(base._started):
        app.stop()
        if manager := app.attached.get("training"):
            manager.resource_monitor.stop()


class Example:
    """The blocks that a test has said it runs. What they define stays for the next ones."""

    def __init__(self, document: Document, keys: tuple[str, ...]) -> None:
        self._document = document
        self._surroundings = SURROUNDINGS.get(document.name, {})
        self._keys = keys
        self._space: dict[str, Any] = {"__name__": "document_example"}
        self._loop = asyncio.Runner()
        self._prepared: set[str] = set()
        self._ran: set[str] = set()
        self.left = set(keys)

    def text(self, key: str | None = None) -> str:
        """A block as it stands, with our names and what is to be filled in."""
        block = self._block(key)
        return self._filled(block, self._surrounding(block))

    def run(self, key: str | None = None) -> SimpleNamespace:
        """Run a block of Python in its surrounding; all that is defined then."""
        block = self._block(key)
        self._run(block, self._surrounding(block))
        return SimpleNamespace(**self._space)

    def value(self, key: str | None = None) -> Any:
        """What a block shows: one structure, in Python or with the words of JSON."""
        block = self._block(key)
        surrounding = self._surrounding(block)
        self._prepare(block, surrounding)
        self._space |= {"true": True, "false": False}
        return eval(self._filled(block, surrounding).strip(), self._space)

    def surround(self, key: str | None = None) -> SimpleNamespace:
        """What stands before a block runs, if the test is to look at it first."""
        block = self._block(key)
        self._prepare(block, self._surrounding(block))
        return SimpleNamespace(**self._space)

    def wait(self, coroutine: Any) -> Any:
        """Await something on the loop of the examples."""
        return self._loop.run(coroutine)

    def close(self) -> None:
        self._loop.close()

    def _block(self, key: str | None) -> Block:
        if key is None:
            [key] = self._keys
        self.left.discard(key)
        return self._document.block(key)

    def _surrounding(self, block: Block) -> Surrounding:
        found = [
            one for key, one in self._surroundings.items() if self._document.block(key) == block
        ]
        return found[0] if found else Surrounding()

    def _prepare(self, block: Block, surrounding: Surrounding) -> None:
        """Once for each block."""
        if block.key in self._prepared:
            return
        self._prepared.add(block.key)
        for key in surrounding.after:
            earlier = self._document.block(key)
            if earlier.key not in self._ran:
                self._run(earlier, self._surrounding(earlier))
        self._execute(surrounding.before, f"what stands before {block.key}")

    def _run(self, block: Block, surrounding: Surrounding) -> None:
        self._prepare(block, surrounding)
        code = "\n" * block.line + self._filled(block, surrounding)  # faults name its lines
        self._execute(code, self._document.name)
        self._ran.add(block.key)

    def _filled(self, block: Block, surrounding: Surrounding) -> str:
        code = ours(block.text)
        for blank, filled in surrounding.filled.items():
            assert blank in code, f"{block.key} has no {blank!r} to fill in"
            code = code.replace(blank, filled)
        return code

    def _execute(self, code: str, name: str) -> None:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        compiled = compile(code, f"<{name}>", "exec", flags=flags, dont_inherit=True)
        waits = eval(compiled, self._space)
        if inspect.iscoroutine(waits):
            self._loop.run(waits)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def internet(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Internet:
    """Servers of ours in the places of the documents' hosts."""
    return Internet(authority, monkeypatch)


@pytest.fixture
def example(request: pytest.FixtureRequest, _own_process: None) -> Iterator[Example]:
    """The blocks named by `Document.runs`; the test fails when it leaves one out."""
    made = Example(request.function.document, request.function.keys)
    yield made
    made.close()
    assert made.left == set(), f"{request.node.name} has not run {made.left}"
