"""What the documentation shows is true: its Python runs, its commands are those of the program.

The blocks of a page continue each other and share one namespace. `<!-- not run: REASON -->` above a
block says why it must not run; `<!-- before: CODE -->` is what the reader is spared.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from tests.pages import ROOT, blocks, name_of, pages

from offhours import Offhours
from offhours.cli.main import cli

SKILL = ROOT / "src" / "offhours" / "skill" / "SKILL.md"
THEIR_OWN = {
    "docs/integrations.md": "test_integrations_page.py",  # its blocks are parts of programs
    "docs/recorder.md": "test_recorder_page.py",
    "docs/rest.md": "test_api_page.py",
    "docs/testing.md": "test_testing_document.py",  # its blocks are files of a project
}
WITH_PYTHON = [
    page for page in pages()
    if "```python" in page.read_text(encoding="utf-8") and name_of(page) not in THEIR_OWN
]  # fmt: skip
WITH_COMMANDS = [page for page in [*pages(), SKILL] if "offhours " in page.read_text("utf-8")]
_MARK = re.compile(r"<!-- (not run|before):\s+((?:(?!-->).)+?)\s*-->\s*\Z", re.DOTALL)


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a page finds: an empty folder and an empty namespace. What it leaves is cleared away."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OFFHOURS_DB", raising=False)
    made: list[Offhours] = []
    begin = Offhours.__init__

    def begin_and_note(app: Offhours, *args: Any, **options: Any) -> None:
        begin(app, *args, **options)
        made.append(app)

    monkeypatch.setattr(Offhours, "__init__", begin_and_note)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield {"__name__": "page"}
    for app in reversed(made):
        app.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs(
    page: Path,
    space: dict[str, Any],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = page.read_text(encoding="utf-8")
    if "DATABASE_URL" in text:
        monkeypatch.setenv("DATABASE_URL", request.getfixturevalue("postgres"))
    for line, code in blocks(text, "python"):
        above = "".join(text.splitlines(keepends=True)[: line - 1])
        kind, words = (found[1], found[2]) if (found := _MARK.search(above)) else ("", "")
        if kind == "before":
            run(words, f"before {name_of(page)}:{line}", 0, space)
        if kind != "not run":
            run(code, str(page), line, space)


def run(code: str, file: str, line: int, space: dict[str, Any]) -> None:
    """Run a block as `python -m asyncio` would; errors show the line of the page."""
    compiled = compile("\n" * line + code, file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(compiled, space))
    else:
        exec(compiled, space)


@pytest.mark.parametrize("page", THEIR_OWN)
def test_a_page_that_is_run_elsewhere_is_run_whole(page: str) -> None:
    test = (Path(__file__).parent / THEIR_OWN[page]).read_text(encoding="utf-8")
    assert f'"{Path(page).name}"' in test
    assert "```" in test


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_the_commands_of_a_page_are_those_of_the_program(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(click.Command, "invoke", lambda command, context: None)
    text = page.read_text(encoding="utf-8")
    wrong = []
    for words in commands(text):
        error = end_of(words) and capsys.readouterr().err
        if error and "No such file" not in error:  # the reader's files are not here
            wrong.append((shlex.join(words), error))
    for words in mentions(text):
        error = end_of(words) and capsys.readouterr().err
        if error and not re.search("Missing|Usage:|No such file", error):  # it need not be whole
            wrong.append((shlex.join(words), error))
    assert wrong == []


def commands(text: str) -> Iterator[list[str]]:
    """What stands behind each `offhours` in the blocks for a shell."""
    for _, block in blocks(text, "bash", "sh", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words: list[str] | None = None
            for token in [*tokens(line), ";"]:
                if set(token) <= set(";|&()<>"):
                    if words is not None:
                        yield words
                    words = None
                elif words is not None:
                    words.append(token)
                elif Path(token).name == "offhours":
                    words = []


def mentions(text: str) -> Iterator[list[str]]:
    """The commands in the middle of sentences, `FILE.py` and the like in the place of names."""
    for said in re.findall(r"`offhours ([^`]*)`", text):
        if not set(said) & set("…[{"):
            yield tokens(said)


def tokens(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return ["1" if token == "ID" else token for token in lexer]


def end_of(words: list[str]) -> int:
    """The exit code of the program, of which nothing runs but the reading of its command line."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words, prog_name="offhours")
    assert isinstance(ended.value.code, int)
    return ended.value.code
