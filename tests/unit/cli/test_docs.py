"""docs/cli.md has every command that there is, each with the line that `--help` has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from offhours.cli.lazy import LazyGroup
from offhours.cli.main import ALIASES, EPILOG, cli

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, str]]:
    """Each command with what it does, in a line."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        line = (
            group.entries[name].short_help
            if isinstance(group, LazyGroup)
            else command.get_short_help_str(limit=200)
        )
        yield f"{before}{name}", line
        if isinstance(command, click.Group) and name != "demo":
            yield from commands(command, f"{before}{name} ")


EVERY = list(commands(cli))


@pytest.mark.parametrize(("name", "line"), EVERY, ids=[name for name, _ in EVERY])
def test_each_command_stands_there_with_its_line(name: str, line: str) -> None:
    assert f"| `{name}` | {line} |" in PAGE


def test_nothing_stands_there_that_is_no_command() -> None:
    told = re.findall(r"^\| `([a-z][a-z -]*)` \| [^|]*\|$", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(name for name, _ in EVERY)


def test_exit_codes_and_aliases_are_those_of_the_program() -> None:
    for code in re.findall(r"\b\d+\b", EPILOG.partition("Exit codes")[2]):
        assert f"| {code} |" in PAGE
    for alias in ALIASES:
        assert f"`{alias}`" in PAGE
